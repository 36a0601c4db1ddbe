//! Comparisons over a real store.

use lab_model::{
    Code, EnvironmentSnapshot, Experiment, ExperimentStatus, MetricConfig, MetricDirection, NewExperiment,
    OptimizationTarget, Parameters, RunError, RunId, RunStatus, SeriesKey, SeriesPoints, Settings,
};
use tempfile::TempDir;

use super::super::types::{Better, CompareRequest, Comparison, GroupRequest, Reduction, Verdict};
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
