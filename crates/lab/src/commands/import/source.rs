//! A run as another tracker kept it, translated.

use std::path::PathBuf;

use futures_util::future::BoxFuture;
use lab_model::{
    ArtifactName, ArtifactType, ContentHasher, LogLine, LoggedValue, Parameters, Record, RunError, RunId, RunStatus,
    SeriesKey, SeriesPoints, Tags, Timestamp, WriterId,
};
use uuid::Uuid;

use crate::api::Content;

/// One step of an import. Of the same beginning of a source the same items come, however much was added behind it: their
/// numbers are what makes an import go on where it stopped.
pub(super) enum Item {
    /// A record; one that holds nothing stands where the source says nothing that is kept.
    Record(Record),
    /// A file that lies within the source.
    Blob(Blob),
    /// A file beside it.
    File(File),
    /// A file of a server.
    Download(Download),
}

/// What begins to read a file, and tells its size.
pub(super) type Opening = Box<dyn FnOnce() -> BoxFuture<'static, anyhow::Result<(u64, Content)>> + Send>;

/// A file that comes over the network, when it is asked for.
pub(super) struct Download {
    pub(super) name: ArtifactName,
    pub(super) artifact_type: ArtifactType,
    pub(super) at: Timestamp,
    pub(super) open: Opening,
}

pub(super) struct Blob {
    pub(super) name: ArtifactName,
    pub(super) artifact_type: ArtifactType,
    pub(super) bytes: Vec<u8>,
    pub(super) at: Timestamp,
}

#[derive(Clone)]
pub(super) struct File {
    pub(super) name: ArtifactName,
    pub(super) artifact_type: ArtifactType,
    pub(super) path: PathBuf,
    pub(super) at: Timestamp,
}

pub(super) type Items = Box<dyn Iterator<Item = anyhow::Result<Item>>>;

/// Items in an order of their own, as those of one file.
pub(super) struct Stream {
    /// Tells it apart from the others of the run, for ever.
    pub(super) key: String,
    pub(super) open: Box<dyn Fn() -> anyhow::Result<Items> + Send>,
}

impl Stream {
    pub(super) fn new(key: impl Into<String>, open: impl Fn() -> anyhow::Result<Items> + Send + 'static) -> Self {
        Self { key: key.into(), open: Box::new(open) }
    }

    /// A stream of one file. Its size is part of its identity: a file that was replaced is another.
    pub(super) fn file(file: File) -> Self {
        let size = file.path.metadata().map_or(0, |metadata| metadata.len());
        Self::new(format!("file {} {size}", file.name), move || {
            Ok(Box::new(std::iter::once(Ok(Item::File(file.clone())))))
        })
    }
}

/// How a run ended, as far as its source knows.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum End {
    /// It goes on.
    NotYet,
    /// The source says so.
    Known { status: RunStatus, at: Timestamp, error: Option<RunError> },
    /// The source cannot say; nothing was added for some time.
    Assumed { at: Timestamp },
}

/// A run that was found.
pub(super) struct Found {
    /// What is the same whenever and from wherever it is imported.
    pub(super) identity: String,
    /// The source's own UUID.
    pub(super) id: Option<RunId>,
    /// Where it was found, for people.
    pub(super) place: PathBuf,
    pub(super) experiment: String,
    pub(super) name: Option<String>,
    pub(super) parameters: Parameters,
    pub(super) tags: Tags,
    pub(super) user: Option<String>,
    /// The source's own id of the run that this one is a part of.
    pub(super) parent: Option<RunId>,
    pub(super) started_at: Timestamp,
    pub(super) end: End,
    pub(super) streams: Vec<Stream>,
    /// What there is and is not imported.
    pub(super) left_out: Vec<String>,
}

impl Found {
    /// The id of the run: the same each time. After a deletion another `generation` is another run.
    pub(super) fn run_id(&self, generation: u32) -> RunId {
        match self.id {
            Some(id) if generation == 0 => id,
            _ => RunId::from_uuid(derived(&format!("run {generation} {}", self.identity))),
        }
    }
}

/// The writer of a stream of a run.
pub(super) fn writer_of(run: RunId, stream: &str) -> WriterId {
    WriterId::from_uuid(derived(&format!("writer {run} {stream}")))
}

/// A UUID that says what it is made of (version 8).
fn derived(text: &str) -> Uuid {
    let mut hasher = ContentHasher::default();
    hasher.update(b"lab import ");
    hasher.update(text.as_bytes());
    let hash = hasher.finish().to_string();
    let number = u128::from_str_radix(&hash[..32], 16).unwrap_or_default();
    uuid::Builder::from_custom_bytes(number.to_be_bytes()).into_uuid()
}

