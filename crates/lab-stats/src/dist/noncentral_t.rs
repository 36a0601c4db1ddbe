//! The noncentral t distribution.
//!
//! By integrating the normal tail over the scale, which stays positive and smooth for any noncentrality. The usual
//! series (AS 243) underflows beyond a noncentrality of about 37.

use super::quadrature::mean_over_scale;
use super::{bracketed_root, normal_cdf};

/// P(T <= t) with noncentrality `ncp`.
pub(crate) fn cdf(t: f64, df: f64, ncp: f64) -> f64 {
    mean_over_scale(df, &bends(t, ncp), |s| normal_cdf(t * s - ncp)).min(1.0)
}

/// P(T > t) with noncentrality `ncp`.
pub(crate) fn sf(t: f64, df: f64, ncp: f64) -> f64 {
    mean_over_scale(df, &bends(t, ncp), |s| normal_cdf(ncp - t * s)).min(1.0)
}

/// Where the normal tail turns from 0 to 1, which is abrupt for a large t.
fn bends(t: f64, ncp: f64) -> Vec<f64> {
    if t == 0.0 {
        return Vec::new();
    }
    let offsets = [-30.0, -12.0, -6.0, -3.0, -1.0, 0.0, 1.0, 3.0, 6.0, 12.0, 30.0];
    offsets.iter().map(|offset| (ncp + offset) / t).filter(|bend| bend.is_finite()).collect()
}

/// The noncentrality at which `P(T <= t)` is `probability`.
///
/// Limits of a confidence interval for a standardised effect are these, scaled.
pub(crate) fn noncentrality(t: f64, df: f64, probability: f64) -> f64 {
    let excess = |ncp: f64| {
        if probability < 0.5 { cdf(t, df, ncp) / probability - 1.0 } else { 1.0 - sf(t, df, ncp) / (1.0 - probability) }
    };
    let step = 2.0 + t.abs() / 2.0;
    let (mut low, mut high) = (t - step, t + step);
    let mut reach = step;
    while excess(low) < 0.0 && reach < 1e300 {
        reach *= 2.0;
        low = t - reach;
    }
    reach = step;
    while excess(high) > 0.0 && reach < 1e300 {
        reach *= 2.0;
        high = t + reach;
    }
    bracketed_root(low, high, excess)
}
