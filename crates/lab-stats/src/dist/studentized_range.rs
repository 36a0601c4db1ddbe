//! The distribution of the studentised range, which Tukey's and Games-Howell's comparisons use.
//!
//! Copenhaver & Holland (1988), integrated directly: the range of k normals given the scale, then the mean over the
//! scale. The upper tail is integrated as itself, so small p-values keep their digits.

use super::quadrature::{mean_over_scale, panel};
use super::{increasing_root, normal_cdf, normal_pdf};

/// P(range of `groups` standard normals > width).
fn range_sf(width: f64, groups: f64) -> f64 {
    if width <= 0.0 {
        return 1.0;
    }
    // About exp(-width^2 / 4), which is no number any more.
    if width > 60.0 {
        return 0.0;
    }
    // z is the largest of the normals; given it, the others lie within `width` below it.
    let integrand = |z: f64| {
        let below = normal_cdf(z);
        let outside = (normal_cdf(z - width) / below).min(1.0);
        normal_pdf(z) * below.powf(groups - 1.0) * -((groups - 1.0) * (-outside).ln_1p()).exp_m1()
    };
    let (low, high) = (-8.0, width / 2.0 + 8.5);
    let panels = ((high - low) / 4.0).ceil() as usize;
    let step = (high - low) / panels as f64;
    let total: f64 =
        (0..panels).map(|index| low + step * index as f64).map(|start| panel(start, start + step, integrand)).sum();
    (groups * total).min(1.0)
}

/// P(Q > q) for `groups` groups and `df` degrees of freedom; `df` may be infinite.
pub(crate) fn sf(q: f64, groups: usize, df: f64) -> f64 {
    if q <= 0.0 {
        return 1.0;
    }
    let groups = groups as f64;
    if df > 1e9 {
        return range_sf(q, groups);
    }
    mean_over_scale(df, &[], |s| range_sf(q * s, groups)).min(1.0)
}

/// q with P(Q > q) = `probability`.
pub(crate) fn upper_quantile(probability: f64, groups: usize, df: f64) -> f64 {
    let goal = probability.ln();
    increasing_root(0.0, |q| goal - sf(q, groups, df).ln())
}
