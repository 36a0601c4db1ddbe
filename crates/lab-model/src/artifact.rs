//! Files that runs leave behind.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{ArtifactId, ContentHash, Error, Metadata, Result, RunId, Timestamp};

/// What an artifact is for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum ArtifactType {
    /// Weights fit for use.
    Model,
    /// State to go on from.
    Checkpoint,
    /// Data.
    Dataset,
    /// A picture or a page.
    Visualization,
    /// What a program printed.
    Log,
    /// Settings.
    Config,
    /// Something written for people.
    Report,
    /// Any other, under its own name.
    Custom(String),
    /// A plain file of no declared type.
    #[default]
    File,
}

impl ArtifactType {
    /// The name in JSON and on the command line.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Model => "model",
            Self::Checkpoint => "checkpoint",
            Self::Dataset => "dataset",
            Self::Visualization => "visualization",
            Self::Log => "log",
            Self::Config => "config",
            Self::Report => "report",
            Self::Custom(name) => name,
            Self::File => "file",
        }
    }
}

impl fmt::Display for ArtifactType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for ArtifactType {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Ok(match text {
            "model" => Self::Model,
            "checkpoint" => Self::Checkpoint,
            "dataset" => Self::Dataset,
            "visualization" => Self::Visualization,
            "log" => Self::Log,
            "config" => Self::Config,
            "report" => Self::Report,
            "file" => Self::File,
            other => {
                crate::check_name("type", other, 64)?;
                Self::Custom(other.to_owned())
            }
        })
    }
}

impl From<ArtifactType> for String {
    fn from(artifact_type: ArtifactType) -> Self {
        artifact_type.as_str().to_owned()
    }
}

impl TryFrom<String> for ArtifactType {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

/// Name of an artifact within its run: a relative path with `/`, as `plots/loss.svg`.
///
/// It cannot climb out of the run's folder wherever it is unpacked: no empty, `.` or `..` part, no backslash, no drive
/// letter, no control character; at most 1,024 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ArtifactName(String);

impl ArtifactName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last part of the path.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }
}

impl fmt::Display for ArtifactName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for ArtifactName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refuse = |problem: &str| Err(Error::invalid("name", problem));
        if text.is_empty() {
            return refuse("is empty");
        }
        if text.len() > 1024 {
            return refuse("is longer than 1,024 bytes");
        }
        if text.chars().any(|c| c.is_control() || c == '\\') {
            return refuse("contains a backslash or a control character");
        }
        if text.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return refuse("must be a relative path without empty, `.` or `..` parts");
        }
        if text.as_bytes().get(1) == Some(&b':') && text.as_bytes()[0].is_ascii_alphabetic() {
            return refuse("begins with a drive letter");
        }
        Ok(Self(text.to_owned()))
    }
}

impl From<ArtifactName> for String {
    fn from(name: ArtifactName) -> Self {
        name.0
    }
}

impl TryFrom<String> for ArtifactName {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

/// A file that a run logged, without its bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ArtifactRef {
    /// Identity.
    pub id: ArtifactId,
    /// The run that logged it.
    pub run_id: RunId,
    /// Its path within the run. The same name may be logged again; the latest counts.
    pub name: ArtifactName,
    /// What it is for.
    #[serde(rename = "type", default)]
    pub artifact_type: ArtifactType,
    /// SHA-256 of all of its bytes.
    pub content_hash: ContentHash,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// Where its bytes are, as `lab-object:<hash>`.
    pub storage_uri: String,
    /// Free JSON.
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    #[cfg_attr(feature = "schema", schema(value_type = Object))]
    pub metadata: Metadata,
    /// When it was logged.
    pub created_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_climb_out() {
        for good in ["a", "a/b.txt", "..a/b..", "ünï côde/🙂", "c:", "model (1).bin"] {
            let parsed = good.parse::<ArtifactName>();
            assert_eq!(parsed.is_ok(), good != "c:", "{good}");
        }
        for bad in ["", "/a", "a/", "a//b", ".", "..", "a/../b", "a\\b", "C:/x", "a\0b", "a\nb", &"x".repeat(1025)] {
            assert_eq!(bad.parse::<ArtifactName>().unwrap_err().field(), Some("name"), "{bad:?}");
        }
    }

    #[test]
    fn types_are_plain_text_and_unknown_ones_are_custom() {
        assert_eq!(serde_json::to_string(&ArtifactType::Model).unwrap(), "\"model\"");
        assert_eq!("tokenizer".parse::<ArtifactType>().unwrap(), ArtifactType::Custom("tokenizer".into()));
    }
}
