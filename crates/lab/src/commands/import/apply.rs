//! A run that was found becomes a run of ours.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use indicatif::ProgressBar;
use lab_client::now;
use lab_model::{
    Acknowledged, ContentHash, Delivery, ExperimentRun, FinishRun, Parameters, Record, Refused, RunError, RunId,
    RunStatus, StartRun, Tags, Timestamp, Validate as _, WriterId,
};
use lab_server::types::{PutObject, StoredObject, WriterState};
use lab_tracker::RunDetail;
use serde::Serialize;

use super::source::{End, Found, Item, Stream, writer_of};
use super::status_of;
use crate::commands::Session;
use crate::exit;

/// Most records of one delivery, and about the most bytes of it.
const BATCH: usize = 10_000;
const BATCH_BYTES: usize = 4 << 20;
/// Longest line of a log or text of a value that is believed to fit beside others.
const RECORD_BYTES: usize = 200;
/// The class of error of a run whose import was cut short.
const INTERRUPTED: &str = "ImportInterrupted";

/// What came of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub(super) enum Outcome {
    /// It is new.
    Imported { records: u64, refused: BTreeMap<String, u64> },
    /// It was there, and more was added.
    Continued { records: u64, refused: BTreeMap<String, u64> },
    /// It was there, whole.
    There,
    /// It was imported once and deleted here.
    Deleted,
    /// Ctrl-C came before its end.
    Interrupted { records: u64 },
    /// Its source has grown after it was taken to have ended.
    Grown { items: u64 },
    /// Something went wrong.
    Failed { problem: String },
}

impl Outcome {
    pub(super) fn is_well(&self) -> bool {
        !matches!(self, Self::Interrupted { .. } | Self::Grown { .. } | Self::Failed { .. })
    }
}

/// Whether somebody has pressed Ctrl-C.
#[derive(Clone, Default)]
pub(super) struct Interrupted(Arc<AtomicBool>);

impl Interrupted {
    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Notes Ctrl-C, so that an import ends between two deliveries. The second ends the program.
pub(super) fn listen_to_interrupts() -> Interrupted {
    let interrupted = Interrupted::default();
    let noted = interrupted.clone();
    tokio::spawn(async move {
        while tokio::signal::ctrl_c().await.is_ok() {
            if noted.0.swap(true, Ordering::Relaxed) {
                std::process::exit(130);
            }
        }
    });
    interrupted
}

/// Imports a run, or what is missing of it.
pub(super) async fn apply(
    found: &Found,
    restore: bool,
    session: &Session,
    interrupted: &Interrupted,
    bar: &ProgressBar,
) -> (RunId, Outcome) {
    let (name, id) = (found.name.clone().unwrap_or_default(), found.run_id(0));
    let mut import = Import { session, interrupted, bar, name, id, records: 0, refused: BTreeMap::new() };
    let outcome = match import.run(found, restore).await {
        Ok(outcome) => outcome,
        Err(error) => {
            let problem = error.chain().map(ToString::to_string).collect::<Vec<_>>().join(": ");
            // What has begun does not stay running for ever.
            import.break_off(&problem).await;
            Outcome::Failed { problem }
        }
    };
    (import.id, outcome)
}

struct Import<'a> {
    session: &'a Session,
    interrupted: &'a Interrupted,
    bar: &'a ProgressBar,
    name: String,
    id: RunId,
    records: u64,
    refused: BTreeMap<String, u64>,
}

