//! The one thread that writes.

use std::sync::Arc;
use std::thread;

use lab_model::{Error, EventSeq, Result};
use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{mpsc, oneshot, watch};

use super::commit::apply;
use super::error::{While as _, classify, closed, same_for_all};
use super::finalise::{Quantiles, keep_quantiles};
use super::fold::{Fold, swap};
use super::prepare::Prepared;
use super::watcher::tell;
use crate::Committed;

const COMMITTING: &str = "committing a change";

/// Most requests that wait; who comes later waits to be let in.
const QUEUE: usize = 1_024;
/// Most requests in one transaction, and most points: the first to come wait for the last.
const MOST_REQUESTS: usize = 512;
const MOST_POINTS: usize = 1_000_000;

pub(super) struct Writer {
    requests: mpsc::Sender<Request>,
}

type Reply<T> = oneshot::Sender<Result<T>>;

enum Request {
    Commit(Box<Prepared>, Reply<Committed>),
    KeepQuantiles(Box<Quantiles>, Reply<bool>),
    Fold(Box<Fold>, Reply<bool>),
    Probe(Reply<()>),
    Close(oneshot::Sender<()>),
}

impl Writer {
    pub(super) fn start(conn: Connection, watchers: Arc<watch::Sender<EventSeq>>) -> Result<Self> {
        let (requests, inbox) = mpsc::channel(QUEUE);
        thread::Builder::new()
            .name("lab-store-write".into())
            .spawn(move || run(conn, inbox, &watchers))
            .map_err(|error| Error::io("starting a thread", error))?;
        Ok(Self { requests })
    }

    pub(super) async fn commit(&self, change: Prepared) -> Result<Committed> {
        self.ask(COMMITTING, |reply| Request::Commit(Box::new(change), reply)).await
    }

    /// Whether they were kept; not if the series have changed since.
    pub(super) async fn keep_quantiles(&self, quantiles: Quantiles) -> Result<bool> {
        self.ask("keeping quantiles", |reply| Request::KeepQuantiles(Box::new(quantiles), reply)).await
    }

    /// Whether its rows were swapped.
    pub(super) async fn fold(&self, fold: Fold) -> Result<bool> {
        self.ask("folding metrics", |reply| Request::Fold(Box::new(fold), reply)).await
    }

    /// Takes the write lock and gives it back.
    pub(super) async fn probe(&self) -> Result<()> {
        self.ask("taking the write lock", Request::Probe).await
    }

    async fn ask<T>(&self, doing: &'static str, request: impl FnOnce(Reply<T>) -> Request) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        self.requests.send(request(reply)).await.map_err(|_| closed(doing))?;
        answer.await.map_err(|_| closed(doing))?
    }

    /// Waits until everything asked before is done and the connection is closed.
    pub(super) async fn close(&self) {
        let (reply, answer) = oneshot::channel();
        if self.requests.send(Request::Close(reply)).await.is_ok() {
            answer.await.ok();
        }
    }
}

fn run(mut conn: Connection, mut inbox: mpsc::Receiver<Request>, watchers: &watch::Sender<EventSeq>) {
    let mut closing = None;
    while let Some(first) = inbox.blocking_recv() {
        let mut group = Vec::new();
        let mut points = 0;
        let mut next = Some(first);
        while let Some(request) = next.take() {
            match request {
                Request::Close(reply) => {
                    inbox.close();
                    closing = Some(reply);
                }
                Request::Probe(reply) => {
                    reply.send(probe(&mut conn)).ok();
                }
                Request::KeepQuantiles(quantiles, reply) => {
                    group.push(Job::Quantiles(quantiles, reply));
                }
                Request::Fold(fold, reply) => group.push(Job::Fold(fold, reply)),
                Request::Commit(change, reply) => {
                    points += change.points();
                    group.push(Job::Change(change, reply));
                }
            }
            if group.len() < MOST_REQUESTS && points < MOST_POINTS {
                next = inbox.try_recv().ok();
            }
        }
        if !group.is_empty() {
            write_group(&mut conn, group, watchers);
        }
    }
    drop(conn);
    if let Some(reply) = closing {
        reply.send(()).ok();
    }
}

fn probe(conn: &mut Connection) -> Result<()> {
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate).while_doing("taking the write lock")?;
    tx.rollback().while_doing("taking the write lock")
}

