//! MLflow: folders of `mlruns`, its SQLite database, and its server.

mod files;
mod server;
mod sqlite;

use std::path::{Path, PathBuf};

use lab_model::{RunId, RunStatus, Tags, Timestamp};
use uuid::Uuid;

use super::source::{End, File, Found, Stream, artifact_name, changed_at, masked, name_of, parameter};
use crate::commands::run::type_of;

/// The runs of an `mlruns` folder, of a folder that holds one or a database, or of a database.
pub(super) fn find(path: &Path) -> anyhow::Result<Vec<Found>> {
    let mut found = if path.is_file() {
        sqlite::find(path)?
    } else if path.join("mlruns").is_dir() {
        // With a database beside it, the folder holds the artifacts only.
        let mut found = files::find(&path.join("mlruns"))?;
        if path.join("mlflow.db").is_file() {
            found.extend(sqlite::find(&path.join("mlflow.db"))?);
        }
        found
    } else if path.join("mlflow.db").is_file() {
        sqlite::find(&path.join("mlflow.db"))?
    } else {
        files::find(path)?
    };
    anyhow::ensure!(!found.is_empty(), "there is no run of MLflow in `{}`", path.display());
    sort(&mut found);
    Ok(found)
}

/// The address of a server, where a source is named by one.
pub(super) fn address(path: &Path) -> Option<&str> {
    path.to_str().filter(|source| source.starts_with("http://") || source.starts_with("https://"))
}

/// The runs of a server. Called on a thread that may wait.
pub(super) fn find_on_server(address: &str, with_artifacts: bool) -> anyhow::Result<Vec<Found>> {
    let mut found = server::find(address, with_artifacts)?;
    anyhow::ensure!(!found.is_empty(), "the server at {address} has no run");
    sort(&mut found);
    Ok(found)
}

/// By their beginning, and each after the one that it is a part of.
fn sort(found: &mut Vec<Found>) {
    found.sort_by_key(|run| run.started_at);
    let mut sorted = Vec::with_capacity(found.len());
    let mut done = std::collections::BTreeSet::new();
    let mut waiting = std::mem::take(found);
    loop {
        let known: std::collections::BTreeSet<_> = waiting.iter().filter_map(|run| run.id).collect();
        let is_ready = |run: &Found| run.parent.is_none_or(|parent| done.contains(&parent) || !known.contains(&parent));
        let (ready, rest): (Vec<_>, Vec<_>) = waiting.into_iter().partition(is_ready);
        if ready.is_empty() {
            // Runs that are parts of each other.
            sorted.extend(rest);
            break;
        }
        done.extend(ready.iter().filter_map(|run| run.id));
        sorted.extend(ready);
        waiting = rest;
    }
    *found = sorted;
}

/// What both stores say of a run.
struct Row {
    id: String,
    name: Option<String>,
    experiment: String,
    user: Option<String>,
    status: String,
    started_millis: Option<i64>,
    ended_millis: Option<i64>,
    parameters: Vec<(String, String)>,
    tags: Vec<(String, String)>,
    place: PathBuf,
    artifacts: Option<PathBuf>,
}

impl Row {
    fn found(self, mut streams: Vec<Stream>) -> Found {
        let started_at = self.started_millis.map_or(Timestamp::UNIX_EPOCH, millis);
        let ended_at = self.ended_millis.map_or(started_at, millis);
        let tag = |key: &str| self.tags.iter().find(|(it, _)| it == key).map(|(_, value)| value.clone());
        let parent = tag("mlflow.parentRunId").and_then(|id| run_id(&id));
        let name = self.name.filter(|name| !name.is_empty()).or_else(|| tag("mlflow.runName"));
        let user = self.user.filter(|user| !user.is_empty()).or_else(|| tag("mlflow.user"));
        // What is told otherwise, and what the client notes at length.
        let is_label = |key: &str, value: &str| {
            let is_told = ["mlflow.parentRunId", "mlflow.runName", "mlflow.user"].contains(&key);
            let is_long = key.starts_with("mlflow.") && value.chars().count() > 8_000;
            !is_told && !is_long
        };
        let tags = self.tags.iter().filter(|(key, value)| is_label(key, value));
        let tags = tags.map(|(key, value)| (name_of(key), masked(key, value).chars().take(8_000).collect()));
        let mut left_out = Vec::new();
        match self.artifacts {
            Some(folder) if folder.is_dir() => streams.extend(files_of(&folder).into_iter().map(Stream::file)),
            // A run without artifacts has no folder: that is worth a word only where another machine is named.
            Some(folder) if !folder.parent().is_some_and(Path::is_dir) => {
                left_out.push(format!("artifacts in {}, which is not here", folder.display()));
            }
            _ => {}
        }
        Found {
            identity: format!("mlflow {}", self.id),
            id: run_id(&self.id),
            place: self.place,
            experiment: name_of(&self.experiment),
            name: name.map(|name| name_of(&name).chars().take(250).collect()),
            parameters: self.parameters.iter().map(|(name, value)| (name_of(name), parameter(name, value))).collect(),
            tags: Tags(tags.collect()),
            user: user.map(|user| name_of(&user)),
            parent,
            started_at,
            end: end(&self.status, ended_at),
            streams,
            left_out,
        }
    }
}

/// A run's id is a UUID without hyphens.
fn run_id(text: &str) -> Option<RunId> {
    Uuid::try_parse(text).ok().map(RunId::from_uuid)
}

fn millis(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Statuses are words in the database and numbers in files.
fn end(status: &str, at: Timestamp) -> End {
    let known = |status, error_type: &str, message: &str| {
        let mut error = lab_client::Run::error(error_type, message, None);
        error.time = at;
        End::Known { status, at, error: Some(error) }
    };
    match status {
        "FINISHED" | "3" => End::Known { status: RunStatus::Completed, at, error: None },
        "FAILED" | "4" => known(RunStatus::Failed, "Failed", "the run failed"),
        "KILLED" | "5" => known(RunStatus::Cancelled, "Killed", "the run was killed"),
        _ => match super::source::assumed_end(at) {
            End::NotYet => End::NotYet,
            _ => known(RunStatus::Failed, "Unfinished", "the store does not tell the end of the run"),
        },
    }
}

fn files_of(folder: &Path) -> Vec<File> {
    let entries = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter().flatten();
    let file = |path: PathBuf| {
        let name = artifact_name(&path.strip_prefix(folder).ok()?.to_string_lossy())?;
        Some(File { name, artifact_type: type_of(&path), at: changed_at(&path), path })
    };
    entries.filter(|entry| entry.file_type().is_file()).filter_map(|entry| file(entry.into_path())).collect()
}

/// The folder that the address of artifacts means, where it is one of this machine.
fn local_folder(uri: &str, relative_to: &Path) -> Option<PathBuf> {
    let path = match uri.split_once("://") {
        Some(("file", path)) => percent_decoded(path),
        // A server's, or a cloud's.
        Some(_) => return None,
        None => uri.strip_prefix("file:").unwrap_or(uri).to_owned(),
    };
    if path.starts_with("mlflow-artifacts:") { None } else { Some(relative_to.join(path)) }
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let code = after.get(..2).filter(|_| *first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        match code.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_this_machine_are_folders() {
        let here = Path::new("/data");
        assert_eq!(local_folder("file:///a%20b/c", here), Some("/a b/c".into()));
        assert_eq!(local_folder("./mlruns/0/x", here), Some("/data/./mlruns/0/x".into()));
        assert_eq!(local_folder("s3://bucket/x", here), None);
        assert_eq!(local_folder("mlflow-artifacts:/0/x", here), None);
    }
}
