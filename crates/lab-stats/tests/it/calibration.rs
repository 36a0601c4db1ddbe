//! Whether tests keep their level and intervals their coverage.
//!
//! A short version always runs; `LAB_LONG_TESTS=1` takes thirty times as many experiments. Rates must lie within four
//! Monte-Carlo standard deviations of their nominal value; conservative procedures only from above.

use lab_stats::autocorrelation::welch_effective;
use lab_stats::contingency::{Yates, chi_square, mcnemar, paired_proportions};
use lab_stats::equivalence::{Margin, tost_independent, tost_paired};
use lab_stats::evaluation::clustered_mean;
use lab_stats::noise::NoiseFloor;
use lab_stats::rank::{
    RankSumOptions, SignedRankOptions, friedman, kruskal_wallis, mann_whitney, paired_shift, shift,
    wilcoxon_signed_rank,
};
use lab_stats::resample::{
    BootstrapMethod, BootstrapOptions, PermutationMethod, PermutationStatistic, Statistic, bootstrap,
    bootstrap_difference, permutation_paired, permutation_two_sample,
};
use lab_stats::sequential::{alpha_of_look, spent_at};
use lab_stats::{Alternative, ConfidenceLevel, anova, effect, normality, posthoc, proportions, ttest};
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

const LEVEL: ConfidenceLevel = ConfidenceLevel::NINETY_FIVE;
const TWO_SIDED: Alternative = Alternative::TwoSided;

fn experiments() -> u32 {
    if std::env::var_os("LAB_LONG_TESTS").is_some() { 20_000 } else { 600 }
}

struct Source(ChaCha8Rng);

