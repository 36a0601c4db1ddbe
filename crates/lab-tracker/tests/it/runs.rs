//! Runs: their numbers, their states, and what a running one takes.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use lab_model::{
    Code, Error, EventBody, LogLevel, LogLine, LoggedValue, Metadata, ParameterValue, Result, RunAction, RunError,
    RunId, RunStatus, SeriesKey, Value,
};
use lab_store::PointRange;
use lab_tracker::{NewRun, Tracker};

use crate::given::{BEGIN, Lab, artifact, new_run, parameters, pieces, points};

fn out_of_memory() -> RunError {
    RunError {
        error_type: "OutOfMemory".to_owned(),
        message: "tried to allocate 20 GiB".to_owned(),
        stack_trace: Some("train.py:7".to_owned()),
        time: BEGIN,
        recoverable: true,
        context: BTreeMap::from([("exit_code".to_owned(), "137".to_owned())]),
    }
}

async fn act(tracker: &Tracker, id: RunId, action: RunAction) -> Result<RunStatus> {
    let run = match action {
        RunAction::Queue => tracker.queue_run(id).await,
        RunAction::Start => tracker.start_run(id).await,
        RunAction::Complete => tracker.complete_run(id, Vec::new()).await,
        RunAction::Fail => tracker.fail_run(id, out_of_memory()).await,
        RunAction::Cancel => tracker.cancel_run(id, None).await,
        RunAction::TimeOut => tracker.time_out_run(id, None).await,
        RunAction::Resume => tracker.resume_run(id).await,
    };
    Ok(run?.status)
}

#[tokio::test]
async fn every_action_on_every_state_is_done_and_told_or_refused() {
    let lab = Lab::new();
    let experiment = lab.experiment("tiny-lm").await;
    for from in RunStatus::ALL {
        for action in RunAction::ALL {
            let status =
                if from == RunStatus::Queued || from == RunStatus::Pending { from } else { RunStatus::Running };
            let id = lab.tracker.create_run(NewRun { status, ..new_run(&experiment) }).await.unwrap().id;
            if from.is_terminal() {
                let end = RunAction::ALL.into_iter().find(|action| action.leads_to() == from).unwrap();
                act(&lab.tracker, id, end).await.unwrap();
            }
            let (before, last) = (lab.story(id).await, lab.last_event().await);
            let told = format!("{action:?} of a run that is {from}");
            match act(&lab.tracker, id, action).await {
                Ok(status) => {
                    assert!(from.actions().contains(&action), "{told}");
                    assert_eq!((status, lab.status(id).await), (action.leads_to(), action.leads_to()), "{told}");
                    let event = match action {
                        RunAction::Queue => "run_updated",
                        RunAction::Start => "run_started",
                        RunAction::Complete => "run_completed",
                        RunAction::Fail => "run_failed",
                        RunAction::Cancel => "run_cancelled",
                        RunAction::TimeOut => "run_timed_out",
                        RunAction::Resume => "run_resumed",
                    };
                    assert_eq!(lab.events_after(last).await, [event], "{told}");
                }
                Err(error) => {
                    assert!(!from.actions().contains(&action), "{told}: {error}");
                    assert_eq!(error.code(), Code::InvalidState, "{told}");
                    let (from, to) = (from.as_str(), action.leads_to().as_str());
                    assert!(error.to_string().contains(&format!("is {from} and cannot become {to}")), "{error}");
                    assert_eq!((lab.story(id).await, lab.last_event().await), (before, last), "{told}");
                }
            }
        }
    }
}

#[tokio::test]
async fn racing_starts_get_numbers_without_gap_or_twin() {
    let lab = Lab::new();
    let experiment = lab.experiment("tiny-lm").await;
    let starts: Vec<_> = (0..32)
        .map(|_| {
            let (tracker, new) = (lab.tracker.clone(), new_run(&experiment));
            tokio::spawn(async move { tracker.create_run(new).await.unwrap() })
        })
        .collect();
    let mut numbers = Vec::new();
    for start in starts {
        let run = start.await.unwrap();
        assert_eq!(run.name, format!("run-{}", run.number));
        numbers.push(run.number);
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=32).collect::<Vec<u64>>());
    let told = lab.tracker.events(0, 1_000).await.unwrap();
    let started = told.iter().filter_map(|event| match &event.body {
        EventBody::RunStarted { number, .. } => Some(*number),
        _ => None,
    });
    assert_eq!(started.collect::<Vec<_>>(), (1..=32).collect::<Vec<u64>>(), "told in the order of their numbers");
}

