//! A copy of the database as a file, while it is used.

use std::fs::File;
use std::path::Path;

use lab_model::{Error, Result};

use super::SqliteOptions;
use super::connection::open_to_read;
use super::error::While as _;

/// Writes the database as it is at one moment into a new file, and makes that durable. Writers go on meanwhile. Blocks.
///
/// # Errors
/// [`Storage`](lab_model::Error::Storage); [`Io`](lab_model::Error::Io).
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    const DOING: &str = "copying the database";
    let conn = open_to_read(from, &SqliteOptions::default()).while_doing(DOING)?;
    conn.pragma_update(None, "query_only", false).while_doing(DOING)?;
    conn.execute("VACUUM INTO ?1", [to.to_string_lossy()]).while_doing(DOING)?;
    File::open(to).and_then(|file| file.sync_all()).map_err(|e| Error::io(format!("writing `{}`", to.display()), e))
}

/// Reads the whole database and says what is wrong with it. Blocks.
///
/// # Errors
/// [`Storage`](lab_model::Error::Storage) with the first damage that was found.
pub fn verify(path: &Path) -> Result<()> {
    const DOING: &str = "checking the database";
    let conn = open_to_read(path, &SqliteOptions::default()).while_doing(DOING)?;
    let found: String = conn.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).while_doing(DOING)?;
    if found == "ok" { Ok(()) } else { Err(Error::storage(DOING, format!("it is damaged: {found}"))) }
}
