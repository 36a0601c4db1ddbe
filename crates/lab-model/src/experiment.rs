//! Experiments and their lifecycle.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::run::check_tags;
use crate::{
    Error, ExperimentConfig, ExperimentId, Kind, Ledger, Result, Tags, Timestamp, UserId, Validate, check_name,
};

/// Free-form JSON that the tracker keeps and shows but does not interpret.
pub type Metadata = serde_json::Map<String, serde_json::Value>;

/// Most characters of an experiment's name.
pub(crate) const MAX_NAME: usize = 256;
/// Most characters of a description or a hypothesis.
const MAX_TEXT: usize = 65_536;
/// Most collaborators of an experiment.
const MAX_COLLABORATORS: usize = 1_000;

/// Where an experiment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ExperimentStatus {
    /// Being planned: no run can start.
    Draft,
    /// Runs can start.
    Active,
    /// Held back for a while: no run can start.
    Paused,
    /// Done, with an answer.
    Completed,
    /// Put away.
    Archived,
    /// Given up.
    Failed,
}

impl ExperimentStatus {
    /// Every status.
    pub const ALL: [Self; 6] = [Self::Draft, Self::Active, Self::Paused, Self::Completed, Self::Archived, Self::Failed];

    /// The states this one can move to; none for an end state.
    #[must_use]
    pub const fn next(self) -> &'static [Self] {
        match self {
            Self::Draft => &[Self::Active, Self::Archived],
            Self::Active => &[Self::Paused, Self::Completed, Self::Failed],
            Self::Paused => &[Self::Active, Self::Archived],
            Self::Completed | Self::Failed => &[Self::Archived],
            Self::Archived => &[],
        }
    }

    /// The name in JSON and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Archived => "archived",
            Self::Failed => "failed",
        }
    }

    /// Checks the move of experiment `id` from this state to `to`.
    ///
    /// # Errors
    /// [`Error::InvalidState`] naming both states and the moves allowed.
    pub fn check_move(self, id: impl fmt::Display, to: Self) -> Result<()> {
        if self.next().contains(&to) {
            return Ok(());
        }
        Err(Error::InvalidState {
            kind: Kind::Experiment,
            id: id.to_string(),
            actual: self.as_str(),
            requested: to.as_str(),
            allowed: or_nothing(self.next().iter().map(|s| s.as_str())),
        })
    }
}

/// "a, b or c"; "nothing else" for an empty list.
pub(crate) fn or_nothing<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    match names.split_last() {
        None => "nothing else".to_owned(),
        Some((only, [])) => (*only).to_owned(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
    }
}

impl fmt::Display for ExperimentStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for ExperimentStatus {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|s| s.as_str().eq_ignore_ascii_case(text)).ok_or_else(|| {
            let known = or_nothing(Self::ALL.iter().map(|s| s.as_str()));
            Error::invalid("status", format!("is `{}`; it must be {known}", text.escape_debug()))
        })
    }
}

/// A question, and the runs that are to answer it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Experiment {
    /// Identity.
    pub id: ExperimentId,
    /// 1–256 characters; unique among the experiments of a store.
    pub name: String,
    /// What it is about, in Markdown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What is expected to come out, said before it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hypothesis: Option<String>,
    /// Who answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_id: Option<UserId>,
    /// Who else works on it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub collaborators: Vec<UserId>,
    /// Labels and key-value pairs to find it by.
    #[serde(default)]
    pub tags: Tags,
    /// Where it stands.
    pub status: ExperimentStatus,
    /// Models, data, metrics, parameters, resources and how reproducible the runs are to be.
    #[serde(default)]
    pub config: ExperimentConfig,
    /// Free JSON, kept as it is.
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    #[cfg_attr(feature = "schema", schema(value_type = Object))]
    pub metadata: Metadata,
    /// When it was created.
    pub created_at: Timestamp,
    /// When anything of it last changed.
    pub updated_at: Timestamp,
    /// When it was archived, while it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived_at: Option<Timestamp>,
    /// Counts its changes from 1. A write that expects an older revision is refused.
    pub revision: u64,
}

