//! A store that fails: whatever is done is there whole, or not at all, and can be done again.

use std::collections::BTreeMap;

use lab_model::{
    Code, Delivery, ExperimentId, ExperimentPatch, ExperimentStatus, FinishRun, LogLevel, LogLine, Metadata,
    NewExperiment, Record, Result, RunId, RunStatus, WriterId,
};
use lab_tracker::NewRun;

use crate::deliver::starts;
use crate::faulty::Fault;
use crate::given::{BEGIN, Lab, artifact, new_run, parameters, pieces, points};

/// Everything that changes something.
#[derive(Clone, Copy, Debug)]
enum Act {
    CreateExperiment,
    UpdateExperiment,
    MoveExperiment,
    CreateRun,
    StartRun,
    RenameRun,
    SetTags,
    LogPoints,
    LogParameters,
    AppendLog,
    UseModel,
    LogArtifact,
    Complete,
    Cancel,
    Delete,
    Deliver,
    DeliverFirst,
}

impl Act {
    const ALL: [Self; 17] = [
        Self::CreateExperiment,
        Self::UpdateExperiment,
        Self::MoveExperiment,
        Self::CreateRun,
        Self::StartRun,
        Self::RenameRun,
        Self::SetTags,
        Self::LogPoints,
        Self::LogParameters,
        Self::AppendLog,
        Self::UseModel,
        Self::LogArtifact,
        Self::Complete,
        Self::Cancel,
        Self::Delete,
        Self::Deliver,
        Self::DeliverFirst,
    ];

    /// Whether doing it again after its answer was lost has no further effect.
    fn counts_once(self) -> bool {
        matches!(self, Self::RenameRun | Self::LogParameters | Self::LogArtifact | Self::Deliver | Self::DeliverFirst)
    }
}

struct Given {
    lab: Lab,
    experiment: ExperimentId,
    running: RunId,
    pending: RunId,
    writer: WriterId,
    new: RunId,
}

impl Given {
    async fn new() -> Self {
        let lab = Lab::new();
        let experiment = lab.experiment("tiny-lm").await;
        let running = lab.run_of(&experiment).await.id;
        lab.tracker.log_points(running, vec![points("loss", &[3.0])]).await.unwrap();
        let pending = NewRun { status: RunStatus::Pending, ..new_run(&experiment) };
        let pending = lab.tracker.create_run(pending).await.unwrap().id;
        Self { lab, experiment: experiment.id, running, pending, writer: WriterId::new(BEGIN), new: RunId::new(BEGIN) }
    }

