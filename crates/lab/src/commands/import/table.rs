//! Tables of plain text: CSV with a line of names, and JSON by the line.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use anyhow::Context as _;
use lab_model::{Record, Tags, Timestamp};
use serde_json::Value as Json;

use super::json;
use super::source::{End, Found, Item, Items, Stream, changed_at, name_of, point, text_value, time_of, value};

/// Names of the column that counts steps, by how sure they are.
const STEP_NAMES: &[&str] = &["step", "_step", "global_step", "train/global_step", "iteration", "iter", "epoch"];
/// Names of the column that tells times.
const TIME_NAMES: &[&str] = &["time", "timestamp", "_timestamp", "wall time", "wall_time", "created_at"];
/// Names of the column that tells runs apart.
const RUN_NAMES: &[&str] = &["run", "run_id", "run_name", "run_uuid"];

/// Which column is what; guessed from the names where it is not said.
#[derive(Clone, Debug, Default)]
pub(super) struct Columns {
    pub(super) step: Option<String>,
    pub(super) time: Option<String>,
    pub(super) run: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Csv,
    JsonLines,
}

type Row = Vec<(String, Json)>;

/// The runs of a file, or of all files of a folder.
pub(super) fn find(path: &Path, format: Format, columns: &Columns) -> anyhow::Result<Vec<Found>> {
    let endings: &[&str] = match format {
        Format::Csv => &["csv", "tsv"],
        Format::JsonLines => &["jsonl", "ndjson"],
    };
    let mut found = Vec::new();
    for entry in walkdir::WalkDir::new(path).sort_by_file_name() {
        let entry = entry.context("a folder cannot be read")?;
        let ending = entry.path().extension().map(|it| it.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
        if entry.file_type().is_file() && (entry.depth() == 0 || endings.contains(&ending.as_str())) {
            found.extend(runs(path, entry.path(), format, columns)?);
        }
    }
    anyhow::ensure!(!found.is_empty(), "there is no such file in `{}`, or none with a row", path.display());
    Ok(found)
}

#[derive(Default)]
struct Survey {
    first: Option<Timestamp>,
    last: Option<Timestamp>,
}

fn runs(root: &Path, file: &Path, format: Format, asked: &Columns) -> anyhow::Result<Vec<Found>> {
    let columns = guess(file, format, asked)?;
    let written_at = changed_at(file);
    let mut surveys = BTreeMap::<String, Survey>::new();
    for row in rows(file, format)? {
        let row = row?;
        let survey = surveys.entry(run_of(&row, &columns).unwrap_or_default()).or_default();
        let at = time_in(&row, &columns);
        survey.first = survey.first.or(at);
        survey.last = at.or(survey.last);
    }
    let whole = file.canonicalize().unwrap_or_else(|_| file.to_owned());
    let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let relative = file.strip_prefix(root).ok().filter(|it| !it.as_os_str().is_empty());
    let relative = relative.map(|it| it.with_extension("").to_string_lossy().into_owned());
    let folder = whole.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    let found = surveys.into_iter().map(|(run, survey)| {
        let stream = {
            let (file, columns, run, stem) = (file.to_owned(), columns.clone(), run.clone(), stem.clone());
            Stream::new("rows", move || items(&file, format, &columns, &run, &stem, written_at))
        };
        Found {
            // Nothing but its place tells one table from another.
            identity: format!("table {} {run}", whole.display()),
            id: None,
            place: file.to_owned(),
            experiment: folder.clone().unwrap_or_else(|| "imported".to_owned()),
            name: Some(name_of(if run.is_empty() { relative.as_deref().unwrap_or(&stem) } else { &run })),
            parameters: Default::default(),
            tags: Tags::default(),
            user: None,
            parent: None,
            started_at: survey.first.unwrap_or(written_at),
            end: End::Assumed { at: survey.last.unwrap_or(written_at) },
            streams: vec![stream],
            left_out: Vec::new(),
        }
    });
    Ok(found.collect())
}

fn guess(file: &Path, format: Format, asked: &Columns) -> anyhow::Result<Columns> {
    let names: Vec<String> = match format {
        Format::Csv => header(file)?,
        Format::JsonLines => {
            let first = rows(file, format)?.next().transpose()?.unwrap_or_default();
            first.into_iter().map(|(name, _)| name).collect()
        }
    };
    let find = |asked: &Option<String>, known: &[&str]| match asked {
        Some(name) => {
            let found = names.iter().any(|it| it == name) || format == Format::JsonLines;
            anyhow::ensure!(found, "`{}` has no column `{name}`; it has {}", file.display(), names.join(", "));
            Ok(Some(name.clone()))
        }
        None => {
            let fits = |known: &&str| names.iter().find(|name| name.eq_ignore_ascii_case(known)).cloned();
            Ok(known.iter().find_map(fits))
        }
    };
    Ok(Columns {
        step: find(&asked.step, STEP_NAMES)?,
        time: find(&asked.time, TIME_NAMES)?,
        run: find(&asked.run, RUN_NAMES)?,
    })
}

fn reader(file: &Path) -> anyhow::Result<csv::Reader<File>> {
    let is_tabbed = file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("tsv"));
    let delimiter = if is_tabbed { b'\t' } else { b',' };
    let reader = csv::ReaderBuilder::new().delimiter(delimiter).trim(csv::Trim::All).from_path(file);
    reader.with_context(|| format!("`{}` cannot be read", file.display()))
}

