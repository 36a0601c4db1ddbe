//! How far apart two samples are, by the estimates that belong to the rank tests.
//!
//! Hodges and Lehmann's (1963) estimates: the median of all differences between the samples, or of all averages of two
//! differences. Their intervals are the shifts that the test does not reject (Hollander, Wolfe & Chicken 2014, sections 4.3
//! and 3.3), as in R's `wilcox.test(conf.int = TRUE)`. Where the samples are so small that no interval reaches the level
//! there is none, where R answers with the widest there is and a warning.

use super::exact;
use crate::dist::normal_upper_quantile;
use crate::error::{Result, StatsError};
use crate::options::{Alternative, ConfidenceLevel};
use crate::outcome::{Estimate, Interval};
use crate::sample;

/// Most differences that are sorted.
const MAX_DIFFERENCES: usize = 4_000_000;
/// Largest sample whose interval is exact.
const MAX_EXACT: usize = 50;

/// The median of all `a[i] - b[j]`, with its interval.
///
/// Exact for at most 50 values a side without ties, else by the normal approximation with tie correction.
///
/// # Errors
/// An empty sample, values that are not finite, or more than 4 million differences.
pub fn shift(a: &[f64], b: &[f64], alternative: Alternative, level: ConfidenceLevel) -> Result<Estimate> {
    sample::check("a", a, 1)?;
    sample::check("b", b, 1)?;
    check_count(a.len().saturating_mul(b.len()))?;
    let mut differences: Vec<f64> = a.iter().flat_map(|x| b.iter().map(move |y| x - y)).collect();
    differences.sort_unstable_by(f64::total_cmp);
    let pooled = [a, b].concat();
    let (_, ties) = sample::average_ranks(&pooled);
    let tail = level.tail(alternative);
    let is_exact = a.len().max(b.len()) <= MAX_EXACT && sample::tie_term(&ties) == 0.0;
    let counts = if is_exact { exact::rank_sum(a.len(), b.len()) } else { None };
    let excluded = match counts {
        Some(counts) => excluded(&|value| counts.tails(value).0, tail),
        None => {
            let (cells, n) = (differences.len() as f64, pooled.len() as f64);
            let variance = cells / 12.0 * ((n + 1.0) - sample::tie_term(&ties) / (n * (n - 1.0)));
            approximately_excluded(cells / 2.0, variance, tail)
        }
    };
    Ok(estimate("Hodges-Lehmann shift", &differences, excluded, alternative, level))
}

/// The median of all averages of two of the differences `a[i] - b[i]`, each with itself too (Walsh averages), with its
/// interval.
///
/// Exact for at most 50 pairs without ties and zeros, else by the normal approximation.
///
/// # Errors
/// Unequal lengths, no pair, values that are not finite, or more than 4 million averages.
pub fn paired_shift(a: &[f64], b: &[f64], alternative: Alternative, level: ConfidenceLevel) -> Result<Estimate> {
    sample::check_pairs(a, b, 1)?;
    let differences = sample::differences(a, b);
    let n = differences.len();
    check_count(n.saturating_mul(n + 1) / 2)?;
    let mut averages = Vec::with_capacity(n * (n + 1) / 2);
    for (index, x) in differences.iter().enumerate() {
        averages.extend(differences[index..].iter().map(|y| f64::midpoint(*x, *y)));
    }
    averages.sort_unstable_by(f64::total_cmp);
    let sizes: Vec<f64> = differences.iter().map(|difference| difference.abs()).collect();
    let (_, ties) = sample::average_ranks(&sizes);
    let tail = level.tail(alternative);
    let is_exact = n <= MAX_EXACT && sample::tie_term(&ties) == 0.0 && !sizes.contains(&0.0);
    let counts = if is_exact { exact::sum_of_subset(&(1..=n).collect::<Vec<_>>()) } else { None };
    let excluded = match counts {
        Some(counts) => excluded(&|value| counts.tails(value).0, tail),
        None => {
            let size = n as f64;
            let variance = (size * (size + 1.0) * (2.0 * size + 1.0) - sample::tie_term(&ties) / 2.0) / 24.0;
            approximately_excluded(size * (size + 1.0) / 4.0, variance, tail)
        }
    };
    Ok(estimate("Hodges-Lehmann pseudomedian", &averages, excluded, alternative, level))
}

