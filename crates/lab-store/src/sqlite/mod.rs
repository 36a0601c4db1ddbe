//! The embedded store: one SQLite file, which several processes may share.
//!
//! One thread writes, by plain blocking calls: it takes all requests that wait, applies each within a savepoint of one
//! transaction, and answers when that is on disk. An fsync takes milliseconds and a change microseconds, so the
//! throughput of many callers is that of the changes and not of the disk. Readers have connections of their own and, in
//! write-ahead-log mode, neither wait for the writer nor hold it up. A read sees one state of the store from its first
//! statement to its last.
//!
//! Invariants
//! - Nothing is answered before its transaction is durable (`synchronous = FULL`).
//! - A commit finds in the file, under the write lock, everything it decides by; nothing about content is cached, because
//!   another process may have written in between.
//! - Numbers of runs and positions of events are given within the transaction that uses them, so that one which is
//!   undone leaves no gap.

mod artifacts;
mod commit;
mod connection;
mod copy;
mod documents;
mod error;
mod events;
mod experiments;
mod finalise;
mod fold;
mod lineage;
mod metrics;
mod migrate;
mod prepare;
mod readers;
mod rows;
mod runs;
mod search;
mod summary;
#[cfg(test)]
mod tests;
mod watcher;
mod writer;

pub use copy::{copy, verify};

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use lab_model::{EventSeq, Result};
use tokio::sync::watch;

use crate::{Change, Committed, Store};
use readers::Readers;
use watcher::Watcher;
use writer::Writer;

/// How the store treats its file.
#[derive(Clone, Debug)]
pub struct SqliteOptions {
    /// Most reads at one time; others wait.
    pub readers: usize,
    /// How long to wait for a lock that another process holds before the error says so.
    pub patience: Duration,
    /// How often to look for events that other processes wrote.
    pub poll_interval: Duration,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self { readers: 8, patience: Duration::from_secs(30), poll_interval: Duration::from_millis(150) }
    }
}

/// A [`Store`] in one SQLite file.
pub struct SqliteStore {
    path: PathBuf,
    writer: Writer,
    readers: Readers,
    watcher: Watcher,
}

impl SqliteStore {
    /// Opens the store in that file, which is created where it does not exist, and brings its schema up to date. Blocks.
    ///
    /// # Errors
    /// [`Storage`](lab_model::Error::Storage) if the file cannot be opened or written, is no database of ours, or was
    /// written by a newer version of this program.
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_with(path, &SqliteOptions::default())
    }

    /// The same with other options.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(path: &Path, options: &SqliteOptions) -> Result<Self> {
        let mut conn = connection::open_to_write(path, options)?;
        migrate::migrate(&mut conn)?;
        let watcher = Watcher::start(path, options)?;
        let writer = Writer::start(conn, watcher.sender())?;
        Ok(Self { path: path.to_owned(), writer, readers: Readers::new(path, options), watcher })
    }

    /// Positions of the last event, as [`Events::watch_events`](crate::Events::watch_events) tells them.
    pub(super) fn watch(&self) -> watch::Receiver<EventSeq> {
        self.watcher.subscribe()
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("path", &self.path).finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn commit(&self, change: Change) -> Result<Committed> {
        self.writer.commit(prepare::prepare(change).await?).await
    }

    async fn check(&self) -> Result<()> {
        self.readers.read("reading the database", |conn| conn.query_row("SELECT 1", [], |_| Ok(()))).await?;
        self.writer.probe().await
    }

    async fn close(&self) {
        // The writer last: the connection that is closed last empties the write-ahead log into the file.
        self.readers.close().await;
        self.watcher.close();
        self.writer.close().await;
    }
}
