//! The thread that delivers a spool.

use std::collections::VecDeque;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use lab_model::{Acknowledged, Delivery, Error, Record, Refused, Result, RunId};

use crate::Workspace;
use crate::sink::{Sink, SinkError};
use crate::spool::{self, SpoolReader};

/// Frames read at a time: what a delivery can hold in memory.
const SLICE_BYTES: usize = 4 << 20;
/// Shortest and longest wait before another try.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(30));
/// How often a run without news says that it is alive.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// Most refusals remembered for the end of the run.
const MAX_REFUSED: usize = 100;

/// Folder of a run's files that wait to be uploaded, each under its hash.
pub(crate) fn files_folder(workspace: &Workspace, run: RunId) -> PathBuf {
    workspace.spool().join(run.to_string()).join("files")
}

/// How far the shipper has come.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    /// Number of the last record acknowledged.
    pub(crate) acknowledged: u64,
    /// Number of the last record that the spool holds through a power cut.
    pub(crate) durable: u64,
    /// What kept the last try from succeeding.
    pub(crate) problem: Option<String>,
    /// The sink refuses the whole run: nothing more is tried.
    pub(crate) is_refused: bool,
    /// Records that can never be kept, the first of them.
    pub(crate) refused: Vec<Refused>,
}

#[derive(Debug, Default)]
struct State {
    progress: Progress,
    /// Number of the last record appended.
    appended: u64,
    /// Deliver at once rather than at the next interval.
    hurry: bool,
    stop: bool,
    /// Stop after one more try.
    leave: bool,
    /// Nothing more is delivered.
    shipped: bool,
    /// The thread has nothing more to do.
    ended: bool,
}

/// What the run and the thread share.
#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Delivers one spool for as long as its run lives.
#[derive(Debug)]
pub(crate) struct Shipper {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    /// The process that has the thread.
    pid: u32,
}

impl Drop for Shipper {
    /// Lets the thread deliver what there is and end; nobody waits for it.
    fn drop(&mut self) {
        if self.pid != std::process::id() {
            self.abandon();
        } else if self.thread.is_some() {
            self.shared.lock().leave = true;
            self.shared.changed.notify_all();
        }
    }
}

impl Shipper {
    /// Begins to deliver the spool at `path`, whose file is made durable at every checkpoint.
    ///
    /// Offline it is made durable, and not delivered.
    pub(crate) fn start(
        workspace: Workspace,
        run: RunId,
        path: PathBuf,
        file: Arc<File>,
        is_offline: bool,
    ) -> Result<Self> {
        let shared = Arc::new(Shared::default());
        let worker = Worker { shared: Arc::clone(&shared), workspace, run, path, file, is_offline };
        let thread = std::thread::Builder::new().name("lab-shipper".to_owned()).spawn(move || worker.run());
        let thread = thread.map_err(|e| Error::io("starting the thread that delivers", e))?;
        Ok(Self { shared, thread: Some(thread), pid: std::process::id() })
    }

    /// Tells of a record that was appended.
    pub(crate) fn appended(&self, seq: u64) {
        self.shared.lock().appended = seq;
    }

    /// How far it has come.
    pub(crate) fn progress(&self) -> Progress {
        self.shared.lock().progress.clone()
    }

    /// Waits until everything appended is acknowledged or refused, at most `limit`. Answers whether it is.
    pub(crate) fn wait(&self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        let mut state = self.shared.lock();
        state.hurry = true;
        self.shared.changed.notify_all();
        while state.progress.acknowledged < state.appended && !state.progress.is_refused {
            let Some(left) = deadline.checked_duration_since(Instant::now()) else { return false };
            state = self.shared.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        !state.progress.is_refused
    }

    /// Goes back to delivering at intervals.
    pub(crate) fn calm(&self) {
        self.shared.lock().hurry = false;
    }

    /// Stops the thread after what it is doing now, and waits for it, at most `limit`.
    pub(crate) fn stop(&mut self, limit: Duration) {
        let Some(thread) = self.thread.take() else { return };
        let mut state = self.shared.lock();
        state.stop = true;
        self.shared.changed.notify_all();
        let waited = self.shared.changed.wait_timeout_while(state, limit, |state| !state.ended);
        let has_ended = waited.unwrap_or_else(PoisonError::into_inner).0.ended;
        if has_ended {
            thread.join().ok();
        }
    }

    /// Forgets the thread, which a forked process does not have.
    pub(crate) fn abandon(&mut self) {
        if let Some(thread) = self.thread.take() {
            std::mem::forget(thread);
        }
    }
}

struct Worker {
    shared: Arc<Shared>,
    workspace: Workspace,
    run: RunId,
    path: PathBuf,
    file: Arc<File>,
    is_offline: bool,
}

impl Worker {
    fn run(self) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        std::thread::scope(|scope| {
            // On a thread of its own: what is logged becomes durable also while a server takes its time.
            let flusher = std::thread::Builder::new().name("lab-flusher".to_owned());
            let flusher = flusher.spawn_scoped(scope, || self.keep_durable());
            match runtime {
                Ok(runtime) => runtime.block_on(self.ship()),
                Err(e) => self.shared.lock().progress.problem = Some(format!("the runtime could not be started: {e}")),
            }
            if let Err(e) = flusher {
                self.shared.lock().progress.problem =
                    Some(format!("the thread that flushes could not be started: {e}"));
            }
            self.shared.lock().shipped = true;
            self.shared.changed.notify_all();
        });
        self.shared.lock().ended = true;
        self.shared.changed.notify_all();
    }

