//! One line for a script: is this change more than luck?
//!
//! Who tries many changes and keeps what looks better chases luck sooner or later. So the gate sets a difference against the
//! noise floor of the experiment, at a level that falls with every look: look k may spend alpha / (k (k + 1)), which adds up
//! to alpha over all looks there will ever be (see [`lab_stats::sequential`]). The experiment's ledger counts the looks of
//! each metric. The same question over the same numbers is the same look, and free.

use std::fmt::Write as _;

use lab_model::{ContentHash, Error, Experiment, ExperimentId, MetricName, Result, RunId, SeriesKey};
use lab_stats::Alternative;
use lab_stats::noise::NoiseFloor as Floor;
use lab_stats::resample::Statistic;
use lab_stats::sequential::alpha_of_look;
use serde::{Deserialize, Serialize};

use super::groups::Condition;
use super::sentence::{number, p_value, percent};
use super::types::{Against, Better, CompareRequest, NoiseFloor, Unit};
use super::{Tracker, baseline_first, direction, load, noise, readings};

/// Is this change more than luck?
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct GateRequest {
    /// What is compared. One metric, and two groups, or more of which `candidate` names one.
    #[serde(default)]
    pub compare: CompareRequest,
    /// Label of the group that is to pass, the value in it, or one of its runs; may be absent where there are two groups.
    #[serde(default)]
    pub candidate: Option<String>,
}

/// What the gate answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct GateAnswer {
    /// Whether the candidate is better by more than noise.
    pub passes: bool,
    /// The difference set against the noise floor, at the level of this look.
    pub answer: Against,
    /// The whole of it in one line.
    pub line: String,
    /// The metric.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub metric: MetricName,
    /// Which way it is better, where that is known.
    pub better: Option<Better>,
    /// Label of the baseline.
    pub baseline: String,
    /// Label of the candidate.
    pub candidate: String,
    /// Mean of the candidate less mean of the baseline.
    pub difference: Option<f64>,
    /// The same as a share of the baseline's mean.
    pub relative: Option<f64>,
    /// Chance of a difference this large from noise alone, two-sided.
    pub p_value: Option<f64>,
    /// The noise floor, where something was repeated.
    pub noise: Option<NoiseFloor>,
    /// Number of this look at the metric; absent where nothing could be tested, which costs nothing.
    pub look: Option<u64>,
    /// What this look may spend of alpha.
    pub alpha_of_look: Option<f64>,
    /// The chance of any false alarm over all looks.
    pub alpha: f64,
}

/// What is looked at.
struct View {
    metric: String,
    better: Option<Better>,
    candidate: Condition,
    baseline: Condition,
    /// Finite numbers of the candidate and of the baseline.
    numbers: (Vec<f64>, Vec<f64>),
    floor: Option<Floor>,
    experiment: ExperimentId,
    question: ContentHash,
}

impl Tracker {
    /// Sets one group against another and against the noise, and pays for the look.
    ///
    /// # Errors
    /// As [`Tracker::compare`]; [`Error::Invalid`] for several metrics, or several groups without a candidate.
    pub async fn gate(&self, request: GateRequest) -> Result<GateAnswer> {
        let alpha = request.compare.alpha;
        noise::check_alpha(alpha)?;
        let view = self.view(&request).await?;
        let mut answer = begin(&view, alpha);
        let (a, b) = &view.numbers;
        let tested =
            view.floor.as_ref().zip(answer.difference).and_then(|(floor, difference)| {
                floor.p_value(difference, a.len(), b.len(), Alternative::TwoSided).ok()
            });
        if let Some(p) = tested {
            let look = self.take_look(&view).await?;
            let level = alpha_of_look(alpha, look).map_err(|e| Error::Internal { problem: e.to_string() })?;
            answer.answer = if p < level { Against::Signal } else { Against::Noise };
            (answer.p_value, answer.look, answer.alpha_of_look) = (Some(p), Some(look), Some(level));
        }
        answer.passes = answer.answer == Against::Signal
            && match (answer.better, answer.difference) {
                (Some(Better::Lower), Some(difference)) => difference < 0.0,
                (Some(Better::Higher), Some(difference)) => difference > 0.0,
                _ => false,
            };
        answer.line = line(&answer, &view);
        Ok(answer)
    }

