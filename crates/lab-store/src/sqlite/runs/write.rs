//! Writes about runs. Each first looks for the run, so that one which was deleted meanwhile is told apart from a failure.

use std::collections::BTreeMap;

use lab_model::{
    ContentHash, Error, ExperimentRun, Kind, LogLine, LogSummary, NodeId, NodeType, ParameterValue, Parameters, Result,
    RunError, RunId, RunStatus, Timestamp,
};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, Params, params};

use crate::sqlite::commit::{require_experiment, run_status};
use crate::sqlite::error::While as _;
use crate::sqlite::prepare::json;
use crate::sqlite::rows::bytes;
use crate::sqlite::{lineage, rows};

const WRITING: &str = "writing a run";

/// Adds a run and gives it its number and, where it has none, its name.
pub(in crate::sqlite) fn create(conn: &Connection, run: &ExperimentRun) -> Result<(u64, String)> {
    require_experiment(conn, run.experiment_id)?;
    if let Some(parent) = run.parent_run_id {
        run_status(conn, parent)?;
    }
    let is_taken = conn
        .prepare_cached("SELECT 1 FROM runs WHERE id = ?1")
        .and_then(|mut q| q.exists([bytes(run.id.as_uuid())]))
        .while_doing(WRITING)?;
    if is_taken {
        return Err(Error::conflict(Kind::Run, run.id, "exists already"));
    }
    let number: u64 = conn
        .prepare_cached(
            "UPDATE experiments SET last_run_number = last_run_number + 1 WHERE id = ?1 RETURNING last_run_number",
        )
        .and_then(|mut s| s.query_row([bytes(run.experiment_id.as_uuid())], |row| rows::unsigned(row, 0)))
        .while_doing(WRITING)?;
    let name = if run.name.is_empty() { format!("run-{number}") } else { run.name.clone() };
    insert(conn, run, number, &name)?;
    index_parameters(conn, run.id, &run.parameters)?;
    for (key, value) in &run.tags.0 {
        index_tag(conn, run.id, key, value)?;
    }
    Ok((number, name))
}

fn insert(conn: &Connection, run: &ExperimentRun, number: u64, name: &str) -> Result<()> {
    let parameters = json("parameters", &run.parameters)?;
    let tags = json("tags", &run.tags)?;
    let logs = json("log summary", &run.logs)?;
    let error = run.error.as_ref().map(|error| json("error", error)).transpose()?;
    let sql = format!(
        "INSERT INTO runs ({}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
        rows::RUN
    );
    execute(
        conn,
        &sql,
        params![
            bytes(run.id.as_uuid()),
            bytes(run.experiment_id.as_uuid()),
            rows::integer(number),
            name,
            run.status.as_str(),
            parameters,
            run.environment.as_ref().map(ContentHash::as_bytes),
            tags,
            logs,
            run.parent_run_id.as_ref().map(|id| bytes(id.as_uuid())),
            run.created_by.as_ref().map(|id| bytes(id.as_uuid())),
            error,
            run.created_at.as_microsecond(),
            run.started_at.map(|at| at.as_microsecond()),
            run.ended_at.map(|at| at.as_microsecond()),
            run.heartbeat_at.map(|at| at.as_microsecond()),
            rows::integer(run.revision),
        ],
    )
    .map(|_| ())
}

fn execute(conn: &Connection, sql: &str, params: impl Params) -> Result<usize> {
    conn.prepare_cached(sql).and_then(|mut statement| statement.execute(params)).while_doing(WRITING)
}

/// When a run began and ended.
pub(in crate::sqlite) struct Times {
    pub(in crate::sqlite) started_at: Option<Timestamp>,
    pub(in crate::sqlite) ended_at: Option<Timestamp>,
}

pub(in crate::sqlite) fn set_status(
    conn: &Connection,
    id: RunId,
    status: RunStatus,
    times: &Times,
    error: Option<&RunError>,
) -> Result<()> {
    run_status(conn, id)?;
    let error = error.map(|error| json("error", error)).transpose()?;
    execute(
        conn,
        "UPDATE runs SET status = ?2, started_at = coalesce(?3, started_at), ended_at = ?4, error = ?5,
             revision = revision + 1
         WHERE id = ?1",
        params![
            bytes(id.as_uuid()),
            status.as_str(),
            times.started_at.map(|at| at.as_microsecond()),
            times.ended_at.map(|at| at.as_microsecond()),
            error,
        ],
    )?;
    if status.is_terminal() { Ok(()) } else { forget_quantiles(conn, id) }
}

