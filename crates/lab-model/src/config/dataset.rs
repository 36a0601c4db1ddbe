//! Which data, in which version, and how much of it.

use serde::{Deserialize, Serialize};

use super::{MAX_NAME, check_count};
use crate::{ContentHash, DatasetId, DatasetVersionId, Result, Validate, check_name, check_range};

/// A dataset that is read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DatasetRef {
    /// The dataset.
    pub dataset_id: DatasetId,
    /// Which of its versions; the latest where nothing is said.
    #[serde(default)]
    pub version: DatasetVersionSelector,
    /// Which part of it; all of it where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<DatasetSplit>,
    /// How examples are chosen; every one of them where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sampling: Option<Sampling>,
}

impl DatasetRef {
    /// All of the latest version of that dataset.
    #[must_use]
    pub fn new(dataset_id: DatasetId) -> Self {
        Self { dataset_id, version: DatasetVersionSelector::Latest, split: None, sampling: None }
    }
}

impl Validate for DatasetRef {
    fn validate(&self) -> Result<()> {
        self.version.validate().map_err(|e| e.within("version"))?;
        self.split.validate().map_err(|e| e.within("split"))?;
        self.sampling.validate().map_err(|e| e.within("sampling"))
    }
}

/// Which version of a dataset: `"latest"`, `{"id": …}`, `{"tag": "v2"}` or `{"content_hash": …}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DatasetVersionSelector {
    /// The newest when the run starts.
    #[default]
    Latest,
    /// That version.
    Id(DatasetVersionId),
    /// The version that bears the tag when the run starts; 1–250 characters.
    Tag(String),
    /// The version with that content.
    ContentHash(ContentHash),
}

impl Validate for DatasetVersionSelector {
    fn validate(&self) -> Result<()> {
        match self {
            Self::Tag(tag) => check_name("tag", tag, MAX_NAME),
            Self::Latest | Self::Id(_) | Self::ContentHash(_) => Ok(()),
        }
    }
}

/// A part of a dataset.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum DatasetSplit {
    /// What a model learns from.
    Train,
    /// What choices between models are made on.
    Validation,
    /// What is looked at once, at the end.
    Test,
    /// A part with a name of its own.
    Custom {
        /// Name of the part; 1–250 characters.
        name: String,
    },
}

impl Validate for DatasetSplit {
    fn validate(&self) -> Result<()> {
        match self {
            Self::Custom { name } => check_name("custom.name", name, MAX_NAME),
            Self::Train | Self::Validation | Self::Test => Ok(()),
        }
    }
}

/// How examples are chosen from a dataset. The default takes every one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Sampling {
    /// The method.
    pub method: SamplingMethod,
    /// How many.
    pub size: SampleSize,
    /// Seed of the choice. Without one each run chooses anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
}

impl Validate for Sampling {
    fn validate(&self) -> Result<()> {
        match &self.method {
            SamplingMethod::Stratified { column } => check_name("method.stratified.column", column, MAX_NAME)?,
            SamplingMethod::Systematic { interval } => check_count("method.systematic.interval", *interval)?,
            SamplingMethod::Random | SamplingMethod::Reservoir => {}
        }
        match self.size {
            SampleSize::All => Ok(()),
            SampleSize::Count(count) => check_count("size.count", count),
            SampleSize::Percentage(percent) => {
                check_range("size.percentage", percent, "above 0 and at most 100", |p| p > 0.0 && p <= 100.0)
            }
        }
    }
}

/// A method of choosing examples.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum SamplingMethod {
    /// Each example is as likely as any other.
    #[default]
    Random,
    /// At random within each value of a column, so that their shares stay as they are.
    Stratified {
        /// The column; 1–250 characters.
        column: String,
    },
    /// Every so many-th example, in order.
    Systematic {
        /// Distance from one example to the next, at least 1.
        interval: u64,
    },
    /// At random in one pass, for data whose length is not known before.
    Reservoir,
}

/// How many examples are chosen: `"all"`, `{"count": 500}` or `{"percentage": 2.5}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SampleSize {
    /// As many as there are, or as the method gives.
    #[default]
    All,
    /// That many, at least 1; all of them where there are fewer.
    Count(u64),
    /// That share in percent, above 0 and at most 100.
    Percentage(f64),
}
