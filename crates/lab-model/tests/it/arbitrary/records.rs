use lab_model::*;
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

use super::{
    artifact_name, artifact_type, environment, experiment_status, hash, id, log_line, logged_value, metadata, name,
    parameters, run_error, series_points, tags, text, time,
};

fn start() -> impl Strategy<Value = StartRun> {
    (name(), of(name()), parameters(), tags(), of(id(RunId::from_uuid)), of(name()), time()).prop_map(
        |(experiment, name, parameters, tags, parent_run_id, user, started_at)| StartRun {
            experiment,
            name,
            parameters,
            tags,
            parent_run_id,
            user,
            started_at,
        },
    )
}

fn finish() -> impl Strategy<Value = FinishRun> {
    let ends: Vec<RunStatus> = RunStatus::ALL.into_iter().filter(|status| status.is_terminal()).collect();
    (prop::sample::select(ends), time(), of(run_error())).prop_map(|(status, ended_at, error)| FinishRun {
        status,
        ended_at,
        error,
    })
}

pub(crate) fn record() -> impl Strategy<Value = Record> {
    let artifact = (artifact_name(), artifact_type(), hash(), metadata(), time()).prop_map(
        |(name, artifact_type, content_hash, metadata, at)| Record::Artifact {
            name,
            artifact_type,
            content_hash,
            metadata,
            at,
        },
    );
    prop_oneof![
        start().prop_map(Record::Start),
        time().prop_map(|at| Record::Resume { at }),
        (vec(series_points(), 0..3), 1..5u32).prop_map(|(series, records)| Record::Metrics { series, records }),
        vec(logged_value(), 0..3).prop_map(|values| Record::Values { values }),
        parameters().prop_map(|parameters| Record::Parameters { parameters }),
        tags().prop_map(|tags| Record::Tags { tags }),
        environment().prop_map(|snapshot| Record::Environment { snapshot: Box::new(snapshot) }),
        artifact,
        (name(), metadata()).prop_map(|(dataset, metadata)| Record::UseDataset { dataset, metadata }),
        (name(), metadata()).prop_map(|(model, metadata)| Record::UseModel { model, metadata }),
        vec(log_line(), 0..3).prop_map(|lines| Record::Log { lines }),
        time().prop_map(|at| Record::Heartbeat { at }),
        finish().prop_map(Record::Finish),
    ]
}

pub(crate) fn delivery() -> impl Strategy<Value = Delivery> {
    (id(WriterId::from_uuid), id(RunId::from_uuid), 1..=u64::MAX, vec(record(), 0..4))
        .prop_map(|(writer_id, run_id, first_seq, records)| Delivery { writer_id, run_id, first_seq, records })
}

pub(crate) fn event() -> impl Strategy<Value = Event> {
    let body = prop_oneof![
        text().prop_map(|name| EventBody::ExperimentCreated { name }),
        (experiment_status(), vec(text(), 0..3))
            .prop_map(|(status, fields)| EventBody::ExperimentUpdated { status, fields }),
        (any::<u64>(), text()).prop_map(|(number, name)| EventBody::RunCreated { number, name }),
        (any::<u64>(), text()).prop_map(|(number, name)| EventBody::RunStarted { number, name }),
        vec(text(), 0..3).prop_map(|fields| EventBody::RunUpdated { fields }),
        run_error().prop_map(|error| EventBody::RunFailed { error }),
        (any::<u64>(), any::<u64>(), of(any::<i64>()))
            .prop_map(|(series, points, last_step)| EventBody::MetricsLogged { series, points, last_step }),
        (id(ArtifactId::from_uuid), artifact_name(), any::<u64>())
            .prop_map(|(artifact_id, name, size_bytes)| EventBody::ArtifactLogged { artifact_id, name, size_bytes }),
        prop::sample::select(vec![
            EventBody::ExperimentArchived,
            EventBody::RunResumed,
            EventBody::RunCompleted,
            EventBody::RunCancelled,
            EventBody::RunTimedOut,
            EventBody::RunDeleted,
        ]),
    ];
    (any::<u64>(), time(), id(ExperimentId::from_uuid), of(id(RunId::from_uuid)), body)
        .prop_map(|(seq, at, experiment_id, run_id, body)| Event { seq, at, experiment_id, run_id, body })
}
