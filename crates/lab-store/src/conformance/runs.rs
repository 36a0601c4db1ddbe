//! Runs.

use std::collections::BTreeMap;

use lab_model::{
    ArtifactId, ArtifactRef, ArtifactType, ContentHash, EdgeType, EnvironmentSnapshot, ExperimentRun, LineageEdge,
    LineageNode, LogLevel, LogLine, LoggedValue, Metadata, NodeId, NodeType, RunError, RunId, RunStatus, SeriesKey,
    UserId, Value, WriterId,
};

use super::given::{self, at, now};
use crate::{Change, Direction, LineageSearch, Store, StoreExt as _, Write};

pub(super) async fn a_run_reads_back_whole(store: &dyn Store) {
    let parent = given::run(store).await;
    let mut run = given::new_run(parent.experiment_id);
    run.name = "näme".into();
    run.status = RunStatus::Failed;
    run.parameters =
        [("lr".to_owned(), 0.1.into()), ("nested".to_owned(), BTreeMap::from([("a".to_owned(), 1)]).into())].into();
    run.tags.0 = [("k".to_owned(), "v".to_owned())].into();
    run.parent_run_id = Some(parent.id);
    run.created_by = Some(UserId::new(now()));
    run.error = Some(error());
    run.ended_at = Some(now());
    run.heartbeat_at = Some(now());
    run.revision = 4;
    let stored = given::created(store, &run).await;
    run.number = 2;
    assert_eq!(stored, run);
    assert_eq!(store.run_numbered(run.experiment_id, 2).await.expect("an answer"), Some(run));
    assert_eq!(store.run(RunId::new(now())).await.expect("an answer"), None);
}

fn error() -> RunError {
    RunError {
        error_type: "torch.OutOfMemoryError".into(),
        message: "no memory".into(),
        stack_trace: Some("line 1\nline 2".into()),
        time: at(3),
        recoverable: true,
        context: [("host".to_owned(), "gpu-7".to_owned())].into(),
    }
}

pub(super) async fn a_nameless_run_is_named_by_its_number(store: &dyn Store) {
    let first = given::run(store).await;
    let second = given::created(store, &given::new_run(first.experiment_id)).await;
    assert_eq!((first.name.as_str(), second.name.as_str()), ("run-1", "run-2"));
}

pub(super) async fn a_status_is_set_with_its_times_and_error(store: &dyn Store) {
    let run = given::run(store).await;
    let set = async |status, started_at, ended_at, error: Option<RunError>| {
        let error = error.map(Box::new);
        given::write(store, Write::SetRunStatus { id: run.id, status, started_at, ended_at, error }).await;
        let run = store.require_run(run.id).await.expect("the run");
        (run.status, run.started_at, run.ended_at, run.error)
    };
    let failed = set(RunStatus::Failed, None, Some(at(9)), Some(error())).await;
    assert_eq!(failed, (RunStatus::Failed, run.started_at, Some(at(9)), Some(error())));
    let resumed = set(RunStatus::Running, Some(at(10)), None, None).await;
    assert_eq!(resumed, (RunStatus::Running, Some(at(10)), None, None));
}

pub(super) async fn each_change_is_counted(store: &dyn Store) {
    let run = given::run(store).await;
    let id = run.id;
    let tags = |value: &str| Write::SetTags { id, tags: [("t".to_owned(), Some(value.to_owned()))].into() };
    let parameters = || Write::SetParameters { id, parameters: [("p".to_owned(), 1.into())].into() };
    let environment = || Write::SetEnvironment { id, snapshot: Box::default() };
    let steps = [
        (Write::RenameRun { id, name: "new".into() }, 2),
        (tags("a"), 3),
        (tags("a"), 3),
        (tags("b"), 4),
        (parameters(), 5),
        (parameters(), 5),
        (environment(), 6),
        (environment(), 6),
        (Write::Heartbeat { id, at: now() }, 6),
        (Write::AppendPoints { id, series: vec![given::stepped("loss", &[1.0])] }, 6),
        (Write::SetRunStatus { id, status: RunStatus::Failed, started_at: None, ended_at: None, error: None }, 7),
    ];
    for (write, revision) in steps {
        given::write(store, write.clone()).await;
        assert_eq!(store.require_run(id).await.expect("the run").revision, revision, "{write:?}");
    }
}