    async fn ship(&self) {
        let mut backoff = Backoff::default();
        let mut delivery = None;
        let mut heard_at = Instant::now();
        loop {
            let appended = self.wait_for_work();
            let (stop, leave, is_refused) = {
                let state = self.shared.lock();
                (state.stop, state.leave, state.progress.is_refused)
            };
            if stop || (leave && (self.is_offline || is_refused)) {
                break;
            }
            if self.is_offline || is_refused {
                continue;
            }
            let outcome = async {
                if delivery.is_none() {
                    delivery = Some(SpoolDelivery::open(&self.workspace, &self.path, Extent::Whole).await?);
                }
                let Some(Some(delivery)) = delivery.as_mut() else { return Ok(()) };
                while self.acknowledged() < appended {
                    let Some(acknowledged) = delivery.deliver_some().await? else { break };
                    heard_at = Instant::now();
                    self.note(acknowledged);
                }
                if heard_at.elapsed() > HEARTBEAT {
                    heard_at = Instant::now();
                    delivery.sink.heartbeat(self.run).await.ok();
                }
                Ok::<(), SinkError>(())
            };
            match outcome.await {
                Ok(()) => backoff = Backoff::default(),
                // What is left waits for `lab sync`.
                Err(_) if leave => break,
                Err(error) => {
                    let wait = error.retry_after.unwrap_or_else(|| backoff.next());
                    {
                        let mut state = self.shared.lock();
                        state.progress.problem = Some(error.problem);
                        state.progress.is_refused = !error.is_retryable;
                        self.shared.changed.notify_all();
                    }
                    self.pause(wait);
                }
            }
            if leave {
                break;
            }
        }
        if let Some(Some(delivery)) = delivery {
            delivery.sink.close().await;
        }
    }

    fn acknowledged(&self) -> u64 {
        self.shared.lock().progress.acknowledged
    }

    fn note(&self, acknowledged: Acknowledged) {
        let mut state = self.shared.lock();
        state.progress.acknowledged = acknowledged.seq;
        state.progress.problem = None;
        let room = MAX_REFUSED.saturating_sub(state.progress.refused.len());
        state.progress.refused.extend(acknowledged.refused.into_iter().take(room));
        self.shared.changed.notify_all();
    }

    fn interval(&self) -> Duration {
        Duration::from_secs_f64(self.workspace.settings.checkpoint_interval_secs)
    }

    /// Makes what was appended durable, twice in every checkpoint interval and once more at the end. Twice, because making
    /// it durable takes time too, and no record is to wait longer than the interval.
    fn keep_durable(&self) {
        loop {
            let deadline = Instant::now() + self.interval() / 2;
            let mut state = self.shared.lock();
            while !state.shipped
                && let Some(left) = deadline.checked_duration_since(Instant::now())
            {
                state = self.shared.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
            }
            let (appended, durable, shipped) = (state.appended, state.progress.durable, state.shipped);
            let is_kept_elsewhere = state.progress.acknowledged >= appended;
            drop(state);
            if appended > durable && !is_kept_elsewhere {
                // A file system that cannot sync keeps what it was given as well as it can.
                self.file.sync_data().ok();
                if durable == 0 {
                    // The file's name, and that of its folder, are to be found again too.
                    for folder in self.path.ancestors().skip(1).take(2) {
                        File::open(folder).and_then(|folder| folder.sync_all()).ok();
                    }
                }
                self.shared.lock().progress.durable = appended;
            }
            if shipped {
                return;
            }
        }
    }

