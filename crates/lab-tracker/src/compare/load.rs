//! Reading what a comparison is about. What is read at once is bounded, whatever the request asks for.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use lab_model::{
    ContentHash, EnvironmentSnapshot, Experiment, ExperimentId, ExperimentRun, Field, Filter, Page, Reduction, RunId,
    RunQuery, SeriesKey,
};
use lab_store::PointRange;

use super::groups::{self, Condition, Member};
use super::readings::{MAX_METRICS, Reading, Readings};
use super::reduce::{self, Number};
use super::types::CompareRequest;
use super::{Error, Result, Tracker, direction};

/// Most runs of a comparison.
pub(super) const MAX_RUNS: u32 = 10_000;
/// Most numbers of a comparison: runs times metrics.
const MAX_NUMBERS: usize = 2_000_000;
/// Most curves that are read whole.
const MAX_CURVES: usize = 100_000;
/// Most different environments that are read.
const MAX_ENVIRONMENTS: usize = 500;
/// Runs that are found at once.
const PAGE: u32 = 2_500;
/// Runs whose summaries are read at once.
const RUNS_AT_ONCE: usize = 250;
/// Readings under way at one time.
const CONCURRENT: usize = 8;

/// The experiments that runs belong to, as they are met.
pub(super) type Experiments = BTreeMap<ExperimentId, Experiment>;

/// The groups that the request describes, in their stable order, and the fields they were made by.
pub(super) async fn conditions(
    tracker: &Tracker,
    request: &CompareRequest,
    experiments: &mut Experiments,
) -> Result<(Vec<Condition>, Vec<Field>)> {
    let fields = groups::parse_fields(&request.group_by)?;
    if !request.groups.is_empty() {
        if !request.runs.is_empty() || !request.experiments.is_empty() || request.query.is_some() || !fields.is_empty()
        {
            return Err(Error::invalid("groups", "are given, so leave out runs, experiments, query and group_by"));
        }
        return Ok((given(tracker, request, experiments).await?, fields));
    }
    let members = found(tracker, request, experiments).await?;
    if members.len() < 2 {
        let count = if members.is_empty() { "no run" } else { "one run" };
        let field = if request.query.is_some() { "query" } else { "runs" };
        return Err(Error::invalid(field, format!("gives {count} to compare; at least two are needed")));
    }
    if !fields.is_empty() {
        return Ok((groups::by_fields(members, &fields), fields));
    }
    let are_named = request.experiments.is_empty() && !request.runs.is_empty();
    let folded = groups::by_all_but_seed(members.clone(), are_named);
    if folded.len() == 1 && are_named {
        return Ok((groups::single(members), fields));
    }
    Ok((folded, fields))
}

/// Groups given run by run.
async fn given(tracker: &Tracker, request: &CompareRequest, experiments: &mut Experiments) -> Result<Vec<Condition>> {
    let count: usize = request.groups.iter().map(|group| group.runs.len()).sum();
    check_run_count(count)?;
    let mut owner: BTreeMap<RunId, &str> = BTreeMap::new();
    let mut labels = BTreeSet::new();
    let mut conditions = Vec::new();
    for (index, group) in request.groups.iter().enumerate() {
        let at = |field: &str| format!("groups[{index}].{field}");
        lab_model::check_name(&at("label"), &group.label, 250)?;
        if !labels.insert(&group.label) {
            return Err(Error::invalid(at("label"), format!("is `{}`, as another group's is", group.label)));
        }
        if group.runs.is_empty() {
            return Err(Error::invalid(at("runs"), "is empty"));
        }
        let mut runs = Vec::new();
        for run in resolved(tracker, &group.runs).await? {
            match owner.insert(run.id, &group.label) {
                None => runs.push(run),
                Some(other) if other == group.label => {}
                Some(other) => {
                    let problem = format!("holds run {}, which `{other}` holds too; a run is in one group", run.id);
                    return Err(Error::invalid(at("runs"), problem));
                }
            }
        }
        conditions.push(Condition { label: group.label.clone(), members: members(tracker, runs, experiments).await? });
    }
    Ok(conditions)
}

