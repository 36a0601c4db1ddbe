//! A snapshot of the machine, runtime, dependencies and source code a run depends on.
//!
//! ```
//! use lab_capture::{CaptureOptions, capture};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let clock_now = "2025-03-01T12:00:00Z".parse()?;
//! let options = CaptureOptions { entry_point: Some("train.py".to_owned()), ..CaptureOptions::of_this_process() };
//! let snapshot = capture(clock_now, &options);
//! for missing in &snapshot.not_seen {
//!     println!("{}: {}", missing.field, missing.reason);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Capturing is for the run's sake and may not harm it. Therefore it never fails and never takes longer than
//! [`CaptureOptions::budget`]: each part runs on a thread of its own, and one that is late or panics is left out and
//! named in `not_seen`. It starts few programs (`git`; `rustc`, `node` and `python -V` for their versions), none of the
//! project's code, and kills those that are late. Facts come from files where a file has them, which is also how
//! tests give it a machine of their own ([`CaptureOptions::root`]).
//!
//! Secrets stay out: a variable named like a credential is never recorded, and keys and passwords in values, URLs,
//! arguments and diffs are replaced by `[masked]`.

mod container;
mod deadline;
mod dependencies;
#[cfg(test)]
mod fixture;
mod git;
mod gpu;
mod hardware;
mod interpreter;
mod notes;
mod options;
mod os;
mod parts;
mod runtimes;
mod secrets;
mod usage;
mod variables;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use lab_model::{CommandLine, EnvironmentSnapshot, Timestamp};

pub use options::CaptureOptions;
pub use usage::UsageSampler;

/// Takes a snapshot within [`CaptureOptions::budget`]; `captured_at` is the present.
///
/// What cannot be seen is absent and named in [`EnvironmentSnapshot::not_seen`].
#[must_use]
pub fn capture(captured_at: Timestamp, options: &CaptureOptions) -> EnvironmentSnapshot {
    let started = Instant::now();
    let mut snapshot = EnvironmentSnapshot { captured_at, command: command(options), ..EnvironmentSnapshot::default() };
    if options.capture_variables {
        snapshot.variables = variables::recorded(options);
    }
    parts::fill(&mut snapshot, &Arc::new(options.clone()));
    snapshot.not_seen.sort();
    snapshot.not_seen.dedup();
    snapshot.duration_millis = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    snapshot
}

/// Masks keys, passwords in URLs, and what is assigned to the name of a credential, line by line.
#[must_use]
pub fn mask_secrets(text: &str) -> Cow<'_, str> {
    secrets::mask_text(text)
}

fn command(options: &CaptureOptions) -> CommandLine {
    if options.arguments.is_empty() && options.entry_point.is_none() {
        return CommandLine::default();
    }
    CommandLine {
        arguments: variables::masked_arguments(&options.arguments),
        working_dir: Some(options.working_dir.display().to_string()),
        entry_point: options.entry_point.clone(),
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
