//! What runs measure.
//!
//! A batch is one row, and beside it stands which series it holds: a row each for few series, one row for all of many.
//! Reading a series therefore decodes its own batches and those of many series, never the whole run, and a batch costs at
//! most [`MOST_LISTED`] small rows beside its summaries. Folding ([`fold`]) replaces both tables' rows of a run by chunks of
//! its series in one transaction, which no reader notices.

use async_trait::async_trait;
use lab_model::{LoggedValue, Result, RunId, SeriesKey, SeriesPoints, SeriesSummary};
use lab_series::{Downsampled, Summary, decode_chunk, decode_series, downsample, merge};
use rusqlite::{Connection, OptionalExtension as _, Row, params, params_from_iter};

use super::SqliteStore;
use super::commit::run_status;
use super::error::While as _;
use super::fold::{self, SKETCH_POINTS};
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
            .try_read("reading points", move |conn| read_points(conn, run, &key, &range).while_doing("reading points"))
            .await
    }

    async fn sampled_points(
        &self,
        run: RunId,
        key: &SeriesKey,
        range: &PointRange,
        max_points: usize,
    ) -> Result<Downsampled> {
        let (key, range) = (key.clone(), *range);
        self.readers
            .try_read("reading points", move |conn| {
                let (points, total) =
                    read_for_plot(conn, run, &key, &range, max_points).while_doing("reading points")?;
                let Downsampled { points, .. } = downsample(&points, max_points);
                Ok(Downsampled { is_sampled: (points.len() as u64) < total, points, total })
            })
            .await
    }

    async fn values(&self, run: RunId, key: Option<&SeriesKey>) -> Result<Vec<LoggedValue>> {
        let key = key.cloned();
        self.readers.try_read("reading values", move |conn| values_of(conn, run, key.as_ref())).await
    }

    async fn fold(&self, run: RunId, least_batches: u32) -> Result<bool> {
        self.fold_run(run, least_batches).await
    }

    async fn unfolded(&self, least_batches: u32, limit: u32) -> Result<Vec<RunId>> {
        self.readers.read("looking for runs to fold", move |conn| fold::unfolded(conn, least_batches, limit)).await
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

/// The points of a series within a range, sorted.
fn read_points(conn: &Connection, run: RunId, key: &SeriesKey, range: &PointRange) -> rusqlite::Result<SeriesPoints> {
    Ok(read_for_plot(conn, run, key, range, usize::MAX)?.0)
}

/// Of a series the points within a range, sorted, and how many there are. Where a chunk lies in the range as a whole and
/// has many times the points that `max_points` leaves for it, the points of its sketch stand for all of it.
fn read_for_plot(
    conn: &Connection,
    run: RunId,
    key: &SeriesKey,
    range: &PointRange,
    max_points: usize,
) -> rusqlite::Result<(SeriesPoints, u64)> {
    let none = || (SeriesPoints::new(key.clone()), 0);
    let context = serde_json::to_string(&key.context).map_err(|e| rusqlite::Error::ToSqlConversionFailure(e.into()))?;
    let series: Option<(i64, u64)> = conn
        .prepare_cached("SELECT id, count FROM series WHERE run_id = ?1 AND name = ?2 AND context = ?3")?
        .query_row(params![bytes(run.as_uuid()), key.name, context], |row| Ok((row.get(0)?, rows::unsigned(row, 1)?)))
        .optional()?;
    let Some((series, count)) = series else { return Ok(none()) };
    let mut parts = Vec::new();
    let mut left_out = 0;
    read_chunks(conn, run, series, key, range, |chunk| {
        // As if the range were all of the series: where it is less, plots are finer than they must be.
        let share = max_points as u128 * u128::from(chunk.points) / u128::from(count.max(1));
        match chunk.sketch {
            Some(sketch) if chunk.is_within && share * 2 <= SKETCH_POINTS as u128 => {
                let sketch = sketch()?;
                left_out += chunk.points - sketch.len() as u64;
                parts.push(sketch);
            }
            _ => parts.push((chunk.all)()?),
        }
        Ok(())
    })?;
    read_batches(conn, run, series, key, |points| parts.push(points))?;
    let Some(mut points) = merge(parts) else { return Ok(none()) };
    keep_range(&mut points, range);
    let total = points.len() as u64 + left_out;
    Ok((points, total))
}

/// All values of a series, in parts and in no order.
pub(super) fn read_values(
    conn: &Connection,
    run: RunId,
    series: i64,
    key: &SeriesKey,
    meet: &mut dyn FnMut(&[f64]),
) -> rusqlite::Result<()> {
    read_chunks(conn, run, series, key, &PointRange::default(), |chunk| {
        meet(&(chunk.all)()?.values);
        Ok(())
    })?;
    read_batches(conn, run, series, key, |points| meet(&points.values))
}

/// Meets the points of a series that are not folded, batch by batch.
fn read_batches(
    conn: &Connection,
    run: RunId,
    series: i64,
    key: &SeriesKey,
    mut meet: impl FnMut(SeriesPoints),
) -> rusqlite::Result<()> {
    let mut query = conn.prepare_cached(
        "SELECT body FROM batch_series JOIN metric_batches ON id = batch_id
         WHERE run_id = ?1 AND series_id IN (?2, ?3)",
    )?;
    let mut batches = query.query(params![bytes(run.as_uuid()), MANY_SERIES, series])?;
    while let Some(batch) = batches.next()? {
        if let Some(points) = rows::decoded(batch, 0, |body| decode_series(body, key))? {
            meet(points);
        }
    }
    Ok(())
}

/// A chunk that a reader meets, not yet read.
struct Met<'a> {
    points: u64,
    /// Whether all its points are in the range.
    is_within: bool,
    sketch: Option<&'a dyn Fn() -> rusqlite::Result<SeriesPoints>>,
    all: &'a dyn Fn() -> rusqlite::Result<SeriesPoints>,
}

