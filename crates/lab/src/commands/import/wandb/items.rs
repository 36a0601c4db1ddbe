//! Records of W&B as records of ours.

use std::path::Path;

use lab_model::{LogLine, LogStream, LoggedValue, Record, SeriesPoints, Timestamp, Value as Logged};
use serde_json::Value as Json;

use super::super::histogram::of_buckets;
use super::super::json;
use super::super::source::{Item, Items, custom, line, point, text_value, time_of, value};
use super::messages::{self, History, HistoryItem};
use crate::commands::run::Lines;

/// The items of a file: for each of its records as many as that holds by itself.
pub(super) fn items(file: &Path) -> anyhow::Result<Items> {
    let mut state = State::default();
    let records = super::records(file)?.map(move |record| anyhow::Ok(state.records(record?)));
    Ok(Box::new(records.flat_map(|records| match records {
        Ok(records) => records.into_iter().map(|record| Ok(Item::Record(record))).collect::<Vec<_>>(),
        Err(error) => vec![Err(error)],
    })))
}

/// When a step was logged.
pub(super) fn time_of_history(history: &History) -> Option<f64> {
    let item = history.items.iter().find(|item| path_of(item) == "_timestamp")?;
    json::number(&content(item))
}

#[derive(Default)]
struct State {
    stdout: Lines,
    stderr: Lines,
    /// The summary's own values, which no step has.
    summary: serde_json::Map<String, Json>,
    /// Names that steps have logged.
    logged: std::collections::BTreeSet<String>,
    last_time: Timestamp,
}

impl State {
    fn records(&mut self, record: messages::Record) -> Vec<Record> {
        let mut records = Vec::new();
        if let Some(run) = &record.run {
            self.last_time = run.start_time.as_ref().map_or(self.last_time, |time| time_of(time.as_secs()));
        }
        if let Some(history) = &record.history {
            self.history(history, &mut records);
        }
        if let Some(stats) = &record.stats {
            let at = self.time(stats.time.as_ref());
            let series = stats.items.iter().filter_map(|item| {
                let number = json::number(&json::parse(&item.json).ok()?)?;
                Some(point(&format!("system/{}", item.key), number, None, at))
            });
            push_series(series.collect(), &mut records);
        }
        for output in [record.output, record.output_raw].into_iter().flatten() {
            let at = self.time(output.time.as_ref());
            let (lines, stream) = match output.stream {
                0 => (&mut self.stderr, LogStream::Stderr),
                _ => (&mut self.stdout, LogStream::Stdout),
            };
            push_lines(lines.push(output.text.as_bytes()), at, stream, &mut records);
        }
        if let Some(alert) = record.alert {
            let text = format!("{}: {}: {}", alert.level, alert.title, alert.text);
            records.push(Record::Log { lines: vec![line(text, self.last_time, None)] });
        }
        if let Some(used) = record.use_artifact.filter(|used| !used.name.is_empty()) {
            let name = super::name_of(&used.name);
            records.push(match used.kind.as_str() {
                "model" => Record::UseModel { model: name, metadata: Default::default() },
                _ => Record::UseDataset { dataset: name, metadata: Default::default() },
            });
        }
        record.summary.iter().for_each(|changes| super::apply(&mut self.summary, changes));
        if record.exit.is_some() {
            // What stands behind the last line end, and what steps have not logged, is known to be all now.
            let at = self.last_time;
            push_lines(self.stdout.finish(), at, LogStream::Stdout, &mut records);
            push_lines(self.stderr.finish(), at, LogStream::Stderr, &mut records);
            let summary = std::mem::take(&mut self.summary);
            let own = summary.iter().filter(|(name, _)| !name.starts_with('_') && !self.logged.contains(*name));
            let (mut series, mut values) = (Vec::new(), Vec::new());
            for (name, content) in own {
                take(name, content, None, at, &mut series, &mut values);
            }
            series.retain(|points: &SeriesPoints| !self.logged.contains(&points.key.name));
            push_series(series, &mut records);
            push_values(values, &mut records);
        }
        records
    }

    fn time(&mut self, time: Option<&messages::Time>) -> Timestamp {
        if let Some(time) = time {
            self.last_time = time_of(time.as_secs());
        }
        self.last_time
    }

    fn history(&mut self, history: &History, records: &mut Vec<Record>) {
        let find = |name: &str| history.items.iter().find(|item| path_of(item) == name).map(content);
        if let Some(secs) = find("_timestamp").as_ref().and_then(json::number) {
            self.last_time = time_of(secs);
        }
        let step = find("_step").and_then(|step| step.as_i64()).or(history.step.as_ref().map(|step| step.number));
        let (mut series, mut values) = (Vec::new(), Vec::new());
        for item in &history.items {
            let name = path_of(item);
            if !matches!(name.as_str(), "_step" | "_timestamp" | "_runtime" | "_wandb") {
                take(&name, &content(item), step, self.last_time, &mut series, &mut values);
            }
        }
        self.logged.extend(series.iter().map(|points| points.key.name.clone()));
        self.logged.extend(values.iter().map(|value| value.key.name.clone()));
        self.logged.extend(history.items.iter().map(|item| item.key.clone()));
        push_series(series, records);
        push_values(values, records);
    }
}

