//! Experiments.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use lab_model::{Code, Error, ExperimentId, ExperimentPatch, Kind, NewExperiment, Result, Tags};
use lab_tracker::{Tracker, is_deleted};
use serde_json::{Value, json};

use super::entities::{self, Experiment};
use super::failure::{Failure, Reply};
use super::ids::{self, DEFAULT};
use super::names::{check_key, check_length, check_tag};
use super::wire::{Args, Fields};
use crate::AppState;

/// Most characters of an experiment's name.
const MAX_NAME: usize = 500;
/// Most characters of an experiment's tag.
const MAX_TAG: usize = 20_000;
/// Most characters of a place for artifacts.
const MAX_LOCATION: usize = 2_048;

pub(super) fn routes() -> Router<AppState> {
    Router::new()
        .route("/experiments/create", post(create))
        .route("/experiments/get", get(by_id))
        .route("/experiments/get-by-name", get(by_name))
        .route("/experiments/update", post(update))
        .route("/experiments/delete", post(delete))
        .route("/experiments/restore", post(restore))
        .route("/experiments/set-experiment-tag", post(set_tag))
        .route("/experiments/delete-experiment-tag", post(delete_tag))
}

/// Makes the default experiment where it is missing.
pub(super) async fn make_default(tracker: &Tracker) -> Result<()> {
    match tracker.experiment(DEFAULT).await {
        Err(Error::NotFound { .. }) => {}
        known => return known.map(drop),
    }
    // A name that is taken belongs to an experiment that is not this one.
    for name in ["Default", "Default of MLflow clients"] {
        let new = NewExperiment { name: name.to_owned(), ..NewExperiment::default() };
        match tracker.create_active_experiment(Some(DEFAULT), new, None).await {
            Err(error) if error.code() == Code::Conflict => {}
            made => return made.map(drop),
        }
    }
    // Another process may have made it meanwhile.
    tracker.experiment(DEFAULT).await.map(drop)
}

async fn create(State(state): State<AppState>, args: Args) -> Reply<Json<Value>> {
    let fields = args.fields();
    let name = fields.required("name")?;
    check_length("name", MAX_NAME, name)?;
    let location = fields.filled("artifact_location")?;
    if let Some(location) = location {
        check_location(location)?;
    }
    let tags = fields.pairs("tags")?;
    for (key, value) in &tags {
        check_experiment_tag(key, value)?;
    }
    let new = NewExperiment {
        name: name.to_owned(),
        tags: Tags(tags.into_iter().collect()),
        metadata: location.map(entities::located).unwrap_or_default(),
        ..NewExperiment::default()
    };
    let made = state.tracker.create_active_experiment(None, new, None).await.map_err(|error| taken(error, name))?;
    Ok(Json(json!({ "experiment_id": ids::experiment_text(made.id) })))
}

fn taken(error: Error, name: &str) -> Failure {
    match error {
        Error::Conflict { kind: Kind::Experiment, .. } => {
            Failure::exists(format!("Experiment(name={name}) already exists."))
        }
        other => other.into(),
    }
}

fn check_location(location: &str) -> Reply<()> {
    check_length("artifact_location", MAX_LOCATION, location)?;
    let path = location.split(['?', '#']).next().unwrap_or_default();
    if location.contains('#') || path.split(['/', '\\']).any(|part| part == "..") || location.starts_with("runs:/") {
        return Err(Failure::invalid(format!("Invalid artifact location '{location}'.")));
    }
    Ok(())
}

fn check_experiment_tag(key: &str, value: &str) -> Reply<()> {
    check_own(key)?;
    check_tag(key, value, MAX_TAG)
}

/// Refuses tags that this server keeps to itself.
pub(super) fn check_own(key: &str) -> Reply<()> {
    if entities::is_own(key) {
        return Err(Failure::invalid(format!("The tag '{key}' is this server's own.")));
    }
    Ok(())
}

