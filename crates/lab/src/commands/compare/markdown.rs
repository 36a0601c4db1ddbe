//! A short report, as for a comment on a change.

use std::fmt::Write as _;

use lab_tracker::compare::{Comparison, Pair, Verdict};

use super::checks::{Check, Failure, metrics};
use super::show;
use crate::table::number;

/// Most rows; whoever wants all takes JSON.
const MAX_ROWS: usize = 50;

pub(super) fn report(comparison: &Comparison, checks: &[Check], failures: &[Failure]) -> String {
    let mut text = String::new();
    let count = |verdict: Verdict| metrics(comparison).flat_map(|m| &m.pairs).filter(|p| p.verdict == verdict).count();
    let verdicts = [
        (Verdict::Worse, "worse"),
        (Verdict::Better, "better"),
        (Verdict::Different, "different"),
        (Verdict::NoEvidence, "without evidence of a difference"),
        (Verdict::TooFewSamples, "with too few runs to say"),
    ];
    let counts: Vec<String> = verdicts
        .into_iter()
        .filter_map(|(verdict, word)| Some(count(verdict)).filter(|n| *n > 0).map(|n| format!("{n} {word}")))
        .collect();
    let heading = match (checks.is_empty(), failures.len()) {
        (true, _) => "Comparison".to_owned(),
        (false, 0) => "✅ Comparison passed".to_owned(),
        (false, 1) => "❌ Comparison failed: 1 check".to_owned(),
        (false, n) => format!("❌ Comparison failed: {n} checks"),
    };
    writeln!(text, "### {heading}\n").ok();
    writeln!(text, "Against `{}`: {}.\n", code(&comparison.baseline), counts.join(", ")).ok();
    for failure in failures {
        writeln!(text, "- **{}** {}", cell(&failure.metric), cell(&failure.sentence)).ok();
    }
    if !failures.is_empty() {
        text.push('\n');
    }
    text += "| metric | group | n | baseline mean | group mean | difference | interval | p | against noise | |\n";
    text += "| --- | --- | ---: | ---: | ---: | ---: | --- | ---: | --- | --- |\n";
    let rows: Vec<String> = metrics(comparison)
        .flat_map(|metric| metric.pairs.iter().enumerate().map(move |(index, pair)| (metric, index, pair)))
        .map(|(metric, index, pair)| {
            let mean = |index: usize| metric.samples.get(index).and_then(|s| s.mean).map(number).unwrap_or_default();
            let n = |index: usize| metric.samples.get(index).map(|s| s.n).unwrap_or_default();
            format!(
                "| {} | {} | {}/{} | {} | {} | {} | {} | {} | {} | {} |",
                cell(&metric.name),
                cell(&pair.label),
                n(index + 1),
                n(0),
                mean(0),
                mean(index + 1),
                difference(pair),
                pair.interval.map(|(low, high)| format!("{} to {}", number(low), number(high))).unwrap_or_default(),
                pair.p_adjusted.map(show::p_value).unwrap_or_default(),
                show::against(pair.noise),
                verdict(pair.verdict),
            )
        })
        .collect();
    for row in rows.iter().take(MAX_ROWS) {
        writeln!(text, "{row}").ok();
    }
    if rows.len() > MAX_ROWS {
        writeln!(text, "\n{} more rows: `--format json` has them all.", rows.len() - MAX_ROWS).ok();
    }
    if !comparison.warnings.is_empty() {
        text += "\n<details><summary>Mind</summary>\n\n";
        for warning in &comparison.warnings {
            writeln!(text, "- {}", cell(&warning.sentence)).ok();
        }
        text += "\n</details>\n";
    }
    text
}

fn difference(pair: &Pair) -> String {
    let share = pair.relative.map(|share| format!(" ({:+.1}%)", 100.0 * share)).unwrap_or_default();
    pair.difference.map(|difference| format!("{}{share}", number(difference))).unwrap_or_default()
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Better => "better",
        Verdict::Worse => "**worse**",
        Verdict::Different => "different",
        Verdict::NoEvidence => "no evidence",
        Verdict::TooFewSamples => "too few runs",
    }
}

/// Text that stays within a cell and makes no markup.
pub(super) fn cell(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '|' | '*' | '_' | '`' | '[' | ']' | '\\' | '#' => safe.extend(['\\', c]),
            '<' => safe += "&lt;",
            '>' => safe += "&gt;",
            '&' => safe += "&amp;",
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}

/// Text between backticks.
fn code(text: &str) -> String {
    text.chars().map(|c| if c == '`' || c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_make_no_markup() {
        assert_eq!(cell("a|b_c <img src=x>\n#1"), r"a\|b\_c &lt;img src=x&gt; \#1");
        assert_eq!(code("a`b"), "a b");
    }
}
