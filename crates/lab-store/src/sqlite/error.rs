//! From the driver's errors to ours, in one place.

use std::fmt;

use lab_model::{Error, Result};
use rusqlite::ErrorCode;
use rusqlite::ffi::SQLITE_READONLY_DBMOVED;

/// What happened, in words for people, above what the driver says.
#[derive(Debug)]
struct Cause {
    sentence: &'static str,
    source: rusqlite::Error,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sentence)
    }
}

impl std::error::Error for Cause {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// Tells what a driver's error means to a caller.
///
/// A lock, a full disk and a failing one can pass; a file that cannot be opened, written or understood needs somebody.
pub(super) fn classify(error: rusqlite::Error, doing: &'static str) -> Error {
    let (retryable, sentence) = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            (true, "another process holds the database locked")
        }
        Some(ErrorCode::DiskFull) => (true, "the disk is full"),
        Some(ErrorCode::SystemIoFailure) => (true, "the disk could not be read or written"),
        Some(ErrorCode::OutOfMemory) => (true, "there is not enough memory"),
        Some(ErrorCode::OperationInterrupted) => (true, "it was interrupted"),
        Some(ErrorCode::CannotOpen) => (false, "the file cannot be opened"),
        Some(ErrorCode::PermissionDenied) => (false, "access to the file is denied"),
        Some(ErrorCode::ReadOnly)
            if error.sqlite_error().is_some_and(|e| e.extended_code == SQLITE_READONLY_DBMOVED) =>
        {
            (false, "the file was moved or deleted while it was open")
        }
        Some(ErrorCode::ReadOnly) => (false, "the file or its folder is read-only"),
        Some(ErrorCode::NotADatabase) => (false, "the file is not a database, or its beginning is damaged"),
        Some(ErrorCode::DatabaseCorrupt) => (false, "the database is damaged; restore it from a backup"),
        Some(ErrorCode::TooBig) => (false, "a value is larger than the database can hold"),
        Some(ErrorCode::ConstraintViolation) => (false, "it contradicts what is stored"),
        _ => return Error::storage(doing, error),
    };
    Error::Storage { doing, retryable, source: Box::new(Cause { sentence, source: error }) }
}

/// Says what was being done when the driver failed.
pub(super) trait While<T> {
    fn while_doing(self, doing: &'static str) -> Result<T>;
}

impl<T> While<T> for rusqlite::Result<T> {
    fn while_doing(self, doing: &'static str) -> Result<T> {
        self.map_err(|error| classify(error, doing))
    }
}

/// The store was closed, by its owner or by the end of its thread.
pub(super) fn closed(doing: &'static str) -> Error {
    Error::storage(doing, "the store is closed")
}

/// The same failure for another who waited for it. Causes cannot be copied, so it carries their words.
pub(super) fn same_for_all(error: &Error) -> impl Fn() -> Error + use<> {
    let mut words = Vec::new();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        words.push(error.to_string());
        cause = error.source();
    }
    let (words, retryable) = (words.join(": "), error.is_retryable());
    move || Error::Storage { doing: "committing a change", retryable, source: words.clone().into() }
}
