//! What can go wrong, as a caller can tell it apart.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A cause from a library that this crate does not name.
pub type BoxError = Box<dyn std::error::Error + Send + Sync + 'static>;

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The stable code of an error: what scripts and clients branch on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum Code {
    /// Nothing has that id or name.
    NotFound,
    /// A value is missing, malformed or out of range.
    ValidationError,
    /// The lifecycle does not allow this move from the present state.
    InvalidState,
    /// The database or the object store failed.
    StorageError,
    /// The artifact is larger than the configured limit.
    ArtifactTooLarge,
    /// A program that was started ended badly.
    CommandFailed,
    /// A value could not be encoded or decoded.
    SerializationError,
    /// A file or a connection could not be read or written.
    IoError,
    /// A TOML file could not be parsed.
    TomlParseError,
    /// The caller is not known, or may not do this.
    Unauthorized,
    /// The change contradicts what is stored already.
    Conflict,
    /// A defect of this program.
    InternalError,
}

impl Code {
    /// The code as it is written in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "NOT_FOUND",
            Self::ValidationError => "VALIDATION_ERROR",
            Self::InvalidState => "INVALID_STATE",
            Self::StorageError => "STORAGE_ERROR",
            Self::ArtifactTooLarge => "ARTIFACT_TOO_LARGE",
            Self::CommandFailed => "COMMAND_FAILED",
            Self::SerializationError => "SERIALIZATION_ERROR",
            Self::IoError => "IO_ERROR",
            Self::TomlParseError => "TOML_PARSE_ERROR",
            Self::Unauthorized => "UNAUTHORIZED",
            Self::Conflict => "CONFLICT",
            Self::InternalError => "INTERNAL_ERROR",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The kind of thing an error is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
#[expect(missing_docs, reason = "each variant is the noun it names")]
pub enum Kind {
    Experiment,
    Run,
    Parameter,
    Metric,
    Artifact,
    Object,
    Environment,
    LineageNode,
    User,
    Writer,
    Route,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Experiment => "experiment",
            Self::Run => "run",
            Self::Parameter => "parameter",
            Self::Metric => "metric",
            Self::Artifact => "artifact",
            Self::Object => "object",
            Self::Environment => "environment",
            Self::LineageNode => "lineage node",
            Self::User => "user",
            Self::Writer => "writer",
            Self::Route => "route",
        })
    }
}

/// An error of the tracker, from any layer.
///
/// One enum serves every crate below the faces: a storage driver's error is a boxed source here, so that callers depend
/// on what happened and not on who noticed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nothing has that id or name.
    #[error("no {kind} `{id}`")]
    NotFound {
        /// What was looked for.
        kind: Kind,
        /// The id or name it was looked for by.
        id: String,
    },
    /// A value is missing, malformed or out of range.
    #[error("`{field}` {problem}")]
    Invalid {
        /// Dotted path of the field, as `config.parameters.search_space.max_trials`.
        field: String,
        /// What is wrong with it, continuing the sentence that the field begins.
        problem: String,
    },
    /// The lifecycle does not allow this move.
    #[error("{kind} `{id}` is {actual} and cannot become {requested}: from {actual} it can become {allowed}")]
    InvalidState {
        /// What was to be moved.
        kind: Kind,
        /// Its id or name.
        id: String,
        /// The state it is in.
        actual: &'static str,
        /// The state asked for.
        requested: &'static str,
        /// The states it can move to, joined by "or"; "nothing else" where there are none.
        allowed: String,
    },
    /// The state forbids an act that is not itself a move.
    #[error("{kind} `{id}` is {actual}; {needs}")]
    WrongState {
        /// What was to be acted on.
        kind: Kind,
        /// Its id or name.
        id: String,
        /// The state it is in.
        actual: &'static str,
        /// What the act needs, as "only a running run accepts metrics".
        needs: String,
    },
    /// The change contradicts what is stored already.
    #[error("{kind} `{id}` {problem}")]
    Conflict {
        /// What the change is about.
        kind: Kind,
        /// Its id, name or key.
        id: String,
        /// The contradiction, continuing the sentence.
        problem: String,
    },
    /// The artifact is larger than the configured limit.
    #[error(
        "artifact `{name}` is larger than the limit of {limit_bytes} bytes; raise `artifact_limit_bytes` in the configuration or `LAB_ARTIFACT_LIMIT_BYTES`"
    )]
    ArtifactTooLarge {
        /// Name of the artifact.
        name: String,
        /// The limit in force.
        limit_bytes: u64,
    },
    /// The caller is not known, or may not do this.
    #[error("{problem}")]
    Unauthorized {
        /// Why, in one sentence.
        problem: String,
    },
    /// A program that was started ended badly.
    #[error("`{command}` {problem}")]
    CommandFailed {
        /// The program.
        command: String,
        /// How it ended.
        problem: String,
    },
    /// A value could not be encoded or decoded.
    #[error("{what} could not be encoded or decoded")]
    Serialization {
        /// The value.
        what: String,
        /// Why.
        source: BoxError,
    },
    /// A file or a connection could not be read or written.
    #[error("{doing} failed")]
    Io {
        /// What was being done, as "reading `train.py`".
        doing: String,
        /// Why.
        source: std::io::Error,
    },
    /// A TOML file could not be parsed.
    #[error("`{file}` is not valid TOML")]
    Toml {
        /// The file.
        file: String,
        /// Why and where.
        source: BoxError,
    },
    /// The database or the object store failed.
    #[error("the store failed while {doing}")]
    Storage {
        /// What was being done, as "committing a change".
        doing: &'static str,
        /// Whether trying again can help: true for a lock, a lost connection or a full disk.
        retryable: bool,
        /// The driver's error.
        source: BoxError,
    },
    /// A defect of this program.
    #[error("internal error: {problem}")]
    Internal {
        /// What was found.
        problem: String,
    },
}

