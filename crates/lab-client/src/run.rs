//! A run, as the program that executes it sees it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use lab_capture::{CaptureOptions, UsageSampler};
use lab_model::{
    ArtifactName, ArtifactType, ContentHash, ContentHasher, Error, FinishRun, Kind, LogLine, LoggedValue, Metadata,
    Parameters, Record, Refused, Result, RunError, RunId, RunStatus, SeriesKey, SeriesPoints, StartRun, Tags,
    Validate as _, WriterId,
};

use crate::shipper::{self, Shipper, files_folder};
use crate::spool::SpoolWriter;
use crate::{Workspace, login_name, now};

/// How long the end of a run waits for a sink that makes no progress.
const PATIENCE: Duration = Duration::from_secs(30);

/// How a run begins.
#[derive(Clone, Debug, Default)]
pub struct StartOptions {
    /// Name or id of the experiment; one of a new name is created.
    pub experiment: String,
    /// Name of the run; `run-NUMBER` where absent.
    pub name: Option<String>,
    /// What it is started with.
    pub parameters: Parameters,
    /// Labels, or pairs.
    pub tags: Tags,
    /// The run that this one is a part of.
    pub parent_run_id: Option<RunId>,
    /// Id of a run to go on with, or to share with other processes; a new one where absent.
    pub run_id: Option<RunId>,
    /// Whether the run of that id goes on if it has ended without completing.
    pub resume: bool,
    /// Login name of who starts it; this process's where absent.
    pub user: Option<String>,
    /// Whether everything waits in the spool, for `lab sync`, and nothing is delivered by this process.
    pub is_offline: bool,
    /// Interpreter whose packages the environment lists, for a program that is a script.
    pub interpreter: Option<PathBuf>,
    /// The file that is asked to run, as `train.py`.
    pub entry_point: Option<String>,
    /// The program and its arguments, for the environment; none are recorded where empty.
    pub arguments: Vec<String>,
    /// Environment variables of the program, where it has others than this process.
    pub variables: Vec<(OsString, OsString)>,
    /// Whether another process began the run, watches its machine and ends it: the end of this one only delivers.
    pub is_attached: bool,
}

impl StartOptions {
    /// A run of an experiment, with nothing else said.
    pub fn new(experiment: impl Into<String>) -> Self {
        Self { experiment: experiment.into(), ..Self::default() }
    }
}

/// What came of the end of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Whether everything is delivered. What is not waits in the spool, for `lab sync`.
    pub is_delivered: bool,
    /// What kept it from being delivered.
    pub problem: Option<String>,
    /// Records that the rules refused.
    pub refused: Vec<Refused>,
}

/// A running run. Dropping it without an end delivers what was logged, in the background, and leaves it running, to be
/// failed when it is not heard of any more.
#[derive(Debug)]
pub struct Run {
    id: RunId,
    workspace: Workspace,
    is_offline: bool,
    /// Another process began it, and ends it.
    is_attached: bool,
    writer: Arc<Mutex<Writer>>,
    /// The thread that captures the environment, of the process that began the run.
    capture: Mutex<Option<(u32, JoinHandle<()>)>>,
}

/// The spool of one process, and the thread that delivers it.
#[derive(Debug)]
struct Writer {
    spool: SpoolWriter,
    shipper: Shipper,
    /// The process that made them: a forked one makes its own.
    pid: u32,
    /// Step of the next points that name none.
    next_step: i64,
    has_ended: bool,
}

impl Writer {
    fn create(workspace: &Workspace, run: RunId, is_offline: bool) -> Result<Self> {
        let spool = SpoolWriter::create(&workspace.spool(), run, WriterId::new(now()))?;
        let shipper = Shipper::start(workspace.clone(), run, spool.path().to_owned(), spool.file(), is_offline)?;
        Ok(Self { spool, shipper, pid: std::process::id(), next_step: 0, has_ended: false })
    }

    fn append(&mut self, record: &Record) -> Result<()> {
        self.check_open()?;
        let seq = self.spool.append(record)?;
        self.shipper.appended(seq);
        Ok(())
    }

