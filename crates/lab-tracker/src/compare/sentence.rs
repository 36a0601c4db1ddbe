//! Verdicts as sentences: the numbers, the test and why it was chosen, the correction, and what more runs would show.

use lab_stats::autocorrelation::EffectiveSize;

use super::design::{Design, Pairing};
use super::testing::Finding;
use super::types::{Against, CorrectionChoice, Pair, Sample, Unit, Verdict};
use super::verdict::Question;

/// What is known about a group and the baseline.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    pub(super) question: Question<'a>,
    pub(super) group: &'a Sample,
    pub(super) baseline: &'a Sample,
    pub(super) design: &'a Design,
    pub(super) finding: &'a Finding,
    /// What the two series are worth, where steps are the samples.
    pub(super) effective: &'a Option<[EffectiveSize; 2]>,
    pub(super) p_adjusted: Option<f64>,
    /// Pairs of the metric that were tested.
    pub(super) tests: usize,
}

impl Facts<'_> {
    /// The means that are compared; of pairs over the pairs alone.
    fn means(&self) -> Option<(f64, f64)> {
        use lab_stats::resample::Statistic::Mean;
        match self.design {
            Design::Paired { pairs, .. } if !pairs.is_empty() => {
                let (a, b) = self.design.sides();
                Some((Mean.of(&a), Mean.of(&b)))
            }
            _ => self.group.mean.zip(self.baseline.mean),
        }
    }

    /// The difference, and its share of the baseline's mean.
    pub(super) fn difference(&self) -> (Option<f64>, Option<f64>) {
        let estimate = match self.finding {
            Finding::Tested(test) => test.estimate.as_ref().map(|estimate| estimate.value),
            _ => None,
        };
        let difference = estimate.or_else(|| self.means().map(|(group, baseline)| group - baseline));
        let base =
            self.means().map(|(_, baseline)| baseline.abs()).filter(|base| *base > 0.0 && !self.question.is_score);
        let relative = difference.zip(base).map(|(difference, base)| difference / base);
        (difference.filter(|d| d.is_finite()), relative.filter(|r| r.is_finite()))
    }

    /// What the samples are, as in "4 against 3 runs".
    fn unit(&self) -> &'static str {
        match self.question.unit {
            Unit::Run => "run",
            Unit::Example => "example",
            Unit::Step => "step",
        }
    }
}

/// The usual name of a standardised mean difference; nothing for other effects.
pub(super) fn effect_name(name: &str) -> Option<&'static str> {
    Some(match name.to_ascii_lowercase().replace("'s ", "_").replace("' ", "_").as_str() {
        "hedges_g" => "Hedges' g",
        "hedges_gz" => "Hedges' gz",
        "cohen_dz" => "Cohen's dz",
        "cohen_d" => "Cohen's d",
        _ => return None,
    })
}

/// The verdict in one sentence.
pub(super) fn of(facts: &Facts<'_>, pair: &Pair) -> String {
    let (group, baseline) = (&facts.group.label, &facts.baseline.label);
    let what = format!("{} ({})", facts.question.metric, facts.question.reduction.phrase());
    let is_bare = facts.question.is_score || facts.question.unit == Unit::Example;
    let what = if is_bare { facts.question.metric.to_owned() } else { what };
    let Some((a, b)) = facts.means() else {
        let side = if facts.group.mean.is_none() { group } else { baseline };
        return format!("No run of {side} has a finite {what}, so there is nothing to compare.");
    };
    let (a, b) = (number(a), number(b));
    match facts.finding {
        Finding::TooFew => too_few(facts, pair, &what, (&a, &b)),
        Finding::TooDependent => format!(
            "Too few samples to test {group} against {baseline}: {what} is {a} against {b}, and the steps depend on each \
             other so much that a series is worth fewer than two independent values; repeat the runs with other seeds."
        ),
        Finding::Identical => {
            let (each, has) =
                if facts.question.unit == Unit::Run { ("Every run", "the same") } else { ("Every sample", "the same") };
            format!("{each} of {group} has {has} {what} as {baseline}, so there is no difference to test.")
        }
        Finding::Constant => format!(
            "{group} differs from {baseline} by {} in {what} ({a} against {b}), and {} do not vary, so no test can set \
             that against chance; check that the seed takes effect.",
            pair.difference.map(number).unwrap_or_default(),
            match facts.design {
                Design::Paired { .. } => format!("the differences between paired {}s", facts.unit()),
                _ => format!("the {}s", facts.unit()),
            },
        ),
        Finding::Refused(error) => format!("{group} against {baseline} in {what} could not be tested: {error}."),
        Finding::Tested(_) => tested(facts, pair, &what, (&a, &b)),
    }
}