/// A request that writes, with where its answer goes.
enum Job {
    Change(Box<Prepared>, Reply<Committed>),
    Quantiles(Box<Quantiles>, Reply<bool>),
    Fold(Box<Fold>, Reply<bool>),
}

impl Job {
    fn fail(self, error: Error) {
        match self {
            Self::Change(_, reply) => reply.send(Err(error)).ok().unwrap_or_default(),
            Self::Quantiles(_, reply) | Self::Fold(_, reply) => reply.send(Err(error)).ok().unwrap_or_default(),
        }
    }
}

/// What a job comes to, unless its transaction fails.
enum Outcome {
    Change(Reply<Committed>, Result<Committed>),
    Done(Reply<bool>, Result<bool>),
}

impl Outcome {
    fn send(self) {
        match self {
            Self::Change(reply, answer) => reply.send(answer).ok().unwrap_or_default(),
            Self::Done(reply, answer) => reply.send(answer).ok().unwrap_or_default(),
        }
    }

    fn fail(self, error: Error) {
        match self {
            Self::Change(reply, _) => Self::Change(reply, Err(error)).send(),
            Self::Done(reply, _) => Self::Done(reply, Err(error)).send(),
        }
    }
}

/// Writes a group in one transaction. A job that is refused is undone alone; a failing disk undoes them all.
fn write_group(conn: &mut Connection, group: Vec<Job>, watchers: &watch::Sender<EventSeq>) {
    if let Err(error) = conn.execute_batch("BEGIN IMMEDIATE") {
        // One that could not be rolled back before is in the way.
        roll_back(conn);
        let error = same_for_all(&classify(error, COMMITTING));
        return group.into_iter().for_each(|job| job.fail(error()));
    }
    let mut done = Vec::with_capacity(group.len());
    let mut jobs = group.into_iter();
    while let Some(job) = jobs.next() {
        let fatal = match job {
            Job::Change(change, reply) => {
                let (answer, fatal) = alone(conn, |conn| apply(conn, &change));
                done.push(Outcome::Change(reply, answer));
                fatal
            }
            Job::Quantiles(quantiles, reply) => {
                let (answer, fatal) = alone(conn, |conn| keep_quantiles(conn, &quantiles));
                done.push(Outcome::Done(reply, answer));
                fatal
            }
            Job::Fold(fold, reply) => {
                let (answer, fatal) = alone(conn, |conn| swap(conn, &fold));
                done.push(Outcome::Done(reply, answer));
                fatal
            }
        };
        if let Some(error) = fatal {
            roll_back(conn);
            done.into_iter().for_each(|outcome| outcome.fail(error()));
            return jobs.for_each(|job| job.fail(error()));
        }
    }
    if let Err(error) = conn.execute_batch("COMMIT") {
        let error = same_for_all(&classify(error, COMMITTING));
        roll_back(conn);
        return done.into_iter().for_each(|outcome| outcome.fail(error()));
    }
    for outcome in &done {
        if let Outcome::Change(_, Ok(committed)) = outcome {
            tell(watchers, committed.last_event);
        }
    }
    done.into_iter().for_each(Outcome::send);
}

type Fatal = Box<dyn Fn() -> Error>;

/// Does one job within a savepoint. The second answer is there if the whole transaction must go.
fn alone<T>(conn: &Connection, job: impl FnOnce(&Connection) -> Result<T>) -> (Result<T>, Option<Fatal>) {
    let answer = execute(conn, "SAVEPOINT one").and_then(|()| job(conn));
    let end = match &answer {
        Ok(_) => execute(conn, "RELEASE one"),
        Err(error) if error.is_retryable() || conn.is_autocommit() => Err(same_for_all(error)()),
        Err(_) => execute(conn, "ROLLBACK TO one").and_then(|()| execute(conn, "RELEASE one")),
    };
    let fatal = end.err().map(|error| Box::new(same_for_all(&error)) as Fatal);
    (answer, fatal)
}

fn execute(conn: &Connection, sql: &str) -> Result<()> {
    conn.prepare_cached(sql).and_then(|mut statement| statement.execute([])).while_doing(COMMITTING).map(|_| ())
}

/// After some errors SQLite has rolled back by itself.
fn roll_back(conn: &Connection) {
    if !conn.is_autocommit()
        && let Err(error) = conn.execute_batch("ROLLBACK")
    {
        tracing::error!(%error, "could not roll back a transaction of the store");
    }
}
