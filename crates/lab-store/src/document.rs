//! Records that the tracker keeps whole and the store does not look into.

use std::fmt;
use std::str::FromStr;

use lab_model::{ContentHash, Error, Timestamp};
use serde_json::Value;

/// What a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DocumentKind {
    /// A file that belongs to no run, by its path; its content is in the object store.
    File,
    /// A dataset that runs of an experiment read.
    RunDataset,
    /// What a run read and made beside its artifacts.
    RunLinks,
    /// A model that was logged, before or without being registered.
    LoggedModel,
    /// A name that versions of a model are registered under.
    RegisteredModel,
    /// One version of a registered model.
    ModelVersion,
    /// What is told of a trace, without its spans.
    Trace,
    /// Spans of a trace that came together.
    Spans,
    /// A dataset for evaluations.
    EvaluationDataset,
    /// Records of such a dataset that came together.
    EvaluationRecords,
    /// A scorer of an experiment with its versions.
    Scorer,
    /// An upload that comes in parts.
    Upload,
}

impl DocumentKind {
    /// Every kind.
    pub const ALL: [Self; 12] = [
        Self::File,
        Self::RunDataset,
        Self::RunLinks,
        Self::LoggedModel,
        Self::RegisteredModel,
        Self::ModelVersion,
        Self::Trace,
        Self::Spans,
        Self::EvaluationDataset,
        Self::EvaluationRecords,
        Self::Scorer,
        Self::Upload,
    ];

    /// The name in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::RunDataset => "run_dataset",
            Self::RunLinks => "run_links",
            Self::LoggedModel => "logged_model",
            Self::RegisteredModel => "registered_model",
            Self::ModelVersion => "model_version",
            Self::Trace => "trace",
            Self::Spans => "spans",
            Self::EvaluationDataset => "evaluation_dataset",
            Self::EvaluationRecords => "evaluation_records",
            Self::Scorer => "scorer",
            Self::Upload => "upload",
        }
    }
}

impl fmt::Display for DocumentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for DocumentKind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let known = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        known.ok_or_else(|| Error::invalid("kind", format!("is `{}`, which is not known", text.escape_debug())))
    }
}

/// A record that the store does not look into.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// What it is.
    pub kind: DocumentKind,
    /// Its name, unique within the kind.
    pub key: String,
    /// What it belongs to; empty where it belongs to nothing.
    pub scope: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Counts its changes from 1.
    pub revision: u64,
    /// The content in the object store that it keeps alive, where it does.
    pub content: Option<ContentHash>,
    /// The record itself.
    pub body: Value,
}

/// Which documents are wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct DocumentQuery {
    /// Of this kind.
    pub kind: DocumentKind,
    /// Only of these scopes; all where absent.
    pub scopes: Option<Vec<String>>,
    /// Only those whose key begins so; all where empty.
    pub key_prefix: String,
    /// At most so many; all where absent.
    pub limit: Option<u32>,
}

impl DocumentQuery {
    /// All of a kind.
    #[must_use]
    pub const fn all(kind: DocumentKind) -> Self {
        Self { kind, scopes: None, key_prefix: String::new(), limit: None }
    }

    /// Those of one scope.
    #[must_use]
    pub fn of(kind: DocumentKind, scope: impl Into<String>) -> Self {
        Self { scopes: Some(vec![scope.into()]), ..Self::all(kind) }
    }

    /// Those whose key begins so.
    #[must_use]
    pub fn under(kind: DocumentKind, key_prefix: impl Into<String>) -> Self {
        Self { key_prefix: key_prefix.into(), ..Self::all(kind) }
    }
}
