//! Experiments and users.

use std::fmt::Write as _;

use async_trait::async_trait;
use lab_model::{
    Error, Experiment, ExperimentId, ExperimentQuery, ExperimentStatus, Kind, Paged, Result, RunStatus, User, UserId,
};
use rusqlite::{Connection, OptionalExtension as _, params, params_from_iter};

use super::SqliteStore;
use super::error::While as _;
use super::prepare::json;
use super::rows::{self, bytes, parsed};
use super::search;
use crate::Experiments;

const WRITING: &str = "writing an experiment";

/// The status of an experiment, which must exist.
pub(super) fn status(conn: &Connection, id: ExperimentId) -> Result<ExperimentStatus> {
    conn.prepare_cached("SELECT status FROM experiments WHERE id = ?1")
        .and_then(|mut q| q.query_row([bytes(id.as_uuid())], |row| parsed(row, 0)).optional())
        .while_doing("reading an experiment")?
        .ok_or_else(|| Error::not_found(Kind::Experiment, id))
}

pub(super) fn create_user(conn: &Connection, user: &User) -> Result<()> {
    conn.prepare_cached("INSERT INTO users (id, name, created_at) VALUES (?1, ?2, ?3) ON CONFLICT (name) DO NOTHING")
        .and_then(|mut s| s.execute(params![bytes(user.id.as_uuid()), user.name, user.created_at.as_microsecond()]))
        .while_doing("writing a user")
        .map(|_| ())
}

pub(super) fn create(conn: &Connection, experiment: &Experiment) -> Result<()> {
    check_name_is_free(conn, experiment)?;
    let added = execute(
        conn,
        &format!(
            "INSERT INTO experiments ({}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
             ON CONFLICT (id) DO NOTHING",
            rows::EXPERIMENT
        ),
        experiment,
    )?;
    if added == 0 {
        return Err(Error::conflict(Kind::Experiment, experiment.id, "exists already"));
    }
    set_tags(conn, experiment)
}

pub(super) fn update(conn: &Connection, experiment: &Experiment) -> Result<()> {
    let stored: Option<u64> = conn
        .prepare_cached("SELECT revision FROM experiments WHERE id = ?1")
        .and_then(|mut q| q.query_row([bytes(experiment.id.as_uuid())], |row| rows::unsigned(row, 0)).optional())
        .while_doing(WRITING)?;
    let stored = stored.ok_or_else(|| Error::not_found(Kind::Experiment, experiment.id))?;
    if experiment.revision != stored + 1 {
        let problem =
            format!("is at revision {stored}, so its next is not {}: it was changed meanwhile", experiment.revision);
        return Err(Error::conflict(Kind::Experiment, experiment.id, problem));
    }
    check_name_is_free(conn, experiment)?;
    execute(
        conn,
        "UPDATE experiments SET name = ?2, description = ?3, hypothesis = ?4, owner_id = ?5, collaborators = ?6,
             tags = ?7, status = ?8, config = ?9, metadata = ?10, created_at = ?11, updated_at = ?12,
             archived_at = ?13, revision = ?14
         WHERE id = ?1",
        experiment,
    )?;
    conn.prepare_cached("DELETE FROM experiment_tags WHERE experiment_id = ?1")
        .and_then(|mut s| s.execute([bytes(experiment.id.as_uuid())]))
        .while_doing(WRITING)?;
    set_tags(conn, experiment)
}

fn check_name_is_free(conn: &Connection, experiment: &Experiment) -> Result<()> {
    let is_taken = conn
        .prepare_cached("SELECT 1 FROM experiments WHERE name = ?1 AND id <> ?2")
        .and_then(|mut q| q.exists(params![experiment.name, bytes(experiment.id.as_uuid())]))
        .while_doing(WRITING)?;
    if is_taken { Err(Error::conflict(Kind::Experiment, &experiment.name, "exists already")) } else { Ok(()) }
}

