//! Incomplete beta and gamma functions.
//!
//! Continued fractions by Lentz's method with prefactors in the Stirling form of Loader (2000) and of R's `lbeta`,
//! because the difference of two log gammas loses as many digits as its terms have (eight at 1e7 degrees of freedom).

use std::f64::consts::PI;

pub(crate) use statrs::function::gamma::ln_gamma;

const TINY: f64 = 1e-300;
const MAX_STEPS: usize = 400_000;

/// `ln Gamma(x) - [(x - 1/2) ln x - x + ln(2 pi)/2]`, for x >= 10.
pub(crate) fn stirling_correction(x: f64) -> f64 {
    let square = x * x;
    (1.0 / 12.0 - (1.0 / 360.0 - (1.0 / 1260.0 - (1.0 / 1680.0 - (1.0 / 1188.0) / square) / square) / square) / square)
        / x
}

/// `ln B(a, b)`.
pub(crate) fn ln_beta(a: f64, b: f64) -> f64 {
    let (small, large) = if a < b { (a, b) } else { (b, a) };
    let share = small / (small + large);
    if small >= 10.0 {
        let correction = stirling_correction(small) + stirling_correction(large) - stirling_correction(small + large);
        -0.5 * large.ln() + 0.5 * (2.0 * PI).ln() + correction + (small - 0.5) * share.ln() + large * (-share).ln_1p()
    } else if large >= 10.0 {
        let correction = stirling_correction(large) - stirling_correction(small + large);
        ln_gamma(small) + correction + small - small * (small + large).ln() + (large - 0.5) * (-share).ln_1p()
    } else {
        ln_gamma(small) + ln_gamma(large) - ln_gamma(small + large)
    }
}

/// `ln (n choose k)`; negative infinity where k > n.
pub(crate) fn ln_choose(n: u64, k: u64) -> f64 {
    if k > n {
        return f64::NEG_INFINITY;
    }
    if k == 0 || k == n {
        return 0.0;
    }
    -((n as f64 + 1.0).ln()) - ln_beta((n - k) as f64 + 1.0, k as f64 + 1.0)
}

/// Regularised incomplete beta `I_x(a, b)` and its complement. The caller gives `y = 1 - x` itself, so that an x close
/// to 1 keeps its digits.
pub(crate) fn beta_reg(a: f64, b: f64, x: f64, y: f64) -> (f64, f64) {
    if x <= 0.0 {
        return (0.0, 1.0);
    }
    if y <= 0.0 {
        return (1.0, 0.0);
    }
    let ln_x = if x > 0.5 { (-y).ln_1p() } else { x.ln() };
    let ln_y = if y > 0.5 { (-x).ln_1p() } else { y.ln() };
    let front = (a * ln_x + b * ln_y - ln_beta(a, b)).exp();
    if x * (a + b + 2.0) < a + 1.0 {
        let lower = (front * beta_fraction(a, b, x) / a).min(1.0);
        (lower, 1.0 - lower)
    } else {
        let upper = (front * beta_fraction(b, a, y) / b).min(1.0);
        (1.0 - upper, upper)
    }
}

/// The continued fraction of the incomplete beta function (Abramowitz & Stegun 26.5.8).
fn beta_fraction(a: f64, b: f64, x: f64) -> f64 {
    let guard = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / guard(1.0 - (a + b) * x / (a + 1.0));
    let mut result = d;
    for step in 1..MAX_STEPS {
        let m = step as f64;
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / guard(1.0 + even * d);
        c = guard(1.0 + even / c);
        result *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / guard(1.0 + odd * d);
        c = guard(1.0 + odd / c);
        let change = d * c;
        result *= change;
        if (change - 1.0).abs() < 1e-16 {
            break;
        }
    }
    result
}

/// Regularised incomplete gamma `P(a, x)` and `Q(a, x)`.
pub(crate) fn gamma_reg(a: f64, x: f64) -> (f64, f64) {
    if x <= 0.0 {
        return (0.0, 1.0);
    }
    if x.is_infinite() {
        return (1.0, 0.0);
    }
    let front = gamma_front(a, x);
    if x < a + 1.0 {
        let lower = (front * gamma_series(a, x)).min(1.0);
        (lower, 1.0 - lower)
    } else {
        let upper = (front * gamma_fraction(a, x)).min(1.0);
        (1.0 - upper, upper)
    }
}

/// `x^a exp(-x) / Gamma(a)`.
fn gamma_front(a: f64, x: f64) -> f64 {
    if a < 10.0 {
        return (a * x.ln() - x - ln_gamma(a)).exp();
    }
    let excess = (x - a) / a;
    (a * ln1p_minus(excess) + 0.5 * (a / (2.0 * PI)).ln() - stirling_correction(a)).exp()
}

/// `ln(1 + u) - u`, without the cancellation at small u.
fn ln1p_minus(u: f64) -> f64 {
    if u.abs() > 0.01 {
        return u.ln_1p() - u;
    }
    let mut term = -u * u;
    let mut sum = 0.0;
    for power in 2..20 {
        sum += term / f64::from(power);
        term *= -u;
    }
    sum
}

fn gamma_series(a: f64, x: f64) -> f64 {
    let mut term = 1.0 / a;
    let mut sum = term;
    let mut denominator = a;
    for _ in 0..MAX_STEPS {
        denominator += 1.0;
        term *= x / denominator;
        sum += term;
        if term < sum * 1e-17 {
            break;
        }
    }
    sum
}

fn gamma_fraction(a: f64, x: f64) -> f64 {
    let guard = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut b = x + 1.0 - a;
    let mut c = 1.0 / TINY;
    let mut d = 1.0 / guard(b);
    let mut result = d;
    for step in 1..MAX_STEPS {
        let i = step as f64;
        let an = -i * (i - a);
        b += 2.0;
        d = 1.0 / guard(an * d + b);
        c = guard(b + an / c);
        let change = d * c;
        result *= change;
        if (change - 1.0).abs() < 1e-16 {
            break;
        }
    }
    result
}
