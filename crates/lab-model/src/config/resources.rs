//! What a run needs of the machine it runs on.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{MAX_NAME, check_count, check_optional_count, check_optional_name, is_default};
use crate::{Error, Result, Validate, check_name, check_range};

/// Longest time that can be asked for: a hundred years, so that a time added to it stays a date.
const MAX_DAYS: u32 = 36_525;

/// What a run needs. What is missing is not asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct ResourceRequirements {
    /// Processor cores, above 0; half of one is 0.5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_cores: Option<f64>,
    /// Main memory, at least 1 byte.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Accelerators.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpus: Option<GpuRequirement>,
    /// Labels that the machine must bear, with their values; names of 1–250 characters.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub node_selector: BTreeMap<String, String>,
    /// Reservations of machines that do not keep the run away.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tolerations: Vec<Toleration>,
    /// Disk space that is gone after the run, at least 1 byte.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scratch_bytes: Option<u64>,
    /// How long what the run leaves is kept, in days; from 1 to 36,525.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<u32>,
    /// Time from one checkpoint to the next, in seconds; from 1 to a hundred years.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint_interval_secs: Option<u64>,
    /// Time after which the run is ended, in seconds; from 1 to a hundred years.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_secs: Option<u64>,
    /// Who goes first where not all can.
    #[serde(skip_serializing_if = "is_default")]
    pub priority: Priority,
}

impl Validate for ResourceRequirements {
    fn validate(&self) -> Result<()> {
        self.cpu_cores.map_or(Ok(()), |cores| check_range("cpu_cores", cores, "above 0", |c| c > 0.0))?;
        check_optional_count("memory_bytes", self.memory_bytes)?;
        self.gpus.validate().map_err(|e| e.within("gpus"))?;
        for (label, value) in &self.node_selector {
            check_label(label, value).map_err(|e| e.within("node_selector"))?;
        }
        self.tolerations.validate().map_err(|e| e.within("tolerations"))?;
        check_optional_count("scratch_bytes", self.scratch_bytes)?;
        check_time("retention_days", self.retention_days.map(u64::from), u64::from(MAX_DAYS))?;
        let max_secs = u64::from(MAX_DAYS) * 86_400;
        check_time("checkpoint_interval_secs", self.checkpoint_interval_secs, max_secs)?;
        check_time("timeout_secs", self.timeout_secs, max_secs)
    }
}

/// A label may have an empty value, but not an empty name.
fn check_label(label: &str, value: &str) -> Result<()> {
    check_name("", label, MAX_NAME).map_err(|e| match e {
        Error::Invalid { field, problem } => Error::invalid(field, format!("holds a label whose name {problem}")),
        other => other,
    })?;
    if value.is_empty() { Ok(()) } else { check_name(label, value, MAX_NAME) }
}

fn check_time(field: &str, time: Option<u64>, most: u64) -> Result<()> {
    check_optional_count(field, time)?;
    match time {
        Some(time) if time > most => Err(Error::invalid(field, format!("is {time}; it must be at most {most}"))),
        _ => Ok(()),
    }
}

/// Accelerators, all of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct GpuRequirement {
    /// How many, at least 1.
    pub count: u32,
    /// Which, as `H100`; 1–250 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu_type: Option<String>,
    /// Memory of each, at least 1 byte.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
}

impl Validate for GpuRequirement {
    fn validate(&self) -> Result<()> {
        check_count("count", self.count)?;
        check_optional_name("gpu_type", self.gpu_type.as_ref())?;
        check_optional_count("memory_bytes", self.memory_bytes)
    }
}

/// A reservation of a machine (in Kubernetes a taint) that does not keep the run away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Toleration {
    /// Name of the reservation; 1–250 characters.
    pub key: String,
    /// Its value; any where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// What it would do to the run; anything where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<TolerationEffect>,
}

impl Validate for Toleration {
    fn validate(&self) -> Result<()> {
        check_name("key", &self.key, MAX_NAME)?;
        check_optional_name("value", self.value.as_ref().filter(|value| !value.is_empty()))
    }
}

/// What a reservation does to a run that it does not tolerate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TolerationEffect {
    /// It is not started there.
    NoSchedule,
    /// It is started there only if there is no other place.
    PreferNoSchedule,
    /// It is not started there, and ended if it runs there.
    NoExecute,
}

/// Who goes first where not all can; later ones go before earlier ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each variant is the word it is written as")]
pub enum Priority {
    Low,
    #[default]
    Normal,
    High,
    Critical,
}
