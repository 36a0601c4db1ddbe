//! Hypotheses: progress against the plan, what came of them, and which comparisons they asked for.

use std::collections::BTreeSet;

use lab_model::{
    ExpectedDirection, Experiment, ExperimentId, ExperimentRun, Filter, Hypothesis, Judgement, Outcome, Page,
    Registration, Result, Revision, RunId, RunQuery, RunStatus, SeriesKey, Timestamp,
};
use lab_stats::equivalence::{Margin, tost_independent, tost_paired};
use lab_stats::power::{TDesign, t_sample_size};
use lab_stats::resample::Statistic;
use lab_stats::sequential::spent_at;
use lab_stats::ttest::Variances;
use lab_stats::{Alternative, ConfidenceLevel, ttest};
use serde::{Deserialize, Serialize};

use super::design::{Design, Link};
use super::groups::{Condition, Member};
use super::reduce::Number;
use super::sentence::number;
use super::testing::POWER;
use super::types::{CompareRequest, Comparison};
use super::{Tracker, load, readings};

/// A hypothesis, how far its runs have come, and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct HypothesisReport {
    /// What is stated now.
    pub statement: Hypothesis,
    /// When it was frozen; absent while the experiment is a draft.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frozen_at: Option<Timestamp>,
    /// Every wording since, the first as it was frozen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revisions: Vec<Revision>,
    /// When it was taken out, while it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn_at: Option<Timestamp>,
    /// Whether it was worded as it is before the first of its runs began.
    pub is_planned: bool,
    /// Runs of the treatment.
    pub treatment: Progress,
    /// Runs of the baseline.
    pub baseline: Progress,
    /// Where it stands, in one sentence.
    pub sentence: String,
    /// What came of it, once the experiment is completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judgement: Option<Judgement>,
}

/// How far one side of a hypothesis has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Progress {
    /// Runs that completed.
    pub completed: u64,
    /// Runs that are pending, queued or running.
    pub under_way: u64,
    /// Runs that failed, were cancelled or timed out.
    pub lost: u64,
}

/// The runs of a hypothesis.
struct Sides {
    treatment: Vec<ExperimentRun>,
    baseline: Vec<ExperimentRun>,
}

impl Tracker {
    /// The hypotheses of an experiment with their progress, those withdrawn last.
    ///
    /// # Errors
    /// [`Error::NotFound`](lab_model::Error::NotFound); [`Error::Storage`](lab_model::Error::Storage).
    pub async fn hypotheses(&self, id: ExperimentId) -> Result<Vec<HypothesisReport>> {
        let experiment = self.experiment(id).await?;
        let ledger = &experiment.config.ledger;
        let stated = experiment
            .config
            .hypotheses
            .iter()
            .map(|hypothesis| (hypothesis, ledger.hypotheses.iter().find(|known| known.name == hypothesis.name)));
        let withdrawn = ledger.hypotheses.iter().filter(|known| known.withdrawn_at.is_some());
        let withdrawn = withdrawn.filter_map(|known| Some((&known.current()?.statement, Some(known))));
        let mut reports = Vec::new();
        for (statement, known) in stated.chain(withdrawn) {
            reports.push(report(self, &experiment, statement, known).await?);
        }
        Ok(reports)
    }

    /// What the runs say of each hypothesis that is frozen and not withdrawn.
    pub(crate) async fn judge_hypotheses(&self, experiment: &Experiment) -> Result<Vec<(String, Judgement)>> {
        let mut judgements = Vec::new();
        for known in experiment.config.ledger.hypotheses.iter().filter(|known| known.withdrawn_at.is_none()) {
            if let Some(revision) = known.current() {
                let sides = sides(self, experiment.id, &revision.statement).await?;
                judgements.push((known.name.clone(), judge(self, experiment, known, revision, sides).await?));
            }
        }
        Ok(judgements)
    }
}

async fn sides(tracker: &Tracker, experiment: ExperimentId, statement: &Hypothesis) -> Result<Sides> {
    Ok(Sides {
        treatment: runs(tracker, experiment, &statement.treatment).await?,
        baseline: runs(tracker, experiment, &statement.baseline).await?,
    })
}