fn header(file: &Path) -> anyhow::Result<Vec<String>> {
    let header = reader(file)?.headers().with_context(|| format!("`{}` is no CSV", file.display()))?.clone();
    anyhow::ensure!(!header.is_empty(), "`{}` has no line of names", file.display());
    Ok(header.iter().map(|name| name.trim_start_matches('\u{feff}').to_owned()).collect())
}

type Rows = Box<dyn Iterator<Item = anyhow::Result<Row>>>;

fn rows(file: &Path, format: Format) -> anyhow::Result<Rows> {
    let shown = file.display().to_string();
    match format {
        Format::Csv => {
            let names = header(file)?;
            let records = reader(file)?.into_records();
            Ok(Box::new(records.map(move |record| {
                let record = record.with_context(|| format!("`{shown}` is no CSV"))?;
                let cell = |(name, text): (&String, &str)| (name.clone(), cell(text));
                Ok(names.iter().zip(&record).map(cell).filter(|(_, value)| !value.is_null()).collect())
            })))
        }
        Format::JsonLines => {
            let file = File::open(file).with_context(|| format!("`{shown}` cannot be read"))?;
            let lines = BufReader::new(file).split(b'\n').zip(1..);
            let lines = lines.filter(|(line, _)| !line.as_ref().is_ok_and(|line| line.trim_ascii().is_empty()));
            Ok(Box::new(lines.map(move |(line, number)| {
                let line = line.with_context(|| format!("`{shown}` cannot be read"))?;
                let value = json::parse(&String::from_utf8_lossy(&line))
                    .with_context(|| format!("line {number} of `{shown}` is no JSON"))?;
                let Json::Object(map) = value else { anyhow::bail!("line {number} of `{shown}` is no object") };
                let mut row = Vec::new();
                map.into_iter().for_each(|(name, value)| flatten(name, value, &mut row));
                Ok(row)
            })))
        }
    }
}

/// Maps inside a row are columns with dotted names.
fn flatten(name: String, value: Json, row: &mut Row) {
    match value {
        Json::Object(map) => map.into_iter().for_each(|(key, inner)| flatten(format!("{name}.{key}"), inner, row)),
        Json::Null => {}
        value => row.push((name, value)),
    }
}

/// The value of a cell; an empty one is none.
fn cell(text: &str) -> Json {
    if text.is_empty() {
        return Json::Null;
    }
    let float = match text.to_ascii_lowercase().as_str() {
        "true" => return Json::Bool(true),
        "false" => return Json::Bool(false),
        _ => text.parse::<f64>().ok(),
    };
    let not_finite = |float: f64| match float {
        float if float.is_nan() => "NaN",
        float if float > 0.0 => "Infinity",
        _ => "-Infinity",
    };
    match (text.parse::<i64>(), float) {
        (Ok(integer), _) => integer.into(),
        (_, Some(float)) => serde_json::Number::from_f64(float).map_or_else(|| not_finite(float).into(), Json::Number),
        _ => text.into(),
    }
}

fn cell_of<'a>(row: &'a Row, column: &Option<String>) -> Option<&'a Json> {
    let column = column.as_ref()?;
    row.iter().find(|(name, _)| name == column).map(|(_, value)| value)
}

fn run_of(row: &Row, columns: &Columns) -> Option<String> {
    Some(match cell_of(row, &columns.run)? {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    })
}

