//! The columns of one series as bytes: what a batch holds once per series and a chunk holds once.
//!
//! One byte says how each column is written, so that a single point costs its value and a few bytes. Values come first:
//! they prove that the number of points is real before memory is taken for columns that need no bytes.
//!
//! | bits | column | 0 | 1 | 2 |
//! | --- | --- | --- | --- | --- |
//! | 0–1 | values | as f64 | as f32, where that is exact | pco |
//! | 2–3 | which points have a step | none | all | those in a bitmap |
//! | 4–5 | steps | differences | first and stride | pco |
//! | 6–7 | times | differences | first and stride | pco |

use lab_model::{SeriesKey, SeriesPoints};
use pco::ChunkConfig;
use pco::data_types::Number;
use pco::standalone::{DecompressorItem, FileDecompressor, simple_compress};

use crate::SeriesError;
use crate::wire::{Reader, put_signed, put_varint};

const PLAIN: u8 = 0;
const SHORT: u8 = 1;
const PCO: u8 = 2;

const NO_STEPS: u8 = 0;
const ALL_STEPS: u8 = 1;
const SOME_STEPS: u8 = 2;

/// Most numbers in one page of the codec, as its writer cuts them. A page that claims more is damaged; without this a few
/// bytes could ask for 128 MiB.
const PAGE: usize = 1 << 18;

/// How hard to compress.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Effort {
    /// Someone waits for the answer, and the bytes are soon folded.
    Quick,
    /// In the background, for good.
    Thorough,
}

impl Effort {
    fn config(self) -> ChunkConfig {
        ChunkConfig::default().with_compression_level(match self {
            Self::Quick => 4,
            Self::Thorough => 8,
        })
    }

    /// Below this many numbers the codec's tables take more bytes than they save, or more time (some 35 µs a column) than
    /// someone who waits should give for them.
    const fn least_numbers(self) -> usize {
        match self {
            Self::Quick => 512,
            Self::Thorough => 48,
        }
    }
}

/// What the first step and time are written as a difference from: near to them, so that the difference is short.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Base {
    pub(crate) step: i64,
    pub(crate) time: i64,
}

/// Appends the columns.
pub(crate) fn encode(points: &SeriesPoints, base: Base, effort: Effort, out: &mut Vec<u8>) {
    let n = points.len();
    assert!(points.steps.len() == n && points.times_micros.len() == n, "the columns must be of one length");
    let at = out.len();
    out.push(0);
    let values = encode_values(&points.values, effort, out);
    let present: Vec<i64> = points.steps.iter().copied().flatten().collect();
    let presence = match present.len() {
        0 => NO_STEPS,
        m if m == n => ALL_STEPS,
        _ => SOME_STEPS,
    };
    if presence == SOME_STEPS {
        let start = out.len();
        out.resize(start + n.div_ceil(8), 0);
        for (i, _) in points.steps.iter().enumerate().filter(|(_, step)| step.is_some()) {
            out[start + i / 8] |= 1 << (i % 8);
        }
    }
    let steps = encode_integers(&present, base.step, effort, out);
    let times = encode_integers(&points.times_micros, base.time, effort, out);
    out[at] = values | presence << 2 | steps << 4 | times << 6;
}

/// Reads `n` points.
pub(crate) fn decode(
    reader: &mut Reader<'_>,
    n: usize,
    base: Base,
    key: SeriesKey,
) -> Result<SeriesPoints, SeriesError> {
    let form = reader.byte()?;
    let values = decode_values(reader, form & 3, n)?;
    let steps = match form >> 2 & 3 {
        NO_STEPS => vec![None; n],
        ALL_STEPS => decode_integers(reader, form >> 4 & 3, n, base.step)?.into_iter().map(Some).collect(),
        SOME_STEPS => {
            let bitmap = reader.take(n.div_ceil(8))?;
            let has_step = |i: usize| bitmap[i / 8] >> (i % 8) & 1 == 1;
            let present = (0..n).filter(|&i| has_step(i)).count();
            let mut present = decode_integers(reader, form >> 4 & 3, present, base.step)?.into_iter();
            (0..n).map(|i| if has_step(i) { present.next() } else { None }).collect()
        }
        _ => return Err(SeriesError::corrupt("steps are in an unknown form")),
    };
    let times_micros = decode_integers(reader, form >> 6, n, base.time)?;
    Ok(SeriesPoints { key, values, steps, times_micros })
}

