//! Runs: creating, naming, tagging and deleting them.

use std::collections::BTreeMap;

use lab_model::{
    Error, EventBody, Experiment, ExperimentId, ExperimentRun, ExperimentStatus, Kind, LogSummary, Parameters, Result,
    RunId, RunStatus, Tags, Timestamp, Validate as _, check_name,
};
use lab_store::{Change, Expect, StoreExt as _, Write};

use crate::{Tracker, lineage};

/// A run to create.
#[derive(Clone, Debug, PartialEq)]
pub struct NewRun {
    /// Its id, where the caller makes ids.
    pub id: Option<RunId>,
    /// The experiment it belongs to, which must be active.
    pub experiment: ExperimentId,
    /// Its name; `run-NUMBER` where absent.
    pub name: Option<String>,
    /// What it is started with.
    pub parameters: Parameters,
    /// Labels, or pairs.
    pub tags: Tags,
    /// The run it is a part of, of the same or another experiment.
    pub parent_run_id: Option<RunId>,
    /// Login name of who creates it.
    pub user: Option<String>,
    /// Pending, queued or running.
    pub status: RunStatus,
    /// When it began, where it is running; now where absent.
    pub started_at: Option<Timestamp>,
}

impl Tracker {
    /// Creates a run.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the experiment or the parent does not exist; [`Error::WrongState`] if the experiment is not
    /// active; [`Error::Invalid`] naming the field; [`Error::Conflict`] if the id is taken.
    pub async fn create_run(&self, new: NewRun) -> Result<ExperimentRun> {
        let created_by = match &new.user {
            Some(name) => Some(self.ensure_user(name).await?),
            None => None,
        };
        let experiment = self.store().require_experiment(new.experiment).await?;
        require_active(&experiment)?;
        if let Some(parent) = new.parent_run_id {
            self.store().require_run(parent).await.map_err(|error| match error {
                Error::NotFound { .. } => {
                    Error::invalid("parent_run_id", format!("is `{parent}`, and no such run exists"))
                }
                other => other,
            })?;
        }
        let now = self.now();
        let mut run = draft(new, created_by, now)?;
        let mut change = Change::new(now)
            .expecting(Expect::ExperimentIs { id: experiment.id, one_of: vec![ExperimentStatus::Active] })
            .writing(Write::CreateRun(Box::new(run.clone())))
            .telling(experiment.id, Some(run.id), creation_event(&run));
        lineage::add_run(&mut change, &run, &experiment);
        let committed = self.store().commit(change).await?;
        run.number = committed.run_numbers.first().copied().unwrap_or_default();
        // The store named it, where it had no name.
        self.store().require_run(run.id).await
    }

    /// Gives a run another name.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`].
    pub async fn rename_run(&self, id: RunId, name: &str) -> Result<()> {
        check_name("name", name, 256)?;
        let run = self.store().require_run(id).await?;
        self.update(&run, "name", Write::RenameRun { id, name: name.to_owned() }).await
    }

    /// Sets tags, or with `None` removes them, whatever state the run is in.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`].
    pub async fn set_tags(&self, id: RunId, tags: BTreeMap<String, Option<String>>) -> Result<()> {
        let run = self.store().require_run(id).await?;
        let mut after = run.tags.clone();
        for (key, value) in &tags {
            match value {
                Some(value) => after.0.insert(key.clone(), value.clone()),
                None => after.0.remove(key),
            };
        }
        after.validate().map_err(|e| e.within("tags"))?;
        self.update(&run, "tags", Write::SetTags { id, tags }).await
    }

    /// Commits one write to a run and tells of it.
    pub(crate) async fn update(&self, run: &ExperimentRun, field: &str, write: Write) -> Result<()> {
        let body = EventBody::RunUpdated { fields: vec![field.to_owned()] };
        let change = Change::new(self.now()).writing(write).telling(run.experiment_id, Some(run.id), body);
        self.store().commit(change).await?;
        Ok(())
    }

    /// Deletes a run that does not execute, with its metrics, log, lineage and records of artifacts.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::WrongState`] if it is running.
    pub async fn delete_run(&self, id: RunId) -> Result<()> {
        let run = self.store().require_run(id).await?;
        if run.status == RunStatus::Running {
            return Err(Error::WrongState {
                kind: Kind::Run,
                id: run.id.to_string(),
                actual: run.status.as_str(),
                needs: "end or cancel it before deleting it".to_owned(),
            });
        }
        let deletable = RunStatus::ALL.into_iter().filter(|status| *status != RunStatus::Running).collect();
        let change = Change::new(self.now())
            .expecting(Expect::RunIs { id, one_of: deletable })
            .writing(Write::DeleteRun { id })
            .telling(run.experiment_id, Some(id), EventBody::RunDeleted);
        self.store().commit(change).await?;
        Ok(())
    }
}

pub(crate) fn require_active(experiment: &Experiment) -> Result<()> {
    if experiment.status == ExperimentStatus::Active {
        return Ok(());
    }
    let can = experiment.status.next().contains(&ExperimentStatus::Active);
    let advice = if can { ": activate it first" } else { "" };
    Err(Error::WrongState {
        kind: Kind::Experiment,
        id: experiment.name.clone(),
        actual: experiment.status.as_str(),
        needs: format!("only an active experiment takes runs{advice}"),
    })
}

/// The run that a request describes, checked.
pub(crate) fn draft(new: NewRun, created_by: Option<lab_model::UserId>, now: Timestamp) -> Result<ExperimentRun> {
    let NewRun { id, experiment, name, parameters, tags, parent_run_id, user: _, status, started_at } = new;
    if let Some(name) = &name {
        check_name("name", name, 256)?;
    }
    if status.is_terminal() {
        return Err(Error::invalid("status", format!("is {status}; a run begins pending, queued or running")));
    }
    let is_running = status == RunStatus::Running;
    let id = id.unwrap_or_else(|| RunId::new(now));
    let run = ExperimentRun {
        id,
        experiment_id: experiment,
        number: 0,
        name: name.unwrap_or_default(),
        status,
        parameters,
        environment: None,
        tags,
        logs: LogSummary::default(),
        parent_run_id,
        created_by,
        error: None,
        created_at: now,
        started_at: is_running.then(|| started_at.unwrap_or(now)),
        ended_at: None,
        heartbeat_at: is_running.then_some(now),
        revision: 1,
    };
    // The store fills in an absent name; everything else must be right as it is.
    ExperimentRun { name: if run.name.is_empty() { "run".to_owned() } else { run.name.clone() }, ..run.clone() }
        .validate()?;
    Ok(run)
}

/// The event of a new run; number and name are filled in by the commit.
pub(crate) fn creation_event(run: &ExperimentRun) -> EventBody {
    let (number, name) = (0, run.name.clone());
    if run.status == RunStatus::Running {
        EventBody::RunStarted { number, name }
    } else {
        EventBody::RunCreated { number, name }
    }
}