/// Seconds, milli-, micro- or nanoseconds since 1970, by how many there are; or a date.
fn time_in(row: &Row, columns: &Columns) -> Option<Timestamp> {
    match cell_of(row, &columns.time)? {
        Json::String(text) => {
            let civil = || text.parse::<jiff::civil::DateTime>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok();
            let time = text.parse::<Timestamp>().ok().or_else(|| Some(civil()?.timestamp()))?;
            Timestamp::from_microsecond(time.as_microsecond()).ok()
        }
        number => {
            let number = number.as_f64()?;
            let secs = match number.abs() {
                it if it < 1e11 => number,
                it if it < 1e14 => number / 1e3,
                it if it < 1e17 => number / 1e6,
                _ => number / 1e9,
            };
            Some(time_of(secs))
        }
    }
}

/// For each row of a run a record of its numbers and one of its texts.
fn items(
    file: &Path,
    format: Format,
    columns: &Columns,
    run: &str,
    stem: &str,
    written_at: Timestamp,
) -> anyhow::Result<Items> {
    let (columns, run, stem) = (columns.clone(), run.to_owned(), stem.to_owned());
    let mut number = 0_i64;
    let items = rows(file, format)?.map(move |row| {
        let row = row?;
        if run_of(&row, &columns).unwrap_or_default() != run {
            return Ok(Vec::new());
        }
        let step = match cell_of(&row, &columns.step) {
            Some(step) => step.as_i64().or_else(|| step.as_f64().map(|step| step as i64)),
            None if columns.step.is_some() => None,
            None => Some(number),
        };
        let at = time_in(&row, &columns).unwrap_or(written_at);
        number += 1;
        let (mut series, mut values) = (Vec::new(), Vec::new());
        for (name, content) in &row {
            if [&columns.step, &columns.time, &columns.run].into_iter().flatten().any(|column| column == name) {
                continue;
            }
            // TensorBoard's own export calls every metric so.
            let name = if name == "Value" { &stem } else { name };
            match (json::number(content), content) {
                (Some(number), _) => series.push(point(name, number, step, at)),
                (None, Json::String(text)) => values.push(value(name, step, at, text_value(text))),
                (None, other) => {
                    let mut plain = other.clone();
                    json::unmarked(&mut plain);
                    values.push(value(name, step, at, super::source::custom(plain)));
                }
            }
        }
        let mut items = Vec::new();
        if !series.is_empty() {
            items.push(Item::Record(Record::metrics(series)));
        }
        if !values.is_empty() {
            items.push(Item::Record(Record::Values { values }));
        }
        anyhow::Ok(items)
    });
    Ok(Box::new(items.flat_map(|items| match items {
        Ok(items) => items.into_iter().map(Ok).collect::<Vec<_>>(),
        Err(error) => vec![Err(error)],
    })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn rows_of(name: &str, format: Format, text: &str) -> (tempfile::TempDir, PathBuf, Vec<Row>) {
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        let rows = rows(&file, format).unwrap().map(Result::unwrap).collect();
        (folder, file, rows)
    }

    #[test]
    fn columns_are_known_by_their_names() {
        let text = "\u{feff}epoch,Step,loss,note,acc\n0,10,0.5,good,\n1,20,nan,,1e-3\n";
        let (_folder, file, rows) = rows_of("a.csv", Format::Csv, text);
        let columns = guess(&file, Format::Csv, &Columns::default()).unwrap();
        assert_eq!((columns.step.as_deref(), columns.time.as_deref()), (Some("Step"), None));
        assert_eq!(rows[0].len(), 4);
        assert!(json::number(&rows[1][2].1).unwrap().is_nan());
        let asked = Columns { step: Some("nothing".to_owned()), ..Columns::default() };
        assert!(guess(&file, Format::Csv, &asked).unwrap_err().to_string().contains("epoch, Step"));
    }

    #[test]
    fn json_is_flattened_and_times_are_understood() {
        let text = "{\"time\": 1700000000000, \"a\": {\"b\": NaN}}\n\n{\"time\": \"2026-01-01T00:00:00Z\"}\n";
        let (_folder, file, rows) = rows_of("a.jsonl", Format::JsonLines, text);
        let columns = guess(&file, Format::JsonLines, &Columns::default()).unwrap();
        assert_eq!(time_in(&rows[0], &columns).unwrap().as_second(), 1_700_000_000);
        assert_eq!(time_in(&rows[1], &columns).unwrap().to_string(), "2026-01-01T00:00:00Z");
        assert_eq!(rows[0][0].0, "a.b");
    }
}
