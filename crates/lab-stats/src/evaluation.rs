//! Evaluations of language models: scores that come in clusters, in pairs and several per question.
//!
//! After Miller (2024), "Adding error bars to evals". Questions are the unit that is sampled: answers to one question, or
//! questions on one text, are not independent, and treating them so makes intervals too short.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::dist::{normal_sf, normal_upper_quantile};
use crate::error::{Result, StatsError};
use crate::options::{Alternative, ConfidenceLevel};
use crate::outcome::Interval;
use crate::sample::{self, Moments};

/// A mean of clustered scores, with standard errors of increasing care.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClusteredMean {
    /// Scores.
    pub n: usize,
    /// Clusters.
    pub n_clusters: usize,
    /// Mean score.
    pub mean: f64,
    /// As if scores were independent: `sd / sqrt(n)`.
    pub se_clt: f64,
    /// `sqrt(sum of squared cluster sums of residuals) / n`.
    pub se_cluster_cr0: f64,
    /// cr0 times `sqrt(G / (G - 1))`, for few clusters.
    pub se_cluster_cr1: f64,
    /// Equation 4 of Miller (2024) as printed. Absent where its estimate of the variance is negative.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub se_cluster_miller: Option<f64>,
    /// `mean +- z cr0`.
    pub interval: Interval,
}

/// Mean of clustered scores; `clusters[i]` says which cluster `scores[i]` belongs to.
///
/// Assumes independent clusters, about 30 or more for the normal interval. cr0 is statsmodels'
/// `cov_type="cluster"` with `use_correction=False`, on an intercept alone.
///
/// # Errors
/// Unequal lengths, fewer than two scores or clusters, or values that are not finite.
pub fn clustered_mean<C: Ord>(scores: &[f64], clusters: &[C], level: ConfidenceLevel) -> Result<ClusteredMean> {
    sample::check("scores", scores, 2)?;
    if scores.len() != clusters.len() {
        return Err(StatsError::UnequalLengths {
            first: "scores".to_owned(),
            first_len: scores.len(),
            second: "clusters".to_owned(),
            second_len: clusters.len(),
        });
    }
    let moments = Moments::of(scores);
    let mut residual_sums: BTreeMap<&C, f64> = BTreeMap::new();
    for (score, cluster) in scores.iter().zip(clusters) {
        *residual_sums.entry(cluster).or_default() += score - moments.mean;
    }
    let g = residual_sums.len();
    if g < 2 {
        return Err(StatsError::TooFew { name: "clusters".to_owned(), needed: 2, got: g });
    }
    let n = moments.count();
    let cluster_squares: f64 = residual_sums.values().map(|sum| sum * sum).sum();
    let own_squares = sample::squared_deviations(scores);
    let se_clt = moments.standard_error();
    let cr0 = cluster_squares.sqrt() / n;
    let miller_variance = se_clt * se_clt + (cluster_squares - own_squares) / (n * n);
    let half_width = normal_upper_quantile(level.tail(Alternative::TwoSided)) * cr0;
    Ok(ClusteredMean {
        n: scores.len(),
        n_clusters: g,
        mean: moments.mean,
        se_clt,
        se_cluster_cr0: cr0,
        se_cluster_cr1: cr0 * (g as f64 / (g as f64 - 1.0)).sqrt(),
        se_cluster_miller: (miller_variance >= 0.0).then(|| miller_variance.sqrt()),
        interval: Interval::around(moments.mean, half_width, Alternative::TwoSided, level),
    })
}

/// A difference between two models on the same clustered questions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClusteredDifference {
    /// Mean of a - b.
    pub mean_difference: f64,
    /// `sd(a - b) / sqrt(n)`.
    pub se_paired: f64,
    /// Clustered, as [`ClusteredMean::se_cluster_cr0`], on the differences.
    pub se_paired_cluster_cr0: f64,
    /// Clustered, corrected for few clusters.
    pub se_paired_cluster_cr1: f64,
    /// What it would be without pairing.
    pub se_unpaired: f64,
    /// Correlation of the two models' scores; absent where one is constant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation: Option<f64>,
    /// `mean_difference / cr0`.
    pub z: f64,
    /// Normal p-value of z.
    pub p_value: f64,
    /// `mean_difference +- z cr0`; one-sided for a one-sided alternative.
    pub interval: Interval,
}