    fn check_open(&self) -> Result<()> {
        if !self.has_ended {
            return Ok(());
        }
        // Its spool may be delivered and deleted: what is appended now would be lost without a word.
        let needs = "nothing can be logged to it any more".to_owned();
        Err(Error::WrongState { kind: Kind::Run, id: self.spool.run().to_string(), actual: "finished", needs })
    }
}

impl Run {
    /// Begins a run, or attaches to one. The server is not asked: a run can begin without it.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the field; [`Error::Io`] where the spool cannot be written.
    pub fn start(workspace: &Workspace, options: StartOptions) -> Result<Self> {
        let mut capture = CaptureOptions { interpreter: options.interpreter, ..CaptureOptions::of_this_process() };
        capture.entry_point = options.entry_point;
        capture.arguments = options.arguments;
        capture.variables.extend(options.variables);
        let StartOptions {
            experiment,
            name,
            parameters,
            tags,
            parent_run_id,
            run_id,
            resume,
            user,
            is_offline,
            is_attached,
            ..
        } = options;
        let started_at = now();
        let id = run_id.unwrap_or_else(|| RunId::new(started_at));
        let user = user.or_else(login_name);
        let start = Record::Start(StartRun {
            experiment,
            name,
            parameters: parameters.clone(),
            tags: tags.clone(),
            parent_run_id,
            user,
            started_at,
        });
        start.validate()?;
        let mut writer = Writer::create(workspace, id, is_offline)?;
        writer.append(&start)?;
        if resume {
            writer.append(&Record::Resume { at: started_at })?;
        }
        // A run that is there already does not take them from its start.
        if run_id.is_some() && !parameters.is_empty() {
            writer.append(&Record::Parameters { parameters })?;
        }
        if run_id.is_some() && !tags.0.is_empty() {
            writer.append(&Record::Tags { tags })?;
        }
        let writer = Arc::new(Mutex::new(writer));
        let captures = workspace.settings.capture_environment && !is_attached;
        let capture = captures.then(|| capture_environment(&writer, capture)).flatten();
        let capture = Mutex::new(capture.map(|thread| (std::process::id(), thread)));
        if !is_attached {
            watch_usage(&writer, workspace.settings.system_metrics_interval_secs);
        }
        Ok(Self { id, workspace: workspace.clone(), is_offline, is_attached, writer, capture })
    }

    /// Attaches to the run that `LAB_RUN_ID` names, where whoever started this process has begun one, as `lab run` does.
    /// What this process logs becomes part of it, and it goes on after this process's end, which only delivers.
    ///
    /// # Errors
    /// [`Error::Invalid`] if that is no id; [`Error::Io`] where the spool cannot be written.
    pub fn attach(workspace: &Workspace) -> Result<Option<Self>> {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let Some(id) = set("LAB_RUN_ID") else { return Ok(None) };
        let run_id = Some(id.parse().map_err(|e: Error| e.within("LAB_RUN_ID"))?);
        let is_offline = set("LAB_MODE").is_some_and(|mode| mode == "offline");
        // The run has its experiment already; the name counts only where its beginning comes later than this.
        let experiment = set("LAB_EXPERIMENT").unwrap_or_else(|| "default".to_owned());
        let options = StartOptions { run_id, is_offline, is_attached: true, ..StartOptions::new(experiment) };
        Ok(Some(Self::start(workspace, options)?))
    }

    /// Identity of the run.
    #[must_use]
    pub fn id(&self) -> RunId {
        self.id
    }

    /// The workspace it is kept in.
    #[must_use]
    pub fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    /// Logs one value of each of these series. Without a step they get the one after the last; a step that goes back is
    /// kept as it is.
    ///
    /// # Errors
    /// [`Error::Invalid`] if a name is refused; [`Error::Io`] where the spool cannot be written, as on a full disk.
    pub fn log<K: Into<SeriesKey>>(&self, values: impl IntoIterator<Item = (K, f64)>, step: Option<i64>) -> Result<()> {
        let time_micros = now().as_microsecond();
        let mut writer = self.writer()?;
        let step = step.unwrap_or(writer.next_step);
        writer.check_open()?;
        let values = values.into_iter().map(|(key, value)| (key.into(), value));
        let seq = writer.spool.append_step(step, time_micros, values)?;
        writer.shipper.appended(seq);
        writer.next_step = step.saturating_add(1);
        Ok(())
    }