async fn runs(tracker: &Tracker, experiment: ExperimentId, filter: &str) -> Result<Vec<ExperimentRun>> {
    let page = Page::first(load::MAX_RUNS)?;
    let filter = Some(Filter::parse(filter)?);
    let query = RunQuery { filter, experiments: vec![experiment], page, ..RunQuery::default() };
    let found = tracker.find_runs(&query).await?;
    load::check_run_count(found.total_count as usize)?;
    let mut runs = found.items;
    runs.sort_by_key(|run| run.number);
    Ok(runs)
}

fn progress(runs: &[ExperimentRun]) -> Progress {
    let count = |is_one: fn(RunStatus) -> bool| runs.iter().filter(|run| is_one(run.status)).count() as u64;
    Progress {
        completed: count(|status| status == RunStatus::Completed),
        under_way: count(|status| !status.is_terminal()),
        lost: count(|status| status.is_terminal() && status != RunStatus::Completed),
    }
}

/// When the first of these runs began, or was made where none has begun.
fn first_began<'a>(runs: impl Iterator<Item = &'a ExperimentRun>) -> Option<Timestamp> {
    runs.map(|run| run.started_at.unwrap_or(run.created_at).min(run.created_at)).min()
}

fn is_planned(revision: &Revision, sides: &Sides) -> bool {
    let began = first_began(sides.treatment.iter().chain(&sides.baseline));
    began.is_none_or(|began| revision.at <= began)
}

async fn report(
    tracker: &Tracker,
    experiment: &Experiment,
    statement: &Hypothesis,
    known: Option<&Registration>,
) -> Result<HypothesisReport> {
    let sides = sides(tracker, experiment.id, statement).await?;
    let (treatment, baseline) = (progress(&sides.treatment), progress(&sides.baseline));
    let current = known.and_then(Registration::current);
    let is_planned = current.is_none_or(|revision| is_planned(revision, &sides));
    let planned = u64::from(statement.planned_runs);
    let judgement = known.and_then(|known| known.judgement.clone());
    let missing = planned.saturating_sub(treatment.completed.min(baseline.completed));
    let counts = format!(
        "{} of {planned} planned runs of the treatment and {} of {planned} of the baseline are completed",
        treatment.completed, baseline.completed
    );
    let name = &statement.name;
    let sentence = match (&judgement, known) {
        (Some(judgement), _) => judgement.sentence.clone(),
        (None, None) => format!("{name} is a draft: it is frozen when the experiment becomes active."),
        (None, Some(known)) if known.withdrawn_at.is_some() => format!("{name} was withdrawn; {counts}."),
        (None, Some(_)) if missing > 0 => format!("{name}: {counts}; it is judged when the experiment is completed."),
        (None, Some(_)) => format!("{name}: {counts}; the plan is fulfilled, so complete the experiment to judge it."),
    };
    let revisions = known.map(|known| known.revisions.clone()).unwrap_or_default();
    Ok(HypothesisReport {
        statement: statement.clone(),
        frozen_at: revisions.first().map(|first| first.at),
        revisions,
        withdrawn_at: known.and_then(|known| known.withdrawn_at),
        is_planned,
        treatment,
        baseline,
        sentence,
        judgement,
    })
}

