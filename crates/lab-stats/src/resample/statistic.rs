//! Statistics that can be resampled quickly.
//!
//! Means need the drawn values only. Order statistics are read off counts over the sorted sample, so that no resample is
//! sorted, and their jackknife is linear in n.

use serde::Serialize;

use super::Indices;
use crate::sample;

/// What is computed from each sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Statistic {
    /// Arithmetic mean.
    #[default]
    Mean,
    /// Median.
    Median,
    /// Interquartile mean: the mean after cutting `floor(n / 4)` values from each end.
    InterquartileMean,
    /// Standard deviation, divisor n - 1.
    StandardDeviation,
    /// Variance, divisor n - 1.
    Variance,
}

impl Statistic {
    /// Of one sample, which must not be empty.
    pub fn of(self, values: &[f64]) -> f64 {
        match self {
            Self::Mean => sample::mean(values),
            Self::Median => sample::median_of_sorted(&sample::sorted(values)),
            Self::InterquartileMean => sample::trimmed_mean_of_sorted(&sample::sorted(values), 0.25),
            Self::StandardDeviation => sample::Moments::of(values).sd,
            Self::Variance => sample::Moments::of(values).variance(),
        }
    }

    /// Fewest values that leave-one-out needs.
    pub(crate) fn needed(self) -> usize {
        match self {
            Self::StandardDeviation | Self::Variance => 3,
            Self::Mean | Self::Median | Self::InterquartileMean => 2,
        }
    }
}

/// One sample, prepared for drawing from.
pub(crate) struct Resampler {
    statistic: Statistic,
    /// Sorted, less `centre`, so that a large offset costs no digits.
    values: Vec<f64>,
    centre: f64,
    counts: Vec<u32>,
}

impl Resampler {
    pub(crate) fn new(values: &[f64], statistic: Statistic) -> Self {
        let centre = sample::mean(values);
        let values: Vec<f64> = sample::sorted(values).iter().map(|value| value - centre).collect();
        let counts = vec![0; values.len()];
        Self { statistic, values, centre, counts }
    }

    pub(crate) fn estimate(&self) -> f64 {
        self.uncentred(match self.statistic {
            Statistic::Mean => 0.0,
            other => other.of(&self.values),
        })
    }

    fn uncentred(&self, value: f64) -> f64 {
        match self.statistic {
            Statistic::Mean | Statistic::Median | Statistic::InterquartileMean => value + self.centre,
            Statistic::StandardDeviation | Statistic::Variance => value,
        }
    }

    /// The statistic of one resample.
    pub(crate) fn draw(&mut self, indices: &mut Indices) -> f64 {
        let n = self.values.len();
        let size = n as f64;
        let value = match self.statistic {
            Statistic::Mean => {
                let mut sum = 0.0;
                indices.draw(n, n, |index| sum += self.values[index]);
                sum / size
            }
            Statistic::StandardDeviation | Statistic::Variance => {
                let (mut sum, mut squares) = (0.0, 0.0);
                indices.draw(n, n, |index| {
                    let value = self.values[index];
                    sum += value;
                    squares += value * value;
                });
                let variance = ((squares - sum * sum / size) / (size - 1.0)).max(0.0);
                if self.statistic == Statistic::Variance { variance } else { variance.sqrt() }
            }
            Statistic::Median => {
                self.count(indices);
                self.mean_of_ranks((n - 1) / 2, n / 2 + 1)
            }
            Statistic::InterquartileMean => {
                self.count(indices);
                self.mean_of_ranks(n / 4, n - n / 4)
            }
        };
        self.uncentred(value)
    }

    fn count(&mut self, indices: &mut Indices) {
        self.counts.fill(0);
        let counts = &mut self.counts;
        indices.draw(counts.len(), counts.len(), |index| counts[index] += 1);
    }

    /// Mean of the resample's values of ranks `from..to`.
    fn mean_of_ranks(&self, from: usize, to: usize) -> f64 {
        mean_of_ranks(&self.values, &self.counts, from, to)
    }

    /// The statistic with each value left out in turn.
    pub(crate) fn jackknife(&self) -> Vec<f64> {
        let n = self.values.len();
        let left = (n - 1) as f64;
        let x = &self.values;
        match self.statistic {
            Statistic::Mean => {
                let sum: f64 = x.iter().sum();
                x.iter().map(|value| (sum - value) / left).collect()
            }
            Statistic::StandardDeviation | Statistic::Variance => {
                let squares: f64 = x.iter().map(|value| value * value).sum();
                let without = |value: &f64| {
                    let variance = ((squares - value * value * n as f64 / left) / (left - 1.0)).max(0.0);
                    if self.statistic == Statistic::Variance { variance } else { variance.sqrt() }
                };
                x.iter().map(without).collect()
            }
            Statistic::Median => leave_one_out(x, (n - 2) / 2, (n - 1) / 2 + 1),
            Statistic::InterquartileMean => leave_one_out(x, (n - 1) / 4, (n - 1) - (n - 1) / 4),
        }
    }
}

/// Mean of ranks `from..to` of the sample in which `sorted[i]` occurs `counts[i]` times.
pub(crate) fn mean_of_ranks(sorted: &[f64], counts: &[u32], from: usize, to: usize) -> f64 {
    let (mut seen, mut sum) = (0, 0.0);
    for (value, &count) in sorted.iter().zip(counts) {
        let next = seen + count as usize;
        let used = next.min(to).saturating_sub(seen.max(from));
        if used > 0 {
            sum += value * used as f64;
        }
        seen = next;
        if seen >= to {
            break;
        }
    }
    sum / (to - from) as f64
}

/// Means of ranks `from..to` of the sorted values that are left when each is taken out in turn.
fn leave_one_out(sorted: &[f64], from: usize, to: usize) -> Vec<f64> {
    let width = (to - from) as f64;
    let low: f64 = sorted[from..to].iter().sum();
    let high: f64 = sorted[from + 1..=to].iter().sum();
    let all: f64 = sorted[from..=to].iter().sum();
    sorted
        .iter()
        .enumerate()
        .map(|(index, value)| {
            let sum = if index < from {
                high
            } else if index >= to {
                low
            } else {
                all - value
            };
            sum / width
        })
        .collect()
}