    async fn view(&self, request: &GateRequest) -> Result<View> {
        let compare = &request.compare;
        if compare.unit != Unit::Run {
            return Err(Error::invalid("compare.unit", "must be `run`: the noise floor is one between runs"));
        }
        readings::check_reduction(compare.reduction, compare.unit)?;
        let mut experiments = load::Experiments::new();
        let (mut conditions, _) = load::conditions(self, compare, &mut experiments).await?;
        baseline_first(&mut conditions, compare.baseline.as_deref())?;
        let candidate = match &request.candidate {
            Some(wanted) => {
                let mut others = conditions.split_off(1);
                baseline_first(&mut others, Some(wanted)).map_err(|error| match error {
                    Error::Invalid { problem, .. } => Error::invalid("candidate", problem),
                    other => other,
                })?;
                others.swap_remove(0)
            }
            None if conditions.len() == 2 => conditions.swap_remove(1),
            None => {
                let labels: Vec<&str> = conditions.iter().skip(1).take(20).map(|c| c.label.as_str()).collect();
                let problem = if labels.is_empty() {
                    "is absent, and there is one group only; group by what differs, or name two groups".to_owned()
                } else {
                    format!("is absent; it can be {}", labels.join("; "))
                };
                return Err(Error::invalid("candidate", problem));
            }
        };
        let baseline = conditions.swap_remove(0);
        let pair = [candidate, baseline];
        let ids: Vec<RunId> = pair.iter().flat_map(|c| &c.members).map(|member| member.run.id).collect();
        let names = readings::names_to_read(&compare.metrics);
        let mut readings = load::readings(self, compare, names.as_deref(), &ids, &experiments).await?;
        let keys = readings::choose(&readings, &compare.metrics, &pair)?;
        let [key] = keys.as_slice() else {
            let found: Vec<String> = keys.iter().take(20).map(SeriesKey::to_string).collect();
            let problem = format!("must be one for a gate; it can be {}", found.join(", "));
            return Err(Error::invalid("compare.metrics", problem));
        };
        let key = key.clone();
        if compare.reduction.needs_points() {
            load::curves(self, compare.reduction, std::slice::from_ref(&key), &mut readings).await?;
        }
        let better = direction::of(&key, compare, &experiments).better();
        let keys = [key.clone()];
        let floor = noise::floors(self, compare, &experiments, &pair, &readings, &keys).await?.remove(&key);
        let finite = |index: usize| -> Vec<f64> {
            let numbers = readings.get(&key).map(|runs| readings::by_group(runs, &pair[index..=index]));
            numbers.into_iter().flatten().flatten().filter_map(|number| number.finite()).collect()
        };
        let numbers = (finite(0), finite(1));
        let [candidate, baseline] = pair;
        let experiment = baseline.members.first().map(|member| member.run.experiment_id);
        let experiment = experiment.ok_or_else(|| Error::invalid("baseline", "has no run"))?;
        let question = question(&key, compare, (&candidate, &baseline), &numbers);
        let metric = key.to_string();
        Ok(View { metric, better, candidate, baseline, numbers, floor, experiment, question })
    }

    /// The number of this look: a new one, unless just this was asked before.
    async fn take_look(&self, view: &View) -> Result<u64> {
        let known = |experiment: &Experiment| experiment.config.ledger.looks.get(&view.metric)?.find(view.question);
        if let Some(look) = known(&self.experiment(view.experiment).await?) {
            return Ok(look);
        }
        let mut taken = 0;
        let fields = vec!["config.ledger".to_owned()];
        self.change_experiment(view.experiment, fields, |experiment, now| {
            let mut ledger = experiment.config.ledger.clone();
            taken = ledger.looks.entry(view.metric.clone()).or_default().take(view.question, now);
            Ok(experiment.recorded(ledger, now))
        })
        .await?;
        Ok(taken)
    }
}

