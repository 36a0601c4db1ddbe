//! Verdicts as sentences: the numbers, the test and why it was chosen, the correction, and what more runs would show.

use super::types::{Pair, Sample, Verdict};
use super::verdict::{Design, Finding, Question};

/// What is known about a group and the baseline.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    pub(super) question: Question<'a>,
    pub(super) group: &'a Sample,
    pub(super) baseline: &'a Sample,
    pub(super) design: &'a Design,
    pub(super) finding: &'a Finding,
    pub(super) p_adjusted: Option<f64>,
    /// Pairs of the metric that were tested.
    pub(super) tests: usize,
}

impl Facts<'_> {
    /// The means that are compared; of paired runs over the pairs alone.
    fn means(&self) -> Option<(f64, f64)> {
        use lab_stats::resample::Statistic::Mean;
        match self.design {
            Design::Paired { pairs, .. } if !pairs.is_empty() => {
                let (a, b): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
                Some((Mean.of(&a), Mean.of(&b)))
            }
            _ => self.group.mean.zip(self.baseline.mean),
        }
    }

    /// The difference of the means, and its share of the baseline's.
    pub(super) fn difference(&self) -> (Option<f64>, Option<f64>) {
        let difference = match self.finding {
            Finding::Tested(test) => test.estimate.as_ref().map(|estimate| estimate.value),
            _ => self.means().map(|(group, baseline)| group - baseline),
        };
        let base = self.means().map(|(_, baseline)| baseline.abs()).filter(|base| *base > 0.0);
        let relative = difference.zip(base).map(|(difference, base)| difference / base);
        (difference.filter(|d| d.is_finite()), relative.filter(|r| r.is_finite()))
    }
}

/// The verdict in one sentence.
pub(super) fn of(facts: &Facts<'_>, pair: &Pair) -> String {
    let (group, baseline) = (&facts.group.label, &facts.baseline.label);
    let what = format!("{} ({})", facts.question.metric, facts.question.reduction.phrase());
    let Some((a, b)) = facts.means() else {
        let side = if facts.group.mean.is_none() { group } else { baseline };
        return format!("No run of {side} has a finite {what}, so there is nothing to compare.");
    };
    let (a, b) = (number(a), number(b));
    match facts.finding {
        Finding::TooFew => {
            let share = pair.relative.map(|r| format!(" ({})", percent(r))).unwrap_or_default();
            format!(
                "Too few runs to test {group} against {baseline}: {what} is {a} in {} against {b} in {}{share}, which \
                 describes these runs and no more, because the steps of one run are not independent samples and how much \
                 a repetition varies is not known; run each with at least two seeds.",
                runs(facts.group.n),
                runs(facts.baseline.n),
            )
        }
        Finding::Identical => {
            format!("Every run of {group} has the same {what} as {baseline}, so there is no difference to test.")
        }
        Finding::Constant => format!(
            "{group} differs from {baseline} by {} in {what} ({a} against {b}), and {} do not vary, so no test can set \
             that against chance; check that the seed takes effect.",
            pair.difference.map(number).unwrap_or_default(),
            if matches!(facts.design, Design::Paired { .. }) {
                "the differences between paired runs"
            } else {
                "the runs"
            },
        ),
        Finding::Refused(error) => format!("{group} against {baseline} in {what} could not be tested: {error}."),
        Finding::Tested(_) => tested(facts, pair, &what, (&a, &b)),
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
    let (low, high) = pair.interval.unwrap_or((f64::NAN, f64::NAN));
    let difference = pair.difference.map(number).unwrap_or_default();
    let correction = if facts.tests > 1 {
        format!(" after Holm's correction for {} pairs", facts.tests)
    } else {
        " (one pair, so nothing to correct for)".to_owned()
    };
    let p = p_value(pair.p_adjusted.unwrap_or(1.0));
    let mut text = format!(
        "{claim}: mean {what} {a} against {b}, a difference of {difference} ({share}{level}% interval {} to {}{alone}), \
         {p}{correction}, by {}",
        number(low),
        number(high),
        test(facts, pair),
    );
    if pair.verdict == Verdict::NoEvidence {
        text += &more_runs(facts, pair);
    }
    text + "."
}

fn test(facts: &Facts<'_>, pair: &Pair) -> String {
    let name = pair.test.as_deref().unwrap_or("a test");
    match facts.design {
        Design::Paired { pairs, dropped: 0 } => {
            format!("a {name}, because both sides ran the same {} seeds once each", pairs.len())
        }
        Design::Paired { pairs, dropped } => format!(
            "a {name} over {} of {} seeds, because both sides ran the same ones once each and the rest have no finite \
             value on a side",
            pairs.len(),
            pairs.len() + dropped,
        ),
        Design::Unpaired { why } => {
            let (a, b) = (facts.group.n, facts.baseline.n);
            format!("{name} over {a} against {b} runs, {why}")
        }
    }
}

fn more_runs(facts: &Facts<'_>, pair: &Pair) -> String {
    let (Some(needed), Some(effect)) = (pair.runs_needed, &pair.effect) else { return String::new() };
    let (have, unit) = match facts.design {
        Design::Paired { pairs, .. } => (pairs.len(), "seeds on both sides"),
        Design::Unpaired { .. } => (facts.group.n.min(facts.baseline.n), "runs a group"),
    };
    let name = match effect.name.as_str() {
        "hedges_g" => "Hedges' g",
        "hedges_gz" => "Hedges' gz",
        "cohen_dz" => "Cohen's dz",
        _ => "Cohen's d",
    };
    if needed > 100_000 {
        return format!(
            "; an effect as small as this ({name} {}) would take more than 100000 {unit}",
            number(effect.value)
        );
    }
    let more = needed.saturating_sub(have as u64);
    format!(
        "; if the effect is as large as it looks ({name} {}), about {needed} {unit} ({more} more) would show it with 80% \
         power",
        number(effect.value)
    )
}

fn runs(n: usize) -> String {
    if n == 1 { "1 run".to_owned() } else { format!("{n} runs") }
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

fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    if percent.abs() < 1000.0 { format!("{percent:+.1}%") } else { format!("{percent:+.0}%") }
}

fn p_value(p: f64) -> String {
    if p < 1e-4 {
        return "p < 0.0001".to_owned();
    }
    let text = format!("{p:.4}");
    format!("p = {}", text.trim_end_matches('0').trim_end_matches('.'))
}
