//! Runs: creating, reading, moving, deleting and restoring them.

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use lab_model::{RunId, RunStatus, Tags};
use lab_tracker::{Amendment, NewRun, UNATTENDED};
use serde_json::{Value, json};

use super::describe::{self, describe_one};
use super::entities::{PARENT, RUN_NAME};
use super::experiments::{check_own, id_or_default, require_active};
use super::failure::{Failure, Reply};
use super::ids;
use super::names::{MAX_KEY, MAX_TAG, check_key, check_length, cut, random_name};
use super::wire::{Args, Fields};
use crate::AppState;

pub(super) fn routes() -> Router<AppState> {
    Router::new()
        .route("/runs/create", post(create))
        .route("/runs/get", get(by_id))
        .route("/runs/update", post(update))
        .route("/runs/delete", post(delete))
        .route("/runs/restore", post(restore))
}

async fn create(State(state): State<AppState>, args: Args) -> Reply<Json<Value>> {
    let fields = args.fields();
    let experiment = id_or_default(fields.filled("experiment_id")?)?;
    let experiment = state.tracker.experiment(experiment).await?;
    require_active(&experiment)?;
    let mut tags = Tags::default();
    for (key, value) in fields.pairs("tags")? {
        check_run_tag("tags", &key)?;
        tags.0.insert(key, cut(&value, MAX_TAG).to_owned());
    }
    let id = RunId::new(state.tracker.now());
    let name = name_of(fields, &mut tags)?.unwrap_or_else(|| random_name(id));
    let parent = tags.0.get(PARENT).and_then(|text| ids::parse_run(text).ok());
    // A parent that this server does not know stays a tag.
    let parent_run_id = match parent {
        Some(id) => state.tracker.runs(&[id]).await?.first().map(|run| run.id),
        None => None,
    };
    tags.0.insert(UNATTENDED.to_owned(), String::new());
    let run = state.tracker.create_run(NewRun {
        id: Some(id),
        experiment: experiment.id,
        name: Some(name),
        parameters: Default::default(),
        tags,
        parent_run_id,
        user: fields.filled("user_id")?.map(str::to_owned),
        status: RunStatus::Running,
        started_at: fields.integer("start_time")?.map(ids::time),
    });
    let run = describe_one(&state, run.await?).await?;
    Ok(Json(json!({ "run": run })))
}

/// The name that a new run gets; its tag is taken out, for it is the name and nothing else.
fn name_of(fields: Fields<'_>, tags: &mut Tags) -> Reply<Option<String>> {
    let tagged = tags.0.remove(RUN_NAME).filter(|name| !name.trim().is_empty());
    let given = fields.filled("run_name")?.map(str::to_owned);
    match (given, tagged) {
        (Some(given), Some(tagged)) if given != tagged => Err(Failure::invalid(format!(
            "Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values \
             (run_name='{given}', mlflow.runName='{tagged}').",
        ))),
        (Some(name), _) | (None, Some(name)) => Ok(Some(name)),
        (None, None) => Ok(None),
    }
}

/// Checks the key of a run's tag.
pub(super) fn check_run_tag(path: &str, key: &str) -> Reply<()> {
    check_key(path, key)?;
    check_length(path, MAX_KEY, key)?;
    check_own(key)
}

async fn by_id(State(state): State<AppState>, args: Args) -> Reply<Json<Value>> {
    let id = ids::parse_run(args.fields().run_id()?)?;
    let run = state.tracker.run(id).await?;
    let run = describe_one(&state, run).await?;
    Ok(Json(json!({ "run": run })))
}

async fn update(State(state): State<AppState>, args: Args) -> Reply<Json<Value>> {
    let fields = args.fields();
    let id = ids::parse_run(fields.run_id()?)?;
    let amendment = Amendment {
        name: fields.filled("run_name")?.map(str::to_owned),
        status: fields.get("status").and_then(describe::status_of),
        ended_at: fields.integer("end_time")?.map(ids::time),
        ..Amendment::default()
    };
    state.tracker.amend_run(id, amendment).await?;
    let run = state.tracker.run(id).await?;
    let run = describe_one(&state, run).await?;
    Ok(Json(json!({ "run_info": run.info })))
}

async fn delete(State(state): State<AppState>, args: Args) -> Reply<Json<Value>> {
    set_deleted(&state, args.fields(), true).await
}

async fn restore(State(state): State<AppState>, args: Args) -> Reply<Json<Value>> {
    set_deleted(&state, args.fields(), false).await
}

async fn set_deleted(state: &AppState, fields: Fields<'_>, is_deleted: bool) -> Reply<Json<Value>> {
    state.tracker.set_run_deleted(ids::parse_run(fields.run_id()?)?, is_deleted).await?;
    Ok(Json(json!({})))
}
