//! Delivery: records that come once, twice, in parts, at once or through a crash have the same effect once.

use lab_model::{
    ArtifactType, Code, Delivery, EventBody, ExperimentQuery, ExperimentStatus, FinishRun, LogLevel, LogLine,
    LoggedValue, Metadata, Parameters, Record, RunId, RunStatus, SeriesKey, SeriesPoints, StartRun, Tags, Timestamp,
    Validate as _, Value, WriterId,
};
use lab_store::{Direction, LineageSearch, PointRange};
use lab_tracker::NewRun;
use proptest::prelude::*;
use serde_json::json;

use crate::faulty::Fault;
use crate::given::{BEGIN, Lab, new_run, parameters, pieces, points};

/// The time a number of seconds after the beginning.
fn at(secs: usize) -> Timestamp {
    BEGIN + jiff::SignedDuration::from_secs(i64::try_from(secs).unwrap())
}

pub(crate) fn starts(experiment: &str) -> Record {
    Record::Start(StartRun {
        experiment: experiment.to_owned(),
        name: None,
        parameters: Parameters::new(),
        tags: Tags::default(),
        parent_run_id: None,
        user: Some("ada".to_owned()),
        started_at: BEGIN,
    })
}

/// The first delivery of a new run.
pub(crate) fn starting(experiment: &str) -> (Delivery, RunId) {
    let run_id = RunId::new(BEGIN);
    (Delivery { writer_id: WriterId::new(BEGIN), run_id, first_seq: 1, records: vec![starts(experiment)] }, run_id)
}

fn metrics(name: &str, values: &[f64]) -> Record {
    Record::metrics(vec![points(name, values)])
}

fn finish(status: RunStatus) -> Record {
    Record::Finish(FinishRun { status, ended_at: BEGIN, error: None })
}

#[tokio::test]
async fn a_delivery_makes_experiment_user_and_run_and_another_changes_nothing() {
    let lab = Lab::new();
    let (mut delivery, id) = starting("tiny-lm");
    delivery.records.extend([metrics("loss", &[2.0, 1.0]), finish(RunStatus::Completed)]);
    let acknowledged = lab.tracker.deliver(delivery.clone()).await.unwrap();
    assert_eq!((acknowledged.seq, acknowledged.refused), (3, Vec::new()));
    let detail = lab.tracker.run_detail(id).await.unwrap();
    assert_eq!((detail.experiment_name.as_str(), detail.created_by_name.as_deref()), ("tiny-lm", Some("ada")));
    assert_eq!((detail.run.status, detail.run.name.as_str()), (RunStatus::Completed, "run-1"));
    assert_eq!(detail.metrics[0].median, Some(1.5));
    let kinds = lab.events_after(0).await;
    let expected = ["experiment_created", "experiment_updated", "run_started", "metrics_logged", "run_completed"];
    assert_eq!(kinds, expected);

    let before = lab.everything().await;
    assert_eq!(lab.tracker.deliver(delivery.clone()).await.unwrap().seq, 3);
    delivery.records.truncate(1);
    assert_eq!(lab.tracker.deliver(delivery).await.unwrap().seq, 3, "it says how far it is, not how far it was asked");
    assert_eq!(lab.everything().await, before);
}

