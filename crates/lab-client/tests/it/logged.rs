//! What a run says is what others read.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use lab_client::{Outcome, Run, StartOptions, now, waiting};
use lab_model::{
    ArtifactType, ContentHash, Error, EventBody, LogLevel, LogLine, LoggedValue, Metadata, NodeType, ParameterValue,
    Parameters, Result, RunStatus, SeriesKey, Tags, Value,
};

use crate::given::{Lab, counted, eventually, log, offline};

const DELIVERED: Outcome = Outcome { is_delivered: true, problem: None, refused: Vec::new() };

fn parameters(json: &str) -> Parameters {
    serde_json::from_str(json).unwrap()
}

#[test]
fn everything_that_was_logged_is_there() -> Result<()> {
    let mut lab = Lab::new();
    lab.workspace.settings.capture_environment = true;
    let options = StartOptions {
        name: Some("wide".to_owned()),
        parameters: parameters(r#"{"lr": 0.1}"#),
        tags: Tags::labels(["baseline"]),
        user: Some("ada".to_owned()),
        entry_point: Some("train.py".to_owned()),
        ..StartOptions::new("tiny-lm")
    };
    let run = Run::start(&lab.workspace, options)?;
    for step in 0..100 {
        run.log([("loss", f64::from(step)), ("accuracy", 0.5)], None)?;
    }
    run.log([("loss", f64::NAN)], None)?;
    let context = BTreeMap::from([("split".to_owned(), "val".to_owned())]);
    run.log([(SeriesKey { name: "loss".to_owned(), context: context.clone() }, 3.5)], Some(7))?;
    run.log_parameters(parameters(r#"{"model": {"layers": 2}}"#))?;
    run.set_tags(Tags([("host".to_owned(), "node-7".to_owned())].into()))?;
    run.use_dataset("c4", Metadata::new())?;
    run.use_model("llama", Metadata::new())?;
    let line = LogLine { level: LogLevel::Warning, time: now(), text: "diverging".to_owned(), stream: None };
    run.log_lines(vec![line.clone()])?;
    let value = Value::Custom { value: serde_json::json!({"rows": [1, 2]}) };
    let value = LoggedValue { key: "table".into(), step: Some(3), time: now(), value };
    run.log_values(vec![value.clone()])?;
    let file = lab.workspace.root.join("model.bin");
    std::fs::write(&file, "weights").unwrap();
    run.log_artifact(&file, "out/model.bin".parse()?, ArtifactType::Model, Metadata::new())?;
    std::fs::remove_file(&file).unwrap();
    assert_eq!(run.complete()?, DELIVERED);
    assert_eq!((waiting(&lab.workspace)?, lab.left_in_spool()), (0, Vec::new()));

    let stored = lab.stored();
    let detail = stored.run(run.id());
    assert_eq!((detail.experiment_name.as_str(), detail.created_by_name.as_deref()), ("tiny-lm", Some("ada")));
    let kept = &detail.run;
    assert_eq!((kept.name.as_str(), kept.status, kept.number), ("wide", RunStatus::Completed, 1));
    assert_eq!(kept.parameters, parameters(r#"{"lr": 0.1, "model": {"layers": 2}}"#));
    assert_eq!(kept.tags.0, BTreeMap::from([("baseline".into(), "".into()), ("host".into(), "node-7".into())]));
    let environment = detail.environment_snapshot.expect("it was captured before the end");
    assert!(serde_json::to_string(&environment).unwrap().contains("train.py"));

    let loss = stored.points(run.id(), "loss");
    assert_eq!(loss.steps, (0..=100).map(Some).collect::<Vec<_>>());
    assert!(loss.values[100].is_nan() && loss.times_micros.is_sorted());
    let counts: Vec<_> = detail.metrics.iter().map(|m| (m.key.to_string(), m.count, m.median)).collect();
    let expected = [
        ("accuracy".to_owned(), 100, Some(0.5)),
        ("loss".to_owned(), 101, Some(49.5)),
        ("loss{split=val}".to_owned(), 1, Some(3.5)),
    ];
    assert_eq!(counts, expected);
    let tracker = &stored.tracker;
    assert_eq!(stored.runtime.block_on(tracker.values(run.id(), None))?, [value]);
    assert_eq!(stored.runtime.block_on(tracker.log_lines(run.id(), 1, 10))?, [line]);
    let [artifact] = &detail.artifacts[..] else { panic!("{:?}", detail.artifacts) };
    assert_eq!((artifact.name.as_str(), artifact.content_hash), ("out/model.bin", ContentHash::of(b"weights")));
    let graph = stored.runtime.block_on(tracker.experiment_lineage(kept.experiment_id, 100))?;
    let inputs = graph.nodes.iter().filter(|node| matches!(node.id.node_type, NodeType::Dataset | NodeType::Model));
    assert_eq!(inputs.map(|node| node.label.as_str()).collect::<Vec<_>>(), ["c4", "llama"]);
    Ok(())
}

#[test]
fn what_the_rules_refuse_is_told_at_the_end_and_the_rest_is_kept() {
    let lab = Lab::new();
    let options = StartOptions { parameters: parameters(r#"{"lr": 0.1}"#), ..StartOptions::new("tiny-lm") };
    let run = Run::start(&lab.workspace, options).unwrap();
    log(&run, 0..3);
    run.log_parameters(parameters(r#"{"lr": 0.2}"#)).unwrap();
    log(&run, 3..6);
    let error = Run::error("OutOfMemory", "20 GiB", None);
    let outcome = run.finish(RunStatus::Failed, Some(error)).unwrap();
    assert!(outcome.is_delivered);
    let [refused] = &outcome.refused[..] else { panic!("{outcome:?}") };
    assert!(refused.seq == 5 && refused.problem.contains("`lr`"), "{refused:?}");
    let stored = lab.stored();
    assert_eq!(stored.losses(run.id()), counted(6));
    let kept = stored.run(run.id()).run;
    assert_eq!((kept.status, kept.error.unwrap().error_type.as_str()), (RunStatus::Failed, "OutOfMemory"));
    assert_eq!(kept.parameters["lr"], ParameterValue::Float(0.1));
}

#[test]
fn threads_share_a_run() {
    let lab = Lab::new();
    let run = Arc::new(Run::start(&lab.workspace, StartOptions::new("tiny-lm")).unwrap());
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let run = Arc::clone(&run);
            std::thread::spawn(move || {
                for _ in 0..250 {
                    run.log([("loss", 1.0)], None).unwrap();
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(run.complete().unwrap(), DELIVERED);
    assert_eq!(lab.stored().losses(run.id()), [1.0; 1000]);
}

#[test]
fn a_run_that_is_dropped_is_delivered_and_goes_on_running() {
    let lab = Lab::new();
    let run = Run::start(&lab.workspace, StartOptions::new("tiny-lm")).unwrap();
    let id = run.id();
    log(&run, 0..20);
    drop(run);
    let stored = lab.stored();
    let mut told = stored.tracker.watch_events();
    let all_points = async {
        loop {
            let events = stored.tracker.events(0, 1_000).await.unwrap();
            let points = events.iter().map(|event| match event.body {
                EventBody::MetricsLogged { points, .. } => points,
                _ => 0,
            });
            if points.sum::<u64>() == 20 {
                break;
            }
            told.changed().await.unwrap();
        }
    };
    stored
        .runtime
        .block_on(async { tokio::time::timeout(std::time::Duration::from_secs(60), all_points).await })
        .unwrap();
    assert_eq!(stored.losses(id), counted(20));
    assert_eq!(stored.run(id).run.status, RunStatus::Running);
}

#[test]
fn delivery_does_not_wait_for_the_end() {
    let lab = Lab::new();
    let run = Run::start(&lab.workspace, StartOptions::new("tiny-lm")).unwrap();
    log(&run, 0..10);
    eventually("the delivery", || (run.acknowledged() == 11).then_some(()));
    assert_eq!(lab.stored().losses(run.id()), counted(10));
    log(&run, 10..20);
    assert_eq!(run.complete().unwrap(), DELIVERED);
    assert_eq!(lab.stored().losses(run.id()), counted(20));
    assert!(matches!(run.log([("loss", 1.0)], None), Err(Error::WrongState { .. })));
}

#[test]
fn what_is_flushed_does_not_wait_for_the_interval() {
    let mut lab = Lab::new();
    lab.workspace.settings.checkpoint_interval_secs = 3600.0;
    let run = Run::start(&lab.workspace, StartOptions::new("tiny-lm")).unwrap();
    for step in 0..3 {
        log(&run, step..step + 1);
        assert!(run.flush(Duration::from_secs(30)));
        assert_eq!(lab.stored().losses(run.id()), counted(step + 1));
    }
    run.complete().unwrap();

    let waiting = Run::start(&lab.workspace, offline()).unwrap();
    assert!(!waiting.flush(Duration::from_secs(30)));
}
