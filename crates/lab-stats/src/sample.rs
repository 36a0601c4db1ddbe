//! Moments, ranks and quantiles of one sample.
//!
//! Moments take two passes with the rounding error of the first mean removed, and scale the deviations by a power of
//! two: a naive sum of squares loses every digit at an offset of 1e10, and squares of 1e-200 vanish.

use crate::error::{Result, StatsError};

/// Refuses NaN, infinities and samples below `needed` values.
pub(crate) fn check(name: &str, values: &[f64], needed: usize) -> Result<()> {
    if let Some(index) = values.iter().position(|value| !value.is_finite()) {
        return Err(StatsError::NotFinite { name: name.to_owned(), index, value: values[index].to_string() });
    }
    if values.len() < needed {
        return Err(StatsError::TooFew { name: name.to_owned(), needed, got: values.len() });
    }
    Ok(())
}

/// Refuses lists of different lengths, then what [`check`] refuses.
pub(crate) fn check_pairs(a: &[f64], b: &[f64], needed: usize) -> Result<()> {
    if a.len() != b.len() {
        return Err(StatsError::UnequalLengths {
            first: "a".to_owned(),
            first_len: a.len(),
            second: "b".to_owned(),
            second_len: b.len(),
        });
    }
    check("a", a, needed)?;
    check("b", b, needed)
}

/// Refuses fewer than `min_groups` groups, or a group with fewer than `min_size` values.
pub(crate) fn check_groups<G: AsRef<[f64]>>(groups: &[G], min_groups: usize, min_size: usize) -> Result<()> {
    if groups.len() < min_groups {
        return Err(StatsError::TooFew { name: "groups".to_owned(), needed: min_groups, got: groups.len() });
    }
    for (index, group) in groups.iter().enumerate() {
        check(&format!("groups[{index}]"), group.as_ref(), min_size)?;
    }
    Ok(())
}

/// Size, mean and standard deviation (divisor n - 1; 0 for a single value).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Moments {
    pub(crate) n: usize,
    pub(crate) mean: f64,
    pub(crate) sd: f64,
}

impl Moments {
    /// Of finite values; `values` must not be empty.
    pub(crate) fn of(values: &[f64]) -> Self {
        let mean = mean(values);
        let sd = sum_of_squares(values, mean).map_or(f64::INFINITY, |(sum, unit)| {
            if values.len() < 2 { 0.0 } else { (sum / (values.len() - 1) as f64).sqrt() * unit }
        });
        Self { n: values.len(), mean, sd }
    }

    pub(crate) fn count(&self) -> f64 {
        self.n as f64
    }

    pub(crate) fn variance(&self) -> f64 {
        self.sd * self.sd
    }

    /// Standard error of the mean.
    pub(crate) fn standard_error(&self) -> f64 {
        self.sd / self.count().sqrt()
    }
}

/// Arithmetic mean, corrected for the rounding of the sum. Equal values give that value exactly.
pub(crate) fn mean(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let sum: f64 = values.iter().sum();
    let rough = if sum.is_finite() { sum / n } else { values.iter().map(|value| value / n).sum() };
    let correction = values.iter().map(|value| value - rough).sum::<f64>() / n;
    if correction.is_finite() { rough + correction } else { rough }
}

/// Sum of squared deviations as `(sum, unit)`: the true sum is `sum * unit * unit`. `None` if a deviation overflows.
fn sum_of_squares(values: &[f64], mean: f64) -> Option<(f64, f64)> {
    let largest = values.iter().map(|value| (value - mean).abs()).fold(0.0, f64::max);
    if !largest.is_finite() {
        return None;
    }
    if is_constant(values) {
        return Some((0.0, 1.0));
    }
    let unit = if (1e-140..1e140).contains(&largest) { 1.0 } else { largest };
    let (mut sum, mut drift) = (0.0, 0.0);
    for value in values {
        let deviation = (value - mean) / unit;
        sum += deviation * deviation;
        drift += deviation;
    }
    Some(((sum - drift * drift / values.len() as f64).max(0.0), unit))
}

/// Sum of squared deviations from the mean.
pub(crate) fn squared_deviations(values: &[f64]) -> f64 {
    sum_of_squares(values, mean(values)).map_or(f64::INFINITY, |(sum, unit)| sum * unit * unit)
}

/// Whether all values are the same; true when empty.
pub(crate) fn is_constant(values: &[f64]) -> bool {
    values.windows(2).all(|pair| pair[0] == pair[1])
}

/// Sorted ascending. Values must be finite.
pub(crate) fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

/// Average ranks, from 1, and the size of each group of ties (ones included).
pub(crate) fn average_ranks(values: &[f64]) -> (Vec<f64>, Vec<usize>) {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_unstable_by(|&left, &right| values[left].total_cmp(&values[right]));
    let mut ranks = vec![0.0; values.len()];
    let mut ties = Vec::new();
    let mut start = 0;
    while start < order.len() {
        let mut end = start + 1;
        // `==`, so that -0 and 0 tie.
        while end < order.len() && values[order[end]] == values[order[start]] {
            end += 1;
        }
        let rank = (start + end + 1) as f64 / 2.0;
        for &index in &order[start..end] {
            ranks[index] = rank;
        }
        ties.push(end - start);
        start = end;
    }
    (ranks, ties)
}

/// `sum(t^3 - t)` over tie groups, which every tie correction is made of.
pub(crate) fn tie_term(ties: &[usize]) -> f64 {
    ties.iter().map(|&size| size as f64).map(|t| t * t * t - t).sum()
}

/// Quantile of sorted values by linear interpolation (type 7; NumPy's default).
pub(crate) fn quantile_of_sorted(sorted: &[f64], probability: f64) -> f64 {
    let position = probability.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (sorted[above] - sorted[below]) * (position - below as f64)
}

/// Median of sorted values; must not be empty.
pub(crate) fn median_of_sorted(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) }
}

/// Mean of what remains after cutting `floor(proportion * n)` values from each end of sorted values.
pub(crate) fn trimmed_mean_of_sorted(sorted: &[f64], proportion: f64) -> f64 {
    let cut = (proportion * sorted.len() as f64) as usize;
    mean(&sorted[cut..sorted.len() - cut])
}

/// Pearson's correlation; `None` where either side is constant.
pub(crate) fn pearson(a: &[f64], b: &[f64]) -> Option<f64> {
    let (first, second) = (Moments::of(a), Moments::of(b));
    if a.len() < 2 || first.sd == 0.0 || second.sd == 0.0 {
        return None;
    }
    let products: f64 =
        a.iter().zip(b).map(|(x, y)| ((x - first.mean) / first.sd) * ((y - second.mean) / second.sd)).sum();
    Some((products / (a.len() - 1) as f64).clamp(-1.0, 1.0))
}

/// `a[i] - b[i]`.
pub(crate) fn differences(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(x, y)| x - y).collect()
}
