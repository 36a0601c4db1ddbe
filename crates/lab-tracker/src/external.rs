//! Runs and experiments of clients that follow another tracker's rules.
//!
//! Such a client logs to a run that has ended, moves it to any state and back, sends no sign of life, and deletes what it
//! may want back. What it does is kept by the same store in the same commits; only the checks on the state of a run are
//! its own. Two tags say what no field does, so that every face can ask about it: [`DELETED`] and [`UNATTENDED`].

use std::collections::{BTreeMap, HashSet};

use lab_model::{
    ArtifactId, ArtifactRef, BoxError, Error, EventBody, Experiment, ExperimentId, ExperimentPatch, ExperimentRun,
    ExperimentStatus, Field, Filter, Kind, NewExperiment, Page, Parameters, Result, RunError, RunId, RunQuery,
    RunStatus, SeriesKey, SeriesPoints, Tags, Timestamp, Validate as _,
};
use lab_store::{Change, NewEvent, PointRange, StoreExt as _, Write};

use crate::artifacts::{add_artifact, artifact_of};
use crate::lifecycle::stopped;
use crate::logging::points_event;
use crate::{NewArtifact, TRIES, Tracker, lineage};

/// The tag of a run or an experiment that was deleted and can be had back; its value is the time.
pub const DELETED: &str = "lab.deleted";
/// The tag of a run whose client sends no heartbeats: it runs until it is said to have ended.
pub const UNATTENDED: &str = "lab.unattended";

/// Most series whose summaries are asked for by name; above it all of the run are read.
const MOST_NAMED: usize = 64;

/// What a client adds to a run, whatever state the run is in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Amendment {
    /// Points of scalar series. One that is there already is not added again.
    pub points: Vec<SeriesPoints>,
    /// Parameters. One that is set already keeps its value; another value is refused.
    pub parameters: Parameters,
    /// Tags to set or, with `None`, to remove.
    pub tags: BTreeMap<String, Option<String>>,
    /// Another name.
    pub name: Option<String>,
    /// The state it is in now.
    pub status: Option<RunStatus>,
    /// When it ended, where it has.
    pub ended_at: Option<Timestamp>,
}

impl Tracker {
    /// Adds to a run, whatever state it is in, in one commit.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::WrongState`] if it was deleted; [`Error::Conflict`] naming a parameter that is set to
    /// another value; [`Error::Invalid`].
    pub async fn amend_run(&self, id: RunId, amendment: Amendment) -> Result<()> {
        amendment.points.validate().map_err(|e| e.within("points"))?;
        amendment.parameters.validate().map_err(|e| e.within("parameters"))?;
        let mut tries = 1;
        loop {
            let (run, summaries) = tokio::join!(self.store().run(id), self.last_points(id, &amendment.points));
            let run = run?.ok_or_else(|| Error::not_found(Kind::Run, id))?;
            require_kept(&run)?;
            let points = self.unseen(id, amendment.points.clone(), &summaries?).await?;
            let change = self.amending(&run, &amendment, points).await?;
            let has_ended = amendment.status.is_some_and(RunStatus::is_terminal);
            match self.store().commit(change).await {
                Ok(_) => {
                    if has_ended {
                        self.finalise(id).await;
                    }
                    return Ok(());
                }
                Err(Error::WrongState { .. }) if tries < TRIES => tries += 1,
                Err(error) => return Err(error),
            }
        }
    }

    async fn amending(&self, run: &ExperimentRun, new: &Amendment, points: Vec<SeriesPoints>) -> Result<Change> {
        let at = self.now();
        let (id, experiment_id) = (run.id, run.experiment_id);
        let mut change = Change::new(at);
        let mut fields = Vec::new();
        if run.status == RunStatus::Running {
            change.writes.push(Write::Heartbeat { id, at });
        }
        if !new.parameters.is_empty() {
            fields.push("parameters".to_owned());
            change.writes.push(Write::SetParameters { id, parameters: new.parameters.clone() });
        }
        if !points.is_empty() {
            let event = points_event(&points);
            change.events.push(NewEvent { experiment_id, run_id: Some(id), body: event });
            self.watch_points(run, &points).await?.add_to(&mut change, run);
            change.writes.push(Write::AppendPoints { id, series: points });
        }
        if !new.tags.is_empty() {
            let mut after = run.tags.clone();
            for (key, value) in &new.tags {
                match value {
                    Some(value) => after.0.insert(key.clone(), value.clone()),
                    None => after.0.remove(key),
                };
            }
            after.validate().map_err(|e| e.within("tags"))?;
            fields.push("tags".to_owned());
            change.writes.push(Write::SetTags { id, tags: new.tags.clone() });
        }
        if let Some(name) = new.name.as_ref().filter(|name| **name != run.name) {
            lab_model::check_name("name", name, 256)?;
            fields.push("name".to_owned());
            change.writes.push(Write::RenameRun { id, name: name.clone() });
        }
        if new.status.is_some_and(|status| status != run.status) || new.ended_at.is_some() {
            self.add_move(&mut change, run, new).await?;
        }
        if !fields.is_empty() {
            change = change.telling(experiment_id, Some(id), EventBody::RunUpdated { fields });
        }
        Ok(change)
    }

