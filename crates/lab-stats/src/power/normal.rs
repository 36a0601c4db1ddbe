//! Power by the normal approximation: proportions, and paired evaluations of language models.

use super::{SampleSize, check_finite, check_goal, check_positive};
use crate::dist::{increasing_root, normal_cdf, normal_sf, normal_upper_quantile};
use crate::error::{Result, StatsError};
use crate::options::{Alternative, check_probability};
use crate::proportions::cohen_h;

/// A comparison of two success rates to be planned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProportionDesign {
    /// Trials of the second over trials of the first.
    pub ratio: f64,
    /// Significance level.
    pub alpha: f64,
    /// The alternative; a one-sided test is taken to point the way of the effect.
    pub alternative: Alternative,
}

impl ProportionDesign {
    fn check(&self) -> Result<()> {
        check_probability("alpha", self.alpha)?;
        check_positive("ratio", self.ratio)
    }

    fn power(&self, h: f64, n: f64) -> f64 {
        let shift = h.abs() * (n * self.ratio / (1.0 + self.ratio)).sqrt();
        if self.alternative == Alternative::TwoSided {
            let critical = normal_upper_quantile(self.alpha / 2.0);
            normal_sf(critical - shift) + normal_cdf(-critical - shift)
        } else {
            normal_sf(normal_upper_quantile(self.alpha) - shift)
        }
    }
}

/// Cohen's h of two rates within [0, 1].
fn effect(p1: f64, p2: f64) -> Result<f64> {
    for (name, p) in [("p1", p1), ("p2", p2)] {
        if !(0.0..=1.0).contains(&p) {
            return Err(StatsError::out_of_range(name, p, "between 0 and 1"));
        }
    }
    Ok(cohen_h(p1, p2))
}

/// Power to tell rates `p1` and `p2` apart with `n` trials of the first, by the arcsine effect size.
///
/// Follows statsmodels' `NormalIndPower`.
///
/// # Errors
/// Options or rates out of range.
pub fn proportions_power(p1: f64, p2: f64, n: f64, design: ProportionDesign) -> Result<f64> {
    design.check()?;
    check_positive("n", n)?;
    Ok(design.power(effect(p1, p2)?, n))
}

/// Trials of the first needed to tell rates `p1` and `p2` apart with probability `power`.
///
/// # Errors
/// Options or rates out of range, or equal rates.
pub fn proportions_sample_size(p1: f64, p2: f64, power: f64, design: ProportionDesign) -> Result<SampleSize> {
    design.check()?;
    check_goal(power, design.alpha)?;
    let h = effect(p1, p2)?;
    if h == 0.0 {
        return Err(StatsError::NoSolution { name: "n", hint: "the rates are equal" });
    }
    SampleSize::found(increasing_root(0.0, |n| design.power(h, n) - power))
}

/// The smallest Cohen's h found with probability `power` by `n` trials of the first.
///
/// # Errors
/// Options out of range.
pub fn proportions_detectable_effect(n: f64, power: f64, design: ProportionDesign) -> Result<f64> {
    design.check()?;
    check_goal(power, design.alpha)?;
    check_positive("n", n)?;
    Ok(increasing_root(0.0, |h| design.power(h, n) - power))
}

/// A paired evaluation of two models to be planned (Miller 2024, equations 9 and 10), two-sided.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EvaluationDesign {
    /// Variance over questions of the difference of the models' expected scores.
    pub omega2: f64,
    /// Mean variance of answers to one question, model A.
    pub sigma2_a: f64,
    /// Mean variance of answers to one question, model B.
    pub sigma2_b: f64,
    /// Answers per question, model A.
    pub k_a: f64,
    /// Answers per question, model B.
    pub k_b: f64,
    /// Significance level.
    pub alpha: f64,
}

impl EvaluationDesign {
    fn check(&self) -> Result<f64> {
        check_probability("alpha", self.alpha)?;
        for (name, value) in [("omega2", self.omega2), ("sigma2_a", self.sigma2_a), ("sigma2_b", self.sigma2_b)] {
            if !(value >= 0.0 && value.is_finite()) {
                return Err(StatsError::out_of_range(name, value, "finite and at least 0"));
            }
        }
        check_positive("k_a", self.k_a)?;
        check_positive("k_b", self.k_b)?;
        let variance = self.omega2 + self.sigma2_a / self.k_a + self.sigma2_b / self.k_b;
        check_positive("omega2 + sigma2_a / k_a + sigma2_b / k_b", variance)?;
        Ok(variance)
    }

    fn reach(&self, power: f64) -> Result<f64> {
        check_goal(power, self.alpha)?;
        Ok(normal_upper_quantile(self.alpha / 2.0) + normal_upper_quantile(1.0 - power))
    }
}

/// Questions needed to find a difference of `delta` with probability `power`.
///
/// # Errors
/// Options out of range, or a difference of zero.
pub fn evaluation_sample_size(delta: f64, power: f64, design: EvaluationDesign) -> Result<SampleSize> {
    let variance = design.check()?;
    let reach = design.reach(power)?;
    check_finite("delta", delta)?;
    if delta == 0.0 {
        return Err(StatsError::NoSolution { name: "n", hint: "the difference is zero" });
    }
    SampleSize::found((reach / delta).powi(2) * variance)
}

/// The smallest difference found with probability `power` on `questions` questions.
///
/// # Errors
/// Options out of range.
pub fn evaluation_detectable_difference(questions: f64, power: f64, design: EvaluationDesign) -> Result<f64> {
    let variance = design.check()?;
    check_positive("n_questions", questions)?;
    Ok(design.reach(power)? * (variance / questions).sqrt())
}

/// Probability of finding a difference of `delta` on `questions` questions; the far side is not counted.
///
/// # Errors
/// Options out of range.
pub fn evaluation_power(delta: f64, questions: f64, design: EvaluationDesign) -> Result<f64> {
    let variance = design.check()?;
    check_positive("n_questions", questions)?;
    check_finite("delta", delta)?;
    Ok(normal_sf(normal_upper_quantile(design.alpha / 2.0) - delta.abs() * (questions / variance).sqrt()))
}