/// Difference `a - b` between two models on the same questions, questions clustered.
///
/// # Errors
/// As [`clustered_mean`], and where the clustered standard error is zero.
pub fn clustered_paired_difference<C: Ord>(
    a: &[f64],
    b: &[f64],
    clusters: &[C],
    alternative: Alternative,
    level: ConfidenceLevel,
) -> Result<ClusteredDifference> {
    sample::check_pairs(a, b, 2)?;
    let mean = clustered_mean(&sample::differences(a, b), clusters, level)?;
    let largest = a.iter().chain(b).map(|value| value.abs()).fold(0.0, f64::max);
    if mean.se_cluster_cr0 <= 4.0 * f64::EPSILON * largest {
        return Err(StatsError::undefined(
            "a clustered comparison",
            "the differences do not vary between clusters, so there is no standard error",
        ));
    }
    let z = mean.mean / mean.se_cluster_cr0;
    let half_width = normal_upper_quantile(level.tail(alternative)) * mean.se_cluster_cr0;
    Ok(ClusteredDifference {
        mean_difference: mean.mean,
        se_paired: mean.se_clt,
        se_paired_cluster_cr0: mean.se_cluster_cr0,
        se_paired_cluster_cr1: mean.se_cluster_cr1,
        se_unpaired: Moments::of(a).standard_error().hypot(Moments::of(b).standard_error()),
        correlation: sample::pearson(a, b),
        z,
        p_value: alternative.p_value(normal_sf(-z), normal_sf(z)),
        interval: Interval::around(mean.mean, half_width, alternative, level),
    })
}

/// A mean over questions that were each answered several times.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ResampledMean {
    /// Mean over questions of the mean answer.
    pub mean: f64,
    /// Standard error with questions as the unit.
    pub se: f64,
    /// What treating all answers as independent would give: too small.
    pub se_naive: f64,
    /// Mean over questions of the variance of their answers; absent with one answer each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within_variance: Option<f64>,
    /// Variance of the question means.
    pub between_variance: f64,
    /// `mean +- z se`.
    pub interval: Interval,
}

/// Mean over questions (rows) that were answered several times each (columns).
///
/// # Errors
/// Fewer than two questions, a question without answers, rows of different lengths, or values that are not finite.
pub fn resampled_mean<R: AsRef<[f64]>>(answers: &[R], level: ConfidenceLevel) -> Result<ResampledMean> {
    sample::check_groups(answers, 2, 1)?;
    let columns = answers[0].as_ref().len();
    if let Some((index, row)) = answers.iter().enumerate().find(|(_, row)| row.as_ref().len() != columns) {
        return Err(StatsError::UnequalLengths {
            first: "matrix[0]".to_owned(),
            first_len: columns,
            second: format!("matrix[{index}]"),
            second_len: row.as_ref().len(),
        });
    }
    let questions: Vec<Moments> = answers.iter().map(|row| Moments::of(row.as_ref())).collect();
    let means: Vec<f64> = questions.iter().map(|question| question.mean).collect();
    let pooled: Vec<f64> = answers.iter().flat_map(|row| row.as_ref().iter().copied()).collect();
    let between = Moments::of(&means);
    let se = between.standard_error();
    let half_width = normal_upper_quantile(level.tail(Alternative::TwoSided)) * se;
    Ok(ResampledMean {
        mean: between.mean,
        se,
        se_naive: Moments::of(&pooled).standard_error(),
        within_variance: (columns > 1)
            .then(|| questions.iter().map(Moments::variance).sum::<f64>() / questions.len() as f64),
        between_variance: between.variance(),
        interval: Interval::around(between.mean, half_width, Alternative::TwoSided, level),
    })
}

/// pass@k of `n` samples of which `c` are correct, without bias: `1 - C(n-c, k) / C(n, k)` (Chen et al. 2021).
///
/// # Errors
/// Unless `c <= n` and `1 <= k <= n`.
pub fn pass_at_k(n: u64, c: u64, k: u64) -> Result<f64> {
    check_draw(n, c, k)?;
    Ok(1.0 - choose_ratio(n - c, n, k))
}

/// pass^k: the probability that all of k samples are correct, `C(c, k) / C(n, k)`.
///
/// # Errors
/// As [`pass_at_k`].
pub fn pass_hat_k(n: u64, c: u64, k: u64) -> Result<f64> {
    check_draw(n, c, k)?;
    Ok(choose_ratio(c, n, k))
}

fn check_draw(n: u64, c: u64, k: u64) -> Result<()> {
    if c > n {
        return Err(StatsError::out_of_range("c", c, "at most n, the number of samples"));
    }
    if k == 0 || k > n {
        return Err(StatsError::out_of_range("k", k, "between 1 and n, the number of samples"));
    }
    Ok(())
}

/// `C(part, k) / C(n, k)` as a product of at most `min(k, n - part)` factors, which cannot overflow.
fn choose_ratio(part: u64, n: u64, k: u64) -> f64 {
    if k > part {
        return 0.0;
    }
    let missing = n - part;
    if k <= missing {
        (0..k).map(|drawn| (part - drawn) as f64 / (n - drawn) as f64).product()
    } else {
        (0..missing).map(|index| (n - k - index) as f64 / (n - index) as f64).product()
    }
}
