//! Runs with all that belongs to them, read for many at once.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use lab_model::{Error, ExperimentId, ExperimentRun, ParameterValue, RunId, RunStatus, SeriesSummary, UserId};
use lab_tracker::{Dataset, Tracker};
use serde_json::Value;

use super::entities::{self, DatasetInput, Metric, PARENT, Pair, RUN_NAME, Run, RunData, RunInfo, RunInputs};
use super::failure::Reply;
use super::ids;
use super::numbers::Double;
use super::params::text_of;
use crate::AppState;

/// The states, as MLflow numbers and names them.
const STATUSES: [(&str, RunStatus); 5] = [
    ("RUNNING", RunStatus::Running),
    ("SCHEDULED", RunStatus::Queued),
    ("FINISHED", RunStatus::Completed),
    ("FAILED", RunStatus::Failed),
    ("KILLED", RunStatus::Cancelled),
];

/// The state that a client names; one that is not known is passed over, as MLflow does.
pub(super) fn status_of(value: &Value) -> Option<RunStatus> {
    let named = |name: &str| STATUSES.into_iter().find(|(known, _)| *known == name);
    let numbered = || value.as_u64().and_then(|n| STATUSES.get(usize::try_from(n).ok()?.checked_sub(1)?).copied());
    value.as_str().and_then(named).or_else(numbered).map(|(_, status)| status)
}

/// MLflow's name for a state.
pub(super) fn status_text(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Pending | RunStatus::Queued => "SCHEDULED",
        RunStatus::Running => "RUNNING",
        RunStatus::Completed => "FINISHED",
        RunStatus::Failed => "FAILED",
        RunStatus::Cancelled | RunStatus::TimedOut => "KILLED",
    }
}

/// One run as MLflow writes it.
pub(super) async fn describe_one(state: &AppState, run: ExperimentRun) -> Reply<Run> {
    let mut runs = describe(&state.tracker, vec![run]).await?;
    runs.pop().ok_or_else(|| Error::Internal { problem: "a run was lost on its way".to_owned() }.into())
}

/// Runs as MLflow writes them, in their order.
pub(super) async fn describe(tracker: &Tracker, runs: Vec<ExperimentRun>) -> Reply<Vec<Run>> {
    let ids: Vec<RunId> = runs.iter().map(|run| run.id).collect();
    let mut metrics: HashMap<RunId, Vec<Metric<'static>>> = HashMap::with_capacity(runs.len());
    for (id, summary) in tracker.summaries(&ids, None).await? {
        metrics.entry(id).or_default().push(latest(summary));
    }
    let users = user_names(tracker, &runs).await?;
    let locations = locations(tracker, &runs).await?;
    let mut inputs = inputs(tracker, &runs).await?;
    let described = runs.into_iter().map(|run| {
        let user = run.created_by.and_then(|id| users.get(&id)).map(String::as_str).unwrap_or_default();
        let location = locations.get(&run.experiment_id).map(String::as_str).unwrap_or_default();
        let metrics = metrics.remove(&run.id).unwrap_or_default();
        let inputs = inputs.remove(&run.id).unwrap_or_default();
        one(run, user, location, metrics, inputs)
    });
    Ok(described.collect())
}

async fn user_names(tracker: &Tracker, runs: &[ExperimentRun]) -> Reply<HashMap<UserId, String>> {
    let mut ids: Vec<UserId> = runs.iter().filter_map(|run| run.created_by).collect();
    ids.sort_unstable();
    ids.dedup();
    Ok(tracker.users(&ids).await?.into_iter().map(|user| (user.id, user.name)).collect())
}

/// What these runs read; runs that read nothing are left out.
async fn inputs(tracker: &Tracker, runs: &[ExperimentRun]) -> Reply<HashMap<RunId, RunInputs>> {
    let links = tracker.run_links(runs).await?;
    let mut datasets: HashMap<(ExperimentId, &str, &str), Dataset> = HashMap::new();
    let mut inputs = HashMap::new();
    for run in runs {
        let Some(links) = links.get(&run.id) else { continue };
        let mut dataset_inputs = Vec::with_capacity(links.datasets.len());
        for used in &links.datasets {
            let dataset = match datasets.entry((run.experiment_id, &used.name, &used.digest)) {
                Entry::Occupied(known) => known.get().clone(),
                Entry::Vacant(place) => {
                    let found = tracker.dataset(run.experiment_id, &used.name, &used.digest).await?;
                    place.insert(found.unwrap_or_default()).clone()
                }
            };
            let tags = used.tags.iter().map(|(key, value)| Pair { key: key.clone(), value: value.clone() }).collect();
            dataset_inputs.push(DatasetInput { dataset, tags });
        }
        inputs.insert(run.id, RunInputs { dataset_inputs });
    }
    Ok(inputs)
}

/// Where the artifacts of these runs' experiments are.
pub(super) async fn locations(tracker: &Tracker, runs: &[ExperimentRun]) -> Reply<HashMap<ExperimentId, String>> {
    let mut known = HashMap::new();
    for run in runs {
        if !known.contains_key(&run.experiment_id) {
            let experiment = tracker.experiment(run.experiment_id).await?;
            known.insert(experiment.id, entities::location(&experiment));
        }
    }
    Ok(known)
}

/// Where the artifacts of a run are, those of its experiment being at `location`.
pub(super) fn artifact_uri(location: &str, id: RunId) -> String {
    format!("{}/{}/artifacts", location.trim_end_matches('/'), ids::run_text(id))
}

fn latest(summary: SeriesSummary) -> Metric<'static> {
    Metric {
        key: summary.key.to_string().into(),
        value: Double(summary.last),
        timestamp: summary.last_time.as_millisecond(),
        step: summary.last_step.unwrap_or_default(),
    }
}

fn one(run: ExperimentRun, user: &str, location: &str, metrics: Vec<Metric<'static>>, inputs: RunInputs) -> Run {
    let run_id = ids::run_text(run.id);
    let params = ParameterValue::flatten(&run.parameters);
    let params = params.into_iter().map(|(key, value)| Pair { key, value: text_of(value) }).collect();
    let info = RunInfo {
        run_uuid: run_id.clone(),
        run_id,
        run_name: run.name.clone(),
        experiment_id: ids::experiment_text(run.experiment_id),
        user_id: user.to_owned(),
        status: status_text(run.status),
        start_time: run.started_at.unwrap_or(run.created_at).as_millisecond(),
        end_time: run.ended_at.map(|at| at.as_millisecond()),
        artifact_uri: artifact_uri(location, run.id),
        lifecycle_stage: entities::stage(&run.tags),
    };
    let mut tags = run.tags;
    // The name and the parent are fields here, and tags to MLflow.
    tags.0.insert(RUN_NAME.to_owned(), run.name);
    if let Some(parent) = run.parent_run_id {
        tags.0.entry(PARENT.to_owned()).or_insert_with(|| ids::run_text(parent));
    }
    Run { info, data: RunData { metrics, params, tags: entities::pairs(tags) }, inputs }
}
