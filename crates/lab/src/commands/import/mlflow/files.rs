//! `mlruns`: a folder for each experiment, in it one for each run, in it a file for each metric, parameter and tag.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use lab_model::Record;
use serde::Deserialize;

use super::super::source::{Found, Item, Items, Stream, point};
use super::{Row, millis};

#[derive(Deserialize)]
struct ExperimentFile {
    name: String,
    #[serde(default)]
    lifecycle_stage: Option<String>,
}

#[derive(Deserialize)]
struct RunFile {
    #[serde(alias = "run_uuid")]
    run_id: String,
    #[serde(default)]
    run_name: Option<String>,
    #[serde(default)]
    user_id: Option<String>,
    #[serde(default)]
    status: Option<Status>,
    #[serde(default)]
    start_time: Option<i64>,
    #[serde(default)]
    end_time: Option<i64>,
    #[serde(default)]
    lifecycle_stage: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Status {
    Number(i64),
    Word(String),
}

pub(super) fn find(path: &Path) -> anyhow::Result<Vec<Found>> {
    let mut found = Vec::new();
    // An experiment's own folder, or one of a run, serves as well.
    if path.join("meta.yaml").is_file() {
        if read::<RunFile>(&path.join("meta.yaml")).is_ok() {
            let name = path.parent().and_then(|above| read::<ExperimentFile>(&above.join("meta.yaml")).ok());
            return Ok(run(path, &name.map_or_else(|| "mlflow".to_owned(), |it| it.name))?.into_iter().collect());
        }
        return experiment(path);
    }
    for folder in folders(path)? {
        if folder.join("meta.yaml").is_file() {
            found.extend(experiment(&folder)?);
        }
    }
    Ok(found)
}

fn experiment(folder: &Path) -> anyhow::Result<Vec<Found>> {
    let told: ExperimentFile = read(&folder.join("meta.yaml"))?;
    if told.lifecycle_stage.as_deref() == Some("deleted") {
        return Ok(Vec::new());
    }
    let runs = folders(folder)?.into_iter().filter(|run| run.join("meta.yaml").is_file());
    runs.filter_map(|folder| run(&folder, &told.name).transpose()).collect()
}

/// `None` for a run that was deleted.
fn run(folder: &Path, experiment: &str) -> anyhow::Result<Option<Found>> {
    let told: RunFile = read(&folder.join("meta.yaml"))?;
    if told.lifecycle_stage.as_deref() == Some("deleted") {
        return Ok(None);
    }
    let row = Row {
        id: told.run_id,
        name: told.run_name,
        experiment: experiment.to_owned(),
        user: told.user_id,
        status: match told.status {
            Some(Status::Number(number)) => number.to_string(),
            Some(Status::Word(word)) => word,
            None => String::new(),
        },
        started_millis: told.start_time,
        ended_millis: told.end_time,
        parameters: texts(&folder.join("params"))?,
        tags: texts(&folder.join("tags"))?,
        place: folder.to_owned(),
        // The address in the file is where it was written, which may be elsewhere.
        artifacts: Some(folder.join("artifacts")),
    };
    let metrics = files(&folder.join("metrics"))?;
    let streams =
        metrics.into_iter().map(|(name, file)| Stream::new(format!("metric {name}"), move || points(&name, &file)));
    let streams = streams.collect();
    Ok(Some(row.found(streams)))
}

/// A record for each line: time in milliseconds, value, step.
fn points(name: &str, file: &Path) -> anyhow::Result<Items> {
    let text = fs::read_to_string(file).with_context(|| format!("`{}` cannot be read", file.display()))?;
    // A line that is being written has no end yet.
    let whole = text.rfind('\n').map_or(0, |end| end + 1);
    let lines: Vec<String> = text[..whole].lines().map(str::to_owned).collect();
    let (name, shown) = (name.to_owned(), file.display().to_string());
    Ok(Box::new(lines.into_iter().zip(1..).map(move |(line, number)| {
        let mut words = line.split_ascii_whitespace();
        let mut point_of = || {
            let (time, value) = (words.next()?.parse::<f64>().ok()?, words.next()?.parse::<f64>().ok()?);
            let step = words.next().map_or(Some(0), |step| step.parse().ok())?;
            Some(point(&name, value, Some(step), millis(time as i64)))
        };
        let points = point_of().with_context(|| format!("line {number} of `{shown}` is no point of a metric"))?;
        Ok(Item::Record(Record::metrics(vec![points])))
    })))
}

fn read<T: for<'de> Deserialize<'de>>(file: &Path) -> anyhow::Result<T> {
    let text = fs::read_to_string(file).with_context(|| format!("`{}` cannot be read", file.display()))?;
    serde_saphyr::from_str(&text).with_context(|| format!("`{}` is not as MLflow writes it", file.display()))
}

fn folders(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("`{}` cannot be read", folder.display()))?;
    let mut folders: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    Ok(folders)
}

/// Files below a folder by their names, which may hold slashes.
fn files(folder: &Path) -> anyhow::Result<Vec<(String, PathBuf)>> {
    let mut files = Vec::new();
    if !folder.is_dir() {
        return Ok(files);
    }
    for entry in walkdir::WalkDir::new(folder).sort_by_file_name() {
        let entry = entry.context("a folder cannot be read")?;
        if entry.file_type().is_file() {
            let name = entry.path().strip_prefix(folder).unwrap_or(entry.path()).to_string_lossy().replace('\\', "/");
            files.push((name, entry.into_path()));
        }
    }
    Ok(files)
}

fn texts(folder: &Path) -> anyhow::Result<Vec<(String, String)>> {
    let text = |(name, file): (String, PathBuf)| {
        let text = fs::read(&file).with_context(|| format!("`{}` cannot be read", file.display()))?;
        Ok((name, String::from_utf8_lossy(&text).into_owned()))
    };
    files(folder)?.into_iter().map(text).collect()
}
