//! The noise floor: how much runs vary that differ only in their seed, or in nothing.
//!
//! All completed runs of the experiments count, not only those that are compared. Runs of one seed are one repetition: a
//! copy shows what the machine does, and the spread over seeds is the larger. Only where no seed is told apart do copies
//! stand for repetitions.

use std::collections::{BTreeMap, BTreeSet};

use lab_model::{
    ExperimentId, Field, Filter, MetricName, Reduction, RunId, RunQuery, RunStatus, SeriesKey, Validate as _,
};
use lab_stats::ConfidenceLevel;
use lab_stats::noise::NoiseFloor as Floor;
use lab_stats::resample::Statistic;
use serde::{Deserialize, Serialize};

use super::groups::{Condition, Member};
use super::readings::{self, Readings};
use super::reduce::Number;
use super::sentence::number;
use super::types::{CompareRequest, NoiseFloor};
use super::{Error, Result, Tracker, load};

/// Most curves of runs that are not compared, for reductions that need points.
const MAX_CURVES: usize = 2_000;

/// A question about an experiment's noise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct NoiseRequest {
    /// Which metrics; all scalar ones where empty.
    #[cfg_attr(feature = "schema", schema(value_type = Vec<String>))]
    pub metrics: Vec<MetricName>,
    /// How a run becomes one number.
    pub reduction: Reduction,
    /// What `smallest_signal` holds at; 0.05 where absent.
    pub alpha: f64,
}

impl Default for NoiseRequest {
    fn default() -> Self {
        Self { metrics: Vec::new(), reduction: Reduction::default(), alpha: 0.05 }
    }
}

/// How much an experiment's metrics vary between repetitions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct NoiseReport {
    /// How a run became one number.
    pub reduction: Reduction,
    /// What `smallest_signal` holds at.
    pub alpha: f64,
    /// Completed runs that were looked at.
    pub runs: u64,
    /// By metric.
    pub metrics: Vec<MetricNoise>,
}

/// How much a metric varies between repetitions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct MetricNoise {
    /// Name of the metric.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub name: MetricName,
    /// The floor; absent where nothing was repeated.
    pub floor: Option<NoiseFloor>,
    /// The same in one sentence.
    pub sentence: String,
}

impl Tracker {
    /// How much completed runs of an experiment vary that differ only in their seed, or in nothing.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such experiment; [`Error::Invalid`] for a metric that no run logged, and beyond
    /// 10,000 runs or 1,000 metrics.
    pub async fn noise(&self, experiment: ExperimentId, request: NoiseRequest) -> Result<NoiseReport> {
        check_alpha(request.alpha)?;
        request.reduction.validate().map_err(|error| error.within("reduction"))?;
        let found = self.experiment(experiment).await?;
        let mut experiments = load::Experiments::from([(experiment, found)]);
        let members = completed(self, experiment, &mut experiments).await?;
        let compare = CompareRequest {
            metrics: request.metrics.clone(),
            reduction: request.reduction,
            alpha: request.alpha,
            ..CompareRequest::default()
        };
        let ids: Vec<RunId> = members.iter().map(|member| member.run.id).collect();
        let names = readings::names_to_read(&request.metrics);
        let mut readings = load::readings(self, &compare, names.as_deref(), &ids, &experiments).await?;
        let keys = readings::choose(&readings, &request.metrics, &[])?;
        if request.reduction.needs_points() {
            load::curves(self, request.reduction, &keys, &mut readings).await?;
        }
        let folds = repetitions(members.iter());
        let metric = |key: &SeriesKey| {
            let floor = readings.get(key).and_then(|runs| floor(&folds, |id| runs.get(id)?.number.finite()));
            let floor = floor.as_ref().map(|floor| published(floor, request.alpha));
            let name = key.to_string();
            MetricNoise { sentence: sentence(&name, floor.as_ref(), request.alpha), name, floor }
        };
        Ok(NoiseReport {
            reduction: request.reduction,
            alpha: request.alpha,
            runs: members.len() as u64,
            metrics: keys.iter().map(metric).collect(),
        })
    }
}

pub(super) fn check_alpha(alpha: f64) -> Result<()> {
    if alpha > 0.0 && alpha <= 0.5 {
        return Ok(());
    }
    Err(Error::invalid("alpha", format!("is {alpha}; it must be above 0 and at most 0.5")))
}

fn sentence(name: &str, floor: Option<&NoiseFloor>, alpha: f64) -> String {
    match floor {
        None => format!(
            "{name}: nothing was repeated, so nobody knows what is noise; run one condition with at least two seeds."
        ),
        Some(floor) if floor.std_dev == 0.0 => format!(
            "{name}: {} repetitions in {} never differed; check that the seed takes effect.",
            floor.runs,
            groups(floor.groups)
        ),
        Some(floor) => {
            let interval = floor.interval.map(|(low, high)| format!(" ({} to {})", number(low), number(high)));
            format!(
                "{name}: repetitions have a standard deviation of {}{}, from {} runs in {}; two single runs must differ by \
                 {} to be more than noise at {}.",
                number(floor.std_dev),
                interval.unwrap_or_default(),
                floor.runs,
                groups(floor.groups),
                number(floor.smallest_signal),
                number(alpha),
            )
        }
    }
}