/// Takes back that the run was finalised, as it will have more points.
pub(in crate::sqlite) fn forget_quantiles(conn: &Connection, id: RunId) -> Result<()> {
    let forgotten =
        execute(conn, "UPDATE runs SET finalised = 0 WHERE id = ?1 AND finalised = 1", [bytes(id.as_uuid())])?;
    if forgotten > 0 {
        let sql = "UPDATE series SET median = NULL, p95 = NULL, p99 = NULL WHERE run_id = ?1";
        execute(conn, sql, [bytes(id.as_uuid())])?;
    }
    Ok(())
}

pub(in crate::sqlite) fn rename(conn: &Connection, id: RunId, name: &str) -> Result<()> {
    run_status(conn, id)?;
    let sql = "UPDATE runs SET name = ?2, revision = revision + 1 WHERE id = ?1";
    execute(conn, sql, params![bytes(id.as_uuid()), name]).map(|_| ())
}

/// A document of a run, which must exist.
fn document<T: serde::de::DeserializeOwned>(conn: &Connection, id: RunId, sql: &str) -> Result<T> {
    conn.prepare_cached(sql)
        .and_then(|mut q| q.query_row([bytes(id.as_uuid())], |row| rows::json(row, 0)).optional())
        .while_doing(WRITING)?
        .ok_or_else(|| Error::not_found(Kind::Run, id))
}

pub(in crate::sqlite) fn set_parameters(conn: &Connection, id: RunId, added: &Parameters) -> Result<()> {
    let mut parameters: Parameters = document(conn, id, "SELECT parameters FROM runs WHERE id = ?1")?;
    let before = parameters.len();
    for (name, value) in added {
        match parameters.get(name) {
            None => _ = parameters.insert(name.clone(), value.clone()),
            Some(stored) if stored == value => {}
            Some(stored) => {
                let problem = format!("of run `{id}` is {} already and does not change", shown(stored));
                return Err(Error::conflict(Kind::Parameter, name, problem));
            }
        }
    }
    if parameters.len() == before {
        return Ok(());
    }
    let sql = "UPDATE runs SET parameters = ?2, revision = revision + 1 WHERE id = ?1";
    execute(conn, sql, params![bytes(id.as_uuid()), json("parameters", &parameters)?])?;
    // From the whole, because a new key with a dot in it may take the path of a nested value.
    execute(conn, "DELETE FROM run_parameters WHERE run_id = ?1", [bytes(id.as_uuid())])?;
    index_parameters(conn, id, &parameters)
}

/// The beginning of a value, for an error.
fn shown(value: &ParameterValue) -> String {
    const MOST: usize = 80;
    let text = value.to_string();
    match text.char_indices().nth(MOST) {
        None => format!("`{text}`"),
        Some((end, _)) => format!("`{}…`", &text[..end]),
    }
}

fn index_parameters(conn: &Connection, id: RunId, parameters: &Parameters) -> Result<()> {
    for (path, value) in ParameterValue::flatten(parameters) {
        let (kind, value) = match value {
            ParameterValue::Integer(v) => (0, Value::Integer(*v)),
            // SQLite makes NULL of NaN.
            ParameterValue::Float(v) => (0, Value::Real(*v)),
            ParameterValue::String(v) => (1, Value::Text(v.clone())),
            ParameterValue::Boolean(v) => (2, Value::Integer(i64::from(*v))),
            ParameterValue::List(_) | ParameterValue::Map(_) => (3, Value::Text(json("parameters", value)?)),
        };
        let sql = "INSERT INTO run_parameters (run_id, key, kind, value) VALUES (?1, ?2, ?3, ?4)";
        execute(conn, sql, params![bytes(id.as_uuid()), path, kind, value])?;
    }
    Ok(())
}