/// The runs that are named, then those that are found, each once; found ones by experiment and number.
async fn found(tracker: &Tracker, request: &CompareRequest, experiments: &mut Experiments) -> Result<Vec<Member>> {
    check_run_count(request.runs.len())?;
    let filter = request.query.as_deref().map(Filter::parse).transpose()?;
    let is_empty = request.runs.is_empty() && request.experiments.is_empty() && filter.is_none();
    if is_empty {
        return Err(Error::invalid("runs", "is empty; name runs, groups, experiments or a query to compare"));
    }
    let mut runs = resolved(tracker, &request.runs).await?;
    if let Some(filter) = &filter {
        let mut kept = BTreeSet::new();
        for chunk in runs.chunks(RUNS_AT_ONCE) {
            let ids = chunk.iter().map(|run| run.id.to_string().into()).collect();
            let both = Filter::And(vec![Filter::In(Field::Id, ids), filter.clone()]);
            let query = RunQuery { filter: Some(both), page: all()?, ..RunQuery::default() };
            kept.extend(tracker.find_runs(&query).await?.items.iter().map(|run| run.id));
        }
        runs.retain(|run| kept.contains(&run.id));
    }
    let mut found = members(tracker, runs, experiments).await?;
    if request.runs.is_empty() || !request.experiments.is_empty() {
        let mut query = RunQuery { filter, ..RunQuery::default() };
        for name in &request.experiments {
            query.experiments.push(tracker.resolve_experiment(name).await?.id);
        }
        let mut others = all_found(tracker, query, experiments).await?;
        others.sort_by_key(|member| (member.run.experiment_id, member.run.number));
        found.append(&mut others);
    }
    let mut seen = BTreeSet::new();
    found.retain(|member| seen.insert(member.run.id));
    check_run_count(found.len())?;
    Ok(found)
}

/// All runs that a query finds. What they were given is spread out while the next ones are read.
pub(super) async fn all_found(
    tracker: &Tracker,
    mut query: RunQuery,
    experiments: &mut Experiments,
) -> Result<Vec<Member>> {
    let mut all: Vec<Member> = Vec::new();
    query.page = Page::first(PAGE)?;
    let mut page = tracker.find_runs(&query).await?;
    check_run_count(page.total_count as usize)?;
    loop {
        let items = std::mem::take(&mut page.items);
        let Some(cursor) = page.next_cursor.take() else {
            all.append(&mut members(tracker, items, experiments).await?);
            return Ok(all);
        };
        query.page.cursor = Some(cursor);
        let (read, spread) = tokio::join!(tracker.find_runs(&query), members(tracker, items, experiments));
        page = read?;
        all.append(&mut spread?);
    }
}

fn all() -> Result<Page> {
    Page::first(Page::MAX_LIMIT.min(MAX_RUNS))
}

pub(super) fn check_run_count(count: usize) -> Result<()> {
    if count <= MAX_RUNS as usize {
        return Ok(());
    }
    let problem = format!("would be {count}; at most {MAX_RUNS} are compared at once, so narrow them with a query");
    Err(Error::invalid("runs", problem))
}

async fn resolved(tracker: &Tracker, names: &[String]) -> Result<Vec<ExperimentRun>> {
    stream::iter(names.to_vec())
        .map(|name| async move { tracker.resolve_run(&name).await })
        .buffered(CONCURRENT)
        .try_collect()
        .await
}

