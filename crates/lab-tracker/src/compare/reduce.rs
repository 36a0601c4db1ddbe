//! How a run's series becomes one number.
//!
//! Summaries answer most reductions, so that a comparison of thousands of runs reads no curve. A value that is not
//! finite stays visible as such: a run that diverged must not silently become one that did better.

use lab_model::{Reduction, SeriesPoints, SeriesSummary};

use super::types::Better;

/// What a reduction made of one series of one run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Number {
    /// The run has no such number.
    #[default]
    Absent,
    /// It is NaN or infinite.
    NotFinite,
    /// The number, finite.
    Finite(f64),
}

impl Number {
    fn new(value: f64) -> Self {
        if value.is_finite() { Self::Finite(value) } else { Self::NotFinite }
    }

    pub(super) fn finite(self) -> Option<f64> {
        match self {
            Self::Finite(value) => Some(value),
            Self::Absent | Self::NotFinite => None,
        }
    }
}

/// The number, from a summary. `Best` needs a direction and is absent without one; what needs points is absent too.
pub(super) fn of_summary(summary: &SeriesSummary, reduction: Reduction, better: Option<Better>) -> Number {
    let extreme = |value: Option<f64>| match value {
        Some(value) => Number::new(value),
        None if summary.count > 0 => Number::NotFinite,
        None => Number::Absent,
    };
    // Unknown while the run goes on.
    let quantile = |value: Option<f64>| match value {
        None if summary.min.is_some() => Number::Absent,
        value => extreme(value),
    };
    match (reduction, better) {
        (Reduction::Last, _) => Number::new(summary.last),
        (Reduction::Min, _) | (Reduction::Best, Some(Better::Lower)) => extreme(summary.min),
        (Reduction::Max, _) | (Reduction::Best, Some(Better::Higher)) => extreme(summary.max),
        (Reduction::Mean, _) => extreme(summary.mean),
        (Reduction::Median, _) => quantile(summary.median),
        (Reduction::P95, _) => quantile(summary.p95),
        (Reduction::P99, _) => quantile(summary.p99),
        _ => Number::Absent,
    }
}

/// The number, from all points of a series, as sorted by the store: by step, then time.
pub(super) fn of_points(points: &SeriesPoints, reduction: Reduction) -> Number {
    let stepped: Vec<(i64, f64)> = points.iter().filter_map(|(value, step, _)| Some((step?, value))).collect();
    match reduction {
        Reduction::AtStep { step } => {
            let at = stepped.iter().rev().find(|(s, _)| *s <= step);
            at.map_or(Number::Absent, |(_, value)| Number::new(*value))
        }
        Reduction::MeanOfLast { steps } => mean_of_last(points, &stepped, steps as usize),
        Reduction::AreaUnderCurve => area(&stepped),
        _ => Number::Absent,
    }
}

/// A series without steps counts each point as one.
fn mean_of_last(points: &SeriesPoints, stepped: &[(i64, f64)], steps: usize) -> Number {
    let values: Vec<f64> = if stepped.is_empty() {
        points.values.iter().rev().take(steps).copied().collect()
    } else {
        let mut distinct: Vec<i64> = stepped.iter().rev().map(|(step, _)| *step).collect();
        distinct.dedup();
        let from = distinct.get(steps.saturating_sub(1)).or(distinct.last()).copied();
        stepped.iter().filter(|(step, _)| Some(*step) >= from).map(|(_, value)| *value).collect()
    };
    if values.is_empty() {
        return Number::Absent;
    }
    Number::new(lab_stats::resample::Statistic::Mean.of(&values))
}

/// One value a step: the latest. A single step has no area, and its value is the mean height that the area stands for.
fn area(stepped: &[(i64, f64)]) -> Number {
    let mut curve: Vec<(i64, f64)> = Vec::with_capacity(stepped.len());
    for &(step, value) in stepped {
        match curve.last_mut() {
            Some(last) if last.0 == step => last.1 = value,
            _ => curve.push((step, value)),
        }
    }
    // Steps can be so far apart that their difference leaves 64 bits.
    let width = |from: i64, to: i64| (i128::from(to) - i128::from(from)) as f64;
    match curve.as_slice() {
        [] => Number::Absent,
        [(_, only)] => Number::new(*only),
        [(first, _), .., (last, _)] => {
            let parts = curve.windows(2).map(|w| width(w[0].0, w[1].0) * f64::midpoint(w[0].1, w[1].1));
            Number::new(parts.sum::<f64>() / width(*first, *last))
        }
    }
}
