//! Exact quantiles of a run that has ended.
//!
//! They need every point, so they are computed by a reader, a series at a time, while the writer serves others. The writer
//! then keeps them only if no point came in between.

use lab_model::{Error, Kind, Result, RunId};
use lab_series::{quantiles, quantiles_in_passes};
use rusqlite::{Connection, params};

use super::SqliteStore;
use super::commit::run_status;
use super::error::While as _;
use super::metrics::read_values;
use super::rows::{self, bytes};

const DOING: &str = "computing quantiles";

/// Most values of a series that are held in memory; more are read several times instead.
const MOST_HELD: u64 = 1 << 22;

/// How often to begin anew when points come in between; nobody adds points to an ended run for long.
const ATTEMPTS: usize = 5;

/// Quantiles of a run's series, ready to be kept.
pub(super) struct Quantiles {
    run: RunId,
    series: Vec<SeriesQuantiles>,
}

struct SeriesQuantiles {
    series: i64,
    /// Points they were computed from.
    count: u64,
    /// None where no value is finite.
    of_finite: Option<lab_series::Quantiles>,
}

impl SqliteStore {
    pub(super) async fn finalise_run(&self, run: RunId) -> Result<()> {
        for _ in 0..ATTEMPTS {
            let quantiles = self.readers.try_read(DOING, move |conn| compute(conn, run)).await?;
            if self.writer.keep_quantiles(quantiles).await? {
                return Ok(());
            }
        }
        Err(Error::conflict(Kind::Run, run, "goes on getting points, so its quantiles are not final"))
    }
}

fn compute(conn: &Connection, run: RunId) -> Result<Quantiles> {
    let status = run_status(conn, run)?;
    if !status.is_terminal() {
        let needs = "only an ended run has final quantiles".to_owned();
        return Err(Error::WrongState { kind: Kind::Run, id: run.to_string(), actual: status.as_str(), needs });
    }
    let mut query =
        conn.prepare_cached("SELECT id, name, context, count FROM series WHERE run_id = ?1").while_doing(DOING)?;
    let mut found = query.query([bytes(run.as_uuid())]).while_doing(DOING)?;
    let mut series = Vec::new();
    while let Some(row) = found.next().while_doing(DOING)? {
        series.push(of_series(conn, run, row).while_doing(DOING)?);
    }
    Ok(Quantiles { run, series })
}

fn of_series(conn: &Connection, run: RunId, row: &rusqlite::Row<'_>) -> rusqlite::Result<SeriesQuantiles> {
    let (series, count) = (row.get(0)?, rows::unsigned(row, 3)?);
    let key = lab_model::SeriesKey { name: row.get(1)?, context: rows::json(row, 2)? };
    let of_finite = if count <= MOST_HELD {
        let mut values = Vec::new();
        read_values(conn, run, series, &key, &mut |part| values.extend_from_slice(part))?;
        quantiles(&values)
    } else {
        quantiles_in_passes(|meet| read_values(conn, run, series, &key, meet))?
    };
    Ok(SeriesQuantiles { series, count, of_finite })
}

/// Whether they were kept; not if the series are not those any more.
pub(super) fn keep_quantiles(conn: &Connection, quantiles: &Quantiles) -> Result<bool> {
    let run = bytes(quantiles.run.as_uuid());
    if !run_status(conn, quantiles.run)?.is_terminal() {
        return Ok(false);
    }
    let stored: u64 = conn
        .prepare_cached("SELECT count(*) FROM series WHERE run_id = ?1")
        .and_then(|mut q| q.query_row([run], |row| rows::unsigned(row, 0)))
        .while_doing(DOING)?;
    if stored != quantiles.series.len() as u64 {
        return Ok(false);
    }
    // The same number of series, each with the same number of points: none was added, and points are never removed.
    for series in &quantiles.series {
        let is_same = conn
            .prepare_cached("SELECT 1 FROM series WHERE id = ?1 AND run_id = ?2 AND count = ?3")
            .and_then(|mut q| q.exists(params![series.series, run, rows::integer(series.count)]))
            .while_doing(DOING)?;
        if !is_same {
            return Ok(false);
        }
    }
    for series in &quantiles.series {
        let of_finite = series.of_finite;
        let [median, p95, p99] = [of_finite.map(|q| q.median), of_finite.map(|q| q.p95), of_finite.map(|q| q.p99)];
        conn.prepare_cached("UPDATE series SET median = ?2, p95 = ?3, p99 = ?4 WHERE id = ?1")
            .and_then(|mut s| s.execute(params![series.series, median, p95, p99]))
            .while_doing(DOING)?;
    }
    conn.prepare_cached("UPDATE runs SET finalised = 1 WHERE id = ?1")
        .and_then(|mut s| s.execute([run]))
        .while_doing(DOING)?;
    Ok(true)
}
