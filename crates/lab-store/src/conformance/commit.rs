//! The unit of commit: whole or not at all.

use futures_util::future::join_all;
use lab_model::{
    ArtifactId, ArtifactRef, ArtifactType, Code, ContentHash, EdgeType, EventBody, ExperimentId, ExperimentStatus,
    Kind, LineageEdge, LineageNode, LoggedValue, Metadata, NodeId, Parameters, Result, RunId, RunStatus, SeriesKey,
    Value, WriterId,
};

use super::given::{self, at, now};
use crate::{Change, Committed, Direction, Expect, LineageSearch, Store, StoreExt as _, Write};

/// Commits `change` with a tag, an event and a node added, and checks that none of them is there afterwards.
async fn check_refused(store: &dyn Store, run: RunId, mut change: Change, code: Code) {
    let before = (store.require_run(run).await.expect("the run"), store.last_event().await.expect("a position"));
    let tags = [("mark".to_owned(), Some(String::new()))].into();
    change.writes.insert(0, Write::SetTags { id: run, tags });
    let node = LineageNode { id: NodeId::run(run), label: String::new(), metadata: Metadata::new(), created_at: at(0) };
    change.nodes.push(node);
    change = change.telling(before.0.experiment_id, Some(run), EventBody::RunResumed);
    let answer = store.commit(change.clone()).await;
    assert_eq!(answer.as_ref().map_err(lab_model::Error::code), Err(code), "{change:?}");
    let after = (store.require_run(run).await.expect("the run"), store.last_event().await.expect("a position"));
    assert_eq!(after, before, "{change:?}");
    let search = LineageSearch {
        from: NodeId::run(run),
        direction: Direction::Both,
        depth: 1,
        node_types: Vec::new(),
        edge_types: Vec::new(),
        limit: 10,
    };
    assert_eq!(store.lineage(&search).await.expect("an answer"), None, "{change:?}");
}

pub(super) async fn each_expectation_that_fails_writes_nothing(store: &dyn Store) {
    let run = given::run(store).await;
    let (nowhere, nobody) = (ExperimentId::new(now()), RunId::new(now()));
    let writer = WriterId::new(now());
    let cases = [
        (Expect::RunIs { id: run.id, one_of: vec![RunStatus::Pending, RunStatus::Failed] }, Code::InvalidState),
        (Expect::RunIs { id: run.id, one_of: vec![] }, Code::InvalidState),
        (Expect::RunIs { id: nobody, one_of: vec![RunStatus::Running] }, Code::NotFound),
        (Expect::ExperimentIs { id: run.experiment_id, one_of: vec![ExperimentStatus::Draft] }, Code::InvalidState),
        (Expect::ExperimentIs { id: nowhere, one_of: vec![ExperimentStatus::Active] }, Code::NotFound),
        (Expect::RunSilentSince { id: run.id, at: before(run.created_at) }, Code::Conflict),
        (Expect::RunSilentSince { id: nobody, at: at(0) }, Code::NotFound),
        (Expect::WriterAt { id: writer, seq: 1 }, Code::Conflict),
    ];
    for (expect, code) in cases {
        check_refused(store, run.id, Change::new(now()).expecting(expect), code).await;
    }
}

fn before(time: lab_model::Timestamp) -> lab_model::Timestamp {
    lab_model::Timestamp::from_microsecond(time.as_microsecond() - 1).expect("a time in range")
}

