//! A series' summary, and its columns.

use lab_model::{SeriesKey, SeriesSummary};
use lab_series::{Quantiles, Summary};
use rusqlite::Row;
use rusqlite::types::Value;

use super::rows;

/// The columns that a commit writes, and after them those that finalising a run does.
pub(super) const SUMMARY: &str = "name, context, count, nan_count, infinite_count, last, last_step, last_time, \
     first_time, min, max, mean, m2, median, p95, p99";

/// The columns from `count` to `m2`. SQLite makes NULL of NaN, which only `last` can be.
pub(super) fn columns_of(summary: &Summary) -> [Value; 11] {
    let real = |number: Option<f64>| number.map_or(Value::Null, Value::Real);
    // Without a finite value there is no mean to find or to sort by.
    let if_finite = |number: f64| real((summary.finite_count() > 0).then_some(number));
    [
        Value::Integer(rows::integer(summary.count)),
        Value::Integer(rows::integer(summary.nan_count)),
        Value::Integer(rows::integer(summary.infinite_count)),
        Value::Real(summary.last),
        summary.last_step.map_or(Value::Null, Value::Integer),
        Value::Integer(summary.last_time_micros),
        Value::Integer(summary.first_time_micros),
        real(summary.min),
        real(summary.max),
        if_finite(summary.mean),
        if_finite(summary.m2),
    ]
}

/// What a commit goes on from.
pub(super) fn summary(row: &Row<'_>) -> rusqlite::Result<Summary> {
    Ok(Summary {
        count: rows::unsigned(row, 2)?,
        nan_count: rows::unsigned(row, 3)?,
        infinite_count: rows::unsigned(row, 4)?,
        last: row.get::<_, Option<f64>>(5)?.unwrap_or(f64::NAN),
        last_step: row.get(6)?,
        last_time_micros: row.get(7)?,
        first_time_micros: row.get(8)?,
        min: row.get(9)?,
        max: row.get(10)?,
        mean: row.get::<_, Option<f64>>(11)?.unwrap_or(0.0),
        m2: row.get::<_, Option<f64>>(12)?.unwrap_or(0.0),
    })
}

/// What a reader is shown.
pub(super) fn series_summary(row: &Row<'_>) -> rusqlite::Result<SeriesSummary> {
    let key = SeriesKey { name: row.get(0)?, context: rows::json(row, 1)? };
    let quantiles = match (row.get(13)?, row.get(14)?, row.get(15)?) {
        (Some(median), Some(p95), Some(p99)) => Some(Quantiles { median, p95, p99 }),
        _ => None,
    };
    Ok(summary(row)?.to_series_summary(key, quantiles))
}
