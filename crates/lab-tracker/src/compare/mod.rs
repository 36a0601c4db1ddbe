//! Comparing runs: which differences are more than chance, and what else could explain them.
//!
//! The unit of every claim is the run, never the step: the points of one curve depend on each other, and a test over
//! them finds a difference between any two runs. Runs are grouped into conditions, each run becomes one number a metric,
//! and each group is set against the baseline. What could fool a reader is said beside the verdict, not instead of it.
//!
//! The answer depends on the request and the store alone: groups, metrics, pairs and warnings have one order.

mod data;
mod design;
mod differences;
mod direction;
mod gate;
mod groups;
mod load;
mod noise;
mod plan;
mod readings;
mod reduce;
mod sample;
mod score;
mod sentence;
mod testing;
#[cfg(test)]
mod tests;
mod types;
mod verdict;
mod warnings;
mod within;

use std::collections::BTreeMap;
use std::num::NonZero;
use std::thread;

use lab_model::{Error, Result, RunId, SeriesKey};

pub use gate::{GateAnswer, GateRequest};
pub use lab_model::Reduction;
pub use noise::{MetricNoise, NoiseReport, NoiseRequest};
pub use plan::{HypothesisReport, Progress};
pub use types::{
    Against, BestRun, Better, CompareRequest, ComparedRun, Comparison, CorrectionChoice, Difference, Effect, Group,
    GroupRequest, MetricComparison, NoiseFloor, Pair, Sample, Score, TestChoice, Unit, Verdict, Warning,
};

use crate::{Tracker, thresholds};
use design::Link;
use direction::Direction;
use groups::Condition;
use readings::Readings;

/// Most verdicts of a comparison: groups times metrics.
const MAX_PAIRS: usize = 100_000;
/// Most threads that calculate for one comparison.
const MAX_THREADS: usize = 4;

impl Tracker {
    /// Compares groups of runs: verdicts by metric, differences in how the groups were made, and warnings.
    ///
    /// # Errors
    /// [`Error::Invalid`] where fewer than two groups come out, where a metric or a baseline is not there, and beyond
    /// 10,000 runs or 1,000 metrics; [`Error::NotFound`] for runs and experiments that do not exist.
    pub async fn compare(&self, request: CompareRequest) -> Result<Comparison> {
        noise::check_alpha(request.alpha)?;
        readings::check_reduction(request.reduction, request.unit)?;
        let mut experiments = load::Experiments::new();
        let (mut conditions, fields) = load::conditions(self, &request, &mut experiments).await?;
        if conditions.len() < 2 {
            return Err(too_few(&conditions, &request));
        }
        baseline_first(&mut conditions, request.baseline.as_deref())?;

        let ids: Vec<RunId> = conditions.iter().flat_map(|c| &c.members).map(|member| member.run.id).collect();
        let names = readings::names_to_read(&request.metrics);
        let (readings, datasets, snapshots) = tokio::join!(
            load::readings(self, &request, names.as_deref(), &ids, &experiments),
            data::datasets(self, &conditions),
            load::environments(self, &conditions),
        );
        let (mut readings, datasets, snapshots) = (readings?, datasets?, snapshots?);
        let keys = readings::choose(&readings, &request.metrics, &conditions)?;
        let mut metrics: Vec<(SeriesKey, Direction)> =
            keys.into_iter().map(|key| (key.clone(), direction::of(&key, &request, &experiments))).collect();
        check_best(&request, &mut metrics)?;
        if conditions.len().saturating_mul(metrics.len()) > MAX_PAIRS {
            let problem = format!("times {} groups is more than {MAX_PAIRS} verdicts; name fewer", conditions.len());
            return Err(Error::invalid("metrics", problem));
        }
        let keys: Vec<SeriesKey> = metrics.iter().map(|(key, _)| key.clone()).collect();
        if request.unit == Unit::Run && request.reduction.needs_points() {
            load::curves(self, request.reduction, &keys, &mut readings).await?;
        }
        let floors = match request.unit {
            Unit::Run => noise::floors(self, &request, &experiments, &conditions, &readings, &keys).await?,
            Unit::Example | Unit::Step => Floors::new(),
        };
        let parameters = differences::parameters(&conditions);
        let environment = differences::environment(&conditions, &snapshots);
        let warnings = warnings::collect(&warnings::Known {
            conditions: &conditions,
            experiments: &experiments,
            fields: &fields,
            readings: &readings,
            metrics: &metrics,
            reduction: request.reduction,
            unit: request.unit,
            alpha: request.alpha,
            parameters: &parameters,
            datasets: &datasets,
            environment: &environment,
        });
        let all = Gathered { request, conditions, experiments, readings, metrics, floors };
        let (all, judged, score) = match all.request.unit {
            Unit::Run => {
                let judging = tokio::task::spawn_blocking(move || {
                    let (judged, score) = (judge_all(&all)?, judge_score(&all)?);
                    Ok::<_, Error>((all, judged, score))
                });
                judging.await.map_err(|error| Error::Internal { problem: error.to_string() })??
            }
            Unit::Example | Unit::Step => {
                let judged = self.judge_within(&all).await?;
                (all, judged, None)
            }
        };
        let Gathered { request, conditions, experiments, .. } = all;
        let mut comparison = Comparison {
            baseline: conditions[0].label.clone(),
            alpha: request.alpha,
            reduction: request.reduction,
            unit: request.unit,
            correction: request.correction,
            metrics: judged,
            score,
            configuration: differences::configuration(&conditions, &experiments),
            groups: Vec::new(),
            parameters,
            datasets,
            environment,
            warnings,
        };
        if request.unit == Unit::Run {
            plan::label(self, &experiments, &conditions, &keys, &mut comparison).await?;
        }
        comparison.groups = conditions.into_iter().map(Group::from).collect();
        Ok(comparison)
    }

