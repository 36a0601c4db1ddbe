//! Intervals of effect sizes, against R's effectsize and exact arithmetic.

use lab_stats::contingency::{mcnemar, mcnemar_p_values, paired_proportions};
use lab_stats::rank::{RankSumOptions, SignedRankOptions, mann_whitney, rank_biserial_interval, wilcoxon_signed_rank};
use lab_stats::{Alternative, ConfidenceLevel, anova};

const LEVEL: ConfidenceLevel = ConfidenceLevel::NINETY_FIVE;

#[track_caller]
fn close(got: f64, want: f64) {
    assert!((got - want).abs() < 1e-6, "{got} against {want}");
}

#[test]
fn eta_squared_has_the_interval_of_the_noncentral_f() {
    // SciPy: F = 9.6; brentq over ncf.sf gives noncentralities 1.585167 and 49.563305; l / (l + 12).
    let groups = [vec![1.0, 2.0, 3.0, 4.0], vec![3.0, 4.0, 5.0, 6.0], vec![6.0, 7.0, 8.0, 5.0]];
    let result = anova::one_way(&groups).unwrap();
    let interval = result.eta_squared_interval(LEVEL).unwrap();
    close(interval.low, 0.116_683_639);
    close(interval.high, 0.805_078_690);
    let equal = anova::one_way(&[vec![1.0, 2.0], vec![1.0, 2.0]]).unwrap().eta_squared_interval(LEVEL).unwrap();
    assert_eq!(equal.low, 0.0);
    let huge = anova::one_way(&[vec![1.0, 1.0 + 1e-9], vec![2.0, 2.0]]).unwrap();
    assert_eq!(huge.eta_squared_interval(LEVEL), None);
}

#[test]
fn rank_biserial_correlations_have_intervals() {
    let (a, b) = ([1.0, 4.0, 5.0, 7.0, 9.0], [2.0, 3.0, 6.0, 8.0]);
    let result = mann_whitney(&a, &b, RankSumOptions::default()).unwrap();
    let interval = rank_biserial_interval(&result, LEVEL);
    // tanh(atanh(0.1) +- 1.959964 sqrt(10 / 60)).
    close(interval.low, (0.1_f64.atanh() - 1.959_963_985 * (1.0_f64 / 6.0).sqrt()).tanh());
    close(interval.high, (0.1_f64.atanh() + 1.959_963_985 * (1.0_f64 / 6.0).sqrt()).tanh());
    let all = mann_whitney(&[3.0, 4.0], &[1.0, 2.0], RankSumOptions::default()).unwrap();
    assert_eq!((rank_biserial_interval(&all, LEVEL).low, rank_biserial_interval(&all, LEVEL).high), (1.0, 1.0));
    let paired = wilcoxon_signed_rank(&[1.0, 5.0, 3.0], &[2.0, 1.0, 1.0], SignedRankOptions::default()).unwrap();
    let interval = paired.biserial_interval(LEVEL);
    assert!(interval.low < paired.matched_rank_biserial && paired.matched_rank_biserial < interval.high);
}

#[test]
fn one_way_of_mcnemar_is_a_binomial_tail() {
    let table = [[40, 8], [2, 50]];
    // P(X >= 8) of Binomial(10, 1/2) is 56/1024; mid-p takes half of P(X = 8) = 45/1024 away.
    let (exact, midp) = mcnemar_p_values(table, Alternative::Greater);
    close(exact, 56.0 / 1024.0);
    close(midp, 33.5 / 1024.0);
    let (exact, _) = mcnemar_p_values(table, Alternative::Less);
    close(exact, 1013.0 / 1024.0);
    assert_eq!(mcnemar_p_values(table, Alternative::TwoSided).0, mcnemar(table).p_exact);
    // As statsmodels has it, the correction counts also where both sides have as many: (0 - 1)^2 / 24.
    close(mcnemar([[1, 12], [12, 4]]).chi2_corrected.expect("there are discordant pairs"), 1.0 / 24.0);
    assert_eq!(mcnemar_p_values([[3, 0], [0, 3]], Alternative::Less), (1.0, 1.0));
    let difference = paired_proportions(table, Alternative::TwoSided, LEVEL).unwrap();
    close(difference.value, 0.06);
    // 9/102 - 3/102 +- 1.959964 sqrt((12/102 - (6/102)^2) / 102).
    let interval = difference.interval.unwrap();
    close(interval.low, -0.006_754_151);
    close(interval.high, 0.124_401_210);
    assert!(paired_proportions([[0, 0], [0, 0]], Alternative::TwoSided, LEVEL).is_err());
}
