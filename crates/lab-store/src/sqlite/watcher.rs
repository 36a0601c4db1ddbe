//! Notices events that other processes wrote.
//!
//! SQLite tells a connection that the file changed (`PRAGMA data_version`) without reading any of it, so looking often
//! costs next to nothing. Own commits do not wait for this; the writer tells of them itself.

use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use lab_model::{Error, EventSeq, Result};
use rusqlite::Connection;
use tokio::sync::watch;

use super::SqliteOptions;
use super::connection::open_to_read;
use super::error::While as _;
use super::events::last_event;

const DOING: &str = "watching for events";

pub(super) struct Watcher {
    sender: Arc<watch::Sender<EventSeq>>,
    /// The thread ends when the sender is dropped.
    alive: Mutex<Option<(SyncSender<()>, JoinHandle<()>)>>,
}

impl Watcher {
    pub(super) fn start(path: &Path, options: &SqliteOptions) -> Result<Self> {
        let conn = open_to_read(path, options).while_doing(DOING)?;
        let seen = data_version(&conn).while_doing(DOING)?;
        let (sender, _) = watch::channel(last_event(&conn).while_doing(DOING)?);
        let sender = Arc::new(sender);
        let (alive, stop) = sync_channel(0);
        let (telling, interval) = (Arc::clone(&sender), options.poll_interval);
        let thread = thread::Builder::new()
            .name("lab-store-watch".into())
            .spawn(move || poll(&conn, seen, &telling, &stop, interval))
            .map_err(|error| Error::io("starting a thread", error))?;
        Ok(Self { sender, alive: Mutex::new(Some((alive, thread))) })
    }

    pub(super) fn sender(&self) -> Arc<watch::Sender<EventSeq>> {
        Arc::clone(&self.sender)
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<EventSeq> {
        self.sender.subscribe()
    }

    /// Ends the thread and closes its connection.
    pub(super) fn close(&self) {
        if let Some((alive, thread)) = self.alive.lock().unwrap_or_else(PoisonError::into_inner).take() {
            drop(alive);
            thread.join().ok();
        }
    }
}

/// Tells the watchers of a position, unless they know a later one.
pub(super) fn tell(sender: &watch::Sender<EventSeq>, position: EventSeq) {
    sender.send_if_modified(|known| {
        let is_news = position > *known;
        *known = position.max(*known);
        is_news
    });
}

fn poll(
    conn: &Connection,
    mut seen: i64,
    sender: &watch::Sender<EventSeq>,
    stop: &Receiver<()>,
    interval: std::time::Duration,
) {
    while stop.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
        // A file that cannot be read now is the trouble of whoever reads next; this only wakes them.
        match data_version(conn) {
            Ok(version) if version != seen => {
                if let Ok(last) = last_event(conn) {
                    seen = version;
                    tell(sender, last);
                }
            }
            Ok(_) => {}
            Err(error) => tracing::debug!(%error, "could not look for events of other processes"),
        }
    }
}

fn data_version(conn: &Connection) -> rusqlite::Result<i64> {
    conn.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))
}
