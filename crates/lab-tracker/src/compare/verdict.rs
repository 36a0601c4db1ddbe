//! Whether a difference is more than chance, and one sentence that says so.
//!
//! The unit is the run. With the same seeds on both sides a paired t test is used, because what a seed does to both
//! sides then cancels out; else Welch's, which does not assume that the groups vary alike. The pairs of a metric are
//! questions asked together, so their p-values are corrected by Holm. No p-value is made up where none exists.

use std::collections::BTreeMap;

use lab_stats::correction::{Correction, adjust};
use lab_stats::power::{TDesign, t_sample_size};
use lab_stats::{Alternative, ConfidenceLevel, StatsError, TestResult, ttest};

use super::groups::{Condition, Member, Seeds, paired_seeds};
use super::reduce::Number;
use super::sample;
use super::sentence::{self, Facts};
use super::types::{Better, Effect, MetricComparison, Pair, Reduction, Sample, Verdict};
use lab_model::{Error, Result};

/// Power that `runs_needed` plans for.
const POWER: f64 = 0.8;

/// What is asked about one metric.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question<'a> {
    pub(super) metric: &'a str,
    pub(super) better: Option<Better>,
    pub(super) reduction: Reduction,
    pub(super) alpha: f64,
}

/// What the numbers of a group and of the baseline gave.
#[derive(Debug)]
pub(super) enum Finding {
    /// A test.
    Tested(Box<TestResult>),
    /// The same number everywhere.
    Identical,
    /// A difference, and no variation that it could be set against.
    Constant,
    /// A side has fewer than two numbers.
    TooFew,
    /// Numbers that cannot be calculated with.
    Refused(StatsError),
}

/// How runs of two groups belong together.
#[derive(Clone, Debug)]
pub(super) enum Design {
    /// Pairs of runs with the same seed: the group's numbers and the baseline's.
    Paired { pairs: Vec<(f64, f64)>, dropped: usize },
    /// No pairs, and why.
    Unpaired { why: &'static str },
}

/// Compares each group with the first.
///
/// `numbers` has a list for each condition, in the order of its members.
pub(super) fn judge(
    question: Question<'_>,
    conditions: &[Condition],
    numbers: &[Vec<Number>],
) -> Result<MetricComparison> {
    let samples: Vec<Sample> = conditions
        .iter()
        .zip(numbers)
        .map(|(condition, numbers)| sample::describe(&condition.label, numbers))
        .collect();
    let level =
        ConfidenceLevel::try_new(1.0 - question.alpha).map_err(|error| Error::invalid("alpha", error.to_string()))?;
    let mut found = Vec::new();
    for index in 1..conditions.len() {
        let design = design([&conditions[index], &conditions[0]], [&numbers[index], &numbers[0]]);
        let finding = test([&samples[index], &samples[0]], &design, level);
        found.push((design, finding));
    }
    let p_values: Vec<Option<f64>> = found.iter().map(|(_, finding)| finding.p_value()).collect();
    let adjusted =
        adjust(&p_values, Correction::Holm).map_err(|error| Error::Internal { problem: error.to_string() })?;
    let tests = p_values.iter().flatten().count();
    let pairs = found.iter().zip(&adjusted).enumerate().map(|(index, ((design, finding), p_adjusted))| {
        let (group, baseline) = (&samples[index + 1], &samples[0]);
        pair(&Facts { question, group, baseline, design, finding, p_adjusted: *p_adjusted, tests })
    });
    let pairs = pairs.collect();
    let best = sample::best(&samples, question.better);
    Ok(MetricComparison { name: question.metric.to_owned(), better: question.better, samples, best, pairs })
}

/// Pairs the runs by seed where that can be done.
fn design([group, baseline]: [&Condition; 2], [a, b]: [&[Number]; 2]) -> Design {
    if !paired_seeds(&[group, baseline]) {
        return Design::Unpaired { why: why_unpaired(group, baseline) };
    }
    let of_baseline: BTreeMap<Seeds, Number> =
        baseline.members.iter().map(Member::seeds).zip(b.iter().copied()).collect();
    let of_group: BTreeMap<Seeds, Number> = group.members.iter().map(Member::seeds).zip(a.iter().copied()).collect();
    let pairs: Vec<(f64, f64)> = of_group
        .iter()
        .filter_map(|(seeds, number)| Some((number.finite()?, of_baseline.get(seeds)?.finite()?)))
        .collect();
    let dropped = of_group.len() - pairs.len();
    Design::Paired { pairs, dropped }
}

fn why_unpaired(group: &Condition, baseline: &Condition) -> &'static str {
    let seeds = |condition: &Condition| condition.members.iter().map(Member::seeds).collect::<Vec<_>>();
    let (a, b) = (seeds(group), seeds(baseline));
    let has_twins = |seeds: &[Seeds]| seeds.iter().collect::<std::collections::BTreeSet<_>>().len() < seeds.len();
    if a.iter().chain(&b).any(Seeds::is_empty) {
        "because not every run names its seed, which would pair them"
    } else if has_twins(&a) || has_twins(&b) {
        "because several runs of a group share a seed, so that seeds do not pair them"
    } else {
        "because the two sides did not run the same seeds, so that they are not paired"
    }
}

