//! Delivering what was left behind.

use std::collections::BTreeMap;
use std::fmt;

use lab_model::{Error, Refused, Result};
use serde::Serialize;

use crate::shipper::Extent;
use crate::{Workspace, shipper, spool};

/// What came of a [`sync()`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Synced {
    /// Spools that are delivered whole.
    pub spools: usize,
    /// Records that they held.
    pub records: u64,
    /// How many records can never be kept, by the reason.
    pub refused: BTreeMap<String, u64>,
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
        for (problem, count) in refused {
            write!(f, "\nrefused, {count} times: {problem}")?;
        }
        for problem in failed {
            write!(f, "\nnot delivered: {problem}")?;
        }
        Ok(())
    }
}

/// How many spools there are in a workspace, those of live processes too.
///
/// # Errors
/// [`Error::Io`] where the folder cannot be read.
pub fn waiting(workspace: &Workspace) -> Result<usize> {
    Ok(spool::all(&workspace.spool())?.len())
}

/// How many spools there are in a workspace that nobody writes to any more: only [`sync()`] delivers those.
///
/// # Errors
/// [`Error::Io`] where the folder cannot be read.
pub fn left_behind(workspace: &Workspace) -> Result<usize> {
    Ok(spool::all(&workspace.spool())?.iter().filter(|path| spool::is_abandoned(path)).count())
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
    let mut waiting = spool::all(&workspace.spool())?;
    // One may need what another holds, as a run its parent: those that fail are tried again while others succeed.
    loop {
        let mut failed = Vec::new();
        let count = waiting.len();
        for path in waiting {
            // It may have gone with the end of its run.
            if !path.exists() {
                synced.spools += 1;
                continue;
            }
            match runtime.block_on(shipper::deliver_all(workspace, &path, Extent::Whole)) {
                Ok((records, refused)) => {
                    synced.spools += 1;
                    synced.records += records;
                    for Refused { problem, .. } in refused {
                        *synced.refused.entry(problem).or_default() += 1;
                    }
                }
                Err(error) => failed.push((path, error.problem)),
            }
        }
        if failed.is_empty() || failed.len() == count {
            synced.failed.extend(failed.iter().map(|(path, problem)| format!("{}: {problem}", path.display())));
            break;
        }
        waiting = failed.into_iter().map(|(path, _)| path).collect();
    }
    Ok(synced)
}
