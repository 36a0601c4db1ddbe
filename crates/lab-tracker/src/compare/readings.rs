//! What each run measured, as one number a metric.

use std::collections::{BTreeMap, BTreeSet};

use lab_model::{Reduction, RunId, SeriesKey, SeriesSummary, Validate as _};

use super::groups::Condition;
use super::reduce::Number;
use super::types::Unit;
use super::{Error, Result};

/// Most metrics of a comparison.
pub(super) const MAX_METRICS: usize = 1_000;

/// One series of one run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Reading {
    pub(super) number: Number,
    pub(super) last_step: Option<i64>,
    /// Points that are NaN or infinite.
    pub(super) not_finite: u64,
}

/// The series of all runs, by metric and run.
pub(super) type Readings = BTreeMap<SeriesKey, BTreeMap<RunId, Reading>>;

impl Reading {
    pub(super) fn new(summary: &SeriesSummary, number: Number) -> Self {
        Self { number, last_step: summary.last_step, not_finite: summary.nan_count + summary.infinite_count }
    }
}

/// Names to ask the store for: a metric may be asked for with its context, as `loss{split=val}`.
pub(super) fn names_to_read(metrics: &[String]) -> Option<Vec<String>> {
    let names = metrics.iter().flat_map(|metric| [metric.as_str(), metric.split('{').next().unwrap_or_default()]);
    let names: BTreeSet<String> = names.filter(|name| !name.is_empty()).map(str::to_owned).collect();
    (!names.is_empty()).then(|| names.into_iter().collect())
}

/// The metrics that are compared: those asked for, in that order, or all that every group has. What the machine was like
/// is compared only where it is asked for, or where there is nothing else: it would be most of every comparison.
///
/// A name stands for all series so called, each compared by itself.
pub(super) fn choose(readings: &Readings, asked: &[String], conditions: &[Condition]) -> Result<Vec<SeriesKey>> {
    let chosen: Vec<SeriesKey> = if asked.is_empty() {
        let has = |condition: &Condition, runs: &BTreeMap<RunId, Reading>| {
            condition.members.iter().any(|member| runs.contains_key(&member.run.id))
        };
        let common = readings.iter().filter(|(_, runs)| conditions.iter().all(|condition| has(condition, runs)));
        let common: Vec<SeriesKey> = common.map(|(key, _)| key.clone()).collect();
        let (of_machine, results): (Vec<_>, Vec<_>) = common.into_iter().partition(SeriesKey::is_of_machine);
        if results.is_empty() { of_machine } else { results }
    } else {
        let mut chosen: Vec<SeriesKey> = Vec::new();
        for (index, name) in asked.iter().enumerate() {
            let found: Vec<&SeriesKey> =
                readings.keys().filter(|key| key.name == *name || key.to_string() == *name).collect();
            if found.is_empty() {
                let problem = format!("is `{name}`, which none of the runs has logged as a number");
                return Err(Error::invalid(format!("metrics[{index}]"), problem));
            }
            let new: Vec<SeriesKey> = found.into_iter().filter(|key| !chosen.contains(key)).cloned().collect();
            chosen.extend(new);
        }
        chosen
    };
    if chosen.len() > MAX_METRICS {
        return Err(Error::invalid(
            "metrics",
            format!("would be {}; at most {MAX_METRICS} are compared at once, so name those that matter", chosen.len()),
        ));
    }
    Ok(chosen)
}

/// The numbers of each group's runs, in the order of its members.
pub(super) fn by_group(runs: &BTreeMap<RunId, Reading>, conditions: &[Condition]) -> Vec<Vec<Number>> {
    let number = |id: &RunId| runs.get(id).map(|reading| reading.number).unwrap_or_default();
    conditions.iter().map(|c| c.members.iter().map(|member| number(&member.run.id)).collect()).collect()
}

/// Refuses a reduction that has no answer, and one that has none for what counts as a sample.
pub(super) fn check_reduction(reduction: Reduction, unit: Unit) -> Result<()> {
    reduction.validate().map_err(|error| error.within("reduction"))?;
    match (unit, reduction) {
        (Unit::Step, Reduction::Mean | Reduction::MeanOfLast { .. })
        | (Unit::Example, Reduction::Last)
        | (Unit::Run, _) => Ok(()),
        (Unit::Example, _) => {
            let problem = "says nothing where examples are the samples: each step is one, so leave it out";
            Err(Error::invalid("reduction", problem))
        }
        (Unit::Step, _) => {
            let problem = "must be `mean` or `mean_of_last` where steps are the samples: they are what is averaged";
            Err(Error::invalid("reduction", problem))
        }
    }
}
