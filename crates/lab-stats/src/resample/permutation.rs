//! Permutation tests.
//!
//! Relabelings are compared with the data by the sum of one group, which orders them as the mean difference does, with a
//! relative tolerance of 1e-12 so that equal sums in another order count as equal.

use super::{Indices, Statistic, check_work};
use crate::error::{Result, StatsError};
use crate::options::Alternative;
use crate::outcome::{Estimate, TestResult};
use crate::sample;

/// Relabelings an exact test visits at most: about half a second for means.
const MAX_RELABELINGS: f64 = 2e8;
/// The same for medians, which cost more each.
const MAX_MEDIAN_RELABELINGS: f64 = 2e6;

/// What is compared between the relabelings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PermutationStatistic {
    /// Difference of means, or mean of the differences.
    #[default]
    MeanDifference,
    /// Difference of medians, or median of the differences.
    MedianDifference,
}

impl PermutationStatistic {
    fn statistic(self) -> Statistic {
        match self {
            Self::MeanDifference => Statistic::Mean,
            Self::MedianDifference => Statistic::Median,
        }
    }

    fn limit(self) -> f64 {
        match self {
            Self::MeanDifference => MAX_RELABELINGS,
            Self::MedianDifference => MAX_MEDIAN_RELABELINGS,
        }
    }
}

/// How the relabelings are visited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PermutationMethod {
    /// All of them.
    Exact,
    /// A random sample of them; p = (1 + k) / (1 + B).
    MonteCarlo {
        /// Number of random relabelings.
        resamples: usize,
        /// Seed of the random stream.
        seed: u64,
    },
    /// All of them where there are at most `resamples`, else a random sample.
    Auto {
        /// Number of random relabelings.
        resamples: usize,
        /// Seed of the random stream.
        seed: u64,
    },
}

impl PermutationMethod {
    /// `None` for exact, else resamples and seed.
    fn resolve(self, relabelings: f64, limit: f64) -> Result<Option<(usize, u64)>> {
        match self {
            Self::MonteCarlo { resamples, seed } => Ok(Some((resamples, seed))),
            Self::Auto { resamples, .. } if relabelings <= (resamples as f64).min(limit) => Ok(None),
            Self::Auto { resamples, seed } => Ok(Some((resamples, seed))),
            Self::Exact if relabelings <= limit => Ok(None),
            Self::Exact => Err(StatsError::TooLarge {
                procedure: "the exact permutation test",
                cost: format!("{relabelings:.0e}"),
                instead: "ask for `monte_carlo`",
            }),
        }
    }
}

/// Counts of relabelings at most, and at least, as large as the data.
struct Tally {
    observed: f64,
    tolerance: f64,
    at_most: u64,
    at_least: u64,
    total: u64,
}

impl Tally {
    fn new(observed: f64, tolerance: f64) -> Self {
        Self { observed, tolerance, at_most: 0, at_least: 0, total: 0 }
    }

    #[inline]
    fn visit(&mut self, value: f64) {
        self.at_most += u64::from(value <= self.observed + self.tolerance);
        self.at_least += u64::from(value >= self.observed - self.tolerance);
        self.total += 1;
    }

    /// The data themselves are one more relabeling when the others are random.
    fn tails(&self, extra: u64) -> (f64, f64) {
        let total = (self.total + extra) as f64;
        ((self.at_most + extra) as f64 / total, (self.at_least + extra) as f64 / total)
    }
}

/// Permutation test of two independent samples: whether group labels can be exchanged.
///
/// Exact visits all `C(n1 + n2, n1)` relabelings, the data among them. Follows SciPy's
/// `permutation_test(permutation_type="independent")`.
///
/// # Errors
/// An empty sample, values that are not finite, too many relabelings for an exact test, or too many draws.
pub fn permutation_two_sample(
    a: &[f64],
    b: &[f64],
    statistic: PermutationStatistic,
    alternative: Alternative,
    method: PermutationMethod,
) -> Result<TestResult> {
    sample::check("a", a, 1)?;
    sample::check("b", b, 1)?;
    let relabelings = crate::dist::special::ln_choose((a.len() + b.len()) as u64, a.len() as u64).exp();
    let random = method.resolve(relabelings, statistic.limit())?;
    let kind = statistic.statistic();
    let difference = kind.of(a) - kind.of(b);
    // The smaller group decides the sum; the other tail is then the one asked for.
    let is_mirrored = a.len() > b.len();
    let (group, rest) = if is_mirrored { (b, a) } else { (a, b) };
    let mut pooled = [group, rest].concat();
    let centre = sample::mean(&pooled);
    pooled.iter_mut().for_each(|value| *value -= centre);
    let largest = pooled.iter().map(|value| value.abs()).fold(0.0, f64::max);
    let size = group.len();
    let mut tally = match statistic {
        PermutationStatistic::MeanDifference => Tally::new(pooled[..size].iter().sum(), 1e-12 * largest * size as f64),
        PermutationStatistic::MedianDifference => {
            Tally::new(kind.of(&pooled[..size]) - kind.of(&pooled[size..]), 1e-12 * largest)
        }
    };
    match (random, statistic) {
        (None, PermutationStatistic::MeanDifference) => visit_sums(&pooled, size, 0.0, &mut tally),
        (None, PermutationStatistic::MedianDifference) => {
            let mut member = vec![false; pooled.len()];
            visit_memberships(&pooled, 0, size, &mut member, &mut |member| {
                tally.visit(median_difference(&pooled, member));
            });
        }
        (Some((resamples, seed)), _) => {
            check_work("the permutation test", pooled.len(), resamples)?;
            let mut indices = Indices::seeded(seed);
            for _ in 0..resamples {
                for position in 0..size {
                    let other = position + indices.one(pooled.len() - position);
                    pooled.swap(position, other);
                }
                tally.visit(match statistic {
                    PermutationStatistic::MeanDifference => pooled[..size].iter().sum(),
                    PermutationStatistic::MedianDifference => kind.of(&pooled[..size]) - kind.of(&pooled[size..]),
                });
            }
        }
    }
    let (lower, upper) = tally.tails(u64::from(random.is_some()));
    let (lower, upper) = if is_mirrored { (upper, lower) } else { (lower, upper) };
    Ok(result(difference, alternative, (lower, upper), random).sizes([a.len(), b.len()]))
}

