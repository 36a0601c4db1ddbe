//! Comparing runs: which differences are more than chance, and what else could explain them.
//!
//! The unit of every claim is the run, never the step: the points of one curve depend on each other, and a test over
//! them finds a difference between any two runs. Runs are grouped into conditions, each run becomes one number a metric,
//! and each group is set against the baseline. What could fool a reader is said beside the verdict, not instead of it.
//!
//! The answer depends on the request and the store alone: groups, metrics, pairs and warnings have one order.

mod differences;
mod direction;
mod groups;
mod load;
mod readings;
mod reduce;
mod sample;
mod sentence;
#[cfg(test)]
mod tests;
mod types;
mod verdict;
mod warnings;

use lab_model::{Error, Result, RunId, SeriesKey};

pub use types::{
    Better, CompareRequest, ComparedRun, Comparison, Difference, Effect, Group, GroupRequest, MetricComparison, Pair,
    Reduction, Sample, Verdict, Warning,
};

use crate::Tracker;
use direction::Direction;
use groups::Condition;
use readings::Readings;

/// Most verdicts of a comparison: groups times metrics.
const MAX_PAIRS: usize = 100_000;

impl Tracker {
    /// Compares groups of runs: verdicts by metric, differences in how the groups were made, and warnings.
    ///
    /// # Errors
    /// [`Error::Invalid`] where fewer than two groups come out, where a metric or a baseline is not there, and beyond
    /// 10,000 runs or 1,000 metrics; [`Error::NotFound`] for runs and experiments that do not exist.
    pub async fn compare(&self, request: CompareRequest) -> Result<Comparison> {
        if !(request.alpha > 0.0 && request.alpha <= 0.5) {
            return Err(Error::invalid("alpha", format!("is {}; it must be above 0 and at most 0.5", request.alpha)));
        }
        readings::check_reduction(request.reduction)?;
        let mut experiments = load::Experiments::new();
        let (mut conditions, fields) = load::conditions(self, &request, &mut experiments).await?;
        if conditions.len() < 2 {
            return Err(too_few(&conditions, &request));
        }
        baseline_first(&mut conditions, request.baseline.as_deref())?;

        let ids: Vec<RunId> = conditions.iter().flat_map(|c| &c.members).map(|member| member.run.id).collect();
        let names = readings::names_to_read(&request.metrics);
        let mut readings = load::readings(self, &request, names.as_deref(), &ids, &experiments).await?;
        let keys = readings::choose(&readings, &request.metrics, &conditions)?;
        let mut metrics: Vec<(SeriesKey, Direction)> =
            keys.into_iter().map(|key| (key.clone(), direction::of(&key, &request, &experiments))).collect();
        check_best(&request, &mut metrics)?;
        if conditions.len().saturating_mul(metrics.len()) > MAX_PAIRS {
            let problem = format!("times {} groups is more than {MAX_PAIRS} verdicts; name fewer", conditions.len());
            return Err(Error::invalid("metrics", problem));
        }
        if request.reduction.needs_points() {
            let keys: Vec<SeriesKey> = metrics.iter().map(|(key, _)| key.clone()).collect();
            load::curves(self, request.reduction, &keys, &mut readings).await?;
        }
        let snapshots = load::environments(self, &conditions).await?;

        let parameters = differences::parameters(&conditions);
        let environment = differences::environment(&conditions, &snapshots);
        let warnings = warnings::collect(&warnings::Known {
            conditions: &conditions,
            experiments: &experiments,
            fields: &fields,
            readings: &readings,
            metrics: &metrics,
            reduction: request.reduction,
            alpha: request.alpha,
            parameters: &parameters,
            environment: &environment,
        });
        Ok(Comparison {
            baseline: conditions[0].label.clone(),
            alpha: request.alpha,
            reduction: request.reduction,
            metrics: judge_all(&request, &conditions, &readings, &metrics)?,
            configuration: differences::configuration(&conditions, &experiments),
            groups: conditions.into_iter().map(Group::from).collect(),
            parameters,
            environment,
            warnings,
        })
    }
}

fn judge_all(
    request: &CompareRequest,
    conditions: &[Condition],
    readings: &Readings,
    metrics: &[(SeriesKey, Direction)],
) -> Result<Vec<MetricComparison>> {
    let judge = |(key, direction): &(SeriesKey, Direction)| {
        let name = key.to_string();
        let numbers = readings.get(key).map(|runs| readings::by_group(runs, conditions)).unwrap_or_default();
        let question = verdict::Question {
            metric: &name,
            better: direction.better(),
            reduction: request.reduction,
            alpha: request.alpha,
        };
        verdict::judge(question, conditions, &numbers)
    };
    metrics.iter().map(judge).collect()
}

/// Leaves out, or refuses where it was asked for by name, a metric whose best value nobody can tell.
fn check_best(request: &CompareRequest, metrics: &mut Vec<(SeriesKey, Direction)>) -> Result<()> {
    if request.reduction != Reduction::Best {
        return Ok(());
    }
    let unknown = metrics.iter().find(|(_, direction)| direction.better().is_none());
    match unknown {
        Some((key, _)) if !request.metrics.is_empty() => Err(Error::invalid(
            "reduction",
            format!(
                "is `best`, and which way `{key}` is better is not known; say it in `better` or use `min` or `max`"
            ),
        )),
        _ => {
            metrics.retain(|(_, direction)| direction.better().is_some());
            Ok(())
        }
    }
}

/// Moves the baseline to the front: the group of that label, or the only one whose label ends in `=` and that text.
fn baseline_first(conditions: &mut [Condition], wanted: Option<&str>) -> Result<()> {
    let Some(wanted) = wanted else { return Ok(()) };
    let exact = conditions.iter().position(|c| c.label == wanted);
    let suffix = format!("={wanted}");
    let mut by_value =
        conditions.iter().enumerate().filter(|(_, c)| c.label.ends_with(&suffix)).map(|(index, _)| index);
    let only = by_value.next().filter(|_| by_value.next().is_none());
    let Some(index) = exact.or(only) else {
        let labels: Vec<&str> = conditions.iter().take(20).map(|c| c.label.as_str()).collect();
        return Err(Error::invalid("baseline", format!("is `{wanted}`; the groups are {}", labels.join("; "))));
    };
    conditions[..=index].rotate_right(1);
    Ok(())
}

fn too_few(conditions: &[Condition], request: &CompareRequest) -> Error {
    let runs = conditions.first().map(|c| c.members.len()).unwrap_or_default();
    if !request.groups.is_empty() {
        return Error::invalid("groups", "has one entry; a comparison needs at least two");
    }
    if request.group_by.is_empty() {
        let problem = format!(
            "is empty, and the {runs} runs differ in nothing but their seed, which makes one group; group by what \
             differs, as `tags.variant`, or name the runs"
        );
        return Error::invalid("group_by", problem);
    }
    let problem = format!("puts all {runs} runs in one group; group by something in which they differ");
    Error::invalid("group_by", problem)
}

impl From<Condition> for Group {
    fn from(condition: Condition) -> Self {
        let run = |member: groups::Member| ComparedRun {
            id: member.run.id,
            experiment_name: member.experiment_name,
            number: member.run.number,
            name: member.run.name,
            status: member.run.status,
        };
        Self { label: condition.label, runs: condition.members.into_iter().map(run).collect() }
    }
}
