use lab_model::*;

use super::{HASH, UUID, metadata, parameters, time};

fn tags() -> Tags {
    Tags([("baseline".to_owned(), String::new()), ("team".to_owned(), "speech".to_owned())].into())
}

pub(super) fn error() -> RunError {
    RunError {
        error_type: "torch.OutOfMemoryError".into(),
        message: "CUDA out of memory".into(),
        stack_trace: Some("train.py:12".into()),
        time: time(),
        recoverable: true,
        context: [("host".to_owned(), "gpu-7".to_owned())].into(),
    }
}

#[test]
fn an_experiment() {
    let new = NewExperiment {
        name: "tiny-lm".into(),
        description: Some("How small can it be?".into()),
        hypothesis: Some("Twelve layers are enough.".into()),
        owner: None,
        collaborators: vec![UUID.parse().unwrap()],
        tags: tags(),
        config: ExperimentConfig::default(),
        metadata: metadata(),
    };
    let experiment = Experiment::create(UUID.parse().unwrap(), new, Some(UUID.parse().unwrap()), time()).unwrap();
    insta::assert_json_snapshot!(experiment.moved_to(ExperimentStatus::Archived, time()).unwrap(), @r#"
    {
      "id": "0192f0c1-2a3b-7c4d-8e5f-60718293a4b5",
      "name": "tiny-lm",
      "description": "How small can it be?",
      "hypothesis": "Twelve layers are enough.",
      "owner_id": "0192f0c1-2a3b-7c4d-8e5f-60718293a4b5",
      "collaborators": [
        "0192f0c1-2a3b-7c4d-8e5f-60718293a4b5"
      ],
      "tags": {
        "baseline": "",
        "team": "speech"
      },
      "status": "archived",
      "config": {},
      "metadata": {
        "note": {
          "of": null,
          "rows": 3
        }
      },
      "created_at": "2025-01-02T03:04:05.678901Z",
      "updated_at": "2025-01-02T03:04:05.678901Z",
      "archived_at": "2025-01-02T03:04:05.678901Z",
      "revision": 2
    }
    "#);
}

#[test]
fn a_run() {
    let mut logs = LogSummary { uri: Some("/api/v1/runs/1/log".into()), ..Default::default() };
    logs.append(&[LogLine { level: LogLevel::Warning, time: time(), text: "loss is high".into(), stream: None }]);
    let run = ExperimentRun {
        id: UUID.parse().unwrap(),
        experiment_id: UUID.parse().unwrap(),
        number: 3,
        name: "tiny-lm-3".into(),
        status: RunStatus::TimedOut,
        parameters: parameters([("lr", 3e-4.into()), ("$x", f64::NAN.into())]),
        environment: Some(HASH.parse().unwrap()),
        tags: tags(),
        logs,
        parent_run_id: Some(UUID.parse().unwrap()),
        created_by: Some(UUID.parse().unwrap()),
        error: Some(error()),
        created_at: time(),
        started_at: Some(time()),
        ended_at: Some(time()),
        heartbeat_at: Some(time()),
        revision: 5,
    };
    insta::assert_json_snapshot!(run, @r#"
    {
      "id": "0192f0c1-2a3b-7c4d-8e5f-60718293a4b5",
      "experiment_id": "0192f0c1-2a3b-7c4d-8e5f-60718293a4b5",
      "number": 3,
      "name": "tiny-lm-3",
      "status": "timed_out",
      "parameters": {
        "$x": {
          "$float": "NaN"
        },
        "lr": 0.0003
      },
      "environment": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
      "tags": {
        "baseline": "",
        "team": "speech"
      },
      "logs": {
        "lines": 1,
        "errors": 0,
        "warnings": 1,
        "uri": "/api/v1/runs/1/log",
        "highlights": [
          {
            "level": "warning",
            "time": "2025-01-02T03:04:05.678901Z",
            "line": 1,
            "text": "loss is high"
          }
        ]
      },
      "parent_run_id": "0192f0c1-2a3b-7c4d-8e5f-60718293a4b5",
      "created_by": "0192f0c1-2a3b-7c4d-8e5f-60718293a4b5",
      "error": {
        "type": "torch.OutOfMemoryError",
        "message": "CUDA out of memory",
        "stack_trace": "train.py:12",
        "time": "2025-01-02T03:04:05.678901Z",
        "recoverable": true,
        "context": {
          "host": "gpu-7"
        }
      },
      "created_at": "2025-01-02T03:04:05.678901Z",
      "started_at": "2025-01-02T03:04:05.678901Z",
      "ended_at": "2025-01-02T03:04:05.678901Z",
      "heartbeat_at": "2025-01-02T03:04:05.678901Z",
      "revision": 5
    }
    "#);
}

#[test]
fn an_artifact() {
    let artifact = ArtifactRef {
        id: UUID.parse().unwrap(),
        run_id: UUID.parse().unwrap(),
        name: "plots/loss.svg".parse().unwrap(),
        artifact_type: ArtifactType::Visualization,
        content_hash: HASH.parse().unwrap(),
        size_bytes: 1024,
        storage_uri: format!("lab-object:{HASH}"),
        metadata: metadata(),
        created_at: time(),
    };
    insta::assert_json_snapshot!(artifact, @r#"
    {
      "id": "0192f0c1-2a3b-7c4d-8e5f-60718293a4b5",
      "run_id": "0192f0c1-2a3b-7c4d-8e5f-60718293a4b5",
      "name": "plots/loss.svg",
      "type": "visualization",
      "content_hash": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
      "size_bytes": 1024,
      "storage_uri": "lab-object:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
      "metadata": {
        "note": {
          "of": null,
          "rows": 3
        }
      },
      "created_at": "2025-01-02T03:04:05.678901Z"
    }
    "#);
}

#[test]
fn lineage() {
    let run = NodeId::run(UUID.parse().unwrap());
    let dataset = NodeId::new(NodeType::DatasetVersion, "c4:v2");
    let graph = LineageGraph {
        nodes: vec![LineageNode {
            id: run.clone(),
            label: "tiny-lm-3".into(),
            metadata: metadata(),
            created_at: time(),
        }],
        edges: vec![LineageEdge {
            from: run,
            edge_type: EdgeType::UsesDataset,
            to: dataset,
            metadata: Metadata::new(),
            created_at: time(),
        }],
        truncated: false,
    };
    insta::assert_json_snapshot!(graph, @r#"
    {
      "nodes": [
        {
          "id": "run:0192f0c1-2a3b-7c4d-8e5f-60718293a4b5",
          "label": "tiny-lm-3",
          "metadata": {
            "note": {
              "of": null,
              "rows": 3
            }
          },
          "created_at": "2025-01-02T03:04:05.678901Z"
        }
      ],
      "edges": [
        {
          "from": "run:0192f0c1-2a3b-7c4d-8e5f-60718293a4b5",
          "type": "uses_dataset",
          "to": "dataset_version:c4:v2",
          "created_at": "2025-01-02T03:04:05.678901Z"
        }
      ],
      "truncated": false
    }
    "#);
}

#[test]
fn a_page_of_users() {
    let user = User { id: UUID.parse().unwrap(), name: "ada".into(), created_at: time() };
    let page = Paged { items: vec![user], total_count: 7, has_more: true, next_cursor: Some(Cursor("x".into())) };
    insta::assert_json_snapshot!(page, @r#"
    {
      "items": [
        {
          "id": "0192f0c1-2a3b-7c4d-8e5f-60718293a4b5",
          "name": "ada",
          "created_at": "2025-01-02T03:04:05.678901Z"
        }
      ],
      "total_count": 7,
      "has_more": true,
      "next_cursor": "x"
    }
    "#);
}
