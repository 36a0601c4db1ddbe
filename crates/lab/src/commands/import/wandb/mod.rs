//! W&B: the folders of offline runs, and of online ones, which hold the same file.

mod frames;
mod items;
mod messages;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use lab_model::{RunStatus, Tags};
use prost::Message as _;
use serde_json::Value as Json;

use self::frames::Frames;
use super::json;
use super::source::{End, File, Found, Stream, artifact_name, assumed_end, changed_at, name_of, parameter_of, time_of};
use crate::commands::run::type_of;

/// The runs below a folder, or of one `.wandb` file.
pub(super) fn find(path: &Path) -> anyhow::Result<Vec<Found>> {
    let mut runs = BTreeMap::<String, Vec<Part>>::new();
    // `latest-run` is a link to one of its neighbours.
    for entry in walkdir::WalkDir::new(path).sort_by_file_name() {
        let entry = entry.context("a folder cannot be read")?;
        let is_ours = entry.path().extension().is_some_and(|extension| extension == "wandb");
        if is_ours && entry.file_type().is_file() {
            let part = Part::survey(entry.into_path())?;
            let identity = format!("wandb {} {}", part.run.project, part.run.id);
            runs.entry(identity).or_default().push(part);
        }
    }
    anyhow::ensure!(!runs.is_empty(), "there is no `.wandb` file in `{}`", path.display());
    let mut found: Vec<Found> = runs.into_iter().map(|(identity, parts)| found(identity, parts)).collect();
    found.sort_by_key(|run| run.started_at);
    Ok(found)
}

/// One file: a run that was resumed has several.
struct Part {
    file: PathBuf,
    run: messages::Run,
    config: serde_json::Map<String, Json>,
    exit: Option<messages::Exit>,
    last_secs: f64,
    left_out: BTreeMap<String, u64>,
}

impl Part {
    fn survey(file: PathBuf) -> anyhow::Result<Self> {
        let mut part = Self {
            run: messages::Run::default(),
            config: serde_json::Map::new(),
            exit: None,
            last_secs: 0.0,
            left_out: BTreeMap::new(),
            file,
        };
        for record in records(&part.file)? {
            part.add(record?);
        }
        anyhow::ensure!(!part.run.id.is_empty(), "`{}` does not say of which run it is", part.file.display());
        Ok(part)
    }

    fn add(&mut self, record: messages::Record) {
        if let Some(run) = record.run {
            run.config.iter().for_each(|changes| apply(&mut self.config, changes));
            let started = run.start_time.as_ref().map_or(0.0, messages::Time::as_secs);
            self.last_secs = self.last_secs.max(started);
            self.run = run;
        }
        record.config.iter().for_each(|changes| apply(&mut self.config, changes));
        let outputs = [&record.output, &record.output_raw].into_iter().flatten().map(|output| &output.time);
        let times = outputs.chain(record.stats.iter().map(|stats| &stats.time)).flatten();
        self.last_secs = times.map(messages::Time::as_secs).fold(self.last_secs, f64::max);
        if let Some(history) = &record.history {
            self.last_secs = self.last_secs.max(items::time_of_history(history).unwrap_or(0.0));
        }
        if let Some(artifact) = record.artifact {
            // Its files lie in a cache of the machine that wrote them.
            *self.left_out.entry(format!("artifact {} ({})", artifact.name, artifact.kind)).or_default() += 1;
        }
        self.exit = record.exit.or(self.exit.take());
    }
}

fn records(file: &Path) -> anyhow::Result<impl Iterator<Item = anyhow::Result<messages::Record>> + use<>> {
    let shown = file.display().to_string();
    Ok(Frames::open(file)?.map(move |frame| {
        let frame = frame.with_context(|| format!("`{shown}` cannot be read"))?;
        messages::Record::decode(frame.as_slice())
            .with_context(|| format!("`{shown}` holds something that is no record of W&B"))
    }))
}

/// Changes a nested map as its writer did.
fn apply(map: &mut serde_json::Map<String, Json>, changes: &messages::Changes) {
    for entry in &changes.update {
        let value = json::parse(&entry.json).unwrap_or(Json::String(entry.json.clone()));
        match entry.nested_key.as_slice() {
            [] => _ = map.insert(entry.key.clone(), value),
            path => set(map, path, value),
        }
    }
    for entry in &changes.remove {
        map.remove(entry.nested_key.first().unwrap_or(&entry.key));
    }
}

