//! What logging clients send, applied once.
//!
//! A client sends its records in order and at least once; the store keeps, in the same commit as their effect, how far it
//! has come with each writer. A delivery therefore becomes one change that expects that position. What was delivered
//! before is dropped, and of two that arrive at once one finds the position moved and is decided again.
//!
//! A record that the rules refuse (a point for a run that has ended, another value for a parameter) must not hold up those
//! behind it for ever. It is skipped, reported in the acknowledgement, and written into the run's log, where its owner
//! finds it.

use std::collections::{BTreeMap, BTreeSet};

use lab_model::{
    Acknowledged, ArtifactName, ContentHash, Delivery, EdgeType, Error, EventBody, Experiment, ExperimentRun,
    ExperimentStatus, FinishRun, Kind, LogLevel, LogLine, MetricConfig, NewExperiment, NodeType, ParameterValue,
    Record, Refused, Result, RunAction, RunId, RunStatus, SeriesKey, SeriesPoints, StartRun, Timestamp, Validate as _,
    WriterId,
};
use lab_store::{Change, Expect, NewEvent, Write};

use crate::lifecycle::End;
use crate::logging::{points_event, require_running, values_event};
use crate::runs::{NewRun, creation_event, draft, require_active};
use crate::{TRIES, Tracker, artifacts, lineage, thresholds};

/// The class of error of a run whose client was not heard of any more.
pub(crate) const CLIENT_VANISHED: &str = "ClientVanished";
/// Most records of one delivery.
const MAX_RECORDS: usize = 100_000;

