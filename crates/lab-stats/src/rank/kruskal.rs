//! The Kruskal-Wallis test.

use serde::Serialize;

use crate::dist::chi_squared_tails;
use crate::error::{Result, StatsError};
use crate::options::Alternative;
use crate::outcome::{Estimate, TestResult};
use crate::sample;

/// What the Kruskal-Wallis test found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KruskalResult {
    /// The test; its statistic is H, its effect epsilon squared.
    #[serde(flatten)]
    pub test: TestResult,
    /// `H / (N - 1)`.
    pub epsilon_squared: f64,
    /// `(H - k + 1) / (N - k)`; can be below zero. Absent where every group has one value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eta_squared_h: Option<f64>,
}

/// Kruskal and Wallis's H test: whether any of several independent groups tends to have larger values.
///
/// Assumes independent values; the p-value is from chi-squared with k - 1 degrees of freedom, good from about five
/// values a group. H is corrected for ties. Follows SciPy's `kruskal`.
///
/// # Errors
/// Fewer than two groups, an empty group, values that are not finite, or all values equal.
pub fn kruskal_wallis<G: AsRef<[f64]>>(groups: &[G]) -> Result<KruskalResult> {
    sample::check_groups(groups, 2, 1)?;
    let pooled: Vec<f64> = groups.iter().flat_map(|group| group.as_ref().iter().copied()).collect();
    let (ranks, ties) = sample::average_ranks(&pooled);
    let n = pooled.len() as f64;
    let correction = 1.0 - sample::tie_term(&ties) / (n * n * n - n);
    if ties.len() == 1 || correction <= 0.0 {
        return Err(StatsError::undefined("the Kruskal-Wallis test", "all values are equal, so ranks do not vary"));
    }
    let mut start = 0;
    let mut between = 0.0;
    for group in groups {
        let size = group.as_ref().len();
        let mean_rank = ranks[start..start + size].iter().sum::<f64>() / size as f64;
        between += size as f64 * (mean_rank - (n + 1.0) / 2.0).powi(2);
        start += size;
    }
    let h = 12.0 / (n * (n + 1.0)) * between / correction;
    let k = groups.len() as f64;
    let epsilon_squared = h / (n - 1.0);
    Ok(KruskalResult {
        test: TestResult::new("Kruskal-Wallis H test", Alternative::TwoSided, chi_squared_tails(h, k - 1.0).1)
            .statistic(h)
            .df(k - 1.0)
            .effect(Estimate::new("epsilon squared", epsilon_squared))
            .sizes(groups.iter().map(|group| group.as_ref().len())),
        epsilon_squared,
        eta_squared_h: (n > k).then(|| (h - k + 1.0) / (n - k)),
    })
}
