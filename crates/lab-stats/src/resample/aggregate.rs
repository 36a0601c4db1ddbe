//! Aggregate scores over runs and tasks, as in rliable (Agarwal et al. 2021).

use serde::Serialize;

use super::statistic::mean_of_ranks;
use super::{Indices, Statistic, check_work};
use crate::error::{Result, StatsError};
use crate::options::{Alternative, ConfidenceLevel};
use crate::outcome::Interval;
use crate::rank::probability_of_superiority;
use crate::sample;

/// Options of [`aggregate_scores`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AggregateOptions {
    /// Level of the interval.
    pub level: ConfidenceLevel,
    /// Number of resamples.
    pub resamples: usize,
    /// Seed of the random stream.
    pub seed: u64,
    /// The score at which a task counts as solved, for the optimality gap.
    pub gamma: f64,
}

impl Default for AggregateOptions {
    fn default() -> Self {
        Self { level: ConfidenceLevel::NINETY_FIVE, resamples: 2000, seed: 0, gamma: 1.0 }
    }
}

/// Scores of one algorithm over runs and tasks, aggregated.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AggregateScores {
    /// Interquartile mean of all scores pooled.
    pub iqm: f64,
    /// Its interval, from resampling runs within each task.
    pub iqm_interval: Interval,
    /// Mean of all scores.
    pub mean: f64,
    /// Median over tasks of the mean over runs.
    pub median: f64,
    /// `gamma - mean(min(score, gamma))`.
    pub optimality_gap: f64,
}

/// Aggregates scores; rows are runs (seeds), columns tasks.
///
/// Needs scores that are comparable between tasks, such as normalised ones. The interval is a percentile interval of a
/// bootstrap stratified by task. Follows rliable.
///
/// # Errors
/// An empty table, a single run, rows of different lengths, values that are not finite, or too many draws.
pub fn aggregate_scores<R: AsRef<[f64]>>(scores: &[R], options: &AggregateOptions) -> Result<AggregateScores> {
    let tasks = columns(scores, "a")?;
    if scores.len() < 2 {
        return Err(StatsError::TooFew { name: "a".to_owned(), needed: 2, got: scores.len() });
    }
    sample::check("gamma", &[options.gamma], 1)?;
    check_work("the stratified bootstrap", scores.len() * tasks.len(), options.resamples)?;
    let pooled: Vec<f64> = tasks.concat();
    let task_means: Vec<f64> = tasks.iter().map(|task| sample::mean(task)).collect();
    let capped: Vec<f64> = pooled.iter().map(|score| score.min(options.gamma)).collect();
    Ok(AggregateScores {
        iqm: Statistic::InterquartileMean.of(&pooled),
        iqm_interval: iqm_interval(&pooled, scores.len(), options),
        mean: sample::mean(&pooled),
        median: Statistic::Median.of(&task_means),
        optimality_gap: options.gamma - sample::mean(&capped),
    })
}

/// Mean over tasks of the probability that a run of `a` scores higher than one of `b`, ties counting half.
///
/// # Errors
/// An empty table, rows of different lengths, values that are not finite, or different numbers of tasks.
pub fn probability_of_improvement<R: AsRef<[f64]>, S: AsRef<[f64]>>(a: &[R], b: &[S]) -> Result<f64> {
    let (first, second) = (columns(a, "a")?, columns(b, "b")?);
    if first.len() != second.len() {
        return Err(StatsError::UnequalLengths {
            first: "tasks of a".to_owned(),
            first_len: first.len(),
            second: "tasks of b".to_owned(),
            second_len: second.len(),
        });
    }
    let wins: f64 = first.iter().zip(&second).map(|(one, two)| probability_of_superiority(one, two)).sum();
    Ok(wins / first.len() as f64)
}

/// The columns of a full table.
fn columns<R: AsRef<[f64]>>(rows: &[R], name: &str) -> Result<Vec<Vec<f64>>> {
    let width = rows.first().map_or(0, |row| row.as_ref().len());
    if width == 0 {
        return Err(StatsError::TooFew { name: name.to_owned(), needed: 1, got: 0 });
    }
    for (index, row) in rows.iter().enumerate() {
        let row = row.as_ref();
        sample::check(&format!("{name}[{index}]"), row, 0)?;
        if row.len() != width {
            return Err(StatsError::UnequalLengths {
                first: format!("{name}[0]"),
                first_len: width,
                second: format!("{name}[{index}]"),
                second_len: row.len(),
            });
        }
    }
    Ok((0..width).map(|column| rows.iter().map(|row| row.as_ref()[column]).collect()).collect())
}

/// `pooled` holds `runs` scores of the first task, then of the second, and so on.
fn iqm_interval(pooled: &[f64], runs: usize, options: &AggregateOptions) -> Interval {
    let mut order: Vec<usize> = (0..pooled.len()).collect();
    order.sort_unstable_by(|&left, &right| pooled[left].total_cmp(&pooled[right]));
    let sorted: Vec<f64> = order.iter().map(|&index| pooled[index]).collect();
    let mut position = vec![0; pooled.len()];
    for (place, &index) in order.iter().enumerate() {
        position[index] = place;
    }
    let cut = pooled.len() / 4;
    let mut counts = vec![0_u32; pooled.len()];
    let mut indices = Indices::seeded(options.seed);
    let mut resampled: Vec<f64> = (0..options.resamples)
        .map(|_| {
            counts.fill(0);
            for task in position.chunks(runs) {
                indices.draw(runs, runs, |run| counts[task[run]] += 1);
            }
            mean_of_ranks(&sorted, &counts, cut, pooled.len() - cut)
        })
        .collect();
    resampled.sort_unstable_by(f64::total_cmp);
    let tail = options.level.tail(Alternative::TwoSided);
    Interval {
        low: sample::quantile_of_sorted(&resampled, tail),
        high: sample::quantile_of_sorted(&resampled, 1.0 - tail),
        level: options.level,
    }
}