/// What the completed runs say.
async fn judge(
    tracker: &Tracker,
    experiment: &Experiment,
    known: &Registration,
    revision: &Revision,
    sides: Sides,
) -> Result<Judgement> {
    let statement = &revision.statement;
    let deviations = deviations(known, revision, &sides);
    let both: BTreeSet<RunId> = sides.treatment.iter().map(|run| run.id).collect();
    let overlap = sides.baseline.iter().filter(|run| both.contains(&run.id)).count();
    let condition = |label: &str, runs: Vec<ExperimentRun>| {
        let completed = runs.into_iter().filter(|run| run.status == RunStatus::Completed);
        let members = completed.map(|run| Member::new(run, experiment.name.clone())).collect();
        Condition { label: label.to_owned(), members }
    };
    let conditions = [condition("treatment", sides.treatment), condition("baseline", sides.baseline)];
    let numbers = numbers(tracker, experiment, statement, &conditions).await?;
    let design = Design::of_runs(&Link::of(&conditions[0], &conditions[1]), [&numbers[0], &numbers[1]]);
    let (a, b) = design.sides();
    let mut judgement = Judgement {
        at: tracker.now(),
        outcome: Outcome::Underpowered,
        sentence: String::new(),
        runs: (a.len() as u64, b.len() as u64),
        difference: None,
        interval: None,
        alpha_spent: 0.0,
        runs_needed: None,
        deviations,
    };
    let have = a.len().min(b.len());
    if overlap > 0 {
        let are = if overlap == 1 { "run is" } else { "runs are" };
        judgement.sentence =
            format!("{} cannot be judged: {overlap} {are} found by both of its filters.", statement.name);
        return Ok(judgement);
    }
    if have < 2 {
        judgement.runs_needed = Some(u64::from(statement.planned_runs).saturating_sub(have as u64));
        judgement.sentence = format!(
            "{} is underpowered: {} against {} completed runs have a finite {}, and how much they vary is not known.",
            statement.name,
            a.len(),
            b.len(),
            statement.metric
        );
        return Ok(judgement);
    }
    decide(statement, &design, &mut judgement);
    Ok(judgement)
}

async fn numbers(
    tracker: &Tracker,
    experiment: &Experiment,
    statement: &Hypothesis,
    conditions: &[Condition],
) -> Result<Vec<Vec<Number>>> {
    let request = CompareRequest {
        metrics: vec![statement.metric.clone()],
        reduction: statement.reduction,
        ..CompareRequest::default()
    };
    let experiments = load::Experiments::from([(experiment.id, experiment.clone())]);
    let ids: Vec<RunId> = conditions.iter().flat_map(|c| &c.members).map(|member| member.run.id).collect();
    let names = readings::names_to_read(&request.metrics);
    let mut readings = load::readings(tracker, &request, names.as_deref(), &ids, &experiments).await?;
    let key = readings.keys().find(|key| key.to_string() == statement.metric).cloned();
    let key = key.or_else(|| readings.keys().find(|key| key.name == statement.metric).cloned());
    let Some(key) = key else {
        return Ok(conditions.iter().map(|c| vec![Number::Absent; c.members.len()]).collect());
    };
    if statement.reduction.needs_points() {
        load::curves(tracker, statement.reduction, std::slice::from_ref(&key), &mut readings).await?;
    }
    Ok(readings.get(&key).map(|runs| readings::by_group(runs, conditions)).unwrap_or_default())
}

fn deviations(known: &Registration, revision: &Revision, sides: &Sides) -> Vec<String> {
    let mut found = Vec::new();
    if !is_planned(revision, sides) {
        let edits = known.revisions.len() - 1;
        found.push(if edits == 0 {
            "it was stated after the first of its runs had begun, so the analysis is exploratory".to_owned()
        } else {
            format!(
                "it was reworded after the first of its runs had begun ({edits} revision{}), so the analysis is exploratory",
                if edits == 1 { "" } else { "s" }
            )
        });
    }
    let planned = u64::from(revision.statement.planned_runs);
    for (name, runs) in [("treatment", &sides.treatment), ("baseline", &sides.baseline)] {
        let Progress { completed, under_way, lost } = progress(runs);
        if completed != planned {
            found.push(format!("the {name} has {completed} completed runs instead of the {planned} planned"));
        }
        if under_way + lost > 0 {
            found.push(format!("{} runs of the {name} did not complete and are left out", under_way + lost));
        }
    }
    found
}

