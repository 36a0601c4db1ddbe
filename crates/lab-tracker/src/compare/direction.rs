//! Which way a metric is better, as far as anybody has said so.

use std::collections::BTreeMap;

use lab_model::{Experiment, ExperimentConfig, ExperimentId, MetricDirection, SeriesKey, ThresholdDirection};

use super::types::{Better, CompareRequest};

/// What is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// Somebody said it.
    Known(Better),
    /// The experiments contradict each other.
    Contradictory,
    /// Nobody said anything.
    Unknown,
}

impl Direction {
    pub(super) fn better(self) -> Option<Better> {
        match self {
            Self::Known(better) => Some(better),
            Self::Contradictory | Self::Unknown => None,
        }
    }
}

/// The request's word counts, then the experiments'.
pub(super) fn of(
    key: &SeriesKey,
    request: &CompareRequest,
    experiments: &BTreeMap<ExperimentId, Experiment>,
) -> Direction {
    let asked = request.better.get(&key.to_string()).or_else(|| request.better.get(&key.name));
    if let Some(better) = asked {
        return Direction::Known(*better);
    }
    let mut said = experiments.values().filter_map(|experiment| configured(key, &experiment.config));
    match said.next() {
        None => Direction::Unknown,
        Some(first) if said.all(|other| other == first) => Direction::Known(first),
        Some(_) => Direction::Contradictory,
    }
}

/// A metric's own direction, else what the search is after, else the side of its thresholds that is not bad.
fn configured(key: &SeriesKey, config: &ExperimentConfig) -> Option<Better> {
    let full = key.to_string();
    let is_it = |name: &str| name == full || name == key.name;
    let metric = config.metrics.iter().find(|metric| metric.is_about(key));
    let target = config.parameters.optimization_target.as_ref().filter(|target| is_it(&target.metric));
    let stopping = config.parameters.search_space.as_ref().and_then(|space| space.early_stopping.as_ref());
    let stopping = stopping.filter(|stopping| is_it(&stopping.metric));
    let direction = metric
        .and_then(|metric| metric.direction)
        .or(target.map(|target| target.direction))
        .or(stopping.map(|stopping| stopping.mode));
    if let Some(direction) = direction {
        return Some(match direction {
            MetricDirection::Minimize => Better::Lower,
            MetricDirection::Maximize => Better::Higher,
        });
    }
    let threshold = metric.and_then(|metric| metric.critical.or(metric.warning))?;
    Some(match threshold.direction {
        ThresholdDirection::Above => Better::Lower,
        ThresholdDirection::Below => Better::Higher,
    })
}

/// Names of the experiments that chose among runs or steps by this metric.
pub(super) fn tuned_in<'a>(key: &SeriesKey, experiments: &'a BTreeMap<ExperimentId, Experiment>) -> Vec<&'a str> {
    let full = key.to_string();
    let is_it = |name: &str| name == full || name == key.name;
    let is_tuned = |experiment: &&Experiment| {
        let parameters = &experiment.config.parameters;
        let stopping = parameters.search_space.as_ref().and_then(|space| space.early_stopping.as_ref());
        parameters.optimization_target.as_ref().is_some_and(|target| is_it(&target.metric))
            || stopping.is_some_and(|stopping| is_it(&stopping.metric))
    };
    experiments.values().filter(is_tuned).map(|experiment| experiment.name.as_str()).collect()
}
