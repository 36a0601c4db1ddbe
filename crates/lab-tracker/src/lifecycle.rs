//! Moving runs through their states.

use std::collections::BTreeMap;

use lab_model::{
    Error, EventBody, ExperimentRun, Result, RunAction, RunError, RunId, RunStatus, SeriesPoints, Timestamp,
    Validate as _,
};
use lab_store::{Change, Expect, NewEvent, StoreExt as _, Write};

use crate::logging::points_event;
use crate::upkeep::FOLDED_AT_END;
use crate::{TRIES, Tracker, lineage};

impl Tracker {
    /// Hands a pending run to a queue.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::InvalidState`].
    pub async fn queue_run(&self, id: RunId) -> Result<ExperimentRun> {
        self.act(id, RunAction::Queue, None, Vec::new()).await
    }

    /// Starts a pending or queued run.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::InvalidState`].
    pub async fn start_run(&self, id: RunId) -> Result<ExperimentRun> {
        self.act(id, RunAction::Start, None, Vec::new()).await
    }

    /// Ends a running run well. Its last points and its end are one change; then its final aggregations are computed.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::InvalidState`]; [`Error::Invalid`] if a point is wrong.
    pub async fn complete_run(&self, id: RunId, mut final_metrics: Vec<SeriesPoints>) -> Result<ExperimentRun> {
        final_metrics.validate().map_err(|e| e.within("metrics"))?;
        final_metrics.retain(|series| !series.is_empty());
        self.act(id, RunAction::Complete, None, final_metrics).await
    }

    /// Ends a run with an error.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::InvalidState`].
    pub async fn fail_run(&self, id: RunId, error: RunError) -> Result<ExperimentRun> {
        self.act(id, RunAction::Fail, Some(error), Vec::new()).await
    }

    /// Stops a run on request.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::InvalidState`].
    pub async fn cancel_run(&self, id: RunId, reason: Option<String>) -> Result<ExperimentRun> {
        let error = reason.map(|message| stopped("Cancelled", message, self.now()));
        self.act(id, RunAction::Cancel, error, Vec::new()).await
    }

    /// Stops a run because it took too long.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::InvalidState`].
    pub async fn time_out_run(&self, id: RunId, reason: Option<String>) -> Result<ExperimentRun> {
        let message = reason.unwrap_or_else(|| "the run took longer than it was given".to_owned());
        let error = stopped("TimedOut", message, self.now());
        self.act(id, RunAction::TimeOut, Some(error), Vec::new()).await
    }

    /// Lets a run go on that ended without completing.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::InvalidState`].
    pub async fn resume_run(&self, id: RunId) -> Result<ExperimentRun> {
        self.act(id, RunAction::Resume, None, Vec::new()).await
    }

    async fn act(
        &self,
        id: RunId,
        action: RunAction,
        error: Option<RunError>,
        points: Vec<SeriesPoints>,
    ) -> Result<ExperimentRun> {
        let mut tries = 1;
        loop {
            let run = self.store().require_run(id).await?;
            let names = match action {
                RunAction::Complete => {
                    self.metric_names(id, points.iter().map(|series| series.key.name.clone())).await?
                }
                _ => Vec::new(),
            };
            let end = End { action, at: self.now(), error: error.clone() };
            let mut change = end.change(&run, &names)?;
            if !points.is_empty() {
                change.writes.insert(0, Write::AppendPoints { id, series: points.clone() });
                let (experiment_id, run_id) = (run.experiment_id, Some(id));
                change.events.insert(0, NewEvent { experiment_id, run_id, body: points_event(&points) });
                self.watch_points(&run, &points).await?.add_to(&mut change, &run);
            }
            match self.store().commit(change).await {
                Ok(_) => break,
                // Another got there first: the rules decide on what is there now.
                Err(Error::Conflict { .. } | Error::WrongState { .. }) if tries < TRIES => tries += 1,
                Err(error) => return Err(error),
            }
        }
        if action.leads_to().is_terminal() {
            self.finalise(id).await;
        }
        self.store().require_run(id).await
    }

    /// Names of the scalar metrics that a run will have when those of these names are in.
    pub(crate) async fn metric_names(&self, id: RunId, added: impl Iterator<Item = String>) -> Result<Vec<String>> {
        let logged = self.store().summaries(&[id], None).await?;
        let logged = logged.into_iter().map(|(_, summary)| summary.key.name);
        Ok(logged.chain(added).collect())
    }

    /// Computes final aggregations. The run has ended either way: what fails here is taken up again by the upkeep.
    pub(crate) async fn finalise(&self, id: RunId) {
        if let Err(error) = self.settle(id).await {
            tracing::warn!(run.id = %id, "the final aggregations of a run are put off: {error}");
        }
    }

    /// Marks an ended run by its thresholds, folds its points, then computes its final aggregations: a crash in between
    /// leaves all of it to do.
    pub(crate) async fn settle(&self, id: RunId) -> Result<()> {
        self.settle_thresholds(id).await?;
        self.fold(id, FOLDED_AT_END).await?;
        self.store().finalise(id).await
    }
}

/// A move of a run, before it is known whether its state allows it.
#[derive(Clone, Debug)]
pub(crate) struct End {
    pub(crate) action: RunAction,
    pub(crate) at: Timestamp,
    pub(crate) error: Option<RunError>,
}

impl End {
    /// The change that makes the move. `names` are the metrics that a completed run has measured.
    pub(crate) fn change(self, run: &ExperimentRun, names: &[String]) -> Result<Change> {
        let Self { action, at, error } = self;
        let status = run.status.after(run.id, action)?;
        let (started_at, ended_at) = match status {
            RunStatus::Running if run.started_at.is_none() => (Some(at), None),
            RunStatus::Pending | RunStatus::Queued | RunStatus::Running => (None, None),
            _ => (None, Some(at)),
        };
        let body = match action {
            RunAction::Queue => EventBody::RunUpdated { fields: vec!["status".to_owned()] },
            RunAction::Start => EventBody::RunStarted { number: run.number, name: run.name.clone() },
            RunAction::Resume => EventBody::RunResumed,
            RunAction::Complete => EventBody::RunCompleted,
            RunAction::Cancel => EventBody::RunCancelled,
            RunAction::TimeOut => EventBody::RunTimedOut,
            RunAction::Fail => {
                let error = error.clone().unwrap_or_else(|| stopped("Error", "the run failed".to_owned(), at));
                EventBody::RunFailed { error: RunError { stack_trace: None, ..error } }
            }
        };
        let id = run.id;
        let mut change = Change::new(at)
            .expecting(Expect::RunIs { id, one_of: vec![run.status] })
            .writing(Write::SetRunStatus { id, status, started_at, ended_at, error: error.map(Box::new) });
        if status == RunStatus::Running {
            change = change.writing(Write::Heartbeat { id, at });
        }
        if action == RunAction::Complete {
            lineage::evaluate(&mut change, run.experiment_id, id, names.iter().map(String::as_str));
        }
        Ok(change.telling(run.experiment_id, Some(id), body))
    }
}

/// Why a run was stopped.
pub(crate) fn stopped(error_type: &str, message: String, time: Timestamp) -> RunError {
    RunError {
        error_type: error_type.to_owned(),
        message,
        stack_trace: None,
        time,
        recoverable: true,
        context: BTreeMap::new(),
    }
}