impl Error {
    /// Nothing of `kind` has that id or name.
    pub fn not_found(kind: Kind, id: impl fmt::Display) -> Self {
        Self::NotFound { kind, id: id.to_string() }
    }

    /// The value of `field` is refused.
    pub fn invalid(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Invalid { field: field.into(), problem: problem.into() }
    }

    /// The change contradicts what is stored.
    pub fn conflict(kind: Kind, id: impl fmt::Display, problem: impl Into<String>) -> Self {
        Self::Conflict { kind, id: id.to_string(), problem: problem.into() }
    }

    /// A storage driver failed in a way that trying again will not mend.
    pub fn storage(doing: &'static str, source: impl Into<BoxError>) -> Self {
        Self::Storage { doing, retryable: false, source: source.into() }
    }

    /// A file or connection failed.
    pub fn io(doing: impl Into<String>, source: std::io::Error) -> Self {
        Self::Io { doing: doing.into(), source }
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::NotFound { .. } => Code::NotFound,
            Self::Invalid { .. } => Code::ValidationError,
            Self::InvalidState { .. } | Self::WrongState { .. } => Code::InvalidState,
            Self::Conflict { .. } => Code::Conflict,
            Self::ArtifactTooLarge { .. } => Code::ArtifactTooLarge,
            Self::Unauthorized { .. } => Code::Unauthorized,
            Self::CommandFailed { .. } => Code::CommandFailed,
            Self::Serialization { .. } => Code::SerializationError,
            Self::Io { .. } => Code::IoError,
            Self::Toml { .. } => Code::TomlParseError,
            Self::Storage { .. } => Code::StorageError,
            Self::Internal { .. } => Code::InternalError,
        }
    }

    /// Whether the same call may succeed later without anybody changing it.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Storage { retryable, .. } => *retryable,
            Self::Io { source, .. } => {
                use std::io::ErrorKind as E;
                matches!(
                    source.kind(),
                    E::Interrupted
                        | E::TimedOut
                        | E::WouldBlock
                        | E::ConnectionReset
                        | E::ConnectionRefused
                        | E::ConnectionAborted
                        | E::BrokenPipe
                        | E::StorageFull
                )
            }
            _ => false,
        }
    }

    /// Dotted path of the field at fault, where there is one.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::Invalid { field, .. } => Some(field),
            _ => None,
        }
    }

    /// The same error seen from one level further out: `low` becomes `search_space.low`.
    #[must_use]
    pub fn within(self, outer: &str) -> Self {
        match self {
            Self::Invalid { field, problem } if field.is_empty() => Self::Invalid { field: outer.to_owned(), problem },
            Self::Invalid { field, problem } => {
                let dot = if field.starts_with('[') { "" } else { "." };
                Self::Invalid { field: format!("{outer}{dot}{field}"), problem }
            }
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_read_as_they_are_serialised() {
        for code in [Code::NotFound, Code::TomlParseError, Code::ArtifactTooLarge, Code::InternalError] {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
    }

    #[test]
    fn paths_grow_outwards() {
        let error = Error::invalid("low", "must be below `high`").within("lr").within("[2]").within("config");
        assert_eq!(error.field(), Some("config[2].lr.low"));
    }

    #[test]
    fn a_lost_connection_can_be_tried_again_and_a_bad_value_cannot() {
        let lost = Error::io("sending", std::io::ErrorKind::ConnectionReset.into());
        assert!(lost.is_retryable());
        assert!(!Error::invalid("name", "is empty").is_retryable());
    }
}
