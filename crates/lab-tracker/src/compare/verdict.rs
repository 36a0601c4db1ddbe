//! Whether a difference is more than chance, and one sentence that says so.
//!
//! The unit is the run, unless somebody asks otherwise. The pairs of a metric are questions asked together, so their
//! p-values are corrected. No p-value is made up where none exists.

use lab_model::{Error, Reduction, Result};
use lab_stats::autocorrelation::EffectiveSize;
use lab_stats::correction::{Correction, adjust};
use lab_stats::noise::NoiseFloor;
use lab_stats::power::{TDesign, t_sample_size};
use lab_stats::{Alternative, ConfidenceLevel, TestResult};

use super::design::{Design, Link};
use super::groups::Condition;
use super::reduce::Number;
use super::sample;
use super::sentence::{self, Facts};
use super::testing::{self, Finding, POWER};
use super::types::{
    Against, Better, CorrectionChoice, Effect, MetricComparison, Pair, Sample, TestChoice, Unit, Verdict,
};

/// What is asked about one metric.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question<'a> {
    pub(super) metric: &'a str,
    pub(super) better: Option<Better>,
    pub(super) reduction: Reduction,
    pub(super) alpha: f64,
    pub(super) unit: Unit,
    pub(super) test: TestChoice,
    pub(super) correction: CorrectionChoice,
    /// The spread of repetitions, where it is known.
    pub(super) noise: Option<NoiseFloor>,
    /// Whether the numbers are scores: shares already, around 0 for the baseline.
    pub(super) is_score: bool,
}

/// Compares each group of runs with the first.
///
/// `links` says for each group but the first how its runs belong to those of the first; `numbers` has a list for each
/// condition, in the order of its members.
pub(super) fn judge(
    question: Question<'_>,
    conditions: &[Condition],
    links: &[Link],
    numbers: &[Vec<Number>],
) -> Result<MetricComparison> {
    let samples: Vec<Sample> = conditions
        .iter()
        .zip(numbers)
        .map(|(condition, numbers)| sample::describe(&condition.label, numbers))
        .collect();
    let designs =
        links.iter().zip(&numbers[1..]).map(|(link, group)| Design::of_runs(link, [group, &numbers[0]])).collect();
    let mut found = judge_designs(question, samples, designs)?;
    found.best_run = sample::best_run(conditions, numbers, question.better);
    Ok(found)
}

/// Compares each sample with the first, as the designs say.
pub(super) fn judge_designs(
    question: Question<'_>,
    samples: Vec<Sample>,
    designs: Vec<Design>,
) -> Result<MetricComparison> {
    let level =
        ConfidenceLevel::try_new(1.0 - question.alpha).map_err(|error| Error::invalid("alpha", error.to_string()))?;
    let found: Vec<(Finding, Option<[EffectiveSize; 2]>)> =
        designs.iter().map(|design| testing::test(design, question.test, level)).collect();
    let p_values: Vec<Option<f64>> = found.iter().map(|(finding, _)| finding.p_value()).collect();
    let adjusted = adjusted(&p_values, question.correction)?;
    let tests = p_values.iter().flatten().count();
    let mut pairs = Vec::with_capacity(designs.len());
    for (index, (design, (finding, effective))) in designs.iter().zip(&found).enumerate() {
        let (group, baseline, p_adjusted) = (&samples[index + 1], &samples[0], adjusted[index]);
        pairs.push(pair(&Facts { question, group, baseline, design, finding, effective, p_adjusted, tests }));
    }
    let best = sample::best(&samples, question.better);
    Ok(MetricComparison {
        name: question.metric.to_owned(),
        better: question.better,
        samples,
        best,
        best_run: None,
        noise: None,
        pairs,
    })
}

fn adjusted(p_values: &[Option<f64>], choice: CorrectionChoice) -> Result<Vec<Option<f64>>> {
    let correction = match choice {
        CorrectionChoice::None => return Ok(p_values.to_vec()),
        CorrectionChoice::Holm => Correction::Holm,
        CorrectionChoice::Bonferroni => Correction::Bonferroni,
        CorrectionChoice::BenjaminiHochberg => Correction::BenjaminiHochberg,
        CorrectionChoice::BenjaminiYekutieli => Correction::BenjaminiYekutieli,
    };
    adjust(p_values, correction).map_err(|error| Error::Internal { problem: error.to_string() })
}