pub(super) async fn members(
    tracker: &Tracker,
    runs: Vec<ExperimentRun>,
    experiments: &mut Experiments,
) -> Result<Vec<Member>> {
    for run in &runs {
        if let Entry::Vacant(vacant) = experiments.entry(run.experiment_id) {
            vacant.insert(tracker.experiment(run.experiment_id).await?);
        }
    }
    let name = |run: &ExperimentRun| experiments.get(&run.experiment_id).map_or_else(String::new, |e| e.name.clone());
    let named: Vec<(ExperimentRun, String)> =
        runs.into_iter().map(|run| (name(&run), run)).map(|(n, r)| (r, n)).collect();
    let spread = move || named.into_iter().map(|(run, name)| Member::new(run, name)).collect();
    tokio::task::spawn_blocking(spread).await.map_err(|error| Error::Internal { problem: error.to_string() })
}

/// What summaries say of the runs' series; numbers that need points are still absent.
pub(super) async fn readings(
    tracker: &Tracker,
    request: &CompareRequest,
    names: Option<&[String]>,
    ids: &[RunId],
    experiments: &Experiments,
) -> Result<Readings> {
    let mut readings = Readings::new();
    let mut count = 0;
    let chunks: Vec<Vec<RunId>> = ids.chunks(RUNS_AT_ONCE).map(<[RunId]>::to_vec).collect();
    let mut read =
        stream::iter(chunks).map(|chunk| async move { tracker.summaries(&chunk, names).await }).buffered(CONCURRENT);
    while let Some(summaries) = read.try_next().await? {
        for (run, summary) in summaries {
            let better = match request.reduction {
                Reduction::Best => direction::of(&summary.key, request, experiments).better(),
                _ => None,
            };
            let number = reduce::of_summary(&summary, request.reduction, better);
            let reading = Reading::new(&summary, number);
            readings.entry(summary.key).or_default().insert(run, reading);
            count += 1;
        }
        if count > MAX_NUMBERS {
            let problem = format!(
                "would take more than {MAX_NUMBERS} numbers; name at most {MAX_METRICS} metrics, or fewer runs"
            );
            return Err(Error::invalid("metrics", problem));
        }
    }
    Ok(readings)
}

/// Fills in the numbers that need points.
pub(super) async fn curves(
    tracker: &Tracker,
    reduction: Reduction,
    metrics: &[SeriesKey],
    readings: &mut Readings,
) -> Result<()> {
    let runs_of = |key: &SeriesKey| readings.get(key).map(|runs| runs.keys().copied().collect::<Vec<RunId>>());
    let series: Vec<(SeriesKey, RunId)> = metrics
        .iter()
        .flat_map(|key| runs_of(key).unwrap_or_default().into_iter().map(|run| (key.clone(), run)))
        .collect();
    if series.len() > MAX_CURVES {
        let problem =
            format!("needs {} curves; at most {MAX_CURVES} are read, so name fewer metrics or runs", series.len());
        return Err(Error::invalid("reduction", problem));
    }
    let range = match reduction {
        Reduction::AtStep { step } => PointRange { to_step: Some(step), ..PointRange::default() },
        _ => PointRange::default(),
    };
    let numbers: Vec<(SeriesKey, RunId, Number)> = stream::iter(series)
        .map(|(key, run)| async move {
            let view = tracker.points(run, &key, &range, None).await?;
            Ok::<_, Error>((key, run, reduce::of_points(&view.points, reduction)))
        })
        .buffered(CONCURRENT)
        .try_collect()
        .await?;
    for (key, run, number) in numbers {
        if let Some(reading) = readings.get_mut(&key).and_then(|runs| runs.get_mut(&run)) {
            reading.number = number;
        }
    }
    Ok(())
}

/// The environments of the runs, a bounded number of them.
pub(super) async fn environments(
    tracker: &Tracker,
    conditions: &[Condition],
) -> Result<BTreeMap<ContentHash, EnvironmentSnapshot>> {
    let hashes: BTreeSet<ContentHash> =
        conditions.iter().flat_map(|c| &c.members).filter_map(|member| member.run.environment).collect();
    stream::iter(hashes.into_iter().take(MAX_ENVIRONMENTS))
        .map(|hash| async move { Ok((hash, tracker.environment(hash).await?)) })
        .buffered(CONCURRENT)
        .try_collect()
        .await
}
