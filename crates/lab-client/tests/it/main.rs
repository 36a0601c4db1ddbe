//! Logging from outside: what was logged is delivered, once, whatever happens in between.

#![expect(clippy::unwrap_used, reason = "the helpers of a test may fail as the test may")]

#[cfg(feature = "embedded")]
mod attached;
mod given;
#[cfg(feature = "embedded")]
mod logged;
mod offline;
#[cfg(feature = "embedded")]
mod outage;
#[cfg(all(feature = "embedded", unix))]
mod processes;
#[cfg(feature = "embedded")]
mod torn;
