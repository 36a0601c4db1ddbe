//! The tracker over its real store: SQLite and artifacts in a folder of each test, and a clock that stands still.

#![expect(clippy::unwrap_used, reason = "the helpers of a test may fail as the test may")]

mod artifacts;
mod deliver;
mod experiments;
mod external;
mod faults;
mod faulty;
mod given;
mod lineage;
mod references;
mod runs;
mod upkeep;
