//! Runs: one execution, its lifecycle and what it left behind.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::experiment::{MAX_NAME, or_nothing};
use crate::{
    ContentHash, Error, ExperimentId, Kind, Parameters, Result, RunId, Timestamp, UserId, Validate, check_name,
};

/// Most tags of one experiment or run.
const MAX_TAGS: usize = 1_000;
/// Most characters of a tag's value.
const MAX_TAG_VALUE: usize = 8_000;

/// Labels and key-value pairs. A bare label is a key with an empty value.
///
/// Reads a JSON list of labels or a map; writes a map.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Tags(pub BTreeMap<String, String>);

impl Tags {
    /// Bare labels.
    pub fn labels<S: Into<String>>(labels: impl IntoIterator<Item = S>) -> Self {
        Self(labels.into_iter().map(|label| (label.into(), String::new())).collect())
    }
}

impl<'de> Deserialize<'de> for Tags {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "tags must be a list of labels or a map of texts")]
        enum Form {
            Labels(Vec<String>),
            Pairs(BTreeMap<String, String>),
        }
        Ok(match Form::deserialize(deserializer)? {
            Form::Labels(labels) => Self::labels(labels),
            Form::Pairs(pairs) => Self(pairs),
        })
    }
}

/// Checks number, keys and lengths of tags.
pub(crate) fn check_tags(tags: &Tags) -> Result<()> {
    if tags.0.len() > MAX_TAGS {
        return Err(Error::invalid("", format!("has {} tags; at most {MAX_TAGS} are allowed", tags.0.len())));
    }
    for (key, value) in &tags.0 {
        check_name(key, key, 250)?;
        if value.chars().count() > MAX_TAG_VALUE {
            return Err(Error::invalid(key, format!("has more than {MAX_TAG_VALUE} characters")));
        }
    }
    Ok(())
}

impl Validate for Tags {
    fn validate(&self) -> Result<()> {
        check_tags(self)
    }
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Created, not yet handed to anything that executes it.
    Pending,
    /// Waiting for resources.
    Queued,
    /// Executing: the only state that takes metrics and artifacts.
    Running,
    /// Ended well.
    Completed,
    /// Ended with an error, or its client vanished.
    Failed,
    /// Stopped on request.
    Cancelled,
    /// Stopped because it took too long.
    TimedOut,
}

/// What can be done to a run's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RunAction {
    /// Hand it to a queue.
    Queue,
    /// Begin to execute.
    Start,
    /// End well.
    Complete,
    /// End with an error.
    Fail,
    /// Stop on request.
    Cancel,
    /// Stop because it took too long.
    TimeOut,
    /// Go on after it ended without completing.
    Resume,
}

impl RunAction {
    /// Every action.
    pub const ALL: [Self; 7] =
        [Self::Queue, Self::Start, Self::Complete, Self::Fail, Self::Cancel, Self::TimeOut, Self::Resume];

    /// The state the action leads to.
    #[must_use]
    pub const fn leads_to(self) -> RunStatus {
        match self {
            Self::Queue => RunStatus::Queued,
            Self::Start | Self::Resume => RunStatus::Running,
            Self::Complete => RunStatus::Completed,
            Self::Fail => RunStatus::Failed,
            Self::Cancel => RunStatus::Cancelled,
            Self::TimeOut => RunStatus::TimedOut,
        }
    }
}

impl RunStatus {
    /// Every status.
    pub const ALL: [Self; 7] =
        [Self::Pending, Self::Queued, Self::Running, Self::Completed, Self::Failed, Self::Cancelled, Self::TimedOut];

