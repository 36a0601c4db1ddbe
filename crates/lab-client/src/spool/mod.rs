//! The spool: what a writer has logged, in a file that only it appends to.
//!
//! A file begins with a header naming the run and the writer. Frames follow: length of the payload (u32), number (u64),
//! CRC-32C over number and payload (u32), all little-endian, then the payload. Its first byte is its type: a
//! [`Record`](lab_model::Record) as JSON, or the numbers of one step, which a loop logs far more often than all else. A
//! frame is written by one `write`, so that a killed process leaves whole frames; a machine that loses power may leave a
//! torn one, which the checksum finds. Reading stops there, and a writer begins a new file rather than append behind it.
//!
//! A file has one appender, and shipping it twice at once does no harm, because the store counts a record once. Its writer
//! holds a lock that goes with the process, so that nobody else deletes a spool that is still written to.

mod frame;
mod payload;
mod reader;
mod writer;

pub(crate) use reader::SpoolReader;
pub(crate) use writer::SpoolWriter;

use std::path::{Path, PathBuf};

use lab_model::{Error, Result, RunId, WriterId};

/// Ending of a spool's file name.
const EXTENSION: &str = "spool";

/// Where the spool of a writer is kept.
fn path(folder: &Path, run: RunId, writer: WriterId) -> PathBuf {
    folder.join(run.to_string()).join(format!("{writer}.{EXTENSION}"))
}

/// All spools below a folder, oldest first: ids sort by time.
///
/// # Errors
/// [`Error::Io`] where a folder cannot be read.
pub(crate) fn all(folder: &Path) -> Result<Vec<PathBuf>> {
    let list = |folder: &Path| match std::fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| entry.map(|entry| entry.path())).collect(),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(e) => Err(e),
    };
    let failed = |e| Error::io(format!("reading `{}`", folder.display()), e);
    let mut spools = Vec::new();
    for run in list(folder).map_err(failed)? {
        if run.is_dir() {
            let files = list(&run).map_err(failed)?;
            spools.extend(files.into_iter().filter(|file| file.extension().is_some_and(|e| e == EXTENSION)));
        }
    }
    spools.sort();
    Ok(spools)
}

/// Whether no live process appends to a spool any more. Where the file system has no locks, this cannot be known, and the
/// spool is left alone.
pub(crate) fn is_abandoned(path: &Path) -> bool {
    std::fs::File::open(path).is_ok_and(|file| file.try_lock().is_ok())
}

#[cfg(test)]
mod tests;
