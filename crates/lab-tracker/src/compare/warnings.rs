//! What commonly fools the readers of a comparison.

use std::collections::{BTreeMap, BTreeSet};

use lab_model::{Experiment, ExperimentId, Field, Reduction, RunStatus, SeriesKey};

use super::data;
use super::direction::{self, Direction};
use super::groups::{Condition, Member, differing_paths};
use super::readings::Readings;
use super::reduce::Number;
use super::sentence::number;
use super::types::{Difference, Unit, Warning};

/// Everything that a comparison knows.
#[derive(Debug)]
pub(super) struct Known<'a> {
    pub(super) conditions: &'a [Condition],
    pub(super) experiments: &'a BTreeMap<ExperimentId, Experiment>,
    pub(super) fields: &'a [Field],
    pub(super) readings: &'a Readings,
    pub(super) metrics: &'a [(SeriesKey, Direction)],
    pub(super) reduction: Reduction,
    pub(super) unit: Unit,
    pub(super) alpha: f64,
    pub(super) parameters: &'a [Difference],
    pub(super) datasets: &'a [Difference],
    pub(super) environment: &'a [Difference],
}

impl Known<'_> {
    fn members(&self) -> impl Iterator<Item = &Member> {
        self.conditions.iter().flat_map(|condition| &condition.members)
    }

    /// A text for each group, where there is one.
    fn by_group(&self, text: impl Fn(&Condition) -> Option<String>) -> String {
        let parts = self.conditions.iter().filter_map(|c| Some(format!("{}: {}", c.label, text(c)?)));
        listed(parts.collect())
    }
}

/// The warnings, the gravest kinds first.
pub(super) fn collect(known: &Known<'_>) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let mut warn = |code: &str, sentence: Option<String>| {
        warnings.extend(sentence.map(|sentence| Warning { code: code.to_owned(), sentence }));
    };
    warn("no_common_metric", no_common_metric(known));
    warn("excluded_runs", excluded_runs(known));
    warn("unfinished_runs", unfinished_runs(known));
    warn("unequal_steps", unequal_steps(known));
    warn("step_not_reached", step_not_reached(known));
    warn("unequal_durations", unequal_durations(known));
    warn("differing_data", differing_data(known));
    warn("tuned_metric", tuned_metric(known));
    warn("mixed_groups", mixed_groups(known));
    warn("repeated_seeds", repeated_seeds(known));
    warn("no_repetitions", no_repetitions(known));
    warn("steps_as_samples", steps_as_samples(known));
    warn("examples_as_samples", examples_as_samples(known));
    warn("unread_data", unread_data(known));
    warn("many_comparisons", many_comparisons(known));
    warn("best_over_steps", best_over_steps(known));
    warn("contradictory_direction", contradictory_direction(known));
    warn(
        "differing_code",
        differing(known, |path| path == "git.commit" || path == "git.diff" || path == "git.remote", "source code"),
    );
    warn(
        "uncommitted_code",
        differing(known, |path| path == "git.dirty", "whether the source code had uncommitted changes"),
    );
    warn(
        "differing_packages",
        differing(
            known,
            |path| path.starts_with("dependencies.") || path.starts_with("runtimes."),
            "packages or runtimes",
        ),
    );
    warn("differing_hardware", differing(known, |path| path.starts_with("hardware."), "hardware"));
    warn("unknown_environment", unknown_environment(known));
    warnings
}

fn no_common_metric(known: &Known<'_>) -> Option<String> {
    known
        .metrics
        .is_empty()
        .then(|| "No metric was logged in every group, so there are no numbers to compare.".to_owned())
}

fn excluded_runs(known: &Known<'_>) -> Option<String> {
    // Other samples say themselves how many were left out.
    if known.unit != Unit::Run {
        return None;
    }
    let mut found = Vec::new();
    for (key, _) in known.metrics {
        let of = |member: &Member| known.readings.get(key).and_then(|runs| runs.get(&member.run.id)).copied();
        let count = |wanted: Number| known.members().filter(|m| of(m).unwrap_or_default().number == wanted).count();
        let (absent, not_finite) = (count(Number::Absent), count(Number::NotFinite));
        if not_finite > 0 {
            found.push(format!("{key}: {not_finite} with NaN or infinity"));
        }
        if absent > 0 {
            found.push(format!("{key}: {absent} without it"));
        }
    }
    (!found.is_empty()).then(|| {
        format!("Runs are left out, and leaving out those that diverged makes a group look better ({}).", listed(found))
    })
}

