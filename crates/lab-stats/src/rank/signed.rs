//! The Wilcoxon signed-rank test.

use serde::Serialize;

use super::{ContinuityCorrection, RankMethod, exact};
use crate::dist::{normal_cdf, normal_sf};
use crate::error::{Result, StatsError};
use crate::options::{Alternative, ConfidenceLevel};
use crate::outcome::{Estimate, Interval, TestResult};
use crate::sample;

/// What happens to differences of zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ZeroMethod {
    /// Dropped before ranking (Wilcoxon).
    #[default]
    Wilcox,
    /// Ranked, then dropped (Pratt).
    Pratt,
    /// Ranked, their ranks split between both sides.
    Zsplit,
}

/// Options of [`wilcoxon_signed_rank`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignedRankOptions {
    /// The claim about `a` compared with `b`.
    pub alternative: Alternative,
    /// How the p-value is found.
    pub method: RankMethod,
    /// What happens to differences of zero.
    pub zeros: ZeroMethod,
    /// Whether the normal approximation is continuity-corrected.
    pub continuity: ContinuityCorrection,
}

impl Default for SignedRankOptions {
    fn default() -> Self {
        Self {
            alternative: Alternative::TwoSided,
            method: RankMethod::Auto,
            zeros: ZeroMethod::Wilcox,
            continuity: ContinuityCorrection::Omitted,
        }
    }
}

/// What the signed-rank test found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SignedRankResult {
    /// The test; its statistic is `min(T+, T-)` two-sided and `T+` one-sided, its effect the matched rank-biserial.
    #[serde(flatten)]
    pub test: TestResult,
    /// Sum of the ranks of positive differences.
    pub t_plus: f64,
    /// Sum of the ranks of negative differences.
    pub t_minus: f64,
    /// `(T+ - T-) / (T+ + T-)`.
    pub matched_rank_biserial: f64,
    /// Differences that counted.
    pub n_used: usize,
    /// How the p-value was found: exact or asymptotic.
    pub method_used: RankMethod,
}

impl SignedRankResult {
    /// Two-sided interval of the matched rank-biserial correlation, on Fisher's z scale.
    ///
    /// Standard error `sqrt((2 n^3 + 3 n^2 + n) / 6) / ((n^2 + n) / 2)`, as R's `effectsize::rank_biserial(paired = TRUE)`.
    /// It collapses where all differences point one way, as that one does.
    #[must_use]
    pub fn biserial_interval(&self, level: ConfidenceLevel) -> Interval {
        let n = self.n_used.max(1) as f64;
        let standard_error = ((2.0 * n * n * n + 3.0 * n * n + n) / 6.0).sqrt() / ((n * n + n) / 2.0);
        super::biserial_interval(self.matched_rank_biserial, standard_error, level)
    }
}

/// Wilcoxon's signed-rank test: whether the differences `a - b` are symmetric about zero.
///
/// Assumes independent pairs. Differences are rounded to 9 decimals before ranking, so that rounding error makes no
/// ranks. `Auto` is exact for at most 50 differences without ties and zeros. Follows SciPy's `wilcoxon`; with ties,
/// `Exact` is the distribution over all sign flips of the average ranks.
///
/// # Errors
/// Unequal lengths, no pair, values that are not finite, all differences zero, or more than 1000 differences for `Exact`.
pub fn wilcoxon_signed_rank(a: &[f64], b: &[f64], options: SignedRankOptions) -> Result<SignedRankResult> {
    sample::check_pairs(a, b, 1)?;
    let all: Vec<f64> = a.iter().zip(b).map(|(x, y)| without_dust(x - y)).collect();
    sample::check("a - b", &all, 1)?;
    let zeros = all.iter().filter(|&&difference| difference == 0.0).count();
    if zeros == all.len() {
        return Err(StatsError::undefined(
            "the signed-rank test",
            "all differences are zero to 9 decimals, so none has a sign",
        ));
    }
    let ranked: Vec<f64> = match options.zeros {
        ZeroMethod::Wilcox => all.into_iter().filter(|&difference| difference != 0.0).collect(),
        ZeroMethod::Pratt | ZeroMethod::Zsplit => all,
    };
    let summary = Summary::of(&ranked, options.zeros);
    let is_exact = match options.method {
        RankMethod::Exact => true,
        RankMethod::Asymptotic => false,
        RankMethod::Auto => summary.signed.len() <= 50 && zeros == 0 && !summary.is_tied,
    };
    let p_value = if is_exact {
        let (lower, upper) = summary.exact_tails()?;
        options.alternative.p_value(lower, upper)
    } else {
        summary.asymptotic_p(options)?
    };
    let statistic = match options.alternative {
        Alternative::TwoSided => summary.t_plus.min(summary.t_minus),
        Alternative::Less | Alternative::Greater => summary.t_plus,
    };
    let matched_rank_biserial = (summary.t_plus - summary.t_minus) / (summary.t_plus + summary.t_minus);
    let n_used = match options.zeros {
        ZeroMethod::Zsplit => ranked.len(),
        ZeroMethod::Wilcox | ZeroMethod::Pratt => summary.signed.len(),
    };
    Ok(SignedRankResult {
        test: TestResult::new("Wilcoxon signed-rank test", options.alternative, p_value)
            .statistic(statistic)
            .effect(Estimate::new("matched rank-biserial correlation", matched_rank_biserial))
            .sizes([a.len()]),
        t_plus: summary.t_plus,
        t_minus: summary.t_minus,
        matched_rank_biserial,
        n_used,
        method_used: if is_exact { RankMethod::Exact } else { RankMethod::Asymptotic },
    })
}