    /// The move of a run to the state that its client says, whether or not our own lifecycle has it.
    async fn add_move(&self, change: &mut Change, run: &ExperimentRun, new: &Amendment) -> Result<()> {
        let (id, at) = (run.id, change.at);
        let status = new.status.unwrap_or(run.status);
        let ended_at = status.is_terminal().then(|| new.ended_at.or(run.ended_at).unwrap_or(at));
        let started_at = (status == RunStatus::Running && run.started_at.is_none()).then_some(at);
        let error = match status {
            RunStatus::Failed => {
                Some(run.error.clone().unwrap_or_else(|| stopped("Failed", "the run failed".into(), at)))
            }
            RunStatus::Cancelled => {
                Some(run.error.clone().unwrap_or_else(|| stopped("Killed", "the run was killed".into(), at)))
            }
            _ => None,
        };
        if status != run.status {
            let body = match status {
                RunStatus::Completed => EventBody::RunCompleted,
                RunStatus::Failed => EventBody::RunFailed {
                    error: error.clone().unwrap_or_else(|| stopped("Failed", String::new(), at)),
                },
                RunStatus::Cancelled => EventBody::RunCancelled,
                RunStatus::TimedOut => EventBody::RunTimedOut,
                RunStatus::Running if run.status.is_terminal() => EventBody::RunResumed,
                RunStatus::Running => EventBody::RunStarted { number: run.number, name: run.name.clone() },
                RunStatus::Pending | RunStatus::Queued => EventBody::RunUpdated { fields: vec!["status".to_owned()] },
            };
            change.events.push(NewEvent { experiment_id: run.experiment_id, run_id: Some(id), body });
        }
        if status == RunStatus::Completed {
            let added = new.points.iter().map(|series| series.key.name.clone());
            let names = self.metric_names(id, added).await?;
            lineage::evaluate(change, run.experiment_id, id, names.iter().map(String::as_str));
        }
        let error: Option<Box<RunError>> = error.map(Box::new);
        change.expect.push(lab_store::Expect::RunIs { id, one_of: vec![run.status] });
        change.writes.push(Write::SetRunStatus { id, status, started_at, ended_at, error });
        if status == RunStatus::Running {
            change.writes.push(Write::Heartbeat { id, at });
        }
        Ok(())
    }

    /// The last point of each of these series, as far as they are there.
    async fn last_points(&self, id: RunId, series: &[SeriesPoints]) -> Result<BTreeMap<SeriesKey, Place>> {
        if series.is_empty() {
            return Ok(BTreeMap::new());
        }
        let names: HashSet<&str> = series.iter().map(|points| points.key.name.as_str()).collect();
        let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
        let names = (names.len() <= MOST_NAMED).then_some(names);
        let found = self.store().summaries(&[id], names.as_deref()).await?;
        let place =
            |it: lab_model::SeriesSummary| (it.key, Place(it.last_step, it.last_time.as_microsecond(), it.last));
        Ok(found.into_iter().map(|(_, summary)| place(summary)).collect())
    }