pub(super) async fn expectations_that_hold_let_the_change_through(store: &dyn Store) {
    let run = given::run(store).await;
    let writer = WriterId::new(now());
    let change = Change::new(now())
        .expecting(Expect::RunIs { id: run.id, one_of: vec![RunStatus::Failed, RunStatus::Running] })
        .expecting(Expect::ExperimentIs { id: run.experiment_id, one_of: vec![ExperimentStatus::Active] })
        .expecting(Expect::RunSilentSince { id: run.id, at: run.created_at })
        .expecting(Expect::WriterAt { id: writer, seq: 0 })
        .writing(Write::AdvanceWriter { id: writer, run_id: run.id, seq: 3 });
    store.commit(change).await.expect("nothing stands against it");
    let next = Change::new(now()).expecting(Expect::WriterAt { id: writer, seq: 3 }).writing(Write::AdvanceWriter {
        id: writer,
        run_id: run.id,
        seq: 5,
    });
    store.commit(next).await.expect("the writer goes on");
    assert_eq!(store.delivered(writer).await.expect("a position"), 5);
    assert_eq!(store.delivered(WriterId::new(now())).await.expect("a position"), 0);
}

pub(super) async fn each_write_about_no_run_is_not_found(store: &dyn Store) {
    let (run, id) = (given::run(store).await, RunId::new(now()));
    let artifact = ArtifactRef {
        id: ArtifactId::new(now()),
        run_id: id,
        name: "a".parse().expect("a name"),
        artifact_type: ArtifactType::File,
        content_hash: ContentHash::of(b"a"),
        size_bytes: 1,
        storage_uri: "lab-object:a".into(),
        metadata: Metadata::new(),
        created_at: now(),
    };
    let mut child = given::new_run(run.experiment_id);
    child.parent_run_id = Some(id);
    let value = LoggedValue {
        key: SeriesKey::named("v"),
        step: None,
        time: now(),
        value: Value::Custom { value: serde_json::Value::Null },
    };
    let writes = [
        Write::SetRunStatus { id, status: RunStatus::Failed, started_at: None, ended_at: None, error: None },
        Write::RenameRun { id, name: "new".into() },
        Write::SetParameters { id, parameters: Parameters::new() },
        Write::SetTags { id, tags: [].into() },
        Write::SetEnvironment { id, snapshot: Box::default() },
        Write::AppendLog { id, lines: Vec::new() },
        Write::Heartbeat { id, at: now() },
        Write::AppendPoints { id, series: vec![given::stepped("loss", &[1.0])] },
        Write::AppendPoints { id, series: Vec::new() },
        Write::AppendValues { id, values: vec![value] },
        Write::AddArtifact(Box::new(artifact)),
        Write::DeleteRun { id },
        Write::CreateRun(Box::new(child)),
        Write::CreateRun(Box::new(given::new_run(ExperimentId::new(now())))),
        Write::UpdateExperiment(Box::new(given::draft("never stored"))),
    ];
    for write in writes {
        check_refused(store, run.id, Change::new(now()).writing(write), Code::NotFound).await;
    }
    let twin = Write::CreateRun(Box::new(run.clone()));
    check_refused(store, run.id, Change::new(now()).writing(twin), Code::Conflict).await;
    let mut change = Change::new(now());
    change.edges.push(edge(&NodeId::experiment(run.experiment_id), &NodeId::run(run.id)));
    check_refused(store, run.id, change, Code::NotFound).await;
    let crooked = {
        let mut points = given::stepped("loss", &[1.0]);
        points.steps.clear();
        points
    };
    let crooked = Write::AppendPoints { id: run.id, series: vec![crooked] };
    check_refused(store, run.id, Change::new(now()).writing(crooked), Code::ValidationError).await;
}

fn edge(from: &NodeId, to: &NodeId) -> LineageEdge {
    LineageEdge {
        from: from.clone(),
        edge_type: EdgeType::Contains,
        to: to.clone(),
        metadata: Metadata::new(),
        created_at: at(0),
    }
}