pub(super) async fn tags_are_set_and_removed(store: &dyn Store) {
    let run = given::run(store).await;
    let set = async |changes: &[(&str, Option<&str>)]| {
        let tags = changes.iter().map(|(k, v)| ((*k).to_owned(), v.map(str::to_owned))).collect();
        given::write(store, Write::SetTags { id: run.id, tags }).await;
        store.require_run(run.id).await.expect("the run").tags.0.into_iter().collect::<Vec<_>>()
    };
    let pair = |k: &str, v: &str| (k.to_owned(), v.to_owned());
    assert_eq!(set(&[("a", Some("1")), ("b", Some(""))]).await, [pair("a", "1"), pair("b", "")]);
    assert_eq!(set(&[("a", Some("2")), ("b", None), ("none", None)]).await, [pair("a", "2")]);
}

pub(super) async fn a_heartbeat_never_goes_back(store: &dyn Store) {
    let run = given::run(store).await;
    for (sent, kept) in [(at(5), at(5)), (at(3), at(5)), (at(8), at(8))] {
        given::write(store, Write::Heartbeat { id: run.id, at: sent }).await;
        assert_eq!(store.require_run(run.id).await.expect("the run").heartbeat_at, Some(kept));
    }
}

pub(super) async fn silent_runs_are_found(store: &dyn Store) {
    let experiment = given::experiment(store, "silent").await;
    let with = async |status, created, heartbeat| {
        let mut run = given::new_run(experiment.id);
        run.status = status;
        run.created_at = created;
        run.heartbeat_at = heartbeat;
        given::created(store, &run).await.id
    };
    let vanished = with(RunStatus::Running, at(0), Some(at(50))).await;
    let never_heard = with(RunStatus::Running, at(10), None).await;
    with(RunStatus::Running, at(0), Some(at(100))).await;
    with(RunStatus::Running, at(100), None).await;
    with(RunStatus::Failed, at(0), Some(at(50))).await;
    with(RunStatus::Pending, at(0), None).await;
    assert_eq!(store.silent_runs(at(100), 10).await.expect("runs"), [never_heard, vanished]);
    assert_eq!(store.silent_runs(at(100), 1).await.expect("runs"), [never_heard]);
    assert_eq!(store.silent_runs(at(10), 10).await.expect("runs"), []);
}

pub(super) async fn an_environment_is_stored_once(store: &dyn Store) {
    let (first, second) = (given::run(store).await, given::run(store).await);
    let mut snapshot = EnvironmentSnapshot { hostname: Some("gpu-7".into()), ..EnvironmentSnapshot::default() };
    let hash = snapshot.content_hash();
    given::write(store, Write::SetEnvironment { id: first.id, snapshot: Box::new(snapshot.clone()) }).await;
    let kept = snapshot.clone();
    snapshot.captured_at = at(77);
    given::write(store, Write::SetEnvironment { id: second.id, snapshot: Box::new(snapshot) }).await;
    for id in [first.id, second.id] {
        assert_eq!(store.require_run(id).await.expect("the run").environment, Some(hash));
    }
    assert_eq!(store.environment(hash).await.expect("an answer"), Some(kept), "the first is the one that is kept");
    assert_eq!(store.environment(ContentHash::of(b"none")).await.expect("an answer"), None);
}