fn encode_values(values: &[f64], effort: Effort, out: &mut Vec<u8>) -> u8 {
    // Most training code computes in single precision or less. NaN is left out: a conversion may alter its bits.
    let is_short = values.iter().all(|v| !v.is_nan() && f64::from(*v as f32).to_bits() == v.to_bits());
    let plain_len = values.len() * if is_short { 4 } else { 8 };
    if values.len() >= effort.least_numbers()
        && let Some(packed) = pack(values, effort, plain_len)
    {
        put_varint(out, packed.len() as u64);
        out.extend(packed);
        return PCO;
    }
    out.reserve(plain_len);
    if is_short {
        values.iter().for_each(|v| out.extend((*v as f32).to_le_bytes()));
        SHORT
    } else {
        values.iter().for_each(|v| out.extend(v.to_le_bytes()));
        PLAIN
    }
}

fn decode_values(reader: &mut Reader<'_>, form: u8, n: usize) -> Result<Vec<f64>, SeriesError> {
    let bytes_of = |size: usize| n.checked_mul(size).ok_or(SeriesError::corrupt("a count is too large"));
    match form {
        PLAIN => {
            let (values, _) = reader.take(bytes_of(8)?)?.as_chunks();
            Ok(values.iter().map(|v| f64::from_le_bytes(*v)).collect())
        }
        SHORT => {
            let (values, _) = reader.take(bytes_of(4)?)?.as_chunks();
            Ok(values.iter().map(|v| f64::from(f32::from_le_bytes(*v))).collect())
        }
        PCO => unpack(reader.prefixed()?, n),
        _ => Err(SeriesError::corrupt("values are in an unknown form")),
    }
}

fn encode_integers(numbers: &[i64], base: i64, effort: Effort, out: &mut Vec<u8>) -> u8 {
    if let [first, second, ..] = *numbers {
        let stride = second.wrapping_sub(first);
        if numbers.windows(2).all(|w| w[1].wrapping_sub(w[0]) == stride) {
            put_signed(out, first.wrapping_sub(base));
            put_signed(out, stride);
            return SHORT;
        }
    }
    let at = out.len();
    let mut previous = base;
    for &number in numbers {
        put_signed(out, number.wrapping_sub(previous));
        previous = number;
    }
    if numbers.len() >= effort.least_numbers()
        && let Some(packed) = pack(numbers, effort, out.len() - at)
    {
        out.truncate(at);
        put_varint(out, packed.len() as u64);
        out.extend(packed);
        return PCO;
    }
    PLAIN
}

fn decode_integers(reader: &mut Reader<'_>, form: u8, n: usize, base: i64) -> Result<Vec<i64>, SeriesError> {
    match form {
        PLAIN => {
            let mut previous = base;
            (0..n)
                .map(|_| {
                    previous = previous.wrapping_add(reader.signed()?);
                    Ok(previous)
                })
                .collect()
        }
        SHORT => {
            let first = base.wrapping_add(reader.signed()?);
            let stride = reader.signed()?;
            Ok((0..n as i64).map(|i| first.wrapping_add(stride.wrapping_mul(i))).collect())
        }
        PCO => unpack(reader.prefixed()?, n),
        _ => Err(SeriesError::corrupt("numbers are in an unknown form")),
    }
}

/// The numbers through the codec, where that is shorter than `plain_len`.
fn pack<T: Number>(numbers: &[T], effort: Effort, plain_len: usize) -> Option<Vec<u8>> {
    // Only a bad configuration makes the codec refuse numbers; plain numbers are right even then.
    simple_compress(numbers, &effort.config()).ok().filter(|packed| packed.len() < plain_len)
}

fn unpack<T: Number + Default>(bytes: &[u8], n: usize) -> Result<Vec<T>, SeriesError> {
    let (file, mut rest) = FileDecompressor::new(bytes)?;
    let mut numbers: Vec<T> = Vec::new();
    loop {
        match file.chunk_decompressor(rest)? {
            DecompressorItem::Chunk(mut page) => {
                let start = numbers.len();
                if page.n() > PAGE || page.n() > n - start {
                    return Err(SeriesError::corrupt("a column is longer than the others"));
                }
                numbers.resize(start + page.n(), T::default());
                page.read(&mut numbers[start..])?;
                rest = page.into_src();
            }
            DecompressorItem::EndOfData(after) if after.is_empty() && numbers.len() == n => return Ok(numbers),
            DecompressorItem::EndOfData(_) => return Err(SeriesError::corrupt("a column is shorter than the others")),
        }
    }
}
