//! A batch: what one request brought, as the one row that makes it durable.
//!
//! Two shapes are common and both must be cheap: a thousand series of one point (one step of training) and one series of
//! thousands (a spool that catches up). So names are written as what differs from the name before, contexts once each, and
//! the columns of each series by [`columns`], whose cost for one point is its value and about three bytes.
//!
//! All names and lengths stand before all columns: a reader of one series jumps over the others.

use std::collections::BTreeMap;

use lab_model::{Context, SeriesKey, SeriesPoints};

use crate::SeriesError;
use crate::columns::{self, Base, Effort};
use crate::wire::{self, Reader, put_signed, put_varint};

/// First byte of a batch. Chunks count from another number, so that neither is taken for the other.
const FORMAT: u8 = 1;

/// Most bytes that a name takes over from the one before: a bound on what a few bytes can decode to.
const MAX_SHARED: usize = 255;

/// The batch as bytes, series and points in their order.
///
/// # Panics
/// If the columns of a series are not of one length, which [`Validate`](lab_model::Validate) refuses.
#[must_use]
pub fn encode_batch(series: &[SeriesPoints]) -> Vec<u8> {
    let base = series
        .iter()
        .find(|s| !s.is_empty())
        .map_or_else(Base::default, |s| Base { step: s.steps[0].unwrap_or_default(), time: s.times_micros[0] });
    let (contexts, context_of) = distinct_contexts(series);
    let mut out = wire::envelope();
    put_varint(&mut out, contexts.len() as u64);
    for context in contexts {
        put_varint(&mut out, context.len() as u64);
        context.iter().for_each(|(key, value)| [key, value].into_iter().for_each(|text| put_text(&mut out, text)));
    }
    put_signed(&mut out, base.step);
    put_signed(&mut out, base.time);
    put_varint(&mut out, series.len() as u64);
    let mut blocks = Vec::with_capacity(series.len() * 16);
    let mut previous = "";
    for (one, context) in series.iter().zip(context_of) {
        let name = one.key.name.as_str();
        let shared = previous.bytes().zip(name.bytes()).take(MAX_SHARED).take_while(|(a, b)| a == b).count();
        put_varint(&mut out, shared as u64);
        put_varint(&mut out, (name.len() - shared) as u64);
        out.extend(&name.as_bytes()[shared..]);
        previous = name;
        put_varint(&mut out, context as u64);
        let start = blocks.len();
        columns::encode(one, base, Effort::Quick, &mut blocks);
        put_varint(&mut out, one.len() as u64);
        put_varint(&mut out, (blocks.len() - start) as u64);
    }
    out.extend(blocks);
    wire::seal(out, FORMAT)
}

/// The series of a batch, as they were encoded.
///
/// # Errors
/// If the bytes are of another format or damaged.
pub fn decode_batch(bytes: &[u8]) -> Result<Vec<SeriesPoints>, SeriesError> {
    let (head, mut directory) = Head::read(bytes)?;
    let mut entries = Vec::new();
    while let Some(entry) = directory.next()? {
        entries.push((text(&directory.name)?, entry));
    }
    let mut blocks = directory.reader;
    let mut series = Vec::with_capacity(entries.len());
    for (name, entry) in entries {
        let key = SeriesKey { name, context: head.contexts[entry.context].clone() };
        series.push(head.decode(entry, blocks.take(entry.size)?, key)?);
    }
    blocks.end()?;
    Ok(series)
}

/// The points of one series, whose columns alone are decoded; `None` if the batch has no such series.
///
/// A series that stands in the batch more than once is given as one, in the order of the batch.
///
/// # Errors
/// If the bytes are of another format or damaged.
pub fn decode_series(bytes: &[u8], key: &SeriesKey) -> Result<Option<SeriesPoints>, SeriesError> {
    let (head, mut directory) = Head::read(bytes)?;
    let mut wanted = Vec::new();
    let mut start = 0usize;
    while let Some(entry) = directory.next()? {
        if directory.name == key.name.as_bytes() && head.contexts[entry.context] == key.context {
            wanted.push((start, entry));
        }
        start = start.checked_add(entry.size).ok_or(SeriesError::corrupt("a length is too large"))?;
    }
    let blocks = directory.reader.take(start)?;
    directory.reader.end()?;
    let mut parts =
        wanted.into_iter().map(|(start, entry)| head.decode(entry, &blocks[start..][..entry.size], key.clone()));
    let Some(mut found) = parts.next().transpose()? else { return Ok(None) };
    for part in parts {
        let part = part?;
        found.values.extend(part.values);
        found.steps.extend(part.steps);
        found.times_micros.extend(part.times_micros);
    }
    Ok(Some(found))
}

fn distinct_contexts(series: &[SeriesPoints]) -> (Vec<&Context>, Vec<usize>) {
    let mut distinct = Vec::new();
    let mut index = BTreeMap::new();
    let of = |one| {
        *index.entry(one).or_insert_with(|| {
            distinct.push(one);
            distinct.len() - 1
        })
    };
    let context_of = series.iter().map(|s| &s.key.context).map(of).collect();
    (distinct, context_of)
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put_varint(out, text.len() as u64);
    out.extend(text.as_bytes());
}

fn text(bytes: &[u8]) -> Result<String, SeriesError> {
    String::from_utf8(bytes.to_vec()).map_err(|_| SeriesError::corrupt("a name is not UTF-8"))
}

/// What all series of a batch share.
struct Head {
    contexts: Vec<Context>,
    base: Base,
}

impl Head {
    fn read(bytes: &[u8]) -> Result<(Self, Directory<'_>), SeriesError> {
        let mut reader = wire::open(bytes, FORMAT, "batch")?;
        let contexts = (0..reader.count()?)
            .map(|_| {
                (0..reader.count()?)
                    .map(|_| Ok((text(reader.prefixed()?)?, text(reader.prefixed()?)?)))
                    .collect::<Result<Context, SeriesError>>()
            })
            .collect::<Result<Vec<_>, SeriesError>>()?;
        let base = Base { step: reader.signed()?, time: reader.signed()? };
        let left = reader.count()?;
        let directory = Directory { reader, left, contexts: contexts.len(), name: Vec::new() };
        Ok((Self { contexts, base }, directory))
    }

    fn decode(&self, entry: Entry, block: &[u8], key: SeriesKey) -> Result<SeriesPoints, SeriesError> {
        let mut reader = Reader::nested(block);
        let points = columns::decode(&mut reader, entry.points, self.base, key)?;
        reader.end()?;
        Ok(points)
    }
}

/// Names and lengths, one after the other: to find one series no other's name is copied.
struct Directory<'a> {
    /// At the next entry, and after the last at the columns.
    reader: Reader<'a>,
    left: usize,
    contexts: usize,
    /// Of the entry that was read last.
    name: Vec<u8>,
}

#[derive(Clone, Copy)]
struct Entry {
    context: usize,
    points: usize,
    size: usize,
}

impl Directory<'_> {
    fn next(&mut self) -> Result<Option<Entry>, SeriesError> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let shared = self.reader.count()?;
        if shared > self.name.len().min(MAX_SHARED) {
            return Err(SeriesError::corrupt("a name continues one that is shorter"));
        }
        self.name.truncate(shared);
        self.name.extend_from_slice(self.reader.prefixed()?);
        let entry = Entry { context: self.reader.count()?, points: self.reader.count()?, size: self.reader.count()? };
        if entry.context >= self.contexts {
            return Err(SeriesError::corrupt("a context is missing"));
        }
        Ok(Some(entry))
    }
}
