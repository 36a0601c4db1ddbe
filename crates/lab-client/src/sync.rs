//! Delivering what was left behind.

use std::fmt;

use lab_model::{Error, Result};
use serde::Serialize;

use crate::{Workspace, shipper, spool};

/// What came of a [`sync()`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Synced {
    /// Spools that are delivered whole.
    pub spools: usize,
    /// Records that they held.
    pub records: u64,
    /// Records that can never be kept, and why.
    pub refused: Vec<String>,
    /// Spools that are still there, and why.
    pub failed: Vec<String>,
}

impl Synced {
    /// Whether nothing is left.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.failed.is_empty()
    }
}

impl fmt::Display for Synced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { spools, records, refused, failed } = self;
        if *spools == 0 && failed.is_empty() {
            return f.write_str("Nothing waited to be delivered.");
        }
        write!(f, "Delivered {records} records of {spools} writers.")?;
        for problem in refused {
            write!(f, "\nrefused: {problem}")?;
        }
        for problem in failed {
            write!(f, "\nnot delivered: {problem}")?;
        }
        Ok(())
    }
}

/// How many spools wait in a workspace.
///
/// # Errors
/// [`Error::Io`] where the folder cannot be read.
pub fn waiting(workspace: &Workspace) -> Result<usize> {
    Ok(spool::all(&workspace.spool())?.len())
}

/// Delivers every spool of a workspace, and deletes those whose writer is gone. One that fails does not hold up the others;
/// doing it twice does no harm, also while a live process delivers the same.
///
/// # Errors
/// [`Error::Io`] where the folder cannot be read.
pub fn sync(workspace: &Workspace) -> Result<Synced> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.map_err(|e| Error::io("starting the runtime", e))?;
    let mut synced = Synced::default();
    for path in spool::all(&workspace.spool())? {
        match runtime.block_on(shipper::deliver_all(workspace, &path)) {
            Ok((records, refused)) => {
                synced.spools += 1;
                synced.records += records;
                synced.refused.extend(refused.into_iter().map(|refused| refused.problem));
            }
            Err(error) => synced.failed.push(format!("{}: {}", path.display(), error.problem)),
        }
    }
    Ok(synced)
}
