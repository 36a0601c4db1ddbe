//! Rank tests: for outliers, skew and ordinal scores, where means mislead.
//!
//! Ties are what decides the method. Without them small samples get the exact distribution; with them the normal
//! approximation with corrected variance, unless the exact one is asked for, which is then the permutation distribution
//! of the very ranks at hand.

mod exact;
mod friedman;
mod kruskal;
mod shift;
mod signed;
mod sum;

pub use friedman::{FriedmanResult, friedman};
pub use kruskal::{KruskalResult, kruskal_wallis};
pub use shift::{paired_shift, shift};
pub use signed::{SignedRankOptions, SignedRankResult, ZeroMethod, wilcoxon_signed_rank};
pub use sum::{RankSumOptions, RankSumResult, mann_whitney, probability_of_superiority, rank_biserial_interval};

pub(crate) use friedman::{block_ranks, check_blocks};

use serde::Serialize;

use crate::dist::normal_upper_quantile;
use crate::options::{Alternative, ConfidenceLevel};
use crate::outcome::Interval;

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

/// `tanh(atanh(r) +- z se)`.
fn biserial_interval(r: f64, standard_error: f64, level: ConfidenceLevel) -> Interval {
    let half_width = normal_upper_quantile(level.tail(Alternative::TwoSided)) * standard_error;
    let end = |shift: f64| (r.clamp(-1.0, 1.0).atanh() + shift).tanh();
    Interval { low: end(-half_width), high: end(half_width), level }
}