    async fn perform(&self, act: Act) -> Result<()> {
        let Self { lab, experiment, running, pending, writer, new } = self;
        let (tracker, running, pending) = (&lab.tracker, *running, *pending);
        let records = vec![
            starts("brand-new"),
            Record::Parameters { parameters: parameters(r#"{"lr": 0.1}"#) },
            Record::metrics(vec![points("loss", &[1.0, 2.0])]),
            Record::Finish(FinishRun { status: RunStatus::Completed, ended_at: BEGIN, error: None }),
        ];
        let delivery = |run_id| Delivery { writer_id: *writer, run_id, first_seq: 1, records: records.clone() };
        match act {
            Act::CreateExperiment => {
                let new = NewExperiment { name: "wide-lm".to_owned(), ..NewExperiment::default() };
                tracker.create_experiment(new, Some("ada")).await.map(|_| ())
            }
            Act::UpdateExperiment => {
                let patch = ExperimentPatch { name: Some("tinier-lm".to_owned()), ..ExperimentPatch::default() };
                tracker.update_experiment(*experiment, patch, None).await.map(|_| ())
            }
            Act::MoveExperiment => tracker.move_experiment(*experiment, ExperimentStatus::Paused).await.map(|_| ()),
            Act::CreateRun => {
                let experiment = tracker.experiment(*experiment).await.unwrap();
                let user = Some("ada".to_owned());
                tracker.create_run(NewRun { user, ..new_run(&experiment) }).await.map(|_| ())
            }
            Act::StartRun => tracker.start_run(pending).await.map(|_| ()),
            Act::RenameRun => tracker.rename_run(running, "the good one").await,
            Act::SetTags => tracker.set_tags(running, BTreeMap::from([("a".to_owned(), Some("b".to_owned()))])).await,
            Act::LogPoints => tracker.log_points(running, vec![points("loss", &[2.0, 1.0])]).await,
            Act::LogParameters => tracker.log_parameters(running, parameters(r#"{"lr": 0.1}"#)).await,
            Act::AppendLog => {
                let line = LogLine { level: LogLevel::Error, time: BEGIN, text: "diverged".to_owned(), stream: None };
                tracker.append_log(running, vec![line]).await
            }
            Act::UseModel => tracker.use_model(running, "llama", Metadata::new()).await,
            Act::LogArtifact => tracker.log_artifact(running, artifact("a.bin"), pieces(b"weights")).await.map(|_| ()),
            Act::Complete => tracker.complete_run(running, vec![points("loss", &[0.5])]).await.map(|_| ()),
            Act::Cancel => tracker.cancel_run(running, None).await.map(|_| ()),
            Act::Delete => tracker.delete_run(pending).await,
            Act::Deliver => tracker.deliver(delivery(running)).await.map(|_| ()),
            Act::DeliverFirst => tracker.deliver(delivery(*new)).await.map(|_| ()),
        }
    }
}

/// Events that an act leaves when nothing goes wrong.
async fn told(act: Act) -> Vec<&'static str> {
    let given = Given::new().await;
    let last = given.lab.last_event().await;
    given.perform(act).await.unwrap();
    given.lab.events_after(last).await
}

#[tokio::test]
async fn a_commit_that_fails_leaves_nothing_and_the_act_can_be_done_again() {
    for act in Act::ALL {
        let expected = told(act).await;
        for nth in 0.. {
            let given = Given::new().await;
            let (before, last) = (given.lab.everything().await, given.lab.last_event().await);
            given.lab.faults.at_commits(std::iter::repeat_n(None, nth).chain([Some(Fault::Before)]));
            let outcome = given.perform(act).await;
            if !given.lab.faults.met_all() {
                outcome.unwrap();
                assert!(nth > 0, "{act:?} commits nothing");
                break;
            }
            let error = outcome.unwrap_err();
            assert_eq!((error.code(), error.is_retryable()), (Code::StorageError, true), "{act:?}");
            if nth == 0 {
                assert_eq!(given.lab.everything().await, before, "{act:?} left something");
            }
            given.perform(act).await.unwrap_or_else(|error| panic!("{act:?} again: {error}"));
            assert_eq!(given.lab.events_after(last).await, expected, "{act:?} failed at commit {nth}");
        }
    }
}

#[tokio::test]
async fn an_answer_that_is_lost_leaves_a_whole_change() {
    for act in Act::ALL {
        let expected = told(act).await;
        for nth in 0.. {
            let given = Given::new().await;
            let last = given.lab.last_event().await;
            given.lab.faults.at_commits(std::iter::repeat_n(None, nth).chain([Some(Fault::After)]));
            let outcome = given.perform(act).await;
            if !given.lab.faults.met_all() {
                break;
            }
            assert_eq!(outcome.unwrap_err().code(), Code::StorageError, "{act:?}");
            let told = given.lab.events_after(last).await;
            assert!(expected.starts_with(&told), "{act:?}: {told:?}");
            let lab = given.lab.after_a_crash();
            let before = lab.everything().await;
            let given = Given { lab, ..given };
            if act.counts_once() {
                given.perform(act).await.unwrap_or_else(|error| panic!("{act:?} again: {error}"));
                if told == expected && !matches!(act, Act::RenameRun | Act::LogParameters) {
                    assert_eq!(strip(given.lab.everything().await), strip(before), "{act:?} counted twice");
                }
            }
            given.lab.tracker.finalise_ended_runs().await.unwrap();
            assert_eq!(given.lab.tracker.finalise_ended_runs().await.unwrap(), 0);
        }
    }
}

/// Without quantiles, which may come later than the rest.
fn strip(mut everything: serde_json::Value) -> serde_json::Value {
    for run in everything["runs"].as_array_mut().unwrap() {
        for metric in run["run"]["metrics"].as_array_mut().unwrap() {
            metric.as_object_mut().unwrap().retain(|field, _| !matches!(field.as_str(), "median" | "p95" | "p99"));
        }
    }
    everything
}