/// Permutation test of paired data: whether the labels within each pair can be exchanged, by flipping signs of `a - b`.
///
/// Exact visits all `2^n` flips. Follows SciPy's `permutation_test(permutation_type="samples")`.
///
/// # Errors
/// As [`permutation_two_sample`], and unequal lengths.
pub fn permutation_paired(
    a: &[f64],
    b: &[f64],
    statistic: PermutationStatistic,
    alternative: Alternative,
    method: PermutationMethod,
) -> Result<TestResult> {
    sample::check_pairs(a, b, 1)?;
    let mut differences = sample::differences(a, b);
    let random = method.resolve((differences.len() as f64).exp2(), statistic.limit())?;
    let kind = statistic.statistic();
    let estimate = kind.of(&differences);
    let largest = differences.iter().map(|value| value.abs()).fold(0.0, f64::max);
    let mut tally = match statistic {
        PermutationStatistic::MeanDifference => {
            Tally::new(differences.iter().sum(), 1e-12 * largest * differences.len() as f64)
        }
        PermutationStatistic::MedianDifference => Tally::new(estimate, 1e-12 * largest),
    };
    match (random, statistic) {
        (None, PermutationStatistic::MeanDifference) => visit_flips(&differences, 0.0, &mut tally),
        (None, PermutationStatistic::MedianDifference) => {
            for flips in 0..1_u64 << differences.len() {
                let signed: Vec<f64> = differences
                    .iter()
                    .enumerate()
                    .map(|(index, value)| if flips >> index & 1 == 1 { -value } else { *value })
                    .collect();
                tally.visit(kind.of(&signed));
            }
        }
        (Some((resamples, seed)), _) => {
            check_work("the permutation test", differences.len(), resamples)?;
            let mut indices = Indices::seeded(seed);
            for _ in 0..resamples {
                for value in &mut differences {
                    if indices.flip() {
                        *value = -*value;
                    }
                }
                tally.visit(match statistic {
                    PermutationStatistic::MeanDifference => differences.iter().sum(),
                    PermutationStatistic::MedianDifference => kind.of(&differences),
                });
            }
        }
    }
    let tails = tally.tails(u64::from(random.is_some()));
    Ok(result(estimate, alternative, tails, random).sizes([a.len()]))
}

fn result(
    difference: f64,
    alternative: Alternative,
    (lower, upper): (f64, f64),
    random: Option<(usize, u64)>,
) -> TestResult {
    let method = if random.is_some() { "permutation test, random" } else { "permutation test, exact" };
    TestResult::new(method, alternative, alternative.p_value(lower, upper))
        .statistic(difference)
        .estimate(Estimate::new("difference", difference))
}

/// Visits the sum of every choice of `left` values, added to `sum`.
fn visit_sums(values: &[f64], left: usize, sum: f64, tally: &mut Tally) {
    if left == 1 {
        values.iter().for_each(|value| tally.visit(sum + value));
        return;
    }
    for first in 0..=values.len() - left {
        visit_sums(&values[first + 1..], left - 1, sum + values[first], tally);
    }
}

/// Visits the sum of the values under every choice of signs, added to `sum`.
fn visit_flips(values: &[f64], sum: f64, tally: &mut Tally) {
    match values {
        [] => tally.visit(sum),
        [value, rest @ ..] => {
            visit_flips(rest, sum + value, tally);
            visit_flips(rest, sum - value, tally);
        }
    }
}

/// Calls `visit` with every choice of `left` members from position `from` on.
fn visit_memberships(values: &[f64], from: usize, left: usize, member: &mut [bool], visit: &mut impl FnMut(&[bool])) {
    if left == 0 {
        visit(member);
        return;
    }
    for position in from..=values.len() - left {
        member[position] = true;
        visit_memberships(values, position + 1, left - 1, member, visit);
        member[position] = false;
    }
}

fn median_difference(values: &[f64], member: &[bool]) -> f64 {
    let side = |inside: bool| -> Vec<f64> {
        values.iter().zip(member).filter(|(_, is_member)| **is_member == inside).map(|(value, _)| *value).collect()
    };
    Statistic::Median.of(&side(true)) - Statistic::Median.of(&side(false))
}