/// Sets what is at a path, and makes maps of what stands in its way.
fn set(map: &mut serde_json::Map<String, Json>, path: &[String], value: Json) {
    match path {
        [] => {}
        [last] => _ = map.insert(last.clone(), value),
        [first, rest @ ..] => {
            let inner = map.entry(first).or_insert(Json::Null);
            if !inner.is_object() {
                *inner = Json::Object(serde_json::Map::new());
            }
            if let Json::Object(inner) = inner {
                set(inner, rest, value);
            }
        }
    }
}

fn found(identity: String, mut parts: Vec<Part>) -> Found {
    let mut config = serde_json::Map::new();
    let mut left_out = BTreeMap::new();
    for part in &mut parts {
        config.append(&mut part.config);
        left_out.append(&mut part.left_out);
    }
    // The client's own notes.
    config.remove("_wandb");
    let started = parts.iter().filter_map(|part| part.run.start_time.as_ref()).map(messages::Time::as_secs);
    let started = started.fold(f64::INFINITY, f64::min);
    let last_secs = parts.iter().map(|part| part.last_secs).fold(0.0, f64::max);
    let end = end_of(parts.last().and_then(|part| part.exit.as_ref()), last_secs, started);
    let run = parts.last().map(|part| part.run.clone()).unwrap_or_default();
    let mut tags = Tags::labels(run.tags.iter().map(|tag| name_of(tag)));
    let git = run.git.clone().unwrap_or_default();
    for (key, value) in [
        ("wandb.id", &run.id),
        ("group", &run.group),
        ("job_type", &run.job_type),
        ("notes", &run.notes),
        ("sweep", &run.sweep),
        ("host", &run.host),
        ("git.commit", &git.commit),
        ("git.remote", &git.remote),
    ] {
        if !value.is_empty() {
            tags.0.insert(key.to_owned(), lab_capture::mask_secrets(value).chars().take(8_000).collect());
        }
    }
    let mut streams = Vec::new();
    for part in &parts {
        let file = part.file.clone();
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let folder = file.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
        streams.push(Stream::new(format!("{folder}/{name}"), move || items::items(&file)));
    }
    streams.extend(parts.iter().flat_map(|part| files(&part.file)).map(Stream::file));
    let place = parts.last().map(|part| part.file.parent().unwrap_or(&part.file).to_owned()).unwrap_or_default();
    Found {
        identity,
        id: None,
        place,
        experiment: if run.project.is_empty() { "uncategorized".to_owned() } else { name_of(&run.project) },
        name: Some(if run.display_name.is_empty() { run.id } else { name_of(&run.display_name) }),
        parameters: config.iter().map(|(key, value)| (name_of(key), parameter_of(key, value))).collect(),
        tags,
        user: None,
        parent: None,
        started_at: time_of(if started.is_finite() { started } else { last_secs }),
        end,
        streams,
        left_out: left_out.into_keys().collect(),
    }
}

fn end_of(exit: Option<&messages::Exit>, last_secs: f64, started: f64) -> End {
    let Some(exit) = exit else {
        return match assumed_end(time_of(last_secs)) {
            End::NotYet => End::NotYet,
            // It tells its end; without one it was killed, or is copied from where it goes on.
            _ => {
                let at = time_of(last_secs);
                let mut error = lab_client::Run::error("Unfinished", "the file does not tell the end of the run", None);
                (error.time, error.recoverable) = (at, true);
                End::Known { status: RunStatus::Failed, at, error: Some(error) }
            }
        };
    };
    let at = time_of(last_secs.max(started + f64::from(exit.runtime_secs)));
    if exit.code == 0 {
        return End::Known { status: RunStatus::Completed, at, error: None };
    }
    let mut error = lab_client::Run::error("ExitCode", &format!("ended with exit code {}", exit.code), None);
    error.time = at;
    error.context.insert("exit_code".to_owned(), exit.code.to_string());
    End::Known { status: RunStatus::Failed, at, error: Some(error) }
}

/// Files that were kept beside the log: those that the user saved, media, and what the client notes of the machine.
fn files(log: &Path) -> Vec<File> {
    let Some(folder) = log.parent().map(|folder| folder.join("files")) else { return Vec::new() };
    // Saved files are links to where they were.
    let entries = walkdir::WalkDir::new(&folder).follow_links(true).sort_by_file_name();
    let files = entries.into_iter().flatten().filter(|entry| entry.file_type().is_file());
    let file = |path: PathBuf| {
        let name = artifact_name(&path.strip_prefix(&folder).ok()?.to_string_lossy())?;
        // The run's own log, which the records tell line by line.
        if name.as_str() == "output.log" {
            return None;
        }
        Some(File { name, artifact_type: type_of(&path), at: changed_at(&path), path })
    };
    files.filter_map(|entry| file(entry.into_path())).collect()
}
