//! Logging from a training process, so that the process never waits and nothing is lost.
//!
//! A call appends a checksummed frame to a spool, a file that only this writer appends to, and returns once the operating
//! system has it. A thread ships frames from there in order and in batches: to the server of the settings, or into the
//! store in `.lab/` where there is none. The spool is deleted once all of it is acknowledged; what a crash leaves behind is
//! delivered by [`sync()`].
//!
//! ```no_run
//! use lab_client::{Run, StartOptions, Workspace};
//!
//! let workspace = Workspace::find(&std::env::current_dir()?, |name| std::env::var(name).ok())?;
//! let mut run = Run::start(&workspace, StartOptions::new("tiny-lm"))?;
//! for step in 0..100 {
//!     run.log([("loss", 1.0 / f64::from(step + 1))], Some(i64::from(step)))?;
//! }
//! run.complete()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod clock;
mod run;
mod shipper;
mod sink;
mod spool;
mod sync;
mod workspace;

pub use clock::now;
pub use run::{Outcome, Run, StartOptions};
pub use sink::http_client;
pub use sync::{Synced, left_behind, sync, waiting};
pub use workspace::{Workspace, login_name};
