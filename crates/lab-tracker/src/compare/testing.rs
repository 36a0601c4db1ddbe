//! The test of one pair.
//!
//! With pairs a paired test, because what a seed or an example does to both sides then cancels out; else one that does not
//! assume that the groups vary alike. No p-value is made up where none exists.

use lab_stats::autocorrelation::{EffectiveSize, welch_effective};
use lab_stats::contingency::{mcnemar_outcomes, paired_proportions};
use lab_stats::power::{Samples, TDesign, t_detectable_effect};
use lab_stats::proportions::{self, Rate};
use lab_stats::rank::{
    self, RankSumOptions, SignedRankOptions, mann_whitney, rank_biserial_interval, wilcoxon_signed_rank,
};
use lab_stats::resample::{
    BootstrapOptions, BootstrapResult, PermutationMethod, PermutationStatistic, Statistic, bootstrap_difference,
    bootstrap_paired, permutation_paired, permutation_two_sample,
};
use lab_stats::{Alternative, ConfidenceLevel, Result, StatsError, TestResult, ttest};

use super::design::{Design, Pairing};
use super::types::TestChoice;

/// Power that is planned for.
pub(super) const POWER: f64 = 0.8;

const TWO_SIDED: Alternative = Alternative::TwoSided;
/// All relabelings, or a seeded sample of them.
const PERMUTATIONS: PermutationMethod = PermutationMethod::Auto { resamples: 10_000, seed: 0 };

/// What the numbers of a group and of the baseline gave.
#[derive(Debug)]
pub(super) enum Finding {
    /// A test.
    Tested(Box<TestResult>),
    /// The same number everywhere.
    Identical,
    /// A difference, and no variation that it could be set against.
    Constant,
    /// A side has fewer than two numbers.
    TooFew,
    /// A series is worth fewer than two independent values.
    TooDependent,
    /// Numbers that cannot be calculated with.
    Refused(StatsError),
}

impl Finding {
    pub(super) fn p_value(&self) -> Option<f64> {
        match self {
            Self::Tested(test) => Some(test.p_value),
            _ => None,
        }
    }
}

/// Tests the group against the baseline. For series, also how many independent values each side is worth.
pub(super) fn test(
    design: &Design,
    choice: TestChoice,
    level: ConfidenceLevel,
) -> (Finding, Option<[EffectiveSize; 2]>) {
    let (a, b) = design.sides();
    if a.len() < 2 || b.len() < 2 {
        return (Finding::TooFew, None);
    }
    if a.iter().chain(&b).all(|value| *value == a[0]) || (matches!(design, Design::Paired { .. }) && a == b) {
        return (Finding::Identical, None);
    }
    if let Design::Series { .. } = design {
        return match welch_effective(&a, &b, TWO_SIDED, level) {
            Ok((test, sizes)) => (Finding::Tested(Box::new(test)), Some(sizes)),
            Err(StatsError::TooFew { .. }) => (Finding::TooDependent, None),
            Err(StatsError::Undefined { .. }) => (Finding::Constant, None),
            Err(error) => (Finding::Refused(error), None),
        };
    }
    let are_outcomes = a.iter().chain(&b).all(|value| *value == 0.0 || *value == 1.0);
    let result = match (design, choice) {
        (Design::Paired { by: Pairing::Example, .. }, TestChoice::Auto) if are_outcomes => {
            paired_outcomes(&a, &b, level)
        }
        (Design::Unpaired { .. }, TestChoice::Auto) if are_outcomes && a.len() + b.len() > 40 => {
            outcomes(&a, &b, level)
        }
        (Design::Paired { .. }, TestChoice::Auto | TestChoice::T) => ttest::paired(&a, &b, TWO_SIDED, level),
        (_, TestChoice::Auto | TestChoice::T) => ttest::welch(&a, &b, TWO_SIDED, level),
        (Design::Paired { .. }, TestChoice::Rank) => signed_ranks(&a, &b, level),
        (_, TestChoice::Rank) => ranks(&a, &b, level),
        (Design::Paired { .. }, TestChoice::Permutation) => {
            let (statistic, method) = (PermutationStatistic::MeanDifference, PERMUTATIONS);
            let permuted = permutation_paired(&a, &b, statistic, TWO_SIDED, method);
            permuted.and_then(|permuted| Ok(resampled(ttest::paired(&a, &b, TWO_SIDED, level)?, permuted)))
        }
        (_, TestChoice::Permutation) => {
            let (statistic, method) = (PermutationStatistic::MeanDifference, PERMUTATIONS);
            let permuted = permutation_two_sample(&a, &b, statistic, TWO_SIDED, method);
            permuted.and_then(|permuted| Ok(resampled(ttest::welch(&a, &b, TWO_SIDED, level)?, permuted)))
        }
        (design, TestChoice::Bootstrap) => {
            let options = BootstrapOptions { level, ..BootstrapOptions::default() };
            match design {
                Design::Paired { .. } => ttest::paired(&a, &b, TWO_SIDED, level)
                    .and_then(|test| Ok(bootstrapped(test, bootstrap_paired(&a, &b, &options)?))),
                _ => ttest::welch(&a, &b, TWO_SIDED, level)
                    .and_then(|test| Ok(bootstrapped(test, bootstrap_difference(&a, &b, &options)?))),
            }
        }
    };
    let finding = match result {
        Ok(test) => Finding::Tested(Box::new(test)),
        Err(StatsError::Undefined { reason, .. }) if reason.contains("do not vary") || reason.contains("varies") => {
            Finding::Constant
        }
        Err(error) => Finding::Refused(error),
    };
    (finding, None)
}

