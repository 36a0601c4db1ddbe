//! Folding: from rows by batch, which are cheap to write, to rows by series, which are cheap to read and to keep.
//!
//! A reader decodes the batches and encodes the chunks while the writer serves others; the writer then swaps the rows in
//! one transaction. Batches of a run are only ever added, except by a fold, and a fold expects that none came in between.

use std::collections::HashMap;

use lab_model::{Error, Kind, Result, RunId, SeriesKey, SeriesPoints};
use lab_series::{decode_batch, decode_chunk, downsample, encode_chunk, merge};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::SqliteStore;
use super::error::While as _;
use super::rows::{self, bytes};

const DOING: &str = "folding metrics";

/// Most points of a chunk. A reader of a range decodes whole chunks; below this the codec gains little from more.
const CHUNK_POINTS: usize = 1 << 16;
/// Points that are kept beside a chunk for plots that show much more than it.
pub(super) const SKETCH_POINTS: usize = 256;
/// Most points and most batches folded in one go: what a fold holds in memory, and how long the writer is kept from others.
const MOST_POINTS: u64 = 1 << 19;
const MOST_BATCHES: u32 = 4_096;
/// A chunk that has room is written anew if it has at most so many times the points that are to be added. So chunks grow
/// by multiples, and a point is written a few times rather than once with every fold.
const GROWTH: usize = 4;

/// What the writer swaps.
pub(super) struct Fold {
    run: RunId,
    /// Folds that the run had seen when the batches were read.
    folds: i64,
    batches: Vec<i64>,
    /// Chunks that are replaced, by series and number.
    replaced: Vec<(i64, i64)>,
    chunks: Vec<Chunk>,
}

struct Chunk {
    series: i64,
    number: i64,
    points: usize,
    stepless: usize,
    steps: Option<(i64, i64)>,
    times: (i64, i64),
    sketch: Option<Vec<u8>>,
    body: Vec<u8>,
}

impl SqliteStore {
    pub(super) async fn fold_run(&self, run: RunId, least_batches: u32) -> Result<bool> {
        let prepared = self.readers.try_read(DOING, move |conn| prepare(conn, run, least_batches)).await?;
        match prepared {
            Some(fold) => self.writer.fold(fold).await,
            None => Ok(false),
        }
    }
}

/// The oldest batches of a run as chunks; nothing where it has fewer than `least`.
fn prepare(conn: &Connection, run: RunId, least: u32) -> Result<Option<Fold>> {
    let folds: Option<i64> = conn
        .prepare_cached("SELECT folds FROM runs WHERE id = ?1")
        .and_then(|mut q| q.query_row([bytes(run.as_uuid())], |row| row.get(0)).optional())
        .while_doing(DOING)?;
    let folds = folds.ok_or_else(|| Error::not_found(Kind::Run, run))?;
    let (batches, series) = read_batches(conn, run, least).while_doing(DOING)?;
    if batches.is_empty() {
        return Ok(None);
    }
    let mut fold = Fold { run, folds, batches, replaced: Vec::new(), chunks: Vec::new() };
    let ids = ids_of_series(conn, run).while_doing(DOING)?;
    for points in series {
        let id = ids.get(&points.key).ok_or_else(|| Error::storage(DOING, "a batch has a series without a row"))?;
        add_series(conn, &mut fold, *id, points).while_doing(DOING)?;
    }
    Ok(Some(fold))
}