impl Source {
    fn seeded(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    fn uniform(&mut self) -> f64 {
        self.0.random()
    }

    fn normal(&mut self) -> f64 {
        let (radius, angle) = ((-2.0 * (1.0 - self.uniform()).ln()).sqrt(), std::f64::consts::TAU * self.uniform());
        radius * angle.cos()
    }

    fn normals(&mut self, n: usize, mean: f64, sd: f64) -> Vec<f64> {
        (0..n).map(|_| mean + sd * self.normal()).collect()
    }

    fn successes(&mut self, n: u64, rate: f64) -> u64 {
        (0..n).filter(|_| self.uniform() < rate).count() as u64
    }
}

/// How far a rate may lie from nominal, beyond chance.
#[derive(Clone, Copy)]
enum Kind {
    /// Exact under its assumptions.
    Exact,
    /// Discrete: at most nominal.
    AtMost,
    /// An approximation, good to this much.
    Within(f64),
}

/// Share of experiments in which `happens`, against `nominal`.
#[track_caller]
fn check(what: &str, nominal: f64, kind: Kind, happens: impl FnMut(&mut Source) -> bool) {
    check_with(experiments(), what, nominal, kind, happens);
}

/// As [`check`], for experiments that cost milliseconds.
#[track_caller]
fn check_costly(what: &str, nominal: f64, kind: Kind, happens: impl FnMut(&mut Source) -> bool) {
    check_with(experiments() / 5, what, nominal, kind, happens);
}

#[track_caller]
#[expect(clippy::print_stdout, reason = "the rates are what `--nocapture` is asked for")]
fn check_with(total: u32, what: &str, nominal: f64, kind: Kind, mut happens: impl FnMut(&mut Source) -> bool) {
    let mut source = Source::seeded(what.bytes().map(u64::from).sum());
    let rate = f64::from((0..total).map(|_| u32::from(happens(&mut source))).sum::<u32>()) / f64::from(total);
    let chance = 4.0 * (nominal * (1.0 - nominal) / f64::from(total)).sqrt();
    let (below, above) = match kind {
        Kind::Exact => (chance, chance),
        Kind::AtMost => (1.0, chance),
        Kind::Within(slack) => (chance + slack, chance + slack),
    };
    println!("{what}: {rate:.4} (nominal {nominal})");
    assert!(rate >= nominal - below && rate <= nominal + above, "{what}: {rate} against {nominal}");
}

fn rejects<E: std::fmt::Debug>(p_value: Result<f64, E>) -> bool {
    p_value.expect("random data have an answer") <= 0.05
}

#[test]
fn tests_of_means_keep_their_level() {
    for alternative in [TWO_SIDED, Alternative::Less, Alternative::Greater] {
        check(&format!("Student {alternative:?}"), 0.05, Kind::Exact, |source| {
            let (a, b) = (source.normals(5, 1.0, 2.0), source.normals(9, 1.0, 2.0));
            rejects(ttest::student(&a, &b, alternative, LEVEL).map(|test| test.p_value))
        });
    }
    check("Welch, unequal variances", 0.05, Kind::Within(0.004), |source| {
        let (a, b) = (source.normals(8, 0.0, 1.0), source.normals(14, 0.0, 4.0));
        rejects(ttest::welch(&a, &b, TWO_SIDED, LEVEL).map(|test| test.p_value))
    });
    check("paired t", 0.05, Kind::Exact, |source| {
        let (a, b) = (source.normals(6, 0.0, 1.0), source.normals(6, 0.0, 3.0));
        rejects(ttest::paired(&a, &b, TWO_SIDED, LEVEL).map(|test| test.p_value))
    });
    check("analysis of variance", 0.05, Kind::Exact, |source| {
        let groups: Vec<Vec<f64>> = (0..4).map(|group| source.normals(4 + group, 0.0, 1.0)).collect();
        rejects(anova::one_way(&groups).map(|result| result.test.p_value))
    });
    check("Welch's analysis of variance", 0.05, Kind::Within(0.006), |source| {
        let groups: Vec<Vec<f64>> = (1..4).map(|group| source.normals(10, 0.0, f64::from(group))).collect();
        rejects(anova::welch(&groups).map(|test| test.p_value))
    });
    check("Shapiro-Wilk", 0.05, Kind::Within(0.004), |source| {
        rejects(normality::shapiro_wilk(&source.normals(20, 0.0, 1.0)).map(|test| test.p_value))
    });
    check("Brown-Forsythe", 0.05, Kind::Within(0.012), |source| {
        let groups = [source.normals(25, 0.0, 1.0), source.normals(25, 5.0, 1.0)];
        rejects(anova::levene(&groups, anova::Center::Median).map(|test| test.p_value))
    });
}

#[test]
fn rank_and_permutation_tests_keep_their_level() {
    check("Mann-Whitney, exact", 0.05, Kind::AtMost, |source| {
        let (a, b) = (source.normals(7, 0.0, 1.0), source.normals(8, 0.0, 1.0));
        rejects(mann_whitney(&a, &b, RankSumOptions::default()).map(|result| result.test.p_value))
    });
    check("Mann-Whitney, ties", 0.05, Kind::Within(0.01), |source| {
        let mut tied = |n| -> Vec<f64> { source.normals(n, 0.0, 2.0).iter().map(|value| value.round()).collect() };
        let (a, b) = (tied(20), tied(25));
        rejects(mann_whitney(&a, &b, RankSumOptions::default()).map(|result| result.test.p_value))
    });
    check("signed rank", 0.05, Kind::AtMost, |source| {
        let (a, b) = (source.normals(12, 0.0, 1.0), source.normals(12, 0.0, 1.0));
        rejects(wilcoxon_signed_rank(&a, &b, SignedRankOptions::default()).map(|result| result.test.p_value))
    });
    check("Kruskal-Wallis", 0.05, Kind::Within(0.01), |source| {
        let groups: Vec<Vec<f64>> = (0..3).map(|_| source.normals(10, 0.0, 1.0)).collect();
        rejects(kruskal_wallis(&groups).map(|result| result.test.p_value))
    });
    check("Friedman", 0.05, Kind::Within(0.012), |source| {
        let blocks: Vec<Vec<f64>> = (0..15).map(|_| source.normals(4, 0.0, 1.0)).collect();
        rejects(friedman(&blocks).map(|result| result.test.p_value))
    });
    let random = PermutationMethod::Auto { resamples: 400, seed: 5 };
    check_costly("permutation, two samples", 0.05, Kind::Within(0.006), |source| {
        let (a, b) = (source.normals(8, 0.0, 1.0), source.normals(9, 0.0, 1.0));
        let statistic = PermutationStatistic::MeanDifference;
        rejects(permutation_two_sample(&a, &b, statistic, TWO_SIDED, random).map(|test| test.p_value))
    });
    check_costly("permutation, pairs", 0.05, Kind::AtMost, |source| {
        let (a, b) = (source.normals(8, 0.0, 1.0), source.normals(8, 0.0, 1.0));
        let statistic = PermutationStatistic::MeanDifference;
        rejects(permutation_paired(&a, &b, statistic, TWO_SIDED, random).map(|test| test.p_value))
    });
}

#[test]
fn tests_of_counts_keep_their_level() {
    let table = |source: &mut Source| [[20, source.successes(40, 0.2)], [source.successes(40, 0.2), 9]];
    check("McNemar, exact", 0.05, Kind::AtMost, |source| mcnemar(table(source)).p_exact <= 0.05);
    check("McNemar, mid-p", 0.05, Kind::Within(0.02), |source| mcnemar(table(source)).p_midp <= 0.05);
    check("chi-squared", 0.05, Kind::Within(0.01), |source| {
        let (a, b) = (source.successes(80, 0.4), source.successes(90, 0.4));
        rejects(chi_square(&[[a, 80 - a], [b, 90 - b]], Yates::Omitted).map(|result| result.test.p_value))
    });
    let rates = |source: &mut Source| {
        let rate = |successes, trials| proportions::Rate::try_new(successes, trials).expect("fewer than trials");
        (rate(source.successes(80, 0.3), 80), rate(source.successes(90, 0.3), 90))
    };
    check("two proportions", 0.05, Kind::Within(0.01), |source| {
        let (a, b) = rates(source);
        rejects(proportions::two_sample(a, b, TWO_SIDED, LEVEL).map(|result| result.test.p_value))
    });
    check("Fisher", 0.05, Kind::AtMost, |source| {
        let (a, b) = rates(source);
        rejects(proportions::two_sample(a, b, TWO_SIDED, LEVEL).map(|result| result.fisher_p))
    });
    check("Newcombe's interval", 0.95, Kind::Within(0.01), |source| {
        let (a, b) = rates(source);
        proportions::newcombe(a, b, LEVEL).contains(0.0)
    });
    check("Wilson's interval", 0.95, Kind::Within(0.02), |source| {
        let (a, _) = rates(source);
        proportions::interval(a, proportions::ProportionMethod::Wilson, LEVEL).contains(0.3)
    });
}

#[test]
fn intervals_cover() {
    let covers = |estimate: Option<lab_stats::Estimate>, truth: f64| {
        estimate.and_then(|estimate| estimate.interval).is_some_and(|interval| interval.contains(truth))
    };
    check("Welch's interval", 0.95, Kind::Within(0.004), |source| {
        let (a, b) = (source.normals(7, 1.0, 1.0), source.normals(12, 0.4, 3.0));
        covers(ttest::welch(&a, &b, TWO_SIDED, LEVEL).expect("samples vary").estimate, 0.6)
    });
    check("interval of Cohen's d", 0.95, Kind::Exact, |source| {
        let (a, b) = (source.normals(5, 0.8, 1.0), source.normals(6, 0.0, 1.0));
        covers(effect::two_sample(&a, &b, LEVEL).ok().map(|effects| effects.cohen_d), 0.8)
    });
    check("clustered interval", 0.95, Kind::Within(0.02), |source| {
        let clusters: Vec<usize> = (0..200).map(|index| index / 4).collect();
        let shared = source.normals(50, 0.5, 1.0);
        let scores: Vec<f64> = clusters.iter().map(|&cluster| shared[cluster] + 0.5 * source.normal()).collect();
        clustered_mean(&scores, &clusters, LEVEL).expect("clusters vary").interval.contains(0.5)
    });
    check_with(experiments() / 10, "Tukey, any of three", 0.05, Kind::Exact, |source| {
        let groups: Vec<Vec<f64>> = (0..3).map(|_| source.normals(6, 0.0, 1.0)).collect();
        let pairs = posthoc::tukey_hsd(&groups, LEVEL).expect("groups vary");
        pairs.iter().any(|pair| pair.p_value <= 0.05)
    });
}

#[test]
fn differences_are_told_from_noise_at_their_level() {
    let groups = |source: &mut Source| -> Vec<Vec<f64>> { (0..4).map(|_| source.normals(3, 7.0, 2.0)).collect() };
    check("single runs against the noise floor", 0.05, Kind::Exact, |source| {
        let floor = NoiseFloor::pooled(&groups(source)).expect("groups vary");
        let difference = source.normals(2, 7.0, 2.0);
        rejects(floor.p_value(difference[0] - difference[1], 1, 1, TWO_SIDED))
    });
    check("interval of the noise floor", 0.95, Kind::Exact, |source| {
        NoiseFloor::pooled(&groups(source)).expect("groups vary").interval(LEVEL).contains(2.0)
    });
    check("any of thirty looks at the noise", 0.05, Kind::AtMost, |source| {
        // The worst case for the gate: thirty changes that do nothing, each against a fresh baseline and a good floor.
        let repetitions: Vec<Vec<f64>> = (0..10).map(|_| source.normals(5, 0.0, 1.0)).collect();
        let floor = NoiseFloor::pooled(&repetitions).expect("groups vary");
        (1..=30).any(|look| {
            let pair = source.normals(2, 0.0, 1.0);
            let p = floor.p_value(pair[0] - pair[1], 1, 1, TWO_SIDED).expect("the floor is above zero");
            p < alpha_of_look(0.05, look).expect("looks count from 1")
        })
    });
    check("two looks, the early one by the spending function", 0.05, Kind::AtMost, |source| {
        let (mut a, mut b) = (source.normals(10, 0.0, 1.0), source.normals(10, 0.0, 1.0));
        let early = spent_at(0.05, 0.5).expect("half is in");
        let is_early = ttest::student(&a, &b, TWO_SIDED, LEVEL).is_ok_and(|test| test.p_value < early);
        a.extend(source.normals(10, 0.0, 1.0));
        b.extend(source.normals(10, 0.0, 1.0));
        // What the early look has spent is not there any more.
        is_early || ttest::student(&a, &b, TWO_SIDED, LEVEL).is_ok_and(|test| test.p_value < 0.05 - early)
    });
}

#[test]
fn equivalence_is_claimed_no_more_often_than_alpha() {
    let margin = Margin::try_new(-1.0, 1.0).expect("low is below high");
    check("equivalence at the margin, Welch", 0.05, Kind::AtMost, |source| {
        let (a, b) = (source.normals(12, 1.0, 1.0), source.normals(15, 0.0, 1.5));
        rejects(tost_independent(&a, &b, margin, ttest::Variances::Unequal).map(|test| test.p_value))
    });
    check("equivalence at the margin, pairs", 0.05, Kind::AtMost, |source| {
        let (a, b) = (source.normals(30, 1.0, 1.0), source.normals(30, 0.0, 1.0));
        rejects(tost_paired(&a, &b, margin).map(|test| test.p_value))
    });
}

#[test]
fn series_count_for_what_they_are_worth() {
    // By the plain test such series differ in four of ten experiments.
    check("Welch on effective sizes, autocorrelated series", 0.05, Kind::Within(0.04), |source| {
        let mut series = || {
            let mut last = source.normal() / (1.0_f64 - 0.64).sqrt();
            (0..300)
                .map(|_| {
                    last = 0.8 * last + source.normal();
                    last
                })
                .collect::<Vec<f64>>()
        };
        let (a, b) = (series(), series());
        rejects(welch_effective(&a, &b, TWO_SIDED, LEVEL).map(|(test, _)| test.p_value))
    });
}

#[test]
fn shifts_and_rates_are_covered() {
    let covers =
        |estimate: lab_stats::Estimate, truth: f64| estimate.interval.is_some_and(|interval| interval.contains(truth));
    check("Hodges-Lehmann shift, exact", 0.95, Kind::Within(0.02), |source| {
        let (a, b) = (source.normals(8, 1.0, 2.0), source.normals(9, 0.0, 2.0));
        covers(shift(&a, &b, TWO_SIDED, LEVEL).expect("samples are there"), 1.0)
    });
    check("Hodges-Lehmann pseudomedian, exact", 0.95, Kind::Within(0.02), |source| {
        let (a, b) = (source.normals(12, 1.0, 1.0), source.normals(12, 0.0, 2.0));
        covers(paired_shift(&a, &b, TWO_SIDED, LEVEL).expect("pairs are there"), 1.0)
    });
    check("Hodges-Lehmann shift, approximate", 0.95, Kind::Within(0.012), |source| {
        let (a, b) = (source.normals(60, 1.0, 2.0), source.normals(70, 0.0, 2.0));
        covers(shift(&a, &b, TWO_SIDED, LEVEL).expect("samples are there"), 1.0)
    });
    check("difference of paired rates", 0.95, Kind::Within(0.02), |source| {
        let mut table = [[0, 0], [0, 0]];
        for _ in 0..80 {
            let easy = source.uniform();
            let (a, b) = (source.uniform() < 0.3 + 0.5 * easy, source.uniform() < 0.2 + 0.5 * easy);
            table[usize::from(!a)][usize::from(!b)] += 1;
        }
        covers(paired_proportions(table, TWO_SIDED, LEVEL).expect("the table is filled"), 0.1)
    });
    // Of a two-sided interval one side cannot miss zero.
    check("eta squared of nothing", 0.975, Kind::Exact, |source| {
        let groups: Vec<Vec<f64>> = (0..3).map(|_| source.normals(8, 0.0, 1.0)).collect();
        let interval = anova::one_way(&groups).expect("groups vary").eta_squared_interval(LEVEL);
        interval.is_some_and(|interval| interval.low == 0.0)
    });
}

#[test]
fn bootstrap_intervals_cover() {
    for method in [BootstrapMethod::Percentile, BootstrapMethod::Basic, BootstrapMethod::Bca] {
        // Short by a few per cent at n = 40, as theory says: standard errors are too small by sqrt((n - 1) / n).
        check_costly(&format!("bootstrap mean, {method:?}"), 0.95, Kind::Within(0.02), |source| {
            let values = source.normals(40, 3.0, 2.0);
            let options =
                BootstrapOptions { method, resamples: 400, seed: source.0.next_u64(), ..BootstrapOptions::default() };
            let estimate = bootstrap(&values, &options).expect("values vary").estimate;
            estimate.interval.is_some_and(|interval| interval.contains(3.0))
        });
    }
    check_costly("bootstrap difference of interquartile means", 0.95, Kind::Within(0.03), |source| {
        let (a, b) = (source.normals(40, 3.0, 2.0), source.normals(50, 2.0, 1.0));
        let options = BootstrapOptions {
            statistic: Statistic::InterquartileMean,
            resamples: 400,
            seed: source.0.next_u64(),
            ..BootstrapOptions::default()
        };
        let estimate = bootstrap_difference(&a, &b, &options).expect("values vary").estimate;
        estimate.interval.is_some_and(|interval| interval.contains(1.0))
    });
}