    /// Step that the next points get which name none.
    #[must_use]
    pub fn next_step(&self) -> i64 {
        self.lock().next_step
    }

    /// Logs points with steps and times of their own, or without steps.
    ///
    /// # Errors
    /// As [`Run::log`].
    pub fn log_series(&self, series: Vec<SeriesPoints>) -> Result<()> {
        self.append(Record::metrics(series))
    }

    /// Logs values that are not one number.
    ///
    /// # Errors
    /// As [`Run::log`].
    pub fn log_values(&self, values: Vec<LoggedValue>) -> Result<()> {
        self.append(Record::Values { values })
    }

    /// Adds parameters. One that was given already cannot change: the record is refused when it is delivered.
    ///
    /// # Errors
    /// As [`Run::log`].
    pub fn log_parameters(&self, parameters: Parameters) -> Result<()> {
        self.append(Record::Parameters { parameters })
    }

    /// Sets tags.
    ///
    /// # Errors
    /// As [`Run::log`].
    pub fn set_tags(&self, tags: Tags) -> Result<()> {
        self.append(Record::Tags { tags })
    }

    /// Notes a dataset that the run reads.
    ///
    /// # Errors
    /// As [`Run::log`].
    pub fn use_dataset(&self, dataset: impl Into<String>, metadata: Metadata) -> Result<()> {
        self.append(Record::UseDataset { dataset: dataset.into(), metadata })
    }

    /// Notes a model that the run uses.
    ///
    /// # Errors
    /// As [`Run::log`].
    pub fn use_model(&self, model: impl Into<String>, metadata: Metadata) -> Result<()> {
        self.append(Record::UseModel { model: model.into(), metadata })
    }

    /// Adds lines to the run's log.
    ///
    /// # Errors
    /// As [`Run::log`].
    pub fn log_lines(&self, lines: Vec<LogLine>) -> Result<()> {
        self.append(Record::Log { lines })
    }

    /// Logs a file. It is copied beside the spool first, so that it may change or go at once.
    ///
    /// # Errors
    /// [`Error::ArtifactTooLarge`]; [`Error::Io`] where it cannot be read or copied.
    pub fn log_artifact(
        &self,
        file: &Path,
        name: ArtifactName,
        artifact_type: ArtifactType,
        metadata: Metadata,
    ) -> Result<()> {
        let limit_bytes = self.workspace.settings.artifact_limit_bytes;
        let reading = |e| Error::io(format!("reading `{}`", file.display()), e);
        if fs::metadata(file).map_err(reading)?.len() > limit_bytes {
            return Err(Error::ArtifactTooLarge { name: name.to_string(), limit_bytes });
        }
        let folder = files_folder(&self.workspace, self.id);
        let content_hash = keep_copy(file, &folder)?;
        self.append(Record::Artifact { name, artifact_type, content_hash, metadata, at: now() })
    }