    /// Compares within each run, one metric after the other: each reads its curves.
    async fn judge_within(&self, all: &Gathered) -> Result<Vec<MetricComparison>> {
        let mut judged = Vec::with_capacity(all.metrics.len());
        for (key, direction) in &all.metrics {
            let name = key.to_string();
            let question = ask(&all.request, &name, direction.better());
            judged.push(within::judge(self, &all.request, &all.conditions, key, question).await?);
        }
        Ok(judged)
    }
}

/// All that verdicts are made of.
struct Gathered {
    request: CompareRequest,
    conditions: Vec<Condition>,
    experiments: load::Experiments,
    readings: Readings,
    metrics: Vec<(SeriesKey, Direction)>,
    floors: Floors,
}

/// Compares run by run. Tests, intervals and power are calculated, not read, so they are shared among the cores.
fn judge_all(all: &Gathered) -> Result<Vec<MetricComparison>> {
    let Gathered { request, conditions, readings, metrics, floors, .. } = all;
    let links = Link::all(conditions);
    let judge = |(key, direction): &(SeriesKey, Direction)| {
        let name = key.to_string();
        let floor = floors.get(key);
        let question = verdict::Question { noise: floor.copied(), ..ask(request, &name, direction.better()) };
        let numbers = readings.get(key).map(|runs| readings::by_group(runs, conditions)).unwrap_or_default();
        let mut found = verdict::judge(question, conditions, &links, &numbers)?;
        found.noise = floor.map(|floor| noise::published(floor, request.alpha));
        Ok(found)
    };
    let cores = thread::available_parallelism().map_or(1, NonZero::get).min(MAX_THREADS);
    let share = metrics.len().div_ceil(cores).max(1);
    let parts: Vec<Result<Vec<MetricComparison>>> = thread::scope(|scope| {
        let judge = &judge;
        let parts: Vec<_> =
            metrics.chunks(share).map(|part| scope.spawn(move || part.iter().map(judge).collect())).collect();
        let crashed = || Err(Error::Internal { problem: "a comparison crashed".to_owned() });
        parts.into_iter().map(|part| part.join().unwrap_or_else(|_| crashed())).collect()
    });
    let mut judged = Vec::with_capacity(metrics.len());
    for part in parts {
        judged.extend(part?);
    }
    Ok(judged)
}

/// Noise floors by metric.
type Floors = BTreeMap<SeriesKey, lab_stats::noise::NoiseFloor>;

fn ask<'a>(request: &CompareRequest, metric: &'a str, better: Option<Better>) -> verdict::Question<'a> {
    verdict::Question {
        metric,
        better,
        reduction: request.reduction,
        alpha: request.alpha,
        unit: request.unit,
        test: request.test,
        correction: request.correction,
        noise: None,
        is_score: false,
    }
}

fn judge_score(all: &Gathered) -> Result<Option<Score>> {
    let Gathered { request, conditions, experiments, readings, metrics, .. } = all;
    let Some(score::Scores { weights, numbers }) = score::scores(conditions, experiments, readings, metrics) else {
        return Ok(None);
    };
    let floor = noise::of_numbers(conditions, &numbers);
    let question = ask(request, "score", Some(Better::Higher));
    let question = verdict::Question { noise: floor, is_score: true, ..question };
    let mut comparison = verdict::judge(question, conditions, &Link::all(conditions), &numbers)?;
    comparison.noise = floor.map(|floor| noise::published(&floor, request.alpha));
    // Improvements over their own mean add up to 0; what is left is rounding.
    if let Some(baseline) = comparison.samples.first_mut() {
        baseline.mean = baseline.mean.map(|_| 0.0);
    }
    Ok(Some(Score { weights, comparison }))
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

/// Moves the baseline to the front: the group of that label, the only one whose label ends in `=` and that text, or the one
/// that holds the run of that address, name or id.
fn baseline_first(conditions: &mut [Condition], wanted: Option<&str>) -> Result<()> {
    let Some(wanted) = wanted else { return Ok(()) };
    let exact = conditions.iter().position(|c| c.label == wanted);
    let suffix = format!("={wanted}");
    let mut by_value =
        conditions.iter().enumerate().filter(|(_, c)| c.label.ends_with(&suffix)).map(|(index, _)| index);
    let only = by_value.next().filter(|_| by_value.next().is_none());
    let holds = |condition: &Condition| {
        let is_it =
            |m: &groups::Member| m.address() == wanted || m.run.name == wanted || m.run.id.to_string() == wanted;
        condition.members.iter().any(is_it)
    };
    let mut by_run = conditions.iter().enumerate().filter(|(_, c)| holds(c)).map(|(index, _)| index);
    let only_run = by_run.next().filter(|_| by_run.next().is_none());
    let Some(index) = exact.or(only).or(only_run) else {
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
            status: member.run.status,
            seeds: member.seeds,
            critical: member.run.tags.0.get(thresholds::CRITICAL).cloned(),
            name: member.run.name,
        };
        Self { label: condition.label, runs: condition.members.into_iter().map(run).collect() }
    }
}
