//! Errors of an object store as errors of the domain.

use std::error::Error as _;
use std::io;

use lab_model::{ContentHash, Error};

/// Says what was being done when the store failed, and whether trying again can help.
pub(super) fn classify(doing: &'static str) -> impl FnOnce(object_store::Error) -> Error {
    move |source| Error::Storage { doing, retryable: is_retryable(&source), source: source.into() }
}

/// A full disk, a lost connection and the like; not a missing permission.
fn is_retryable(error: &object_store::Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            use io::ErrorKind as E;
            return matches!(
                error.kind(),
                E::Interrupted
                    | E::TimedOut
                    | E::WouldBlock
                    | E::StorageFull
                    | E::QuotaExceeded
                    | E::ConnectionReset
                    | E::ConnectionRefused
                    | E::ConnectionAborted
                    | E::NotConnected
                    | E::BrokenPipe
                    | E::ResourceBusy
            );
        }
        cause = error.source();
    }
    false
}

/// What is stored under the hash is not what was stored there.
pub(super) fn damaged(object: ContentHash, problem: impl std::fmt::Display) -> Error {
    Error::storage("reading an artifact", format!("object `{object}` is damaged: {problem}"))
}
