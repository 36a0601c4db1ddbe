//! What runs measure.
//!
//! A batch is one row, and beside it stands which series it holds: a row each for few series, one row for all of many.
//! Reading a series therefore decodes its own batches and those of many series, never the whole run, and a batch costs at
//! most [`MOST_LISTED`] small rows beside its summaries. Folding batches into chunks by series can replace both tables'
//! rows of a run in one transaction without any reader noticing.

use async_trait::async_trait;
use lab_model::{LoggedValue, Result, RunId, SeriesKey, SeriesPoints, SeriesSummary};
use lab_series::{Summary, decode_series, merge};
use rusqlite::{Connection, OptionalExtension as _, Row, params, params_from_iter};

use super::SqliteStore;
use super::commit::run_status;
use super::error::While as _;
use super::prepare::{Batch, json};
use super::rows::{self, bytes};
use super::runs::forget_quantiles;
use super::summary::{SUMMARY, columns_of, series_summary, summary};
use crate::{Metrics, PointRange};

const WRITING: &str = "writing metrics";

/// A batch of more series than this is listed under [`MANY_SERIES`] only.
const MOST_LISTED: usize = 16;

/// Stands for any series; SQLite gives ids from 1.
const MANY_SERIES: i64 = 0;

pub(super) fn append_points(conn: &Connection, run: RunId, batch: &Batch) -> Result<()> {
    run_status(conn, run)?;
    if batch.points == 0 {
        return Ok(());
    }
    forget_quantiles(conn, run)?;
    let is_listed = batch.summaries.len() <= MOST_LISTED;
    conn.prepare_cached("INSERT INTO metric_batches (points, body) VALUES (?1, ?2)")
        .and_then(|mut s| s.execute(params![rows::integer(batch.points as u64), batch.body]))
        .while_doing(WRITING)?;
    let batch_id = conn.last_insert_rowid();
    if !is_listed {
        list(conn, run, MANY_SERIES, batch_id)?;
    }
    for (key, summary) in &batch.summaries {
        let series = add_to_summary(conn, run, key, summary)?;
        if is_listed {
            list(conn, run, series, batch_id)?;
        }
    }
    Ok(())
}

fn list(conn: &Connection, run: RunId, series: i64, batch: i64) -> Result<()> {
    conn.prepare_cached("INSERT INTO batch_series (run_id, series_id, batch_id) VALUES (?1, ?2, ?3)")
        .and_then(|mut s| s.execute(params![bytes(run.as_uuid()), series, batch]))
        .while_doing(WRITING)
        .map(|_| ())
}

/// Answers the series' row.
fn add_to_summary(conn: &Connection, run: RunId, key: &SeriesKey, added: &Summary) -> Result<i64> {
    let context = json("context", &key.context)?;
    let stored = conn
        .prepare_cached(&format!("SELECT {SUMMARY}, id FROM series WHERE run_id = ?1 AND name = ?2 AND context = ?3"))
        .and_then(|mut q| {
            q.query_row(params![bytes(run.as_uuid()), key.name, context], |row| Ok((row.get(16)?, summary(row)?)))
                .optional()
        })
        .while_doing(WRITING)?;
    let Some((id, mut all)) = stored else {
        let sql = "INSERT INTO series (run_id, name, context, count, nan_count, infinite_count, last, last_step,
                       last_time, first_time, min, max, mean, m2)
                   VALUES (?12, ?13, ?14, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
        write_summary(conn, sql, added, params![bytes(run.as_uuid()), key.name, context])?;
        return Ok(conn.last_insert_rowid());
    };
    all.merge(added);
    let sql = "UPDATE series SET count = ?1, nan_count = ?2, infinite_count = ?3, last = ?4, last_step = ?5,
                   last_time = ?6, first_time = ?7, min = ?8, max = ?9, mean = ?10, m2 = ?11
               WHERE id = ?12";
    write_summary(conn, sql, &all, params![id])?;
    Ok(id)
}

/// Executes `sql` with the summary as variables 1 to 11 and `others` from 12 on.
fn write_summary(conn: &Connection, sql: &str, summary: &Summary, others: &[&dyn rusqlite::ToSql]) -> Result<()> {
    let columns = columns_of(summary);
    let variables = columns.iter().map(|value| value as &dyn rusqlite::ToSql).chain(others.iter().copied());
    conn.prepare_cached(sql).and_then(|mut s| s.execute(params_from_iter(variables))).while_doing(WRITING).map(|_| ())
}

