//! Several metrics as one number, by the weights that the experiments give them.

use std::collections::BTreeMap;

use lab_model::{Experiment, ExperimentId, RunId, SeriesKey};
use lab_stats::resample::Statistic;

use super::direction::Direction;
use super::groups::Condition;
use super::readings::{self, Readings};
use super::reduce::Number;
use super::types::Better;

/// A metric's part in the score.
struct Part<'a> {
    key: &'a SeriesKey,
    weight: f64,
    better: Better,
    /// Mean of the baseline's runs.
    baseline: f64,
}

/// What the metrics amount to.
pub(super) struct Scores {
    /// The share of each metric; they add up to 1.
    pub(super) weights: BTreeMap<String, f64>,
    /// By group, each run's score.
    pub(super) numbers: Vec<Vec<Number>>,
}

/// The weights, adding up to 1, and each run's score by group: the weighted mean of its improvements over the baseline's
/// mean, each as a share of that.
///
/// Nothing unless an experiment gives a weight and at least two metrics have one, a direction, and a baseline other than 0.
pub(super) fn scores(
    conditions: &[Condition],
    experiments: &BTreeMap<ExperimentId, Experiment>,
    readings: &Readings,
    metrics: &[(SeriesKey, Direction)],
) -> Option<Scores> {
    let parts: Vec<Part<'_>> = metrics
        .iter()
        .filter_map(|(key, direction)| {
            let weight = weight(key, experiments).filter(|weight| *weight > 0.0)?;
            let runs = readings.get(key)?;
            let baseline = readings::by_group(runs, &conditions[..1]).pop()?;
            let baseline: Vec<f64> = baseline.iter().filter_map(|number| number.finite()).collect();
            let baseline = (!baseline.is_empty()).then(|| Statistic::Mean.of(&baseline)).filter(|mean| *mean != 0.0)?;
            Some(Part { key, weight, better: direction.better()?, baseline })
        })
        .collect();
    let total: f64 = parts.iter().map(|part| part.weight).sum();
    let is_stated = experiments.values().flat_map(|e| &e.config.metrics).any(|metric| metric.weight.is_some());
    if parts.len() < 2 || !is_stated {
        return None;
    }
    let number = |id: &RunId| {
        let mut score = 0.0;
        for part in &parts {
            let reading = readings.get(part.key).and_then(|runs| runs.get(id)).copied().unwrap_or_default();
            let Number::Finite(value) = reading.number else { return reading.number };
            let change = (value - part.baseline) / part.baseline.abs();
            let improvement = if part.better == Better::Higher { change } else { -change };
            score += part.weight / total * improvement;
        }
        if score.is_finite() { Number::Finite(score) } else { Number::NotFinite }
    };
    let numbers = conditions.iter().map(|c| c.members.iter().map(|member| number(&member.run.id)).collect()).collect();
    let weights = parts.iter().map(|part| (part.key.to_string(), part.weight / total)).collect();
    Some(Scores { weights, numbers })
}

/// What the experiments say; 1 for a metric that one of them sets up without a weight. Nothing where they contradict.
fn weight(key: &SeriesKey, experiments: &BTreeMap<ExperimentId, Experiment>) -> Option<f64> {
    let of = |experiment: &Experiment| {
        let metric = experiment.config.metrics.iter().find(|metric| metric.is_about(key))?;
        Some(metric.weight.unwrap_or(1.0))
    };
    let mut said = experiments.values().filter_map(of);
    let first = said.next()?;
    said.all(|other| other == first).then_some(first)
}