    /// Delivers what was logged so far without waiting for the next interval. Waits for it at most `limit`, and not where
    /// something keeps it from being delivered; answers whether it is.
    pub fn flush(&self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        let is_delivered = loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if self.lock().shipper.wait(left.min(Duration::from_millis(50))) {
                break true;
            }
            if left.is_zero() || self.is_offline || self.problem().is_some() {
                break false;
            }
        };
        self.lock().shipper.calm();
        is_delivered
    }

    /// Ends the run well.
    ///
    /// # Errors
    /// As [`Run::log`].
    pub fn complete(&self) -> Result<Outcome> {
        self.finish(RunStatus::Completed, None)
    }

    /// Ends the run, and waits for its delivery as long as that makes progress. What is not delivered by then stays in the
    /// spool. Once it has ended this does nothing.
    ///
    /// # Errors
    /// As [`Run::log`].
    pub fn finish(&self, status: RunStatus, error: Option<RunError>) -> Result<Outcome> {
        self.finish_within(status, error, PATIENCE, &mut || false)
    }

    /// As [`Run::finish`], waiting at most `patience` for delivery that makes no progress, and not when `interrupted`, which
    /// is asked several times a second.
    ///
    /// # Errors
    /// As [`Run::log`].
    pub fn finish_within(
        &self,
        status: RunStatus,
        error: Option<RunError>,
        patience: Duration,
        interrupted: &mut dyn FnMut() -> bool,
    ) -> Result<Outcome> {
        self.end(status, error)?;
        Ok(self.deliver_within(patience, interrupted))
    }

    /// Waits until all that this process has logged is delivered, and closes its spool: for a process that was forked by
    /// the one that ends the run. The same limits hold as in [`Run::finish_within`].
    pub fn deliver_within(&self, patience: Duration, interrupted: &mut dyn FnMut() -> bool) -> Outcome {
        {
            let mut writer = self.lock();
            if writer.pid != std::process::id() {
                // Nothing was logged here, and the parent's records are not this process's to deliver.
                return Outcome { is_delivered: true, ..Outcome::default() };
            }
            writer.has_ended = true;
        }
        if self.is_offline {
            return self.abandon();
        }
        let mut acknowledged = self.progress().acknowledged;
        let mut moved_at = Instant::now();
        loop {
            if let Some(outcome) = self.try_close(Duration::from_millis(200).min(patience)) {
                return outcome;
            }
            let now_acknowledged = self.progress().acknowledged;
            if now_acknowledged != acknowledged {
                (acknowledged, moved_at) = (now_acknowledged, Instant::now());
            }
            if moved_at.elapsed() >= patience || interrupted() {
                return self.abandon();
            }
        }
    }

    /// Writes the end of the run. Does not wait for its delivery, which comes after that of what processes forked by this one
    /// have logged.
    ///
    /// # Errors
    /// As [`Run::log`].
    pub fn end(&self, status: RunStatus, error: Option<RunError>) -> Result<()> {
        if self.writer()?.has_ended {
            return Ok(());
        }
        // It takes two seconds at most, and a run may be shorter.
        let capture = self.capture.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((pid, thread)) = capture {
            if pid == std::process::id() {
                thread.join().ok();
            } else {
                std::mem::forget(thread);
            }
        }
        let mut writer = self.writer()?;
        if !self.is_attached {
            writer.append(&Record::Finish(FinishRun { status, ended_at: now(), error }))?;
        }
        writer.has_ended = true;
        Ok(())
    }

    /// Waits for delivery, at most `limit`; the outcome once there is one. To be called after [`Run::end`], again and
    /// again, by whoever has other things to look at meanwhile.
    pub fn try_close(&self, limit: Duration) -> Option<Outcome> {
        let mut writer = self.lock();
        let is_done = writer.shipper.wait(limit);
        let progress = writer.shipper.progress();
        if !is_done && !progress.is_refused {
            return None;
        }
        writer.shipper.stop(PATIENCE);
        if is_done {
            shipper::discard(&self.workspace, self.id, writer.spool.path());
        }
        Some(Outcome { is_delivered: is_done, problem: progress.problem, refused: progress.refused })
    }

    /// Gives up waiting; what is not delivered stays in the spool.
    pub fn abandon(&self) -> Outcome {
        let mut writer = self.lock();
        let progress = writer.shipper.progress();
        // It may be waiting for a lock or an answer, for longer than whoever gives up wants to.
        writer.shipper.stop(Duration::from_secs(1));
        writer.spool.release();
        Outcome { is_delivered: false, problem: progress.problem, refused: progress.refused }
    }

    /// An error of this process, as a run's end tells it.
    #[must_use]
    pub fn error(error_type: &str, message: &str, stack_trace: Option<String>) -> RunError {
        RunError {
            error_type: error_type.to_owned(),
            message: message.to_owned(),
            stack_trace,
            time: now(),
            recoverable: false,
            context: BTreeMap::new(),
        }
    }

    /// Number of records that a power cut cannot take: those delivered, and those that the spool's disk holds.
    #[must_use]
    pub fn durable(&self) -> u64 {
        let progress = self.progress();
        progress.durable.max(progress.acknowledged)
    }

    /// Number of records delivered so far.
    #[must_use]
    pub fn acknowledged(&self) -> u64 {
        self.progress().acknowledged
    }

    /// What keeps records from being delivered now, where something does.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        self.progress().problem
    }

    fn progress(&self) -> shipper::Progress {
        self.lock().shipper.progress()
    }

    fn append(&self, record: Record) -> Result<()> {
        record.validate()?;
        self.writer()?.append(&record)
    }

    fn lock(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The writer of this process: one that was forked gets a spool and a thread of its own.
    fn writer(&self) -> Result<MutexGuard<'_, Writer>> {
        let mut writer = self.lock();
        if writer.pid != std::process::id() {
            let next_step = writer.next_step;
            writer.shipper.abandon();
            let own = Writer::create(&self.workspace, self.id, self.is_offline)?;
            // The parent's file and thread are not this process's to close.
            std::mem::forget(std::mem::replace(&mut *writer, Writer { next_step, ..own }));
        }
        Ok(writer)
    }
}