    /// The points that are not there yet. A client that lost an answer sends them again.
    ///
    /// Points that come after all others are new without a look; only where one does not is its series read.
    async fn unseen(
        &self,
        id: RunId,
        series: Vec<SeriesPoints>,
        last: &BTreeMap<SeriesKey, Place>,
    ) -> Result<Vec<SeriesPoints>> {
        let mut unseen = Vec::with_capacity(series.len());
        for points in joined(series) {
            let mut before = last.get(&points.key).copied();
            let is_rising = points.iter().all(|(value, step, time)| {
                let place = Place(step, time, value);
                let rises = before.is_none_or(|before| before.is_before(&place));
                before = Some(place);
                rises
            });
            if is_rising {
                unseen.push(points);
                continue;
            }
            let mut known: HashSet<(Option<i64>, i64, u64)> = HashSet::new();
            if last.contains_key(&points.key) {
                let there = self.store().points(id, &points.key, &PointRange::default()).await?;
                known.extend(there.iter().map(|(value, step, time)| (step, time, value.to_bits())));
            }
            let mut new = SeriesPoints::new(points.key.clone());
            for (value, step, time) in points.iter() {
                if known.insert((step, time, value.to_bits())) {
                    new.push(value, step, time);
                }
            }
            if !new.is_empty() {
                unseen.push(new);
            }
        }
        Ok(unseen)
    }

    /// Logs an artifact of a run, whatever state it is in. The same content under the same name again is the same artifact.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::ArtifactTooLarge`]; [`Error::Storage`].
    pub async fn attach_artifact<S, E>(&self, id: RunId, new: NewArtifact, content: S) -> Result<ArtifactRef>
    where
        S: futures_util::Stream<Item = Result<bytes::Bytes, E>> + Unpin + Send,
        E: Into<BoxError>,
    {
        let run = self.store().require_run(id).await?;
        let NewArtifact { name, artifact_type, metadata, declared_bytes } = new;
        let stored = self.put_object(declared_bytes, name.as_str(), content).await?;
        if let Some(known) = self.same_artifact(id, &name, stored.hash).await? {
            return Ok(known);
        }
        let at = self.now();
        let artifact = artifact_of(id, name, artifact_type, metadata, &stored, at);
        let mut change = Change::new(at);
        add_artifact(&mut change, &artifact, run.experiment_id);
        self.store().commit(change).await?;
        Ok(artifact)
    }

    /// Removes records of a run's artifacts.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such run.
    pub async fn remove_artifacts(&self, id: RunId, ids: Vec<ArtifactId>) -> Result<()> {
        let run = self.store().require_run(id).await?;
        self.update(&run, "artifacts", Write::RemoveArtifacts { run: id, ids }).await
    }