/// Meets the chunks that may have points in the range.
fn read_chunks(
    conn: &Connection,
    run: RunId,
    series: i64,
    key: &SeriesKey,
    range: &PointRange,
    mut meet: impl FnMut(Met<'_>) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let mut query = conn.prepare_cached(
        "SELECT points, stepless, first_step, last_step, first_time, last_time, number, sketch IS NOT NULL
         FROM chunks
         WHERE run_id = ?1 AND series_id = ?2
           AND (?3 IS NULL OR last_step >= ?3) AND (?4 IS NULL OR first_step <= ?4)
           AND last_time >= ?5 AND first_time <= ?6
         ORDER BY number",
    )?;
    // Apart from the row, which would bring both along whichever is wanted.
    let of_chunk = |column: &str, number: i64| {
        let sql = format!("SELECT {column} FROM chunks WHERE run_id = ?1 AND series_id = ?2 AND number = ?3");
        conn.prepare_cached(&sql)?.query_row(params![bytes(run.as_uuid()), series, number], |row| {
            rows::decoded(row, 0, |body| decode_chunk(body, key.clone()))
        })
    };
    let (from_time, to_time) = times_of(range);
    let (from_step, to_step) = (range.from_step, range.to_step);
    let mut chunks = query.query(params![bytes(run.as_uuid()), series, from_step, to_step, from_time, to_time])?;
    while let Some(chunk) = chunks.next()? {
        let (first_step, last_step): (Option<i64>, Option<i64>) = (chunk.get(2)?, chunk.get(3)?);
        let (first_time, last_time): (i64, i64) = (chunk.get(4)?, chunk.get(5)?);
        let all_have_steps = rows::unsigned(chunk, 1)? == 0;
        let is_within = from_time <= first_time
            && last_time <= to_time
            && from_step.is_none_or(|from| all_have_steps && first_step.is_some_and(|first| from <= first))
            && to_step.is_none_or(|to| all_have_steps && last_step.is_some_and(|last| last <= to));
        let (number, has_sketch): (i64, bool) = (chunk.get(6)?, chunk.get(7)?);
        let (sketch, all) = (|| of_chunk("sketch", number), || of_chunk("body", number));
        meet(Met { points: rows::unsigned(chunk, 0)?, is_within, sketch: has_sketch.then_some(&sketch), all: &all })?;
    }
    Ok(())
}

/// The least and the greatest time of a range, in microseconds.
fn times_of(range: &PointRange) -> (i64, i64) {
    let micros = |at: Option<lab_model::Timestamp>| at.map(|at| at.as_microsecond());
    (micros(range.from_time).unwrap_or(i64::MIN), micros(range.to_time).unwrap_or(i64::MAX))
}

fn keep_range(points: &mut SeriesPoints, range: &PointRange) {
    if *range == PointRange::default() {
        return;
    }
    let (from_time, to_time) = times_of(range);
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
