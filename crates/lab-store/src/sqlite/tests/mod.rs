//! What holds of one file on one machine, beside what every store promises.

mod files;
mod plans;
mod processes;
mod sharing;
mod writer;

use std::error::Error as _;
use std::path::PathBuf;

use lab_model::Error;

/// A folder, and the path of a store in it.
fn place() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lab.db");
    (folder, path)
}

/// The error with its causes.
fn words(error: &Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}