    /// The actions that this state allows.
    ///
    /// A run that failed, was cancelled or timed out can be resumed: the cause may have been the machine. One that
    /// completed is a result and stays as it is.
    #[must_use]
    pub const fn actions(self) -> &'static [RunAction] {
        use RunAction::{Cancel, Complete, Fail, Queue, Resume, Start, TimeOut};
        match self {
            Self::Pending => &[Queue, Start, Fail, Cancel],
            Self::Queued => &[Start, Fail, Cancel, TimeOut],
            Self::Running => &[Complete, Fail, Cancel, TimeOut],
            Self::Failed | Self::Cancelled | Self::TimedOut => &[Resume],
            Self::Completed => &[],
        }
    }

    /// The state after `action` on run `id`: total over states and actions.
    ///
    /// # Errors
    /// [`Error::InvalidState`] naming both states and the moves allowed.
    pub fn after(self, id: impl fmt::Display, action: RunAction) -> Result<Self> {
        if self.actions().contains(&action) {
            return Ok(action.leads_to());
        }
        Err(Error::InvalidState {
            kind: Kind::Run,
            id: id.to_string(),
            actual: self.as_str(),
            requested: action.leads_to().as_str(),
            allowed: or_nothing(self.actions().iter().map(|a| a.leads_to().as_str())),
        })
    }

    /// Whether the run has ended.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled | Self::TimedOut)
    }

    /// The name in JSON and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::TimedOut => "timed_out",
        }
    }
}

impl fmt::Display for RunStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for RunStatus {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|s| s.as_str().eq_ignore_ascii_case(text)).ok_or_else(|| {
            let known = or_nothing(Self::ALL.iter().map(|s| s.as_str()));
            Error::invalid("status", format!("is `{}`; it must be {known}", text.escape_debug()))
        })
    }
}

/// How serious a line of a log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the usual five levels")]
pub enum LogLevel {
    Debug,
    Info,
    Warning,
    Error,
    Critical,
}

/// Where a program printed something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LogStream {
    /// Its standard output.
    Stdout,
    /// Its standard error.
    Stderr,
}

/// One line of what a run printed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LogLine {
    /// How serious it is.
    pub level: LogLevel,
    /// When it was printed.
    pub time: Timestamp,
    /// The text, without its line end.
    pub text: String,
    /// Where it was printed; absent where that is not known, as for a logger's line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<LogStream>,
}

/// A line of the log worth showing first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Highlight {
    /// How serious it is.
    pub level: LogLevel,
    /// When it was printed.
    pub time: Timestamp,
    /// Number of the line, from 1.
    pub line: u64,
    /// The text, cut after 500 characters.
    pub text: String,
}

/// What a run's log holds, without the log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LogSummary {
    /// Lines in all.
    pub lines: u64,
    /// Lines at level error or critical.
    pub errors: u64,
    /// Lines at level warning.
    pub warnings: u64,
    /// Where the log can be read: a path of the API; absent while there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// The first errors and warnings, at most [`LogSummary::MAX_HIGHLIGHTS`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub highlights: Vec<Highlight>,
}

impl LogSummary {
    /// Most highlights kept.
    pub const MAX_HIGHLIGHTS: usize = 20;

    /// Counts the lines that follow those counted so far.
    pub fn append(&mut self, lines: &[LogLine]) {
        for line in lines {
            self.lines += 1;
            match line.level {
                LogLevel::Error | LogLevel::Critical => self.errors += 1,
                LogLevel::Warning => self.warnings += 1,
                LogLevel::Debug | LogLevel::Info => continue,
            }
            if self.highlights.len() < Self::MAX_HIGHLIGHTS {
                self.highlights.push(Highlight {
                    level: line.level,
                    time: line.time,
                    line: self.lines,
                    text: line.text.chars().take(500).collect(),
                });
            }
        }
    }
}

/// Circumstances of an error, as name and text.
pub type ErrorContext = BTreeMap<String, String>;

/// Why a run ended without completing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RunError {
    /// The class of error, as `torch.OutOfMemoryError` or `ClientVanished`.
    #[serde(rename = "type")]
    pub error_type: String,
    /// What it said.
    pub message: String,
    /// Where it was raised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack_trace: Option<String>,
    /// When.
    pub time: Timestamp,
    /// Whether the run can go on from where it stopped.
    #[serde(default)]
    pub recoverable: bool,
    /// Circumstances: exit code, signal, host, last heartbeat.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(feature = "schema", schema(value_type = std::collections::BTreeMap<String, String>))]
    pub context: ErrorContext,
}

