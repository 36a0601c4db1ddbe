//! What answers cost. Bounds are far above what was measured, so that a busy machine does not fail them.

use std::hint::black_box;
use std::time::{Duration, Instant};

use lab_stats::rank::{RankSumOptions, mann_whitney};
use lab_stats::resample::{BootstrapOptions, Statistic, bootstrap_difference};
use lab_stats::{Alternative, ConfidenceLevel, posthoc, ttest};

fn values(n: usize, seed: u64) -> Vec<f64> {
    (0..n as u64).map(|i| ((i * 7919 + seed) % 10_007) as f64 / 10_007.0 + i as f64 * 1e-9).collect()
}

#[track_caller]
#[expect(clippy::print_stdout, reason = "the times are what `--nocapture` is asked for")]
fn within<T>(what: &str, limit: Duration, run: impl FnOnce() -> T) {
    let start = Instant::now();
    black_box(run());
    let took = start.elapsed();
    println!("{what}: {took:.1?}");
    assert!(took < limit, "{what} took {took:?}");
}

/// Measured in a release build on one core: 45 ms for means, 100 ms for interquartile means.
#[test]
fn comparing_ten_metrics_of_two_hundred_runs_is_quick() {
    // Builds without optimisation draw random numbers some two hundred times slower.
    let resamples = if cfg!(debug_assertions) { 500 } else { 10_000 };
    for statistic in [Statistic::Mean, Statistic::InterquartileMean] {
        within(&format!("10 metrics x 200 runs, BCa, {statistic:?}"), Duration::from_secs(20), || {
            for metric in 0..10 {
                let options = BootstrapOptions { statistic, seed: metric, resamples, ..BootstrapOptions::default() };
                let (a, b) = (values(100, metric), values(100, metric + 50));
                black_box(bootstrap_difference(&a, &b, &options)).ok();
            }
        });
    }
    within("100 Welch tests with effect sizes", Duration::from_secs(20), || {
        for metric in 0..100 {
            let (a, b) = (values(100, metric), values(100, metric + 50));
            black_box(ttest::welch(&a, &b, Alternative::TwoSided, ConfidenceLevel::NINETY_FIVE)).ok();
        }
    });
    within("Tukey, 10 groups", Duration::from_secs(20), || {
        let groups: Vec<Vec<f64>> = (0..10).map(|group| values(20, group * 31)).collect();
        posthoc::tukey_hsd(&groups, ConfidenceLevel::NINETY_FIVE)
    });
}

#[test]
fn ten_million_values_are_feasible() {
    if std::env::var_os("LAB_LONG_TESTS").is_none() {
        return;
    }
    let (a, b) = (values(10_000_000, 1), values(10_000_000, 2));
    within("Welch, 2 x 10^7", Duration::from_secs(30), || {
        ttest::welch(&a, &b, Alternative::TwoSided, ConfidenceLevel::NINETY_FIVE)
    });
    within("Mann-Whitney, 2 x 10^7", Duration::from_secs(60), || mann_whitney(&a, &b, RankSumOptions::default()));
}
