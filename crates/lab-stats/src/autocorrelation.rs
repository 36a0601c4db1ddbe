//! Series whose values depend on each other, and how many independent values they are worth.
//!
//! The points of one training curve are no sample: neighbours resemble each other, and what a repetition would give is not
//! in them at all. Who asks nevertheless whether two stretches of curve differ gets Welch's test on the effective sizes.

use serde::Serialize;

use crate::effect;
use crate::error::{Result, StatsError};
use crate::options::{Alternative, ConfidenceLevel};
use crate::outcome::{Estimate, TestResult};
use crate::sample::{self, Moments};
use crate::ttest::Contrast;

/// Longest series whose autocorrelations are summed value by value; longer ones are averaged in blocks first.
const MAX_VALUES: usize = 8_192;

/// How many independent values a series is worth.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct EffectiveSize {
    /// Values in the series.
    pub n: usize,
    /// Integrated autocorrelation time, in values: `1 + 2 sum rho_k`, at least 1.
    pub autocorrelation_time: f64,
    /// `n / autocorrelation_time`.
    pub effective: f64,
}

/// The effective size of a series, in its order.
///
/// Autocorrelations are summed by Geyer's (1992) initial monotone sequence, as in R's `mcmc::initseq`. A trend counts as
/// correlation and lowers the size, as it should. Anticorrelated series are taken to be independent, never better. Beyond
/// 8192 values, means of equal blocks stand in for them.
///
/// # Errors
/// Fewer than four values, values that are not finite, or that do not vary.
pub fn effective_size(values: &[f64]) -> Result<EffectiveSize> {
    sample::check("a", values, 4)?;
    let whole = Moments::of(values);
    if sample::is_constant(values) || whole.sd == 0.0 {
        return Err(StatsError::undefined("an effective sample size", "the values do not vary"));
    }
    if !whole.sd.is_finite() {
        return Err(StatsError::undefined("an effective sample size", "the values overflow; rescale them"));
    }
    let width = values.len().div_ceil(MAX_VALUES);
    let blocks: Vec<f64> = values.chunks_exact(width).map(sample::mean).collect();
    let of_blocks = Moments::of(&blocks);
    // Variance of the mean, relative to that of one value.
    let share = (of_blocks.sd / whole.sd).powi(2) * correlation_sum(&blocks, &of_blocks) / blocks.len() as f64;
    let n = values.len() as f64;
    let autocorrelation_time = (share * n).clamp(1.0, n);
    Ok(EffectiveSize { n: values.len(), autocorrelation_time, effective: n / autocorrelation_time })
}

/// `1 + 2 sum rho_k`: sums of neighbouring pairs, for as long as they are positive, and none larger than the one before.
fn correlation_sum(values: &[f64], moments: &Moments) -> f64 {
    if moments.sd == 0.0 {
        return 1.0;
    }
    let n = values.len();
    let scaled: Vec<f64> = values.iter().map(|value| (value - moments.mean) / moments.sd).collect();
    let zero: f64 = scaled.iter().map(|value| value * value).sum();
    let correlation = |lag: usize| -> f64 {
        if lag >= n { 0.0 } else { scaled[lag..].iter().zip(&scaled).map(|(x, y)| x * y).sum::<f64>() / zero }
    };
    let (mut sum, mut last) = (0.0, f64::INFINITY);
    for pair in 0..n.div_ceil(2) {
        let both = correlation(2 * pair) + correlation(2 * pair + 1);
        if both <= 0.0 {
            break;
        }
        last = both.min(last);
        sum += last;
    }
    (2.0 * sum - 1.0).max(1.0)
}

/// Welch's t test between two series, each counted as the independent values that it is worth.
///
/// It says whether the two stretches differ, and nothing about what another seed would have given. The effect is Cohen's
/// d, without an interval. Satterthwaite's degrees of freedom are taken with the effective sizes.
///
/// # Errors
/// As [`effective_size`], and a series worth fewer than two values.
pub fn welch_effective(
    a: &[f64],
    b: &[f64],
    alternative: Alternative,
    level: ConfidenceLevel,
) -> Result<(TestResult, [EffectiveSize; 2])> {
    let sizes = [effective_size(a)?, effective_size(b)?];
    for (name, size) in ["a", "b"].into_iter().zip(&sizes) {
        if size.effective < 2.0 {
            let name = format!("{name} (effective)");
            return Err(StatsError::TooFew { name, needed: 2, got: size.effective as usize });
        }
    }
    let (first, second) = (Moments::of(a), Moments::of(b));
    let contrast = Contrast::of_summaries(
        (first.mean, first.sd, sizes[0].effective),
        (second.mean, second.sd, sizes[1].effective),
    )?;
    let d = contrast.difference / effect::pooled_sd(&first, &second);
    let test = contrast
        .test("Welch's t test on effective sample sizes", "mean difference", alternative, level)
        .effect(Estimate::new("Cohen's d", d))
        .sizes([a.len(), b.len()])
        .note("the values of a series depend on each other; their number was reduced by their autocorrelation");
    Ok((test, sizes))
}

#[cfg(test)]
mod tests {
    use rand::{RngExt as _, SeedableRng as _};

    use super::*;

    fn autoregressive(n: usize, phi: f64, seed: u64) -> Vec<f64> {
        let mut source = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
        let mut last = 0.0;
        (0..n)
            .map(|_| {
                // A sum of twelve uniforms is normal enough.
                let shock: f64 = (0..12).map(|_| source.random::<f64>()).sum::<f64>() - 6.0;
                last = phi * last + shock;
                last
            })
            .collect()
    }

    #[test]
    fn the_autocorrelation_time_is_that_of_the_process() {
        for (phi, n) in [(0.0, 4_000), (0.5, 4_000), (0.9, 8_000), (0.9, 60_000)] {
            let size = effective_size(&autoregressive(n, phi, 3)).unwrap();
            let truth = (1.0 + phi) / (1.0 - phi);
            let got = size.autocorrelation_time;
            assert!((got / truth - 1.0).abs() < 0.25, "phi {phi}, n {n}: {got} against {truth}");
        }
    }

    #[test]
    fn a_trend_is_worth_next_to_nothing() {
        let trend: Vec<f64> = (0..200).map(f64::from).collect();
        assert!(effective_size(&trend).unwrap().effective < 6.0);
        assert!(welch_effective(&trend, &[1.0; 50], Alternative::TwoSided, ConfidenceLevel::NINETY_FIVE).is_err());
    }

    #[test]
    fn alternating_values_are_no_better_than_independent_ones() {
        let values: Vec<f64> = (0..100).map(|i| f64::from(i % 2)).collect();
        assert_eq!(effective_size(&values).unwrap().effective, 100.0);
    }

    #[test]
    fn degenerate_series_are_refused() {
        for bad in [&[][..], &[1.0, 2.0, 3.0], &[2.0; 10], &[1.0, f64::NAN, 2.0, 3.0]] {
            assert!(effective_size(bad).is_err(), "{bad:?}");
        }
    }
}
