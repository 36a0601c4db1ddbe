//! The noncentral F distribution, as a Poisson mixture of incomplete betas summed outwards from its largest weight.

use super::special::{beta_reg, ln_gamma};

/// P(F > f) with noncentrality `ncp`.
pub(crate) fn sf(f: f64, df_between: f64, df_within: f64, ncp: f64) -> f64 {
    if f <= 0.0 {
        return 1.0;
    }
    let rate = ncp / 2.0;
    let ratio = df_between * f / df_within;
    let (x, y) = (ratio / (1.0 + ratio), 1.0 / (1.0 + ratio));
    let term = |count: u64| {
        let j = count as f64;
        let ln_weight = if rate == 0.0 {
            if count == 0 { 0.0 } else { f64::NEG_INFINITY }
        } else {
            j * rate.ln() - rate - ln_gamma(j + 1.0)
        };
        let weight = ln_weight.exp();
        (weight, weight * beta_reg(df_between / 2.0 + j, df_within / 2.0, x, y).1)
    };
    let mode = rate.floor() as u64;
    let mut sum = 0.0;
    for count in mode.. {
        let (weight, value) = term(count);
        sum += value;
        if weight < 1e-18 {
            break;
        }
    }
    for count in (0..mode).rev() {
        let (weight, value) = term(count);
        sum += value;
        if weight < 1e-18 {
            break;
        }
    }
    sum.min(1.0)
}