pub(super) fn append_values(conn: &Connection, run: RunId, values: &[LoggedValue]) -> Result<()> {
    run_status(conn, run)?;
    for logged in values {
        let context = json("context", &logged.key.context)?;
        let value = json("value", &logged.value)?;
        conn.prepare_cached(
            "INSERT INTO metric_values (run_id, name, context, step, time, value) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )
        .and_then(|mut statement| {
            let time = logged.time.as_microsecond();
            statement.execute(params![bytes(run.as_uuid()), logged.key.name, context, logged.step, time, value])
        })
        .while_doing(WRITING)?;
    }
    Ok(())
}

#[async_trait]
impl Metrics for SqliteStore {
    async fn summaries(&self, runs: &[RunId], names: Option<&[String]>) -> Result<Vec<(RunId, SeriesSummary)>> {
        let runs = runs.to_vec();
        let names = names.map(<[String]>::to_vec);
        self.readers
            .read("reading summaries", move |conn| {
                let mut found = Vec::new();
                for run in runs {
                    let first = found.len();
                    match &names {
                        None => found.extend(summaries_of(conn, run, None)?),
                        Some(names) => {
                            for name in names {
                                found.extend(summaries_of(conn, run, Some(name))?);
                            }
                        }
                    }
                    found[first..].sort_by(|(_, a), (_, b)| a.key.cmp(&b.key));
                    // A name that was given twice is one name.
                    let mut own = found.split_off(first);
                    own.dedup_by(|(_, a), (_, b)| a.key == b.key);
                    found.append(&mut own);
                }
                Ok(found)
            })
            .await
    }

    async fn points(&self, run: RunId, key: &SeriesKey, range: &PointRange) -> Result<SeriesPoints> {
        let (key, range) = (key.clone(), *range);
        self.readers
            .try_read("reading points", move |conn| {
                let mut points = read_points(conn, run, &key).while_doing("reading points")?;
                keep_range(&mut points, &range);
                Ok(points)
            })
            .await
    }

    async fn values(&self, run: RunId, key: Option<&SeriesKey>) -> Result<Vec<LoggedValue>> {
        let key = key.cloned();
        self.readers.try_read("reading values", move |conn| values_of(conn, run, key.as_ref())).await
    }

    async fn finalise(&self, run: RunId) -> Result<()> {
        self.finalise_run(run).await
    }

    async fn unfinalised(&self, limit: u32) -> Result<Vec<RunId>> {
        self.readers
            .read("looking for runs to finalise", move |conn| {
                conn.prepare_cached(
                    "SELECT id FROM runs
                     WHERE finalised = 0 AND status IN ('completed', 'failed', 'cancelled', 'timed_out')
                     ORDER BY ended_at LIMIT ?1",
                )?
                .query_map([limit], |row| rows::uuid(row, 0).map(RunId::from_uuid))?
                .collect()
            })
            .await
    }
}

fn summaries_of(conn: &Connection, run: RunId, name: Option<&str>) -> rusqlite::Result<Vec<(RunId, SeriesSummary)>> {
    let and_name = if name.is_some() { "AND name = ?2" } else { "AND ?2 IS NULL" };
    let sql = format!("SELECT {SUMMARY} FROM series WHERE run_id = ?1 {and_name}");
    let mut query = conn.prepare_cached(&sql)?;
    let found = query.query_map(params![bytes(run.as_uuid()), name], |row| Ok((run, series_summary(row)?)))?;
    found.collect()
}

/// Every point of a series, sorted.
pub(super) fn read_points(conn: &Connection, run: RunId, key: &SeriesKey) -> rusqlite::Result<SeriesPoints> {
    let context = serde_json::to_string(&key.context).map_err(|e| rusqlite::Error::ToSqlConversionFailure(e.into()))?;
    let series: Option<i64> = conn
        .prepare_cached("SELECT id FROM series WHERE run_id = ?1 AND name = ?2 AND context = ?3")?
        .query_row(params![bytes(run.as_uuid()), key.name, context], |row| row.get(0))
        .optional()?;
    let Some(series) = series else { return Ok(SeriesPoints::new(key.clone())) };
    let mut query = conn.prepare_cached(
        "SELECT body FROM batch_series JOIN metric_batches ON id = batch_id
         WHERE run_id = ?1 AND series_id IN (?2, ?3)",
    )?;
    let mut batches = query.query(params![bytes(run.as_uuid()), MANY_SERIES, series])?;
    let mut parts = Vec::new();
    while let Some(batch) = batches.next()? {
        parts.extend(rows::decoded(batch, 0, |body| decode_series(body, key))?);
    }
    Ok(merge(parts).unwrap_or_else(|| SeriesPoints::new(key.clone())))
}

fn keep_range(points: &mut SeriesPoints, range: &PointRange) {
    if *range == PointRange::default() {
        return;
    }
    let from_time = range.from_time.map_or(i64::MIN, |at| at.as_microsecond());
    let to_time = range.to_time.map_or(i64::MAX, |at| at.as_microsecond());
    let is_within = |step: Option<i64>, time: i64| {
        range.from_step.is_none_or(|from| step.is_some_and(|step| step >= from))
            && range.to_step.is_none_or(|to| step.is_some_and(|step| step <= to))
            && (from_time..=to_time).contains(&time)
    };
    let mut kept = SeriesPoints::new(points.key.clone());
    points.iter().filter(|&(_, step, time)| is_within(step, time)).for_each(|(v, s, t)| kept.push(v, s, t));
    *points = kept;
}

fn values_of(conn: &Connection, run: RunId, key: Option<&SeriesKey>) -> Result<Vec<LoggedValue>> {
    let context = key.map(|key| json("context", &key.context)).transpose()?;
    let sql = format!(
        "SELECT name, context, step, time, value FROM metric_values
         WHERE run_id = ?1 AND {} ORDER BY rowid",
        if key.is_some() { "name = ?2 AND context = ?3" } else { "?2 IS NULL AND ?3 IS NULL" }
    );
    let value = |row: &Row<'_>| {
        Ok(LoggedValue {
            key: SeriesKey { name: row.get(0)?, context: rows::json(row, 1)? },
            step: row.get(2)?,
            time: rows::time(row, 3)?,
            value: rows::json(row, 4)?,
        })
    };
    let mut values: Vec<LoggedValue> = conn
        .prepare_cached(&sql)
        .and_then(|mut q| {
            q.query_map(params![bytes(run.as_uuid()), key.map(|key| &key.name), context], value)?.collect()
        })
        .while_doing("reading values")?;
    values.sort_by(|a, b| (&a.key, a.step, a.time).cmp(&(&b.key, b.step, b.time)));
    Ok(values)
}