pub(super) async fn a_change_its_lineage_and_its_events_are_one(store: &dyn Store) {
    let experiment = given::experiment(store, "whole").await;
    let run = given::new_run(experiment.id);
    let (above, below) = (NodeId::experiment(experiment.id), NodeId::run(run.id));
    let mut change = given::creating(&run);
    for id in [&above, &below] {
        change.nodes.push(LineageNode {
            id: id.clone(),
            label: "n".into(),
            metadata: Metadata::new(),
            created_at: at(0),
        });
    }
    change.edges.push(edge(&above, &below));
    let committed = store.commit(change).await.expect("the change");
    assert_eq!(committed, Committed { last_event: 1, run_numbers: vec![1] });
    let search = LineageSearch {
        from: above,
        direction: Direction::Descendants,
        depth: 1,
        node_types: Vec::new(),
        edge_types: Vec::new(),
        limit: 10,
    };
    let graph = store.lineage(&search).await.expect("an answer").expect("the node");
    assert_eq!((graph.nodes.len(), graph.edges.len()), (2, 1));
    let events = store.events(0, 10).await.expect("events");
    assert_eq!((events.len(), events[0].run_id, events[0].at), (1, Some(run.id), run.created_at));
}

pub(super) async fn a_replayed_record_is_refused_and_writes_nothing(store: &dyn Store) {
    let run = given::run(store).await;
    let writer = WriterId::new(now());
    let record = || {
        Change::new(now())
            .expecting(Expect::WriterAt { id: writer, seq: 0 })
            .writing(Write::AppendPoints { id: run.id, series: vec![given::stepped("loss", &[1.0, 2.0])] })
            .writing(Write::AdvanceWriter { id: writer, run_id: run.id, seq: 1 })
    };
    let answers = join_all((0..10).map(|_| store.commit(record()))).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "{answers:?}");
    let refusals = answers.into_iter().filter_map(Result::err);
    refusals.for_each(|error| match error {
        lab_model::Error::Conflict { kind: Kind::Writer, .. } => {}
        other => panic!("{other}"),
    });
    let summaries = store.summaries(&[run.id], None).await.expect("summaries");
    assert_eq!((summaries.len(), summaries[0].1.count), (1, 2));
    assert_eq!(store.delivered(writer).await.expect("a position"), 1);
}

pub(super) async fn a_failing_change_leaves_the_others_of_its_group_alone(store: &dyn Store) {
    let run = given::run(store).await;
    let commits = (0..200).map(|i| {
        let name = format!("p{i}");
        let parameters = [(name, i.into()), ("same".to_owned(), (i % 2).into())].into();
        store.commit(Change::new(now()).writing(Write::SetParameters { id: run.id, parameters }))
    });
    let kept = join_all(commits).await.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!(kept, 100, "one half contradicts the other");
    assert_eq!(store.require_run(run.id).await.expect("the run").parameters.len(), kept + 1);
}

pub(super) async fn an_empty_change_tells_the_last_event(store: &dyn Store) {
    assert_eq!(store.commit(Change::new(now())).await.expect("nothing to do"), Committed::default());
    given::run(store).await;
    let committed = store.commit(Change::new(now())).await.expect("nothing to do");
    assert_eq!(committed, Committed { last_event: 1, run_numbers: Vec::new() });
}

pub(super) async fn an_open_store_passes_its_check(store: &dyn Store) {
    store.check().await.expect("it can be read and written");
}

pub(super) async fn calls_after_close_fail_clearly(store: &dyn Store) {
    let run = given::run(store).await;
    let last = Change::new(now()).writing(Write::RenameRun { id: run.id, name: "last".into() });
    let (answer, ()) = futures_util::future::join(store.commit(last), store.close()).await;
    answer.expect("what was accepted is finished");
    store.close().await;
    let failures = [
        store.commit(Change::new(now())).await.map(drop),
        store.run(run.id).await.map(drop),
        store.check().await,
        store.finalise(run.id).await,
    ];
    for failure in failures {
        let error = failure.expect_err("the store is closed");
        let why = std::error::Error::source(&error).expect("a cause").to_string();
        assert_eq!((error.code(), why.as_str()), (Code::StorageError, "the store is closed"));
    }
}
