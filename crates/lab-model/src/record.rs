//! What a logging client sends: small changes of one run, in order.
//!
//! A client numbers its records 1, 2, 3 … and sends them at least once. The store keeps, with the change itself, the
//! number it has come to for each writer, so that a record that arrives again has no effect.

use serde::{Deserialize, Serialize};

use crate::{
    ArtifactName, ArtifactType, ContentHash, EnvironmentSnapshot, Error, LogLine, LoggedValue, Metadata, Parameters,
    Result, RunError, RunId, RunStatus, SeriesPoints, Tags, Timestamp, Validate, WriterId, check_name,
};

/// The beginning of a run as its client tells it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct StartRun {
    /// Name or id of the experiment. One of that name is created and activated if there is none.
    pub experiment: String,
    /// Name of the run; made from its number where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it is started with.
    #[serde(default, skip_serializing_if = "Parameters::is_empty")]
    #[cfg_attr(feature = "schema", schema(value_type = std::collections::BTreeMap<String, crate::ParameterValue>))]
    pub parameters: Parameters,
    /// Labels, or pairs.
    #[serde(default)]
    pub tags: Tags,
    /// The run that this one is a part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_run_id: Option<RunId>,
    /// Login name of who started it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// When it began.
    pub started_at: Timestamp,
}

/// The end of a run as its client tells it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct FinishRun {
    /// Completed, failed, cancelled or timed out.
    pub status: RunStatus,
    /// When it ended.
    pub ended_at: Timestamp,
    /// Why, where it did not complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<RunError>,
}

/// One thing that a client has to say about its run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum Record {
    /// The run begins. Harmless where it has begun already.
    Start(StartRun),
    /// A client attaches to a run that had ended without completing, and it goes on.
    Resume {
        /// When.
        at: Timestamp,
    },
    /// Points of scalar series.
    Metrics {
        /// By series.
        series: Vec<SeriesPoints>,
        /// How many records in a row these are, joined: a delivery of a column costs less than one of its points.
        #[serde(default = "one", skip_serializing_if = "is_one")]
        #[cfg_attr(feature = "schema", schema(default = 1, minimum = 1))]
        records: u32,
    },
    /// Values that are not one number.
    Values {
        /// In the order they were logged.
        values: Vec<LoggedValue>,
    },
    /// Parameters beside those it was started with. A parameter never changes once set.
    Parameters {
        /// By name.
        #[cfg_attr(feature = "schema", schema(value_type = std::collections::BTreeMap<String, crate::ParameterValue>))]
        parameters: Parameters,
    },
    /// Tags to set.
    Tags {
        /// By key.
        tags: Tags,
    },
    /// Where the run runs.
    Environment {
        /// What was captured.
        snapshot: Box<EnvironmentSnapshot>,
    },
    /// A file whose bytes the store holds already under their hash.
    Artifact {
        /// Its name within the run.
        name: ArtifactName,
        /// What it is for.
        #[serde(rename = "type", default)]
        artifact_type: ArtifactType,
        /// Its identity.
        content_hash: ContentHash,
        /// Free JSON.
        #[serde(default, skip_serializing_if = "Metadata::is_empty")]
        #[cfg_attr(feature = "schema", schema(value_type = Object))]
        metadata: Metadata,
        /// When it was logged.
        at: Timestamp,
    },
    /// A dataset that the run reads.
    UseDataset {
        /// Name or id.
        dataset: String,
        /// Version, split and the like.
        #[serde(default, skip_serializing_if = "Metadata::is_empty")]
        #[cfg_attr(feature = "schema", schema(value_type = Object))]
        metadata: Metadata,
    },
    /// A model that the run uses.
    UseModel {
        /// Name or id, as `meta-llama/Llama-3.1-8B`.
        model: String,
        /// Provider, revision and the like.
        #[serde(default, skip_serializing_if = "Metadata::is_empty")]
        #[cfg_attr(feature = "schema", schema(value_type = Object))]
        metadata: Metadata,
    },
    /// Lines that the run printed.
    Log {
        /// In order.
        lines: Vec<LogLine>,
    },
    /// The client is alive.
    Heartbeat {
        /// When.
        at: Timestamp,
    },
    /// The run ends.
    Finish(FinishRun),
}

fn one() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn is_one(records: &u32) -> bool {
    *records == 1
}

impl Record {
    /// One record of points.
    #[must_use]
    pub fn metrics(series: Vec<SeriesPoints>) -> Self {
        Self::Metrics { series, records: 1 }
    }

    /// How many numbers of its writer it takes.
    #[must_use]
    pub fn count(&self) -> u64 {
        match self {
            Self::Metrics { records, .. } => u64::from(*records),
            _ => 1,
        }
    }
}

impl Validate for Record {
    fn validate(&self) -> Result<()> {
        match self {
            Self::Start(start) => {
                check_name("experiment", &start.experiment, 256)?;
                if let Some(name) = &start.name {
                    check_name("name", name, 256)?;
                }
                if let Some(user) = &start.user {
                    check_name("user", user, 256)?;
                }
                start.parameters.validate().map_err(|e| e.within("parameters"))?;
                start.tags.validate().map_err(|e| e.within("tags"))
            }
            Self::Metrics { records: 0, .. } => {
                Err(Error::invalid("records", "is 0; a record stands for itself at least"))
            }
            Self::Metrics { series, .. } => series.validate().map_err(|e| e.within("series")),
            Self::Values { values } => values.validate().map_err(|e| e.within("values")),
            Self::Parameters { parameters } => parameters.validate().map_err(|e| e.within("parameters")),
            Self::Tags { tags } => tags.validate().map_err(|e| e.within("tags")),
            Self::UseDataset { dataset: name, .. } => check_name("dataset", name, 256),
            Self::UseModel { model: name, .. } => check_name("model", name, 256),
            Self::Finish(finish) if !finish.status.is_terminal() => {
                Err(Error::invalid("status", format!("is {}, which is not an end", finish.status)))
            }
            Self::Finish(_)
            | Self::Resume { .. }
            | Self::Environment { .. }
            | Self::Artifact { .. }
            | Self::Log { .. }
            | Self::Heartbeat { .. } => Ok(()),
        }
    }
}

/// Records of one writer, in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Delivery {
    /// Who wrote them: one spool file.
    pub writer_id: WriterId,
    /// The run they are about.
    pub run_id: RunId,
    /// Number of the first record, from 1.
    pub first_seq: u64,
    /// The records, numbered on from there.
    pub records: Vec<Record>,
}

impl Validate for Delivery {
    fn validate(&self) -> Result<()> {
        if self.first_seq == 0 {
            return Err(Error::invalid("first_seq", "is 0; records are numbered from 1"));
        }
        self.records.validate().map_err(|e| e.within("records"))
    }
}

/// What of a delivery is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Acknowledged {
    /// Every record of this writer up to this number is durable, or refused for good.
    pub seq: u64,
    /// Records of this delivery that can never be kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<Refused>,
}

/// A record that was skipped because a rule forbids it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Refused {
    /// Number of the record; of joined ones, of the last.
    pub seq: u64,
    /// Why, in one sentence.
    pub problem: String,
}
