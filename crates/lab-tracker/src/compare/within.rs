//! Samples other than runs: evaluated examples, and, for who insists, the steps of single runs.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use lab_model::{Reduction, RunId, SeriesKey, SeriesPoints};
use lab_store::PointRange;

use super::design::Design;
use super::groups::Condition;
use super::sample;
use super::types::{CompareRequest, MetricComparison, Unit};
use super::verdict::{self, Question};
use super::{Error, Result, Tracker};

/// Most points that are read at once.
const MAX_CURVES: usize = 2_000;
const CONCURRENT: usize = 8;

/// What one group measured.
struct Side {
    /// By example, the mean over the group's runs; for steps the values in their order.
    values: Vec<(i64, f64)>,
    /// Values left out because they are not finite.
    excluded: usize,
}

/// Compares the groups sample by sample, where samples are not runs.
pub(super) async fn judge(
    tracker: &Tracker,
    request: &CompareRequest,
    conditions: &[Condition],
    key: &SeriesKey,
    question: Question<'_>,
) -> Result<MetricComparison> {
    let runs: Vec<RunId> = conditions.iter().flat_map(|c| &c.members).map(|member| member.run.id).collect();
    if runs.len() > MAX_CURVES {
        let problem = format!("needs {} curves; at most {MAX_CURVES} are read, so name fewer runs", runs.len());
        return Err(Error::invalid("unit", problem));
    }
    if request.unit == Unit::Step
        && let Some(condition) = conditions.iter().find(|condition| condition.members.len() > 1)
    {
        let problem = format!(
            "is `step`, and `{}` has {} runs: they are the better samples, so leave it out",
            condition.label,
            condition.members.len()
        );
        return Err(Error::invalid("unit", problem));
    }
    let curves: BTreeMap<RunId, SeriesPoints> = stream::iter(runs)
        .map(|run| async move {
            let view = tracker.points(run, key, &PointRange::default(), None).await?;
            Ok::<_, Error>((run, view.points))
        })
        .buffered(CONCURRENT)
        .try_collect()
        .await?;
    let sides: Vec<Side> = conditions
        .iter()
        .map(|condition| {
            let points = condition.members.iter().filter_map(|member| curves.get(&member.run.id));
            match request.unit {
                Unit::Step => steps(points.flat_map(SeriesPoints::iter), request.reduction),
                Unit::Run | Unit::Example => examples(points),
            }
        })
        .collect();
    let samples = conditions.iter().zip(&sides).map(|(condition, side)| {
        let values: Vec<f64> = side.values.iter().map(|(_, value)| *value).collect();
        sample::of(&condition.label, &values, side.excluded)
    });
    let design = |side: &Side| match request.unit {
        Unit::Step => {
            let values = |side: &Side| side.values.iter().map(|(_, value)| *value).collect();
            Design::Series { a: values(side), b: values(&sides[0]) }
        }
        Unit::Run | Unit::Example => {
            let by_example = |side: &Side| side.values.iter().copied().collect::<BTreeMap<i64, f64>>();
            Design::of_examples(&by_example(side), &by_example(&sides[0]))
        }
    };
    verdict::judge_designs(question, samples.collect(), sides[1..].iter().map(design).collect())
}

/// One value an example: the latest of each run, and the mean over runs.
fn examples<'a>(curves: impl Iterator<Item = &'a SeriesPoints>) -> Side {
    let mut sums: BTreeMap<i64, (f64, u32)> = BTreeMap::new();
    let mut excluded = 0;
    for points in curves {
        let latest: BTreeMap<i64, f64> = points.iter().filter_map(|(value, step, _)| Some((step?, value))).collect();
        for (example, value) in latest {
            if value.is_finite() {
                let sum = sums.entry(example).or_default();
                *sum = (sum.0 + value, sum.1 + 1);
            } else {
                excluded += 1;
            }
        }
    }
    let mean = |(example, (sum, count)): (i64, (f64, u32))| (example, sum / f64::from(count));
    Side { values: sums.into_iter().map(mean).collect(), excluded }
}

/// The values that the reduction averages, in their order.
fn steps(points: impl Iterator<Item = (f64, Option<i64>, i64)>, reduction: Reduction) -> Side {
    let all: Vec<(i64, f64)> =
        points.zip(0..).map(|((value, step, _), index)| (step.unwrap_or(index), value)).collect();
    let mut distinct: Vec<i64> = all.iter().rev().map(|(step, _)| *step).collect();
    distinct.dedup();
    let from = match reduction {
        Reduction::MeanOfLast { steps } => distinct.get(steps.saturating_sub(1) as usize).copied(),
        _ => None,
    };
    let window = all.into_iter().filter(|(step, _)| from.is_none_or(|from| *step >= from));
    let (values, others): (Vec<_>, Vec<_>) = window.partition(|(_, value)| value.is_finite());
    Side { values, excluded: others.len() }
}
