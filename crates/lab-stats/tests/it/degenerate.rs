//! Data that have no answer, or hardly one.

use lab_stats::equivalence::{Margin, tost_independent};
use lab_stats::rank::{RankMethod, RankSumOptions, mann_whitney};
use lab_stats::resample::{
    BootstrapOptions, PermutationMethod, PermutationStatistic, bootstrap, permutation_two_sample,
};
use lab_stats::ttest::Variances;
use lab_stats::{Alternative, ConfidenceLevel, StatsError, answer, cases, correction, evaluation, normality, ttest};
use serde_json::{Value, json};

const LEVEL: ConfidenceLevel = ConfidenceLevel::NINETY_FIVE;

/// Every procedure that takes samples, on these data: an answer without NaN, or an error.
fn check_all(a: &[Value], b: &[Value]) {
    let pooled: Vec<Value> = a.iter().chain(b).cloned().collect();
    let pairs: Vec<Value> = a.iter().zip(b).map(|(x, y)| json!([x, y])).collect();
    let clusters: Vec<usize> = (0..pooled.len()).map(|index| index / 2).collect();
    let both = json!({"a": a, "b": b});
    for test in cases::known_tests() {
        let input = match test {
            "t_test_one_sample" | "shapiro_wilk" | "tost_one_sample" => json!({"a": a}),
            "kruskal_wallis" | "anova_one_way" | "anova_welch" | "levene" | "bartlett" | "tukey_hsd"
            | "games_howell" | "dunn" => json!({"groups": [a, b]}),
            "friedman" | "nemenyi" | "cochrans_q" | "resampled_mean" => json!({"matrix": pairs}),
            "aggregate_scores" => json!({"a": pairs, "b": pairs}),
            "clustered_mean" => json!({"scores": pooled, "clusters": clusters}),
            "clustered_paired_difference" => {
                json!({"a": a, "b": b, "clusters": &clusters[..a.len().min(clusters.len())]})
            }
            "adjust_p_values" => json!({"p_values": pooled}),
            _ => both.clone(),
        };
        let params = match test {
            "tost_independent" | "tost_paired" | "tost_one_sample" => json!({"low": -1, "high": 1}),
            "bootstrap_ci" | "aggregate_scores" => json!({"n_resamples": 50}),
            _ => Value::Null,
        };
        match answer(test, &params, &input) {
            Ok(reply) => assert!(
                !Value::Object(reply.clone()).to_string().contains("null") || test == "adjust_p_values",
                "{test}: {reply:?}"
            ),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}

#[test]
fn nothing_panics_and_nothing_is_nan() {
    let samples = [
        json!([]),
        json!([1]),
        json!([1, 1]),
        json!([1, 2]),
        json!([0, 0, 0]),
        json!([-0.0, 0.0, 1e-320]),
        json!([1e308, -1e308, 1e308]),
        json!([1e-200, 3e-200, 2e-200, 7e-200]),
        json!([1, null, 2]),
        json!(["NaN", 1, 2]),
        json!(["Infinity", 1, 2]),
        json!([0, 1, 1, 0]),
        json!([0.5, 0.5, 0.5, 1e16]),
    ];
    for (index, a) in samples.iter().enumerate() {
        for step in [0, 1, 5] {
            let b = &samples[(index + step) % samples.len()];
            check_all(a.as_array().expect("a list"), b.as_array().expect("a list"));
        }
    }
}

#[track_caller]
fn refuses<T: std::fmt::Debug>(result: Result<T, StatsError>, says: &str) {
    let message = result.expect_err("must be refused").to_string();
    assert!(message.contains(says), "{message}");
}

#[test]
fn refusals_say_what_to_do() {
    let welch = |a: &[f64], b: &[f64]| ttest::welch(a, b, Alternative::TwoSided, LEVEL);
    refuses(welch(&[], &[1.0, 2.0]), "`a` has 0 values; give at least 2");
    refuses(welch(&[1.0, f64::NAN], &[1.0, 2.0]), "`a` holds NaN at index 1");
    refuses(welch(&[1.0, 1.0], &[2.0, 2.0]), "do not vary");
    refuses(ttest::paired(&[1.0], &[1.0, 2.0], Alternative::TwoSided, LEVEL), "give equally many");
    // 0.1 + 0.2 - 0.3 is not zero; rounding error is no variation.
    refuses(ttest::paired(&[0.3, 0.7, 0.5], &[0.1, 0.5, 0.3], Alternative::TwoSided, LEVEL), "do not vary");
    refuses(normality::shapiro_wilk(&[2.0; 10]), "all values are equal");
    refuses(ConfidenceLevel::try_new(1.0), "between 0 and 1");
    refuses(Margin::try_new(1.0, 1.0), "low below high");
    refuses(correction::holm(&[0.5, 1.5]), "`p_values[1]` is 1.5");
    refuses(evaluation::pass_at_k(5, 6, 1), "at most n");
    refuses(bootstrap(&[3.0, 3.0], &BootstrapOptions::default()), "do not vary");
    let many = vec![0.5; 10_000_000];
    refuses(bootstrap(&[many.as_slice(), &[1.0]].concat(), &BootstrapOptions::default()), "fewer resamples");
    let (a, b) = (vec![1.0; 40], vec![2.0; 40]);
    let exact = PermutationMethod::Exact;
    let statistic = PermutationStatistic::MeanDifference;
    refuses(permutation_two_sample(&a, &b, statistic, Alternative::TwoSided, exact), "ask for `monte_carlo`");
    let options = RankSumOptions { method: RankMethod::Exact, ..RankSumOptions::default() };
    let (a, b): (Vec<f64>, Vec<f64>) =
        ((0..2000).map(f64::from).collect(), (0..2000).map(|i| f64::from(i) + 0.5).collect());
    refuses(mann_whitney(&a, &b, options), "ask for `asymptotic`");
}

#[test]
fn unknown_names_list_the_known_ones() {
    refuses(answer("t_tset", &Value::Null, &Value::Null), "t_test_independent");
    refuses(answer("mcnemar", &json!({"exact": true}), &json!({"table": [[1, 2], [3, 4]]})), "no parameter `exact`");
    refuses(answer("t_test_paired", &Value::Null, &json!({"c": [1]})), "known: a, b");
    refuses(answer("t_test_paired", &Value::Null, &json!({"a": [1]})), "`b` is missing");
    let params = json!({"alternative": "bigger"});
    refuses(answer("t_test_paired", &params, &json!({"a": [1, 2], "b": [2, 4]})), "two-sided, less, greater");
    refuses(answer("pass_at_k", &json!({"k": 1.5}), &json!({"n": 3, "c": 1})), "a count");
}

#[test]
fn a_plan_is_solved_for_what_is_not_given() {
    let solve = |params: Value| answer("power_t_independent", &params, &Value::Null).expect("it has an answer");
    let is_near = |value: &Value, wanted: f64| (value.as_f64().expect("a number") - wanted).abs() < 1e-4;
    assert!(is_near(&solve(json!({"effect_size": 0.8, "power": 0.8}))["n1"], 25.524_58));
    assert!(is_near(&solve(json!({"effect_size": 0.8, "n": 25.524_58}))["power"], 0.8));
    assert!(is_near(&solve(json!({"n": 25.524_58, "power": 0.8}))["effect_size"], 0.8));
}

#[test]
fn small_and_equal_samples_have_defined_answers() {
    let values = [1.0, 2.0, 3.0];
    let test = ttest::welch(&values, &values, Alternative::TwoSided, LEVEL).expect("identical samples vary");
    assert_eq!((test.statistic, test.p_value), (Some(0.0), 1.0));
    let one = mann_whitney(&[1.0], &[2.0], RankSumOptions::default()).expect("one value each has ranks");
    assert_eq!(one.test.p_value, 1.0);
    let constant = permutation_two_sample(
        &[2.0, 2.0],
        &[2.0, 2.0],
        PermutationStatistic::MeanDifference,
        Alternative::TwoSided,
        PermutationMethod::Exact,
    );
    assert_eq!(constant.expect("labels of equal values can be exchanged").p_value, 1.0);
    let margin = Margin::try_new(-1.0, 1.0).expect("low is below high");
    assert!(tost_independent(&values, &values, margin, Variances::Unequal).is_ok());
}

#[test]
fn infinite_ends_are_written_as_text() {
    let test = ttest::welch(&[1.0, 2.0], &[3.0, 5.0], Alternative::Less, LEVEL).expect("samples vary");
    let written = serde_json::to_value(&test).expect("results serialise");
    assert_eq!(written["estimate"]["interval"]["low"], "-Infinity");
    assert_eq!(written["alternative"], "less");
    assert_eq!(written["estimate"]["interval"]["level"], 0.95);
}
