use lab_model::*;
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

use super::{config, hash, id, metadata, name, parameters, tags, text, texts, time};

pub(crate) fn experiment() -> impl Strategy<Value = Experiment> {
    let who = (of(id(UserId::from_uuid)), vec(id(UserId::from_uuid), 0..3));
    let what = (name(), of(text()), of(text()), tags(), config(), metadata());
    let when = (time(), time(), of(time()), any::<u64>());
    (id(ExperimentId::from_uuid), who, what, experiment_status(), when).prop_map(
        |(id, (owner_id, collaborators), what, status, when)| Experiment {
            id,
            name: what.0,
            description: what.1,
            hypothesis: what.2,
            owner_id,
            collaborators,
            tags: what.3,
            status,
            config: what.4,
            metadata: what.5,
            created_at: when.0,
            updated_at: when.1,
            archived_at: when.2,
            revision: when.3,
        },
    )
}

pub(crate) fn new_experiment() -> impl Strategy<Value = NewExperiment> {
    let who = (of(name()), vec(id(UserId::from_uuid), 0..3));
    (name(), of(text()), of(text()), who, tags(), config(), metadata()).prop_map(
        |(name, description, hypothesis, (owner, collaborators), tags, config, metadata)| NewExperiment {
            name,
            description,
            hypothesis,
            owner,
            collaborators,
            tags,
            config,
            metadata,
        },
    )
}

pub(crate) fn experiment_status() -> impl Strategy<Value = ExperimentStatus> {
    prop::sample::select(ExperimentStatus::ALL.to_vec())
}

pub(crate) fn user() -> impl Strategy<Value = User> {
    (id(UserId::from_uuid), name(), time()).prop_map(|(id, name, created_at)| User { id, name, created_at })
}

pub(crate) fn status() -> impl Strategy<Value = RunStatus> {
    prop::sample::select(RunStatus::ALL.to_vec())
}

fn stream() -> impl Strategy<Value = LogStream> {
    prop::sample::select(vec![LogStream::Stdout, LogStream::Stderr])
}

fn level() -> impl Strategy<Value = LogLevel> {
    use LogLevel::{Critical, Debug, Error, Info, Warning};
    prop::sample::select(vec![Debug, Info, Warning, Error, Critical])
}

pub(crate) fn log_line() -> impl Strategy<Value = LogLine> {
    (level(), time(), text(), of(stream())).prop_map(|(level, time, text, stream)| LogLine {
        level,
        time,
        text,
        stream,
    })
}

pub(crate) fn run_error() -> impl Strategy<Value = RunError> {
    (text(), text(), of(text()), time(), any::<bool>(), texts()).prop_map(
        |(error_type, message, stack_trace, time, recoverable, context)| RunError {
            error_type,
            message,
            stack_trace,
            time,
            recoverable,
            context,
        },
    )
}

fn log_summary() -> impl Strategy<Value = LogSummary> {
    (vec(log_line(), 0..9), of(text())).prop_map(|(lines, uri)| {
        let mut summary = LogSummary { uri, ..Default::default() };
        summary.append(&lines);
        summary
    })
}

pub(crate) fn run() -> impl Strategy<Value = ExperimentRun> {
    let ids = (id(RunId::from_uuid), id(ExperimentId::from_uuid), of(id(RunId::from_uuid)), of(id(UserId::from_uuid)));
    let what = (name(), status(), parameters(), of(hash()), tags(), log_summary(), of(run_error()));
    let when = (time(), of(time()), of(time()), of(time()));
    (ids, what, when, any::<u64>(), any::<u64>()).prop_map(|(ids, what, when, number, revision)| ExperimentRun {
        id: ids.0,
        experiment_id: ids.1,
        parent_run_id: ids.2,
        created_by: ids.3,
        number,
        name: what.0,
        status: what.1,
        parameters: what.2,
        environment: what.3,
        tags: what.4,
        logs: what.5,
        error: what.6,
        created_at: when.0,
        started_at: when.1,
        ended_at: when.2,
        heartbeat_at: when.3,
        revision,
    })
}

pub(crate) fn artifact_name() -> impl Strategy<Value = ArtifactName> {
    "[a-z ä🙂]{2,6}(/[a-z.]{3,6}x){0,2}".prop_map(|name| name.parse().unwrap())
}

pub(crate) fn artifact_type() -> impl Strategy<Value = ArtifactType> {
    "model|checkpoint|dataset|visualization|log|config|report|file|[a-z ä]{0,8}x".prop_map(|name| name.parse().unwrap())
}

pub(crate) fn artifact() -> impl Strategy<Value = ArtifactRef> {
    let ids = (id(ArtifactId::from_uuid), id(RunId::from_uuid));
    (ids, artifact_name(), artifact_type(), hash(), any::<u64>(), text(), metadata(), time()).prop_map(
        |((id, run_id), name, artifact_type, content_hash, size_bytes, storage_uri, metadata, created_at)| {
            ArtifactRef { id, run_id, name, artifact_type, content_hash, size_bytes, storage_uri, metadata, created_at }
        },
    )
}

fn node_id() -> impl Strategy<Value = NodeId> {
    (prop::sample::select(NodeType::ALL.to_vec()), ".{1,12}").prop_map(|(node_type, key)| NodeId { node_type, key })
}

pub(crate) fn lineage_graph() -> impl Strategy<Value = LineageGraph> {
    let node = (node_id(), text(), metadata(), time()).prop_map(|(id, label, metadata, created_at)| LineageNode {
        id,
        label,
        metadata,
        created_at,
    });
    let edge = (node_id(), prop::sample::select(EdgeType::ALL.to_vec()), node_id(), metadata(), time()).prop_map(
        |(from, edge_type, to, metadata, created_at)| LineageEdge { from, edge_type, to, metadata, created_at },
    );
    (vec(node, 0..3), vec(edge, 0..3), any::<bool>()).prop_map(|(nodes, edges, truncated)| LineageGraph {
        nodes,
        edges,
        truncated,
    })
}