pub(in crate::sqlite) fn set_tags(
    conn: &Connection,
    id: RunId,
    changes: &BTreeMap<String, Option<String>>,
) -> Result<()> {
    let mut tags: BTreeMap<String, String> = document(conn, id, "SELECT tags FROM runs WHERE id = ?1")?;
    let before = tags.clone();
    for (key, value) in changes {
        match value {
            Some(value) => {
                tags.insert(key.clone(), value.clone());
                index_tag(conn, id, key, value)?;
            }
            None => {
                tags.remove(key);
                let sql = "DELETE FROM run_tags WHERE run_id = ?1 AND key = ?2";
                execute(conn, sql, params![bytes(id.as_uuid()), key])?;
            }
        }
    }
    if tags == before {
        return Ok(());
    }
    let sql = "UPDATE runs SET tags = ?2, revision = revision + 1 WHERE id = ?1";
    execute(conn, sql, params![bytes(id.as_uuid()), json("tags", &tags)?]).map(|_| ())
}

fn index_tag(conn: &Connection, id: RunId, key: &str, value: &str) -> Result<()> {
    let sql = "INSERT INTO run_tags (run_id, key, value) VALUES (?1, ?2, ?3)
               ON CONFLICT (run_id, key) DO UPDATE SET value = excluded.value";
    execute(conn, sql, params![bytes(id.as_uuid()), key, value]).map(|_| ())
}

pub(in crate::sqlite) fn set_environment(conn: &Connection, id: RunId, hash: ContentHash, body: &[u8]) -> Result<()> {
    run_status(conn, id)?;
    let sql = "INSERT INTO environments (hash, body) VALUES (?1, ?2) ON CONFLICT (hash) DO NOTHING";
    execute(conn, sql, params![hash.as_bytes(), body])?;
    let sql = "UPDATE runs SET environment = ?2, revision = revision + 1 WHERE id = ?1 AND environment IS NOT ?2";
    execute(conn, sql, params![bytes(id.as_uuid()), hash.as_bytes()]).map(|_| ())
}

pub(in crate::sqlite) fn append_log(conn: &Connection, id: RunId, lines: &[LogLine], body: &[u8]) -> Result<()> {
    let mut logs: LogSummary = document(conn, id, "SELECT logs FROM runs WHERE id = ?1")?;
    if lines.is_empty() {
        return Ok(());
    }
    let first_line = logs.lines + 1;
    logs.append(lines);
    let sql = "INSERT INTO log_chunks (run_id, first_line, lines, body) VALUES (?1, ?2, ?3, ?4)";
    execute(
        conn,
        sql,
        params![bytes(id.as_uuid()), rows::integer(first_line), rows::integer(lines.len() as u64), body],
    )?;
    let sql = "UPDATE runs SET logs = ?2 WHERE id = ?1";
    execute(conn, sql, params![bytes(id.as_uuid()), json("log summary", &logs)?]).map(|_| ())
}

pub(in crate::sqlite) fn heartbeat(conn: &Connection, id: RunId, at: Timestamp) -> Result<()> {
    run_status(conn, id)?;
    execute(
        conn,
        "UPDATE runs SET heartbeat_at = ?2 WHERE id = ?1 AND (heartbeat_at IS NULL OR heartbeat_at < ?2)",
        params![bytes(id.as_uuid()), at.as_microsecond()],
    )
    .map(|_| ())
}

/// Removes a run. What refers to it goes by foreign key; the batches, which are found through their series, and the nodes
/// of the graph first.
pub(in crate::sqlite) fn delete(conn: &Connection, id: RunId) -> Result<()> {
    run_status(conn, id)?;
    let sql = "SELECT id FROM artifacts WHERE run_id = ?1";
    let artifacts: Vec<uuid::Uuid> = conn
        .prepare_cached(sql)
        .and_then(|mut q| q.query_map([bytes(id.as_uuid())], |row| rows::uuid(row, 0))?.collect())
        .while_doing(WRITING)?;
    lineage::remove_node(conn, &NodeId::run(id))?;
    for artifact in artifacts {
        lineage::remove_node(conn, &NodeId::new(NodeType::Artifact, artifact))?;
    }
    let sql = "DELETE FROM metric_batches WHERE id IN (SELECT batch_id FROM batch_series WHERE run_id = ?1)";
    execute(conn, sql, [bytes(id.as_uuid())])?;
    execute(conn, "DELETE FROM runs WHERE id = ?1", [bytes(id.as_uuid())]).map(|_| ())
}