fn test([group, baseline]: [&Sample; 2], design: &Design, level: ConfidenceLevel) -> Finding {
    let finite = |sample: &Sample| sample.values.iter().flatten().copied().collect::<Vec<f64>>();
    let (a, b): (Vec<f64>, Vec<f64>) = match design {
        Design::Paired { pairs, .. } => pairs.iter().copied().unzip(),
        Design::Unpaired { .. } => (finite(group), finite(baseline)),
    };
    if a.len() < 2 || b.len() < 2 {
        return Finding::TooFew;
    }
    if a.iter().chain(&b).all(|value| *value == a[0]) {
        return Finding::Identical;
    }
    let result = match design {
        Design::Paired { .. } if a == b => return Finding::Identical,
        Design::Paired { .. } => ttest::paired(&a, &b, Alternative::TwoSided, level),
        Design::Unpaired { .. } => ttest::welch(&a, &b, Alternative::TwoSided, level),
    };
    match result {
        Ok(test) => Finding::Tested(Box::new(test)),
        Err(StatsError::Undefined { reason, .. }) if reason.contains("do not vary") || reason.contains("varies") => {
            Finding::Constant
        }
        Err(error) => Finding::Refused(error),
    }
}

impl Finding {
    fn p_value(&self) -> Option<f64> {
        match self {
            Self::Tested(test) => Some(test.p_value),
            _ => None,
        }
    }
}

fn pair(facts: &Facts<'_>) -> Pair {
    let (difference, relative) = facts.difference();
    let mut pair = Pair {
        label: facts.group.label.clone(),
        verdict: verdict(facts),
        sentence: String::new(),
        difference,
        interval: None,
        relative,
        effect: None,
        test: None,
        p_value: None,
        p_adjusted: facts.p_adjusted,
        runs_needed: None,
    };
    if let Finding::Tested(test) = facts.finding {
        let ends = |estimate: &lab_stats::Estimate| estimate.interval.map(|i| (i.low, i.high));
        pair.interval = test.estimate.as_ref().and_then(ends);
        pair.effect = test.effect.as_ref().map(|effect| Effect {
            name: effect.name.to_ascii_lowercase().replace("'s ", "_").replace("' ", "_"),
            value: effect.value,
            interval: ends(effect),
        });
        pair.test = Some(test.method.to_owned());
        pair.p_value = Some(test.p_value);
        pair.runs_needed = runs_needed(facts, test);
    }
    pair.sentence = sentence::of(facts, &pair);
    pair
}

/// Runs a group for the effect seen, at the strictest level that Holm's correction sets.
fn runs_needed(facts: &Facts<'_>, test: &TestResult) -> Option<u64> {
    let alpha = facts.question.alpha / facts.tests.max(1) as f64;
    let design = match facts.design {
        Design::Paired { .. } => TDesign::paired(alpha),
        Design::Unpaired { .. } => TDesign::two_sample(alpha),
    };
    let effect = test.effect.as_ref()?.value;
    t_sample_size(effect, POWER, design).ok().map(|size| size.ceiling.max(2))
}

fn verdict(facts: &Facts<'_>) -> Verdict {
    match facts.finding {
        Finding::TooFew => Verdict::TooFewSamples,
        Finding::Identical | Finding::Refused(_) => Verdict::NoEvidence,
        Finding::Constant => Verdict::Different,
        Finding::Tested(_) if facts.p_adjusted.is_none_or(|p| p >= facts.question.alpha) => Verdict::NoEvidence,
        Finding::Tested(_) => match (facts.question.better, facts.difference().0) {
            (Some(Better::Lower), Some(difference)) if difference < 0.0 => Verdict::Better,
            (Some(Better::Higher), Some(difference)) if difference > 0.0 => Verdict::Better,
            (Some(_), Some(_)) => Verdict::Worse,
            _ => Verdict::Different,
        },
    }
}
