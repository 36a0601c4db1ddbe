//! Connections to read by, lent to one read at a time.
//!
//! They are not tested before they are lent: a file does not go away like a server, and a statement per loan would double
//! the cost of a small read.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use lab_model::{Error, Result};
use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::SqliteOptions;
use super::connection::open_to_read;
use super::error::{classify, closed};

pub(super) struct Readers {
    pool: Arc<Pool>,
    permits: Arc<Semaphore>,
}

struct Pool {
    path: PathBuf,
    options: SqliteOptions,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(super) fn new(path: &Path, options: &SqliteOptions) -> Self {
        let pool = Pool { path: path.to_owned(), options: options.clone(), idle: Mutex::default() };
        Self { pool: Arc::new(pool), permits: Arc::new(Semaphore::new(options.readers)) }
    }

    /// Runs `work` on a thread that may block, within one transaction, so that all its statements see one state.
    pub(super) async fn read<T, F>(&self, doing: &'static str, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        self.try_read(doing, move |conn| work(conn).map_err(|error| classify(error, doing))).await
    }

    /// The same for work that can fail for reasons of its own.
    pub(super) async fn try_read<T, F>(&self, doing: &'static str, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| closed(doing))?;
        let pool = Arc::clone(&self.pool);
        let answer = tokio::task::spawn_blocking(move || {
            // Held here and not by the caller, who may stop waiting while the work goes on.
            let _permit = permit;
            pool.lend(doing, work)
        });
        answer
            .await
            .map_err(|error| Error::Internal { problem: format!("a read of the store ended early: {error}") })?
    }

    /// Runs one statement that finds a row by its key. That takes microseconds, less than to hand it to another thread and
    /// back, so it is done here and now, unless all connections are lent.
    pub(super) async fn look_up<T, F>(&self, doing: &'static str, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        if let Ok(_permit) = self.permits.try_acquire()
            && let Some(conn) = self.pool.take()
        {
            let answer = work(&conn).map_err(|error| classify(error, doing));
            self.pool.put_back(conn);
            return answer;
        }
        self.read(doing, work).await
    }

    /// Waits for the reads under way and closes the connections.
    pub(super) async fn close(&self) {
        let all = u32::try_from(self.pool.options.readers).unwrap_or(u32::MAX);
        let _permits = self.permits.acquire_many(all).await;
        self.permits.close();
        self.pool.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Pool {
    fn lend<T>(&self, doing: &'static str, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let conn = match self.take() {
            Some(conn) => conn,
            None => open_to_read(&self.path, &self.options).map_err(|error| classify(error, doing))?,
        };
        let transaction = conn.unchecked_transaction().map_err(|error| classify(error, doing))?;
        let answer = work(&transaction);
        // Ending a transaction that only read cannot lose anything, and one that could not be ended is not lent again.
        if transaction.finish().is_ok() {
            self.put_back(conn);
        }
        answer
    }

    fn take(&self) -> Option<Connection> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn put_back(&self, conn: Connection) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(conn);
    }
}