impl Tracker {
    /// Applies the records that the store does not have yet, in order, in one commit.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the run neither exists nor begins here; what forbids it to begin; [`Error::Conflict`] if
    /// records before these are missing; [`Error::Storage`], after which the same delivery can be sent again.
    pub async fn deliver(&self, delivery: Delivery) -> Result<Acknowledged> {
        if delivery.first_seq == 0 {
            return Err(Error::invalid("first_seq", "is 0; records are numbered from 1"));
        }
        if delivery.records.len() > MAX_RECORDS {
            return Err(Error::invalid("records", format!("has more than {MAX_RECORDS} entries; send them in parts")));
        }
        let mut tries = 1;
        loop {
            let known = self.delivered(delivery.writer_id).await?;
            let Some(new) = new_records(&delivery, known)? else {
                return Ok(Acknowledged { seq: known, refused: Vec::new() });
            };
            let mut plan = self.begin(&delivery, new).await?;
            let mut seq = known;
            for record in new {
                seq += record.count();
                match self.apply(&mut plan, record).await {
                    Ok(()) => {}
                    Err(error) if error.is_retryable() || matches!(error, Error::Storage { .. }) => return Err(error),
                    Err(error) => plan.refused.push(Refused { seq, problem: error.to_string() }),
                }
            }
            let ended = plan.has_moved && plan.run.status.is_terminal();
            let (change, refused) = plan.finish(&delivery, known, seq);
            match self.store().commit(change).await {
                Ok(_) => {
                    if ended {
                        self.finalise(delivery.run_id).await;
                    }
                    return Ok(Acknowledged { seq, refused });
                }
                Err(Error::Conflict { .. } | Error::WrongState { .. }) if tries < TRIES => tries += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// Number of the last record kept of a writer; 0 for a writer never heard of.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn delivered(&self, writer: WriterId) -> Result<u64> {
        self.store().delivered(writer).await
    }

    /// The run as it is, or as it begins with the first of these records.
    async fn begin(&self, delivery: &Delivery, new: &[Record]) -> Result<Plan> {
        let at = self.now();
        if let Some(run) = self.store().run(delivery.run_id).await? {
            let mut plan = Plan::of(run, at);
            if new.iter().any(|record| matches!(record, Record::Metrics { .. })) {
                plan.watched = self.watched_metrics(&plan.run).await?;
            }
            plan.change.expect.push(Expect::RunIs { id: delivery.run_id, one_of: vec![plan.run.status] });
            let vanished = plan.run.error.as_ref().is_some_and(|error| error.error_type == CLIENT_VANISHED);
            if plan.run.status == RunStatus::Failed && vanished {
                // It had not vanished after all.
                plan.act(End { action: RunAction::Resume, at, error: None }, &[])?;
            }
            return Ok(plan);
        }
        let Some(Record::Start(start)) = new.first() else {
            return Err(Error::not_found(Kind::Run, delivery.run_id));
        };
        new[0].validate()?;
        let experiment = self.ensure_active_experiment(&start.experiment, start.user.as_deref()).await?;
        let created_by = match &start.user {
            Some(name) => Some(self.ensure_user(name).await?),
            None => None,
        };
        let run = draft(new_run(delivery.run_id, start, &experiment), created_by, at)?;
        let mut plan = Plan::of(run, at);
        plan.watched = thresholds::watched(&experiment.config.metrics);
        plan.change.expect.push(Expect::ExperimentIs { id: experiment.id, one_of: vec![ExperimentStatus::Active] });
        plan.change.writes.push(Write::CreateRun(Box::new(plan.run.clone())));
        plan.tell(creation_event(&plan.run));
        lineage::add_run(&mut plan.change, &plan.run, &experiment);
        Ok(plan)
    }

    /// The active experiment that an id or a name means. One of a new name is created; a draft is activated.
    async fn ensure_active_experiment(&self, reference: &str, user: Option<&str>) -> Result<Experiment> {
        for _ in 0..TRIES {
            let experiment = match self.resolve_experiment(reference).await {
                Ok(experiment) => experiment,
                // An id must exist; whoever sends one does not mean a name.
                Err(Error::NotFound { .. }) if reference.parse::<lab_model::ExperimentId>().is_err() => {
                    let new = NewExperiment { name: reference.to_owned(), ..NewExperiment::default() };
                    match self.create_experiment(new, user).await {
                        Ok(experiment) => experiment,
                        // Another was quicker.
                        Err(Error::Conflict { .. }) => continue,
                        Err(error) => return Err(error),
                    }
                }
                Err(error) => return Err(error),
            };
            if experiment.status != ExperimentStatus::Draft {
                require_active(&experiment)?;
                return Ok(experiment);
            }
            match self.move_experiment(experiment.id, ExperimentStatus::Active).await {
                Ok(experiment) => return Ok(experiment),
                Err(Error::InvalidState { .. } | Error::Conflict { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Err(Error::conflict(Kind::Experiment, reference, "keeps changing: try again"))
    }

    /// Adds one record to the plan, or says why it is refused.
    async fn apply(&self, plan: &mut Plan, record: &Record) -> Result<()> {
        record.validate()?;
        let id = plan.run.id;
        match record {
            // It began in `begin` or before, unless it was made to be started by somebody else.
            Record::Start(start) => match plan.run.status {
                RunStatus::Pending | RunStatus::Queued => {
                    plan.act(End { action: RunAction::Start, at: start.started_at, error: None }, &[])
                }
                _ => Ok(()),
            },
            Record::Resume { at } => match plan.run.status {
                RunStatus::Running => Ok(()),
                RunStatus::Pending | RunStatus::Queued => {
                    plan.act(End { action: RunAction::Start, at: *at, error: None }, &[])
                }
                _ => plan.act(End { action: RunAction::Resume, at: *at, error: None }, &[]),
            },
            Record::Metrics { series, .. } => {
                require_running(&plan.run, "metrics")?;
                for points in series.iter().filter(|points| !points.is_empty()) {
                    let all = plan.points.entry(points.key.clone());
                    let all = all.or_insert_with_key(|key| SeriesPoints::new(key.clone()));
                    plan.measured.insert(points.key.name.clone());
                    all.append(points);
                }
                Ok(())
            }
            Record::Values { values } => {
                require_running(&plan.run, "metrics")?;
                plan.change.writes.push(Write::AppendValues { id, values: values.clone() });
                plan.tell(values_event(values));
                Ok(())
            }
            Record::Parameters { parameters } => {
                require_running(&plan.run, "parameters")?;
                let known = &plan.run.parameters;
                let changed =
                    |(key, value): &(&String, &ParameterValue)| known.get(*key).is_some_and(|old| old != *value);
                if let Some((key, value)) = parameters.iter().find(changed) {
                    let problem = format!("is set already and never changes; refused: {value}");
                    return Err(Error::conflict(Kind::Parameter, key, problem));
                }
                plan.run.parameters.extend(parameters.clone());
                plan.change.writes.push(Write::SetParameters { id, parameters: parameters.clone() });
                plan.changed.insert("parameters");
                Ok(())
            }
            Record::Tags { tags } => {
                let mut after = plan.run.tags.clone();
                after.0.extend(tags.0.clone());
                after.validate()?;
                plan.run.tags = after;
                let tags = tags.0.iter().map(|(key, value)| (key.clone(), Some(value.clone()))).collect();
                plan.change.writes.push(Write::SetTags { id, tags });
                plan.changed.insert("tags");
                Ok(())
            }
            Record::Environment { snapshot } => {
                plan.change.writes.push(Write::SetEnvironment { id, snapshot: snapshot.clone() });
                plan.changed.insert("environment");
                Ok(())
            }
            Record::Artifact { name, artifact_type, content_hash, metadata, at } => {
                require_running(&plan.run, "artifacts")?;
                let stored = self.object_info(*content_hash).await?;
                let stored = stored.ok_or_else(|| Error::not_found(Kind::Object, content_hash))?;
                let is_known = match plan.artifacts.get(name) {
                    Some(latest) => latest == content_hash,
                    None => self.same_artifact(id, name, *content_hash).await?.is_some(),
                };
                if !is_known {
                    plan.artifacts.insert(name.clone(), *content_hash);
                    let (name, metadata) = (name.clone(), metadata.clone());
                    let artifact = artifacts::artifact_of(id, name, artifact_type.clone(), metadata, &stored, *at);
                    artifacts::add_artifact(&mut plan.change, &artifact, plan.run.experiment_id);
                }
                Ok(())
            }
            Record::UseDataset { dataset, metadata } => {
                let (node, edge) = (NodeType::Dataset, EdgeType::UsesDataset);
                lineage::use_input(&mut plan.change, id, node, edge, dataset, metadata.clone());
                plan.changed.insert("inputs");
                Ok(())
            }
            Record::UseModel { model, metadata } => {
                let (node, edge) = (NodeType::Model, EdgeType::UsesModel);
                lineage::use_input(&mut plan.change, id, node, edge, model, metadata.clone());
                plan.changed.insert("inputs");
                Ok(())
            }
            Record::Log { lines } => {
                plan.lines.extend(lines.iter().cloned());
                Ok(())
            }
            Record::Heartbeat { .. } => require_running(&plan.run, "heartbeats"),
            Record::Finish(finish) => self.apply_finish(plan, finish).await,
        }
    }

    async fn apply_finish(&self, plan: &mut Plan, finish: &FinishRun) -> Result<()> {
        if plan.run.status == finish.status {
            return Ok(());
        }
        let action = match finish.status {
            RunStatus::Completed => RunAction::Complete,
            RunStatus::Cancelled => RunAction::Cancel,
            RunStatus::TimedOut => RunAction::TimeOut,
            _ => RunAction::Fail,
        };
        let names = match action {
            RunAction::Complete => self.metric_names(plan.run.id, plan.measured.iter().cloned()).await?,
            _ => Vec::new(),
        };
        plan.act(End { action, at: finish.ended_at, error: finish.error.clone() }, &names)
    }
}

/// The records that are not kept yet; `None` if there are none, or if the first of them is kept in part: what was joined
/// is not taken apart here, and its client goes on behind what is kept.
fn new_records(delivery: &Delivery, known: u64) -> Result<Option<&[Record]>> {
    if delivery.first_seq > known + 1 {
        let problem = format!("has sent {known} records; those from {} on are missing", known + 1);
        return Err(Error::conflict(Kind::Writer, delivery.writer_id, problem));
    }
    let mut next = delivery.first_seq;
    for (index, record) in delivery.records.iter().enumerate() {
        if next == known + 1 {
            return Ok(Some(&delivery.records[index..]));
        }
        if next > known {
            break;
        }
        next = next.saturating_add(record.count());
    }
    Ok(None)
}

fn new_run(id: RunId, start: &StartRun, experiment: &Experiment) -> NewRun {
    NewRun {
        id: Some(id),
        experiment: experiment.id,
        name: start.name.clone(),
        parameters: start.parameters.clone(),
        tags: start.tags.clone(),
        parent_run_id: start.parent_run_id,
        user: start.user.clone(),
        status: RunStatus::Running,
        started_at: Some(start.started_at),
    }
}

/// The change that a delivery becomes, and the run as it will be then.
struct Plan {
    run: ExperimentRun,
    /// Whether its status is another than before, or was in between.
    has_moved: bool,
    change: Change,
    points: BTreeMap<SeriesKey, SeriesPoints>,
    /// The metrics that have a threshold.
    watched: Vec<MetricConfig>,
    /// Names of all metrics that it adds points to.
    measured: BTreeSet<String>,
    lines: Vec<LogLine>,
    /// The latest content under each name that it adds.
    artifacts: BTreeMap<ArtifactName, ContentHash>,
    changed: BTreeSet<&'static str>,
    refused: Vec<Refused>,
}

impl Plan {
    fn of(run: ExperimentRun, at: Timestamp) -> Self {
        Self {
            run,
            has_moved: false,
            change: Change::new(at),
            points: BTreeMap::new(),
            watched: Vec::new(),
            measured: BTreeSet::new(),
            lines: Vec::new(),
            artifacts: BTreeMap::new(),
            changed: BTreeSet::new(),
            refused: Vec::new(),
        }
    }

    fn tell(&mut self, body: EventBody) {
        let (experiment_id, run_id) = (self.run.experiment_id, Some(self.run.id));
        self.change.events.push(NewEvent { experiment_id, run_id, body });
    }

    /// Moves the run. The points before the move are written first.
    fn act(&mut self, end: End, names: &[String]) -> Result<()> {
        let (status, error) = (end.action.leads_to(), end.error.clone());
        let Change { writes, nodes, edges, events, .. } = end.change(&self.run, names)?;
        self.flush();
        self.change.writes.extend(writes);
        self.change.nodes.extend(nodes);
        self.change.edges.extend(edges);
        self.change.events.extend(events);
        self.has_moved = true;
        self.run.status = status;
        self.run.error = error;
        Ok(())
    }

    /// Turns gathered points and lines into writes.
    fn flush(&mut self) {
        let id = self.run.id;
        if !self.points.is_empty() {
            let series: Vec<SeriesPoints> = std::mem::take(&mut self.points).into_values().collect();
            self.tell(points_event(&series));
            let beyond = thresholds::of_points(&self.watched, &self.run.tags, &series);
            self.change.writes.push(Write::AppendPoints { id, series });
            beyond.applied_to(&mut self.run.tags);
            if !beyond.tags.is_empty() {
                self.changed.insert("tags");
            }
            beyond.add_to(&mut self.change, &self.run);
        }
        if !self.lines.is_empty() {
            let lines = std::mem::take(&mut self.lines);
            self.change.writes.push(Write::AppendLog { id, lines });
            self.changed.insert("log");
        }
    }

    fn finish(mut self, delivery: &Delivery, known: u64, seq: u64) -> (Change, Vec<Refused>) {
        let time = self.change.at;
        for Refused { seq, problem } in &self.refused {
            let text = format!("lab: record {seq} of writer {} was refused: {problem}", delivery.writer_id);
            self.lines.push(LogLine { level: LogLevel::Error, time, text, stream: None });
        }
        self.flush();
        let (id, run_id) = (delivery.writer_id, delivery.run_id);
        if !self.changed.is_empty() {
            self.tell(EventBody::RunUpdated { fields: self.changed.iter().map(|&field| field.to_owned()).collect() });
        }
        if self.run.status == RunStatus::Running {
            self.change.writes.push(Write::Heartbeat { id: run_id, at: time });
        }
        self.change.expect.push(Expect::WriterAt { id, seq: known });
        self.change.writes.push(Write::AdvanceWriter { id, run_id, seq });
        (self.change, self.refused)
    }
}