fn pair(facts: &Facts<'_>) -> Pair {
    let (difference, relative) = facts.difference();
    let share = if facts.question.is_score { difference } else { relative };
    let improvement = facts.question.better.zip(share).map(|(better, share)| match better {
        Better::Higher => share,
        Better::Lower => -share,
    });
    let mut pair = Pair {
        label: facts.group.label.clone(),
        verdict: verdict(facts),
        sentence: String::new(),
        difference,
        interval: None,
        relative,
        improvement,
        noise: against(facts),
        planned: None,
        effect: None,
        test: None,
        statistic: None,
        df: None,
        effective: facts.effective.map(|[a, b]| (a.effective, b.effective)),
        p_value: None,
        p_adjusted: facts.p_adjusted,
        runs_needed: None,
        detectable: None,
    };
    if let Finding::Tested(test) = facts.finding {
        let ends = |estimate: &lab_stats::Estimate| estimate.interval.map(|i| (i.low, i.high));
        pair.interval = test.estimate.as_ref().and_then(ends);
        pair.effect = test.effect.as_ref().map(|effect| Effect {
            name: effect.name.to_ascii_lowercase().replace("'s ", "_").replace("' ", "_").replace(' ', "_"),
            value: effect.value,
            interval: ends(effect),
        });
        pair.test = Some(test.method.to_owned());
        (pair.statistic, pair.df) = (test.statistic, test.df);
        pair.p_value = Some(test.p_value);
        if pair.verdict == Verdict::NoEvidence {
            pair.runs_needed = runs_needed(facts, test);
            pair.detectable = testing::detectable(facts.design, strictest(facts));
        }
    }
    pair.sentence = sentence::of(facts, &pair);
    pair
}

/// The level that the strictest of the pairs is held to.
fn strictest(facts: &Facts<'_>) -> f64 {
    match facts.question.correction {
        CorrectionChoice::None => facts.question.alpha,
        _ => facts.question.alpha / facts.tests.max(1) as f64,
    }
}

/// Samples a group for the effect seen. Of standardised mean differences only.
fn runs_needed(facts: &Facts<'_>, test: &TestResult) -> Option<u64> {
    let alpha = strictest(facts);
    let design = match facts.design {
        Design::Paired { .. } => TDesign::paired(alpha),
        Design::Unpaired { .. } => TDesign::two_sample(alpha),
        Design::Series { .. } => return None,
    };
    let effect = test.effect.as_ref().filter(|effect| sentence::effect_name(effect.name).is_some())?;
    t_sample_size(effect.value, POWER, design).ok().map(|size| size.ceiling.max(2))
}

fn against(facts: &Facts<'_>) -> Against {
    let Some((floor, difference)) = facts.question.noise.zip(facts.difference().0) else { return Against::Unknown };
    match floor.p_value(difference, facts.group.n, facts.baseline.n, Alternative::TwoSided) {
        Ok(p) if p < facts.question.alpha => Against::Signal,
        Ok(_) => Against::Noise,
        Err(_) => Against::Unknown,
    }
}

fn verdict(facts: &Facts<'_>) -> Verdict {
    match facts.finding {
        Finding::TooFew | Finding::TooDependent => Verdict::TooFewSamples,
        Finding::Identical | Finding::Refused(_) => Verdict::NoEvidence,
        Finding::Constant => Verdict::Different,
        Finding::Tested(_) if facts.p_adjusted.is_none_or(|p| p >= facts.question.alpha) => Verdict::NoEvidence,
        Finding::Tested(_) => match (facts.question.better, facts.difference().0) {
            (Some(Better::Lower), Some(difference)) if difference < 0.0 => Verdict::Better,
            (Some(Better::Higher), Some(difference)) if difference > 0.0 => Verdict::Better,
            (Some(_), Some(difference)) if difference != 0.0 => Verdict::Worse,
            _ => Verdict::Different,
        },
    }
}