fn push_series(series: Vec<SeriesPoints>, records: &mut Vec<Record>) {
    if !series.is_empty() {
        records.push(Record::metrics(series));
    }
}

fn push_values(values: Vec<LoggedValue>, records: &mut Vec<Record>) {
    if !values.is_empty() {
        records.push(Record::Values { values });
    }
}

fn push_lines(texts: Vec<String>, at: Timestamp, stream: LogStream, records: &mut Vec<Record>) {
    if !texts.is_empty() {
        let lines: Vec<LogLine> = texts.into_iter().map(|text| line(text, at, Some(stream))).collect();
        records.push(Record::Log { lines });
    }
}

/// The name of an item; of one within a map its whole path.
fn path_of(item: &HistoryItem) -> String {
    if item.nested_key.is_empty() { item.key.clone() } else { item.nested_key.join(".") }
}

fn content(item: &HistoryItem) -> Json {
    let parsed = |text: &str| json::parse(text).unwrap_or_else(|_| Json::String(text.to_owned()));
    match item {
        HistoryItem { boolean: Some(it), .. } => Json::Bool(*it),
        HistoryItem { integer: Some(it), .. } => (*it).into(),
        HistoryItem { number: Some(it), .. } => match serde_json::Number::from_f64(*it) {
            Some(number) => Json::Number(number),
            None if it.is_nan() => Json::String("NaN".to_owned()),
            None if *it > 0.0 => Json::String("Infinity".to_owned()),
            None => Json::String("-Infinity".to_owned()),
        },
        HistoryItem { text: Some(text), .. } => Json::String(text.clone()),
        HistoryItem { typed_json: Some(text), .. } => parsed(text),
        HistoryItem { json: text, .. } if !text.is_empty() => parsed(text),
        _ => Json::Null,
    }
}

/// Takes a value in as what it is.
fn take(
    name: &str,
    content: &Json,
    step: Option<i64>,
    at: Timestamp,
    series: &mut Vec<SeriesPoints>,
    values: &mut Vec<LoggedValue>,
) {
    if let Some(number) = json::number(content) {
        series.push(point(name, number, step, at));
        return;
    }
    let logged = match content {
        Json::Null => return,
        Json::String(text) => text_value(text),
        Json::Object(map) => match map.get("_type").and_then(Json::as_str) {
            None => {
                for (key, inner) in map {
                    take(&format!("{name}.{key}"), inner, step, at, series, values);
                }
                return;
            }
            Some("histogram") => match histogram(map) {
                Some(histogram) => Logged::Distribution(histogram),
                None => return,
            },
            Some(kind) => media(kind, map, content),
        },
        other => {
            let mut plain = other.clone();
            json::unmarked(&mut plain);
            custom(plain)
        }
    };
    values.push(value(name, step, at, logged));
}

fn histogram(map: &serde_json::Map<String, Json>) -> Option<lab_model::Distribution> {
    let numbers = |value: &Json| value.as_array()?.iter().map(json::number).collect::<Option<Vec<f64>>>();
    let (edges, counts) = match map.get("packedBins") {
        Some(packed) => {
            let counts = numbers(map.get("values")?)?;
            let (min, size) = (json::number(packed.get("min")?)?, json::number(packed.get("size")?)?);
            ((0..=counts.len()).map(|i| min + size * i as f64).collect(), counts)
        }
        None => (numbers(map.get("bins")?)?, numbers(map.get("values")?)?),
    };
    let buckets: Vec<_> = edges.windows(2).zip(&counts).map(|(edge, count)| (edge[0], edge[1], *count)).collect();
    of_buckets(&buckets, None, None)
}

/// What lies in a file of the run, which becomes an artifact of the same name.
fn media(kind: &str, map: &serde_json::Map<String, Json>, content: &Json) -> Logged {
    let artifact = map.get("path").and_then(Json::as_str);
    match (kind, artifact) {
        ("image-file", Some(artifact)) => {
            custom(serde_json::json!({ "type": "image", "artifact": artifact, "caption": map.get("caption") }))
        }
        ("table-file", Some(artifact)) => {
            custom(serde_json::json!({ "type": "table", "artifact": artifact, "rows": map.get("nrows") }))
        }
        _ => {
            let mut plain = content.clone();
            json::unmarked(&mut plain);
            custom(plain)
        }
    }
}