/// A run with something of every kind.
async fn full_run(store: &dyn Store) -> (ExperimentRun, ArtifactRef) {
    let run = given::run(store).await;
    let id = run.id;
    let artifact = ArtifactRef {
        id: ArtifactId::new(now()),
        run_id: id,
        name: "weights".parse().expect("a name"),
        artifact_type: ArtifactType::Model,
        content_hash: ContentHash::of(b"w"),
        size_bytes: 1,
        storage_uri: "lab-object:w".into(),
        metadata: Metadata::new(),
        created_at: now(),
    };
    let value = LoggedValue {
        key: SeriesKey::named("v"),
        step: None,
        time: now(),
        value: Value::Custom { value: serde_json::json!(1) },
    };
    let (above, node) = (NodeId::experiment(run.experiment_id), NodeId::run(id));
    let below = NodeId::new(NodeType::Artifact, artifact.id);
    let mut change = Change::new(now())
        .writing(Write::SetTags { id, tags: [("t".to_owned(), Some("v".to_owned()))].into() })
        .writing(Write::SetParameters { id, parameters: [("p".to_owned(), 1.into())].into() })
        .writing(Write::AppendLog {
            id,
            lines: vec![LogLine { level: LogLevel::Info, time: now(), text: "l".into(), stream: None }],
        })
        .writing(Write::AppendPoints { id, series: vec![given::stepped("loss", &[1.0])] })
        .writing(Write::AppendValues { id, values: vec![value] })
        .writing(Write::AddArtifact(Box::new(artifact.clone())))
        .writing(Write::AdvanceWriter { id: WriterId::from_uuid(*id.as_uuid()), run_id: id, seq: 7 });
    for id in [&above, &node, &below] {
        change.nodes.push(LineageNode {
            id: id.clone(),
            label: "n".into(),
            metadata: Metadata::new(),
            created_at: at(0),
        });
    }
    for (from, edge_type, to) in [(&above, EdgeType::Contains, &node), (&node, EdgeType::Produces, &below)] {
        let (from, to) = (from.clone(), to.clone());
        change.edges.push(LineageEdge { from, edge_type, to, metadata: Metadata::new(), created_at: at(0) });
    }
    store.commit(change).await.expect("all of it");
    (run, artifact)
}

pub(super) async fn a_deleted_run_takes_along_what_is_its_own(store: &dyn Store) {
    let (run, artifact) = full_run(store).await;
    let (bystander, _) = full_run(store).await;
    let mut nested = given::new_run(run.experiment_id);
    nested.parent_run_id = Some(run.id);
    let nested = given::created(store, &nested).await;
    let last_event = store.last_event().await.expect("a position");
    given::write(store, Write::DeleteRun { id: run.id }).await;

    assert_eq!(store.run(run.id).await.expect("an answer"), None);
    assert_eq!(store.summaries(&[run.id], None).await.expect("summaries"), []);
    let points = store.points(run.id, &"loss".into(), &Default::default()).await.expect("points");
    assert!(points.is_empty());
    assert_eq!(store.values(run.id, None).await.expect("values"), []);
    assert_eq!(store.log_lines(run.id, 1, 10).await.expect("lines"), []);
    assert_eq!(store.artifact(artifact.id).await.expect("an answer"), None);
    assert_eq!(store.artifacts(run.id).await.expect("artifacts"), []);
    let search = |from| LineageSearch {
        from,
        direction: Direction::Both,
        depth: 5,
        node_types: Vec::new(),
        edge_types: Vec::new(),
        limit: 10,
    };
    for gone in [NodeId::run(run.id), NodeId::new(NodeType::Artifact, artifact.id)] {
        assert_eq!(store.lineage(&search(gone)).await.expect("an answer"), None);
    }
    let above = store.lineage(&search(NodeId::experiment(run.experiment_id))).await.expect("an answer");
    assert_eq!(above.expect("the experiment").edges, []);

    assert_eq!(store.require_run(nested.id).await.expect("the nested run").parent_run_id, None);
    assert_eq!(store.last_event().await.expect("a position"), last_event, "the log of events stays");
    let writer = WriterId::from_uuid(*run.id.as_uuid());
    assert_eq!(store.delivered(writer).await.expect("a position"), 7, "what comes late is still known");
    assert_eq!(store.summaries(&[bystander.id], None).await.expect("summaries").len(), 1);
    let points = store.points(bystander.id, &"loss".into(), &Default::default()).await.expect("points");
    assert_eq!(points.values, [1.0]);
    assert_eq!(store.values(bystander.id, None).await.expect("values").len(), 1);
    assert_eq!(store.log_lines(bystander.id, 1, 10).await.expect("lines").len(), 1);
    let around = store.lineage(&search(NodeId::run(bystander.id))).await.expect("an answer").expect("the run");
    assert_eq!(around.nodes.len(), 3);
}