/// A text that is the same where runs, numbers and the question are.
fn question(
    key: &SeriesKey,
    compare: &CompareRequest,
    (candidate, baseline): (&Condition, &Condition),
    numbers: &(Vec<f64>, Vec<f64>),
) -> ContentHash {
    let mut text = format!("{key}\n{:?}\n{}\n", compare.reduction, compare.alpha);
    for (condition, numbers) in [(candidate, &numbers.0), (baseline, &numbers.1)] {
        let mut ids: Vec<RunId> = condition.members.iter().map(|member| member.run.id).collect();
        ids.sort_unstable();
        for id in ids {
            writeln!(text, "{id}").ok();
        }
        writeln!(text, "{numbers:?}").ok();
    }
    ContentHash::of(text.as_bytes())
}

fn begin(view: &View, alpha: f64) -> GateAnswer {
    let mean = |values: &[f64]| (!values.is_empty()).then(|| Statistic::Mean.of(values));
    let (a, b) = (mean(&view.numbers.0), mean(&view.numbers.1));
    let difference = a.zip(b).map(|(a, b)| a - b).filter(|difference| difference.is_finite());
    let base = b.map(f64::abs).filter(|base| *base > 0.0);
    GateAnswer {
        passes: false,
        answer: Against::Unknown,
        line: String::new(),
        metric: view.metric.clone(),
        better: view.better,
        baseline: view.baseline.label.clone(),
        candidate: view.candidate.label.clone(),
        difference,
        relative: difference.zip(base).map(|(difference, base)| difference / base),
        p_value: None,
        noise: view.floor.as_ref().map(|floor| noise::published(floor, alpha)),
        look: None,
        alpha_of_look: None,
        alpha,
    }
}

/// As `signal: val/loss -0.14 (-5.7%), better: …`.
fn line(answer: &GateAnswer, view: &View) -> String {
    let word = match answer.answer {
        Against::Signal => "signal",
        Against::Noise => "noise",
        Against::Unknown => "unknown",
    };
    let (metric, candidate, baseline) = (&answer.metric, &answer.candidate, &answer.baseline);
    let Some(difference) = answer.difference else {
        let side = if view.numbers.0.is_empty() { candidate } else { baseline };
        return format!("{word}: no run of {side} has a finite {metric}");
    };
    let share = answer.relative.map(|relative| format!(" ({})", percent(relative))).unwrap_or_default();
    let way = match answer.better {
        _ if difference == 0.0 => "the same",
        Some(Better::Lower) if difference < 0.0 => "better",
        Some(Better::Higher) if difference > 0.0 => "better",
        Some(_) => "worse",
        None => "which way is better is not known",
    };
    let (a, b) = (view.numbers.0.len(), view.numbers.1.len());
    let begin = format!(
        "{word}: {metric} {}{}{share}, {way}: {candidate} ({}) against {baseline} ({})",
        if difference > 0.0 { "+" } else { "" },
        number(difference),
        runs(a),
        runs(b)
    );
    match (answer.p_value, answer.look, answer.alpha_of_look, &answer.noise) {
        (Some(p), Some(look), Some(level), Some(floor)) => format!(
            "{begin}; {} against {} for look {look} of alpha {}; noise sd {} from {}",
            p_value(p),
            number(level),
            number(answer.alpha),
            number(floor.std_dev),
            runs(floor.runs as usize),
        ),
        (_, _, _, Some(_)) => format!("{begin}; repetitions never differed, so check that the seed takes effect"),
        _ => format!("{begin}; nothing was repeated, so run one condition with at least two seeds"),
    }
}

fn runs(count: usize) -> String {
    if count == 1 { "1 run".to_owned() } else { format!("{count} runs") }
}