/// Right or wrong on the same examples.
fn paired_outcomes(a: &[f64], b: &[f64], level: ConfidenceLevel) -> Result<TestResult> {
    let right = |values: &[f64]| values.iter().map(|value| *value == 1.0).collect::<Vec<bool>>();
    let (right_a, right_b) = (right(a), right(b));
    let mut table = [[0, 0], [0, 0]];
    for (first, second) in right_a.iter().zip(&right_b) {
        table[usize::from(!first)][usize::from(!second)] += 1;
    }
    let found = mcnemar_outcomes(&right_a, &right_b)?;
    Ok(TestResult {
        method: "McNemar's test (mid-p)",
        alternative: TWO_SIDED,
        statistic: None,
        df: None,
        df_within: None,
        p_value: found.p_midp,
        estimate: Some(paired_proportions(table, TWO_SIDED, level)?),
        effect: None,
        sizes: vec![a.len()],
        note: None,
    })
}

/// Right or wrong on different examples.
fn outcomes(a: &[f64], b: &[f64], level: ConfidenceLevel) -> Result<TestResult> {
    let rate = |values: &[f64]| {
        let right = values.iter().filter(|value| **value == 1.0).count();
        Rate::try_new(right as u64, values.len() as u64)
    };
    Ok(proportions::two_sample(rate(a)?, rate(b)?, TWO_SIDED, level)?.test)
}

fn signed_ranks(a: &[f64], b: &[f64], level: ConfidenceLevel) -> Result<TestResult> {
    let found = wilcoxon_signed_rank(a, b, SignedRankOptions::default())?;
    let interval = found.biserial_interval(level);
    let effect = found.test.effect.clone().map(|effect| lab_stats::Estimate { interval: Some(interval), ..effect });
    Ok(TestResult { estimate: rank::paired_shift(a, b, TWO_SIDED, level).ok(), effect, ..found.test })
}

fn ranks(a: &[f64], b: &[f64], level: ConfidenceLevel) -> Result<TestResult> {
    let found = mann_whitney(a, b, RankSumOptions::default())?;
    let interval = rank_biserial_interval(&found, level);
    let effect = found.test.effect.clone().map(|effect| lab_stats::Estimate { interval: Some(interval), ..effect });
    Ok(TestResult { estimate: rank::shift(a, b, TWO_SIDED, level).ok(), effect, ..found.test })
}

/// The permutation test has no interval of its own: that of the t test stands beside its p-value.
fn resampled(test: TestResult, permuted: TestResult) -> TestResult {
    TestResult { method: permuted.method, p_value: permuted.p_value, statistic: None, df: None, ..test }
}

fn bootstrapped(test: TestResult, bootstrap: BootstrapResult) -> TestResult {
    TestResult {
        method: "BCa bootstrap",
        p_value: bootstrap.p_value.unwrap_or(test.p_value),
        statistic: None,
        df: None,
        estimate: Some(bootstrap.estimate),
        ..test
    }
}

/// The smallest difference, in the numbers' unit, that these samples would have shown with 80% power.
pub(super) fn detectable(design: &Design, alpha: f64) -> Option<f64> {
    let (a, b) = design.sides();
    let spread = |values: &[f64]| Statistic::StandardDeviation.of(values);
    if a.len() < 2 || b.len() < 2 {
        return None;
    }
    let (n, unit, samples) = match design {
        Design::Paired { pairs, .. } => {
            let differences: Vec<f64> = pairs.iter().map(|(x, y)| x - y).collect();
            (pairs.len(), spread(&differences), Samples::Paired)
        }
        Design::Unpaired { a, b, .. } => {
            let (df_a, df_b) = (a.len() as f64 - 1.0, b.len() as f64 - 1.0);
            let pooled = ((spread(a).powi(2) * df_a + spread(b).powi(2) * df_b) / (df_a + df_b)).sqrt();
            (a.len(), pooled, Samples::Two { ratio: b.len() as f64 / a.len() as f64 })
        }
        Design::Series { .. } => return None,
    };
    let effect = t_detectable_effect(n as f64, POWER, TDesign { samples, alpha, alternative: TWO_SIDED }).ok()?;
    Some(effect * unit).filter(|difference| difference.is_finite() && *difference > 0.0)
}
