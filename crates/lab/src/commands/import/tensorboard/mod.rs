//! TensorBoard: event files, of which each folder that holds some is a run.

mod events;
mod frames;
mod messages;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use lab_model::{Parameters, Tags};

use self::events::{Purges, Survey};
use super::source::{End, Found, Stream, assumed_end, time_of};

/// The runs below a folder, or of one event file.
pub(super) fn find(path: &Path) -> anyhow::Result<Vec<Found>> {
    let mut folders = BTreeMap::<PathBuf, Vec<PathBuf>>::new();
    for entry in walkdir::WalkDir::new(path).follow_links(true) {
        let entry = entry.context("a folder cannot be read")?;
        if entry.file_type().is_file() && (is_event_file(entry.path()) || entry.depth() == 0) {
            let folder = entry.path().parent().unwrap_or(Path::new("")).to_owned();
            folders.entry(folder).or_default().push(entry.into_path());
        }
    }
    anyhow::ensure!(!folders.is_empty(), "there is no event file in `{}`", path.display());
    let mut surveys = BTreeMap::new();
    for (folder, mut files) in folders {
        // Their names begin with the time of their making.
        files.sort();
        let survey = Survey::of(&files)?;
        surveys.insert(folder, (files, survey));
    }
    let children = hyper_parameter_folders(&surveys);
    let root = if path.is_dir() { path } else { path.parent().unwrap_or(Path::new("")) };
    let experiment = absolute_name(root).unwrap_or_else(|| "tensorboard".to_owned());
    let mut found = Vec::new();
    for (folder, (files, survey)) in &surveys {
        if children.contains_key(folder) {
            continue;
        }
        let of_this = children.iter().filter(|(_, parent)| *parent == folder).map(|(child, _)| child);
        let parts: Vec<_> = of_this.filter_map(|child| Some((child, surveys.get(child)?))).collect();
        let relative = folder.strip_prefix(root).unwrap_or(folder).to_string_lossy().into_owned();
        let name = if relative.is_empty() { absolute_name(folder) } else { Some(relative) };
        let mut run = run(folder, &experiment, name, files, survey);
        for (child, (files, survey)) in parts {
            let prefix = child.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            run.parameters.extend(survey.parameters.clone());
            run.streams.extend(streams(files, survey, &format!("{prefix}/")));
        }
        found.push(run);
    }
    Ok(found)
}

fn is_event_file(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().contains("tfevents"))
}

fn absolute_name(folder: &Path) -> Option<String> {
    let folder = folder.canonicalize().ok()?;
    Some(folder.file_name()?.to_string_lossy().into_owned())
}

type Surveys = BTreeMap<PathBuf, (Vec<PathBuf>, Survey)>;

/// Folders that only tell the hyper-parameters of the run in the folder above, as PyTorch's `add_hparams` makes them. Of
/// several below one folder each is a trial, and a run.
fn hyper_parameter_folders(surveys: &Surveys) -> BTreeMap<PathBuf, PathBuf> {
    let mut children = BTreeMap::<PathBuf, BTreeSet<PathBuf>>::new();
    for (folder, (_, survey)) in surveys {
        if let Some(parent) = folder.parent().filter(|parent| surveys.contains_key(*parent))
            && survey.has_hyper_parameters
        {
            children.entry(parent.to_owned()).or_default().insert(folder.clone());
        }
    }
    let only = children.into_iter().filter(|(_, folders)| folders.len() == 1);
    only.flat_map(|(parent, folders)| folders.into_iter().map(move |child| (child, parent.clone()))).collect()
}

fn run(folder: &Path, experiment: &str, name: Option<String>, files: &[PathBuf], survey: &Survey) -> Found {
    // A file's name holds time, machine and process of its making; with the first time in it nothing else is like it.
    let first = files.first().and_then(|file| file.file_name()).unwrap_or_default();
    let identity = format!("tensorboard {} {:?}", first.to_string_lossy(), survey.first_time);
    let (begin, last) = (survey.first_time.unwrap_or(0.0), survey.last_time.unwrap_or(0.0));
    let mut end = assumed_end(time_of(last));
    if survey.has_failed {
        let error = lab_client::Run::error("Failed", "the session ended with a failure", None);
        end = End::Known { status: lab_model::RunStatus::Failed, at: time_of(last), error: Some(error) };
    }
    Found {
        identity,
        id: None,
        place: folder.to_owned(),
        experiment: experiment.to_owned(),
        name,
        parameters: survey.parameters.clone(),
        tags: Tags::default(),
        user: None,
        parent: None,
        started_at: time_of(begin),
        end,
        streams: streams(files, survey, "").collect(),
        left_out: survey.left_out.iter().map(|(what, count)| format!("{count} of {what}")).collect(),
    }
}

/// A stream for each file: one of them may grow while another exists already.
fn streams<'a>(files: &'a [PathBuf], survey: &Survey, prefix: &'a str) -> impl Iterator<Item = Stream> + use<'a> {
    let purges = Arc::new(survey.purges.clone());
    files.iter().enumerate().map(move |(number, file)| {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let (file, purges): (_, Arc<Purges>) = (file.clone(), Arc::clone(&purges));
        Stream::new(format!("{prefix}{name}"), move || events::items(&file, number, Arc::clone(&purges)))
    })
}

/// Hyper-parameters of a session.
fn parameters(start: &messages::SessionStart) -> Parameters {
    use lab_model::ParameterValue as P;
    let value = |name: &str, value: &messages::AnyValue| match value {
        messages::AnyValue { boolean: Some(it), .. } => P::Boolean(*it),
        messages::AnyValue { text: Some(text), .. } => P::String(super::source::masked(name, text)),
        // Whole numbers were written as floats too.
        messages::AnyValue { number: Some(number), .. }
            if number.fract() == 0.0 && number.abs() < 9e15 && (*number != 0.0 || number.is_sign_positive()) =>
        {
            P::Integer(*number as i64)
        }
        messages::AnyValue { number: Some(number), .. } => P::Float(*number),
        _ => P::String("None".to_owned()),
    };
    let mut parameters: Vec<_> = start.values.iter().collect();
    parameters.sort_by_key(|(name, _)| *name);
    parameters.into_iter().map(|(name, it)| (super::source::name_of(name), value(name, it))).collect()
}
