//! Values to test with: valid ones of every type, drawn from the corners as much as from the middle.

mod basics;
mod config;
mod entities;
mod environment;
mod metrics;
mod parameters;
mod records;
mod search;

pub(crate) use basics::*;
pub(crate) use config::*;
pub(crate) use entities::*;
pub(crate) use environment::*;
pub(crate) use metrics::*;
pub(crate) use parameters::*;
pub(crate) use records::*;
pub(crate) use search::*;
