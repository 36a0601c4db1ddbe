//! Effect sizes: how large a difference is, whatever its significance.
//!
//! Variances divide by n - 1. `g` is `d` times the exact correction of Hedges (1981), a ratio of gamma functions; the
//! usual shortcut `1 - 3/(4 df - 1)` is given beside it. Intervals of d invert the noncentral t distribution.

use serde::Serialize;

use crate::dist::special::ln_beta;
use crate::dist::{noncentral_t, normal_upper_quantile};
use crate::error::{Result, StatsError};
use crate::options::{Alternative, ConfidenceLevel};
use crate::outcome::{Estimate, Interval};
use crate::rank;
use crate::sample::{self, Moments};

/// Hedges' small-sample correction `J(df) = Gamma(df/2) / (sqrt(df/2) Gamma((df-1)/2))`.
///
/// `None` below two degrees of freedom, where it does not exist (at 1 the gamma function has a pole).
pub fn hedges_correction(df: f64) -> Option<f64> {
    (df > 1.0).then(|| {
        let half = (df - 1.0) / 2.0;
        (0.5 * std::f64::consts::PI.ln() - ln_beta(half, 0.5) - 0.5 * (df / 2.0).ln()).exp()
    })
}

/// The shortcut `1 - 3/(4 df - 1)` for [`hedges_correction`].
pub fn hedges_correction_approximate(df: f64) -> f64 {
    1.0 - 3.0 / (4.0 * df - 1.0)
}

/// Effect sizes of the difference between two independent samples.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TwoSampleEffects {
    /// Mean difference over the pooled standard deviation; its interval inverts the noncentral t.
    pub cohen_d: Estimate,
    /// The normal approximation to the interval of d (Hedges & Olkin 1985).
    pub cohen_d_normal_interval: Interval,
    /// d with the exact small-sample correction; absent at one degree of freedom.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hedges_g: Option<Estimate>,
    /// d with the approximate correction.
    pub hedges_g_approx: f64,
    /// Mean difference over the standard deviation of `a`; absent where that is zero.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub glass_delta_a: Option<f64>,
    /// Mean difference over the standard deviation of `b`; absent where that is zero.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub glass_delta_b: Option<f64>,
    /// P(a > b) - P(a < b), which is also the rank-biserial correlation.
    pub cliffs_delta: f64,
    /// P(a > b) + P(a = b)/2 (Vargha & Delaney).
    pub a12: f64,
    /// ln(mean a / mean b); only where every value is positive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_ratio_of_means: Option<f64>,
}

/// All effect sizes of `a` against `b`, independent samples.
///
/// Follows pingouin's `compute_effsize` for d and g and inverts SciPy's `nct` for the interval.
///
/// # Errors
/// An empty sample, fewer than three values in all, values that are not finite, or no variation within the samples.
pub fn two_sample(a: &[f64], b: &[f64], level: ConfidenceLevel) -> Result<TwoSampleEffects> {
    let (first, second) = checked_moments(a, b)?;
    let (cohen_d, hedges_g) = standardised(&first, &second, level)?;
    let d = cohen_d.value;
    let n = first.count() + second.count();
    let share = 1.0 / first.count() + 1.0 / second.count();
    let normal_half_width =
        normal_upper_quantile(level.tail(Alternative::TwoSided)) * (share + d * d / (2.0 * n)).sqrt();
    let over = |sd: f64| (sd > 0.0).then_some((first.mean - second.mean) / sd);
    let a12 = rank::probability_of_superiority(a, b);
    let is_positive = a.iter().chain(b).all(|&value| value > 0.0);
    Ok(TwoSampleEffects {
        cohen_d,
        cohen_d_normal_interval: Interval::around(d, normal_half_width, Alternative::TwoSided, level),
        hedges_g,
        hedges_g_approx: d * hedges_correction_approximate(n - 2.0),
        glass_delta_a: over(first.sd),
        glass_delta_b: over(second.sd),
        cliffs_delta: 2.0 * a12 - 1.0,
        a12,
        log_ratio_of_means: is_positive.then(|| (first.mean / second.mean).ln()),
    })
}

/// Hedges' g of `a` against `b` with its interval: Cohen's d without its bias in small samples.
///
/// # Errors
/// As [`two_sample`], and three values in all, where the correction does not exist.
pub fn hedges_g(a: &[f64], b: &[f64], level: ConfidenceLevel) -> Result<Estimate> {
    let (first, second) = checked_moments(a, b)?;
    let (_, g) = standardised(&first, &second, level)?;
    g.ok_or(StatsError::undefined("Hedges' g", "it needs two degrees of freedom"))
}

