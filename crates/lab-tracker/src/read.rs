//! What is shown of runs.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use lab_model::{
    ArtifactRef, ContentHash, EnvironmentSnapshot, Error, Event, EventSeq, ExperimentId, ExperimentRun, Field, Filter,
    Kind, LogLine, LoggedValue, MetricName, Page, Paged, Result, RunId, RunQuery, SeriesKey, SeriesPoints,
    SeriesSummary, Validate as _,
};
use lab_series::Downsampled;
use lab_store::{PointRange, StoreExt as _};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::{Tracker, external};

/// Most nested runs that a run's detail names.
const MAX_CHILDREN: u32 = 1_000;

/// A run as a list shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RunRow {
    /// The run.
    #[serde(flatten)]
    pub run: ExperimentRun,
    /// Name of its experiment.
    pub experiment_name: String,
    /// Summaries of its series.
    pub metrics: Vec<SeriesSummary>,
}

/// A run with all that belongs to it, but for points and bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RunDetail {
    /// The run.
    #[serde(flatten)]
    pub run: ExperimentRun,
    /// Name of its experiment.
    pub experiment_name: String,
    /// Login name of who created it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by_name: Option<String>,
    /// Summaries of its series.
    pub metrics: Vec<SeriesSummary>,
    /// Its artifacts, by name, and of one name the latest first.
    pub artifacts: Vec<ArtifactRef>,
    /// Where it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment_snapshot: Option<EnvironmentSnapshot>,
    /// The runs that are parts of it, newest first, at most 1,000.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub child_run_ids: Vec<RunId>,
}

/// Points of a series, maybe thinned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SeriesView {
    /// The points, sorted by step, then time, then value; points without a step come first.
    #[serde(flatten)]
    pub points: SeriesPoints,
    /// Whether points were left out. The least and greatest of each stretch are kept.
    pub is_sampled: bool,
    /// How many there are in the range.
    pub total_points: u64,
}

impl Tracker {
    /// The run with that id.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn run(&self, id: RunId) -> Result<ExperimentRun> {
        self.store().require_run(id).await
    }

    /// The run with that id, and all that belongs to it but for points and bytes.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn run_detail(&self, id: RunId) -> Result<RunDetail> {
        let run = self.run(id).await?;
        let experiment_name = self.experiment(run.experiment_id).await?.name;
        let names = self.names_of(run.created_by).await?;
        let created_by_name = run.created_by.and_then(|id| names.get(&id).cloned());
        let metrics = self.summaries(&[id], None).await?.into_iter().map(|(_, summary)| summary).collect();
        let artifacts = self.store().artifacts(id).await?;
        let environment_snapshot = match run.environment {
            Some(hash) => self.store().environment(hash).await?,
            None => None,
        };
        let filter = Some(Filter::equal(Field::ParentRunId, id.to_string()));
        let children = RunQuery { filter, page: Page::first(MAX_CHILDREN)?, ..RunQuery::default() };
        let children = self.store().find_runs(&children).await?.items;
        Ok(RunDetail {
            run,
            experiment_name,
            created_by_name,
            metrics,
            artifacts,
            environment_snapshot,
            child_run_ids: children.into_iter().map(|run| run.id).collect(),
        })
    }

    /// The runs a query finds. Those marked as deleted are left out, unless it asks about the mark.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the query is wrong.
    pub async fn find_runs(&self, query: &RunQuery) -> Result<Paged<ExperimentRun>> {
        query.validate()?;
        let filter = external::kept_only(query.filter.clone());
        self.store().find_runs(&RunQuery { filter, ..query.clone() }).await
    }

    /// The runs a query finds, each with the summaries of its series, or of those so named.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the query is wrong.
    pub async fn find_run_rows(&self, query: &RunQuery, names: Option<&[MetricName]>) -> Result<Paged<RunRow>> {
        let found = self.find_runs(query).await?;
        let ids: Vec<RunId> = found.items.iter().map(|run| run.id).collect();
        let mut metrics: BTreeMap<RunId, Vec<SeriesSummary>> = BTreeMap::new();
        for (id, summary) in self.summaries(&ids, names).await? {
            metrics.entry(id).or_default().push(summary);
        }
        let mut experiments: BTreeMap<ExperimentId, String> = BTreeMap::new();
        for run in &found.items {
            if let Entry::Vacant(entry) = experiments.entry(run.experiment_id) {
                entry.insert(self.experiment(run.experiment_id).await?.name);
            }
        }
        Ok(found.map(|run| RunRow {
            experiment_name: experiments.get(&run.experiment_id).cloned().unwrap_or_default(),
            metrics: metrics.remove(&run.id).unwrap_or_default(),
            run,
        }))
    }

    /// Summaries of the series of these runs, by run in the order asked, then by name and context.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn summaries(&self, runs: &[RunId], names: Option<&[MetricName]>) -> Result<Vec<(RunId, SeriesSummary)>> {
        /// Runs that the store is asked about at a time.
        const BATCH: usize = 1_000;
        let mut all = Vec::new();
        for batch in runs.chunks(BATCH) {
            all.extend(self.store().summaries(batch, names).await?);
        }
        Ok(all)
    }

    /// Points of one series, thinned to `max_points` where there are more. Empty where there is no such series.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such run; [`Error::Invalid`] if `max_points` is below 4.
    pub async fn points(
        &self,
        run: RunId,
        key: &SeriesKey,
        range: &PointRange,
        max_points: Option<usize>,
    ) -> Result<SeriesView> {
        if max_points.is_some_and(|max| max < 4) {
            return Err(Error::invalid("max_points", "must be at least 4: the ends and the extremes are kept"));
        }
        self.run(run).await?;
        let Some(max) = max_points else {
            let points = self.store().points(run, key, range).await?;
            return Ok(SeriesView { total_points: points.len() as u64, points, is_sampled: false });
        };
        let Downsampled { points, is_sampled, total } = self.store().sampled_points(run, key, range, max).await?;
        Ok(SeriesView { points, is_sampled, total_points: total })
    }

    /// Values of a run that are not one number.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such run.
    pub async fn values(&self, run: RunId, key: Option<&SeriesKey>) -> Result<Vec<LoggedValue>> {
        self.run(run).await?;
        self.store().values(run, key).await
    }

    /// Lines `first` (from 1) and on of a run's log.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such run.
    pub async fn log_lines(&self, run: RunId, first: u64, limit: u32) -> Result<Vec<LogLine>> {
        self.run(run).await?;
        self.store().log_lines(run, first, limit).await
    }

    /// The environment snapshot with that hash.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn environment(&self, hash: ContentHash) -> Result<EnvironmentSnapshot> {
        self.store().environment(hash).await?.ok_or_else(|| Error::not_found(Kind::Environment, hash))
    }

    /// Events after a position, in order.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn events(&self, after: EventSeq, limit: u32) -> Result<Vec<Event>> {
        self.store().events(after, limit).await
    }

    /// Position of the last event; 0 where there is none.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn last_event(&self) -> Result<EventSeq> {
        self.store().last_event().await
    }

    /// Wakes up when events were added, by this process or another.
    #[must_use]
    pub fn watch_events(&self) -> watch::Receiver<EventSeq> {
        self.store().watch_events()
    }
}