fn groups(count: u64) -> String {
    if count == 1 { "1 group".to_owned() } else { format!("{count} groups") }
}

/// The floors of these metrics, over all completed runs of the experiments.
pub(super) async fn floors(
    tracker: &Tracker,
    request: &CompareRequest,
    experiments: &load::Experiments,
    conditions: &[Condition],
    readings: &Readings,
    keys: &[SeriesKey],
) -> Result<BTreeMap<SeriesKey, Floor>> {
    let compared = || conditions.iter().flat_map(|c| &c.members).filter(|m| m.run.status == RunStatus::Completed);
    let known: BTreeSet<RunId> = compared().map(|member| member.run.id).collect();
    let mut others = Vec::new();
    for id in experiments.keys() {
        let counts = tracker.store().run_counts(*id).await?;
        let all = counts.iter().find(|(status, _)| *status == RunStatus::Completed).map_or(0, |(_, count)| *count);
        let here = compared().filter(|member| member.run.experiment_id == *id).count() as u64;
        // Beyond what a comparison reads, the runs compared must do.
        if here < all && all <= u64::from(load::MAX_RUNS) {
            let found = completed(tracker, *id, &mut experiments.clone()).await?;
            others.extend(found.into_iter().filter(|member| !known.contains(&member.run.id)));
        }
    }
    let mut more = Readings::new();
    let is_affordable = !request.reduction.needs_points() || others.len() * keys.len() <= MAX_CURVES;
    if !others.is_empty() && is_affordable {
        let names: Vec<String> = keys.iter().map(|key| key.name.clone()).collect();
        let ids: Vec<RunId> = others.iter().map(|member| member.run.id).collect();
        more = load::readings(tracker, request, Some(&names), &ids, experiments).await?;
        if request.reduction.needs_points() {
            load::curves(tracker, request.reduction, keys, &mut more).await?;
        }
    } else {
        others.clear();
    }
    let folds = repetitions(compared().chain(&others));
    let of = |key: &SeriesKey| {
        let reading = |id: &RunId| {
            let runs = if known.contains(id) { readings.get(key) } else { more.get(key) };
            runs?.get(id)?.number.finite()
        };
        Some((key.clone(), floor(&folds, reading)?))
    };
    Ok(keys.iter().filter_map(of).collect())
}

/// The floor of these numbers, over the completed runs that are compared.
pub(super) fn of_numbers(conditions: &[Condition], numbers: &[Vec<Number>]) -> Option<Floor> {
    let all = conditions.iter().zip(numbers).flat_map(|(condition, numbers)| condition.members.iter().zip(numbers));
    let completed = all.filter(|(member, _)| member.run.status == RunStatus::Completed);
    let (members, values): (Vec<&Member>, BTreeMap<RunId, f64>) =
        completed.filter_map(|(member, number)| Some((member, (member.run.id, number.finite()?)))).unzip();
    floor(&repetitions(members.into_iter()), |id| values.get(id).copied())
}

pub(super) fn published(floor: &Floor, alpha: f64) -> NoiseFloor {
    let interval = (floor.std_dev > 0.0).then(|| floor.interval(ConfidenceLevel::NINETY_FIVE));
    NoiseFloor {
        std_dev: floor.std_dev,
        interval: interval.map(|interval| (interval.low, interval.high)),
        df: floor.df as u64,
        runs: floor.values as u64,
        groups: floor.groups as u64,
        smallest_signal: floor.smallest_signal(1, 1, alpha).unwrap_or_default(),
    }
}

/// All completed runs of an experiment.
async fn completed(tracker: &Tracker, id: ExperimentId, experiments: &mut load::Experiments) -> Result<Vec<Member>> {
    let filter = Some(Filter::equal(Field::Status, RunStatus::Completed.as_str()));
    let query = RunQuery { filter, experiments: vec![id], ..RunQuery::default() };
    load::all_found(tracker, query, experiments).await
}

/// Runs that differ in nothing but their seed.
fn repetitions<'a>(members: impl Iterator<Item = &'a Member>) -> Vec<Vec<&'a Member>> {
    let mut folds: BTreeMap<u64, Vec<&Member>> = BTreeMap::new();
    for member in members {
        folds.entry(member.condition).or_default().push(member);
    }
    folds.into_values().filter(|fold| fold.len() > 1).collect()
}

/// The spread within the folds; nothing where no fold has two numbers.
fn floor(folds: &[Vec<&Member>], value: impl Fn(&RunId) -> Option<f64>) -> Option<Floor> {
    let groups: Vec<Vec<f64>> = folds
        .iter()
        .map(|fold| {
            let mut by_seed: BTreeMap<_, Vec<f64>> = BTreeMap::new();
            for member in fold {
                if let Some(value) = value(&member.run.id) {
                    by_seed.entry(member.seed).or_default().push(value);
                }
            }
            if by_seed.len() == 1 {
                return by_seed.into_values().flatten().collect();
            }
            by_seed.into_values().map(|copies| Statistic::Mean.of(&copies)).collect()
        })
        .collect();
    Floor::pooled(&groups).ok()
}
