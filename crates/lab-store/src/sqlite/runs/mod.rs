//! Runs, their logs and environments.

mod read;
mod write;

pub(super) use write::{
    Times, append_log, create, delete, forget_quantiles, heartbeat, rename, set_environment, set_parameters,
    set_status, set_tags,
};
