//! Curves of the groups of a comparison: the mean over runs by step, and its interval.

use std::collections::BTreeMap;

use lab_model::SeriesKey;
use lab_stats::resample::Statistic;
use lab_stats::{Alternative, ConfidenceLevel, ttest};
use lab_tracker::SeriesView;
use lab_tracker::compare::Comparison;
use serde_json::json;

use super::super::Session;

/// Most curves that are read for one plot.
const MAX_CURVES: usize = 200;
/// Most points of a curve.
const MAX_POINTS: u32 = 400;

/// The curve of one group.
pub(super) struct Curve {
    pub(super) label: String,
    pub(super) points: Vec<CurvePoint>,
}

/// One step of a curve.
pub(super) struct CurvePoint {
    pub(super) step: f64,
    pub(super) mean: f64,
    pub(super) interval: Option<(f64, f64)>,
}

/// The curves of a metric; nothing where there are too many runs, or no run logged several steps.
pub(super) async fn read(
    comparison: &Comparison,
    metric: &str,
    session: &Session,
) -> anyhow::Result<Option<Vec<Curve>>> {
    if comparison.groups.iter().map(|group| group.runs.len()).sum::<usize>() > MAX_CURVES {
        return Ok(None);
    }
    let key = series(metric);
    let mut curves = Vec::new();
    for group in &comparison.groups {
        let mut by_step: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
        for run in &group.runs {
            let path = format!("/api/v1/runs/{}/points", run.id);
            let mut query = json!({ "name": key.name, "max_points": MAX_POINTS });
            if !key.context.is_empty() {
                query["context"] = serde_json::to_string(&key.context)?.into();
            }
            let view: SeriesView = session.api.get(&path, &query).await?;
            let latest: BTreeMap<i64, f64> =
                view.points.iter().filter_map(|(value, step, _)| Some((step?, value))).collect();
            for (step, value) in latest.into_iter().filter(|(_, value)| value.is_finite()) {
                by_step.entry(step).or_default().push(value);
            }
        }
        // Thinned curves keep different steps: only those that most runs share make a mean over runs.
        let most = by_step.values().map(Vec::len).max().unwrap_or_default();
        let points: Vec<CurvePoint> = by_step
            .into_iter()
            .filter(|(_, values)| 2 * values.len() > most)
            .map(|(step, values)| CurvePoint {
                step: step as f64,
                mean: Statistic::Mean.of(&values),
                interval: interval(&values),
            })
            .collect();
        curves.push(Curve { label: group.label.clone(), points });
    }
    Ok(curves.iter().any(|curve| curve.points.len() > 1).then_some(curves))
}

fn interval(values: &[f64]) -> Option<(f64, f64)> {
    let test = ttest::one_sample(values, 0.0, Alternative::TwoSided, ConfidenceLevel::NINETY_FIVE).ok()?;
    test.estimate?.interval.map(|interval| (interval.low, interval.high))
}

/// `loss{split=val}` as name and context.
fn series(metric: &str) -> SeriesKey {
    let whole = || SeriesKey::named(metric);
    let Some((name, rest)) = metric.split_once('{') else { return whole() };
    let Some(pairs) = rest.strip_suffix('}') else { return whole() };
    let context: Option<BTreeMap<String, String>> =
        pairs.split(',').map(|pair| pair.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned()))).collect();
    context.map_or_else(whole, |context| SeriesKey { name: name.to_owned(), context })
}
