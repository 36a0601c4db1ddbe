//! What must hold for any data.

use lab_stats::contingency::mcnemar;
use lab_stats::correction::{Correction, adjust_all};
use lab_stats::rank::{RankMethod, RankSumOptions, SignedRankOptions, mann_whitney, wilcoxon_signed_rank};
use lab_stats::resample::{
    BootstrapMethod, BootstrapOptions, PermutationMethod, PermutationStatistic, Statistic, bootstrap_difference,
    permutation_two_sample,
};
use lab_stats::{Alternative, ConfidenceLevel, anova, effect, evaluation, power, proportions, ttest};
use proptest::collection::vec;
use proptest::prelude::*;

const LEVEL: ConfidenceLevel = ConfidenceLevel::NINETY_FIVE;

/// Values with ties now and then.
fn sample() -> impl Strategy<Value = Vec<f64>> {
    vec((-40_i32..40).prop_map(|value| f64::from(value) / 8.0), 3..14)
}

fn is_probability(p: f64) -> bool {
    (0.0..=1.0).contains(&p)
}

fn is_close(left: f64, right: f64) -> bool {
    (left - right).abs() <= 1e-9 * (1.0 + left.abs().max(right.abs()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn exchanging_samples_mirrors_a_t_test(a in sample(), b in sample()) {
        let (Ok(one), Ok(two)) = (
            ttest::welch(&a, &b, Alternative::Less, LEVEL),
            ttest::welch(&b, &a, Alternative::Greater, LEVEL),
        ) else { return Ok(()) };
        prop_assert!(is_close(one.statistic.unwrap(), -two.statistic.unwrap()));
        prop_assert!(is_close(one.p_value, two.p_value) && is_probability(one.p_value));
        let (low, high) = (one.estimate.unwrap().interval.unwrap(), two.estimate.unwrap().interval.unwrap());
        prop_assert!(is_close(low.high, -high.low));
        prop_assert!(is_close(one.effect.unwrap().value, -two.effect.unwrap().value));
    }

    #[test]
    fn a_t_test_does_not_see_scale_or_order(a in sample(), b in sample(), power in -200_i32..200) {
        let Ok(plain) = ttest::welch(&a, &b, Alternative::TwoSided, LEVEL) else { return Ok(()) };
        let scale = |values: &[f64]| -> Vec<f64> { values.iter().rev().map(|value| value * 2_f64.powi(power)).collect() };
        let scaled = ttest::welch(&scale(&a), &scale(&b), Alternative::TwoSided, LEVEL).unwrap();
        prop_assert!(is_close(plain.p_value, scaled.p_value));
        prop_assert!(is_close(plain.df.unwrap(), scaled.df.unwrap()));
    }

    #[test]
    fn the_interval_agrees_with_the_test(a in sample(), b in sample()) {
        let Ok(test) = ttest::welch(&a, &b, Alternative::TwoSided, LEVEL) else { return Ok(()) };
        prop_assume!((test.p_value - 0.05).abs() > 1e-9);
        prop_assert_eq!(test.p_value > 0.05, test.estimate.unwrap().interval.unwrap().contains(0.0));
    }

    #[test]
    fn effect_sizes_lie_within_their_intervals(a in sample(), b in sample()) {
        let Ok(effects) = effect::two_sample(&a, &b, LEVEL) else { return Ok(()) };
        prop_assert!((-1.0..=1.0).contains(&effects.cliffs_delta));
        prop_assert!(effects.cohen_d.interval.unwrap().contains(effects.cohen_d.value));
        let g = effects.hedges_g.unwrap();
        prop_assert!(g.value.abs() <= effects.cohen_d.value.abs());
        prop_assert!((g.value - effects.hedges_g_approx).abs() <= 0.02 * g.value.abs());
    }

    #[test]
    fn exchanging_samples_mirrors_a_rank_test(a in sample(), b in sample()) {
        for method in [RankMethod::Auto, RankMethod::Exact, RankMethod::Asymptotic] {
            let ask = |alternative| RankSumOptions { alternative, method, ..RankSumOptions::default() };
            let (Ok(one), Ok(two)) =
                (mann_whitney(&a, &b, ask(Alternative::Less)), mann_whitney(&b, &a, ask(Alternative::Greater)))
            else { return Ok(()) };
            prop_assert!(is_close(one.u1, two.u2));
            prop_assert!(is_close(one.test.p_value, two.test.p_value) && is_probability(one.test.p_value));
            prop_assert!(is_close(one.cliffs_delta, -two.cliffs_delta));
        }
    }

    #[test]
    fn signed_ranks_add_up(a in sample(), b in sample()) {
        let n = a.len().min(b.len());
        let Ok(result) = wilcoxon_signed_rank(&a[..n], &b[..n], SignedRankOptions::default()) else { return Ok(()) };
        let used = result.n_used as f64;
        prop_assert!(is_close(result.t_plus + result.t_minus, used * (used + 1.0) / 2.0));
        prop_assert!(is_probability(result.test.p_value));
    }

    #[test]
    fn an_exact_permutation_test_of_ranks_is_the_rank_test(a in vec(-50.0..50.0, 3..6), b in vec(-50.0..50.0, 3..6)) {
        let pooled = [a.clone(), b.clone()].concat();
        let rank = |value: &f64| pooled.iter().filter(|other| *other <= value).count() as f64;
        let (ranks_a, ranks_b): (Vec<f64>, Vec<f64>) = (a.iter().map(rank).collect(), b.iter().map(rank).collect());
        let permuted = permutation_two_sample(
            &ranks_a, &ranks_b, PermutationStatistic::MeanDifference, Alternative::TwoSided, PermutationMethod::Exact,
        ).unwrap();
        let ranked = mann_whitney(&a, &b, RankSumOptions { method: RankMethod::Exact, ..RankSumOptions::default() });
        prop_assert!(is_close(permuted.p_value, ranked.unwrap().test.p_value));
    }

    #[test]
    fn the_order_of_groups_does_not_matter(a in sample(), b in sample(), c in sample()) {
        let (Ok(one), Ok(two)) = (anova::one_way(&[&a, &b, &c]), anova::one_way(&[&c, &a, &b])) else { return Ok(()) };
        prop_assert!(is_close(one.test.statistic.unwrap(), two.test.statistic.unwrap()));
        prop_assert!(is_probability(one.test.p_value));
        prop_assert!(one.omega_squared <= one.eta_squared);
    }

    #[test]
    fn two_groups_make_analysis_of_variance_a_t_test(a in sample(), b in sample()) {
        let (Ok(f), Ok(t)) = (anova::one_way(&[&a, &b]), ttest::student(&a, &b, Alternative::TwoSided, LEVEL))
        else { return Ok(()) };
        prop_assert!(is_close(f.test.statistic.unwrap(), t.statistic.unwrap().powi(2)));
        prop_assert!(is_close(f.test.p_value, t.p_value));
    }

    #[test]
    fn corrections_keep_order_and_never_lower_a_p_value(p in vec(0.0..=1.0_f64, 1..30)) {
        for correction in [
            Correction::Bonferroni, Correction::Sidak, Correction::Holm, Correction::HolmSidak, Correction::Hochberg,
            Correction::Hommel, Correction::BenjaminiHochberg, Correction::BenjaminiYekutieli,
        ] {
            let adjusted = adjust_all(&p, correction).unwrap();
            for (own, raised) in p.iter().zip(&adjusted) {
                prop_assert!(is_probability(*raised) && *raised >= own - 1e-12);
                for (other, other_raised) in p.iter().zip(&adjusted) {
                    prop_assert!(own > other || *raised <= other_raised + 1e-12);
                }
            }
        }
        let by = |correction| adjust_all(&p, correction).unwrap();
        let chain = [Correction::BenjaminiHochberg, Correction::Hommel, Correction::Hochberg, Correction::Holm, Correction::Bonferroni];
        for pair in chain.windows(2) {
            prop_assert!(by(pair[0]).iter().zip(by(pair[1])).all(|(left, right)| *left <= right + 1e-12));
        }
    }

    #[test]
    fn a_seed_decides_the_bootstrap(a in sample(), b in sample(), seed in any::<u64>()) {
        for statistic in [Statistic::Mean, Statistic::Median, Statistic::InterquartileMean, Statistic::StandardDeviation] {
            for method in [BootstrapMethod::Percentile, BootstrapMethod::Basic, BootstrapMethod::Bca] {
                let options = BootstrapOptions { statistic, method, seed, resamples: 200, ..BootstrapOptions::default() };
                let one = bootstrap_difference(&a, &b, &options);
                prop_assert_eq!(&one, &bootstrap_difference(&a, &b, &options));
                let Ok(one) = one else { continue };
                let interval = one.estimate.interval.unwrap();
                prop_assert!(interval.low <= interval.high);
                prop_assert!(is_probability(one.p_value.unwrap()));
                // The order of values within a sample is no information.
                let reversed: Vec<f64> = a.iter().rev().copied().collect();
                let two = bootstrap_difference(&reversed, &b, &options).unwrap().estimate;
                prop_assert!(is_close(one.estimate.value, two.value));
                prop_assert!(is_close(one.estimate.standard_error.unwrap(), two.standard_error.unwrap()));
            }
        }
    }

    #[test]
    fn proportions_lie_within_their_intervals(successes in 0_u64..40, failures in 0_u64..40) {
        prop_assume!(successes + failures > 0);
        let rate = proportions::Rate::try_new(successes, successes + failures).unwrap();
        for method in [
            proportions::ProportionMethod::Wilson, proportions::ProportionMethod::ClopperPearson,
            proportions::ProportionMethod::AgrestiCoull, proportions::ProportionMethod::Wald,
        ] {
            let interval = proportions::interval(rate, method, LEVEL);
            prop_assert!(0.0 <= interval.low && interval.high <= 1.0 && interval.contains(rate.estimate()));
        }
        let mirrored = proportions::Rate::try_new(failures, successes + failures).unwrap();
        let (one, two) = (
            proportions::interval(rate, proportions::ProportionMethod::Jeffreys, LEVEL),
            proportions::interval(mirrored, proportions::ProportionMethod::Jeffreys, LEVEL),
        );
        prop_assert!(is_close(one.low, 1.0 - two.high));
    }

    #[test]
    fn mcnemar_is_symmetric(b in 0_u64..300, c in 0_u64..300) {
        let (one, two) = (mcnemar([[7, b], [c, 3]]), mcnemar([[7, c], [b, 3]]));
        prop_assert!(is_close(one.p_exact, two.p_exact) && is_probability(one.p_exact));
        prop_assert!(one.p_midp <= one.p_exact);
    }

    #[test]
    fn pass_at_k_grows_with_k(n in 1_u64..300, share in 0.0..=1.0_f64) {
        let c = (share * n as f64) as u64;
        prop_assert!(is_close(evaluation::pass_at_k(n, c, 1).unwrap(), c as f64 / n as f64));
        for k in 1..n {
            prop_assert!(evaluation::pass_at_k(n, c, k).unwrap() <= evaluation::pass_at_k(n, c, k + 1).unwrap() + 1e-12);
            prop_assert!(evaluation::pass_hat_k(n, c, k).unwrap() + 1e-12 >= evaluation::pass_hat_k(n, c, k + 1).unwrap());
        }
    }

    #[test]
    fn power_and_its_inverses_agree(effect_size in 0.1..3.0_f64, goal in 0.2..0.99_f64, ratio in 0.3..3.0_f64) {
        let samples = power::Samples::Two { ratio };
        for alternative in [Alternative::TwoSided, Alternative::Greater] {
            let design = power::TDesign { samples, alpha: 0.05, alternative };
            let size = power::t_sample_size(effect_size, goal, design).unwrap();
            let reached = power::t_power(effect_size, size.n, design).unwrap();
            prop_assert!(reached >= goal - 1e-7);
            let detectable = power::t_detectable_effect(size.n, reached, design).unwrap();
            prop_assert!((detectable - effect_size).abs() < 1e-6 * effect_size);
        }
    }
}
