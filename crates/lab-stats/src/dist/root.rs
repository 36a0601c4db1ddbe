//! Roots of one-dimensional functions.

/// Root of `f` between `low` and `high`, where it has opposite signs, by Brent's method.
pub(crate) fn bracketed_root(low: f64, high: f64, f: impl Fn(f64) -> f64) -> f64 {
    let (mut a, mut b) = (low, high);
    let (mut fa, mut fb) = (f(a), f(b));
    if fa.abs() < fb.abs() {
        (a, b) = (b, a);
        (fa, fb) = (fb, fa);
    }
    let (mut c, mut fc) = (a, fa);
    let mut step = b - a;
    let mut previous = step;
    for _ in 0..300 {
        if fb == 0.0 {
            break;
        }
        if (fb > 0.0) == (fc > 0.0) {
            (c, fc) = (a, fa);
            step = b - a;
            previous = step;
        }
        if fc.abs() < fb.abs() {
            (a, b, c) = (b, c, b);
            (fa, fb, fc) = (fb, fc, fb);
        }
        let tolerance = 2.0 * f64::EPSILON * b.abs() + 1e-300;
        let half = 0.5 * (c - b);
        if half.abs() <= tolerance {
            break;
        }
        if previous.abs() >= tolerance && fa.abs() > fb.abs() && fa.is_finite() && fc.is_finite() {
            let ratio = fb / fa;
            let (mut p, mut q) = if a == c {
                (2.0 * half * ratio, 1.0 - ratio)
            } else {
                let (q, r) = (fa / fc, fb / fc);
                (ratio * (2.0 * half * q * (q - r) - (b - a) * (r - 1.0)), (q - 1.0) * (r - 1.0) * (ratio - 1.0))
            };
            if p > 0.0 {
                q = -q;
            }
            p = p.abs();
            if 2.0 * p < (3.0 * half * q - (tolerance * q).abs()).min((previous * q).abs()) {
                previous = step;
                step = p / q;
            } else {
                step = half;
                previous = half;
            }
        } else {
            step = half;
            previous = half;
        }
        (a, fa) = (b, fb);
        b += if step.abs() > tolerance { step } else { tolerance.copysign(half) };
        fb = f(b);
    }
    b
}

/// As [`increasing_root`], looking near `guess` first, because each value of `f` may cost a lot.
pub(crate) fn increasing_root_near(low: f64, guess: f64, f: impl Fn(f64) -> f64) -> f64 {
    let (below, above) = (low + 0.8 * (guess - low), low + 1.25 * (guess - low));
    if guess > low && above.is_finite() && f(below) < 0.0 && f(above) >= 0.0 {
        return bracketed_root(below, above, f);
    }
    increasing_root(low, f)
}

/// Root of an increasing `f` above `low`, where it is negative; infinite if it never becomes positive.
pub(crate) fn increasing_root(low: f64, f: impl Fn(f64) -> f64) -> f64 {
    let mut below = low;
    let mut step = 1.0_f64;
    loop {
        let above = low + step;
        if !above.is_finite() {
            return f64::INFINITY;
        }
        if f(above) >= 0.0 {
            return bracketed_root(below, above, f);
        }
        below = above;
        step *= 2.0;
    }
}