#[tokio::test]
async fn a_nested_run_has_a_parent_that_exists() {
    let lab = Lab::new();
    let parent = lab.run().await;
    let experiment = lab.tracker.experiment(parent.experiment_id).await.unwrap();
    let nested = NewRun { parent_run_id: Some(parent.id), ..new_run(&experiment) };
    let child = lab.tracker.create_run(nested.clone()).await.unwrap();
    assert_eq!(lab.tracker.run_detail(parent.id).await.unwrap().child_run_ids, [child.id]);
    let before = lab.everything().await;
    let unknown = RunId::new(BEGIN);
    let itself = NewRun { id: Some(unknown), parent_run_id: Some(unknown), ..nested.clone() };
    for bad in [NewRun { parent_run_id: Some(unknown), ..nested }, itself] {
        let error = lab.tracker.create_run(bad).await.unwrap_err();
        assert_eq!(error.field(), Some("parent_run_id"), "{error}");
    }
    assert_eq!(lab.everything().await, before);
}

#[tokio::test]
async fn a_run_cannot_begin_ended_unnamed_or_twice() {
    let lab = Lab::new();
    let run = lab.run().await;
    let experiment = lab.tracker.experiment(run.experiment_id).await.unwrap();
    let before = lab.everything().await;
    for (bad, field) in [
        (NewRun { status: RunStatus::Failed, ..new_run(&experiment) }, "status"),
        (NewRun { name: Some("\n".to_owned()), ..new_run(&experiment) }, "name"),
        (NewRun { parameters: parameters(r#"{"": 1}"#), ..new_run(&experiment) }, "parameters"),
    ] {
        assert_eq!(lab.tracker.create_run(bad).await.unwrap_err().field(), Some(field));
    }
    let twice = NewRun { id: Some(run.id), ..new_run(&experiment) };
    assert_eq!(lab.tracker.create_run(twice).await.unwrap_err().code(), Code::Conflict);
    assert_eq!(lab.everything().await, before, "a number was used up, or more");
}

#[tokio::test]
async fn parameters_never_change_and_the_same_again_is_fine() {
    let lab = Lab::new();
    let experiment = lab.experiment("tiny-lm").await;
    let given = parameters(r#"{"lr": 0.1, "seed": 1, "model": {"layers": 2}}"#);
    let run = lab.tracker.create_run(NewRun { parameters: given.clone(), ..new_run(&experiment) }).await.unwrap();
    lab.tracker.log_parameters(run.id, given.clone()).await.unwrap();
    lab.tracker.log_parameters(run.id, parameters(r#"{"width": 64}"#)).await.unwrap();
    let before = lab.everything().await;
    for changed in [r#"{"lr": 0.2}"#, r#"{"new": 1, "seed": 2}"#, r#"{"model": {"layers": 3}}"#, r#"{"seed": 1.0}"#] {
        let error = lab.tracker.log_parameters(run.id, parameters(changed)).await.unwrap_err();
        assert_eq!(error.code(), Code::Conflict, "{changed}");
        let name = changed.split('"').find(|part| given.contains_key(*part)).unwrap();
        assert!(error.to_string().contains(&format!("`{name}`")), "{error}");
    }
    assert_eq!(lab.everything().await, before);
    assert_eq!(lab.tracker.run(run.id).await.unwrap().parameters["width"], ParameterValue::Integer(64));
}

async fn everything_sayable(lab: &Lab, id: RunId) -> Vec<(&'static str, Result<()>)> {
    let tracker = &lab.tracker;
    let value = Value::Custom { value: serde_json::json!({"a": 1}) };
    let value = LoggedValue { key: SeriesKey::named("confusion"), step: None, time: BEGIN, value };
    let line = LogLine { level: LogLevel::Info, time: BEGIN, text: "hello".to_owned(), stream: None };
    vec![
        ("points", tracker.log_points(id, vec![points("loss", &[1.0])]).await),
        ("values", tracker.log_values(id, vec![value]).await),
        ("parameters", tracker.log_parameters(id, parameters(r#"{"late": 1}"#)).await),
        ("lines", tracker.append_log(id, vec![line]).await),
        ("heartbeat", tracker.heartbeat(id).await),
        ("dataset", tracker.use_dataset(id, "c4", Metadata::new()).await),
        ("model", tracker.use_model(id, "llama", Metadata::new()).await),
        ("artifact", tracker.log_artifact(id, artifact("a.bin"), pieces(b"bytes")).await.map(|_| ())),
    ]
}

#[tokio::test]
async fn only_a_running_run_takes_what_is_logged() {
    let lab = Lab::new();
    let experiment = lab.experiment("tiny-lm").await;
    for status in RunStatus::ALL {
        let begins = if status.is_terminal() { RunStatus::Running } else { status };
        let id = lab.tracker.create_run(NewRun { status: begins, ..new_run(&experiment) }).await.unwrap().id;
        if status.is_terminal() {
            let end = RunAction::ALL.into_iter().find(|action| action.leads_to() == status).unwrap();
            act(&lab.tracker, id, end).await.unwrap();
        }
        let (before, files) = (lab.everything().await, lab.object_files());
        for (what, said) in everything_sayable(&lab, id).await {
            if status == RunStatus::Running {
                said.unwrap_or_else(|error| panic!("{what}: {error}"));
            } else {
                let error = said.expect_err(what);
                assert_eq!(error.code(), Code::InvalidState, "{what}");
                let told = error.to_string();
                assert!(told.contains(&id.to_string()) && told.contains(status.as_str()), "{told}");
            }
        }
        if status != RunStatus::Running {
            assert_eq!((lab.everything().await, lab.object_files()), (before, files), "{status}");
        }
    }
}

#[tokio::test]
async fn the_last_points_and_the_end_are_one_and_final_aggregations_follow() {
    let lab = Lab::new();
    let id = lab.run().await.id;
    lab.tracker.log_points(id, vec![points("loss", &[5.0, 4.0, f64::NAN, 3.0])]).await.unwrap();
    let running = lab.tracker.summaries(&[id], None).await.unwrap();
    assert_eq!(running[0].1.median, None);
    let last = lab.last_event().await;
    lab.clock.advance(SignedDuration::from_secs(90));
    let mut fin = points("loss", &[2.0, 1.0]);
    fin.steps = vec![Some(4), Some(5)];
    let run = lab.tracker.complete_run(id, vec![fin, points("accuracy", &[0.5])]).await.unwrap();
    assert_eq!(run.duration_secs(lab.tracker.now()), Some(90.0));
    assert_eq!(lab.events_after(last).await, ["metrics_logged", "run_completed"]);
    let summaries = lab.tracker.summaries(&[id], None).await.unwrap();
    let [(_, accuracy), (_, loss)] = &summaries[..] else { panic!("{summaries:?}") };
    assert_eq!((accuracy.median, accuracy.count), (Some(0.5), 1));
    assert_eq!((loss.count, loss.nan_count, loss.last, loss.last_step), (6, 1, 1.0, Some(5)));
    assert_eq!((loss.median, loss.mean, loss.min, loss.max), (Some(3.0), Some(3.0), Some(1.0), Some(5.0)));
    assert!((loss.p95.unwrap() - 4.8).abs() < 1e-12 && (loss.p99.unwrap() - 4.96).abs() < 1e-12, "{loss:?}");
}

#[tokio::test]
async fn a_wrong_final_point_leaves_the_run_running() {
    let lab = Lab::new();
    let id = lab.run().await.id;
    let before = lab.everything().await;
    let mut bad = points("loss", &[1.0]);
    bad.steps.clear();
    let error = lab.tracker.complete_run(id, vec![points("ok", &[1.0]), bad]).await.unwrap_err();
    assert_eq!(error.field(), Some("metrics[1].values"), "{error}");
    assert_eq!(lab.everything().await, before);
}

#[tokio::test]
async fn what_ended_badly_says_why_and_can_go_on() {
    let lab = Lab::new();
    let experiment = lab.experiment("tiny-lm").await;
    let id = lab.run_of(&experiment).await.id;
    lab.tracker.log_points(id, vec![points("loss", &[3.0, 2.0, 1.0])]).await.unwrap();
    let failed = lab.tracker.fail_run(id, out_of_memory()).await.unwrap();
    assert_eq!((failed.error, failed.ended_at), (Some(out_of_memory()), Some(BEGIN)));
    let event = lab.tracker.events(0, 100).await.unwrap().pop().unwrap();
    let told = RunError { stack_trace: None, ..out_of_memory() };
    assert_eq!(event.body, EventBody::RunFailed { error: told });
    assert_eq!(lab.tracker.summaries(&[id], None).await.unwrap()[0].1.median, Some(2.0));

    let resumed = lab.tracker.resume_run(id).await.unwrap();
    assert_eq!((resumed.error, resumed.ended_at, resumed.started_at), (None, None, Some(BEGIN)));
    assert_eq!(lab.tracker.summaries(&[id], None).await.unwrap()[0].1.median, None, "it is not final any more");

    let cancelled = lab.tracker.cancel_run(id, Some("no budget".to_owned())).await.unwrap();
    assert_eq!(cancelled.error.map(|error| error.message).as_deref(), Some("no budget"));
    let id = lab.run_of(&experiment).await.id;
    let timed_out = lab.tracker.time_out_run(id, None).await.unwrap().error.unwrap();
    assert_eq!((timed_out.error_type.as_str(), timed_out.recoverable), ("TimedOut", true));
}

#[tokio::test]
async fn no_point_lands_in_a_run_that_has_ended() {
    let lab = Lab::new();
    let id = lab.run().await.id;
    let loggers: Vec<_> = (0..8)
        .map(|logger| {
            let tracker = lab.tracker.clone();
            tokio::spawn(async move {
                let mut kept = 0;
                loop {
                    match tracker.log_points(id, vec![points(&format!("loss-{logger}"), &[1.0])]).await {
                        Ok(()) => kept += 1,
                        Err(error @ Error::WrongState { .. }) => return (kept, error.to_string()),
                        Err(error) => panic!("{error}"),
                    }
                }
            })
        })
        .collect();
    while lab.last_event().await < 40 {
        tokio::task::yield_now().await;
    }
    lab.tracker.complete_run(id, vec![points("final", &[1.0])]).await.unwrap();
    let mut kept = 1;
    for logger in loggers {
        let (points, refusal) = logger.await.unwrap();
        assert!(refusal.contains("is completed"), "{refusal}");
        kept += points;
    }
    let summaries = lab.tracker.summaries(&[id], None).await.unwrap();
    assert_eq!(summaries.iter().map(|(_, summary)| summary.count).sum::<u64>(), kept);
    let kinds = lab.events_after(0).await;
    assert_eq!(kinds.iter().position(|kind| *kind == "run_completed"), Some(kinds.len() - 1), "something came after");
    assert_eq!(kinds.iter().filter(|kind| **kind == "metrics_logged").count() as u64, kept);
}

#[tokio::test]
async fn racing_ends_make_one() {
    let lab = Lab::new();
    let id = lab.run().await.id;
    let ends: Vec<_> = (0..12)
        .map(|i| {
            let tracker = lab.tracker.clone();
            let action = [RunAction::Complete, RunAction::Fail, RunAction::Cancel, RunAction::TimeOut][i % 4];
            tokio::spawn(async move { act(&tracker, id, action).await })
        })
        .collect();
    let mut won = Vec::new();
    for end in ends {
        match end.await.unwrap() {
            Ok(status) => won.push(status),
            Err(error) => assert_eq!(error.code(), Code::InvalidState, "{error}"),
        }
    }
    assert_eq!(won, [lab.status(id).await]);
}

#[tokio::test]
async fn a_deleted_run_is_gone_and_a_running_one_cannot_be() {
    let lab = Lab::new();
    let parent = lab.run().await;
    let experiment = lab.tracker.experiment(parent.experiment_id).await.unwrap();
    let child = NewRun { parent_run_id: Some(parent.id), ..new_run(&experiment) };
    let child = lab.tracker.create_run(child).await.unwrap();
    everything_sayable(&lab, parent.id).await;
    let error = lab.tracker.delete_run(parent.id).await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidState);
    lab.tracker.complete_run(parent.id, Vec::new()).await.unwrap();
    let last = lab.last_event().await;
    lab.tracker.delete_run(parent.id).await.unwrap();
    assert_eq!(lab.events_after(last).await, ["run_deleted"]);
    assert_eq!(lab.tracker.run(parent.id).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(lab.tracker.run(child.id).await.unwrap().parent_run_id, None);
    assert!(lab.tracker.summaries(&[parent.id], None).await.unwrap().is_empty());
    assert_eq!(lab.run_of(&experiment).await.number, 3, "numbers are not given again");
    let (key, range) = ("loss".into(), PointRange::default());
    assert_eq!(lab.tracker.points(parent.id, &key, &range, None).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn names_and_tags_can_change_in_any_state() {
    let lab = Lab::new();
    let id = lab.run().await.id;
    lab.tracker.complete_run(id, Vec::new()).await.unwrap();
    lab.tracker.rename_run(id, "the good one").await.unwrap();
    let tags = |value: Option<&str>| BTreeMap::from([("verdict".to_owned(), value.map(str::to_owned))]);
    lab.tracker.set_tags(id, tags(Some("keep"))).await.unwrap();
    let run = lab.tracker.run(id).await.unwrap();
    assert_eq!((run.name.as_str(), run.tags.0["verdict"].as_str()), ("the good one", "keep"));
    lab.tracker.set_tags(id, tags(None)).await.unwrap();
    assert!(lab.tracker.run(id).await.unwrap().tags.0.is_empty());
    assert_eq!(lab.tracker.rename_run(id, "").await.unwrap_err().field(), Some("name"));
    let empty_key = BTreeMap::from([(String::new(), Some("x".to_owned()))]);
    assert_eq!(lab.tracker.set_tags(id, empty_key).await.unwrap_err().field(), Some("tags"));
}