    /// Marks a run as deleted, or takes that back. Again is harmless.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn set_run_deleted(&self, id: RunId, is_deleted: bool) -> Result<()> {
        let run = self.store().require_run(id).await?;
        if run.tags.0.contains_key(DELETED) == is_deleted {
            return Ok(());
        }
        let tags = BTreeMap::from([(DELETED.to_owned(), is_deleted.then(|| self.now().to_string()))]);
        self.update(&run, "tags", Write::SetTags { id, tags }).await
    }

    /// Marks an experiment and all its runs as deleted, or takes that back for all of them. Its name stays taken.
    ///
    /// # Errors
    /// [`Error::NotFound`], also if it is in that state already.
    pub async fn set_experiment_deleted(&self, id: ExperimentId, is_deleted: bool) -> Result<()> {
        let before = self.store().require_experiment(id).await?;
        if before.tags.0.contains_key(DELETED) == is_deleted {
            return Err(Error::not_found(Kind::Experiment, id));
        }
        let mark = is_deleted.then(|| self.now().to_string());
        self.tag_experiment(id, BTreeMap::from([(DELETED.to_owned(), mark.clone())])).await?;
        let marked = Filter::Exists(Field::Tag(DELETED.to_owned()));
        let filter = Some(if is_deleted { Filter::Not(Box::new(marked)) } else { marked });
        loop {
            let page = Page::first(1_000)?;
            let query = RunQuery { experiments: vec![id], filter: filter.clone(), page, ..RunQuery::default() };
            let found = self.store().find_runs(&query).await?;
            if found.items.is_empty() {
                return Ok(());
            }
            let mut change = Change::new(self.now());
            for run in &found.items {
                let tags = BTreeMap::from([(DELETED.to_owned(), mark.clone())]);
                change.writes.push(Write::SetTags { id: run.id, tags });
                let body = EventBody::RunUpdated { fields: vec!["tags".to_owned()] };
                change.events.push(NewEvent { experiment_id: id, run_id: Some(run.id), body });
            }
            match self.store().commit(change).await {
                // A run may go for good meanwhile; the others are found again.
                Ok(_) | Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Sets tags of an experiment, or with `None` removes them, whatever state it is in.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`].
    pub async fn tag_experiment(&self, id: ExperimentId, tags: BTreeMap<String, Option<String>>) -> Result<Experiment> {
        self.change_experiment(id, vec!["tags".to_owned()], |experiment, now| {
            let mut after = experiment.tags.clone();
            for (key, value) in &tags {
                match value {
                    Some(value) => after.0.insert(key.clone(), value.clone()),
                    None => after.0.remove(key),
                };
            }
            let note = tags.get("mlflow.note.content");
            let description = note.map(|text| text.as_ref().map(|text| text.chars().take(65_536).collect()));
            experiment.patched(ExperimentPatch { tags: Some(after), description, ..Default::default() }, now)
        })
        .await
    }

    /// Creates an active experiment, with the id given where one is.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the field; [`Error::Conflict`] if the name or the id is taken.
    pub async fn create_active_experiment(
        &self,
        id: Option<ExperimentId>,
        new: NewExperiment,
        user: Option<&str>,
    ) -> Result<Experiment> {
        let owner = match new.owner.as_deref().or(user) {
            Some(name) => Some(self.ensure_user(name).await?),
            None => None,
        };
        let now = self.now();
        let id = id.unwrap_or_else(|| ExperimentId::new(now));
        let mut experiment = Experiment::create(id, new, owner, now)?.moved_to(ExperimentStatus::Active, now)?;
        experiment.revision = 1;
        self.store().commit(crate::experiments::creation(&experiment)).await?;
        Ok(experiment)
    }

    /// The experiment with exactly that name.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn experiment_named(&self, name: &str) -> Result<Option<Experiment>> {
        self.store().experiment_named(name).await
    }

    /// The runs with these ids, in their order; unknown ids are left out.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn runs(&self, ids: &[RunId]) -> Result<Vec<ExperimentRun>> {
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            found.extend(self.store().run(*id).await?);
        }
        Ok(found)
    }
}

/// Whether a run or an experiment with these tags was deleted.
#[must_use]
pub fn is_deleted(tags: &Tags) -> bool {
    tags.0.contains_key(DELETED)
}

/// A filter that holds for what was not deleted only, unless `filter` itself speaks of that.
pub(crate) fn kept_only(filter: Option<Filter>) -> Option<Filter> {
    let mark = Field::Tag(DELETED.to_owned());
    if filter.as_ref().is_some_and(|filter| mentions(filter, &mark)) {
        return filter;
    }
    let kept = Filter::Not(Box::new(Filter::Exists(mark)));
    Some(match filter {
        Some(filter) => Filter::And(vec![filter, kept]),
        None => kept,
    })
}

fn mentions(filter: &Filter, wanted: &Field) -> bool {
    match filter {
        Filter::And(members) | Filter::Or(members) => members.iter().any(|member| mentions(member, wanted)),
        Filter::Not(inner) => mentions(inner, wanted),
        Filter::Compare(field, ..) | Filter::In(field, _) | Filter::Exists(field) => field == wanted,
    }
}

pub(crate) fn require_kept(run: &ExperimentRun) -> Result<()> {
    if !is_deleted(&run.tags) {
        return Ok(());
    }
    Err(Error::WrongState {
        kind: Kind::Run,
        id: run.id.to_string(),
        actual: "deleted",
        needs: "restore it first".to_owned(),
    })
}

/// Where a point stands in its series: step, time, value.
#[derive(Clone, Copy, Debug)]
struct Place(Option<i64>, i64, f64);

impl Place {
    fn is_before(&self, other: &Self) -> bool {
        let by_place = (self.0, self.1).cmp(&(other.0, other.1));
        by_place.then_with(|| rank(self.2).total_cmp(&rank(other.2))).is_lt()
    }
}

/// NaN is the least value of a place.
fn rank(value: f64) -> f64 {
    if value.is_nan() { f64::NEG_INFINITY } else { value }
}

/// Each series once.
fn joined(mut series: Vec<SeriesPoints>) -> Vec<SeriesPoints> {
    series.retain(|points| !points.is_empty());
    series.sort_by(|a, b| a.key.cmp(&b.key));
    series.dedup_by(|next, first| {
        let is_same = next.key == first.key;
        if is_same {
            first.values.append(&mut next.values);
            first.steps.append(&mut next.steps);
            first.times_micros.append(&mut next.times_micros);
        }
        is_same
    });
    series
}
