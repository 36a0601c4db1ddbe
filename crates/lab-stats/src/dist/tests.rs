use super::special::{beta_reg, gamma_reg, ln_choose};
use super::*;

#[track_caller]
fn check(got: f64, want: f64, relative: f64) {
    assert!((got - want).abs() <= relative * want.abs(), "got {got:e}, want {want:e}");
}

/// Values from mpmath with 50 digits.
#[test]
fn tails_keep_their_digits() {
    for (z, tail) in [
        (-2.0, 0.977_249_868_051_820_8),
        (0.3, 0.382_088_577_811_047_4),
        (0.7, 0.241_963_652_223_073),
        (1.3, 0.096_800_484_585_610_33),
        (2.9, 0.001_865_813_300_384_038),
        (4.4, 5.412_543_907_703_86e-6),
        (5.6, 1.071_759_025_831_090_7e-8),
        (5.7, 5.990_371_401_063_534_5e-9),
        (7.0, 1.279_812_543_885_835e-12),
        (15.0, 3.670_966_199_312_751e-51),
        (25.0, 3.056_696_706_382_561e-138),
        (37.0, 5.725_571_222_524_577e-300),
    ] {
        check(normal_sf(z), tail, 1e-14);
    }
    check(normal_sf(10.0), 7.619_853_024_160_525e-24, 1e-14);
    check(normal_sf(35.0), 1.124_910_706_472_406_2e-268, 1e-14);
    check(normal_upper_quantile(1e-300), 37.047_096_299_361_2, 1e-14);
    check(t_tails(40.0, 3.0).1, 1.719_034_039_457_926_3e-5, 1e-13);
    check(t_tails(-12.0, 500.0).0, 1.243_225_639_230_922_5e-29, 1e-12);
    check(chi_squared_tails(500.0, 4.0).1, 6.699_667_441_008_603e-107, 1e-12);
    check(f_tails(80.0, 3.0, 50.0).1, 4.293_293_346_689_764e-19, 1e-12);
}

#[test]
fn quantiles_invert_their_distribution() {
    for probability in [1e-12, 1e-3, 0.025, 0.3, 0.5, 0.9, 0.999] {
        check(normal_cdf(normal_quantile(probability)), probability, 1e-12);
        for df in [1.0, 2.5, 7.0, 300.0, 2e7] {
            check(t_tails(t_upper_quantile(probability, df), df).1, probability, 1e-9);
            check(f_tails(f_upper_quantile(probability, 3.0, df), 3.0, df).1, probability, 1e-9);
        }
        let x = beta_quantile(probability, 2.5, 40.0);
        check(beta_reg(2.5, 40.0, x, 1.0 - x).0, probability, 1e-12);
    }
    for (groups, df) in [(2, 5.0), (3, 27.0), (10, 400.0), (4, f64::INFINITY)] {
        let q = studentized_range::upper_quantile(0.05, groups, df);
        check(studentized_range::sf(q, groups, df), 0.05, 1e-9);
    }
}

#[test]
fn two_groups_make_the_studentized_range_a_t() {
    for (t, df) in [(0.5, 4.0), (2.0, 10.0), (5.0, 30.0), (12.0, 12.0), (15.0, 400.0)] {
        let q = t * std::f64::consts::SQRT_2;
        check(studentized_range::sf(q, 2, df), 2.0 * t_tails(t, df).1, 1e-9);
    }
}

#[test]
fn noncentral_distributions_without_noncentrality_are_central() {
    for (value, df) in [(0.0, 1.0), (1.5, 3.0), (-2.5, 40.0), (3.0, 1e6)] {
        check(noncentral_t::sf(value, df, 0.0), t_tails(value, df).1, 1e-10);
        check(noncentral_t::cdf(value, df, 0.0), t_tails(value, df).0, 1e-10);
    }
    check(noncentral_f::sf(2.5, 3.0, 20.0, 0.0), f_tails(2.5, 3.0, 20.0).1, 1e-13);
    // The square of a noncentral t is a noncentral F.
    let (t, df, ncp) = (2.1, 14.0, 1.7);
    let both = noncentral_t::sf(t, df, ncp) + noncentral_t::cdf(-t, df, ncp);
    check(noncentral_f::sf(t * t, 1.0, df, ncp * ncp), both, 1e-11);
}

#[test]
fn noncentrality_inverts_the_noncentral_t() {
    for (t, df) in [(0.0, 1.0), (-731.0, 1.0), (2.3, 9.0), (120.0, 3.0), (55.0, 4000.0), (0.3, 2e7)] {
        for probability in [0.005, 0.5, 0.975] {
            let ncp = noncentral_t::noncentrality(t, df, probability);
            check(noncentral_t::cdf(t, df, ncp), probability, 1e-8);
        }
    }
}

#[test]
fn large_parameters_stay_accurate() {
    // Half of a symmetric distribution lies below its middle.
    check(beta_reg(5e6, 5e6, 0.5, 0.5).0, 0.5, 1e-8);
    check(gamma_reg(1e6, 1e6).0, 0.500_132_980_760_872_5, 1e-9);
    check(ln_choose(1_000_000, 3), (1e6_f64 * (1e6 - 1.0) * (1e6 - 2.0) / 6.0).ln(), 1e-13);
    check(binomial_cdf_pmf(30, 100, 0.5).0, 3.925_069_822_796_835e-5, 1e-11);
}
