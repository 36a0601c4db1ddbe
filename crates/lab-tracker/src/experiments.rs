//! Experiments: creating, changing and moving them.

use std::collections::BTreeMap;

use lab_model::{
    Error, EventBody, Experiment, ExperimentId, ExperimentPatch, ExperimentQuery, ExperimentStatus, Kind, LineageNode,
    Metadata, NewExperiment, NodeId, Paged, Result, RunStatus, User, UserId, Validate as _, check_name,
};
use lab_store::{Change, StoreExt as _, Write};
use serde::{Deserialize, Serialize};

use crate::{TRIES, Tracker, external};

/// An experiment with what a list shows beside it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ExperimentOverview {
    /// The experiment.
    #[serde(flatten)]
    pub experiment: Experiment,
    /// Login name of its owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// How many runs it has in each state; states without runs are left out.
    #[cfg_attr(feature = "schema", schema(value_type = BTreeMap<String, u64>))]
    pub runs: BTreeMap<RunStatus, u64>,
}

impl Tracker {
    /// Creates an experiment, as a draft. Its owner is the one it names, else `user`.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the field; [`Error::Conflict`] if the name is taken.
    pub async fn create_experiment(&self, new: NewExperiment, user: Option<&str>) -> Result<Experiment> {
        let owner = match new.owner.as_deref().or(user) {
            Some(name) => Some(self.ensure_user(name).await?),
            None => None,
        };
        let now = self.now();
        let experiment = Experiment::create(ExperimentId::new(now), new, owner, now)?;
        self.store().commit(creation(&experiment)).await?;
        Ok(experiment)
    }

    /// Changes what `patch` names, if the experiment is at the expected revision, where one is given.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] naming the field; [`Error::Conflict`] if the revision is another or the name
    /// is taken; [`Error::WrongState`] if it is archived.
    pub async fn update_experiment(
        &self,
        id: ExperimentId,
        patch: ExperimentPatch,
        expected_revision: Option<u64>,
    ) -> Result<Experiment> {
        let fields = changed_fields(&patch);
        self.change_experiment(id, fields, |experiment, now| {
            if expected_revision.is_some_and(|revision| revision != experiment.revision) {
                let problem = format!("is at revision {}: read it again and repeat the change", experiment.revision);
                return Err(Error::conflict(Kind::Experiment, &experiment.name, problem));
            }
            experiment.patched(patch.clone(), now)
        })
        .await
    }

    /// Moves an experiment to another status. Completing it judges its hypotheses, in the same change.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::InvalidState`] naming both states and the moves allowed.
    pub async fn move_experiment(&self, id: ExperimentId, to: ExperimentStatus) -> Result<Experiment> {
        if to == ExperimentStatus::Completed {
            return self.complete_experiment(id).await;
        }
        self.change_experiment(id, vec!["status".to_owned()], |experiment, now| experiment.moved_to(to, now)).await
    }

    async fn complete_experiment(&self, id: ExperimentId) -> Result<Experiment> {
        let to = ExperimentStatus::Completed;
        let mut tries = 1;
        loop {
            let before = self.experiment(id).await?;
            before.status.check_move(&before.name, to)?;
            let judgements = self.judge_hypotheses(&before).await?;
            let mut fields = vec!["status".to_owned()];
            if !judgements.is_empty() {
                fields.push("config.ledger".to_owned());
            }
            let done = self.change_experiment(id, fields, |experiment, now| {
                if experiment.revision != before.revision {
                    return Err(Error::conflict(Kind::Experiment, &experiment.name, "keeps changing: try again"));
                }
                let mut completed = experiment.moved_to(to, now)?;
                for (name, judgement) in &judgements {
                    let known = completed.config.ledger.hypotheses.iter_mut().find(|known| known.name == *name);
                    if let Some(known) = known {
                        known.judgement = Some(judgement.clone());
                    }
                }
                Ok(completed)
            });
            match done.await {
                // Reworded meanwhile: what is judged is what is stated.
                Err(Error::Conflict { .. }) if tries < TRIES => tries += 1,
                done => return done,
            }
        }
    }

