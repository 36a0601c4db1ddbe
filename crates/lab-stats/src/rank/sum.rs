//! The Wilcoxon rank-sum test, known as Mann-Whitney U.

use serde::Serialize;

use super::{ContinuityCorrection, RankMethod, exact};
use crate::dist::{normal_cdf, normal_sf};
use crate::error::{Result, StatsError};
use crate::options::{Alternative, ConfidenceLevel};
use crate::outcome::{Estimate, Interval, TestResult};
use crate::sample;

/// Options of [`mann_whitney`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RankSumOptions {
    /// The claim about `a` compared with `b`.
    pub alternative: Alternative,
    /// How the p-value is found.
    pub method: RankMethod,
    /// Whether the normal approximation is continuity-corrected.
    pub continuity: ContinuityCorrection,
}

impl Default for RankSumOptions {
    fn default() -> Self {
        Self { alternative: Alternative::TwoSided, method: RankMethod::Auto, continuity: ContinuityCorrection::Applied }
    }
}

/// What the rank-sum test found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RankSumResult {
    /// The test; its statistic is U of `a`, its effect Cliff's delta.
    #[serde(flatten)]
    pub test: TestResult,
    /// Pairs in which a is larger, ties counting half.
    pub u1: f64,
    /// Pairs in which b is larger, ties counting half.
    pub u2: f64,
    /// P(a > b) + P(a = b)/2.
    pub a12: f64,
    /// P(a > b) - P(a < b), which is also the rank-biserial correlation.
    pub cliffs_delta: f64,
    /// How the p-value was found: exact or asymptotic.
    pub method_used: RankMethod,
}

/// Mann-Whitney's U test: whether values of one sample tend to be larger than those of another.
///
/// Assumes independent values; compares distributions, and medians only where both have the same shape. `Auto` is exact
/// when the smaller sample has at most eight values and nothing ties. Follows SciPy's `mannwhitneyu`; with ties, `Exact`
/// is the permutation distribution of the average ranks, as in R's coin.
///
/// # Errors
/// An empty sample, values that are not finite, all values equal (asymptotic), or an exact distribution that is too large.
pub fn mann_whitney(a: &[f64], b: &[f64], options: RankSumOptions) -> Result<RankSumResult> {
    sample::check("a", a, 1)?;
    sample::check("b", b, 1)?;
    let (first, second) = (sample::sorted(a), sample::sorted(b));
    let comparison = Comparison::of(&first, &second);
    let (n1, n2) = (a.len() as f64, b.len() as f64);
    let (u1, u2) = (comparison.u1, n1 * n2 - comparison.u1);
    let is_tied = comparison.tie_term > 0.0;
    let mut note = None;
    let tails = match options.method {
        RankMethod::Asymptotic => None,
        RankMethod::Auto if is_tied || a.len().min(b.len()) > 8 => None,
        RankMethod::Auto => {
            let tails = exact::rank_sum(a.len(), b.len()).map(|counts| counts.tails(u1 as usize));
            if tails.is_none() {
                note = Some("the samples are too large for the exact distribution");
            }
            tails
        }
        RankMethod::Exact => Some(exact_tails(&first, &second, u1, is_tied)?),
    };
    let method_used = if tails.is_some() { RankMethod::Exact } else { RankMethod::Asymptotic };
    let (lower, upper) = match tails {
        Some(tails) => tails,
        None => asymptotic_tails(&comparison, n1, n2, options.continuity)?,
    };
    let a12 = u1 / (n1 * n2);
    let cliffs_delta = 2.0 * a12 - 1.0;
    let p_value = options.alternative.p_value(lower, upper);
    let mut test = TestResult::new("Mann-Whitney U test", options.alternative, p_value)
        .statistic(u1)
        .effect(Estimate::new("Cliff's delta", cliffs_delta))
        .sizes([a.len(), b.len()]);
    if let Some(note) = note {
        test = test.note(note);
    }
    Ok(RankSumResult { test, u1, u2, a12, cliffs_delta, method_used })
}