/// Captures where the run runs, on a thread of its own: it may take two seconds.
fn capture_environment(writer: &Arc<Mutex<Writer>>, options: CaptureOptions) -> Option<JoinHandle<()>> {
    let writer = Arc::downgrade(writer);
    let capture = move || {
        let snapshot = lab_capture::capture(now(), &options);
        if let Some(writer) = writer.upgrade() {
            let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
            if !writer.has_ended {
                // A full disk is told to whoever logs next.
                writer.append(&Record::Environment { snapshot: Box::new(snapshot) }).ok();
            }
        }
    };
    // Without the thread the run goes on, and its environment is not known.
    std::thread::Builder::new().name("lab-capture".to_owned()).spawn(capture).ok()
}

/// Logs how much of the machine is in use, every so many seconds until the run ends.
fn watch_usage(writer: &Arc<Mutex<Writer>>, interval_secs: u64) {
    if interval_secs == 0 {
        return;
    }
    let writer = Arc::downgrade(writer);
    let watch = move || {
        let Some(mut sampler) = UsageSampler::start() else { return };
        let mut left = interval_secs;
        loop {
            std::thread::sleep(Duration::from_secs(1));
            let Some(writer) = writer.upgrade() else { return };
            left -= 1;
            if left > 0 {
                continue;
            }
            left = interval_secs;
            let time_micros = now().as_microsecond();
            let series = sampler.sample().into_iter().map(|(name, value)| {
                let mut points = SeriesPoints::new(SeriesKey::named(name));
                points.push(value, None, time_micros);
                points
            });
            let record = Record::metrics(series.collect());
            // A full disk is told to whoever logs next.
            if writer.lock().unwrap_or_else(PoisonError::into_inner).append(&record).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new().name("lab-usage".to_owned()).spawn(watch).ok();
}

/// Copies a file into a folder under its hash, and makes it durable there.
fn keep_copy(file: &Path, folder: &Path) -> Result<ContentHash> {
    let reading = |e| Error::io(format!("reading `{}`", file.display()), e);
    let writing = |e| Error::io(format!("copying `{}` into `{}`", file.display(), folder.display()), e);
    fs::create_dir_all(folder).map_err(writing)?;
    let mut source = fs::File::open(file).map_err(reading)?;
    let part = folder.join(format!("{}.part", WriterId::new(now())));
    let mut copy = || -> Result<ContentHash> {
        let mut target = fs::File::create(&part).map_err(writing)?;
        let mut hasher = ContentHasher::default();
        let mut buffer = vec![0; 1 << 20];
        loop {
            let n = source.read(&mut buffer).map_err(reading)?;
            if n == 0 {
                break;
            }
            hasher.update(&buffer[..n]);
            target.write_all(&buffer[..n]).map_err(writing)?;
        }
        target.sync_data().map_err(writing)?;
        let hash = hasher.finish();
        fs::rename(&part, folder.join(hash.to_string())).map_err(writing)?;
        Ok(hash)
    };
    let copied = copy();
    if copied.is_err() {
        fs::remove_file(&part).ok();
    }
    copied
}
