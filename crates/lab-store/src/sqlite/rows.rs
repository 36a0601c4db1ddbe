//! Rows as the model's values.

use std::str::FromStr;

use lab_model::{ArtifactRef, ContentHash, Event, Experiment, ExperimentRun, LineageNode, NodeId, Timestamp, User};
use rusqlite::Row;
use rusqlite::types::Type;
use serde::de::DeserializeOwned;
use uuid::Uuid;

type Result<T> = rusqlite::Result<T>;

/// Bytes of an id, as they are bound.
pub(super) fn bytes(uuid: &Uuid) -> &[u8] {
    uuid.as_bytes()
}

/// A count or a number, as it is bound: SQLite's integers have a sign.
pub(super) fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A count or a number.
pub(super) fn unsigned(row: &Row<'_>, column: usize) -> Result<u64> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|error| damaged(column, error))
}

fn damaged(column: usize, problem: impl Into<lab_model::BoxError>) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Null, problem.into())
}

pub(super) fn uuid(row: &Row<'_>, column: usize) -> Result<Uuid> {
    row.get(column).map(Uuid::from_bytes)
}

pub(super) fn maybe_uuid(row: &Row<'_>, column: usize) -> Result<Option<Uuid>> {
    row.get::<_, Option<[u8; 16]>>(column).map(|bytes| bytes.map(Uuid::from_bytes))
}

pub(super) fn hash(row: &Row<'_>, column: usize) -> Result<ContentHash> {
    row.get(column).map(ContentHash::from_bytes)
}

pub(super) fn maybe_hash(row: &Row<'_>, column: usize) -> Result<Option<ContentHash>> {
    row.get::<_, Option<[u8; 32]>>(column).map(|bytes| bytes.map(ContentHash::from_bytes))
}

pub(super) fn timestamp(micros: i64, column: usize) -> Result<Timestamp> {
    Timestamp::from_microsecond(micros).map_err(|error| damaged(column, error))
}

pub(super) fn time(row: &Row<'_>, column: usize) -> Result<Timestamp> {
    timestamp(row.get(column)?, column)
}

fn maybe_time(row: &Row<'_>, column: usize) -> Result<Option<Timestamp>> {
    row.get::<_, Option<i64>>(column)?.map(|micros| timestamp(micros, column)).transpose()
}

/// A text that a type of the model parses.
pub(super) fn parsed<T: FromStr<Err = lab_model::Error>>(row: &Row<'_>, column: usize) -> Result<T> {
    let text = row.get_ref(column)?.as_str()?;
    text.parse().map_err(|error: lab_model::Error| damaged(column, error))
}

/// A JSON document.
pub(super) fn json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> Result<T> {
    let text = row.get_ref(column)?.as_str()?;
    serde_json::from_str(text).map_err(|error| damaged(column, error))
}

fn maybe_json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> Result<Option<T>> {
    let text = row.get_ref(column)?.as_str_or_null()?;
    text.map(|text| serde_json::from_str(text).map_err(|error| damaged(column, error))).transpose()
}

/// A JSON document, compressed with zstd.
pub(super) fn compressed_json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> Result<T> {
    let body = row.get_ref(column)?.as_blob()?;
    let json = zstd::stream::decode_all(body).map_err(|error| damaged(column, error))?;
    serde_json::from_slice(&json).map_err(|error| damaged(column, error))
}

/// Bytes that `decode` reads.
pub(super) fn decoded<T, E: Into<lab_model::BoxError>>(
    row: &Row<'_>,
    column: usize,
    decode: impl FnOnce(&[u8]) -> std::result::Result<T, E>,
) -> Result<T> {
    let body = row.get_ref(column)?.as_blob()?;
    decode(body).map_err(|error| damaged(column, error))
}

/// Columns of [`user`].
pub(super) const USER: &str = "id, name, created_at";

pub(super) fn user(row: &Row<'_>) -> Result<User> {
    Ok(User { id: lab_model::UserId::from_uuid(uuid(row, 0)?), name: row.get(1)?, created_at: time(row, 2)? })
}