impl Import<'_> {
    async fn run(&mut self, found: &Found, restore: bool) -> anyhow::Result<Outcome> {
        let mut existing = self.existing().await?;
        let mut generation = 0;
        // Who began it was heard of, and it is not there: it was deleted.
        while existing.is_none() && self.position(writer_of(self.id, "begin")).await? > 0 {
            if !restore {
                return Ok(Outcome::Deleted);
            }
            generation += 1;
            self.id = found.run_id(generation);
            existing = self.existing().await?;
        }
        let is_new = existing.is_none();
        if let Some(run) = &existing {
            let was_cut = run.error.as_ref().is_some_and(|error| error.error_type == INTERRUPTED);
            let is_as_told = status_of(&found.end) == Some(run.status) && !was_cut;
            if is_as_told && matches!(found.end, End::Known { status: RunStatus::Completed, .. }) {
                return Ok(Outcome::There);
            }
            let missing = self.missing(&found.streams).await?;
            if run.status == RunStatus::Completed {
                return Ok(if missing == 0 { Outcome::There } else { Outcome::Grown { items: missing } });
            }
            if missing == 0 && (is_as_told || status_of(&found.end).is_none() && !was_cut) {
                return Ok(Outcome::There);
            }
            if run.status.is_terminal() {
                self.deliver(WriterId::new(now()), 1, vec![Record::Resume { at: now() }]).await?;
            }
        } else {
            self.begin(found).await?;
        }
        for stream in &found.streams {
            self.deliver_stream(stream).await?;
            if self.interrupted.is_set() {
                self.break_off("the import was interrupted").await;
                return Ok(Outcome::Interrupted { records: self.records });
            }
        }
        self.end(&found.end).await?;
        let (records, refused) = (self.records, std::mem::take(&mut self.refused));
        Ok(if is_new { Outcome::Imported { records, refused } } else { Outcome::Continued { records, refused } })
    }

    async fn existing(&self) -> anyhow::Result<Option<ExperimentRun>> {
        existing(self.id, self.session).await
    }

    /// How many records of a writer are kept.
    async fn position(&self, writer: WriterId) -> anyhow::Result<u64> {
        let state: WriterState = self.session.api.get(&format!("/api/v1/writers/{writer}"), &()).await?;
        Ok(state.seq)
    }

    /// How many items are not kept yet.
    async fn missing(&self, streams: &[Stream]) -> anyhow::Result<u64> {
        let mut missing = 0;
        for stream in streams {
            let kept = self.position(writer_of(self.id, &stream.key)).await?;
            let mut items = 0;
            for item in (stream.open)()? {
                item?;
                items += 1;
            }
            missing += u64::saturating_sub(items, kept);
        }
        Ok(missing)
    }

    async fn begin(&mut self, found: &Found) -> anyhow::Result<()> {
        // A part of a run that is not there is a run all the same.
        let parent_run_id = match found.parent {
            Some(parent) => existing(parent, self.session).await?.map(|run| run.id),
            None => None,
        };
        let start = Record::Start(StartRun {
            experiment: found.experiment.clone(),
            name: found.name.clone(),
            parameters: found.parameters.clone(),
            tags: found.tags.clone(),
            parent_run_id,
            user: found.user.clone(),
            started_at: found.started_at,
        });
        start.validate()?;
        self.deliver(writer_of(self.id, "begin"), 1, vec![start]).await
    }

    async fn end(&mut self, end: &End) -> anyhow::Result<()> {
        let (status, ended_at, error) = match end.clone() {
            End::NotYet => return Ok(()),
            End::Known { status, at, error } => (status, at, error),
            End::Assumed { at } => (RunStatus::Completed, at, None),
        };
        self.finish(status, ended_at, error).await
    }

    async fn finish(&mut self, status: RunStatus, ended_at: Timestamp, error: Option<RunError>) -> anyhow::Result<()> {
        let finish = Record::Finish(FinishRun { status, ended_at, error });
        self.deliver(WriterId::new(now()), 1, vec![finish]).await
    }

    /// Ends a run that is half imported, so that it can go on.
    async fn break_off(&mut self, problem: &str) {
        let mut error = lab_client::Run::error(INTERRUPTED, problem, None);
        error.recoverable = true;
        // The run may not even have begun.
        if matches!(self.existing().await, Ok(Some(run)) if !run.status.is_terminal()) {
            self.finish(RunStatus::Failed, now(), Some(error)).await.ok();
        }
    }

    async fn deliver_stream(&mut self, stream: &Stream) -> anyhow::Result<()> {
        let writer = writer_of(self.id, &stream.key);
        let kept = self.position(writer).await?;
        let (mut first_seq, mut batch, mut bytes) = (kept + 1, Vec::new(), 0);
        let skipped = usize::try_from(kept).context("more records are kept than fit into memory")?;
        for item in (stream.open)()?.skip(skipped) {
            let record = self.record(item?).await?;
            bytes += size_of(&record);
            batch.push(record);
            if batch.len() >= BATCH || bytes >= BATCH_BYTES {
                let count = batch.len() as u64;
                self.deliver(writer, first_seq, std::mem::take(&mut batch)).await?;
                (first_seq, bytes) = (first_seq + count, 0);
                if self.interrupted.is_set() {
                    return Ok(());
                }
            }
        }
        if !batch.is_empty() {
            self.deliver(writer, first_seq, batch).await?;
        }
        Ok(())
    }

    /// The record of an item, after its bytes are stored.
    async fn record(&self, item: Item) -> anyhow::Result<Record> {
        let (name, artifact_type, content_hash, at) = match item {
            Item::Record(record) => return Ok(record),
            Item::Blob(blob) => {
                let hash = self.put(blob.name.as_str(), blob.bytes.into()).await?;
                (blob.name, blob.artifact_type, hash, blob.at)
            }
            Item::File(file) => {
                let (size, body) = open(&file.path).await?;
                let query = PutObject { name: Some(file.name.to_string()) };
                let stored: StoredObject = self.session.api.put("/api/v1/objects", &query, size, body).await?;
                (file.name, file.artifact_type, stored.hash, file.at)
            }
            Item::Download(download) => {
                let (size, body) = (download.open)().await.with_context(|| format!("downloading {}", download.name))?;
                let query = PutObject { name: Some(download.name.to_string()) };
                let stored: StoredObject = self.session.api.put("/api/v1/objects", &query, size, body).await?;
                (download.name, download.artifact_type, stored.hash, download.at)
            }
        };
        Ok(Record::Artifact { name, artifact_type, content_hash, metadata: Default::default(), at })
    }

    async fn put(&self, name: &str, bytes: axum::body::Bytes) -> anyhow::Result<ContentHash> {
        let query = PutObject { name: Some(name.to_owned()) };
        let size = bytes.len() as u64;
        let body = Box::pin(futures_util::stream::once(async { Ok(bytes) }));
        let stored: StoredObject = self.session.api.put("/api/v1/objects", &query, size, body).await?;
        Ok(stored.hash)
    }

    async fn deliver(&mut self, writer_id: WriterId, first_seq: u64, records: Vec<Record>) -> anyhow::Result<()> {
        let count = records.len() as u64;
        let delivery = Delivery { writer_id, run_id: self.id, first_seq, records };
        let path = format!("/api/v1/runs/{}/records", self.id);
        let acknowledged: Acknowledged = self.session.api.post(&path, &delivery).await?;
        for Refused { problem, .. } in acknowledged.refused {
            *self.refused.entry(problem).or_default() += 1;
        }
        self.records += count;
        self.bar.set_message(format!("{}: {} records", self.name, self.records));
        Ok(())
    }
}

