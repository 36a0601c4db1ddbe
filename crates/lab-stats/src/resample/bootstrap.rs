//! Bootstrap confidence intervals.

use serde::Serialize;

use super::statistic::Resampler;
use super::{Indices, Statistic, check_work};
use crate::dist::{normal_cdf, normal_quantile};
use crate::effect::paired_moments;
use crate::error::{Result, StatsError};
use crate::options::{Alternative, ConfidenceLevel};
use crate::outcome::{Estimate, Interval};
use crate::sample;

/// How the interval is read off the resampled statistics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum BootstrapMethod {
    /// Their quantiles.
    Percentile,
    /// The quantiles reflected at the estimate.
    Basic,
    /// Bias-corrected and accelerated (Efron 1987).
    #[default]
    Bca,
}

/// Options of the bootstrap.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BootstrapOptions {
    /// What is computed from each sample.
    pub statistic: Statistic,
    /// How the interval is found.
    pub method: BootstrapMethod,
    /// Its level.
    pub level: ConfidenceLevel,
    /// Two-sided, or with one infinite end: `Greater` bounds from below.
    pub alternative: Alternative,
    /// Number of resamples.
    pub resamples: usize,
    /// Seed of the random stream.
    pub seed: u64,
}

impl Default for BootstrapOptions {
    fn default() -> Self {
        Self {
            statistic: Statistic::Mean,
            method: BootstrapMethod::Bca,
            level: ConfidenceLevel::NINETY_FIVE,
            alternative: Alternative::TwoSided,
            resamples: 10_000,
            seed: 0,
        }
    }
}

/// What the bootstrap found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BootstrapResult {
    /// The statistic with its bootstrap standard error and interval.
    pub estimate: Estimate,
    /// How the interval was found.
    pub method: BootstrapMethod,
    /// For differences: twice the smaller share of resamples on either side of zero, `(1 + k) / (1 + B)` each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p_value: Option<f64>,
    /// Number of resamples.
    pub resamples: usize,
    /// Seed of the random stream.
    pub seed: u64,
    /// Values in each sample.
    pub sizes: Vec<usize>,
}

/// Bootstrap interval for a statistic of one sample.
///
/// Assumes independent values; intervals are too short below some twenty. Quantiles interpolate linearly. Follows SciPy's
/// `bootstrap`, with its own random stream.
///
/// # Errors
/// Fewer than two values (three for a variance), values that are not finite or do not vary, or more than 10^10 draws.
pub fn bootstrap(values: &[f64], options: &BootstrapOptions) -> Result<BootstrapResult> {
    sample::check("a", values, options.statistic.needed())?;
    check_varies(&[values])?;
    run(&[values], "statistic", options)
}

/// Bootstrap interval for `statistic(a) - statistic(b)`, samples resampled independently at their own sizes.
///
/// # Errors
/// As [`bootstrap`]; one of the samples may be constant.
pub fn bootstrap_difference(a: &[f64], b: &[f64], options: &BootstrapOptions) -> Result<BootstrapResult> {
    sample::check("a", a, options.statistic.needed())?;
    sample::check("b", b, options.statistic.needed())?;
    check_varies(&[a, b])?;
    run(&[a, b], "difference", options)
}

/// Bootstrap interval for the statistic of `a - b`, pairs resampled.
///
/// # Errors
/// As [`bootstrap`], and unequal lengths.
pub fn bootstrap_paired(a: &[f64], b: &[f64], options: &BootstrapOptions) -> Result<BootstrapResult> {
    sample::check_pairs(a, b, options.statistic.needed())?;
    paired_moments(a, b, "a bootstrap interval")?;
    let mut result = run(&[&sample::differences(a, b)], "paired difference", options)?;
    result.sizes = vec![a.len()];
    Ok(result)
}

fn check_varies(samples: &[&[f64]]) -> Result<()> {
    if samples.iter().all(|values| sample::is_constant(values)) {
        return Err(StatsError::undefined(
            "a bootstrap interval",
            "the values do not vary, so all resamples are equal",
        ));
    }
    Ok(())
}