/// Decides by the interval of the difference, at one less twice the alpha that may be spent, as two one-sided tests do.
///
/// With the difference counted in the expected direction, and the smallest effect that matters called m: tied where the
/// interval lies within -m to m; else supported where it lies above 0; else refuted where it lies below m; else
/// underpowered. Each says something wrong with a chance of at most alpha.
fn decide(statement: &Hypothesis, design: &Design, judgement: &mut Judgement) {
    let (a, b) = design.sides();
    let margin = statement.smallest_effect;
    let fraction = a.len().min(b.len()) as f64 / f64::from(statement.planned_runs);
    let spent = spent_at(statement.alpha, fraction).unwrap_or(statement.alpha);
    judgement.alpha_spent = spent;
    let mean = |values: &[f64]| Statistic::Mean.of(values);
    judgement.difference = Some(mean(&a) - mean(&b)).filter(|difference| difference.is_finite());
    let interval_at = |level: f64| -> Option<(f64, f64)> {
        let level = ConfidenceLevel::try_new(level).ok()?;
        let test = match design {
            Design::Paired { .. } => ttest::paired(&a, &b, Alternative::TwoSided, level),
            Design::Unpaired { .. } | Design::Series { .. } => ttest::welch(&a, &b, Alternative::TwoSided, level),
        };
        test.ok()?.estimate?.interval.map(|interval| (interval.low, interval.high))
    };
    let is_tied = Margin::try_new(-margin, margin)
        .and_then(|margin| match design {
            Design::Paired { .. } => tost_paired(&a, &b, margin),
            Design::Unpaired { .. } | Design::Series { .. } => tost_independent(&a, &b, margin, Variances::Unequal),
        })
        .is_ok_and(|test| test.p_value < spent);
    judgement.interval = interval_at(1.0 - 2.0 * spent);
    let Some((low, high)) = judgement.interval else {
        judgement.sentence = format!(
            "{} cannot be judged: the runs do not vary, so nothing can be set against chance; check that the seed takes \
             effect.",
            statement.name
        );
        return;
    };
    // As if the treatment were expected above the baseline.
    let (least, most) = match statement.direction {
        ExpectedDirection::Lower => (-high, -low),
        ExpectedDirection::Higher | ExpectedDirection::Differs => (low, high),
    };
    let is_supported = match statement.direction {
        // Either way may support it, so half of alpha goes to each.
        ExpectedDirection::Differs => interval_at(1.0 - spent).is_some_and(|(low, high)| low > 0.0 || high < 0.0),
        ExpectedDirection::Lower | ExpectedDirection::Higher => least > 0.0,
    };
    let is_refuted = statement.direction != ExpectedDirection::Differs && most < margin;
    judgement.outcome = if is_tied {
        Outcome::Tied
    } else if is_supported {
        Outcome::Supported
    } else if is_refuted {
        Outcome::Refuted
    } else {
        judgement.runs_needed =
            needed(statement, design).map(|needed| needed.saturating_sub(a.len().min(b.len()) as u64));
        Outcome::Underpowered
    };
    judgement.sentence = sentence(statement, design, judgement);
}

/// Runs a group that tell the smallest effect that matters from none, given how much the runs vary.
fn needed(statement: &Hypothesis, design: &Design) -> Option<u64> {
    let spread = |values: &[f64]| Statistic::StandardDeviation.of(values);
    let (a, b) = design.sides();
    let (spread, samples) = match design {
        Design::Paired { pairs, .. } => {
            let differences: Vec<f64> = pairs.iter().map(|(x, y)| x - y).collect();
            (spread(&differences), TDesign::paired(statement.alpha))
        }
        _ => (spread(&a).hypot(spread(&b)) / std::f64::consts::SQRT_2, TDesign::two_sample(statement.alpha)),
    };
    let alternative = match statement.direction {
        ExpectedDirection::Differs => Alternative::TwoSided,
        ExpectedDirection::Lower | ExpectedDirection::Higher => Alternative::Greater,
    };
    let effect = statement.smallest_effect / spread;
    t_sample_size(effect, POWER, TDesign { alternative, ..samples }).ok().map(|size| size.ceiling.max(2))
}

