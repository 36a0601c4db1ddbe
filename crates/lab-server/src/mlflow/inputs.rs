//! What runs read: datasets. And the models that old clients log as a tag.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use lab_model::ExperimentId;
use lab_tracker::{Amendment, Dataset};
use serde_json::{Value, json};

use super::failure::{Failure, Reply};
use super::ids;
use super::names::{MAX_TAG, check_length, check_run_id};
use super::wire::{Args, Fields};
use crate::AppState;

/// The tag with the models that a run logged.
const LOGGED_MODELS: &str = "mlflow.log-model.history";
/// The tag of an input that says what it was used for.
pub(super) const CONTEXT: &str = "mlflow.data.context";
/// Most experiments whose datasets may be asked for at once.
const MAX_EXPERIMENTS: usize = 20;
/// Most datasets in an answer.
const MAX_DATASETS: usize = 1_000;

pub(super) fn routes() -> Router<AppState> {
    Router::new()
        .route("/runs/log-inputs", post(log_inputs))
        .route("/runs/log-model", post(log_model))
        .route("/experiments/search-datasets", post(search_datasets))
}

async fn log_inputs(State(state): State<AppState>, args: Args) -> Reply<Json<Value>> {
    let fields = args.fields();
    let run_id = fields.run_id()?;
    check_run_id(run_id)?;
    let mut used = Vec::new();
    for (i, input) in fields.objects("datasets")?.into_iter().enumerate() {
        let missing = |name: &str| Failure::missing(&format!("datasets[{i}].{name}"));
        let dataset = input.object("dataset")?.ok_or_else(|| missing("dataset"))?;
        used.push((dataset_of(dataset)?, input_tags(input)?));
    }
    state.tracker.use_datasets(ids::parse_run(run_id)?, used).await?;
    Ok(Json(json!({})))
}

fn dataset_of(fields: Fields<'_>) -> Reply<Dataset> {
    let optional = |name: &str, most: usize| -> Reply<Option<String>> {
        let Some(text) = fields.text(name)? else { return Ok(None) };
        check_length(&format!("dataset {name}"), most, text)?;
        Ok(Some(text.to_owned()))
    };
    let required = |name: &str, most: usize| optional(name, most)?.ok_or_else(|| Failure::missing(name));
    Ok(Dataset {
        name: required("name", 500)?,
        digest: required("digest", 36)?,
        source_type: required("source_type", 36)?,
        source: required("source", 65_535)?,
        schema: optional("schema", 1_048_575)?,
        profile: optional("profile", 16_777_215)?,
    })
}

fn input_tags(fields: Fields<'_>) -> Reply<BTreeMap<String, String>> {
    let tags = fields.pairs("tags")?;
    for (key, value) in &tags {
        check_length("input tag key", 255, key)?;
        check_length("input tag value", 500, value)?;
    }
    Ok(tags.into_iter().collect())
}

async fn log_model(State(state): State<AppState>, args: Args) -> Reply<Json<Value>> {
    let fields = args.fields();
    let id = ids::parse_run(fields.run_id()?)?;
    let text = fields.required("model_json")?;
    let model: Value = serde_json::from_str(text)
        .map_err(|_| Failure::invalid(format!("Malformed model info. \n {text} \n is not a valid JSON.")))?;
    let missing: Vec<&str> = ["artifact_path", "flavors", "utc_time_created", "run_id"]
        .into_iter()
        .filter(|field| model.get(field).is_none())
        .collect();
    if !missing.is_empty() {
        return Err(Failure::invalid(format!("Model json is missing mandatory fields: {missing:?}")));
    }
    let run = state.tracker.run(id).await?;
    let known = run.tags.0.get(LOGGED_MODELS).and_then(|text| serde_json::from_str(text).ok());
    let mut models: Vec<Value> = known.unwrap_or_default();
    models.push(model);
    let mut history = json!(models).to_string();
    // The latest are kept where not all have room.
    while history.chars().count() > MAX_TAG && !models.is_empty() {
        models.remove(0);
        history = json!(models).to_string();
    }
    let tags = BTreeMap::from([(LOGGED_MODELS.to_owned(), Some(history))]);
    state.tracker.amend_run(id, Amendment { tags, ..Amendment::default() }).await?;
    Ok(Json(json!({})))
}

async fn search_datasets(State(state): State<AppState>, args: Args) -> Reply<Json<Value>> {
    let texts = args.fields().texts("experiment_ids")?;
    if texts.is_empty() || texts.len() > MAX_EXPERIMENTS {
        return Err(Failure::invalid(format!(
            "SearchDatasets requires between 1 and {MAX_EXPERIMENTS} experiment_ids, and {} were given",
            texts.len()
        )));
    }
    let experiments: Vec<ExperimentId> = texts.iter().filter_map(|text| ids::parse_experiment(text).ok()).collect();
    let runs = state.tracker.links_of(experiments.clone()).await?;
    let mut summaries = std::collections::BTreeSet::new();
    for (experiment, dataset) in state.tracker.datasets_of(experiments).await? {
        let uses = runs.values().flat_map(|links| &links.datasets);
        for used in uses.filter(|used| used.name == dataset.name && used.digest == dataset.digest) {
            summaries.insert((
                ids::experiment_text(experiment),
                used.name.clone(),
                used.digest.clone(),
                used.tags.get(CONTEXT).cloned(),
            ));
        }
    }
    let summaries: Vec<Value> = summaries
        .into_iter()
        .take(MAX_DATASETS)
        .map(|(experiment_id, name, digest, context)| {
            let mut summary = json!({ "experiment_id": experiment_id, "name": name, "digest": digest });
            if let Some(context) = context {
                summary["context"] = context.into();
            }
            summary
        })
        .collect();
    Ok(Json(if summaries.is_empty() { json!({}) } else { json!({ "dataset_summaries": summaries }) }))
}
