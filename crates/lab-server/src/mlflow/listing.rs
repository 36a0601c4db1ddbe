//! The artifacts of a run as folders.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use lab_model::ArtifactRef;
use serde::Serialize;
use serde_json::{Value, json};

use super::describe::{artifact_uri, locations};
use super::failure::{Failure, Reply};
use super::ids;
use super::wire::Args;
use crate::AppState;

pub(super) fn routes() -> Router<AppState> {
    Router::new().route("/artifacts/list", get(list))
}

/// A file or a folder, by its path from where the list was asked for.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Entry {
    path: String,
    is_dir: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_size: Option<u64>,
}

async fn list(State(state): State<AppState>, args: Args) -> Reply<Json<Value>> {
    let fields = args.fields();
    let id = ids::parse_run(fields.run_id()?)?;
    let folder = fields.text("path")?.unwrap_or_default().trim_end_matches('/');
    if folder.starts_with('/') || folder.contains('\\') || folder.split('/').any(|part| part == "..") {
        return Err(Failure::invalid("Invalid path"));
    }
    let run = state.tracker.run(id).await?;
    let locations = locations(&state.tracker, std::slice::from_ref(&run)).await?;
    let location = locations.get(&run.experiment_id).map(String::as_str).unwrap_or_default();
    let mut reply = json!({ "root_uri": artifact_uri(location, id) });
    let files = within(&state.tracker.artifacts(id).await?, folder);
    if !files.is_empty() {
        reply["files"] = json!(files);
    }
    Ok(Json(reply))
}

/// What is directly in a folder; nothing where there is none of that name.
fn within(artifacts: &[ArtifactRef], folder: &str) -> Vec<Entry> {
    let mut entries: BTreeMap<&str, Option<u64>> = BTreeMap::new();
    for artifact in artifacts {
        let name = artifact.name.as_str();
        let rest = if folder.is_empty() {
            Some(name)
        } else {
            name.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/'))
        };
        let Some(rest) = rest else { continue };
        match rest.split_once('/') {
            Some((first, _)) => _ = entries.insert(first, None),
            // Of one name the latest comes first.
            None => _ = entries.entry(rest).or_insert(Some(artifact.size_bytes)),
        }
    }
    let path = |name: &str| if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
    let entry =
        |(name, file_size): (&str, Option<u64>)| Entry { path: path(name), is_dir: file_size.is_none(), file_size };
    entries.into_iter().map(entry).collect()
}
