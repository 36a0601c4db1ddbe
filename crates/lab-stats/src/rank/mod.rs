//! Rank tests: for outliers, skew and ordinal scores, where means mislead.
//!
//! Ties are what decides the method. Without them small samples get the exact distribution; with them the normal
//! approximation with corrected variance, unless the exact one is asked for, which is then the permutation distribution
//! of the very ranks at hand.

mod exact;
mod friedman;
mod kruskal;
mod signed;
mod sum;

pub use friedman::{FriedmanResult, friedman};
pub use kruskal::{KruskalResult, kruskal_wallis};
pub use signed::{SignedRankOptions, SignedRankResult, ZeroMethod, wilcoxon_signed_rank};
pub use sum::{RankSumOptions, RankSumResult, mann_whitney, probability_of_superiority};

pub(crate) use friedman::{block_ranks, check_blocks};

use serde::Serialize;

/// How the p-value of a rank test is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RankMethod {
    /// Exact for small samples without ties, else the normal approximation: SciPy's rule.
    #[default]
    Auto,
    /// From the permutation distribution.
    Exact,
    /// From the normal approximation with tie correction.
    Asymptotic,
}

/// Whether the normal approximation moves half a step towards the mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ContinuityCorrection {
    /// Corrected.
    Applied,
    /// Not corrected.
    Omitted,
}

impl ContinuityCorrection {
    fn shift(self) -> f64 {
        match self {
            Self::Applied => 0.5,
            Self::Omitted => 0.0,
        }
    }
}