    pub(crate) async fn change_experiment(
        &self,
        id: ExperimentId,
        fields: Vec<String>,
        mut change: impl FnMut(Experiment, lab_model::Timestamp) -> Result<Experiment>,
    ) -> Result<Experiment> {
        let mut tries = 1;
        loop {
            let now = self.now();
            let before = self.store().require_experiment(id).await?;
            let name = before.name.clone();
            let revision = before.revision;
            let after = change(before, now)?;
            let archived = after.status == ExperimentStatus::Archived;
            let body = if archived {
                EventBody::ExperimentArchived
            } else {
                EventBody::ExperimentUpdated { status: after.status, fields: fields.clone() }
            };
            let write =
                Change::new(now).writing(Write::UpdateExperiment(Box::new(after.clone()))).telling(id, None, body);
            match self.store().commit(write).await {
                Ok(_) => return Ok(after),
                // A taken name is a conflict too, and stays one: only a moved revision is worth another look.
                Err(Error::Conflict { .. }) if tries < TRIES => {
                    let there = self.store().require_experiment(id).await?;
                    if there.revision == revision {
                        return Err(Error::conflict(
                            Kind::Experiment,
                            if after.name == name { &name } else { &after.name },
                            "exists already: choose another name",
                        ));
                    }
                    tries += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The experiments a query finds. Those marked as deleted are left out, unless it asks about the mark.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the query is wrong.
    pub async fn find_experiments(&self, query: &ExperimentQuery) -> Result<Paged<Experiment>> {
        query.validate()?;
        let filter = external::kept_only(query.filter.clone());
        self.store().find_experiments(&ExperimentQuery { filter, ..query.clone() }).await
    }

    /// The same with what a list shows beside them.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the query is wrong.
    pub async fn find_experiment_overviews(&self, query: &ExperimentQuery) -> Result<Paged<ExperimentOverview>> {
        let Paged { items, total_count, has_more, next_cursor } = self.find_experiments(query).await?;
        let names = self.names_of(items.iter().filter_map(|experiment| experiment.owner_id)).await?;
        let mut overviews = Vec::with_capacity(items.len());
        for experiment in items {
            let runs = self.store().run_counts(experiment.id).await?.into_iter().collect();
            let owner = experiment.owner_id.and_then(|id| names.get(&id).cloned());
            overviews.push(ExperimentOverview { experiment, owner, runs });
        }
        Ok(Paged { items: overviews, total_count, has_more, next_cursor })
    }

    /// The experiment with that id.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn experiment(&self, id: ExperimentId) -> Result<Experiment> {
        self.store().require_experiment(id).await
    }

    /// The experiment with that id, with what a list shows beside it.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn experiment_overview(&self, id: ExperimentId) -> Result<ExperimentOverview> {
        let experiment = self.experiment(id).await?;
        let names = self.names_of(experiment.owner_id).await?;
        let owner = experiment.owner_id.and_then(|id| names.get(&id).cloned());
        let runs = self.store().run_counts(id).await?.into_iter().collect();
        Ok(ExperimentOverview { experiment, owner, runs })
    }

    /// The users with these ids; unknown ids are left out.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn users(&self, ids: &[UserId]) -> Result<Vec<User>> {
        self.store().users(ids).await
    }

    pub(crate) async fn names_of(&self, ids: impl IntoIterator<Item = UserId>) -> Result<BTreeMap<UserId, String>> {
        let mut ids: Vec<UserId> = ids.into_iter().collect();
        ids.sort_unstable();
        ids.dedup();
        Ok(self.store().users(&ids).await?.into_iter().map(|user| (user.id, user.name)).collect())
    }

    /// The id of the user with that login name, who is made the first time the name is seen.
    pub(crate) async fn ensure_user(&self, name: &str) -> Result<UserId> {
        check_name("user", name, 256)?;
        if let Some(user) = self.store().user_named(name).await? {
            return Ok(user.id);
        }
        let now = self.now();
        let user = User { id: UserId::new(now), name: name.to_owned(), created_at: now };
        self.store().commit(Change::new(now).writing(Write::CreateUser(user))).await?;
        // Two may have seen the name at once: the store kept one.
        let kept = self.store().user_named(name).await?;
        kept.map(|user| user.id).ok_or_else(|| Error::not_found(Kind::User, name))
    }
}

/// The change that adds an experiment.
pub(crate) fn creation(experiment: &Experiment) -> Change {
    let body = EventBody::ExperimentCreated { name: experiment.name.clone() };
    let mut change = Change::new(experiment.created_at)
        .writing(Write::CreateExperiment(Box::new(experiment.clone())))
        .telling(experiment.id, None, body);
    change.nodes.push(LineageNode {
        id: NodeId::experiment(experiment.id),
        label: experiment.name.clone(),
        metadata: Metadata::new(),
        created_at: experiment.created_at,
    });
    change
}

fn changed_fields(patch: &ExperimentPatch) -> Vec<String> {
    let ExperimentPatch { name, description, hypothesis, owner_id, collaborators, tags, config, metadata } = patch;
    [
        ("name", name.is_some()),
        ("description", description.is_some()),
        ("hypothesis", hypothesis.is_some()),
        ("owner_id", owner_id.is_some()),
        ("collaborators", collaborators.is_some()),
        ("tags", tags.is_some()),
        ("config", config.is_some()),
        ("metadata", metadata.is_some()),
    ]
    .into_iter()
    .filter(|(_, is_changed)| *is_changed)
    .map(|(field, _)| field.to_owned())
    .collect()
}
