//! Metric columns: encode, merge, summarise and down-sample series of points. No I/O.
//!
//! A batch becomes durable as one row ([`encode_batch`]); later its points are folded ([`merge`]) with those of others into
//! chunks per series ([`encode_chunk`]). What search filters on is a [`Summary`], which adds up in any order.

mod batch;
mod chunk;
mod columns;
mod downsample;
mod error;
mod histogram;
mod merge;
mod moments;
mod quantiles;
mod summary;
mod wire;

#[cfg(test)]
mod tests;

pub use batch::{decode_batch, decode_series, encode_batch};
pub use chunk::{decode_chunk, encode_chunk};
pub use downsample::{Downsampled, MIN_POINTS, downsample};
pub use error::SeriesError;
pub use histogram::merge_histogram;
pub use merge::merge;
pub use quantiles::{Quantiles, quantiles};
pub use summary::Summary;