/// Columns of [`experiment`].
pub(super) const EXPERIMENT: &str = "id, name, description, hypothesis, owner_id, collaborators, tags, status, config, \
     metadata, created_at, updated_at, archived_at, revision";

pub(super) fn experiment(row: &Row<'_>) -> Result<Experiment> {
    Ok(Experiment {
        id: lab_model::ExperimentId::from_uuid(uuid(row, 0)?),
        name: row.get(1)?,
        description: row.get(2)?,
        hypothesis: row.get(3)?,
        owner_id: maybe_uuid(row, 4)?.map(lab_model::UserId::from_uuid),
        collaborators: json(row, 5)?,
        tags: json(row, 6)?,
        status: parsed(row, 7)?,
        config: json(row, 8)?,
        metadata: json(row, 9)?,
        created_at: time(row, 10)?,
        updated_at: time(row, 11)?,
        archived_at: maybe_time(row, 12)?,
        revision: unsigned(row, 13)?,
    })
}

/// Columns of [`run`].
pub(super) const RUN: &str = "id, experiment_id, number, name, status, parameters, environment, tags, logs, \
     parent_run_id, created_by, error, created_at, started_at, ended_at, heartbeat_at, revision";

pub(super) fn run(row: &Row<'_>) -> Result<ExperimentRun> {
    Ok(ExperimentRun {
        id: lab_model::RunId::from_uuid(uuid(row, 0)?),
        experiment_id: lab_model::ExperimentId::from_uuid(uuid(row, 1)?),
        number: unsigned(row, 2)?,
        name: row.get(3)?,
        status: parsed(row, 4)?,
        parameters: json(row, 5)?,
        environment: maybe_hash(row, 6)?,
        tags: json(row, 7)?,
        logs: json(row, 8)?,
        parent_run_id: maybe_uuid(row, 9)?.map(lab_model::RunId::from_uuid),
        created_by: maybe_uuid(row, 10)?.map(lab_model::UserId::from_uuid),
        error: maybe_json(row, 11)?,
        created_at: time(row, 12)?,
        started_at: maybe_time(row, 13)?,
        ended_at: maybe_time(row, 14)?,
        heartbeat_at: maybe_time(row, 15)?,
        revision: unsigned(row, 16)?,
    })
}

/// Columns of [`artifact`].
pub(super) const ARTIFACT: &str = "id, run_id, name, type, content_hash, size_bytes, storage_uri, metadata, created_at";

pub(super) fn artifact(row: &Row<'_>) -> Result<ArtifactRef> {
    Ok(ArtifactRef {
        id: lab_model::ArtifactId::from_uuid(uuid(row, 0)?),
        run_id: lab_model::RunId::from_uuid(uuid(row, 1)?),
        name: parsed(row, 2)?,
        artifact_type: parsed(row, 3)?,
        content_hash: hash(row, 4)?,
        size_bytes: unsigned(row, 5)?,
        storage_uri: row.get(6)?,
        metadata: json(row, 7)?,
        created_at: time(row, 8)?,
    })
}

/// Columns of [`node`].
pub(super) const NODE: &str = "type, key, label, metadata, created_at";

pub(super) fn node(row: &Row<'_>) -> Result<LineageNode> {
    let node_type: String = row.get(0)?;
    let node_type = lab_model::NodeType::ALL.into_iter().find(|t| t.as_str() == node_type);
    let node_type = node_type.ok_or_else(|| damaged(0, "it is a type of node that this program does not know"))?;
    Ok(LineageNode {
        id: NodeId { node_type, key: row.get(1)? },
        label: row.get(2)?,
        metadata: json(row, 3)?,
        created_at: time(row, 4)?,
    })
}

/// Columns of [`event`].
pub(super) const EVENT: &str = "seq, at, experiment_id, run_id, body";

pub(super) fn event(row: &Row<'_>) -> Result<Event> {
    Ok(Event {
        seq: unsigned(row, 0)?,
        at: time(row, 1)?,
        experiment_id: lab_model::ExperimentId::from_uuid(uuid(row, 2)?),
        run_id: maybe_uuid(row, 3)?.map(lab_model::RunId::from_uuid),
        body: json(row, 4)?,
    })
}
