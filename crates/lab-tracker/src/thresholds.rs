//! Thresholds: events when a metric goes beyond one, and a mark on the run while it is.
//!
//! Values are looked at as they arrive, in the change that stores them. A run that is beyond a threshold has a tag
//! `lab.critical` or `lab.warning` with the names of the metrics, so that `tags.lab.critical exists` finds it; the tag says
//! where the latest value stands, and goes when that is within again. When the run has ended, the value at the greatest step
//! decides, whatever order the points came in.

use std::collections::BTreeMap;

use lab_model::{
    Error, EventBody, ExperimentRun, MetricConfig, Result, RunId, SeriesKey, SeriesPoints, Tags, ThresholdLevel,
};
use lab_store::{Change, Expect, NewEvent, Write};

use crate::{TRIES, Tracker};

/// The tag of a run with a metric beyond a critical threshold.
pub(crate) const CRITICAL: &str = "lab.critical";
/// Both tags, the worse first.
const MARKS: [(ThresholdLevel, &str); 2] =
    [(ThresholdLevel::Critical, CRITICAL), (ThresholdLevel::Warning, "lab.warning")];
/// Between the names in a tag.
const SEPARATOR: &str = ", ";

/// What a change adds because of thresholds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) events: Vec<EventBody>,
    /// Tags that change: a value, or none for one that goes.
    pub(crate) tags: BTreeMap<String, Option<String>>,
}

/// The metrics of an experiment that have a threshold.
pub(crate) fn watched(metrics: &[MetricConfig]) -> Vec<MetricConfig> {
    metrics.iter().filter(|metric| metric.warning.is_some() || metric.critical.is_some()).cloned().collect()
}

/// What these points mean for a run with these tags.
pub(crate) fn of_points<'a>(
    watched: &[MetricConfig],
    tags: &Tags,
    series: impl IntoIterator<Item = &'a SeriesPoints>,
) -> Outcome {
    let mut marks = Marks::of(tags);
    let mut outcome = Outcome::default();
    for points in series {
        let Some(metric) = watched.iter().find(|metric| metric.is_about(&points.key)) else { continue };
        let name = points.key.to_string();
        let before = marks.level(&name);
        let mut worst = before;
        for (value, step, _) in points.iter() {
            let Some((level, threshold)) = metric.level_of(value) else { continue };
            if worst < Some(level) {
                worst = Some(level);
                let metric = name.clone();
                outcome.events.push(EventBody::ThresholdCrossed { metric, level, threshold, value, step });
            }
        }
        let last = points.iter().enumerate().max_by_key(|(index, (_, step, time))| (*step, *time, *index));
        let Some((_, (value, step, _))) = last else { continue };
        let after = metric.level_of(value).map(|(level, _)| level);
        if after.is_none() && worst.is_some() {
            outcome.events.push(EventBody::ThresholdCleared { metric: name.clone(), value, step });
        }
        marks.set(name, after);
    }
    outcome.tags = marks.changes(tags);
    outcome
}

/// Where each metric stands, as the tags say it.
struct Marks(BTreeMap<String, ThresholdLevel>);

impl Marks {
    fn of(tags: &Tags) -> Self {
        let mut marks = BTreeMap::new();
        for (level, tag) in MARKS.into_iter().rev() {
            let names = tags.0.get(tag).map(|value| value.split(SEPARATOR));
            marks.extend(names.into_iter().flatten().filter(|name| !name.is_empty()).map(|n| (n.to_owned(), level)));
        }
        Self(marks)
    }

    fn level(&self, name: &str) -> Option<ThresholdLevel> {
        self.0.get(name).copied()
    }

    fn set(&mut self, name: String, level: Option<ThresholdLevel>) {
        match level {
            Some(level) => self.0.insert(name, level),
            None => self.0.remove(&name),
        };
    }

    fn changes(&self, tags: &Tags) -> BTreeMap<String, Option<String>> {
        /// Most characters of a tag.
        const MAX: usize = 8_000;
        let mut changes = BTreeMap::new();
        for (level, tag) in MARKS {
            let mut value = String::new();
            for (name, _) in self.0.iter().filter(|(_, other)| **other == level) {
                if value.chars().count() + name.chars().count() + SEPARATOR.len() > MAX {
                    break;
                }
                if !value.is_empty() {
                    value += SEPARATOR;
                }
                value += name;
            }
            let value = (!value.is_empty()).then_some(value);
            if tags.0.get(tag) != value.as_ref() {
                changes.insert(tag.to_owned(), value);
            }
        }
        changes
    }
}

impl Outcome {
    /// The run's tags as they will be.
    pub(crate) fn applied_to(&self, tags: &mut Tags) {
        for (tag, value) in &self.tags {
            match value {
                Some(value) => tags.0.insert(tag.clone(), value.clone()),
                None => tags.0.remove(tag),
            };
        }
    }

    /// Adds what it means for a run to a change.
    pub(crate) fn add_to(self, change: &mut Change, run: &ExperimentRun) {
        let (experiment_id, run_id) = (run.experiment_id, Some(run.id));
        if !self.tags.is_empty() {
            change.writes.push(Write::SetTags { id: run.id, tags: self.tags });
        }
        change.events.extend(self.events.into_iter().map(|body| NewEvent { experiment_id, run_id, body }));
    }
}

impl Tracker {
    /// The thresholds that a run is held to.
    pub(crate) async fn watched_metrics(&self, run: &ExperimentRun) -> Result<Vec<MetricConfig>> {
        let experiment = self.store().experiment(run.experiment_id).await?;
        Ok(experiment.map(|experiment| watched(&experiment.config.metrics)).unwrap_or_default())
    }

