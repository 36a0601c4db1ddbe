//! Connections and their settings.

use std::path::Path;
use std::time::Duration;

use lab_model::Result;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::SqliteOptions;
use super::error::{While as _, classify};

const OPENING: &str = "opening the database";

/// Opens the file to read and write, and creates it where there is none.
pub(super) fn open_to_write(path: &Path, options: &SqliteOptions) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags).while_doing(OPENING)?;
    conn.busy_timeout(options.patience).while_doing(OPENING)?;
    use_write_ahead_log(&conn, options.patience)?;
    // `auto_vacuum` is left off: it moves pages at every commit that frees some, and pages freed here are soon used again.
    conn.execute_batch(
        "PRAGMA synchronous = FULL;
         PRAGMA foreign_keys = ON;
         PRAGMA temp_store = MEMORY;
         PRAGMA cache_size = -65536;
         PRAGMA wal_autocheckpoint = 4000;
         PRAGMA journal_size_limit = 67108864;",
    )
    .while_doing(OPENING)?;
    conn.set_prepared_statement_cache_capacity(128);
    Ok(conn)
}

/// Opens the file, which exists, to read.
///
/// Not with SQLite's read-only flag: the first reader after a crash must be able to recover the write-ahead log.
pub(super) fn open_to_read(path: &Path, options: &SqliteOptions) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(options.patience)?;
    conn.execute_batch(
        "PRAGMA query_only = ON;
         PRAGMA temp_store = MEMORY;
         PRAGMA cache_size = -16384;
         PRAGMA mmap_size = 268435456;",
    )?;
    conn.set_prepared_statement_cache_capacity(64);
    Ok(conn)
}

/// Changing the journal mode does not wait for locks as other statements do, and two processes may open a new file at
/// once.
fn use_write_ahead_log(conn: &Connection, patience: Duration) -> Result<()> {
    const PAUSE: Duration = Duration::from_millis(20);
    let mut waited = Duration::ZERO;
    loop {
        match conn.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get::<_, String>(0)) {
            Ok(mode) if mode == "wal" => return Ok(()),
            // A file system without shared memory keeps the old mode. Readers then wait for the writer; nothing is lost.
            Ok(_) => return Ok(()),
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && waited < patience => {
                std::thread::sleep(PAUSE);
                waited += PAUSE;
            }
            Err(error) => return Err(classify(error, OPENING)),
        }
    }
}