/// The oldest batches, and their points by series.
fn read_batches(conn: &Connection, run: RunId, least: u32) -> rusqlite::Result<(Vec<i64>, Vec<SeriesPoints>)> {
    let mut query = conn.prepare_cached(
        "SELECT DISTINCT batch_id, points FROM batch_series JOIN metric_batches ON id = batch_id
         WHERE run_id = ?1 ORDER BY batch_id LIMIT ?2",
    )?;
    let found: Vec<(i64, u64)> = query
        .query_map(params![bytes(run.as_uuid()), MOST_BATCHES], |row| Ok((row.get(0)?, rows::unsigned(row, 1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    if found.len() < least as usize {
        return Ok((Vec::new(), Vec::new()));
    }
    let mut body = conn.prepare_cached("SELECT body FROM metric_batches WHERE id = ?1")?;
    let (mut batches, mut total) = (Vec::new(), 0);
    let mut series: Vec<SeriesPoints> = Vec::new();
    let mut places: HashMap<SeriesKey, usize> = HashMap::new();
    for (id, points) in found {
        total += points;
        if total > MOST_POINTS && !batches.is_empty() {
            break;
        }
        batches.push(id);
        for points in body.query_row([id], |row| rows::decoded(row, 0, decode_batch))? {
            match places.get(&points.key) {
                Some(place) => series[*place].append(&points),
                None => {
                    places.insert(points.key.clone(), series.len());
                    series.push(points);
                }
            }
        }
    }
    Ok((batches, series))
}

fn ids_of_series(conn: &Connection, run: RunId) -> rusqlite::Result<HashMap<SeriesKey, i64>> {
    conn.prepare_cached("SELECT name, context, id FROM series WHERE run_id = ?1")?
        .query_map([bytes(run.as_uuid())], |row| {
            Ok((SeriesKey { name: row.get(0)?, context: rows::json(row, 1)? }, row.get(2)?))
        })?
        .collect()
}

/// Adds the points behind the chunks that the series has, the last of which may be written anew with them.
fn add_series(conn: &Connection, fold: &mut Fold, series: i64, points: SeriesPoints) -> rusqlite::Result<()> {
    let key = points.key.clone();
    let mut parts = vec![points];
    let mut query = conn.prepare_cached(
        "SELECT number, points FROM chunks WHERE run_id = ?1 AND series_id = ?2 ORDER BY number DESC",
    )?;
    let mut body =
        conn.prepare_cached("SELECT body FROM chunks WHERE run_id = ?1 AND series_id = ?2 AND number = ?3")?;
    let mut chunks = query.query(params![bytes(fold.run.as_uuid()), series])?;
    let mut next = 0;
    let mut gathered = parts[0].len();
    while let Some(chunk) = chunks.next()? {
        let (number, count): (i64, usize) = (chunk.get(0)?, rows::unsigned(chunk, 1)? as usize);
        if count >= CHUNK_POINTS || count > GROWTH * gathered {
            next = number + 1;
            break;
        }
        let decoded = |row: &Row<'_>| rows::decoded(row, 0, |body| decode_chunk(body, key.clone()));
        parts.push(body.query_row(params![bytes(fold.run.as_uuid()), series, number], decoded)?);
        fold.replaced.push((series, number));
        gathered += count;
    }
    let Some(points) = merge(parts) else { return Ok(()) };
    for start in (0..points.len()).step_by(CHUNK_POINTS) {
        let range = start..points.len().min(start + CHUNK_POINTS);
        let part = SeriesPoints {
            key: key.clone(),
            values: points.values[range.clone()].to_vec(),
            steps: points.steps[range.clone()].to_vec(),
            times_micros: points.times_micros[range].to_vec(),
        };
        fold.chunks.push(Chunk::of(series, next, &part));
        next += 1;
    }
    Ok(())
}

impl Chunk {
    fn of(series: i64, number: i64, points: &SeriesPoints) -> Self {
        let range = |all: &mut dyn Iterator<Item = i64>| {
            all.fold(None, |range, at| match range {
                None => Some((at, at)),
                Some((first, last)) => Some((at.min(first), at.max(last))),
            })
        };
        let with_step = points.steps.iter().flatten().count();
        let sketch = (points.len() > SKETCH_POINTS).then(|| encode_chunk(&downsample(points, SKETCH_POINTS).points));
        Self {
            series,
            number,
            points: points.len(),
            stepless: points.len() - with_step,
            steps: range(&mut points.steps.iter().flatten().copied()),
            times: range(&mut points.times_micros.iter().copied()).unwrap_or_default(),
            sketch,
            body: encode_chunk(points),
        }
    }
}

/// Whether the rows were swapped; not if others folded the run in between, or if it is gone.
pub(super) fn swap(conn: &Connection, fold: &Fold) -> Result<bool> {
    swap_rows(conn, fold).while_doing(DOING)
}

fn swap_rows(conn: &Connection, fold: &Fold) -> rusqlite::Result<bool> {
    let run = bytes(fold.run.as_uuid());
    let is_as_it_was = conn
        .prepare_cached("UPDATE runs SET folds = folds + 1 WHERE id = ?1 AND folds = ?2")?
        .execute(params![run, fold.folds])?;
    if is_as_it_was == 0 {
        return Ok(false);
    }
    let mut delete = conn.prepare_cached("DELETE FROM metric_batches WHERE id = ?1")?;
    for batch in &fold.batches {
        delete.execute([batch])?;
    }
    // The batches are the oldest of the run, so that no other of it is before the last of them.
    conn.prepare_cached("DELETE FROM batch_series WHERE run_id = ?1 AND batch_id <= ?2")?
        .execute(params![run, fold.batches.last()])?;
    let mut delete = conn.prepare_cached("DELETE FROM chunks WHERE run_id = ?1 AND series_id = ?2 AND number = ?3")?;
    for (series, number) in &fold.replaced {
        delete.execute(params![run, series, number])?;
    }
    let mut insert = conn.prepare_cached(
        "INSERT INTO chunks (run_id, series_id, number, points, stepless, first_step, last_step, first_time, last_time,
             sketch, body)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?;
    for chunk in &fold.chunks {
        let (first_step, last_step) = chunk.steps.unzip();
        let (first_time, last_time) = chunk.times;
        insert.execute(params![
            run,
            chunk.series,
            chunk.number,
            rows::integer(chunk.points as u64),
            rows::integer(chunk.stepless as u64),
            first_step,
            last_step,
            first_time,
            last_time,
            chunk.sketch,
            chunk.body,
        ])?;
    }
    Ok(true)
}

/// Runs with at least so many batches, those with the most first.
pub(super) fn unfolded(conn: &Connection, least_batches: u32, limit: u32) -> rusqlite::Result<Vec<RunId>> {
    conn.prepare_cached(
        "SELECT run_id, count(DISTINCT batch_id) AS batches FROM batch_series
         GROUP BY run_id HAVING batches >= ?1 ORDER BY batches DESC LIMIT ?2",
    )?
    .query_map([least_batches, limit], |row| rows::uuid(row, 0).map(RunId::from_uuid))?
    .collect()
}
