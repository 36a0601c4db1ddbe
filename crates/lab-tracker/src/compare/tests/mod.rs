mod stored;

use std::collections::BTreeMap;

use lab_model::{
    ContentHash, EnvironmentSnapshot, Error, Experiment, ExperimentId, ExperimentRun, Field, MetricConfig,
    MetricDirection, NewExperiment, Parameters, Reduction, RunId, RunStatus, SeriesKey, SeriesPoints, Timestamp,
};

use super::design::Link;
use super::groups::{self, Condition, Member};
use super::reduce::{self, Number};
use super::types::{Better, CompareRequest, CorrectionChoice, MetricComparison, TestChoice, Unit, Verdict};
use super::verdict::{Question, judge};
use super::{baseline_first, differences, direction, readings};

fn member(number: u64, parameters: &str) -> Member {
    let at = Timestamp::UNIX_EPOCH;
    let parameters: Parameters = serde_json::from_str(parameters).unwrap();
    let run = ExperimentRun {
        id: RunId::new(at),
        experiment_id: "018f0000-0000-7000-8000-000000000001".parse().unwrap(),
        number,
        name: format!("run-{number}"),
        status: RunStatus::Completed,
        parameters,
        environment: None,
        tags: lab_model::Tags::default(),
        logs: lab_model::LogSummary::default(),
        parent_run_id: None,
        created_by: None,
        error: None,
        created_at: at,
        started_at: None,
        ended_at: None,
        heartbeat_at: None,
        revision: 1,
    };
    Member::new(run, "tiny-lm".to_owned())
}

fn members(parameters: &[&str]) -> Vec<Member> {
    parameters.iter().enumerate().map(|(i, text)| member(i as u64 + 1, text)).collect()
}

fn shape(conditions: &[Condition]) -> Vec<(&str, Vec<u64>)> {
    conditions.iter().map(|c| (c.label.as_str(), c.members.iter().map(|m| m.run.number).collect())).collect()
}

