//! Power of t tests.

use super::{SampleSize, check_finite, check_goal, check_positive};
use crate::dist::{increasing_root_near, noncentral_t, normal_upper_quantile, t_upper_quantile};
use crate::error::{Result, StatsError};
use crate::options::{Alternative, check_probability};

/// The samples of a t test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Samples {
    /// Two independent ones; the second is `ratio` times as large. The effect is Cohen's d.
    Two {
        /// Size of the second over size of the first.
        ratio: f64,
    },
    /// One, or the differences of pairs. The effect is Cohen's dz.
    Paired,
}

/// A t test to be planned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TDesign {
    /// Its samples.
    pub samples: Samples,
    /// Significance level.
    pub alpha: f64,
    /// The alternative hypothesis.
    pub alternative: Alternative,
}

impl TDesign {
    /// Two independent samples of equal size, two-sided.
    pub fn two_sample(alpha: f64) -> Self {
        Self { samples: Samples::Two { ratio: 1.0 }, alpha, alternative: Alternative::TwoSided }
    }

    /// Pairs, two-sided.
    pub fn paired(alpha: f64) -> Self {
        Self { samples: Samples::Paired, alpha, alternative: Alternative::TwoSided }
    }

    fn check(&self) -> Result<()> {
        check_probability("alpha", self.alpha)?;
        match self.samples {
            Samples::Two { ratio } => check_positive("ratio", ratio),
            Samples::Paired => Ok(()),
        }
    }

    fn df(&self, n: f64) -> f64 {
        match self.samples {
            Samples::Two { ratio } => n * (1.0 + ratio) - 2.0,
            Samples::Paired => n - 1.0,
        }
    }

    /// The n with one degree of freedom, the fewest there can be.
    fn smallest_n(&self) -> f64 {
        match self.samples {
            Samples::Two { ratio } => 3.0 / (1.0 + ratio),
            Samples::Paired => 2.0,
        }
    }

    /// The squared noncentrality for one standard deviation and one value.
    fn share(&self) -> f64 {
        match self.samples {
            Samples::Two { ratio } => ratio / (1.0 + ratio),
            Samples::Paired => 1.0,
        }
    }

    /// About the noncentrality that has this power, by the normal approximation.
    fn reach(&self, power: f64) -> f64 {
        let tail = if self.alternative == Alternative::TwoSided { self.alpha / 2.0 } else { self.alpha };
        normal_upper_quantile(tail) + normal_upper_quantile(1.0 - power)
    }

    fn power(&self, effect: f64, n: f64) -> f64 {
        let df = self.df(n);
        let ncp = effect * (n * self.share()).sqrt();
        match self.alternative {
            Alternative::TwoSided => {
                let critical = t_upper_quantile(self.alpha / 2.0, df);
                noncentral_t::sf(critical, df, ncp) + noncentral_t::cdf(-critical, df, ncp)
            }
            Alternative::Greater => noncentral_t::sf(t_upper_quantile(self.alpha, df), df, ncp),
            Alternative::Less => noncentral_t::cdf(-t_upper_quantile(self.alpha, df), df, ncp),
        }
    }
}

/// Power of a t test for a standardised `effect_size` with `n` values in the first sample (or pairs).
///
/// A two-sided test counts rejections on both sides. Follows statsmodels' `TTestIndPower` and `TTestPower`.
///
/// # Errors
/// Options out of range, or too few values for one degree of freedom.
pub fn t_power(effect_size: f64, n: f64, design: TDesign) -> Result<f64> {
    design.check()?;
    check_finite("effect_size", effect_size)?;
    check_n(n, design)?;
    Ok(design.power(effect_size, n).min(1.0))
}

fn check_n(n: f64, design: TDesign) -> Result<()> {
    if n.is_finite() && design.df(n) >= 1.0 - 1e-9 {
        Ok(())
    } else {
        Err(StatsError::out_of_range("n", n, "finite and enough for one degree of freedom"))
    }
}

/// Values needed in the first sample (or pairs) to find `effect_size` with probability `power`.
///
/// At least as many as give one degree of freedom.
///
/// # Errors
/// Options out of range, or an effect of zero or against the alternative.
pub fn t_sample_size(effect_size: f64, power: f64, design: TDesign) -> Result<SampleSize> {
    design.check()?;
    check_finite("effect_size", effect_size)?;
    check_goal(power, design.alpha)?;
    let is_reachable = match design.alternative {
        Alternative::TwoSided => effect_size != 0.0,
        Alternative::Greater => effect_size > 0.0,
        Alternative::Less => effect_size < 0.0,
    };
    if !is_reachable {
        return Err(StatsError::NoSolution { name: "n", hint: "the effect is zero or points the other way" });
    }
    let smallest = design.smallest_n();
    let excess = |n: f64| design.power(effect_size, n) - power;
    if excess(smallest) >= 0.0 {
        return SampleSize::found(smallest);
    }
    let guess = (design.reach(power) / effect_size).powi(2) / design.share() + 1.0;
    SampleSize::found(increasing_root_near(smallest, guess, excess))
}

/// The smallest standardised effect found with probability `power` by `n` values in the first sample (or pairs).
///
/// Negative for the alternative `Less`.
///
/// # Errors
/// Options out of range, or too few values for one degree of freedom.
pub fn t_detectable_effect(n: f64, power: f64, design: TDesign) -> Result<f64> {
    design.check()?;
    check_goal(power, design.alpha)?;
    check_n(n, design)?;
    let sign = if design.alternative == Alternative::Less { -1.0 } else { 1.0 };
    let guess = design.reach(power) / (n * design.share()).sqrt();
    Ok(sign * increasing_root_near(0.0, guess, |effect| design.power(sign * effect, n) - power))
}
