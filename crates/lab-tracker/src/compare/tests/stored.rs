//! Comparisons over a real store.

use lab_model::{
    Code, EnvironmentSnapshot, ExpectedDirection, Experiment, ExperimentPatch, ExperimentStatus, Hypothesis, Judgement,
    Metadata, MetricConfig, MetricDirection, NewExperiment, OptimizationTarget, Outcome, Parameters, Reduction,
    RunError, RunId, RunStatus, SeriesKey, SeriesPoints, Settings, Threshold, ThresholdDirection,
};
use tempfile::TempDir;

use super::super::types::{
    Against, Better, CompareRequest, Comparison, CorrectionChoice, GroupRequest, TestChoice, Unit, Verdict,
};
use super::super::{GateRequest, NoiseRequest};
use crate::{NewRun, Tracker};

struct Lab {
    tracker: Tracker,
    _folder: TempDir,
}

impl Lab {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tracker = Tracker::open(folder.path(), Settings::default()).await.unwrap();
        Self { tracker, _folder: folder }
    }

    async fn experiment(&self, new: NewExperiment) -> Experiment {
        let experiment = self.tracker.create_experiment(new, None).await.unwrap();
        self.tracker.move_experiment(experiment.id, ExperimentStatus::Active).await.unwrap()
    }

    /// A running run with a curve that falls to `last` over steps 0, 10 … 100.
    async fn run(&self, experiment: &Experiment, parameters: &str, last: f64) -> RunId {
        let parameters: Parameters = serde_json::from_str(parameters).unwrap();
        let new = NewRun {
            id: None,
            experiment: experiment.id,
            name: None,
            parameters,
            tags: lab_model::Tags::default(),
            parent_run_id: None,
            user: None,
            status: RunStatus::Running,
            started_at: None,
        };
        let run = self.tracker.create_run(new).await.unwrap();
        let mut points = SeriesPoints::new(SeriesKey::named("val/loss"));
        for step in 0..=10 {
            points.push(last + f64::from(10 - step), Some(i64::from(step) * 10), i64::from(step));
        }
        self.tracker.log_points(run.id, vec![points]).await.unwrap();
        run.id
    }

    /// Two widths with three seeds each, the second lower by about 0.4.
    async fn tiny(&self) -> Experiment {
        let new = NewExperiment { name: "tiny-lm".to_owned(), ..NewExperiment::default() };
        let experiment = self.experiment(new).await;
        for (hidden, losses) in [(64, [2.0, 2.2, 2.1]), (8, [2.41, 2.59, 2.5])] {
            for (seed, loss) in losses.into_iter().enumerate() {
                let id = self.run(&experiment, &format!(r#"{{"hidden": {hidden}, "seed": {seed}}}"#), loss).await;
                self.tracker.complete_run(id, Vec::new()).await.unwrap();
            }
        }
        experiment
    }

    async fn compare(&self, request: CompareRequest) -> Comparison {
        let again = request.clone();
        let found = self.tracker.compare(request).await.unwrap();
        assert_eq!(self.tracker.compare(again).await.unwrap(), found, "a comparison depends on nothing but the store");
        let json = serde_json::to_string(&found).unwrap();
        assert_eq!(serde_json::from_str::<Comparison>(&json).unwrap(), found);
        found
    }

    async fn refused(&self, request: CompareRequest) -> String {
        let error = self.tracker.compare(request).await.unwrap_err();
        assert!(matches!(error.code(), Code::ValidationError | Code::NotFound), "{error}");
        error.to_string()
    }
}

fn of_tiny() -> CompareRequest {
    CompareRequest { experiments: vec!["tiny-lm".to_owned()], ..CompareRequest::default() }
}

fn codes(comparison: &Comparison) -> Vec<&str> {
    comparison.warnings.iter().map(|warning| warning.code.as_str()).collect()
}

fn labels(comparison: &Comparison) -> Vec<(&str, usize)> {
    comparison.groups.iter().map(|group| (group.label.as_str(), group.runs.len())).collect()
}

#[tokio::test]
async fn seeds_fold_and_the_wider_model_is_better() {
    let lab = Lab::new().await;
    lab.tiny().await;
    let better = [("val/loss".to_owned(), Better::Lower)].into();
    let found = lab.compare(CompareRequest { better, ..of_tiny() }).await;
    assert_eq!(labels(&found), [("hidden=8", 3), ("hidden=64", 3)]);
    let metric = &found.metrics[0];
    assert_eq!((metric.name.as_str(), metric.best.as_deref()), ("val/loss", Some("hidden=64")));
    assert_eq!(metric.pairs[0].verdict, Verdict::Better, "{}", metric.pairs[0].sentence);
    assert_eq!(metric.pairs[0].test.as_deref(), Some("paired t test"));
    assert_eq!(found.parameters.len(), 1);
    assert_eq!(found.parameters[0].values, [["8"], ["64"]]);
    assert_eq!(codes(&found), [""; 0], "{:?}", found.warnings);

    let group_by = vec!["params.hidden".to_owned()];
    let grouped = lab.compare(CompareRequest { group_by, baseline: Some("64".to_owned()), ..of_tiny() }).await;
    assert_eq!(labels(&grouped), [("hidden=64", 3), ("hidden=8", 3)]);
    assert_eq!(grouped.metrics[0].pairs[0].verdict, Verdict::Different);
}

#[tokio::test]
async fn every_reduction_reads_the_same_runs() {
    let lab = Lab::new().await;
    lab.tiny().await;
    let better: std::collections::BTreeMap<_, _> = [("val/loss".to_owned(), Better::Lower)].into();
    for (reduction, first) in [
        (Reduction::Last, 2.41),
        (Reduction::Best, 2.41),
        (Reduction::Min, 2.41),
        (Reduction::Max, 12.41),
        (Reduction::Mean, 7.41),
        (Reduction::MeanOfLast { steps: 3 }, 3.41),
        (Reduction::AtStep { step: 55 }, 7.41),
        (Reduction::AreaUnderCurve, 7.41),
    ] {
        let found = lab.compare(CompareRequest { reduction, better: better.clone(), ..of_tiny() }).await;
        let value = found.metrics[0].samples[0].values[0].unwrap();
        assert!((value - first).abs() < 1e-9, "{reduction:?}: {value}");
    }
}

#[tokio::test]
async fn named_runs_and_named_groups_are_compared_in_their_order() {
    let lab = Lab::new().await;
    lab.tiny().await;
    let names = |numbers: &[u64]| numbers.iter().map(|n| format!("tiny-lm#{n}")).collect::<Vec<_>>();
    let found = lab.compare(CompareRequest { runs: names(&[1, 4]), ..CompareRequest::default() }).await;
    assert_eq!(labels(&found), [("hidden=64", 1), ("hidden=8", 1)]);
    assert_eq!(found.metrics[0].pairs[0].verdict, Verdict::TooFewSamples);
    assert_eq!(codes(&found), ["no_repetitions"]);
    let seeds = lab.compare(CompareRequest { runs: names(&[2, 1]), ..CompareRequest::default() }).await;
    assert_eq!(labels(&seeds), [("run-2", 1), ("run-1", 1)]);

    let group = |label: &str, numbers: &[u64]| GroupRequest { label: label.to_owned(), runs: names(numbers) };
    let groups = vec![group("new", &[1, 2, 2]), group("old", &[4, 5])];
    let found = lab.compare(CompareRequest { groups, ..CompareRequest::default() }).await;
    assert_eq!(labels(&found), [("new", 2), ("old", 2)]);
    let groups = vec![group("new", &[1, 2]), group("old", &[2, 5])];
    let twice = lab.refused(CompareRequest { groups, ..CompareRequest::default() }).await;
    assert!(twice.starts_with("`groups[1].runs` holds run"), "{twice}");
}

#[tokio::test]
async fn questions_without_an_answer_are_refused_with_what_to_do() {
    let lab = Lab::new().await;
    lab.tiny().await;
    let filter = |text: &str| CompareRequest { query: Some(text.to_owned()), ..of_tiny() };
    for (request, begins) in [
        (CompareRequest::default(), "`runs` is empty; name"),
        (filter("params.hidden = 8"), "`group_by` is empty, and the 3 runs differ in nothing but their seed"),
        (filter("params.hidden = 5"), "`query` gives no run"),
        (filter("params.hidden ="), "`query` "),
        (CompareRequest { alpha: 0.0, ..of_tiny() }, "`alpha` is 0; it must be"),
        (CompareRequest { metrics: vec!["acc".to_owned()], ..of_tiny() }, "`metrics[0]` is `acc`, which none"),
        (CompareRequest { baseline: Some("x".to_owned()), ..of_tiny() }, "`baseline` is `x`; the groups are hidden=8"),
        (
            CompareRequest { reduction: Reduction::Best, metrics: vec!["val/loss".to_owned()], ..of_tiny() },
            "`reduction` is `best`, and which way `val/loss` is better is not known",
        ),
        (CompareRequest { group_by: vec!["experiment".to_owned()], ..of_tiny() }, "`group_by` puts all 6 runs"),
        (CompareRequest { experiments: vec!["nothing".to_owned()], ..CompareRequest::default() }, "no experiment"),
    ] {
        let error = lab.refused(request).await;
        assert!(error.starts_with(begins), "{error}");
    }
}

#[tokio::test]
async fn what_could_fool_a_reader_is_said() {
    let lab = Lab::new().await;
    let mut new = NewExperiment { name: "tuned".to_owned(), ..NewExperiment::default() };
    new.config.metrics =
        vec![MetricConfig { direction: Some(MetricDirection::Minimize), ..MetricConfig::new("val/loss") }];
    new.config.parameters.optimization_target = Some(OptimizationTarget {
        metric: "val/loss".to_owned(),
        direction: MetricDirection::Minimize,
        constraints: Vec::new(),
    });
    let experiment = lab.experiment(new).await;
    let longer = |value| {
        let mut points = SeriesPoints::new(SeriesKey::named("val/loss"));
        points.push(value, Some(200), 0);
        vec![points]
    };
    for (index, (lr, last)) in [(1, 1.0), (1, f64::NAN), (2, 1.5), (2, 1.6)].into_iter().enumerate() {
        let seed = index % 2;
        let parameters = format!(r#"{{"lr": {lr}, "seed": {seed}, "dataset": "d{lr}", "depth": {seed}}}"#);
        let id = lab.run(&experiment, &parameters, 1.0).await;
        let hostname = Some(format!("host-{lr}"));
        let mut snapshot = EnvironmentSnapshot { hostname, ..EnvironmentSnapshot::default() };
        snapshot.git = Some(lab_model::GitState { commit: Some(format!("c{lr}")), ..Default::default() });
        if index != 3 {
            lab.tracker.set_environment(id, snapshot).await.unwrap();
        }
        lab.tracker.log_points(id, if lr == 1 { longer(last) } else { Vec::new() }).await.unwrap();
        if index == 0 {
            let error = RunError {
                error_type: "OutOfMemory".to_owned(),
                message: "no".to_owned(),
                stack_trace: None,
                time: lab.tracker.now(),
                recoverable: false,
                context: lab_model::ErrorContext::new(),
            };
            lab.tracker.fail_run(id, error).await.unwrap();
        }
    }
    let request = CompareRequest {
        experiments: vec!["tuned".to_owned()],
        group_by: vec!["params.lr".to_owned()],
        ..CompareRequest::default()
    };
    let found = lab.compare(request).await;
    assert_eq!(found.metrics[0].better, Some(Better::Lower));
    assert_eq!(found.metrics[0].samples[0].excluded, 1);
    assert_eq!(
        codes(&found),
        [
            "excluded_runs",
            "unfinished_runs",
            "unequal_steps",
            "differing_data",
            "tuned_metric",
            "mixed_groups",
            "differing_code",
            "unknown_environment",
        ],
        "{:#?}",
        found.warnings
    );
    let said = |code: &str| found.warnings.iter().find(|w| w.code == code).map(|w| w.sentence.as_str()).unwrap();
    assert!(said("unfinished_runs").starts_with("4 runs did not complete (3 running, 1 failed);"));
    assert!(said("unequal_steps").contains("lr=1: 200, lr=2: 100"));
    let hosts = found.environment.iter().find(|difference| difference.path == "hostname").unwrap();
    assert_eq!(hosts.values, [["host-1"], ["host-2"]]);
}

#[tokio::test]
async fn experiments_differ_by_their_configuration() {
    let lab = Lab::new().await;
    lab.tiny().await;
    let mut new = NewExperiment { name: "other".to_owned(), ..NewExperiment::default() };
    new.config.reproducibility.global_seed = Some(7);
    let other = lab.experiment(new).await;
    let id = lab.run(&other, r#"{"hidden": 8, "seed": 0}"#, 2.0).await;
    lab.tracker.complete_run(id, Vec::new()).await.unwrap();
    let request =
        CompareRequest { experiments: vec!["other".to_owned(), "tiny-lm".to_owned()], ..CompareRequest::default() };
    let found = lab.compare(request).await;
    assert_eq!(labels(&found), [("other, hidden=8", 1), ("tiny-lm, hidden=8", 3), ("tiny-lm, hidden=64", 3)]);
    assert_eq!(found.configuration.len(), 1, "{:?}", found.configuration);
    assert_eq!(found.configuration[0].path, "reproducibility.global_seed");
}

fn plan(planned_runs: u32) -> Hypothesis {
    Hypothesis {
        name: "wide".to_owned(),
        metric: "val/loss".to_owned(),
        reduction: Reduction::Last,
        treatment: "params.hidden = 64".to_owned(),
        baseline: "params.hidden = 8".to_owned(),
        direction: ExpectedDirection::Lower,
        smallest_effect: 0.05,
        alpha: 0.05,
        planned_runs,
    }
}

impl Lab {
    /// An experiment that expects the wider model to be better, and runs of both with these losses.
    async fn planned(&self, stated: Hypothesis, wide: &[f64], narrow: &[f64]) -> Experiment {
        let mut new = NewExperiment { name: "planned".to_owned(), ..NewExperiment::default() };
        new.config.hypotheses = vec![stated];
        let experiment = self.experiment(new).await;
        for (hidden, losses) in [(64, wide), (8, narrow)] {
            for (seed, loss) in losses.iter().enumerate() {
                let id = self.run(&experiment, &format!(r#"{{"hidden": {hidden}, "seed": {seed}}}"#), *loss).await;
                self.tracker.complete_run(id, Vec::new()).await.unwrap();
            }
        }
        experiment
    }

    async fn judged(&self, stated: Hypothesis, wide: &[f64], narrow: &[f64]) -> Judgement {
        let experiment = self.planned(stated, wide, narrow).await;
        let done = self.tracker.move_experiment(experiment.id, ExperimentStatus::Completed).await.unwrap();
        done.config.ledger.hypotheses[0].judgement.clone().unwrap()
    }
}

#[tokio::test]
async fn completing_an_experiment_judges_what_was_stated() {
    use Outcome::{Refuted, Supported, Tied, Underpowered};
    let narrow = [2.41, 2.59, 2.5];
    for (stated, wide, outcome, says) in [
        (plan(3), &[2.0, 2.2, 2.1][..], Supported, "so it is lower beyond chance."),
        (plan(3), &[2.42, 2.6, 2.515], Tied, "so a difference as large as 0.05 is ruled out either way."),
        (plan(3), &[2.72, 2.88, 2.83], Refuted, "so it is not lower by the 0.05 that would matter."),
        (plan(3), &[2.0, 2.9, 2.3], Underpowered, "more runs a group would tell 0.05 from nothing (80% power)."),
        (plan(30), &[2.3, 2.45, 2.42], Underpowered, "of alpha 0.05 may be spent; mind that the treatment has 3"),
        (plan(3), &[2.0], Underpowered, "how much they vary is not known."),
        (
            Hypothesis { direction: ExpectedDirection::Differs, ..plan(3) },
            &[2.0, 2.2, 2.1],
            Supported,
            "so it is different",
        ),
    ] {
        let lab = Lab::new().await;
        let judgement = lab.judged(stated, wide, &narrow[..wide.len()]).await;
        assert_eq!(judgement.outcome, outcome, "{}", judgement.sentence);
        assert!(judgement.sentence.contains(says), "{}", judgement.sentence);
    }
}

#[tokio::test]
async fn progress_is_shown_against_the_plan_and_late_words_are_exploratory() {
    let lab = Lab::new().await;
    let experiment = lab.planned(plan(3), &[2.0, 2.2, 2.1], &[2.41, 2.59]).await;
    let report = lab.tracker.hypotheses(experiment.id).await.unwrap().remove(0);
    assert_eq!((report.treatment.completed, report.baseline.completed, report.is_planned), (3, 2, true));
    assert!(report.sentence.contains("2 of 3 of the baseline are completed; it is judged when"), "{}", report.sentence);
    let request = CompareRequest {
        experiments: vec!["planned".to_owned()],
        group_by: vec!["params.hidden".to_owned()],
        ..CompareRequest::default()
    };
    let found = lab.compare(request.clone()).await;
    assert_eq!(found.metrics[0].pairs[0].planned.as_deref(), Some("wide"));
    let other = lab.compare(CompareRequest { reduction: Reduction::Mean, ..request.clone() }).await;
    assert_eq!(other.metrics[0].pairs[0].planned, None);

    let mut config = experiment.config.clone();
    config.hypotheses[0].smallest_effect = 0.5;
    let patch = ExperimentPatch { config: Some(config), ..ExperimentPatch::default() };
    lab.tracker.update_experiment(experiment.id, patch, None).await.unwrap();
    let report = lab.tracker.hypotheses(experiment.id).await.unwrap().remove(0);
    assert_eq!((report.revisions.len(), report.is_planned), (2, false));
    assert_eq!(lab.compare(request).await.metrics[0].pairs[0].planned, None);
    let done = lab.tracker.move_experiment(experiment.id, ExperimentStatus::Completed).await.unwrap();
    let judgement = done.config.ledger.hypotheses[0].judgement.clone().unwrap();
    assert!(judgement.deviations[0].starts_with("it was reworded after the first of its runs"), "{judgement:?}");
}

#[tokio::test]
async fn noise_is_the_spread_of_seeds_and_copies_are_no_repetitions() {
    let lab = Lab::new().await;
    let experiment = lab.tiny().await;
    // A copy of a seed shows what the machine does, not what a seed does.
    let copy = lab.run(&experiment, r#"{"hidden": 64, "seed": 0}"#, 2.0).await;
    lab.tracker.complete_run(copy, Vec::new()).await.unwrap();
    let report = lab.tracker.noise(experiment.id, NoiseRequest::default()).await.unwrap();
    let floor = report.metrics[0].floor.clone().unwrap();
    // Two groups with standard deviations of 0.1 and 0.09.
    assert!((floor.std_dev - (0.01_f64 / 2.0 + 0.0081 / 2.0).sqrt()).abs() < 1e-9, "{floor:?}");
    assert_eq!((floor.df, floor.groups), (4, 2));
    let names = |numbers: &[u64]| numbers.iter().map(|n| format!("tiny-lm#{n}")).collect::<Vec<_>>();
    let single = lab.compare(CompareRequest { runs: names(&[1, 4]), ..CompareRequest::default() }).await;
    let pair = &single.metrics[0].pairs[0];
    assert_eq!((pair.verdict, pair.noise), (Verdict::TooFewSamples, Against::Signal), "{}", pair.sentence);
    assert!(pair.sentence.contains("it is more than repetitions in the experiment differ"), "{}", pair.sentence);
    let alike = lab.compare(CompareRequest { runs: names(&[1, 2]), ..CompareRequest::default() }).await;
    assert_eq!(alike.metrics[0].pairs[0].noise, Against::Noise);
}

#[tokio::test]
async fn a_gate_pays_for_each_new_look_and_not_for_the_same_again() {
    let lab = Lab::new().await;
    lab.tiny().await;
    let group = |label: &str, numbers: &[u64]| GroupRequest {
        label: label.to_owned(),
        runs: numbers.iter().map(|n| format!("tiny-lm#{n}")).collect(),
    };
    let ask = |numbers: &[u64]| GateRequest {
        compare: CompareRequest {
            groups: vec![group("old", &[4, 5, 6]), group("new", numbers)],
            better: [("val/loss".to_owned(), Better::Lower)].into(),
            ..CompareRequest::default()
        },
        candidate: None,
    };
    let first = lab.tracker.gate(ask(&[1, 2, 3])).await.unwrap();
    assert_eq!((first.passes, first.look, first.alpha_of_look), (true, Some(1), Some(0.025)), "{}", first.line);
    assert!(first.line.starts_with("signal: val/loss -0.4 (-16.0%), better: new (3 runs) against old (3 runs); p = "));
    assert_eq!(lab.tracker.gate(ask(&[1, 2, 3])).await.unwrap(), first);
    let second = lab.tracker.gate(ask(&[1, 2])).await.unwrap();
    assert_eq!(second.look, Some(2));
    let twice = GateRequest { candidate: Some("newer".to_owned()), ..ask(&[1]) };
    let error = lab.tracker.gate(twice).await.unwrap_err().to_string();
    assert!(error.starts_with("`candidate` is `newer`; the groups are new"), "{error}");
    let worse = GateRequest {
        compare: CompareRequest { better: [("val/loss".to_owned(), Better::Higher)].into(), ..ask(&[1, 2, 3]).compare },
        candidate: None,
    };
    let worse = lab.tracker.gate(worse).await.unwrap();
    assert_eq!((worse.passes, worse.answer, worse.look), (false, Against::Signal, Some(1)), "{}", worse.line);
}

#[tokio::test]
async fn thresholds_mark_the_run_and_tell_of_it() {
    let lab = Lab::new().await;
    let mut new = NewExperiment { name: "bounded".to_owned(), ..NewExperiment::default() };
    let above = |value| Some(Threshold { value, direction: ThresholdDirection::Above });
    new.config.metrics =
        vec![MetricConfig { warning: above(5.0), critical: above(8.0), ..MetricConfig::new("val/loss") }];
    let experiment = lab.experiment(new).await;
    // From 12 down to 2: beyond both, and well at the end.
    let id = lab.run(&experiment, "{}", 2.0).await;
    assert_eq!(lab.tracker.run(id).await.unwrap().tags.0.get("lab.critical"), None);
    let mut late = SeriesPoints::new(SeriesKey::named("val/loss"));
    late.push(9.0, Some(200), 0);
    lab.tracker.complete_run(id, vec![late]).await.unwrap();
    let run = lab.tracker.run(id).await.unwrap();
    assert_eq!(run.tags.0["lab.critical"], "val/loss");
    let events = lab.tracker.events(0, 1_000).await.unwrap();
    let told: Vec<_> = events.iter().map(|e| e.body.kind()).filter(|kind| kind.starts_with("threshold")).collect();
    assert_eq!(told, ["threshold_crossed", "threshold_cleared", "threshold_crossed"]);

    // Points that come out of order: the value at the greatest step decides in the end.
    let id = lab.run(&experiment, "{}", 2.0).await;
    for (value, step) in [(9.0, 300), (1.0, 250)] {
        let mut points = SeriesPoints::new(SeriesKey::named("val/loss"));
        points.push(value, Some(step), 0);
        lab.tracker.log_points(id, vec![points]).await.unwrap();
    }
    assert_eq!(lab.tracker.run(id).await.unwrap().tags.0.get("lab.critical"), None);
    lab.tracker.complete_run(id, Vec::new()).await.unwrap();
    assert_eq!(lab.tracker.run(id).await.unwrap().tags.0["lab.critical"], "val/loss");
    let groups =
        ["bounded#1", "bounded#2"].map(|run| GroupRequest { label: run.to_owned(), runs: vec![run.to_owned()] });
    let found = lab.compare(CompareRequest { groups: groups.to_vec(), ..CompareRequest::default() }).await;
    assert_eq!(found.groups[1].runs[0].critical.as_deref(), Some("val/loss"));
}

#[tokio::test]
async fn weights_make_a_score_of_several_metrics() {
    let lab = Lab::new().await;
    let mut new = NewExperiment { name: "scored".to_owned(), ..NewExperiment::default() };
    let metric =
        |name: &str, weight, direction| MetricConfig { weight, direction: Some(direction), ..MetricConfig::new(name) };
    new.config.metrics =
        vec![metric("val/loss", Some(3.0), MetricDirection::Minimize), metric("acc", None, MetricDirection::Maximize)];
    let experiment = lab.experiment(new).await;
    for (hidden, losses, accuracy) in [(8, [2.0, 2.2], 0.5), (64, [1.0, 1.1], 0.6)] {
        for (seed, loss) in losses.into_iter().enumerate() {
            let id = lab.run(&experiment, &format!(r#"{{"hidden": {hidden}, "seed": {seed}}}"#), loss).await;
            let mut points = SeriesPoints::new(SeriesKey::named("acc"));
            points.push(accuracy, Some(100), 0);
            lab.tracker.complete_run(id, vec![points]).await.unwrap();
        }
    }
    let request = CompareRequest { experiments: vec!["scored".to_owned()], ..CompareRequest::default() };
    let score = lab.compare(request.clone()).await.score.unwrap();
    assert_eq!(score.weights, [("acc".to_owned(), 0.25), ("val/loss".to_owned(), 0.75)].into());
    // Half the loss and a fifth more accuracy.
    let pair = &score.comparison.pairs[0];
    assert!((pair.difference.unwrap() - (0.75 * 0.5 + 0.25 * 0.2)).abs() < 1e-9, "{}", pair.sentence);
    assert_eq!((pair.relative, pair.improvement), (None, pair.difference));
    let one = CompareRequest { metrics: vec!["acc".to_owned()], ..request };
    assert_eq!(lab.compare(one).await.score, None);
}

#[tokio::test]
async fn examples_are_paired_and_steps_are_counted_for_what_they_are_worth() {
    let lab = Lab::new().await;
    let experiment = lab.experiment(NewExperiment { name: "evals".to_owned(), ..NewExperiment::default() }).await;
    let wobble = |i: i64, k: i64| f64::from(i32::try_from((i * k) % 101).unwrap()) / 101.0;
    for (model, shift, right) in [("a", 0.0, 60), ("b", 1.0, 75)] {
        let id = lab.run(&experiment, &format!(r#"{{"model": "{model}"}}"#), 2.0).await;
        let mut series = ["correct", "score", "loss"].map(|name| SeriesPoints::new(SeriesKey::named(name)));
        for example in 0..100_i64 {
            series[0].push(f64::from(u8::from(example * 37 % 100 < right)), Some(example), example);
            series[1].push(
                wobble(example, 17) * 10.0 + shift + 0.1 * wobble(example, 31 + right),
                Some(example),
                example,
            );
            series[2].push(wobble(example, 29) + shift, Some(example), example);
        }
        lab.tracker.complete_run(id, series.to_vec()).await.unwrap();
    }
    let request = CompareRequest {
        experiments: vec!["evals".to_owned()],
        metrics: vec!["correct".to_owned(), "score".to_owned()],
        unit: Unit::Example,
        ..CompareRequest::default()
    };
    let found = lab.compare(request.clone()).await;
    let pair = &found.metrics[0].pairs[0];
    assert_eq!((pair.test.as_deref(), found.metrics[0].samples[0].n), (Some("McNemar's test (mid-p)"), 100));
    assert!((pair.difference.unwrap() - 0.15).abs() < 1e-9 && pair.p_value.unwrap() < 0.001, "{}", pair.sentence);
    assert!(pair.sentence.contains("over 100 examples that both sides have; it is about such examples"));
    assert_eq!(found.metrics[1].pairs[0].test.as_deref(), Some("paired t test"));
    assert!(codes(&found).contains(&"examples_as_samples"));

    let steps = CompareRequest {
        metrics: vec!["loss".to_owned()],
        unit: Unit::Step,
        reduction: Reduction::MeanOfLast { steps: 50 },
        ..request.clone()
    };
    let found = lab.compare(steps).await;
    let pair = &found.metrics[0].pairs[0];
    assert!(pair.effective.unwrap().0 <= 50.0 && pair.sentence.contains("independent ones by their autocorrelation"));
    assert_eq!(pair.verdict, Verdict::Different);
    assert!(!codes(&found).contains(&"excluded_runs"), "the runs' steps are what is compared");
    let refused = lab.refused(CompareRequest { unit: Unit::Step, ..request }).await;
    assert!(refused.starts_with("`reduction` must be `mean` or `mean_of_last`"), "{refused}");
}

#[tokio::test]
async fn every_test_and_every_correction_can_be_chosen() {
    let lab = Lab::new().await;
    lab.tiny().await;
    for (test, name) in [
        (TestChoice::T, "paired t test"),
        (TestChoice::Rank, "Wilcoxon signed-rank test"),
        (TestChoice::Permutation, "permutation test, exact"),
        (TestChoice::Bootstrap, "BCa bootstrap"),
    ] {
        let found = lab.compare(CompareRequest { test, ..of_tiny() }).await;
        let pair = &found.metrics[0].pairs[0];
        assert_eq!(pair.test.as_deref(), Some(name));
        assert!(!pair.sentence.contains("NaN"), "{}", pair.sentence);
        assert!((pair.difference.unwrap() + 0.4).abs() < 0.02, "{}", pair.sentence);
    }
    for correction in [CorrectionChoice::BenjaminiHochberg, CorrectionChoice::None] {
        let found = lab.compare(CompareRequest { correction, ..of_tiny() }).await;
        assert_eq!(found.metrics[0].pairs[0].p_value, found.metrics[0].pairs[0].p_adjusted);
    }
}

#[tokio::test]
async fn datasets_that_runs_noted_are_set_side_by_side() {
    let lab = Lab::new().await;
    let experiment = lab.experiment(NewExperiment { name: "fed".to_owned(), ..NewExperiment::default() }).await;
    for (lr, version) in [(1, "v1"), (2, "v2")] {
        let id = lab.run(&experiment, &format!(r#"{{"lr": {lr}}}"#), 2.0).await;
        lab.tracker.use_dataset(id, &format!("wikitext@{version}"), Metadata::new()).await.unwrap();
        lab.tracker.use_dataset(id, "pile", Metadata::new()).await.unwrap();
        lab.tracker.complete_run(id, Vec::new()).await.unwrap();
    }
    let found = lab.compare(CompareRequest { experiments: vec!["fed".to_owned()], ..CompareRequest::default() }).await;
    assert_eq!(found.datasets.len(), 1);
    assert_eq!(
        (found.datasets[0].path.as_str(), &found.datasets[0].values),
        ("wikitext", &vec![vec!["v1".to_owned()], vec!["v2".to_owned()]])
    );
    assert!(codes(&found).contains(&"differing_data"));
}
