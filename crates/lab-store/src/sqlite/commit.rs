//! Applies a change within the writer's transaction.

use std::collections::HashMap;

use lab_model::{Error, ExperimentId, Kind, Result, RunId, RunStatus, Timestamp, WriterId};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::error::While as _;
use super::prepare::{Payload, Prepared};
use super::rows::{bytes, integer, parsed, timestamp, unsigned};
use super::{artifacts, documents, events, experiments, lineage, metrics, runs};
use crate::{Committed, Expect, Write};

const CHECKING: &str = "checking what a change expects";
const WRITING: &str = "writing a change";

/// Number and name of each run that the change creates: its events tell them.
pub(super) type Created = HashMap<RunId, (u64, String)>;

pub(super) fn apply(conn: &Connection, prepared: &Prepared) -> Result<Committed> {
    let Prepared { change, payloads } = prepared;
    for expect in &change.expect {
        check(conn, expect)?;
    }
    let mut created = Created::new();
    let mut run_numbers = Vec::new();
    for (write, payload) in change.writes.iter().zip(payloads) {
        if let Write::CreateRun(run) = write {
            let (number, name) = runs::create(conn, run)?;
            run_numbers.push(number);
            created.insert(run.id, (number, name));
        } else {
            write_one(conn, write, payload)?;
        }
    }
    for node in &change.nodes {
        lineage::add_node(conn, node)?;
    }
    for edge in &change.edges {
        lineage::add_edge(conn, edge)?;
    }
    for event in &change.events {
        events::add(conn, change.at, event, &created)?;
    }
    Ok(Committed { last_event: events::last_event(conn).while_doing(WRITING)?, run_numbers })
}

fn check(conn: &Connection, expect: &Expect) -> Result<()> {
    match expect {
        Expect::ExperimentIs { id, one_of } => {
            let actual = experiments::status(conn, *id)?;
            let needed = || one_of.iter().map(|s| s.as_str()).collect();
            if one_of.contains(&actual) { Ok(()) } else { Err(wrong(Kind::Experiment, id, actual.as_str(), needed())) }
        }
        Expect::RunIs { id, one_of } => {
            let actual = run_status(conn, *id)?;
            let needed = || one_of.iter().map(|s| s.as_str()).collect();
            if one_of.contains(&actual) { Ok(()) } else { Err(wrong(Kind::Run, id, actual.as_str(), needed())) }
        }
        Expect::RunSilentSince { id, at } => {
            let heard = last_heard(conn, *id)?;
            if heard <= *at { Ok(()) } else { Err(Error::conflict(Kind::Run, id, format!("was heard of at {heard}"))) }
        }
        Expect::DocumentAt { kind, key, revision } => documents::check_revision(conn, *kind, key, *revision),
        Expect::WriterAt { id, seq } => {
            let actual = delivered(conn, *id).while_doing(CHECKING)?;
            if actual == *seq {
                return Ok(());
            }
            let problem = format!("has its records kept up to number {actual}, not {seq}");
            Err(Error::conflict(Kind::Writer, id, problem))
        }
    }
}

fn wrong(kind: Kind, id: &dyn ToString, actual: &'static str, needed: Vec<&str>) -> Error {
    Error::WrongState { kind, id: id.to_string(), actual, needs: format!("it must be {}", needed.join(" or ")) }
}

/// The status of a run, which must exist.
pub(super) fn run_status(conn: &Connection, id: RunId) -> Result<RunStatus> {
    conn.prepare_cached("SELECT status FROM runs WHERE id = ?1")
        .and_then(|mut q| q.query_row([bytes(id.as_uuid())], |row| parsed(row, 0)).optional())
        .while_doing(CHECKING)?
        .ok_or_else(|| Error::not_found(Kind::Run, id))
}

fn last_heard(conn: &Connection, id: RunId) -> Result<Timestamp> {
    conn.prepare_cached("SELECT coalesce(heartbeat_at, created_at) FROM runs WHERE id = ?1")
        .and_then(|mut q| q.query_row([bytes(id.as_uuid())], |row| timestamp(row.get(0)?, 0)).optional())
        .while_doing(CHECKING)?
        .ok_or_else(|| Error::not_found(Kind::Run, id))
}

/// Number of the last record kept of a writer; 0 for one never heard of.
pub(super) fn delivered(conn: &Connection, id: WriterId) -> rusqlite::Result<u64> {
    let mut query = conn.prepare_cached("SELECT seq FROM writers WHERE id = ?1")?;
    Ok(query.query_row([bytes(id.as_uuid())], |row| unsigned(row, 0)).optional()?.unwrap_or(0))
}

fn write_one(conn: &Connection, write: &Write, payload: &Payload) -> Result<()> {
    match (write, payload) {
        (Write::CreateUser(user), _) => experiments::create_user(conn, user),
        (Write::CreateExperiment(experiment), _) => experiments::create(conn, experiment),
        (Write::UpdateExperiment(experiment), _) => experiments::update(conn, experiment),
        (Write::SetRunStatus { id, status, started_at, ended_at, error }, _) => runs::set_status(
            conn,
            *id,
            *status,
            &runs::Times { started_at: *started_at, ended_at: *ended_at },
            error.as_deref(),
        ),
        (Write::RenameRun { id, name }, _) => runs::rename(conn, *id, name),
        (Write::SetParameters { id, parameters }, _) => runs::set_parameters(conn, *id, parameters),
        (Write::SetTags { id, tags }, _) => runs::set_tags(conn, *id, tags),
        (Write::SetEnvironment { id, .. }, Payload::Environment(hash, body)) => {
            runs::set_environment(conn, *id, *hash, body)
        }
        (Write::AppendLog { id, lines }, Payload::Json(body)) => runs::append_log(conn, *id, lines, body),
        (Write::Heartbeat { id, at }, _) => runs::heartbeat(conn, *id, *at),
        (Write::AppendPoints { id, .. }, Payload::Batch(batch)) => metrics::append_points(conn, *id, batch),
        (Write::AppendValues { id, values }, _) => metrics::append_values(conn, *id, values),
        (Write::AddArtifact(artifact), _) => artifacts::add(conn, artifact),
        (Write::RemoveArtifacts { run, ids }, _) => documents::remove_artifacts(conn, *run, ids),
        (Write::PutDocument(document), _) => documents::put(conn, document),
        (Write::DeleteDocument { kind, key }, _) => documents::delete(conn, *kind, key),
        (Write::DeleteRun { id }, _) => runs::delete(conn, *id),
        (Write::AdvanceWriter { id, run_id, seq }, _) => advance_writer(conn, *id, *run_id, *seq),
        (
            Write::CreateRun(_) | Write::SetEnvironment { .. } | Write::AppendLog { .. } | Write::AppendPoints { .. },
            _,
        ) => Err(Error::Internal { problem: "a write came to the store's writer without its payload".into() }),
    }
}

fn advance_writer(conn: &Connection, id: WriterId, run_id: RunId, seq: u64) -> Result<()> {
    conn.prepare_cached(
        "INSERT INTO writers (id, run_id, seq) VALUES (?1, ?2, ?3) ON CONFLICT (id) DO UPDATE SET seq = excluded.seq",
    )
    .and_then(|mut s| s.execute(params![bytes(id.as_uuid()), bytes(run_id.as_uuid()), integer(seq)]))
    .while_doing(WRITING)
    .map(|_| ())
}

/// The experiment must exist.
pub(super) fn require_experiment(conn: &Connection, id: ExperimentId) -> Result<()> {
    experiments::status(conn, id).map(|_| ())
}