    /// Sleeps for a checkpoint interval, less where there is hurry. Answers with the number of the last record appended.
    fn wait_for_work(&self) -> u64 {
        let mut state = self.shared.lock();
        let is_behind = state.progress.acknowledged < state.appended;
        if !(state.stop || state.leave || state.hurry && is_behind) {
            state = self.shared.changed.wait_timeout(state, self.interval()).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.appended
    }

    fn pause(&self, wait: Duration) {
        let deadline = Instant::now() + wait;
        let mut state = self.shared.lock();
        // Whoever waits for the end of the run has one more try at once.
        let hurried = state.hurry;
        while !state.stop && !state.leave && state.hurry == hurried {
            let Some(left) = deadline.checked_duration_since(Instant::now()) else { return };
            state = self.shared.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// Waits that double, each cut by chance so that many clients do not come back at once.
#[derive(Default)]
struct Backoff {
    tries: u32,
}

impl Backoff {
    fn next(&mut self) -> Duration {
        let (shortest, longest) = BACKOFF;
        let full = shortest.saturating_mul(1 << self.tries.min(16)).min(longest);
        self.tries += 1;
        // The low bits of a new id are as random as this needs.
        let random = uuid::Uuid::now_v7().as_bytes()[15];
        full.mul_f64(0.5 + f64::from(random) / 512.0)
    }
}

/// One spool on its way to a sink.
#[derive(Debug)]
pub(crate) struct SpoolDelivery {
    pub(crate) reader: SpoolReader,
    pub(crate) sink: Sink,
    workspace: Workspace,
    path: PathBuf,
    files: PathBuf,
    acknowledged: u64,
    ready: VecDeque<Record>,
    extent: Extent,
}

/// How much of a spool to deliver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// All of it; before the end of the run, what other processes have logged to it.
    Whole,
    /// What comes before the end of the run.
    BeforeEnd,
}

impl SpoolDelivery {
    /// Opens a spool and asks how much of it is known; `None` if it holds no record.
    pub(crate) async fn open(
        workspace: &Workspace,
        path: &Path,
        extent: Extent,
    ) -> std::result::Result<Option<Self>, SinkError> {
        let Some(reader) = SpoolReader::open(path)? else { return Ok(None) };
        let sink = Sink::open(workspace).await?;
        let acknowledged = sink.delivered(reader.writer).await?;
        let files = files_folder(workspace, reader.run);
        let (workspace, path) = (workspace.clone(), path.to_owned());
        Ok(Some(Self { reader, sink, workspace, path, files, acknowledged, ready: VecDeque::new(), extent }))
    }

    /// Delivers the next records, as many as one batch takes; `None` where there are no more, up to the extent.
    pub(crate) async fn deliver_some(&mut self) -> std::result::Result<Option<Acknowledged>, SinkError> {
        if self.ready.is_empty() {
            let (first, records) = self.reader.read(self.acknowledged, SLICE_BYTES, self.most_points())?;
            if records.is_empty() {
                return Ok(None);
            }
            self.acknowledged = first - 1;
            self.ready = records.into();
        }
        let mut others_refused = Vec::new();
        if self.is_at_end() {
            if self.extent == Extent::BeforeEnd {
                return Ok(None);
            }
            // Once the run has ended it takes nothing more.
            for path in siblings(&self.workspace, self.reader.run, &self.path) {
                match Box::pin(deliver_all(&self.workspace, &path, Extent::BeforeEnd)).await {
                    Ok((_, refused)) => others_refused.extend(refused),
                    Err(error) if error.is_retryable => return Err(error),
                    // Damaged, say: it will never be delivered, which `sync` tells, and the run must end all the same.
                    Err(_) => {}
                }
            }
        }
        let mut points = 0;
        let mut count = 0;
        for record in &self.ready {
            points += points_of(record);
            let is_full = points > self.most_points();
            if count > 0 && (is_full || matches!(record, Record::Finish(_))) {
                break;
            }
            count += 1;
        }
        let records: Vec<Record> = self.ready.drain(..count).collect();
        let delivery = Delivery {
            writer_id: self.reader.writer,
            run_id: self.reader.run,
            first_seq: self.acknowledged + 1,
            records,
        };
        let outcome = match self.upload(&delivery.records).await {
            Ok(()) => self.sink.deliver(&delivery).await,
            Err(error) => Err(error),
        };
        let mut acknowledged = match outcome {
            Ok(acknowledged) => acknowledged,
            Err(error) => {
                delivery.records.into_iter().rev().for_each(|record| self.ready.push_front(record));
                return Err(error);
            }
        };
        acknowledged.refused.append(&mut others_refused);
        if acknowledged.seq != self.acknowledged + delivery.records.iter().map(Record::count).sum::<u64>() {
            // Another process delivers the same spool, and is further, or cut it into other pieces: on from there.
            self.ready.clear();
            if let Some(reader) = SpoolReader::open(&self.path)? {
                self.reader = reader;
            }
        }
        self.acknowledged = acknowledged.seq;
        for record in &delivery.records {
            if let Record::Artifact { content_hash, .. } = record {
                // The same content may be logged again under another name: its copy then is made again.
                std::fs::remove_file(self.files.join(content_hash.to_string())).ok();
            }
        }
        Ok(Some(acknowledged))
    }

    fn most_points(&self) -> usize {
        self.workspace.settings.metric_buffer_size as usize
    }

    /// Whether the end of the run is what comes next.
    fn is_at_end(&self) -> bool {
        matches!(self.ready.front(), Some(Record::Finish(_)))
    }

    /// Stores the bytes of artifacts before the records that name them.
    async fn upload(&self, records: &[Record]) -> std::result::Result<(), SinkError> {
        for record in records {
            if let Record::Artifact { name, content_hash, .. } = record {
                let file = self.files.join(content_hash.to_string());
                if file.exists() {
                    match self.sink.put_file(&file, name.as_str()).await {
                        // Too large, or refused otherwise: the record will be refused too, and is reported with it.
                        Err(error) if !error.is_retryable => {}
                        outcome => outcome?,
                    }
                }
            }
        }
        Ok(())
    }
}

fn points_of(record: &Record) -> usize {
    match record {
        Record::Metrics { series, .. } => series.iter().map(lab_model::SeriesPoints::len).sum(),
        _ => 0,
    }
}

/// Deletes a spool that is delivered, and the run's folder once it is empty.
pub(crate) fn discard(workspace: &Workspace, run: RunId, path: &Path) {
    std::fs::remove_file(path).ok();
    std::fs::remove_dir(files_folder(workspace, run)).ok();
    if let Some(folder) = path.parent() {
        std::fs::remove_dir(folder).ok();
    }
}

/// Delivers a spool, and deletes it if all of it is delivered and its writer is gone. Answers with how much was delivered
/// and what was refused; a spool that ends in something torn or damaged is set aside.
pub(crate) async fn deliver_all(
    workspace: &Workspace,
    path: &Path,
    extent: Extent,
) -> std::result::Result<(u64, Vec<Refused>), SinkError> {
    // Asked before reading: a writer that appends and ends while this reads has left more than was read.
    let is_abandoned = spool::is_abandoned(path);
    let Some(mut delivery) = SpoolDelivery::open(workspace, path, extent).await? else {
        if is_abandoned {
            std::fs::remove_file(path).ok();
        }
        return Ok((0, Vec::new()));
    };
    let mut refused = Vec::new();
    let before = delivery.acknowledged;
    let outcome = loop {
        match delivery.deliver_some().await {
            Ok(Some(acknowledged)) => refused.extend(acknowledged.refused),
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    let (run, delivered) = (delivery.reader.run, delivery.acknowledged.saturating_sub(before));
    let (seq, remaining, is_at_end) = (delivery.acknowledged + 1, delivery.reader.remaining(), delivery.is_at_end());
    delivery.sink.close().await;
    outcome?;
    if is_at_end {
        return Ok((delivered, refused));
    }
    let remaining = remaining?;
    if is_abandoned && remaining == 0 {
        discard(workspace, run, path);
    } else if is_abandoned {
        // Torn by a crash of the machine, or damaged: not a record any more, and not this program's to throw away.
        let kept = path.with_extension("damaged");
        std::fs::rename(path, &kept).map_err(|e| Error::io(format!("renaming `{}`", path.display()), e))?;
        let problem =
            format!("the last {remaining} bytes of a spool are damaged; they are kept in `{}`", kept.display());
        refused.push(Refused { seq, problem });
    }
    Ok((delivered, refused))
}

/// Spools of a run other than this one: of processes that it forked, and of those that crashed.
pub(crate) fn siblings(workspace: &Workspace, run: RunId, own: &Path) -> Vec<PathBuf> {
    let folder = workspace.spool().join(run.to_string());
    let all = spool::all(&workspace.spool()).unwrap_or_default();
    all.into_iter().filter(|path| path != own && path.starts_with(&folder)).collect()
}
