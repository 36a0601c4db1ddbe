//! What a group measured: its runs' numbers in short.

use lab_stats::resample::Statistic;
use lab_stats::{Alternative, ConfidenceLevel, ttest};

use super::groups::Condition;
use super::reduce::Number;
use super::types::{BestRun, Better, Sample};

/// The sample of one group. The interval is absent below two runs and where all runs have the same number.
pub(super) fn describe(label: &str, numbers: &[Number]) -> Sample {
    let values: Vec<Option<f64>> = numbers.iter().map(|number| number.finite()).collect();
    let finite: Vec<f64> = values.iter().flatten().copied().collect();
    let excluded = values.len() - finite.len();
    Sample { values, ..of(label, &finite, excluded) }
}

/// The sample of one group whose values are no runs'.
pub(super) fn of(label: &str, finite: &[f64], excluded: usize) -> Sample {
    let level = ConfidenceLevel::NINETY_FIVE;
    let test = ttest::one_sample(finite, 0.0, Alternative::TwoSided, level).ok();
    let interval = test.and_then(|test| test.estimate).and_then(|mean| mean.interval);
    let when = |needed: usize, statistic: Statistic| (finite.len() >= needed).then(|| statistic.of(finite));
    Sample {
        label: label.to_owned(),
        n: finite.len(),
        excluded,
        mean: when(1, Statistic::Mean),
        std_dev: when(2, Statistic::StandardDeviation).filter(|sd| sd.is_finite()),
        interval: interval.map(|i| (i.low, i.high)),
        min: finite.iter().copied().reduce(f64::min),
        max: finite.iter().copied().reduce(f64::max),
        values: Vec::new(),
    }
}

/// The run with the best number; of equals the first.
pub(super) fn best_run(conditions: &[Condition], numbers: &[Vec<Number>], better: Option<Better>) -> Option<BestRun> {
    let better = better?;
    let all = conditions.iter().zip(numbers).flat_map(|(condition, numbers)| {
        let run = move |(member, number): (_, &Number)| Some((condition, member, number.finite()?));
        condition.members.iter().zip(numbers).filter_map(run)
    });
    let best = all.reduce(|best, next| if is_better(better, next.2, best.2) { next } else { best });
    best.map(|(condition, member, value)| BestRun {
        id: member.run.id,
        address: member.address(),
        label: condition.label.clone(),
        value,
    })
}

fn is_better(better: Better, a: f64, b: f64) -> bool {
    match better {
        Better::Lower => a < b,
        Better::Higher => a > b,
    }
}

/// Label of the group with the best mean; none where fewer than two groups have one.
pub(super) fn best(samples: &[Sample], better: Option<Better>) -> Option<String> {
    let better = better?;
    let with_mean: Vec<(&Sample, f64)> = samples.iter().filter_map(|s| Some((s, s.mean?))).collect();
    if with_mean.len() < 2 {
        return None;
    }
    // Of equals the first, which is the baseline if it is among them.
    with_mean
        .into_iter()
        .reduce(|best, next| if is_better(better, next.1, best.1) { next } else { best })
        .map(|(s, _)| s.label.clone())
}
