//! Reads of runs.

use async_trait::async_trait;
use lab_model::{
    ContentHash, EnvironmentSnapshot, ExperimentId, ExperimentRun, LogLine, Paged, Result, RunId, RunQuery, Timestamp,
    WriterId,
};
use rusqlite::{OptionalExtension as _, params};

use crate::Runs;
use crate::sqlite::rows::bytes;
use crate::sqlite::{SqliteStore, commit, rows, search};

#[async_trait]
impl Runs for SqliteStore {
    async fn run(&self, id: RunId) -> Result<Option<ExperimentRun>> {
        self.readers
            .look_up("reading a run", move |conn| {
                let sql = format!("SELECT {} FROM runs WHERE id = ?1", rows::RUN);
                conn.prepare_cached(&sql)?.query_row([bytes(id.as_uuid())], rows::run).optional()
            })
            .await
    }

    async fn run_numbered(&self, experiment: ExperimentId, number: u64) -> Result<Option<ExperimentRun>> {
        // A number above 63 bits was never given.
        let Ok(number) = i64::try_from(number) else { return Ok(None) };
        self.readers
            .look_up("reading a run", move |conn| {
                let sql = format!("SELECT {} FROM runs WHERE experiment_id = ?1 AND number = ?2", rows::RUN);
                let key = params![bytes(experiment.as_uuid()), number];
                conn.prepare_cached(&sql)?.query_row(key, rows::run).optional()
            })
            .await
    }

    async fn find_runs(&self, query: &RunQuery) -> Result<Paged<ExperimentRun>> {
        let query = query.clone();
        self.readers.try_read("searching runs", move |conn| search::find_runs(conn, &query)).await
    }

    async fn silent_runs(&self, time: Timestamp, limit: u32) -> Result<Vec<RunId>> {
        self.readers
            .read("looking for silent runs", move |conn| {
                conn.prepare_cached(
                    "SELECT id FROM runs WHERE status = 'running' AND coalesce(heartbeat_at, created_at) < ?1
                     ORDER BY coalesce(heartbeat_at, created_at) LIMIT ?2",
                )?
                .query_map(params![time.as_microsecond(), limit], |row| rows::uuid(row, 0).map(RunId::from_uuid))?
                .collect()
            })
            .await
    }

    async fn log_lines(&self, id: RunId, first: u64, limit: u32) -> Result<Vec<LogLine>> {
        let first = first.clamp(1, i64::MAX as u64);
        let limit = limit as usize;
        self.readers
            .read("reading a log", move |conn| {
                let mut query = conn.prepare_cached(
                    "SELECT first_line, body FROM log_chunks
                     WHERE run_id = ?1 AND first_line >= (
                         SELECT max(first_line) FROM log_chunks WHERE run_id = ?1 AND first_line <= ?2)
                     ORDER BY first_line",
                )?;
                let mut chunks = query.query(params![bytes(id.as_uuid()), rows::integer(first)])?;
                let mut found: Vec<LogLine> = Vec::new();
                while found.len() < limit
                    && let Some(chunk) = chunks.next()?
                {
                    let first_line = rows::unsigned(chunk, 0)?;
                    let lines: Vec<LogLine> = rows::compressed_json(chunk, 1)?;
                    let skipped = usize::try_from(first.saturating_sub(first_line)).unwrap_or(usize::MAX);
                    found.extend(lines.into_iter().skip(skipped));
                }
                found.truncate(limit);
                Ok(found)
            })
            .await
    }

    async fn environment(&self, hash: ContentHash) -> Result<Option<EnvironmentSnapshot>> {
        self.readers
            .read("reading an environment", move |conn| {
                conn.prepare_cached("SELECT body FROM environments WHERE hash = ?1")?
                    .query_row([hash.as_bytes()], |row| rows::compressed_json(row, 0))
                    .optional()
            })
            .await
    }

    async fn delivered(&self, writer: WriterId) -> Result<u64> {
        self.readers.look_up("reading a writer's position", move |conn| commit::delivered(conn, writer)).await
    }
}