/// Cohen's d and, where it exists, Hedges' g, with their intervals.
pub(crate) fn standardised(
    first: &Moments,
    second: &Moments,
    level: ConfidenceLevel,
) -> Result<(Estimate, Option<Estimate>)> {
    let sd = pooled_sd(first, second);
    if sd == 0.0 {
        return Err(StatsError::undefined("Cohen's d", "neither sample varies, so there is no standard deviation"));
    }
    let d = (first.mean - second.mean) / sd;
    if !d.is_finite() {
        return Err(StatsError::undefined("Cohen's d", "the values overflow; rescale them"));
    }
    let df = first.count() + second.count() - 2.0;
    let interval = d_interval(d, (1.0 / first.count() + 1.0 / second.count()).sqrt(), df, level);
    let g = hedges_correction(df).map(|j| Estimate::new("Hedges' g", d * j).interval(interval.scaled(j)));
    Ok((Estimate::new("Cohen's d", d).interval(interval), g))
}

fn checked_moments(a: &[f64], b: &[f64]) -> Result<(Moments, Moments)> {
    sample::check("a", a, 1)?;
    sample::check("b", b, 1)?;
    if a.len() + b.len() < 3 {
        let (name, got) = ("a and b together".to_owned(), a.len() + b.len());
        return Err(StatsError::TooFew { name, needed: 3, got });
    }
    Ok((Moments::of(a), Moments::of(b)))
}

/// Effect sizes of paired data.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PairedEffects {
    /// Mean difference over the standard deviation of the differences; its interval inverts the noncentral t.
    pub cohen_dz: Estimate,
    /// dz with the exact small-sample correction; absent for two pairs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hedges_gz: Option<Estimate>,
    /// Mean difference over the average of the two standard deviations (Cumming).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cohen_dav: Option<f64>,
    /// Mean difference over the root of the average variance (pingouin's paired d).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cohen_d_avg_rms: Option<f64>,
    /// Correlation between the sides; absent where a side is constant and for two pairs, where it is 1 or -1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pearson_r: Option<f64>,
}

/// Effect sizes of `a - b`, pair by pair.
///
/// # Errors
/// Unequal lengths, fewer than two pairs, values that are not finite, or differences that do not vary.
pub fn paired(a: &[f64], b: &[f64], level: ConfidenceLevel) -> Result<PairedEffects> {
    sample::check_pairs(a, b, 2)?;
    let difference = paired_moments(a, b, "an effect size of paired data")?;
    let (first, second) = (Moments::of(a), Moments::of(b));
    let n = difference.count();
    let dz = difference.mean / difference.sd;
    let interval = d_interval(dz, (1.0 / n).sqrt(), n - 1.0, level);
    let over = |sd: f64| (sd > 0.0).then_some(difference.mean / sd);
    Ok(PairedEffects {
        cohen_dz: Estimate::new("Cohen's dz", dz).interval(interval),
        hedges_gz: hedges_correction(n - 1.0).map(|j| Estimate::new("Hedges' gz", dz * j).interval(interval.scaled(j))),
        cohen_dav: over(f64::midpoint(first.sd, second.sd)),
        cohen_d_avg_rms: over(first.sd.hypot(second.sd) / std::f64::consts::SQRT_2),
        pearson_r: if a.len() > 2 { sample::pearson(a, b) } else { None },
    })
}

/// Pooled standard deviation.
pub(crate) fn pooled_sd(first: &Moments, second: &Moments) -> f64 {
    let df = first.count() + second.count() - 2.0;
    (first.sd * ((first.count() - 1.0) / df).sqrt()).hypot(second.sd * ((second.count() - 1.0) / df).sqrt())
}

/// Limits of the noncentrality of `t = d / unit`, as d.
pub(crate) fn d_interval(d: f64, unit: f64, df: f64, level: ConfidenceLevel) -> Interval {
    let t = d / unit;
    let tail = level.tail(Alternative::TwoSided);
    Interval {
        low: noncentral_t::noncentrality(t, df, 1.0 - tail) * unit,
        high: noncentral_t::noncentrality(t, df, tail) * unit,
        level,
    }
}

/// Moments of `a - b`, refusing differences that vary only by rounding error.
pub(crate) fn paired_moments(a: &[f64], b: &[f64], procedure: &'static str) -> Result<Moments> {
    let moments = Moments::of(&sample::differences(a, b));
    let largest = a.iter().chain(b).map(|value| value.abs()).fold(0.0, f64::max);
    if moments.sd <= 4.0 * f64::EPSILON * largest {
        return Err(StatsError::undefined(procedure, "the differences do not vary, so there is no standard error"));
    }
    if !moments.sd.is_finite() || !moments.mean.is_finite() {
        return Err(StatsError::undefined(procedure, "the differences overflow; rescale the values"));
    }
    Ok(moments)
}