async fn found(state: &AppState, fields: Fields<'_>) -> Reply<lab_model::Experiment> {
    let text = fields.required("experiment_id")?;
    let id = ids::parse_experiment(text)?;
    Ok(state.tracker.experiment(id).await?)
}

async fn by_id(State(state): State<AppState>, args: Args) -> Reply<Json<Value>> {
    let experiment = found(&state, args.fields()).await?;
    Ok(Json(json!({ "experiment": Experiment::from(experiment) })))
}

async fn by_name(State(state): State<AppState>, args: Args) -> Reply<Json<Value>> {
    let name = args.fields().required("experiment_name")?;
    let experiment = state.tracker.experiment_named(name).await?;
    let experiment =
        experiment.ok_or_else(|| Failure::absent(format!("Could not find experiment with name '{name}'")))?;
    Ok(Json(json!({ "experiment": Experiment::from(experiment) })))
}

async fn update(State(state): State<AppState>, args: Args) -> Reply<Json<Value>> {
    let experiment = found(&state, args.fields()).await?;
    let name = args.fields().required("new_name")?;
    check_length("name", MAX_NAME, name)?;
    if is_deleted(&experiment.tags) {
        return Err(Failure::state("Cannot rename a non-active experiment."));
    }
    let patch = ExperimentPatch { name: Some(name.to_owned()), ..ExperimentPatch::default() };
    state.tracker.update_experiment(experiment.id, patch, None).await.map_err(|error| taken(error, name))?;
    Ok(Json(json!({})))
}

async fn delete(State(state): State<AppState>, args: Args) -> Reply<Json<Value>> {
    set_deleted(&state, args.fields(), true).await
}

async fn restore(State(state): State<AppState>, args: Args) -> Reply<Json<Value>> {
    set_deleted(&state, args.fields(), false).await
}

async fn set_deleted(state: &AppState, fields: Fields<'_>, is_deleted: bool) -> Reply<Json<Value>> {
    let id = found(state, fields).await?.id;
    state.tracker.set_experiment_deleted(id, is_deleted).await?;
    Ok(Json(json!({})))
}

async fn set_tag(State(state): State<AppState>, args: Args) -> Reply<Json<Value>> {
    let key = args.fields().required("key")?;
    let value = args.fields().text("value")?.unwrap_or_default();
    check_experiment_tag(key, value)?;
    let id = active(&state, args.fields()).await?.id;
    state.tracker.tag_experiment(id, BTreeMap::from([(key.to_owned(), Some(value.to_owned()))])).await?;
    Ok(Json(json!({})))
}

async fn delete_tag(State(state): State<AppState>, args: Args) -> Reply<Json<Value>> {
    let key = args.fields().required("key")?;
    check_key("key", key)?;
    check_own(key)?;
    let experiment = active(&state, args.fields()).await?;
    if !experiment.tags.0.contains_key(key) {
        let id = ids::experiment_text(experiment.id);
        return Err(Failure::absent(format!("No tag with name: {key} in experiment with id {id}")));
    }
    state.tracker.tag_experiment(experiment.id, BTreeMap::from([(key.to_owned(), None)])).await?;
    Ok(Json(json!({})))
}

async fn active(state: &AppState, fields: Fields<'_>) -> Reply<lab_model::Experiment> {
    let experiment = found(state, fields).await?;
    require_active(&experiment)?;
    Ok(experiment)
}

/// Refuses an experiment that was deleted.
pub(super) fn require_active(experiment: &lab_model::Experiment) -> Reply<()> {
    if !is_deleted(&experiment.tags) {
        return Ok(());
    }
    let id = ids::experiment_text(experiment.id);
    Err(Failure::invalid(format!("The experiment {id} must be in the 'active' state. Current state is deleted.")))
}

/// The experiment that an id in a request means; the default one where it has none.
pub(super) fn id_or_default(text: Option<&str>) -> Reply<ExperimentId> {
    text.map_or(Ok(DEFAULT), ids::parse_experiment)
}