fn run(samples: &[&[f64]], name: &'static str, options: &BootstrapOptions) -> Result<BootstrapResult> {
    check_work("the bootstrap", samples.iter().map(|values| values.len()).sum(), options.resamples)?;
    let mut resamplers: Vec<Resampler> =
        samples.iter().map(|values| Resampler::new(values, options.statistic)).collect();
    let mut indices = Indices::seeded(options.seed);
    let signed = |index: usize, value: f64| if index == 0 { value } else { -value };
    let estimate: f64 = resamplers.iter().enumerate().map(|(index, one)| signed(index, one.estimate())).sum();
    let mut resampled: Vec<f64> = (0..options.resamples)
        .map(|_| resamplers.iter_mut().enumerate().map(|(index, one)| signed(index, one.draw(&mut indices))).sum())
        .collect();
    resampled.sort_unstable_by(f64::total_cmp);
    if !resampled[0].is_finite() || !resampled[resampled.len() - 1].is_finite() {
        return Err(StatsError::undefined("a bootstrap interval", "the values overflow; rescale them"));
    }
    let tail = options.level.tail(options.alternative);
    let shares = match options.method {
        BootstrapMethod::Percentile | BootstrapMethod::Basic => (tail, 1.0 - tail),
        BootstrapMethod::Bca => bca_shares(&resampled, estimate, &resamplers, tail)?,
    };
    let (low, high) =
        (sample::quantile_of_sorted(&resampled, shares.0), sample::quantile_of_sorted(&resampled, shares.1));
    let (low, high) = match options.method {
        BootstrapMethod::Basic => (2.0 * estimate - high, 2.0 * estimate - low),
        BootstrapMethod::Percentile | BootstrapMethod::Bca => (low, high),
    };
    let interval = Interval {
        low: if options.alternative == Alternative::Less { f64::NEG_INFINITY } else { low },
        high: if options.alternative == Alternative::Greater { f64::INFINITY } else { high },
        level: options.level,
    };
    let is_difference = name != "statistic";
    Ok(BootstrapResult {
        estimate: Estimate::new(name, estimate).standard_error(sample::Moments::of(&resampled).sd).interval(interval),
        method: options.method,
        p_value: is_difference.then(|| share_beyond_zero(&resampled, options.alternative)),
        resamples: options.resamples,
        seed: options.seed,
        sizes: samples.iter().map(|values| values.len()).collect(),
    })
}

fn share_beyond_zero(ascending: &[f64], alternative: Alternative) -> f64 {
    let total = ascending.len() as f64 + 1.0;
    let at_most = (1 + ascending.partition_point(|&value| value <= 0.0)) as f64 / total;
    let at_least = (1 + ascending.len() - ascending.partition_point(|&value| value < 0.0)) as f64 / total;
    // Many resamples below zero speak against "greater".
    alternative.p_value(at_least, at_most)
}

/// Which quantiles the BCa interval takes.
fn bca_shares(ascending: &[f64], estimate: f64, resamplers: &[Resampler], tail: f64) -> Result<(f64, f64)> {
    // Resamples that equal the estimate but for rounding count half, which matters for 0/1 scores.
    let dust = 1e-12 * (ascending[ascending.len() - 1] - ascending[0]);
    let below = ascending.partition_point(|&value| value < estimate - dust);
    let up_to = ascending.partition_point(|&value| value <= estimate + dust);
    let share = (below + up_to) as f64 / (2 * ascending.len()) as f64;
    if share <= 0.0 || share >= 1.0 {
        return Err(StatsError::undefined("a BCa interval", "all resamples lie on one side of the estimate"));
    }
    let bias = normal_quantile(share);
    let (mut cubes, mut squares) = (0.0, 0.0);
    for (index, resampler) in resamplers.iter().enumerate() {
        let left_out = resampler.jackknife();
        let n = left_out.len() as f64;
        let centre = sample::mean(&left_out);
        let sign = if index == 0 { 1.0 } else { -1.0 };
        for value in left_out {
            let influence = sign * (centre - value) * (n - 1.0) / n;
            squares += influence * influence;
            cubes += influence * influence * influence;
        }
    }
    if squares <= 0.0 {
        return Err(StatsError::undefined("a BCa interval", "leaving a value out never changes the statistic"));
    }
    let acceleration = cubes / (6.0 * squares * squares.sqrt());
    let adjusted = |probability: f64| {
        let z = bias + normal_quantile(probability);
        normal_cdf(bias + z / (1.0 - acceleration * z))
    };
    Ok((adjusted(tail), adjusted(1.0 - tail)))
}
