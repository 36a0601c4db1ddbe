//! What of a change can be worked out before the writer takes it.
//!
//! Encoding and compressing is most of the work of a commit. Done here it runs on the callers' threads, as many as there
//! are; done by the writer it would all wait in one line.

use lab_model::{ContentHash, Error, Result, SeriesKey, SeriesPoints};
use lab_series::{Summary, encode_batch};
use serde::Serialize;

use crate::{Change, Write};

/// Above this many points the work goes to a thread that may block.
const POINTS_INLINE: usize = 4_096;

/// Compression of JSON that is written once: level 1 is as fast as the disk.
const ZSTD_LEVEL: i32 = 1;

/// A change with the encoded form of what it carries.
pub(super) struct Prepared {
    pub(super) change: Change,
    /// One for each of the change's writes.
    pub(super) payloads: Vec<Payload>,
}

/// The encoded form of what a write carries.
pub(super) enum Payload {
    /// The write is stored field by field.
    None,
    /// Points.
    Batch(Batch),
    /// JSON compressed with zstd.
    Json(Vec<u8>),
    /// A snapshot and its identity.
    Environment(ContentHash, Vec<u8>),
}

/// A batch of points, ready to be stored.
pub(super) struct Batch {
    pub(super) points: usize,
    pub(super) body: Vec<u8>,
    /// The summary of each series, by itself, each series once.
    pub(super) summaries: Vec<(SeriesKey, Summary)>,
}

impl Prepared {
    pub(super) fn points(&self) -> usize {
        let points = |payload: &Payload| if let Payload::Batch(batch) = payload { batch.points } else { 0 };
        self.payloads.iter().map(points).sum()
    }
}

/// Encodes what the change carries.
pub(super) async fn prepare(change: Change) -> Result<Prepared> {
    let points: usize = change.writes.iter().map(points_of).sum();
    if points < POINTS_INLINE {
        return prepare_here(change);
    }
    tokio::task::spawn_blocking(|| prepare_here(change))
        .await
        .map_err(|error| Error::Internal { problem: format!("encoding a change ended early: {error}") })?
}

fn points_of(write: &Write) -> usize {
    match write {
        Write::AppendPoints { series, .. } => series.iter().map(SeriesPoints::len).sum(),
        _ => 0,
    }
}

fn prepare_here(mut change: Change) -> Result<Prepared> {
    let payloads = change.writes.iter_mut().map(payload).collect::<Result<_>>()?;
    Ok(Prepared { change, payloads })
}

fn payload(write: &mut Write) -> Result<Payload> {
    Ok(match write {
        Write::AppendPoints { series, .. } => Payload::Batch(batch(std::mem::take(series))?),
        Write::AppendLog { lines, .. } => Payload::Json(compress("log", lines)?),
        Write::SetEnvironment { snapshot, .. } => {
            Payload::Environment(snapshot.content_hash(), compress("environment", &**snapshot)?)
        }
        _ => Payload::None,
    })
}

fn batch(series: Vec<SeriesPoints>) -> Result<Batch> {
    for points in &series {
        if points.steps.len() != points.len() || points.times_micros.len() != points.len() {
            let problem = format!("has columns of different length for `{}`", points.key);
            return Err(Error::invalid("series", problem));
        }
    }
    let series = each_once(series);
    Ok(Batch {
        points: series.iter().map(SeriesPoints::len).sum(),
        summaries: series.iter().filter_map(|points| Some((points.key.clone(), Summary::of(points)?))).collect(),
        body: encode_batch(&series),
    })
}

/// Drops series without points and joins those that occur more than once.
fn each_once(mut series: Vec<SeriesPoints>) -> Vec<SeriesPoints> {
    series.retain(|points| !points.is_empty());
    series.sort_by(|a, b| a.key.cmp(&b.key));
    series.dedup_by(|next, first| {
        let is_same = next.key == first.key;
        if is_same {
            first.values.append(&mut next.values);
            first.steps.append(&mut next.steps);
            first.times_micros.append(&mut next.times_micros);
        }
        is_same
    });
    series
}

fn compress<T: Serialize + ?Sized>(what: &str, value: &T) -> Result<Vec<u8>> {
    let json = serde_json::to_vec(value).map_err(|e| unencodable(what, e))?;
    zstd::bulk::compress(&json, ZSTD_LEVEL).map_err(|e| unencodable(what, e))
}

/// A value that cannot be written as it is kept.
pub(super) fn unencodable(what: &str, source: impl Into<lab_model::BoxError>) -> Error {
    Error::Serialization { what: what.to_owned(), source: source.into() }
}

/// JSON of a document that is kept as text.
pub(super) fn json<T: Serialize + ?Sized>(what: &str, value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|e| unencodable(what, e))
}