/// Groups of runs with seeds 0, 1, 2 …, one for each list.
fn seeded(sides: &[(&str, &[f64])]) -> (Vec<Condition>, Vec<Vec<Number>>) {
    let condition = |(label, values): &(&str, &[f64])| Condition {
        label: (*label).to_owned(),
        members: (0..values.len()).map(|seed| member(seed as u64, &format!(r#"{{"seed": {seed}}}"#))).collect(),
    };
    let numbers = |(_, values): &(&str, &[f64])| values.iter().map(|v| number(*v)).collect();
    (sides.iter().map(condition).collect(), sides.iter().map(numbers).collect())
}

fn number(value: f64) -> Number {
    if value.is_finite() { Number::Finite(value) } else { Number::NotFinite }
}

fn judged(better: Option<Better>, (conditions, numbers): (Vec<Condition>, Vec<Vec<Number>>)) -> MetricComparison {
    let question = Question {
        metric: "val/loss",
        better,
        reduction: Reduction::Last,
        alpha: 0.05,
        unit: Unit::Run,
        test: TestChoice::Auto,
        correction: CorrectionChoice::Holm,
        noise: None,
        is_score: false,
    };
    judge(question, &conditions, &Link::all(&conditions), &numbers).unwrap()
}

#[test]
fn runs_that_differ_only_in_their_seed_are_one_group() {
    let runs = members(&[
        r#"{"hidden": 64, "seed": 0}"#,
        r#"{"hidden": 8, "seed": 0}"#,
        r#"{"hidden": 64, "seed": 1}"#,
        r#"{"hidden": 8.0, "data": {"seed": 3}}"#,
    ]);
    let found = groups::by_all_but_seed(runs.clone(), false);
    assert_eq!(shape(&found), [("hidden=8", vec![2, 4]), ("hidden=64", vec![1, 3])]);
    let in_order = groups::by_all_but_seed(runs, true);
    assert_eq!(shape(&in_order), [("hidden=64", vec![1, 3]), ("hidden=8", vec![2, 4])]);
}

#[test]
fn labels_name_what_differs_and_are_unique() {
    let runs = members(&[r#"{"hidden": 64, "lr": 0.1, "depth": 2}"#, r#"{"hidden": 8, "depth": 2}"#]);
    let found = groups::by_all_but_seed(runs, true);
    assert_eq!(shape(&found), [("hidden=64, lr=0.1", vec![1]), ("hidden=8, no lr", vec![2])]);
    let mut twins = members(&["{}", "{}"]);
    twins[1].run.name = "run-1".to_owned();
    let single = groups::single(twins);
    assert_eq!(shape(&single), [("run-1 (tiny-lm#1)", vec![1]), ("run-1 (tiny-lm#2)", vec![2])]);
}

#[test]
fn groups_by_a_field_are_sorted_by_number_and_the_rest_comes_last() {
    let mut runs = members(&[r#"{"n": 100}"#, r#"{"n": 9}"#, "{}", r#"{"n": "x"}"#, r#"{"n": 9.5, "other": 1}"#]);
    runs[2].run.tags.0.insert("team".to_owned(), "blue".to_owned());
    let by_n = groups::by_fields(runs.clone(), &groups::parse_fields(&["params.n".to_owned()]).unwrap());
    let labels: Vec<&str> = by_n.iter().map(|c| c.label.as_str()).collect();
    assert_eq!(labels, ["n=9", "n=9.5", "n=100", "n=x", "no n"]);
    let by_team = groups::by_fields(runs, &[Field::Tag("team".to_owned())]);
    assert_eq!(shape(&by_team), [("team=blue", vec![3]), ("no team", vec![1, 2, 4, 5])]);
}

#[test]
fn only_conditions_make_groups() {
    assert_eq!(groups::parse_fields(&["experiment".to_owned()]).unwrap(), [Field::ExperimentId]);
    for bad in ["metrics.loss", "created_at", "hidden"] {
        let error = groups::parse_fields(&["name".to_owned(), bad.to_owned()]).unwrap_err();
        assert_eq!(error.field(), Some("group_by[1]"), "{bad}: {error}");
    }
}

#[test]
fn the_baseline_comes_first_and_the_rest_keeps_its_order() {
    let groups = || seeded(&[("n=1", &[1.0]), ("n=2", &[1.0]), ("n=3", &[1.0])]).0;
    for wanted in ["n=3", "3"] {
        let mut conditions = groups();
        baseline_first(&mut conditions, Some(wanted)).unwrap();
        let labels: Vec<&str> = conditions.iter().map(|c| c.label.as_str()).collect();
        assert_eq!(labels, ["n=3", "n=1", "n=2"]);
    }
    let error = baseline_first(&mut groups(), Some("n=4")).unwrap_err();
    assert_eq!(error.to_string(), "`baseline` is `n=4`; the groups are n=1; n=2; n=3");
}

#[test]
fn the_same_seeds_once_each_make_a_paired_design() {
    let (conditions, _) = seeded(&[("a", &[1.0, 2.0]), ("b", &[1.0, 2.0]), ("c", &[1.0, 2.0, 3.0])]);
    let check = |a: &Condition, b: &Condition| groups::paired_seeds(&[a, b]);
    assert!(check(&conditions[0], &conditions[1]));
    assert!(!check(&conditions[0], &conditions[2]));
    let twins = Condition { label: "t".to_owned(), members: members(&[r#"{"seed": 0}"#, r#"{"seed": 0}"#]) };
    assert!(!check(&twins, &twins));
    let unseeded = Condition { label: "u".to_owned(), members: members(&["{}"]) };
    assert!(!check(&unseeded, &unseeded));
}

#[test]
fn a_paired_difference_is_said_with_its_numbers_and_its_test() {
    let sides = seeded(&[("hidden=32", &[2.40, 2.60, 2.50, 2.45]), ("hidden=64", &[2.31, 2.49, 2.40, 2.37])]);
    let found = judged(Some(Better::Lower), sides);
    let pair = &found.pairs[0];
    assert_eq!(found.best.as_deref(), Some("hidden=64"));
    assert_eq!((pair.verdict, pair.test.as_deref()), (Verdict::Better, Some("paired t test")));
    assert_eq!(pair.effect.as_ref().unwrap().name, "hedges_gz");
    assert_eq!(
        pair.sentence,
        "hidden=64 is better than hidden=32: mean val/loss (last) 2.393 against 2.487, a difference of -0.095 (-3.8%; 95% \
         interval -0.1155 to -0.07446), p = 0.0007 (one pair, so nothing to correct for), by a paired t test, because both \
         sides ran the same 4 seeds once each."
    );
    let turned = judged(Some(Better::Higher), seeded(&[("a", &[2.40, 2.60, 2.50]), ("b", &[2.31, 2.49, 2.40])]));
    assert_eq!(turned.pairs[0].verdict, Verdict::Worse);
    let unknown = judged(None, seeded(&[("a", &[2.40, 2.60, 2.50]), ("b", &[2.31, 2.49, 2.40])]));
    assert_eq!((unknown.pairs[0].verdict, unknown.best), (Verdict::Different, None));
}

#[test]
fn no_evidence_says_what_more_runs_would_show() {
    let (conditions, numbers) = seeded(&[("a", &[1.0, 2.0, 3.0]), ("b", &[1.5, 2.5, 3.5, 2.1])]);
    let pair = judged(Some(Better::Lower), (conditions, numbers)).pairs.remove(0);
    assert_eq!((pair.verdict, pair.test.as_deref()), (Verdict::NoEvidence, Some("Welch's t test")));
    assert!(pair.runs_needed.unwrap() > 4);
    assert!(pair.sentence.starts_with("No evidence that b differs from a: mean val/loss (last) 2.4 against 2"));
    assert!(
        pair.sentence.contains("by Welch's t test over 4 against 3 runs, because the two sides did not run the same")
    );
    assert!(pair.sentence.ends_with("more) would show it with 80% power."), "{}", pair.sentence);
}

#[test]
fn single_runs_are_described_and_not_tested() {
    let pair = judged(Some(Better::Lower), seeded(&[("a", &[2.0]), ("b", &[1.5])])).pairs.remove(0);
    assert_eq!((pair.verdict, pair.p_value, pair.difference), (Verdict::TooFewSamples, None, Some(-0.5)));
    assert_eq!(
        pair.sentence,
        "Too few runs to test b against a: val/loss (last) is 1.5 in 1 run against 2 in 1 run (-25.0%), which describes \
         these runs and no more, because the steps of one run are not independent samples and how much a repetition \
         varies is not known; run each with at least two seeds."
    );
}

#[test]
fn values_that_do_not_vary_get_no_p_value() {
    let check = |sides: &[(&str, &[f64])], verdict: Verdict, begins: &str| {
        let pair = judged(Some(Better::Lower), seeded(sides)).pairs.remove(0);
        assert_eq!((pair.verdict, pair.p_value, pair.p_adjusted), (verdict, None, None));
        assert!(pair.sentence.starts_with(begins), "{}", pair.sentence);
    };
    check(&[("a", &[2.0; 3]), ("b", &[2.0; 4])], Verdict::NoEvidence, "Every run of b has the same");
    check(&[("a", &[2.0, 3.0]), ("b", &[2.0, 3.0])], Verdict::NoEvidence, "Every run of b has the same");
    check(&[("a", &[2.0; 3]), ("b", &[1.5; 4])], Verdict::Different, "b differs from a by -0.5 in val/loss (last)");
    check(&[("a", &[2.0, 3.0]), ("b", &[2.5, 3.5])], Verdict::Different, "b differs from a by 0.5 in val/loss (last)");
    check(&[("a", &[f64::NAN]), ("b", &[1.5])], Verdict::TooFewSamples, "No run of a has a finite val/loss");
}

#[test]
fn a_run_that_diverged_takes_its_partner_out_of_the_pairs() {
    let sides = seeded(&[("a", &[1.0, 2.0, 3.0, 4.0]), ("b", &[1.6, 2.4, f64::NAN, 4.5])]);
    let found = judged(Some(Better::Lower), sides);
    assert_eq!((found.samples[1].n, found.samples[1].excluded), (3, 1));
    assert!((found.pairs[0].difference.unwrap() - 0.5).abs() < 1e-12);
    assert!(found.pairs[0].sentence.contains("over 3 of 4 seeds"), "{}", found.pairs[0].sentence);
}

#[test]
fn holm_corrects_over_the_pairs_that_were_tested() {
    let sides = seeded(&[
        ("a", &[1.0, 1.1, 0.9, 1.05]),
        ("b", &[1.3, 1.35, 1.25, 1.2]),
        ("c", &[1.02, 1.08, 0.97, 1.0]),
        ("d", &[f64::NAN; 4]),
    ]);
    let found = judged(None, sides);
    let p: Vec<_> = found.pairs.iter().map(|pair| (pair.p_value, pair.p_adjusted)).collect();
    assert_eq!(p[0].1.unwrap(), 2.0 * p[0].0.unwrap());
    assert_eq!(p[1].0, p[1].1);
    assert_eq!(p[2], (None, None));
    assert!(found.pairs[0].sentence.contains("after Holm's correction for 2 pairs"));
}

#[test]
fn curves_become_numbers() {
    let mut points = SeriesPoints::new("loss".into());
    for (value, step) in [(9.0, 0), (5.0, 10), (3.0, 10), (1.0, 20)] {
        points.push(value, Some(step), 0);
    }
    let check = |reduction, expected| assert_eq!(reduce::of_points(&points, reduction), expected, "{reduction:?}");
    check(Reduction::AtStep { step: 15 }, Number::Finite(3.0));
    check(Reduction::AtStep { step: -1 }, Number::Absent);
    check(Reduction::MeanOfLast { steps: 2 }, Number::Finite(3.0));
    check(Reduction::MeanOfLast { steps: 99 }, Number::Finite(4.5));
    check(Reduction::AreaUnderCurve, Number::Finite(4.0));
    let mut unstepped = SeriesPoints::new("loss".into());
    assert_eq!(reduce::of_points(&unstepped, Reduction::AreaUnderCurve), Number::Absent);
    for value in [1.0, 2.0, 4.0] {
        unstepped.push(value, None, 0);
    }
    assert_eq!(reduce::of_points(&unstepped, Reduction::MeanOfLast { steps: 2 }), Number::Finite(3.0));
    points.push(f64::NAN, Some(30), 0);
    assert_eq!(reduce::of_points(&points, Reduction::AreaUnderCurve), Number::NotFinite);
    let mut wide = SeriesPoints::new("loss".into());
    wide.push(2.0, Some(i64::MIN), 0);
    wide.push(4.0, Some(i64::MAX), 0);
    assert_eq!(reduce::of_points(&wide, Reduction::AreaUnderCurve), Number::Finite(3.0));
}

fn experiment(name: &str, direction: Option<MetricDirection>) -> (ExperimentId, Experiment) {
    let mut new = NewExperiment { name: name.to_owned(), ..NewExperiment::default() };
    new.config.metrics = vec![MetricConfig { direction, ..MetricConfig::new("loss") }];
    let id = ExperimentId::new(Timestamp::UNIX_EPOCH);
    (id, Experiment::create(id, new, None, Timestamp::UNIX_EPOCH).unwrap())
}

#[test]
fn the_direction_comes_from_the_request_then_from_the_experiments() {
    use direction::Direction::{Contradictory, Known, Unknown};
    let (down, up) = (Some(MetricDirection::Minimize), Some(MetricDirection::Maximize));
    let mut request = CompareRequest::default();
    let of = |request: &CompareRequest, said: &[Option<MetricDirection>]| {
        let all = said.iter().enumerate().map(|(i, direction)| experiment(&format!("e{i}"), *direction)).collect();
        direction::of(&SeriesKey::named("loss"), request, &all)
    };
    assert_eq!(of(&request, &[None, down]), Known(Better::Lower));
    assert_eq!(of(&request, &[up, down]), Contradictory);
    assert_eq!(of(&request, &[None]), Unknown);
    request.better.insert("loss".to_owned(), Better::Higher);
    assert_eq!(of(&request, &[down]), Known(Better::Higher));
}

#[test]
fn metrics_are_those_asked_for_or_those_that_all_groups_have() {
    let (conditions, _) = seeded(&[("a", &[1.0]), ("b", &[1.0])]);
    let mut found = readings::Readings::new();
    let ids: Vec<RunId> = conditions.iter().map(|c| c.members[0].run.id).collect();
    let val = SeriesKey { context: [("split".to_owned(), "val".to_owned())].into(), ..SeriesKey::named("loss") };
    let machine = SeriesKey::named("system/cpu");
    for (key, runs) in
        [("loss".into(), &ids[..]), (val, &ids[..]), ("acc".into(), &ids[..1]), (machine.clone(), &ids[..])]
    {
        found.insert(key, runs.iter().map(|id| (*id, readings::Reading::default())).collect());
    }
    let names = |asked: &[&str]| {
        let asked: Vec<String> = asked.iter().map(|name| (*name).to_owned()).collect();
        let chosen = readings::choose(&found, &asked, &conditions);
        chosen.map(|keys| keys.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    assert_eq!(names(&[]).unwrap(), ["loss", "loss{split=val}"]);
    assert_eq!(names(&["acc", "loss{split=val}", "loss"]).unwrap(), ["acc", "loss{split=val}", "loss"]);
    assert_eq!(names(&["system/cpu"]).unwrap(), ["system/cpu"]);
    let only_machine = [(machine, found[&SeriesKey::named("loss")].clone())].into();
    assert_eq!(readings::choose(&only_machine, &[], &conditions).unwrap().len(), 1, "there is nothing else");
    assert!(matches!(names(&["los"]), Err(Error::Invalid { field, .. }) if field == "metrics[0]"));
}

#[test]
fn differences_are_between_groups_and_not_within_them() {
    let mut conditions = groups::by_all_but_seed(
        members(&[
            r#"{"hidden": 8, "seed": 0, "model": {"act": "relu"}}"#,
            r#"{"hidden": 8, "seed": 1, "model": {"act": "relu"}}"#,
            r#"{"hidden": 64, "seed": 0}"#,
            r#"{"hidden": 64, "seed": 1}"#,
        ]),
        true,
    );
    let found = differences::parameters(&conditions);
    let found: Vec<_> = found.into_iter().map(|d| (d.path, d.values)).collect();
    let texts = |values: &[&[&str]]| -> Vec<Vec<String>> {
        values.iter().map(|v| v.iter().map(|t| (*t).to_owned()).collect()).collect()
    };
    let expected = [("hidden", texts(&[&["8"], &["64"]])), ("model.act", texts(&[&["relu"], &[]]))];
    assert_eq!(found, expected.map(|(path, values)| (path.to_owned(), values)));

    let snapshots: Vec<EnvironmentSnapshot> = ["a", "b", "c"]
        .into_iter()
        .map(|host| EnvironmentSnapshot { hostname: Some(host.to_owned()), ..EnvironmentSnapshot::default() })
        .collect();
    let by_hash: BTreeMap<ContentHash, EnvironmentSnapshot> =
        snapshots.iter().map(|snapshot| (snapshot.content_hash(), snapshot.clone())).collect();
    let mut run_on = |hosts: [usize; 4]| {
        for (member, host) in conditions.iter_mut().flat_map(|c| &mut c.members).zip(hosts) {
            member.run.environment = Some(snapshots[host].content_hash());
        }
        let found = differences::environment(&conditions, &by_hash);
        found.into_iter().map(|d| (d.path, d.values)).collect::<Vec<_>>()
    };
    assert_eq!(run_on([0, 1, 1, 0]), []);
    assert_eq!(run_on([0, 1, 2, 1]), [("hostname".to_owned(), texts(&[&["a", "b"], &["b", "c"]]))]);
}