fn check_count(count: usize) -> Result<()> {
    if count <= MAX_DIFFERENCES {
        return Ok(());
    }
    Err(StatsError::TooLarge {
        procedure: "the Hodges-Lehmann estimate",
        cost: format!("{count}"),
        instead: "use a bootstrap interval of the median",
    })
}

/// How many of the sorted values lie outside at each end: the most whose probability is at most `tail`; 0 where even the
/// outermost is more probable.
fn excluded(lower_tail: &dyn Fn(usize) -> f64, tail: f64) -> usize {
    (0..).find(|&value| lower_tail(value) > tail).unwrap_or_default()
}

fn approximately_excluded(mean: f64, variance: f64, tail: f64) -> usize {
    let rank = mean - normal_upper_quantile(tail) * variance.max(0.0).sqrt();
    rank.round().max(0.0) as usize
}

fn estimate(
    name: &'static str,
    sorted: &[f64],
    excluded: usize,
    alternative: Alternative,
    level: ConfidenceLevel,
) -> Estimate {
    let estimate = Estimate::new(name, sample::median_of_sorted(sorted));
    if excluded == 0 || 2 * excluded > sorted.len() {
        return estimate;
    }
    let (low, high) = (sorted[excluded - 1], sorted[sorted.len() - excluded]);
    estimate.interval(Interval {
        low: if alternative == Alternative::Less { f64::NEG_INFINITY } else { low },
        high: if alternative == Alternative::Greater { f64::INFINITY } else { high },
        level,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEVEL: ConfidenceLevel = ConfidenceLevel::NINETY_FIVE;

    #[track_caller]
    fn check(estimate: &Estimate, value: f64, interval: Option<(f64, f64)>) {
        let got = estimate.interval.map(|i| (i.low, i.high));
        let close = |x: f64, y: f64| x == y || (x - y).abs() < 1e-12;
        assert!(close(estimate.value, value), "{estimate:?}");
        match (got, interval) {
            (None, None) => {}
            (Some(got), Some(want)) => assert!(close(got.0, want.0) && close(got.1, want.1), "{got:?}"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    #[expect(clippy::approx_constant, reason = "3.14 is a measurement")]
    fn intervals_are_those_of_the_books() {
        // R's documentation of wilcox.test (Hollander & Wolfe 1973, 69f): permeability constants.
        let x = [0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46];
        let y = [1.15, 0.88, 0.90, 0.74, 1.21];
        check(&shift(&x, &y, Alternative::TwoSided, LEVEL).unwrap(), 0.305, Some((-0.15, 0.76)));
        // Depression scale factors, page 29f: estimate 0.46, 95% interval 0.010 to 0.786.
        let first = [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30];
        let second = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29];
        check(&paired_shift(&first, &second, Alternative::TwoSided, LEVEL).unwrap(), 0.46, Some((0.01, 0.786)));
    }

    #[test]
    fn too_small_samples_have_an_estimate_without_an_interval() {
        let two_sided = shift(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0], Alternative::TwoSided, LEVEL).unwrap();
        check(&two_sided, -3.0, None);
        let one_sided = shift(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0], Alternative::Less, LEVEL).unwrap();
        check(&one_sided, -3.0, Some((f64::NEG_INFINITY, -1.0)));
        check(&paired_shift(&[1.0], &[0.0], Alternative::TwoSided, LEVEL).unwrap(), 1.0, None);
        assert!(shift(&[], &[1.0], Alternative::TwoSided, LEVEL).is_err());
        assert!(shift(&vec![0.5; 3000], &vec![0.5; 3000], Alternative::TwoSided, LEVEL).is_err());
    }
}