fn execute(conn: &Connection, sql: &str, experiment: &Experiment) -> Result<usize> {
    let collaborators = json("collaborators", &experiment.collaborators)?;
    let tags = json("tags", &experiment.tags)?;
    let config = json("config", &experiment.config)?;
    let metadata = json("metadata", &experiment.metadata)?;
    conn.prepare_cached(sql)
        .and_then(|mut statement| {
            statement.execute(params![
                bytes(experiment.id.as_uuid()),
                experiment.name,
                experiment.description,
                experiment.hypothesis,
                experiment.owner_id.as_ref().map(|id| bytes(id.as_uuid())),
                collaborators,
                tags,
                experiment.status.as_str(),
                config,
                metadata,
                experiment.created_at.as_microsecond(),
                experiment.updated_at.as_microsecond(),
                experiment.archived_at.map(|at| at.as_microsecond()),
                rows::integer(experiment.revision),
            ])
        })
        .while_doing(WRITING)
}

fn set_tags(conn: &Connection, experiment: &Experiment) -> Result<()> {
    let mut add = conn
        .prepare_cached("INSERT INTO experiment_tags (experiment_id, key, value) VALUES (?1, ?2, ?3)")
        .while_doing(WRITING)?;
    for (key, value) in &experiment.tags.0 {
        add.execute(params![bytes(experiment.id.as_uuid()), key, value]).while_doing(WRITING)?;
    }
    Ok(())
}

#[async_trait]
impl Experiments for SqliteStore {
    async fn experiment(&self, id: ExperimentId) -> Result<Option<Experiment>> {
        self.readers
            .look_up("reading an experiment", move |conn| {
                let sql = format!("SELECT {} FROM experiments WHERE id = ?1", rows::EXPERIMENT);
                conn.prepare_cached(&sql)?.query_row([bytes(id.as_uuid())], rows::experiment).optional()
            })
            .await
    }

    async fn experiment_named(&self, name: &str) -> Result<Option<Experiment>> {
        let name = name.to_owned();
        self.readers
            .look_up("reading an experiment", move |conn| {
                let sql = format!("SELECT {} FROM experiments WHERE name = ?1", rows::EXPERIMENT);
                conn.prepare_cached(&sql)?.query_row([name], rows::experiment).optional()
            })
            .await
    }

    async fn find_experiments(&self, query: &ExperimentQuery) -> Result<Paged<Experiment>> {
        let query = query.clone();
        self.readers.try_read("searching experiments", move |conn| search::find_experiments(conn, &query)).await
    }

    async fn run_counts(&self, id: ExperimentId) -> Result<Vec<(RunStatus, u64)>> {
        self.readers
            .read("counting runs", move |conn| {
                let sql = "SELECT status, count(*) FROM runs WHERE experiment_id = ?1 GROUP BY status";
                let mut query = conn.prepare_cached(sql)?;
                let counts =
                    query.query_map([bytes(id.as_uuid())], |row| Ok((parsed(row, 0)?, rows::unsigned(row, 1)?)))?;
                let mut counts: Vec<(RunStatus, u64)> = counts.collect::<rusqlite::Result<_>>()?;
                counts.sort_unstable();
                Ok(counts)
            })
            .await
    }

    async fn user_named(&self, name: &str) -> Result<Option<User>> {
        let name = name.to_owned();
        self.readers
            .read("reading a user", move |conn| {
                let sql = format!("SELECT {} FROM users WHERE name = ?1", rows::USER);
                conn.prepare_cached(&sql)?.query_row([name], rows::user).optional()
            })
            .await
    }

    async fn users(&self, ids: &[UserId]) -> Result<Vec<User>> {
        let mut ids: Vec<UserId> = ids.to_vec();
        ids.sort_unstable();
        ids.dedup();
        self.readers
            .read("reading users", move |conn| {
                let mut users = Vec::with_capacity(ids.len());
                for some in ids.chunks(MOST_VARIABLES) {
                    let sql = format!("SELECT {} FROM users WHERE id IN ({})", rows::USER, marks(some.len()));
                    let ids = params_from_iter(some.iter().map(|id| bytes(id.as_uuid())));
                    for user in conn.prepare(&sql)?.query_map(ids, rows::user)? {
                        users.push(user?);
                    }
                }
                Ok(users)
            })
            .await
    }
}

/// Values in one list of a statement; SQLite allows 32,766.
pub(super) const MOST_VARIABLES: usize = 1_000;

/// `?,?,?` for a list of that many values.
pub(super) fn marks(count: usize) -> String {
    let mut marks = String::with_capacity(2 * count);
    for i in 0..count {
        marks.write_str(if i == 0 { "?" } else { ",?" }).ok();
    }
    marks
}
