//! Exact quantiles.

use std::collections::BTreeMap;

/// Quantiles of the finite values of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantiles {
    /// 50th percentile.
    pub median: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
}

/// Quantiles of the finite values, interpolated linearly between the two nearest ranks; `None` if no value is finite.
///
/// Type 7 of Hyndman and Fan (1996), the default of NumPy and R. In linear time: ranks are selected, not sorted.
#[must_use]
pub fn quantiles(values: &[f64]) -> Option<Quantiles> {
    let mut finite: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    if finite.is_empty() {
        return None;
    }
    // Ascending, so that each selection only looks at what the one before left above it.
    let mut selected = 0;
    let mut quantile = |q: f64| {
        let at = q * (finite.len() - 1) as f64;
        let rank = at as usize;
        let (_, low, above) = finite[selected..].select_nth_unstable_by(rank - selected, f64::total_cmp);
        let low = *low;
        let high = above.iter().copied().min_by(f64::total_cmp).unwrap_or(low);
        selected = rank;
        interpolate(low, high, at - rank as f64)
    };
    Some(Quantiles { median: quantile(0.5), p95: quantile(0.95), p99: quantile(0.99) })
}

/// The same of values that are too many to hold: `read` hands all of them over, in parts, each time it is called, which is
/// four times. Memory does not grow with their number.
///
/// # Errors
/// Those of `read`.
pub fn quantiles_in_passes<E>(
    mut read: impl FnMut(&mut dyn FnMut(&[f64])) -> Result<(), E>,
) -> Result<Option<Quantiles>, E> {
    let mut firsts = Counts::default();
    read(&mut |values| finite_keys(values).for_each(|key| firsts.add(key, 0)))?;
    let count: u64 = firsts.total();
    if count == 0 {
        return Ok(None);
    }
    let places = [0.5, 0.95, 0.99].map(|q| q * (count - 1) as f64);
    let mut ranks: Vec<Rank> = places
        .iter()
        .flat_map(|at| [*at as u64, (*at as u64 + 1).min(count - 1)])
        .map(|rank| Rank { prefix: 0, rank })
        .collect();
    ranks.iter_mut().for_each(|rank| firsts.narrow(rank));
    for digit in 1..DIGITS {
        let mut by_prefix: BTreeMap<u64, Counts> = ranks.iter().map(|rank| (rank.prefix, Counts::default())).collect();
        read(&mut |values| {
            for key in finite_keys(values) {
                if let Some(counts) = by_prefix.get_mut(&(key >> (64 - 16 * digit))) {
                    counts.add(key, digit);
                }
            }
        })?;
        for rank in &mut ranks {
            if let Some(counts) = by_prefix.get(&rank.prefix) {
                counts.narrow(rank);
            }
        }
    }
    let value = |index: usize| {
        let at: f64 = places[index];
        interpolate(of_key(ranks[2 * index].prefix), of_key(ranks[2 * index + 1].prefix), at - at.floor())
    };
    Ok(Some(Quantiles { median: value(0), p95: value(1), p99: value(2) }))
}

/// Digits of 16 bits that a key has.
const DIGITS: u32 = 4;

/// A rank among the values whose keys begin with what is known of its own.
struct Rank {
    prefix: u64,
    rank: u64,
}

/// How many keys have each digit.
struct Counts(Vec<u64>);

impl Default for Counts {
    fn default() -> Self {
        Self(vec![0; 1 << 16])
    }
}

impl Counts {
    fn add(&mut self, key: u64, digit: u32) {
        self.0[(key >> (64 - 16 * (digit + 1)) & 0xffff) as usize] += 1;
    }

    fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Finds the next digit of a rank.
    fn narrow(&self, rank: &mut Rank) {
        for (digit, count) in self.0.iter().enumerate() {
            if rank.rank < *count {
                rank.prefix = rank.prefix << 16 | digit as u64;
                return;
            }
            rank.rank -= count;
        }
    }
}

/// Numbers in the order of the finite values, by [`f64::total_cmp`].
fn finite_keys(values: &[f64]) -> impl Iterator<Item = u64> {
    let key = |value: f64| {
        let bits = value.to_bits();
        if value.is_sign_negative() { !bits } else { bits | 1 << 63 }
    };
    values.iter().copied().filter(|value| value.is_finite()).map(key)
}

fn of_key(key: u64) -> f64 {
    f64::from_bits(if key >> 63 == 1 { key & !(1 << 63) } else { !key })
}

fn interpolate(low: f64, high: f64, share: f64) -> f64 {
    let difference = high - low;
    if !difference.is_finite() {
        return low * (1.0 - share) + high * share;
    }
    // From the nearer end, as NumPy does: exact at both.
    if share < 0.5 { low + difference * share } else { high - difference * (1.0 - share) }
}
