//! Integration against the distribution of a sample's standard deviation.
//!
//! The noncentral t and the studentised range are both averages over `s = sqrt(chi-squared(df) / df)`. One rule serves
//! both: 20-point Gauss-Legendre panels three standard deviations wide, halved towards zero, where the density is a power.

use std::f64::consts::PI;
use std::sync::OnceLock;

use super::special::{ln_gamma, stirling_correction};

const POINTS: usize = 20;

/// Nodes and weights of the 20-point rule on [-1, 1].
fn rule() -> &'static [(f64, f64); POINTS] {
    static RULE: OnceLock<[(f64, f64); POINTS]> = OnceLock::new();
    RULE.get_or_init(|| {
        let n = POINTS as f64;
        std::array::from_fn(|index| {
            let mut x = (PI * (index as f64 + 0.75) / (n + 0.5)).cos();
            let mut slope = 0.0;
            for _ in 0..100 {
                let (mut p0, mut p1) = (1.0, x);
                for k in 2..=POINTS {
                    let k = k as f64;
                    (p0, p1) = (p1, ((2.0 * k - 1.0) * x * p1 - (k - 1.0) * p0) / k);
                }
                slope = n * (x * p1 - p0) / (x * x - 1.0);
                let change = p1 / slope;
                x -= change;
                if change.abs() < 1e-15 {
                    break;
                }
            }
            (x, 2.0 / ((1.0 - x * x) * slope * slope))
        })
    })
}

/// Integral of `f` from `low` to `high` by one panel.
pub(crate) fn panel(low: f64, high: f64, f: impl Fn(f64) -> f64) -> f64 {
    let (centre, half) = (f64::midpoint(low, high), 0.5 * (high - low));
    half * rule().iter().map(|(node, weight)| weight * f(centre + half * node)).sum::<f64>()
}

/// Logarithm of the density of `s`.
fn ln_density(s: f64, df: f64) -> f64 {
    let half = df / 2.0;
    if half < 10.0 {
        std::f64::consts::LN_2 + half * half.ln() - ln_gamma(half) + (df - 1.0) * s.ln() - half * s * s
    } else {
        let exponent = half * (1.0 - s) * (1.0 + s) + df * s.ln();
        std::f64::consts::LN_2 + 0.5 * (df / (4.0 * PI)).ln() - stirling_correction(half) + exponent - s.ln()
    }
}

/// Mean of `g(s)`, where `s * s * df` is chi-squared with `df` degrees of freedom. `steps` are places where `g` bends
/// sharply.
pub(crate) fn mean_over_scale(df: f64, steps: &[f64], g: impl Fn(f64) -> f64) -> f64 {
    let mode = ((df - 1.0).max(0.0) / df).sqrt();
    let spread = (1.0 / (2.0 * df)).sqrt();
    // Thirteen standard deviations leave out less than 1e-36.
    let (low, high) = ((mode - 13.0 * spread).max(0.0), mode + 13.0 * spread);
    let mut edges: Vec<f64> = (0..=8).map(|index| low + (high - low) * f64::from(index) / 8.0).collect();
    if low == 0.0 {
        let first = edges[1];
        edges.extend((1..20).map(|power| first * 0.5_f64.powi(power)));
    }
    edges.extend(steps.iter().copied().filter(|step| (low..=high).contains(step)));
    edges.sort_unstable_by(f64::total_cmp);
    let peak = ln_density(mode.max(spread), df);
    edges
        .windows(2)
        .filter(|pair| pair[1] > pair[0])
        .map(|pair| {
            panel(pair[0], pair[1], |s| {
                let ln_density = ln_density(s, df);
                // Far below the peak nothing that `g` (at most 1) can do matters.
                if ln_density < peak - 90.0 { 0.0 } else { ln_density.exp() * g(s) }
            })
        })
        .sum()
}
