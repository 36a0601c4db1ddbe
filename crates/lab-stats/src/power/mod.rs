//! Power: how likely a difference is to be found, how many values that takes, and how small a difference can be found.
//!
//! t tests use the noncentral t and analysis of variance the noncentral F, not their normal approximations, because
//! experiments with three to ten seeds are where the two part. Sizes are real numbers with their ceiling beside them.

mod anova;
mod normal;
mod t;

pub use anova::{AnovaDesign, anova_detectable_effect, anova_power, anova_sample_size};
pub use normal::{
    EvaluationDesign, ProportionDesign, evaluation_detectable_difference, evaluation_power, evaluation_sample_size,
    proportions_detectable_effect, proportions_power, proportions_sample_size,
};
pub use t::{Samples, TDesign, t_detectable_effect, t_power, t_sample_size};

use serde::Serialize;

use crate::error::{Result, StatsError};
use crate::options::check_probability;

/// A number of values, as solved for and rounded up.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SampleSize {
    /// The real-valued solution.
    pub n: f64,
    /// The next whole number.
    pub ceiling: u64,
}

impl SampleSize {
    fn found(n: f64) -> Result<Self> {
        if n.is_finite() && n < 1e18 {
            Ok(Self { n, ceiling: n.ceil() as u64 })
        } else {
            Err(StatsError::NoSolution { name: "n", hint: "the effect is too small or points the other way" })
        }
    }
}

fn check_goal(power: f64, alpha: f64) -> Result<()> {
    check_probability("alpha", alpha)?;
    check_probability("power", power)?;
    if power <= alpha {
        return Err(StatsError::out_of_range("power", power, "above alpha, which no effect at all reaches"));
    }
    Ok(())
}

fn check_positive(name: &str, value: f64) -> Result<()> {
    if value > 0.0 && value.is_finite() {
        Ok(())
    } else {
        Err(StatsError::out_of_range(name, value, "positive and finite"))
    }
}

fn check_finite(name: &str, value: f64) -> Result<()> {
    if value.is_finite() { Ok(()) } else { Err(StatsError::out_of_range(name, value, "finite")) }
}