    /// Marks an ended run by its final values, whatever order the points came in.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub(crate) async fn settle_thresholds(&self, id: RunId) -> Result<()> {
        let mut tries = 1;
        loop {
            let Some(run) = self.store().run(id).await? else { return Ok(()) };
            let watched = self.watched_metrics(&run).await?;
            if watched.is_empty() || !run.status.is_terminal() {
                return Ok(());
            }
            let last: Vec<SeriesPoints> = self
                .summaries(&[id], None)
                .await?
                .into_iter()
                .map(|(_, summary)| {
                    let mut points = SeriesPoints::new(SeriesKey { ..summary.key });
                    points.push(summary.last, summary.last_step, summary.last_time.as_microsecond());
                    points
                })
                .collect();
            let outcome = of_points(&watched, &run.tags, &last);
            if outcome == Outcome::default() {
                return Ok(());
            }
            let mut change = Change::new(self.now()).expecting(Expect::RunIs { id, one_of: vec![run.status] });
            outcome.add_to(&mut change, &run);
            match self.store().commit(change).await {
                Ok(_) => return Ok(()),
                Err(Error::Conflict { .. } | Error::WrongState { .. }) if tries < TRIES => tries += 1,
                Err(Error::NotFound { .. }) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    /// The thresholds' part of a change that adds points to a run.
    pub(crate) async fn watch_points(&self, run: &ExperimentRun, series: &[SeriesPoints]) -> Result<Outcome> {
        if series.iter().all(SeriesPoints::is_empty) {
            return Ok(Outcome::default());
        }
        let watched = self.watched_metrics(run).await?;
        Ok(of_points(&watched, &run.tags, series))
    }
}

#[cfg(test)]
mod tests {
    use lab_model::{Threshold, ThresholdDirection};

    use super::*;

    fn loss() -> Vec<MetricConfig> {
        let above = |value| Some(Threshold { value, direction: ThresholdDirection::Above });
        vec![MetricConfig { warning: above(2.0), critical: above(5.0), ..MetricConfig::new("loss") }]
    }

    fn points(name: &str, values: &[(f64, i64)]) -> SeriesPoints {
        let mut points = SeriesPoints::new(name.into());
        for (value, step) in values {
            points.push(*value, Some(*step), *step);
        }
        points
    }

    fn kinds(outcome: &Outcome) -> Vec<(&str, Option<ThresholdLevel>)> {
        outcome
            .events
            .iter()
            .map(|event| match event {
                EventBody::ThresholdCrossed { level, .. } => ("crossed", Some(*level)),
                _ => ("cleared", None),
            })
            .collect()
    }

    #[test]
    fn a_metric_is_told_of_when_it_gets_worse_and_when_it_is_well_again() {
        use ThresholdLevel::{Critical, Warning};
        let mut tags = Tags::default();
        let mut see = |values: &[(f64, i64)]| {
            let outcome = of_points(&loss(), &tags, [&points("loss", values)]);
            outcome.applied_to(&mut tags);
            let marks = (tags.0.contains_key("lab.critical"), tags.0.contains_key("lab.warning"));
            (kinds(&outcome).into_iter().map(|(kind, level)| (kind.to_owned(), level)).collect::<Vec<_>>(), marks)
        };
        let said = |kind: &str, level| (kind.to_owned(), level);
        assert_eq!(see(&[(1.0, 0), (2.0, 1)]), (vec![], (false, false)));
        assert_eq!(see(&[(3.0, 2), (4.0, 3)]), (vec![said("crossed", Some(Warning))], (false, true)));
        assert_eq!(see(&[(4.0, 4)]), (vec![], (false, true)));
        assert_eq!(see(&[(9.0, 5), (3.0, 6)]), (vec![said("crossed", Some(Critical))], (false, true)));
        assert_eq!(see(&[(f64::INFINITY, 7)]), (vec![said("crossed", Some(Critical))], (true, false)));
        assert_eq!(see(&[(1.0, 8)]), (vec![said("cleared", None)], (false, false)));
        // A spike within one batch is told of, although it is over.
        let both = vec![said("crossed", Some(Critical)), said("cleared", None)];
        assert_eq!(see(&[(7.0, 9), (1.0, 10)]), (both, (false, false)));
        // The value at the greatest step stands, in whatever order it came.
        assert_eq!(see(&[(1.0, 30), (7.0, 20)]).1, (false, false));
    }

    #[test]
    fn several_metrics_share_a_mark_and_contexts_are_told_apart() {
        let mut watched = loss();
        watched.push(MetricConfig { name: "acc".to_owned(), ..loss().remove(0) });
        let val = SeriesKey { context: [("split".to_owned(), "val".to_owned())].into(), ..SeriesKey::named("loss") };
        let mut of_val = SeriesPoints::new(val);
        of_val.push(8.0, None, 0);
        let mut tags = Tags::default();
        let outcome =
            of_points(&watched, &tags, [&of_val, &points("acc", &[(6.0, 1)]), &points("other", &[(99.0, 1)])]);
        outcome.applied_to(&mut tags);
        assert_eq!(tags.0["lab.critical"], "acc, loss{split=val}");
        let outcome = of_points(&watched, &tags, [&points("acc", &[(3.0, 2)])]);
        outcome.applied_to(&mut tags);
        assert_eq!((tags.0["lab.critical"].as_str(), tags.0["lab.warning"].as_str()), ("loss{split=val}", "acc"));
    }
}