impl Experiment {
    /// A draft from what a user gave.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the field that is refused.
    pub fn create(id: ExperimentId, new: NewExperiment, owner_id: Option<UserId>, at: Timestamp) -> Result<Self> {
        let experiment = Self {
            id,
            name: new.name,
            description: new.description,
            hypothesis: new.hypothesis,
            owner_id,
            collaborators: new.collaborators,
            tags: new.tags,
            status: ExperimentStatus::Draft,
            config: ExperimentConfig { ledger: Ledger::default(), ..new.config },
            metadata: new.metadata,
            created_at: at,
            updated_at: at,
            archived_at: None,
            revision: 1,
        };
        experiment.validate()?;
        Ok(experiment)
    }

    /// The same experiment in another state, one revision later. Leaving the draft freezes its hypotheses.
    ///
    /// # Errors
    /// [`Error::InvalidState`] if the lifecycle does not allow it.
    pub fn moved_to(mut self, to: ExperimentStatus, at: Timestamp) -> Result<Self> {
        self.status.check_move(&self.name, to)?;
        self.status = to;
        self.freeze(at);
        self.archived_at = (to == ExperimentStatus::Archived).then_some(at);
        self.touch(at);
        Ok(self)
    }

    /// The same experiment with `patch` applied, one revision later.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the field that is refused; [`Error::WrongState`] if it is archived.
    pub fn patched(mut self, patch: ExperimentPatch, at: Timestamp) -> Result<Self> {
        if self.status == ExperimentStatus::Archived {
            return Err(Error::WrongState {
                kind: Kind::Experiment,
                id: self.name,
                actual: "archived",
                needs: "an archived experiment does not change".to_owned(),
            });
        }
        let ExperimentPatch { name, description, hypothesis, owner_id, collaborators, tags, config, metadata } = patch;
        self.name = name.unwrap_or(self.name);
        self.description = description.unwrap_or(self.description);
        self.hypothesis = hypothesis.unwrap_or(self.hypothesis);
        self.owner_id = owner_id.unwrap_or(self.owner_id);
        self.collaborators = collaborators.unwrap_or(self.collaborators);
        self.tags = tags.unwrap_or(self.tags);
        if let Some(config) = config {
            self.config = ExperimentConfig { ledger: self.config.ledger, ..config };
            self.freeze(at);
        }
        self.metadata = metadata.unwrap_or(self.metadata);
        self.touch(at);
        self.validate()?;
        Ok(self)
    }

    /// The same experiment with another ledger, one revision later.
    #[must_use]
    pub fn recorded(mut self, ledger: Ledger, at: Timestamp) -> Self {
        self.config.ledger = ledger;
        self.touch(at);
        self
    }

    /// Once it is no draft, every wording of a hypothesis is kept.
    fn freeze(&mut self, at: Timestamp) {
        if self.status != ExperimentStatus::Draft {
            self.config.ledger.register(&self.config.hypotheses, at);
        }
    }

    fn touch(&mut self, at: Timestamp) {
        self.updated_at = at;
        self.revision += 1;
    }
}

impl Validate for Experiment {
    fn validate(&self) -> Result<()> {
        check_name("name", &self.name, MAX_NAME)?;
        for (field, text) in [("description", &self.description), ("hypothesis", &self.hypothesis)] {
            if text.as_ref().is_some_and(|t| t.chars().count() > MAX_TEXT) {
                return Err(Error::invalid(field, format!("has more than {MAX_TEXT} characters")));
            }
        }
        if self.collaborators.len() > MAX_COLLABORATORS {
            return Err(Error::invalid("collaborators", format!("has more than {MAX_COLLABORATORS} entries")));
        }
        check_tags(&self.tags).map_err(|e| e.within("tags"))?;
        self.config.validate().map_err(|e| e.within("config"))
    }
}

/// What a user gives to create an experiment. A name is enough.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewExperiment {
    /// 1–256 characters.
    pub name: String,
    /// What it is about, in Markdown.
    #[serde(default)]
    pub description: Option<String>,
    /// What is expected to come out.
    #[serde(default)]
    pub hypothesis: Option<String>,
    /// Login name of who answers for it; the caller where absent.
    #[serde(default)]
    pub owner: Option<String>,
    /// Who else works on it.
    #[serde(default)]
    pub collaborators: Vec<UserId>,
    /// A list of labels, or a map.
    #[serde(default)]
    pub tags: Tags,
    /// What the runs have in common.
    #[serde(default)]
    pub config: ExperimentConfig,
    /// Free JSON.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(value_type = Object))]
    pub metadata: Metadata,
}