fn unfinished_runs(known: &Known<'_>) -> Option<String> {
    let mut counts: BTreeMap<RunStatus, usize> = BTreeMap::new();
    for member in known.members().filter(|member| member.run.status != RunStatus::Completed) {
        *counts.entry(member.run.status).or_default() += 1;
    }
    let total: usize = counts.values().sum();
    let parts: Vec<String> = counts.iter().map(|(status, count)| format!("{count} {status}")).collect();
    (total > 0).then(|| {
        format!(
            "{} did not complete ({}); what they have logged so far is compared.",
            plural(total, "run"),
            parts.join(", ")
        )
    })
}

/// The greatest step that a run logged of the metrics compared.
fn last_step(known: &Known<'_>, member: &Member) -> Option<i64> {
    let steps = known.metrics.iter().filter_map(|(key, _)| known.readings.get(key)?.get(&member.run.id)?.last_step);
    steps.max()
}

fn unequal_steps(known: &Known<'_>) -> Option<String> {
    if matches!(known.reduction, Reduction::AtStep { .. }) || known.unit == Unit::Example {
        return None;
    }
    let mean = |c: &Condition| mean(c.members.iter().filter_map(|m| last_step(known, m)).map(|step| step as f64));
    is_uneven(known, 1.02, mean).then(|| {
        let groups = known.by_group(|c| Some(number(mean(c)?)));
        format!("The groups ran for different numbers of steps (last step on average, {groups}), so that the budget may explain a difference; compare at the same step.")
    })
}

fn step_not_reached(known: &Known<'_>) -> Option<String> {
    let Reduction::AtStep { step } = known.reduction else { return None };
    let short = known.members().filter(|m| last_step(known, m).is_some_and(|last| last < step)).count();
    (short > 0)
        .then(|| format!("{} ended before step {step}; the last value before it stands in.", plural(short, "run")))
}

fn unequal_durations(known: &Known<'_>) -> Option<String> {
    let seconds = |m: &Member| {
        let (start, end) = (m.run.started_at?, m.run.ended_at?);
        Some(end.duration_since(start).as_secs_f64().max(0.0))
    };
    let mean = |c: &Condition| mean(c.members.iter().filter_map(seconds)).filter(|secs| *secs >= 1.0);
    is_uneven(known, 1.25, mean).then(|| {
        let groups = known.by_group(|c| Some(format!("{} s", number(mean(c)?))));
        format!("The groups took different times (mean duration, {groups}), which counts where the budget is time.")
    })
}

/// Whether the greatest of the groups' values is more than `ratio` times the least.
fn is_uneven(known: &Known<'_>, ratio: f64, value: impl Fn(&Condition) -> Option<f64>) -> bool {
    let values: Vec<f64> = known.conditions.iter().filter_map(value).collect();
    let (low, high) = (values.iter().copied().reduce(f64::min), values.iter().copied().reduce(f64::max));
    low.zip(high).is_some_and(|(low, high)| high > low * ratio && high > low)
}

fn differing_data(known: &Known<'_>) -> Option<String> {
    let datasets = |c: &Condition| -> BTreeSet<String> {
        let experiments = c.members.iter().filter_map(|m| known.experiments.get(&m.run.experiment_id));
        experiments
            .flat_map(|e| &e.config.datasets)
            .map(|data| serde_json::to_string(data).unwrap_or_default())
            .collect()
    };
    let first = known.conditions.first().map(datasets).unwrap_or_default();
    let by_config = known.conditions.iter().any(|c| datasets(c) != first);
    let is_data = |path: &str| {
        let name = path.rsplit('.').next().unwrap_or(path).to_ascii_lowercase();
        name.contains("dataset") || ["data", "corpus", "split", "train_data", "eval_data"].contains(&name.as_str())
    };
    let is_asked = |path: &str| known.fields.iter().any(|field| matches!(field, Field::Parameter(p) if p == path));
    let mut names: Vec<String> =
        known.parameters.iter().map(|d| d.path.clone()).filter(|p| is_data(p) && !is_asked(p)).collect();
    names.extend(known.datasets.iter().map(|difference| difference.path.clone()));
    names.dedup();
    if by_config {
        names.insert(0, "the experiments' dataset references".to_owned());
    }
    (!names.is_empty()).then(|| {
        format!(
            "The groups differ in their data ({}); numbers measured on different data cannot be compared.",
            listed(names)
        )
    })
}

fn tuned_metric(known: &Known<'_>) -> Option<String> {
    let tuned = |(key, _): &(SeriesKey, Direction)| {
        let names = direction::tuned_in(key, known.experiments);
        (!names.is_empty()).then(|| format!("{key} in {}", names.join(", ")))
    };
    let found: Vec<String> = known.metrics.iter().filter_map(tuned).collect();
    (!found.is_empty()).then(|| {
        format!("Settings were chosen by a metric that is compared ({}), so its best values are too good; judge by one that nothing was chosen by.", listed(found))
    })
}

