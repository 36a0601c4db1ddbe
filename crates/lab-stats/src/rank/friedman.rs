//! The Friedman test.

use serde::Serialize;

use crate::dist::chi_squared_tails;
use crate::error::{Result, StatsError};
use crate::options::Alternative;
use crate::outcome::{Estimate, TestResult};
use crate::sample;

/// What the Friedman test found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FriedmanResult {
    /// The test; its effect is Kendall's W.
    #[serde(flatten)]
    pub test: TestResult,
    /// Agreement of the blocks, from 0 to 1: `chi2 / (n (k - 1))`.
    pub kendalls_w: f64,
    /// Mean rank of each treatment; 1 is the smallest value.
    pub mean_ranks: Vec<f64>,
}

/// Friedman's test: whether treatments (columns) differ, measured on the same blocks (rows: data sets, seeds).
///
/// Assumes independent blocks; the chi-squared approximation wants about ten blocks. Corrected for ties. Follows SciPy's
/// `friedmanchisquare`, and allows two treatments, where it is the sign test.
///
/// # Errors
/// Fewer than two rows or columns, rows of different lengths, values that are not finite, or ties in every row.
pub fn friedman<R: AsRef<[f64]>>(blocks: &[R]) -> Result<FriedmanResult> {
    let columns = check_blocks(blocks)?;
    let (mean_ranks, ties) = block_ranks(blocks, columns);
    let (n, k) = (blocks.len() as f64, columns as f64);
    let correction = 1.0 - ties / (k * (k * k - 1.0) * n);
    if correction <= 1e-12 {
        return Err(StatsError::undefined("the Friedman test", "all values within each row are equal"));
    }
    let spread: f64 = mean_ranks.iter().map(|rank| (rank - (k + 1.0) / 2.0).powi(2)).sum();
    let statistic = 12.0 * n / (k * (k + 1.0)) * spread / correction;
    let kendalls_w = statistic / (n * (k - 1.0));
    Ok(FriedmanResult {
        test: TestResult::new("Friedman test", Alternative::TwoSided, chi_squared_tails(statistic, k - 1.0).1)
            .statistic(statistic)
            .df(k - 1.0)
            .effect(Estimate::new("Kendall's W", kendalls_w))
            .sizes([blocks.len()]),
        kendalls_w,
        mean_ranks,
    })
}

/// Refuses what is not a full table; returns its number of columns.
pub(crate) fn check_blocks<R: AsRef<[f64]>>(blocks: &[R]) -> Result<usize> {
    sample::check_groups(blocks, 2, 2)?;
    let columns = blocks[0].as_ref().len();
    if let Some((index, row)) = blocks.iter().enumerate().find(|(_, row)| row.as_ref().len() != columns) {
        return Err(StatsError::UnequalLengths {
            first: "matrix[0]".to_owned(),
            first_len: columns,
            second: format!("matrix[{index}]"),
            second_len: row.as_ref().len(),
        });
    }
    Ok(columns)
}

/// Mean rank of each column within its rows, and the tie term of all rows.
pub(crate) fn block_ranks<R: AsRef<[f64]>>(blocks: &[R], columns: usize) -> (Vec<f64>, f64) {
    let mut mean_ranks = vec![0.0; columns];
    let mut tie_term = 0.0;
    for row in blocks {
        let (ranks, ties) = sample::average_ranks(row.as_ref());
        tie_term += sample::tie_term(&ties);
        for (mean, rank) in mean_ranks.iter_mut().zip(ranks) {
            *mean += rank / blocks.len() as f64;
        }
    }
    (mean_ranks, tie_term)
}
