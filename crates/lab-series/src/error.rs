//! What can go wrong with encoded columns.

use pco::errors::PcoError;

/// Why bytes are not points, or why two distributions are not one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SeriesError {
    /// Written by a newer program, or not by this crate.
    #[error("encoded {what} has format {found}; this program reads format {known}")]
    Format {
        /// "batch" or "chunk".
        what: &'static str,
        /// First byte found.
        found: u8,
        /// First byte expected.
        known: u8,
    },
    /// The bytes are not those that were written.
    #[error("encoded points are damaged: {problem}")]
    Corrupt {
        /// What does not fit.
        problem: &'static str,
    },
    /// The numeric codec refuses a column.
    #[error("encoded points are damaged: a column does not decode")]
    Column {
        /// Why.
        #[from]
        source: PcoError,
    },
    /// Distributions that cannot be merged.
    #[error("distributions {problem}")]
    Unmergeable {
        /// Why not.
        problem: &'static str,
    },
}

impl SeriesError {
    pub(crate) const fn corrupt(problem: &'static str) -> Self {
        Self::Corrupt { problem }
    }
}

impl From<SeriesError> for lab_model::Error {
    fn from(error: SeriesError) -> Self {
        Self::Serialization { what: "points of a series".to_owned(), source: error.into() }
    }
}