fn mixed_groups(known: &Known<'_>) -> Option<String> {
    let mut paths = BTreeSet::new();
    for condition in known.conditions {
        paths.extend(differing_paths(&condition.members));
    }
    (!paths.is_empty()).then(|| {
        format!(
            "Runs of one group differ in more than their seed ({}), so that their spread is not that of repetitions.",
            listed(paths.into_iter().collect())
        )
    })
}

fn repeated_seeds(known: &Known<'_>) -> Option<String> {
    let twins = |c: &&Condition| {
        let seeded: Vec<(u64, u64)> = c.members.iter().filter_map(|m| Some((m.condition, m.seed?))).collect();
        seeded.iter().collect::<BTreeSet<_>>().len() < seeded.len()
    };
    let groups: Vec<String> = known.conditions.iter().filter(twins).map(|c| c.label.clone()).collect();
    (!groups.is_empty()).then(|| {
        format!("Runs of one group repeat a seed with the same parameters ({}); copies are not independent and make a difference look surer than it is.", listed(groups))
    })
}

fn no_repetitions(known: &Known<'_>) -> Option<String> {
    let is_single = known.unit == Unit::Run && known.conditions.iter().all(|c| c.members.len() == 1);
    is_single.then(|| {
        "Every group is a single run, so nothing can be tested; repeat each with other seeds, or group runs by what matters.".to_owned()
    })
}

fn steps_as_samples(known: &Known<'_>) -> Option<String> {
    (known.unit == Unit::Step).then(|| {
        "Steps of single runs are the samples: a difference between two runs says nothing about what caused it, because \
         another seed may differ as much."
            .to_owned()
    })
}

fn examples_as_samples(known: &Known<'_>) -> Option<String> {
    (known.unit == Unit::Example).then(|| {
        "Examples are the samples, each step of the metric one of them: the verdict is about these trained models on such \
         examples, and another training may differ more."
            .to_owned()
    })
}

fn unread_data(known: &Known<'_>) -> Option<String> {
    let runs = known.members().count();
    (runs > data::MAX_RUNS)
        .then(|| format!("Which datasets the runs noted was read of at most {} of the {runs} runs.", data::MAX_RUNS))
}

fn many_comparisons(known: &Known<'_>) -> Option<String> {
    /// With this many chances, the best of equals looks clearly better than the rest.
    const MANY: usize = 5;
    let (groups, metrics) = (known.conditions.len(), known.metrics.len());
    if groups < MANY && metrics < MANY {
        return None;
    }
    Some(format!(
        "{groups} groups and {metrics} metrics are compared: the best of many looks better than it is, and the \
         correction covers the groups of a metric and not the metrics ({} of {metrics} would differ by chance at alpha {}); \
         run the winner again with new seeds.",
        number(known.alpha * metrics as f64),
        number(known.alpha),
    ))
}

fn best_over_steps(known: &Known<'_>) -> Option<String> {
    known.reduction.is_selection().then(|| {
        "The best value over a run's steps is too good, the more so the more often the metric was logged.".to_owned()
    })
}

fn contradictory_direction(known: &Known<'_>) -> Option<String> {
    let found = known.metrics.iter().filter(|(_, direction)| *direction == Direction::Contradictory);
    let names: Vec<String> = found.map(|(key, _)| key.to_string()).collect();
    (!names.is_empty()).then(|| {
        format!(
            "The experiments contradict each other on which way is better ({}), so no side is called better.",
            listed(names)
        )
    })
}

fn differing(known: &Known<'_>, is_one: impl Fn(&str) -> bool, what: &str) -> Option<String> {
    let paths: Vec<String> = known.environment.iter().map(|d| &d.path).filter(|p| is_one(p)).cloned().collect();
    (!paths.is_empty()).then(|| format!("The groups differ in their {what} ({}).", listed(paths)))
}

fn unknown_environment(known: &Known<'_>) -> Option<String> {
    let (all, unknown) = (known.members().count(), known.members().filter(|m| m.run.environment.is_none()).count());
    // Where no run has a snapshot, somebody turned that off and knows.
    (unknown > 0 && unknown < all)
        .then(|| format!("{unknown} of {all} runs have no environment snapshot, so that theirs may differ unseen."))
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let values: Vec<f64> = values.collect();
    (!values.is_empty()).then(|| lab_stats::resample::Statistic::Mean.of(&values))
}

fn plural(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// At most six, and how many more.
fn listed(mut parts: Vec<String>) -> String {
    const MAX: usize = 6;
    if parts.len() > MAX {
        let more = parts.len() - MAX;
        parts.truncate(MAX);
        parts.push(format!("{more} more"));
    }
    parts.join(", ")
}