/// One execution within an experiment.
///
/// Its metrics and artifacts can be many and are read on their own; see [`crate::SeriesSummary`] and
/// [`crate::ArtifactRef`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ExperimentRun {
    /// Identity.
    pub id: RunId,
    /// The experiment it belongs to.
    pub experiment_id: ExperimentId,
    /// 1, 2, 3 … within its experiment, without gap or twin; given by the store.
    pub number: u64,
    /// 1–256 characters; need not be unique.
    pub name: String,
    /// Where it stands.
    pub status: RunStatus,
    /// What it was started with. A parameter never changes once set.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(value_type = std::collections::BTreeMap<String, crate::ParameterValue>))]
    pub parameters: Parameters,
    /// Hash of the environment snapshot, once it has arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<ContentHash>,
    /// Labels and key-value pairs to find it by.
    #[serde(default)]
    pub tags: Tags,
    /// What its log holds.
    #[serde(default)]
    pub logs: LogSummary,
    /// The run that this one is a part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_run_id: Option<RunId>,
    /// Who started it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<UserId>,
    /// Why it ended without completing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<RunError>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it began to execute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// When its client was last heard of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heartbeat_at: Option<Timestamp>,
    /// Counts its changes from 1.
    pub revision: u64,
}

impl ExperimentRun {
    /// How long it executed, or has executed up to `now`, in seconds.
    #[must_use]
    pub fn duration_secs(&self, now: Timestamp) -> Option<f64> {
        let started = self.started_at?;
        Some(self.ended_at.unwrap_or(now).duration_since(started).as_secs_f64().max(0.0))
    }
}

impl Validate for ExperimentRun {
    fn validate(&self) -> Result<()> {
        check_name("name", &self.name, MAX_NAME)?;
        if self.parent_run_id == Some(self.id) {
            return Err(Error::invalid("parent_run_id", "is the run itself"));
        }
        self.parameters.validate().map_err(|e| e.within("parameters"))?;
        check_tags(&self.tags).map_err(|e| e.within("tags"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_on_every_state_has_an_answer() {
        for status in RunStatus::ALL {
            for action in RunAction::ALL {
                let after = status.after("r", action);
                assert_eq!(after.is_ok(), status.actions().contains(&action), "{status} {action:?}");
                if status == RunStatus::Completed {
                    assert!(after.is_err());
                }
            }
        }
    }

    #[test]
    fn only_ended_runs_are_terminal() {
        assert!(RunStatus::ALL.iter().filter(|s| s.is_terminal()).all(|s| !s.actions().contains(&RunAction::Start)));
    }

    #[test]
    fn tags_read_labels_and_pairs() {
        let labels: Tags = serde_json::from_str(r#"["baseline"]"#).unwrap();
        assert_eq!(labels, serde_json::from_str(r#"{"baseline": ""}"#).unwrap());
        assert_eq!(serde_json::to_string(&labels).unwrap(), r#"{"baseline":""}"#);
    }

    #[test]
    fn a_log_summary_counts_levels_and_keeps_the_first_highlights() {
        let mut summary = LogSummary::default();
        let line = |level| LogLine { level, time: Timestamp::UNIX_EPOCH, text: "x".repeat(600), stream: None };
        for _ in 0..30 {
            summary.append(&[line(LogLevel::Info), line(LogLevel::Warning), line(LogLevel::Critical)]);
        }
        assert_eq!((summary.lines, summary.warnings, summary.errors), (90, 30, 30));
        assert_eq!(summary.highlights.len(), LogSummary::MAX_HIGHLIGHTS);
        assert_eq!((summary.highlights[0].line, summary.highlights[0].text.len()), (2, 500));
    }
}
