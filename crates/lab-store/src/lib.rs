//! Storage: what the tracker knows, kept so that nothing acknowledged is lost.
//!
//! [`Store`] is the promise; [`sqlite`] keeps it on a laptop. [`objects`] holds the bytes of artifacts under their
//! SHA-256, beside the database. The promise is written once, as documentation of the traits and as the cases of
//! `conformance`, which every back end passes unchanged.
//!
//! There is one way in: [`Store::commit`] takes a [`Change`], which is everything that one act of a user alters, with its
//! lineage, its events and the state it was decided upon. It happens whole or not at all.

pub mod change;
mod document;
pub mod objects;
pub mod sqlite;
mod traits;

#[cfg(test)]
mod conformance;

pub use change::{Change, Committed, Expect, NewEvent, Write};
pub use document::{Document, DocumentKind, DocumentQuery};
pub use objects::{ObjectInfo, ObjectReader, Objects};
pub use traits::{
    Artifacts, Direction, Documents, Events, Experiments, Lineage, LineageSearch, Metrics, PointRange, Runs, Store,
    StoreExt,
};