/// Rounded to 9 decimals where that is finer than the value itself.
fn without_dust(difference: f64) -> f64 {
    if difference.abs() < 1e6 { (difference * 1e9).round_ties_even() / 1e9 } else { difference }
}

struct Summary {
    t_plus: f64,
    t_minus: f64,
    /// Ranks of the differences that have a sign.
    signed: Vec<f64>,
    /// Rank sum that zeros add to each side.
    zero_share: f64,
    is_tied: bool,
    mean: f64,
    variance: f64,
}

impl Summary {
    fn of(differences: &[f64], zero_method: ZeroMethod) -> Self {
        let sizes: Vec<f64> = differences.iter().map(|difference| difference.abs()).collect();
        let (ranks, ties) = sample::average_ranks(&sizes);
        let sum_where = |keep: fn(f64) -> bool| -> f64 {
            differences.iter().zip(&ranks).filter(|(difference, _)| keep(**difference)).map(|(_, rank)| rank).sum()
        };
        let zero_share =
            if zero_method == ZeroMethod::Zsplit { sum_where(|difference| difference == 0.0) / 2.0 } else { 0.0 };
        let zeros = differences.iter().filter(|&&difference| difference == 0.0).count();
        // Zeros are the smallest sizes, so they are the first group of ties.
        let signed_ties = if zeros > 0 { &ties[1..] } else { &ties[..] };
        let n = differences.len() as f64;
        let zero_count = zeros as f64;
        let (mut mean, mut sixfold) = (n * (n + 1.0) / 4.0, n * (n + 1.0) * (2.0 * n + 1.0));
        if zero_method == ZeroMethod::Pratt {
            mean -= zero_count * (zero_count + 1.0) / 4.0;
            sixfold -= zero_count * (zero_count + 1.0) * (2.0 * zero_count + 1.0);
            sixfold -= sample::tie_term(signed_ties) / 2.0;
        } else {
            sixfold -= sample::tie_term(&ties) / 2.0;
        }
        Self {
            t_plus: sum_where(|difference| difference > 0.0) + zero_share,
            t_minus: sum_where(|difference| difference < 0.0) + zero_share,
            signed: differences
                .iter()
                .zip(&ranks)
                .filter(|(difference, _)| **difference != 0.0)
                .map(|(_, rank)| *rank)
                .collect(),
            zero_share,
            is_tied: signed_ties.iter().any(|&size| size > 1),
            mean,
            variance: sixfold / 24.0,
        }
    }

    fn exact_tails(&self) -> Result<(f64, f64)> {
        let is_whole = self.signed.iter().all(|rank| rank.fract() == 0.0);
        let unit = if is_whole { 1.0 } else { 2.0 };
        let values: Vec<usize> = self.signed.iter().map(|rank| (rank * unit) as usize).collect();
        let counts = exact::sum_of_subset(&values).ok_or_else(|| StatsError::TooLarge {
            procedure: "the exact signed-rank distribution",
            cost: format!("about {:.0e}", (self.signed.len() as f64).powi(3)),
            instead: "ask for `asymptotic`",
        })?;
        Ok(counts.tails(((self.t_plus - self.zero_share) * unit).round() as usize))
    }

    fn asymptotic_p(&self, options: SignedRankOptions) -> Result<f64> {
        if self.variance <= 0.0 {
            return Err(StatsError::undefined("the signed-rank test", "the rank sum does not vary"));
        }
        let sd = self.variance.sqrt();
        let excess = self.t_plus - self.mean;
        let direction = match options.alternative {
            Alternative::Greater => 1.0,
            Alternative::Less => -1.0,
            Alternative::TwoSided if excess == 0.0 => 0.0,
            Alternative::TwoSided => excess.signum(),
        };
        let z = (excess - direction * options.continuity.shift()) / sd;
        Ok(match options.alternative {
            Alternative::TwoSided => 2.0 * normal_sf(z.abs()),
            Alternative::Less => normal_cdf(z),
            Alternative::Greater => normal_sf(z),
        })
    }
}
