//! The standard normal distribution.
//!
//! Cody's (1969) rational approximations, as in R's `pnorm`: every digit in both tails. The `erfc` of statrs 0.19 is off
//! by 5e-11 at ten standard deviations, and this is the innermost function of the noncentral distributions.

use std::f64::consts::{PI, SQRT_2};

use statrs::function::erf::erfc_inv;

/// P(Z <= z).
pub(crate) fn cdf(z: f64) -> f64 {
    sf(-z)
}

/// P(Z > z).
pub(crate) fn sf(z: f64) -> f64 {
    let size = z.abs();
    if size <= 0.674_489_75 {
        return 0.5 - z * centre(z * z);
    }
    let tail = if size.is_infinite() {
        0.0
    } else if size <= 5.656_854_249_492_381 {
        shoulder(size) * gauss(size)
    } else {
        (1.0 / (2.0 * PI).sqrt() - far(1.0 / (size * size))) / size * gauss(size)
    };
    if z > 0.0 { tail } else { 1.0 - tail }
}

/// Density.
pub(crate) fn pdf(z: f64) -> f64 {
    (-0.5 * z * z).exp() / (2.0 * PI).sqrt()
}

/// `exp(-z^2 / 2)`, with the square split so that its rounding does not reach the exponent.
fn gauss(z: f64) -> f64 {
    let coarse = (z * 16.0).trunc() / 16.0;
    (-0.5 * coarse * coarse).exp() * (-0.5 * (z - coarse) * (z + coarse)).exp()
}

fn centre(square: f64) -> f64 {
    const A: [f64; 5] = [
        0.065_682_337_918_207_45,
        2.235_252_035_460_684,
        161.028_231_068_555_88,
        1_067.689_485_460_371,
        18_154.981_253_343_56,
    ];
    const B: [f64; 5] =
        [1.0, 47.202_581_904_688_245, 976.098_551_737_776_7, 10_260.932_208_618_979, 45_507.789_335_026_73];
    ratio(&A, &B, square)
}

fn shoulder(size: f64) -> f64 {
    const C: [f64; 9] = [
        1.076_557_677_372_019_2e-8,
        0.398_941_512_088_134_66,
        8.883_149_794_388_377,
        93.506_656_132_177_85,
        597.270_276_394_800_3,
        2_494.537_585_290_372_6,
        6_848.190_450_536_283,
        11_602.651_437_647_35,
        9_842.714_838_383_978,
    ];
    const D: [f64; 9] = [
        1.0,
        22.266_688_044_328_117,
        235.387_901_782_625,
        1_519.377_599_407_554_7,
        6_485.558_298_266_761,
        18_615.571_640_885_097,
        34_900.952_721_145_98,
        38_912.003_286_093_27,
        19_685.429_676_859_992,
    ];
    ratio(&C, &D, size)
}

fn far(inverse_square: f64) -> f64 {
    const P: [f64; 6] = [
        0.023_073_441_764_940_174,
        0.215_898_534_057_957,
        0.127_401_161_160_247_36,
        0.022_235_277_870_649_807,
        0.001_421_619_193_227_893_4,
        2.911_287_495_116_879_3e-5,
    ];
    const Q: [f64; 6] = [
        1.0,
        1.284_260_096_144_911,
        0.468_238_212_480_865_1,
        0.065_988_137_868_928_56,
        0.003_782_396_332_027_582_4,
        7.297_515_550_839_662e-5,
    ];
    inverse_square * ratio(&P, &Q, inverse_square)
}

/// Quotient of two polynomials, highest power first.
fn ratio(numerator: &[f64], denominator: &[f64], x: f64) -> f64 {
    let value = |coefficients: &[f64]| coefficients.iter().fold(0.0, |sum, coefficient| sum * x + coefficient);
    value(numerator) / value(denominator)
}

/// z with P(Z <= z) = p.
pub(crate) fn quantile(p: f64) -> f64 {
    if p > 0.5 { upper_quantile(1.0 - p) } else { -upper_quantile(p) }
}

/// z with P(Z > z) = q, exact for tiny q.
pub(crate) fn upper_quantile(q: f64) -> f64 {
    if q <= 0.0 {
        return f64::INFINITY;
    }
    if q >= 1.0 {
        return f64::NEG_INFINITY;
    }
    let rough = SQRT_2 * erfc_inv(2.0 * q);
    // One Newton step on the logarithm of the tail repairs the last digits of the rational approximation.
    let tail = sf(rough);
    if tail > 0.0 && rough.is_finite() { rough + (tail / q).ln() * tail / pdf(rough) } else { rough }
}
