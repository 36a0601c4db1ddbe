//! Power of one-way analysis of variance.

use super::{SampleSize, check_finite, check_goal, check_positive};
use crate::dist::{f_upper_quantile, increasing_root, noncentral_f};
use crate::error::{Result, StatsError};
use crate::options::check_probability;

/// An analysis of variance to be planned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AnovaDesign {
    /// Number of groups, of equal size.
    pub groups: u32,
    /// Significance level.
    pub alpha: f64,
}

impl AnovaDesign {
    fn check(&self) -> Result<()> {
        check_probability("alpha", self.alpha)?;
        if self.groups < 2 {
            return Err(StatsError::TooFew { name: "groups".to_owned(), needed: 2, got: self.groups as usize });
        }
        Ok(())
    }

    fn check_total(&self, n_total: f64) -> Result<()> {
        check_finite("n_total", n_total)?;
        if n_total > f64::from(self.groups) {
            Ok(())
        } else {
            Err(StatsError::out_of_range("n_total", n_total, "more than the number of groups"))
        }
    }

    fn power(&self, effect: f64, n_total: f64) -> f64 {
        let k = f64::from(self.groups);
        let critical = f_upper_quantile(self.alpha, k - 1.0, n_total - k);
        noncentral_f::sf(critical, k - 1.0, n_total - k, effect * effect * n_total)
    }
}

/// Power for Cohen's f of `effect_size`, with `n_total` values over all groups.
///
/// The noncentrality is `f^2 n_total`. Follows statsmodels' `FTestAnovaPower`.
///
/// # Errors
/// Options out of range, or no more values than groups.
pub fn anova_power(effect_size: f64, n_total: f64, design: AnovaDesign) -> Result<f64> {
    design.check()?;
    check_finite("effect_size", effect_size)?;
    design.check_total(n_total)?;
    Ok(design.power(effect_size, n_total))
}

/// Values needed over all groups to find Cohen's f of `effect_size` with probability `power`.
///
/// # Errors
/// Options out of range, or an effect that is not positive.
pub fn anova_sample_size(effect_size: f64, power: f64, design: AnovaDesign) -> Result<SampleSize> {
    design.check()?;
    check_goal(power, design.alpha)?;
    check_positive("effect_size", effect_size)?;
    let smallest = f64::from(design.groups) + 1.0;
    let excess = |n_total: f64| design.power(effect_size, n_total) - power;
    if excess(smallest) >= 0.0 {
        return SampleSize::found(smallest);
    }
    SampleSize::found(increasing_root(smallest, excess))
}

/// The smallest Cohen's f found with probability `power` by `n_total` values over all groups.
///
/// # Errors
/// Options out of range, or no more values than groups.
pub fn anova_detectable_effect(n_total: f64, power: f64, design: AnovaDesign) -> Result<f64> {
    design.check()?;
    check_goal(power, design.alpha)?;
    design.check_total(n_total)?;
    Ok(increasing_root(0.0, |effect| design.power(effect, n_total) - power))
}