/// A change to an experiment: what is absent stays; null clears what may be absent.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct ExperimentPatch {
    /// New name.
    pub name: Option<String>,
    /// New description, or null for none.
    #[serde(deserialize_with = "present")]
    pub description: Option<Option<String>>,
    /// New hypothesis, or null for none.
    #[serde(deserialize_with = "present")]
    pub hypothesis: Option<Option<String>>,
    /// New owner, or null for none.
    #[serde(deserialize_with = "present")]
    pub owner_id: Option<Option<UserId>>,
    /// New list of collaborators.
    pub collaborators: Option<Vec<UserId>>,
    /// New tags, all of them.
    pub tags: Option<Tags>,
    /// New configuration, all of it but for the ledger, which stays.
    pub config: Option<ExperimentConfig>,
    /// New metadata, all of it.
    #[cfg_attr(feature = "schema", schema(value_type = Option<Object>))]
    pub metadata: Option<Metadata>,
}

/// Tells a null from an absent field.
fn present<'de, D, T>(deserializer: D) -> std::result::Result<Option<Option<T>>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(name: &str) -> Result<Experiment> {
        let new = NewExperiment { name: name.to_owned(), ..Default::default() };
        Experiment::create(ExperimentId::new(Timestamp::UNIX_EPOCH), new, None, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_name_alone_is_enough_and_is_checked() {
        assert_eq!(draft("tiny-lm").unwrap().status, ExperimentStatus::Draft);
        assert!(draft(&"ä".repeat(256)).is_ok());
        for bad in ["", "  ", "a\nb", &"x".repeat(257)] {
            assert_eq!(draft(bad).unwrap_err().field(), Some("name"));
        }
    }

    #[test]
    fn no_other_moves_are_allowed() {
        use ExperimentStatus::{Active, Archived, Completed, Draft, Failed, Paused};
        let allowed = [
            (Draft, Active),
            (Draft, Archived),
            (Active, Paused),
            (Active, Completed),
            (Active, Failed),
            (Paused, Active),
            (Paused, Archived),
            (Completed, Archived),
            (Failed, Archived),
        ];
        for from in ExperimentStatus::ALL {
            for to in ExperimentStatus::ALL {
                assert_eq!(from.check_move("e", to).is_ok(), allowed.contains(&(from, to)), "{from} → {to}");
            }
        }
    }

    #[test]
    fn a_refused_move_names_both_states_and_what_is_allowed() {
        let error = ExperimentStatus::Draft.check_move("e", ExperimentStatus::Completed).unwrap_err();
        assert_eq!(
            error.to_string(),
            "experiment `e` is draft and cannot become completed: from draft it can become active or archived"
        );
        assert_eq!(error.code(), crate::Code::InvalidState);
    }

    #[test]
    fn hypotheses_freeze_when_the_draft_ends_and_the_ledger_cannot_be_sent() {
        let text = r#"{"name": "a", "metric": "loss", "treatment": "params.h = 2", "baseline": "params.h = 1",
                       "direction": "lower", "smallest_effect": 0.1, "planned_runs": 3}"#;
        let stated: crate::Hypothesis = serde_json::from_str(text).unwrap();
        let config = |ledger| ExperimentConfig { hypotheses: vec![stated.clone()], ledger, ..Default::default() };
        let mut forged = Ledger::default();
        forged.register(std::slice::from_ref(&stated), Timestamp::UNIX_EPOCH);
        let new = NewExperiment { name: "e".to_owned(), config: config(forged.clone()), ..Default::default() };
        let id = ExperimentId::new(Timestamp::UNIX_EPOCH);
        let draft = Experiment::create(id, new, None, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(draft.config.ledger, Ledger::default());

        let at = Timestamp::from_second(9).unwrap();
        let active = draft.moved_to(ExperimentStatus::Active, at).unwrap();
        assert_eq!(active.config.ledger.hypotheses[0].revisions[0].at, at);
        let patch = ExperimentPatch { config: Some(config(forged)), ..Default::default() };
        assert_eq!(active.clone().patched(patch, at).unwrap().config.ledger, active.config.ledger);
        let patch = ExperimentPatch { config: Some(ExperimentConfig::default()), ..Default::default() };
        let without = active.patched(patch, Timestamp::from_second(10).unwrap()).unwrap();
        assert!(without.config.ledger.hypotheses[0].withdrawn_at.is_some());
    }

    #[test]
    fn a_patch_tells_null_from_absent() {
        let patch: ExperimentPatch = serde_json::from_str(r#"{"description": null}"#).unwrap();
        assert_eq!((patch.description, patch.hypothesis), (Some(None), None));
    }
}
