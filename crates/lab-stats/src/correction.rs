//! Adjusting p-values for how many there are.
//!
//! Adjusted p-values keep the order of the input and never exceed 1. A missing p-value stays missing and is not counted:
//! a test that could not be run asked no question.

use serde::Serialize;

use crate::error::{Result, StatsError};
use crate::options::check_probability;

/// How to adjust.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Correction {
    /// Multiply by the number of tests. Family-wise error, any dependence.
    Bonferroni,
    /// `1 - (1 - p)^m`. Family-wise error, independent tests.
    Sidak,
    /// Step-down Bonferroni. Family-wise error, any dependence, never weaker than Bonferroni.
    Holm,
    /// Step-down Sidak. Family-wise error, independent tests.
    HolmSidak,
    /// Step-up (Simes). Family-wise error, independent or positively dependent tests.
    Hochberg,
    /// Closed Simes test. As Hochberg, a little stronger.
    Hommel,
    /// False discovery rate, independent or positively dependent tests.
    BenjaminiHochberg,
    /// False discovery rate, any dependence.
    BenjaminiYekutieli,
}

/// Adjusts p-values.
///
/// Follows statsmodels' `multipletests` and R's `p.adjust`.
///
/// # Errors
/// A p-value outside [0, 1] or NaN.
pub fn adjust(p_values: &[Option<f64>], correction: Correction) -> Result<Vec<Option<f64>>> {
    for (index, p) in p_values.iter().enumerate() {
        if let Some(p) = p.filter(|p| !(0.0..=1.0).contains(p)) {
            return Err(StatsError::out_of_range(&format!("p_values[{index}]"), p, "between 0 and 1"));
        }
    }
    let mut present: Vec<(usize, f64)> =
        p_values.iter().enumerate().filter_map(|(index, p)| p.map(|p| (index, p))).collect();
    present.sort_by(|left, right| left.1.total_cmp(&right.1));
    let ascending: Vec<f64> = present.iter().map(|&(_, p)| p).collect();
    let mut adjusted = vec![None; p_values.len()];
    for ((index, _), value) in present.iter().zip(adjust_ascending(&ascending, correction)) {
        adjusted[*index] = Some(value.min(1.0));
    }
    Ok(adjusted)
}

/// Holm's adjustment of p-values that are all present.
///
/// # Errors
/// As [`adjust`].
pub fn holm(p_values: &[f64]) -> Result<Vec<f64>> {
    adjust_all(p_values, Correction::Holm)
}

/// Benjamini and Hochberg's adjustment of p-values that are all present.
///
/// # Errors
/// As [`adjust`].
pub fn benjamini_hochberg(p_values: &[f64]) -> Result<Vec<f64>> {
    adjust_all(p_values, Correction::BenjaminiHochberg)
}

/// [`adjust`] for p-values that are all present.
///
/// # Errors
/// As [`adjust`].
pub fn adjust_all(p_values: &[f64], correction: Correction) -> Result<Vec<f64>> {
    let wrapped: Vec<Option<f64>> = p_values.iter().copied().map(Some).collect();
    Ok(adjust(&wrapped, correction)?.into_iter().flatten().collect())
}

/// Which hypotheses are rejected: those with an adjusted p-value of at most `alpha`. Missing ones stay missing.
///
/// # Errors
/// `alpha` outside (0, 1).
pub fn reject(adjusted: &[Option<f64>], alpha: f64) -> Result<Vec<Option<bool>>> {
    check_probability("alpha", alpha)?;
    Ok(adjusted.iter().map(|p| p.map(|p| p <= alpha)).collect())
}

fn adjust_ascending(p: &[f64], correction: Correction) -> Vec<f64> {
    let m = p.len() as f64;
    let left = |rank: usize| m - rank as f64;
    let sidak = |p: f64, count: f64| -(count * (-p).ln_1p()).exp_m1();
    let ranked = p.iter().copied().enumerate();
    match correction {
        Correction::Bonferroni => p.iter().map(|p| p * m).collect(),
        Correction::Sidak => p.iter().map(|&p| sidak(p, m)).collect(),
        Correction::Holm => running_max(ranked.map(|(rank, p)| p * left(rank))),
        Correction::HolmSidak => running_max(ranked.map(|(rank, p)| sidak(p, left(rank)))),
        Correction::Hochberg => running_min(ranked.map(|(rank, p)| p * left(rank)).collect()),
        Correction::Hommel => hommel(p),
        Correction::BenjaminiHochberg => running_min(ranked.map(|(rank, p)| p * m / (rank + 1) as f64).collect()),
        Correction::BenjaminiYekutieli => {
            let harmonic: f64 = (1..=p.len()).map(|rank| 1.0 / rank as f64).sum();
            running_min(ranked.map(|(rank, p)| p * m * harmonic / (rank + 1) as f64).collect())
        }
    }
}

fn running_max(values: impl Iterator<Item = f64>) -> Vec<f64> {
    values
        .scan(0.0_f64, |largest, value| {
            *largest = largest.max(value);
            Some(*largest)
        })
        .collect()
}

fn running_min(mut values: Vec<f64>) -> Vec<f64> {
    let mut smallest = 1.0_f64;
    for value in values.iter_mut().rev() {
        smallest = smallest.min(*value);
        *value = smallest;
    }
    values
}

/// Wright's (1992) algorithm, as in R's `p.adjust`.
fn hommel(p: &[f64]) -> Vec<f64> {
    let n = p.len();
    if n < 2 {
        return p.to_vec();
    }
    let bound = (1..=n).map(|rank| n as f64 * p[rank - 1] / rank as f64).fold(f64::INFINITY, f64::min);
    let mut q = vec![bound; n];
    let mut adjusted = vec![bound; n];
    for m in (2..n).rev() {
        let split = n - m + 1;
        let tail = (2..=m).map(|rank| m as f64 * p[split + rank - 2] / rank as f64).fold(f64::INFINITY, f64::min);
        for index in 0..split {
            q[index] = tail.min(m as f64 * p[index]);
        }
        let last = q[split - 1];
        q[split..].fill(last);
        for (value, candidate) in adjusted.iter_mut().zip(&q) {
            *value = value.max(*candidate);
        }
    }
    adjusted.iter().zip(p).map(|(value, p)| value.max(*p)).collect()
}
