//! Distributions, with tails that keep their relative precision.
//!
//! Written here and not taken from a library, because p-values below 1e-12 are wanted with all their digits, and because
//! the noncentral and studentised-range distributions exist in no Rust crate we could find. Upper tails are computed as
//! such, never as one minus the lower.

pub(crate) mod noncentral_f;
pub(crate) mod noncentral_t;
mod normal;
mod quadrature;
mod root;
pub(crate) mod special;
pub(crate) mod studentized_range;
#[cfg(test)]
mod tests;

pub(crate) use normal::{
    cdf as normal_cdf, pdf as normal_pdf, quantile as normal_quantile, sf as normal_sf,
    upper_quantile as normal_upper_quantile,
};
pub(crate) use root::{bracketed_root, increasing_root, increasing_root_near};

use special::{beta_reg, gamma_reg};

/// P(T <= t) and P(T > t) for Student's t.
pub(crate) fn t_tails(t: f64, df: f64) -> (f64, f64) {
    if t.is_infinite() {
        return if t > 0.0 { (1.0, 0.0) } else { (0.0, 1.0) };
    }
    let ratio = t / df.sqrt();
    let square = ratio * ratio;
    let (x, y) = if square > 1.0 {
        let inverse = 1.0 / square;
        (inverse / (1.0 + inverse), 1.0 / (1.0 + inverse))
    } else {
        (1.0 / (1.0 + square), square / (1.0 + square))
    };
    let tail = 0.5 * beta_reg(df / 2.0, 0.5, x, y).0;
    if t > 0.0 { (1.0 - tail, tail) } else { (tail, 1.0 - tail) }
}

/// t with P(T > t) = q.
pub(crate) fn t_upper_quantile(q: f64, df: f64) -> f64 {
    if q > 0.5 {
        return -t_upper_quantile(1.0 - q, df);
    }
    if q == 0.5 {
        return 0.0;
    }
    let goal = q.ln();
    increasing_root(0.0, |t| goal - t_tails(t, df).1.ln())
}

/// P(X <= x) and P(X > x) for chi-squared.
pub(crate) fn chi_squared_tails(x: f64, df: f64) -> (f64, f64) {
    gamma_reg(df / 2.0, x / 2.0)
}

/// x with P(X > x) = q for chi-squared.
pub(crate) fn chi_squared_upper_quantile(q: f64, df: f64) -> f64 {
    let goal = q.ln();
    increasing_root(0.0, |x| goal - chi_squared_tails(x, df).1.ln())
}

/// P(F <= f) and P(F > f) for Fisher's F.
pub(crate) fn f_tails(f: f64, df_between: f64, df_within: f64) -> (f64, f64) {
    if f <= 0.0 {
        return (0.0, 1.0);
    }
    let ratio = df_between * f / df_within;
    if ratio.is_infinite() {
        return (1.0, 0.0);
    }
    beta_reg(df_between / 2.0, df_within / 2.0, ratio / (1.0 + ratio), 1.0 / (1.0 + ratio))
}

/// f with P(F > f) = q.
pub(crate) fn f_upper_quantile(q: f64, df_between: f64, df_within: f64) -> f64 {
    let goal = q.ln();
    increasing_root(0.0, |f| goal - f_tails(f, df_between, df_within).1.ln())
}

/// P(X <= k) and P(X = k) for Binomial(n, p).
pub(crate) fn binomial_cdf_pmf(k: u64, n: u64, p: f64) -> (f64, f64) {
    let (k_real, n_real) = (k as f64, n as f64);
    let cdf = if k >= n { 1.0 } else { beta_reg(n_real - k_real, k_real + 1.0, 1.0 - p, p).0 };
    (cdf, (special::ln_choose(n, k) + k_real * p.ln() + (n_real - k_real) * (1.0 - p).ln()).exp())
}

/// x with P(X <= x) = p for Beta(a, b), by bisection down to the last bit.
pub(crate) fn beta_quantile(p: f64, a: f64, b: f64) -> f64 {
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            break;
        }
        if beta_reg(a, b, middle, 1.0 - middle).0 < p { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}
