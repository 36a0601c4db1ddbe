//! What a running run says: points, values, parameters, its environment, its log, that it is alive.

use lab_model::{
    EdgeType, EnvironmentSnapshot, Error, EventBody, ExperimentRun, Kind, LogLine, LoggedValue, Metadata, NodeType,
    Parameters, Result, RunId, RunStatus, SeriesPoints, Validate as _, check_name,
};
use lab_store::{Change, Expect, StoreExt as _, Write};

use crate::{Tracker, lineage};

impl Tracker {
    /// Logs points of scalar series. They are durable when this returns.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::WrongState`] if the run is not running; [`Error::Invalid`] naming the series.
    pub async fn log_points(&self, id: RunId, series: Vec<SeriesPoints>) -> Result<()> {
        let run = self.store().require_run(id).await?;
        self.log_points_of(&run, series).await
    }

    /// The same for a run that was read before. Whether it still runs is looked at again.
    ///
    /// # Errors
    /// As [`log_points`](Self::log_points).
    pub async fn log_points_of(&self, run: &ExperimentRun, series: Vec<SeriesPoints>) -> Result<()> {
        series.validate().map_err(|e| e.within("series"))?;
        let id = run.id;
        let change = self.change_by(run, "metrics")?;
        let beyond = self.watch_points(run, &series).await?;
        let event = points_event(&series);
        let mut change = change.writing(Write::AppendPoints { id, series }).telling(run.experiment_id, Some(id), event);
        beyond.add_to(&mut change, run);
        self.store().commit(change).await?;
        Ok(())
    }

    /// Logs values that are not one number.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::WrongState`] if the run is not running; [`Error::Invalid`] naming the value.
    pub async fn log_values(&self, id: RunId, values: Vec<LoggedValue>) -> Result<()> {
        values.validate().map_err(|e| e.within("values"))?;
        let event = values_event(&values);
        self.say(id, "metrics", Write::AppendValues { id, values }, event).await
    }

    /// Adds parameters to a running run. One that is set already keeps its value; another value is refused.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::WrongState`]; [`Error::Conflict`] naming the parameter; [`Error::Invalid`].
    pub async fn log_parameters(&self, id: RunId, parameters: Parameters) -> Result<()> {
        parameters.validate().map_err(|e| e.within("parameters"))?;
        self.say(id, "parameters", Write::SetParameters { id, parameters }, updated("parameters")).await
    }

    /// Ties a running run to the environment it runs in.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::WrongState`].
    pub async fn set_environment(&self, id: RunId, snapshot: EnvironmentSnapshot) -> Result<()> {
        let write = Write::SetEnvironment { id, snapshot: Box::new(snapshot) };
        self.say(id, "its environment", write, updated("environment")).await
    }

    /// Adds lines to the log of a running run.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::WrongState`].
    pub async fn append_log(&self, id: RunId, lines: Vec<LogLine>) -> Result<()> {
        self.say(id, "log lines", Write::AppendLog { id, lines }, updated("log")).await
    }

    /// Notes that the client of a running run is alive.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::WrongState`].
    pub async fn heartbeat(&self, id: RunId) -> Result<()> {
        let (_, change) = self.saying(id, "heartbeats").await?;
        self.store().commit(change).await?;
        Ok(())
    }

    /// Notes a dataset that a running run reads.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::WrongState`]; [`Error::Invalid`].
    pub async fn use_dataset(&self, id: RunId, dataset: &str, metadata: Metadata) -> Result<()> {
        check_name("dataset", dataset, 256)?;
        self.use_input(id, NodeType::Dataset, EdgeType::UsesDataset, dataset, metadata).await
    }

    /// Notes a model that a running run uses.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::WrongState`]; [`Error::Invalid`].
    pub async fn use_model(&self, id: RunId, model: &str, metadata: Metadata) -> Result<()> {
        check_name("model", model, 256)?;
        self.use_input(id, NodeType::Model, EdgeType::UsesModel, model, metadata).await
    }

    async fn use_input(
        &self,
        id: RunId,
        node_type: NodeType,
        edge_type: EdgeType,
        key: &str,
        metadata: Metadata,
    ) -> Result<()> {
        let (run, mut change) = self.saying(id, "inputs").await?;
        lineage::use_input(&mut change, id, node_type, edge_type, key, metadata);
        self.store().commit(change.telling(run.experiment_id, Some(id), updated("inputs"))).await?;
        Ok(())
    }

    async fn say(&self, id: RunId, what: &str, write: Write, event: EventBody) -> Result<()> {
        let (run, change) = self.saying(id, what).await?;
        self.store().commit(change.writing(write).telling(run.experiment_id, Some(id), event)).await?;
        Ok(())
    }

    /// A change that expects a running run and notes that its client is alive, and the run.
    async fn saying(&self, id: RunId, what: &str) -> Result<(ExperimentRun, Change)> {
        let run = self.store().require_run(id).await?;
        let change = self.change_by(&run, what)?;
        Ok((run, change))
    }

    /// The same for a run that was read before.
    fn change_by(&self, run: &ExperimentRun, what: &str) -> Result<Change> {
        require_running(run, what)?;
        let (id, at) = (run.id, self.now());
        let change = Change::new(at).expecting(Expect::RunIs { id, one_of: vec![RunStatus::Running] });
        Ok(change.writing(Write::Heartbeat { id, at }))
    }
}

/// Refuses `what` for a run that is not running.
pub(crate) fn require_running(run: &ExperimentRun, what: &str) -> Result<()> {
    if run.status == RunStatus::Running {
        return Ok(());
    }
    let advice = if run.status.actions().contains(&lab_model::RunAction::Resume) { ": resume it first" } else { "" };
    Err(Error::WrongState {
        kind: Kind::Run,
        id: run.id.to_string(),
        actual: run.status.as_str(),
        needs: format!("only a running run takes {what}{advice}"),
    })
}

pub(crate) fn updated(field: &str) -> EventBody {
    EventBody::RunUpdated { fields: vec![field.to_owned()] }
}

pub(crate) fn points_event(series: &[SeriesPoints]) -> EventBody {
    EventBody::MetricsLogged {
        series: series.len() as u64,
        points: series.iter().map(|s| s.len() as u64).sum(),
        last_step: series.iter().flat_map(|s| s.steps.iter().copied()).flatten().max(),
    }
}

pub(crate) fn values_event(values: &[LoggedValue]) -> EventBody {
    let keys: std::collections::BTreeSet<_> = values.iter().map(|value| &value.key).collect();
    EventBody::MetricsLogged {
        series: keys.len() as u64,
        points: values.len() as u64,
        last_step: values.iter().filter_map(|value| value.step).max(),
    }
}