/// Two-sided interval of the rank-biserial correlation (Cliff's delta), on Fisher's z scale.
///
/// Standard error `sqrt((n1 + n2 + 1) / (3 n1 n2))`, as R's `effectsize::rank_biserial`. It collapses where every value of
/// one sample is larger than all of the other, as that one does.
#[must_use]
pub fn rank_biserial_interval(result: &RankSumResult, level: ConfidenceLevel) -> Interval {
    let size = |index: usize| result.test.sizes.get(index).map_or(1.0, |&n| n as f64);
    let (n1, n2) = (size(0), size(1));
    super::biserial_interval(result.cliffs_delta, ((n1 + n2 + 1.0) / (3.0 * n1 * n2)).sqrt(), level)
}

/// P(a > b) + P(a = b)/2 over all pairs (Vargha and Delaney's A); `n log n`. Values must be finite and samples not empty.
pub fn probability_of_superiority(a: &[f64], b: &[f64]) -> f64 {
    Comparison::of(&sample::sorted(a), &sample::sorted(b)).u1 / (a.len() as f64 * b.len() as f64)
}

/// U of the first sample and the tie term of both together.
struct Comparison {
    u1: f64,
    tie_term: f64,
}

impl Comparison {
    /// Of two sorted samples, in one merge.
    fn of(a: &[f64], b: &[f64]) -> Self {
        let (mut i, mut j) = (0, 0);
        let (mut u1, mut tie_term) = (0.0, 0.0);
        while i < a.len() || j < b.len() {
            let value = match (a.get(i), b.get(j)) {
                (Some(&x), Some(&y)) => x.min(y),
                (Some(&x), None) => x,
                (None, Some(&y)) => y,
                (None, None) => break,
            };
            let equal_a = a[i..].iter().take_while(|&&x| x == value).count();
            let equal_b = b[j..].iter().take_while(|&&y| y == value).count();
            u1 += equal_a as f64 * (j as f64 + 0.5 * equal_b as f64);
            let size = (equal_a + equal_b) as f64;
            tie_term += size * size * size - size;
            i += equal_a;
            j += equal_b;
        }
        Self { u1, tie_term }
    }
}

fn exact_tails(a: &[f64], b: &[f64], u1: f64, is_tied: bool) -> Result<(f64, f64)> {
    let too_large = || StatsError::TooLarge {
        procedure: "the exact rank-sum distribution",
        cost: format!("about {:.0e}", (a.len() as f64 * b.len() as f64).powi(2)),
        instead: "ask for `asymptotic`",
    };
    if !is_tied {
        return Ok(exact::rank_sum(a.len(), b.len()).ok_or_else(too_large)?.tails(u1 as usize));
    }
    let pooled = [a, b].concat();
    let (ranks, _) = sample::average_ranks(&pooled);
    let doubled: Vec<usize> = ranks.iter().map(|rank| (2.0 * rank) as usize).collect();
    // The distribution of the smaller sample's sum costs less; the other tail is then the one asked for.
    if a.len() <= b.len() {
        let sum = doubled[..a.len()].iter().sum();
        Ok(exact::sum_of_chosen(&doubled, a.len()).ok_or_else(too_large)?.tails(sum))
    } else {
        let sum = doubled[a.len()..].iter().sum();
        let (lower, upper) = exact::sum_of_chosen(&doubled, b.len()).ok_or_else(too_large)?.tails(sum);
        Ok((upper, lower))
    }
}

fn asymptotic_tails(comparison: &Comparison, n1: f64, n2: f64, continuity: ContinuityCorrection) -> Result<(f64, f64)> {
    let n = n1 + n2;
    let variance = n1 * n2 / 12.0 * ((n + 1.0) - comparison.tie_term / (n * (n - 1.0)));
    if variance <= 0.0 {
        return Err(StatsError::undefined("the rank-sum test", "all values are equal, so ranks do not vary"));
    }
    let (excess, sd) = (comparison.u1 - n1 * n2 / 2.0, variance.sqrt());
    let shift = continuity.shift();
    Ok((normal_cdf((excess + shift) / sd), normal_sf((excess - shift) / sd)))
}