fn sentence(statement: &Hypothesis, design: &Design, judgement: &Judgement) -> String {
    let Hypothesis { name, metric, smallest_effect, direction, .. } = statement;
    let (low, high) = judgement.interval.unwrap_or_default();
    let paired = if matches!(design, Design::Paired { .. }) { ", paired by seed" } else { "" };
    let expected = match direction {
        ExpectedDirection::Lower => "lower",
        ExpectedDirection::Higher => "higher",
        ExpectedDirection::Differs => "different",
    };
    let numbers = format!(
        "the treatment's {metric} ({}) differs by {} from the baseline's ({}% interval {} to {}; {} against {} runs{paired})",
        statement.reduction.phrase(),
        judgement.difference.map(signed).unwrap_or_default(),
        number(100.0 * (1.0 - 2.0 * judgement.alpha_spent)),
        number(low),
        number(high),
        judgement.runs.0,
        judgement.runs.1,
    );
    let margin = number(*smallest_effect);
    let finding = match judgement.outcome {
        Outcome::Supported => {
            let enough = judgement.difference.is_some_and(|difference| difference.abs() >= *smallest_effect);
            let size = if enough { "" } else { ", though by less than would matter, as far as one can see" };
            format!("{name} is supported: {numbers}, so it is {expected} beyond chance{size}")
        }
        Outcome::Refuted => {
            format!("{name} is refuted: {numbers}, so it is not {expected} by the {margin} that would matter")
        }
        Outcome::Tied => {
            format!("{name} is a tie: {numbers}, so a difference as large as {margin} is ruled out either way")
        }
        Outcome::Underpowered => {
            let needed = match judgement.runs_needed {
                Some(0) => ", and runs like these would mostly have sufficed".to_owned(),
                Some(more) => {
                    format!(", and about {more} more runs a group would tell {margin} from nothing (80% power)")
                }
                None => String::new(),
            };
            format!("{name} is underpowered: {numbers}, which neither shows nor rules out what was expected{needed}")
        }
    };
    let early = if judgement.alpha_spent < statement.alpha {
        format!(
            "; with the plan unfulfilled only {} of alpha {} may be spent",
            number(judgement.alpha_spent),
            number(statement.alpha)
        )
    } else {
        String::new()
    };
    let deviations = if judgement.deviations.is_empty() {
        String::new()
    } else {
        format!("; mind that {}", judgement.deviations.join(", and that "))
    };
    format!("{finding}{early}{deviations}.")
}

fn signed(value: f64) -> String {
    if value > 0.0 { format!("+{}", number(value)) } else { number(value) }
}

/// Names, beside each pair, the hypothesis that asked for it before the first of its runs began.
pub(super) async fn label(
    tracker: &Tracker,
    experiments: &load::Experiments,
    conditions: &[Condition],
    keys: &[SeriesKey],
    comparison: &mut Comparison,
) -> Result<()> {
    let completed = |condition: &Condition| -> BTreeSet<RunId> {
        let members = condition.members.iter().filter(|member| member.run.status == RunStatus::Completed);
        members.map(|member| member.run.id).collect()
    };
    let groups: Vec<BTreeSet<RunId>> = conditions.iter().map(completed).collect();
    for experiment in experiments.values() {
        for known in experiment.config.ledger.hypotheses.iter().filter(|known| known.withdrawn_at.is_none()) {
            let Some(revision) = known.current() else { continue };
            let statement = &revision.statement;
            let metric =
                keys.iter().position(|key| key.name == statement.metric || key.to_string() == statement.metric);
            let Some(metric) = metric.filter(|_| statement.reduction == comparison.reduction) else { continue };
            let sides = sides(tracker, experiment.id, statement).await?;
            if !is_planned(revision, &sides) {
                continue;
            }
            let ids = |runs: &[ExperimentRun]| -> BTreeSet<RunId> {
                runs.iter().filter(|run| run.status == RunStatus::Completed).map(|run| run.id).collect()
            };
            let (treatment, baseline) = (ids(&sides.treatment), ids(&sides.baseline));
            for (index, group) in groups.iter().enumerate().skip(1) {
                let is_it =
                    (*group == treatment && groups[0] == baseline) || (*group == baseline && groups[0] == treatment);
                if is_it && !group.is_empty() && !groups[0].is_empty() {
                    comparison.metrics[metric].pairs[index - 1].planned = Some(known.name.clone());
                }
            }
        }
    }
    Ok(())
}