/// One point of one series.
pub(super) fn point(name: &str, value: f64, step: Option<i64>, at: Timestamp) -> SeriesPoints {
    let mut points = SeriesPoints::new(SeriesKey::named(name_of(name)));
    points.push(value, step, at.as_microsecond());
    points
}

/// A value that is not one number.
pub(super) fn value(name: &str, step: Option<i64>, time: Timestamp, value: lab_model::Value) -> LoggedValue {
    LoggedValue { key: SeriesKey::named(name_of(name)), step, time, value }
}

/// A text as a value.
pub(super) fn text_value(text: &str) -> lab_model::Value {
    custom(serde_json::json!({ "type": "text", "text": lab_capture::mask_secrets(text) }))
}

pub(super) fn custom(value: serde_json::Value) -> lab_model::Value {
    lab_model::Value::Custom { value }
}

/// A line of a log.
pub(super) fn line(text: String, time: Timestamp, stream: Option<lab_model::LogStream>) -> LogLine {
    let text = lab_capture::mask_secrets(&text).into_owned();
    LogLine { level: crate::commands::run::level_of(&text), time, text, stream }
}

/// A name that the tracker takes: other trackers have no limit, and take control characters.
pub(super) fn name_of(name: &str) -> String {
    let name: String = name.chars().map(|c| if c.is_control() { ' ' } else { c }).take(250).collect();
    if name.trim().is_empty() { "unnamed".to_owned() } else { name }
}

/// The name of an artifact, from a path that somebody else has chosen.
pub(super) fn artifact_name(path: &str) -> Option<ArtifactName> {
    let parts = path.split(['/', '\\']).filter(|part| !matches!(*part, "" | "." | ".."));
    let name = parts.collect::<Vec<_>>().join("/").replace(|c: char| c.is_control(), "_");
    name.parse().ok()
}

/// Seconds since 1970 as a time; the beginning of time where there is no such time.
pub(super) fn time_of(secs: f64) -> Timestamp {
    Timestamp::from_microsecond((secs * 1e6).round() as i64).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// The time of a file's last change.
pub(super) fn changed_at(file: &std::path::Path) -> Timestamp {
    let modified = file.metadata().and_then(|metadata| metadata.modified()).ok();
    let time = modified.and_then(|time| Timestamp::try_from(time).ok()).unwrap_or(Timestamp::UNIX_EPOCH);
    Timestamp::from_microsecond(time.as_microsecond()).unwrap_or(time)
}

/// How a run ended whose source cannot say: one that was added to lately goes on.
pub(super) fn assumed_end(last: Timestamp) -> End {
    const QUIET_SECS: i64 = 600;
    let quiet = lab_client::now().duration_since(last).as_secs();
    if (0..QUIET_SECS).contains(&quiet) { End::NotYet } else { End::Assumed { at: last } }
}

/// A parameter from its name and its text, without credentials.
pub(super) fn parameter(name: &str, text: &str) -> lab_model::ParameterValue {
    crate::commands::run::typed(&masked(name, text))
}

/// JSON as a value of a parameter, without credentials. There is no null: it is what people would read.
pub(super) fn parameter_of(name: &str, value: &serde_json::Value) -> lab_model::ParameterValue {
    use lab_model::ParameterValue as P;
    use serde_json::Value as J;
    match value {
        J::Null => P::String("None".to_owned()),
        J::Bool(it) => P::Boolean(*it),
        J::Number(number) => match number.as_i64() {
            Some(integer) => P::Integer(integer),
            None => P::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        J::String(text) => match super::json::marked_float(text) {
            Some(float) => P::Float(float),
            None => P::String(masked(name, text).chars().take(16_000).collect()),
        },
        J::Array(items) => P::List(items.iter().map(|item| parameter_of(name, item)).collect()),
        J::Object(map) => P::Map(map.iter().map(|(key, inner)| (name_of(key), parameter_of(key, inner))).collect()),
    }
}

/// A text without the credentials that its looks or its name show.
pub(super) fn masked(name: &str, text: &str) -> String {
    let by_looks = lab_capture::mask_secrets(text);
    let named = format!("{name}=");
    let assigned = format!("{named}{by_looks}");
    lab_capture::mask_secrets(&assigned).strip_prefix(&named).map_or_else(|| by_looks.into_owned(), str::to_owned)
}
