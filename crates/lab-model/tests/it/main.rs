//! What the crate promises about all of its types: every value reads back as it was written, every limit names the path
//! of the field that breaks it, the lifecycles never leave their tables, and no published shape changes unseen.

#![expect(clippy::unwrap_used, reason = "the helpers of a test may fail as the test may")]

mod arbitrary;
mod config_limits;
mod lifecycles;
mod published_formats;
mod round_trips;
