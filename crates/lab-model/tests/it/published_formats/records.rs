use lab_model::*;

use super::entities::error;
use super::{HASH, UUID, lines, metadata, parameters, time};

#[test]
fn a_delivery_of_every_record() {
    let start = StartRun {
        experiment: "tiny-lm".into(),
        name: Some("first".into()),
        parameters: parameters([("lr", 3e-4.into())]),
        tags: Tags::labels(["baseline"]),
        parent_run_id: Some(UUID.parse().unwrap()),
        user: Some("ada".into()),
        started_at: time(),
    };
    let mut points = SeriesPoints::new("loss".into());
    points.push(0.5, Some(1), time().as_microsecond());
    let value = Value::Custom { value: 1.into() };
    let stream = Some(LogStream::Stderr);
    let line = LogLine { level: LogLevel::Info, time: time(), text: "epoch 1".into(), stream };
    let delivery = Delivery {
        writer_id: UUID.parse().unwrap(),
        run_id: UUID.parse().unwrap(),
        first_seq: 1,
        records: vec![
            Record::Start(start),
            Record::Resume { at: time() },
            Record::metrics(vec![points]),
            Record::Values { values: vec![LoggedValue { key: "eval".into(), step: None, time: time(), value }] },
            Record::Parameters { parameters: parameters([("layers", 12.into())]) },
            Record::Tags { tags: Tags::labels(["late"]) },
            Record::Environment {
                snapshot: Box::new(EnvironmentSnapshot { captured_at: time(), ..Default::default() }),
            },
            Record::Artifact {
                name: "model.bin".parse().unwrap(),
                artifact_type: ArtifactType::Custom("tokenizer".into()),
                content_hash: HASH.parse().unwrap(),
                metadata: metadata(),
                at: time(),
            },
            Record::UseDataset { dataset: "c4".into(), metadata: metadata() },
            Record::UseModel { model: "meta-llama/Llama-3.1-8B".into(), metadata: Metadata::new() },
            Record::Log { lines: vec![line] },
            Record::Heartbeat { at: time() },
            Record::Finish(FinishRun { status: RunStatus::Failed, ended_at: time(), error: Some(error()) }),
        ],
    };
    delivery.validate().unwrap();
    insta::assert_snapshot!(lines(&delivery.records), @r#"
    {"record":"start","experiment":"tiny-lm","name":"first","parameters":{"lr":0.0003},"tags":{"baseline":""},"parent_run_id":"0192f0c1-2a3b-7c4d-8e5f-60718293a4b5","user":"ada","started_at":"2025-01-02T03:04:05.678901Z"}
    {"record":"resume","at":"2025-01-02T03:04:05.678901Z"}
    {"record":"metrics","series":[{"name":"loss","values":[0.5],"steps":[1],"times_micros":[1735787045678901]}]}
    {"record":"values","values":[{"name":"eval","time":"2025-01-02T03:04:05.678901Z","value":{"kind":"custom","value":1}}]}
    {"record":"parameters","parameters":{"layers":12}}
    {"record":"tags","tags":{"late":""}}
    {"record":"environment","snapshot":{"captured_at":"2025-01-02T03:04:05.678901Z","duration_millis":0}}
    {"record":"artifact","name":"model.bin","type":"tokenizer","content_hash":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad","metadata":{"note":{"of":null,"rows":3}},"at":"2025-01-02T03:04:05.678901Z"}
    {"record":"use_dataset","dataset":"c4","metadata":{"note":{"of":null,"rows":3}}}
    {"record":"use_model","model":"meta-llama/Llama-3.1-8B"}
    {"record":"log","lines":[{"level":"info","time":"2025-01-02T03:04:05.678901Z","text":"epoch 1","stream":"stderr"}]}
    {"record":"heartbeat","at":"2025-01-02T03:04:05.678901Z"}
    {"record":"finish","status":"failed","ended_at":"2025-01-02T03:04:05.678901Z","error":{"type":"torch.OutOfMemoryError","message":"CUDA out of memory","stack_trace":"train.py:12","time":"2025-01-02T03:04:05.678901Z","recoverable":true,"context":{"host":"gpu-7"}}}
    "#);
    insta::assert_json_snapshot!(Delivery { records: vec![], ..delivery }, @r#"
    {
      "writer_id": "0192f0c1-2a3b-7c4d-8e5f-60718293a4b5",
      "run_id": "0192f0c1-2a3b-7c4d-8e5f-60718293a4b5",
      "first_seq": 1,
      "records": []
    }
    "#);
}

#[test]
fn every_event() {
    let name = || "tiny-lm".to_owned();
    let bodies = [
        EventBody::ExperimentCreated { name: name() },
        EventBody::ExperimentUpdated { status: ExperimentStatus::Active, fields: vec!["status".into()] },
        EventBody::ExperimentArchived,
        EventBody::RunCreated { number: 1, name: name() },
        EventBody::RunStarted { number: 1, name: name() },
        EventBody::RunResumed,
        EventBody::RunUpdated { fields: vec!["tags".into()] },
        EventBody::RunCompleted,
        EventBody::RunFailed { error: RunError { stack_trace: None, ..error() } },
        EventBody::RunCancelled,
        EventBody::RunTimedOut,
        EventBody::RunDeleted,
        EventBody::MetricsLogged { series: 2, points: 200, last_step: Some(100) },
        EventBody::ThresholdCrossed {
            metric: "loss{split=val}".into(),
            level: ThresholdLevel::Critical,
            threshold: Threshold { value: 5.0, direction: ThresholdDirection::Above },
            value: f64::INFINITY,
            step: Some(7),
        },
        EventBody::ThresholdCleared { metric: "loss".into(), value: 1.5, step: None },
        EventBody::ArtifactLogged {
            artifact_id: UUID.parse().unwrap(),
            name: "model.bin".parse().unwrap(),
            size_bytes: 1024,
        },
    ];
    for body in &bodies {
        assert_eq!(serde_json::to_value(body).unwrap()["type"], body.kind());
    }
    insta::assert_snapshot!(lines(&bodies), @r#"
    {"type":"experiment_created","name":"tiny-lm"}
    {"type":"experiment_updated","status":"active","fields":["status"]}
    {"type":"experiment_archived"}
    {"type":"run_created","number":1,"name":"tiny-lm"}
    {"type":"run_started","number":1,"name":"tiny-lm"}
    {"type":"run_resumed"}
    {"type":"run_updated","fields":["tags"]}
    {"type":"run_completed"}
    {"type":"run_failed","error":{"type":"torch.OutOfMemoryError","message":"CUDA out of memory","time":"2025-01-02T03:04:05.678901Z","recoverable":true,"context":{"host":"gpu-7"}}}
    {"type":"run_cancelled"}
    {"type":"run_timed_out"}
    {"type":"run_deleted"}
    {"type":"metrics_logged","series":2,"points":200,"last_step":100}
    {"type":"threshold_crossed","metric":"loss{split=val}","level":"critical","threshold":{"value":5.0,"direction":"above"},"value":"Infinity","step":7}
    {"type":"threshold_cleared","metric":"loss","value":1.5}
    {"type":"artifact_logged","artifact_id":"0192f0c1-2a3b-7c4d-8e5f-60718293a4b5","name":"model.bin","size_bytes":1024}
    "#);
    let event = Event {
        seq: 9,
        at: time(),
        experiment_id: UUID.parse().unwrap(),
        run_id: Some(UUID.parse().unwrap()),
        body: EventBody::RunCompleted,
    };
    insta::assert_json_snapshot!(event, @r#"
    {
      "seq": 9,
      "at": "2025-01-02T03:04:05.678901Z",
      "experiment_id": "0192f0c1-2a3b-7c4d-8e5f-60718293a4b5",
      "run_id": "0192f0c1-2a3b-7c4d-8e5f-60718293a4b5",
      "type": "run_completed"
    }
    "#);
}