async fn existing(id: RunId, session: &Session) -> anyhow::Result<Option<ExperimentRun>> {
    match session.api.get::<RunDetail>(&format!("/api/v1/runs/{id}"), &()).await {
        Ok(detail) => Ok(Some(detail.run)),
        Err(error) => match error.downcast_ref::<exit::Refused>() {
            Some(exit::Refused(problem)) if problem.status == 404 => Ok(None),
            _ => Err(error),
        },
    }
}

async fn open(path: &std::path::Path) -> anyhow::Result<(u64, crate::api::Content)> {
    use futures_util::{StreamExt as _, TryStreamExt as _};
    let shown = path.display().to_string();
    let file = tokio::fs::File::open(path).await.with_context(|| format!("`{shown}` cannot be read"))?;
    let size = file.metadata().await.with_context(|| format!("`{shown}` cannot be read"))?.len();
    let stream = tokio_util::io::ReaderStream::with_capacity(file, 256 * 1024);
    Ok((size, stream.map_err(anyhow::Error::from).boxed()))
}

/// About how many bytes a record takes as JSON.
fn size_of(record: &Record) -> usize {
    let own = match record {
        Record::Values { values } => serde_json::to_vec(values).map_or(0, |json| json.len()),
        Record::Log { lines } => lines.iter().map(|line| line.text.len() + 100).sum(),
        Record::Metrics { series, .. } => {
            series.iter().map(|points| 60 + points.key.name.len() + 60 * points.len()).sum()
        }
        _ => 0,
    };
    own + RECORD_BYTES
}

/// What would be imported.
#[derive(Serialize)]
pub(super) struct Preview {
    run_id: RunId,
    source: PathBuf,
    pub(super) experiment: String,
    pub(super) name: Option<String>,
    /// Absent while it goes on.
    pub(super) status: Option<RunStatus>,
    pub(super) started_at: Timestamp,
    pub(super) parameters: Parameters,
    pub(super) tags: Tags,
    pub(super) points: u64,
    pub(super) values: u64,
    pub(super) lines: u64,
    pub(super) files: u64,
    pub(super) is_there: bool,
    left_out: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) problem: Option<String>,
}

/// Reads a run without importing it.
pub(super) async fn describe(found: Found, session: &Session) -> Preview {
    let id = found.run_id(0);
    let mut preview = Preview {
        run_id: id,
        status: status_of(&found.end),
        source: found.place,
        experiment: found.experiment,
        name: found.name,
        started_at: found.started_at,
        parameters: found.parameters,
        tags: found.tags,
        points: 0,
        values: 0,
        lines: 0,
        files: 0,
        is_there: false,
        left_out: found.left_out,
        problem: None,
    };
    for stream in &found.streams {
        if let Err(error) = preview.count(stream) {
            preview.problem = Some(format!("{error:#}"));
        }
    }
    match existing(id, session).await {
        Ok(run) => preview.is_there = run.is_some(),
        Err(error) => preview.problem = Some(format!("{error:#}")),
    }
    preview
}

impl Preview {
    fn count(&mut self, stream: &Stream) -> anyhow::Result<()> {
        for item in (stream.open)()? {
            match item? {
                Item::Record(Record::Metrics { series, .. }) => {
                    self.points += series.iter().map(|points| points.len() as u64).sum::<u64>();
                }
                Item::Record(Record::Values { values }) => self.values += values.len() as u64,
                Item::Record(Record::Log { lines }) => self.lines += lines.len() as u64,
                Item::Record(_) => {}
                Item::Blob(_) | Item::File(_) | Item::Download(_) => self.files += 1,
            }
        }
        Ok(())
    }
}
