//! Whether a sample could be normal.

use crate::dist::{normal_quantile, normal_sf};
use crate::error::{Result, StatsError};
use crate::options::Alternative;
use crate::outcome::TestResult;
use crate::sample;

/// Beyond this Royston's approximation of the p-value was never checked.
const LARGEST_CHECKED: usize = 5000;

/// Shapiro and Wilk's W test that a sample is normal.
///
/// Royston's AS R94 (1995). Follows SciPy's `shapiro` and R's `shapiro.test`. Says little about small samples, and
/// rejects every real sample that is large enough; beyond 5000 values a note says that the p-value is extrapolated.
///
/// # Errors
/// Fewer than three values, values that are not finite, or all values equal.
pub fn shapiro_wilk(values: &[f64]) -> Result<TestResult> {
    sample::check("a", values, 3)?;
    if sample::is_constant(values) {
        return Err(StatsError::undefined("the Shapiro-Wilk test", "all values are equal"));
    }
    let sorted = sample::sorted(values);
    let n = sorted.len();
    let range = sorted[n - 1] - sorted[0];
    if !range.is_finite() {
        return Err(StatsError::undefined("the Shapiro-Wilk test", "the values overflow; rescale them"));
    }
    let middle = sorted[n / 2];
    let scaled: Vec<f64> = sorted.iter().map(|value| (value - middle) / range).collect();
    let weights = weights(n);
    // The weights are antisymmetric, so they sum to zero and only the data need centring.
    let mean = sample::mean(&scaled);
    let (mut weight_square, mut square, mut product) = (0.0, 0.0, 0.0);
    for (index, value) in scaled.iter().enumerate() {
        let weight = match (index + 1).cmp(&(n - index)) {
            std::cmp::Ordering::Less => -weights[index],
            std::cmp::Ordering::Equal => 0.0,
            std::cmp::Ordering::Greater => weights[n - 1 - index],
        };
        weight_square += weight * weight;
        square += (value - mean) * (value - mean);
        product += weight * (value - mean);
    }
    let norm = (weight_square * square).sqrt();
    let deficit = ((norm - product) * (norm + product) / (weight_square * square)).max(f64::MIN_POSITIVE);
    let w = 1.0 - deficit;
    let test =
        TestResult::new("Shapiro-Wilk test", Alternative::TwoSided, p_value(w, deficit, n)).statistic(w).sizes([n]);
    Ok(if n > LARGEST_CHECKED { test.note("the p-value is extrapolated beyond 5000 values") } else { test })
}

/// Weights of the upper half, largest value first.
fn weights(n: usize) -> Vec<f64> {
    if n == 3 {
        return vec![std::f64::consts::FRAC_1_SQRT_2];
    }
    let size = n as f64;
    let half = n / 2;
    let scores: Vec<f64> = (1..=half).map(|rank| normal_quantile((rank as f64 - 0.375) / (size + 0.25))).collect();
    let total = 2.0 * scores.iter().map(|score| score * score).sum::<f64>();
    let root = total.sqrt();
    let u = 1.0 / size.sqrt();
    let first = polynomial(&[0.0, 0.221_157, -0.147_981, -2.071_19, 4.434_685, -2.706_056], u) - scores[0] / root;
    let mut weights = vec![first];
    let (mut rest, mut left) = (total - 2.0 * scores[0].powi(2), 1.0 - 2.0 * first * first);
    if n > 5 {
        let second = polynomial(&[0.0, 0.042_981, -0.293_762, -1.752_461, 5.682_633, -3.582_633], u) - scores[1] / root;
        weights.push(second);
        rest -= 2.0 * scores[1].powi(2);
        left -= 2.0 * second * second;
    }
    let factor = (rest / left).sqrt();
    weights.extend(scores[weights.len()..].iter().map(|score| -score / factor));
    weights
}

fn p_value(w: f64, deficit: f64, n: usize) -> f64 {
    let size = n as f64;
    if n == 3 {
        let angle = w.sqrt().asin() - std::f64::consts::FRAC_PI_3;
        return (6.0 / std::f64::consts::PI * angle).clamp(0.0, 1.0);
    }
    let ln_deficit = deficit.ln();
    let (z, mean, ln_sd) = if n <= 11 {
        let limit = polynomial(&[-2.273, 0.459], size);
        if ln_deficit >= limit {
            // Below the smallest W the approximation covers.
            return 1e-99;
        }
        (
            -(limit - ln_deficit).ln(),
            polynomial(&[0.544, -0.399_78, 0.025_054, -6.714e-4], size),
            polynomial(&[1.3822, -0.778_57, 0.062_767, -0.002_032_2], size),
        )
    } else {
        let ln_n = size.ln();
        (
            ln_deficit,
            polynomial(&[-1.5861, -0.310_82, -0.083_751, 0.003_891_5], ln_n),
            polynomial(&[-0.4803, -0.082_676, 0.003_030_2], ln_n),
        )
    };
    normal_sf((z - mean) / ln_sd.exp())
}

fn polynomial(coefficients: &[f64], x: f64) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, coefficient| sum * x + coefficient)
}