#[tokio::test]
async fn a_gap_is_a_conflict_and_numbers_begin_with_one() {
    let lab = Lab::new();
    let (first, _) = starting("tiny-lm");
    lab.tracker.deliver(first.clone()).await.unwrap();
    let before = lab.everything().await;
    let gap = Delivery { first_seq: 3, records: vec![metrics("loss", &[1.0])], ..first.clone() };
    let error = lab.tracker.deliver(gap).await.unwrap_err();
    assert_eq!(error.code(), Code::Conflict);
    assert!(error.to_string().contains("from 2 on are missing"), "{error}");
    let error = lab.tracker.deliver(Delivery { first_seq: 0, ..first.clone() }).await.unwrap_err();
    assert_eq!(error.field(), Some("first_seq"));
    let nothing = Delivery { first_seq: 2, records: Vec::new(), ..first.clone() };
    assert_eq!(lab.tracker.deliver(nothing).await.unwrap().seq, 1);
    let of_nobody = Delivery { run_id: RunId::new(BEGIN), writer_id: WriterId::new(BEGIN), ..first };
    let of_nobody = Delivery { records: vec![metrics("loss", &[1.0])], ..of_nobody };
    assert_eq!(lab.tracker.deliver(of_nobody).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(lab.everything().await, before);
}

#[tokio::test]
async fn poison_is_refused_alone_reported_and_written_into_the_log() {
    let lab = Lab::new();
    let (mut delivery, id) = starting("tiny-lm");
    let mut torn = points("loss", &[1.0]);
    torn.steps.clear();
    let missing = lab_model::ContentHash::of(b"never uploaded");
    delivery.records.extend([
        metrics("loss", &[3.0]),
        Record::metrics(vec![points("good", &[1.0]), torn]),
        metrics("", &[1.0]),
        Record::Parameters { parameters: parameters(r#"{"lr": 0.1}"#) },
        Record::Parameters { parameters: parameters(r#"{"seed": 1, "lr": 0.2}"#) },
        Record::Artifact {
            name: "a.bin".parse().unwrap(),
            artifact_type: ArtifactType::Model,
            content_hash: missing,
            metadata: Metadata::new(),
            at: BEGIN,
        },
        finish(RunStatus::Running),
        finish(RunStatus::Completed),
        metrics("loss", &[2.0]),
        finish(RunStatus::Failed),
        finish(RunStatus::Completed),
    ]);
    let acknowledged = lab.tracker.deliver(delivery).await.unwrap();
    let refused: Vec<u64> = acknowledged.refused.iter().map(|refused| refused.seq).collect();
    assert_eq!((acknowledged.seq, &refused[..]), (12, &[3, 4, 6, 7, 8, 10, 11][..]));
    for (refused, word) in acknowledged.refused.iter().zip([
        "series[1].values",
        "series[0].name",
        "`lr`",
        &missing.to_string(),
        "not an end",
        "only a running run takes metrics",
        "is completed and cannot become failed",
    ]) {
        assert!(refused.problem.contains(word), "{refused:?} does not say {word}");
    }
    let run = lab.tracker.run(id).await.unwrap();
    assert_eq!((run.status, &run.parameters), (RunStatus::Completed, &parameters(r#"{"lr": 0.1}"#)));
    let summaries = lab.tracker.summaries(&[id], None).await.unwrap();
    assert_eq!((summaries.len(), summaries[0].1.count, summaries[0].1.last), (1, 1, 3.0));
    let lines = lab.tracker.log_lines(id, 1, 100).await.unwrap();
    assert_eq!((lines.len(), run.logs.errors), (7, 7));
    assert!(lines[0].text.contains("record 3 of writer") && lines[0].level == LogLevel::Error, "{:?}", lines[0]);
}

#[tokio::test]
async fn the_same_file_twice_in_one_delivery_is_one_artifact() {
    let lab = Lab::new();
    let stored = lab.tracker.put_object(None, "a.bin", pieces(b"weights")).await.unwrap();
    let other = lab.tracker.put_object(None, "a.bin", pieces(b"better weights")).await.unwrap();
    let artifact = |content_hash, secs| Record::Artifact {
        name: "a.bin".parse().unwrap(),
        artifact_type: ArtifactType::Model,
        content_hash,
        metadata: Metadata::new(),
        at: at(secs),
    };
    let (mut delivery, id) = starting("tiny-lm");
    delivery.records.extend([artifact(stored.hash, 1), artifact(stored.hash, 2), artifact(other.hash, 3)]);
    delivery.records.push(artifact(stored.hash, 4));
    assert_eq!(lab.tracker.deliver(delivery).await.unwrap().refused, []);
    let times: Vec<_> = lab.tracker.artifacts(id).await.unwrap().into_iter().map(|a| a.created_at).collect();
    assert_eq!(times, [at(4), at(3), at(1)]);
}

#[tokio::test]
async fn a_run_that_waits_is_started_by_the_client_that_attaches() {
    let lab = Lab::new();
    let experiment = lab.experiment("tiny-lm").await;
    for status in [RunStatus::Pending, RunStatus::Queued] {
        let run = lab.tracker.create_run(NewRun { status, ..new_run(&experiment) }).await.unwrap();
        let (mut delivery, _) = starting("tiny-lm");
        delivery.run_id = run.id;
        delivery.records.push(metrics("loss", &[1.0]));
        let last = lab.last_event().await;
        assert_eq!(lab.tracker.deliver(delivery).await.unwrap().refused, []);
        assert_eq!(lab.events_after(last).await, ["run_started", "metrics_logged"]);
        let started = lab.tracker.run(run.id).await.unwrap();
        assert_eq!((started.status, started.started_at), (RunStatus::Running, Some(BEGIN)));
    }
}

#[tokio::test]
async fn a_run_of_an_experiment_that_takes_none_is_refused_whole() {
    let lab = Lab::new();
    let paused = lab.experiment("tiny-lm").await;
    lab.tracker.move_experiment(paused.id, ExperimentStatus::Paused).await.unwrap();
    let before = lab.everything().await;
    let unknown = lab_model::ExperimentId::new(BEGIN).to_string();
    for (experiment, code) in
        [("tiny-lm", Code::InvalidState), (&paused.id.to_string(), Code::InvalidState), (&unknown, Code::NotFound)]
    {
        let (delivery, _) = starting(experiment);
        assert_eq!(lab.tracker.deliver(delivery).await.unwrap_err().code(), code, "{experiment}");
    }
    assert_eq!(lab.everything().await, before);
    lab.tracker.move_experiment(paused.id, ExperimentStatus::Active).await.unwrap();
    let (delivery, id) = starting("tiny-lm");
    lab.tracker.deliver(delivery).await.unwrap();
    assert_eq!(lab.tracker.run(id).await.unwrap().experiment_id, paused.id);
}

#[tokio::test]
async fn racing_clients_share_one_new_experiment_and_one_run_between_them_counts_each_record_once() {
    let lab = Lab::new();
    let (shared, id) = starting("tiny-lm");
    let mut deliveries = Vec::new();
    for i in 0..6 {
        let (own, _) = starting("tiny-lm");
        deliveries.push(own);
        let records = vec![starts("tiny-lm"), metrics(&format!("loss-{i}"), &[1.0, 2.0])];
        let of_writer = Delivery { writer_id: WriterId::new(BEGIN), records, ..shared.clone() };
        // The answer to the first may have been lost.
        deliveries.extend([of_writer.clone(), of_writer]);
    }
    let tasks: Vec<_> = deliveries
        .into_iter()
        .map(|delivery| {
            let tracker = lab.tracker.clone();
            tokio::spawn(async move { tracker.deliver(delivery).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    let experiments = lab.tracker.find_experiments(&ExperimentQuery::default()).await.unwrap();
    assert_eq!(experiments.total_count, 1);
    let summaries = lab.tracker.summaries(&[id], None).await.unwrap();
    assert_eq!(summaries.iter().map(|(_, series)| series.count).collect::<Vec<_>>(), [2; 6]);
    let mut numbers = Vec::new();
    for run in lab.tracker.find_runs(&lab_model::RunQuery::default()).await.unwrap().items {
        numbers.push(run.number);
    }
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7]);
}

/// What a run amounts to, without what differs between two stores or between two ways to cut the same records: ids made
/// on arrival, rounding, where refusals stand among the lines, and how many events tell of the same points.
async fn gist(lab: &Lab, id: RunId) -> serde_json::Value {
    let detail = lab.tracker.run_detail(id).await.unwrap();
    let mut run = serde_json::to_value(&detail.run).unwrap();
    for field in ["experiment_id", "created_by", "logs"] {
        run.as_object_mut().unwrap().remove(field);
    }
    let logs = (detail.run.logs.lines, detail.run.logs.errors, detail.run.logs.warnings);
    let mut lines: Vec<_> = lab.tracker.log_lines(id, 1, 10_000).await.unwrap();
    lines.sort_by(|a, b| (a.time, &a.text).cmp(&(b.time, &b.text)));
    let mut values: Vec<_> = lab.tracker.values(id, None).await.unwrap().iter().map(|v| json!(v).to_string()).collect();
    values.sort();
    let mut series = Vec::new();
    for summary in &detail.metrics {
        let points = lab.tracker.points(id, &summary.key, &PointRange::default(), None).await.unwrap().points;
        let rounded = |x: Option<f64>| x.map(|x| format!("{x:.6}"));
        let exact = (summary.count, summary.nan_count, summary.infinite_count, summary.min, summary.max);
        let last = (format!("{}", summary.last), summary.last_step, summary.last_time);
        let rounded = [summary.mean, summary.std_dev, summary.median, summary.p95, summary.p99].map(rounded);
        series.push(json!([points, exact, last, rounded]));
    }
    let artifacts: Vec<_> = detail.artifacts.iter().map(|a| (a.name.clone(), a.content_hash, a.created_at)).collect();
    let search = LineageSearch {
        from: lab_model::NodeId::run(id),
        direction: Direction::Both,
        depth: 1,
        node_types: Vec::new(),
        edge_types: Vec::new(),
        limit: 1_000,
    };
    let graph = lab.tracker.lineage(&search).await.unwrap();
    let mut nodes: Vec<_> = graph.nodes.iter().map(|node| (node.id.node_type, node.label.clone())).collect();
    nodes.sort();
    let mut edges: Vec<_> = graph.edges.iter().map(|edge| edge.edge_type).collect();
    edges.sort();
    let mut told = (0, Vec::new());
    for event in lab.tracker.events(0, 10_000).await.unwrap() {
        match event.body {
            EventBody::MetricsLogged { points, .. } => told.0 += points,
            EventBody::RunUpdated { .. } => {}
            body => told.1.push(body.kind()),
        }
    }
    json!({
        "run": run, "logs": logs, "lines": lines, "values": values, "series": series, "artifacts": artifacts,
        "nodes": nodes, "edges": edges, "told": told,
    })
}

const CONTENTS: [&[u8]; 2] = [b"weights", b"better weights"];

/// A record, as yet without its time.
fn any_record() -> impl Strategy<Value = Record> {
    let value = prop_oneof![
        8 => (-1_000i32..1_000).prop_map(f64::from),
        1 => prop::sample::select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY]),
    ];
    let series = (0..3u8, prop::collection::vec((value, prop::option::of(0..20i64)), 0..4)).prop_map(|(name, list)| {
        let mut points = SeriesPoints::new(format!("metric-{name}").as_str().into());
        list.into_iter().for_each(|(value, step)| points.push(value, step, 0));
        points
    });
    let metrics = prop::collection::vec(series, 0..3).prop_map(Record::metrics);
    let key = 0..3u8;
    let parameters = (key.clone(), 0..2u8)
        .prop_map(|(key, value)| Record::Parameters { parameters: parameters(&format!(r#"{{"p{key}": {value}}}"#)) });
    let tags = (key.clone(), 0..2u8)
        .prop_map(|(key, value)| Record::Tags { tags: Tags([(format!("t{key}"), value.to_string())].into()) });
    let values = key.clone().prop_map(|key| {
        let value = Value::Custom { value: json!({ "n": key }) };
        Record::Values { values: vec![LoggedValue { key: SeriesKey::named("table"), step: None, time: BEGIN, value }] }
    });
    let line = prop::sample::select(vec![LogLevel::Info, LogLevel::Warning, LogLevel::Error]).prop_map(|level| {
        Record::Log { lines: vec![LogLine { level, time: BEGIN, text: "epoch done".to_owned(), stream: None }] }
    });
    // The third was never uploaded.
    let artifact = (0..2u8, 0..3usize).prop_map(|(name, content)| Record::Artifact {
        name: format!("file-{name}").parse().unwrap(),
        artifact_type: ArtifactType::Checkpoint,
        content_hash: lab_model::ContentHash::of(CONTENTS.get(content).copied().unwrap_or(b"missing")),
        metadata: Metadata::new(),
        at: BEGIN,
    });
    let inputs = prop::sample::select(vec![
        Record::UseDataset { dataset: "c4".to_owned(), metadata: Metadata::new() },
        Record::UseModel { model: "llama".to_owned(), metadata: Metadata::new() },
    ]);
    let moves = prop::sample::select(vec![
        finish(RunStatus::Completed),
        finish(RunStatus::Failed),
        finish(RunStatus::Cancelled),
        finish(RunStatus::Failed),
        Record::Resume { at: BEGIN },
        Record::Resume { at: BEGIN },
        Record::Heartbeat { at: BEGIN },
        starts("tiny-lm"),
    ]);
    let mut torn = points("metric-0", &[1.0]);
    torn.steps.clear();
    let poison = prop::sample::select(vec![
        Record::metrics(vec![torn]),
        Record::UseModel { model: String::new(), metadata: Metadata::new() },
        finish(RunStatus::Pending),
    ]);
    prop_oneof![
        6 => metrics, 2 => parameters, 1 => tags, 1 => values, 1 => line, 2 => artifact, 1 => inputs, 2 => moves, 1 => poison
    ]
}

/// Gives every record a time of its own, as a client does.
fn timed(mut records: Vec<Record>) -> Vec<Record> {
    for (record, secs) in records.iter_mut().zip(1..) {
        match record {
            Record::Metrics { series, .. } => {
                for (points, i) in series.iter_mut().zip(0..) {
                    for (time, j) in points.times_micros.iter_mut().zip(0..) {
                        *time = at(secs).as_microsecond() + i * 100 + j;
                    }
                }
            }
            Record::Values { values } => values[0].time = at(secs),
            Record::Log { lines } => lines[0].time = at(secs),
            Record::Artifact { at: time, .. } | Record::Resume { at: time } => *time = at(secs),
            Record::Finish(finish) => finish.ended_at = at(secs),
            _ => {}
        }
    }
    records
}

#[derive(Clone, Copy, Debug)]
enum Mishap {
    None,
    /// The program ends after the delivery.
    Crash,
    /// The store fails at the n-th commit of the delivery.
    Fails(usize, Fault),
    /// The delivery comes twice at the same time.
    Twice,
    /// Records before it were never sent.
    Gap,
}

/// How many known records are sent again, how many new ones go with them, and what happens.
fn any_delivery() -> impl Strategy<Value = (u64, u64, Mishap)> {
    let fault = prop::sample::select(vec![Fault::Before, Fault::After]);
    let mishap = prop_oneof![
        4 => Just(Mishap::None),
        2 => Just(Mishap::Crash),
        3 => (0..5usize, fault).prop_map(|(n, fault)| Mishap::Fails(n, fault)),
        1 => Just(Mishap::Twice),
        1 => Just(Mishap::Gap),
    ];
    (0..6u64, 0..7u64, mishap)
}

async fn with_objects() -> Lab {
    let lab = Lab::new();
    for content in CONTENTS {
        lab.tracker.put_object(None, "file", pieces(content)).await.unwrap();
    }
    lab
}

/// As a client joins the points of records that follow one another.
fn joined(all: &[Record]) -> Vec<Record> {
    let mut joined: Vec<Record> = Vec::new();
    for record in all {
        match (joined.last_mut(), record) {
            (Some(Record::Metrics { series, records }), Record::Metrics { series: more, records: further }) => {
                *records += further;
                for points in more {
                    match series.iter_mut().find(|there| there.key == points.key) {
                        Some(there) => there.append(points),
                        None => series.push(points.clone()),
                    }
                }
            }
            _ => joined.push(record.clone()),
        }
    }
    joined
}

async fn in_parts(mut lab: Lab, whole: &Delivery, plan: &[(u64, u64, Mishap)]) -> Lab {
    let all = whole.records.len() as u64;
    // A client joins only what it has checked. Of joined records that are refused one line tells, here one for each.
    let is_kept = |record: &Record| record.validate().is_ok() && !matches!(record, Record::Finish(_));
    let are_joined = whole.records.iter().all(is_kept);
    let mut acknowledged = 0;
    for (again, new, mishap) in plan.iter().copied().chain(std::iter::repeat((0, all, Mishap::None))) {
        if acknowledged == all {
            break;
        }
        let first = (acknowledged + 1).saturating_sub(again).max(1);
        let end = (acknowledged + new).min(all);
        let part = |first: u64, end: u64| Delivery {
            first_seq: first,
            records: match &whole.records[first as usize - 1..end as usize] {
                part if are_joined => joined(part),
                part => part.to_vec(),
            },
            ..whole.clone()
        };
        let delivery = part(first, end.max(first - 1));
        match mishap {
            Mishap::Gap if acknowledged + 1 < all => {
                let error = lab.tracker.deliver(part(acknowledged + 2, all)).await.unwrap_err();
                assert_eq!(error.code(), Code::Conflict);
            }
            Mishap::Fails(n, fault) => {
                lab.faults.at_commits(std::iter::repeat_n(None, n).chain([Some(fault)]));
                if let Err(error) = lab.tracker.deliver(delivery).await {
                    assert!(error.is_retryable(), "{error}");
                }
                lab.faults.met_all();
            }
            Mishap::Twice if acknowledged > 0 => {
                let (one, two) = tokio::join!(lab.tracker.deliver(delivery.clone()), lab.tracker.deliver(delivery));
                assert_eq!(one.unwrap().seq, two.unwrap().seq);
            }
            _ => {
                let seq = lab.tracker.deliver(delivery).await.unwrap().seq;
                // Of what is joined and kept in part, the rest is to come again by itself.
                assert!(seq == end.max(acknowledged) || are_joined && again > 0 && seq == acknowledged, "{seq}");
            }
        }
        if matches!(mishap, Mishap::Crash) {
            lab = lab.after_a_crash();
        }
        acknowledged = lab.tracker.delivered(whole.writer_id).await.unwrap();
    }
    // A failure or a crash may have cut these off.
    lab.tracker.finalise_ended_runs().await.unwrap();
    lab
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn records_in_parts_again_and_through_crashes_end_as_when_delivered_once(
        records in prop::collection::vec(any_record(), 0..24),
        plan in prop::collection::vec(any_delivery(), 0..16),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (mut whole, id) = starting("tiny-lm");
            whole.records.extend(timed(records));
            let once = with_objects().await;
            once.tracker.deliver(whole.clone()).await.unwrap();
            let parts = in_parts(with_objects().await, &whole, &plan).await;
            pretty(&gist(&once, id).await, &gist(&parts, id).await)
        })?;
    }
}

/// Compares field by field, so that a failure shows what differs.
fn pretty(once: &serde_json::Value, parts: &serde_json::Value) -> Result<(), TestCaseError> {
    for (field, value) in once.as_object().unwrap() {
        prop_assert_eq!(value, &parts[field], "in `{}`", field);
    }
    Ok(())
}