fn too_few(facts: &Facts<'_>, pair: &Pair, what: &str, (a, b): (&str, &str)) -> String {
    let (group, baseline) = (&facts.group.label, &facts.baseline.label);
    let share = pair.relative.map(|r| format!(" ({})", percent(r))).unwrap_or_default();
    let begin = format!(
        "Too few {}s to test {group} against {baseline}: {what} is {a} in {} against {b} in {}{share}",
        facts.unit(),
        counted(facts.group.n, facts.unit()),
        counted(facts.baseline.n, facts.unit()),
    );
    let describes = "which describes these runs and no more";
    let spread = facts.question.noise.map(|floor| number(floor.std_dev)).unwrap_or_default();
    match pair.noise {
        Against::Unknown => format!(
            "{begin}, {describes}, because the steps of one run are not independent samples and how much a repetition \
             varies is not known; run each with at least two seeds."
        ),
        Against::Noise => format!(
            "{begin}, {describes}; repetitions in the experiment differ as much (standard deviation {spread}), so that it \
             may well be noise."
        ),
        Against::Signal => format!(
            "{begin}, {describes}; it is more than repetitions in the experiment differ (standard deviation {spread}), if \
             these runs vary as those do: run each with at least two seeds to be sure."
        ),
    }
}

fn tested(facts: &Facts<'_>, pair: &Pair, what: &str, (a, b): (&str, &str)) -> String {
    let (group, baseline) = (&facts.group.label, &facts.baseline.label);
    let claim = match pair.verdict {
        Verdict::Better => format!("{group} is better than {baseline}"),
        Verdict::Worse => format!("{group} is worse than {baseline}"),
        Verdict::Different => format!("{group} differs from {baseline} (which way is better is not known)"),
        Verdict::NoEvidence | Verdict::TooFewSamples => format!("No evidence that {group} differs from {baseline}"),
    };
    let share = pair.relative.map(|r| format!("{}; ", percent(r))).unwrap_or_default();
    let level = number(100.0 * (1.0 - facts.question.alpha));
    let alone = if facts.tests > 1 { " for this pair alone" } else { "" };
    let interval = match pair.interval {
        Some((low, high)) => format!("{level}% interval {} to {}{alone}", number(low), number(high)),
        None => format!("too few {}s for a {level}% interval", facts.unit()),
    };
    let difference = pair.difference.map(number).unwrap_or_default();
    let is_shift = pair.effect.as_ref().is_some_and(|e| e.name.contains("delta") || e.name.contains("biserial"));
    let difference = if is_shift {
        format!("a typical shift of {difference} (Hodges and Lehmann; {share}{interval})")
    } else {
        format!("a difference of {difference} ({share}{interval})")
    };
    let p = p_value(pair.p_adjusted.unwrap_or(1.0));
    let text = format!(
        "{claim}: mean {what} {a} against {b}, {difference}, {p}{}, by {}",
        correction(facts),
        test(facts, pair)
    );
    let more = if pair.verdict == Verdict::NoEvidence { more_runs(facts, pair) } else { String::new() };
    let caution = match facts.question.unit {
        Unit::Run => "",
        Unit::Example => "; it is about such examples, not about what other seeds would give",
        Unit::Step => "; it is about these stretches of these runs, not about what another run would give",
    };
    text + &more + caution + "."
}

fn correction(facts: &Facts<'_>) -> String {
    let tests = facts.tests;
    let name = match facts.question.correction {
        _ if tests < 2 => return " (one pair, so nothing to correct for)".to_owned(),
        CorrectionChoice::None => return format!(" without correction for {tests} pairs"),
        CorrectionChoice::Holm => "Holm's",
        CorrectionChoice::Bonferroni => "Bonferroni's",
        CorrectionChoice::BenjaminiHochberg => "Benjamini and Hochberg's",
        CorrectionChoice::BenjaminiYekutieli => "Benjamini and Yekutieli's",
    };
    format!(" after {name} correction for {tests} pairs")
}

fn test(facts: &Facts<'_>, pair: &Pair) -> String {
    let name = pair.test.as_deref().unwrap_or("a test");
    // "a paired t test", and "Welch's t test", and "the BCa bootstrap".
    let name = match name {
        _ if name.starts_with("BCa") => format!("the {name}"),
        _ if name.contains("'s ") => name.to_owned(),
        _ => format!("a {name}"),
    };
    match facts.design {
        Design::Paired { pairs, dropped: 0, by: Pairing::Seed } => {
            format!("{name}, because both sides ran the same {} seeds once each", pairs.len())
        }
        Design::Paired { pairs, dropped, by: Pairing::Seed } => format!(
            "{name} over {} of {} seeds, because both sides ran the same ones once each and the rest have no finite value \
             on a side",
            pairs.len(),
            pairs.len() + dropped,
        ),
        Design::Paired { pairs, dropped, by: Pairing::Example } => {
            let rest =
                if *dropped > 0 { format!(" ({dropped} more have a value on one side only)") } else { String::new() };
            format!("{name} over {} examples that both sides have{rest}", pairs.len())
        }
        Design::Unpaired { a, b, why } => {
            format!("{name} over {} against {} {}s, {why}", a.len(), b.len(), facts.unit())
        }
        Design::Series { a, b } => {
            let worth = |size: &EffectiveSize| number(size.effective);
            let [first, second] = facts.effective.as_ref().map(|sizes| sizes.each_ref().map(worth)).unwrap_or_default();
            format!(
                "{name}, because steps of one run depend on each other: {} against {} steps are worth {first} against \
                 {second} independent ones by their autocorrelation",
                a.len(),
                b.len()
            )
        }
    }
}

fn more_runs(facts: &Facts<'_>, pair: &Pair) -> String {
    let seen = pair.detectable.map(|smallest| {
        format!("; a difference of {} or more would probably have shown (80% power)", number(smallest))
    });
    let seen = seen.unwrap_or_default();
    let name = pair.effect.as_ref().and_then(|effect| Some((effect_name(&effect.name)?, effect.value)));
    let (Some(needed), Some((name, effect))) = (pair.runs_needed, name) else { return seen };
    let (have, unit) = match facts.design {
        Design::Paired { pairs, by: Pairing::Seed, .. } => (pairs.len(), "seeds on both sides".to_owned()),
        Design::Paired { pairs, by: Pairing::Example, .. } => (pairs.len(), "examples on both sides".to_owned()),
        _ => (facts.group.n.min(facts.baseline.n), format!("{}s a group", facts.unit())),
    };
    let effect = number(effect);
    if needed > 100_000 {
        return format!("{seen}; an effect as small as this ({name} {effect}) would take more than 100000 {unit}");
    }
    let more = needed.saturating_sub(have as u64);
    format!(
        "{seen}; if the effect is as large as it looks ({name} {effect}), about {needed} {unit} ({more} more) would show it \
         with 80% power"
    )
}

fn counted(n: usize, unit: &str) -> String {
    if n == 1 { format!("1 {unit}") } else { format!("{n} {unit}s") }
}

/// Four significant digits.
pub(super) fn number(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return if value == 0.0 { "0".to_owned() } else { value.to_string() };
    }
    if !(1e-3..1e6).contains(&value.abs()) {
        return format!("{value:.3e}");
    }
    let digits = (3 - value.abs().log10().floor() as i32).clamp(0, 6) as usize;
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

pub(super) fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    if percent.abs() < 1000.0 { format!("{percent:+.1}%") } else { format!("{percent:+.0}%") }
}

pub(super) fn p_value(p: f64) -> String {
    if p < 1e-4 {
        return "p < 0.0001".to_owned();
    }
    let text = format!("{p:.4}");
    format!("p = {}", text.trim_end_matches('0').trim_end_matches('.'))
}
