//! One question asked by a person, and its answer in words.

use std::path::PathBuf;

use anyhow::{bail, ensure};
use clap::{Args, ValueEnum};
use lab_stats::ttest::{self, Variances};
use lab_stats::{Alternative, ConfidenceLevel, Estimate, TestResult};
use serde_json::{Map, Value, json};

use super::columns;
use crate::exit::{self, Exit};
use crate::printer::{Printer, bold, harmless};
use crate::table::{number, table};

/// A procedure and what it is given.
#[derive(Debug, Args)]
pub(crate) struct Question {
    /// The procedure: welch-t, student-t, paired-t, one-sample-t, mann-whitney, wilcoxon, or any that `list` names
    pub(super) test: Option<String>,
    /// A CSV file with a line of headers
    #[arg(value_name = "FILE", requires = "columns")]
    file: Option<PathBuf>,
    /// The columns of the file: the first sample, the second, or all groups
    #[arg(long, value_name = "NAME", value_delimiter = ',', requires = "file")]
    columns: Vec<String>,
    /// The first sample
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',', allow_hyphen_values = true)]
    a: Vec<f64>,
    /// The second sample
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',', allow_hyphen_values = true)]
    b: Vec<f64>,
    /// What is claimed about the first sample against the second
    #[arg(long, value_enum)]
    alternative: Option<Claim>,
    /// Level of the intervals [default: 0.95]
    #[arg(long, value_name = "LEVEL")]
    confidence: Option<f64>,
    /// A parameter of the procedure, its value as JSON; may be repeated
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = parse_pair)]
    params: Vec<(String, Value)>,
    /// An input of the procedure, its value as JSON; may be repeated
    #[arg(long = "input", value_name = "NAME=VALUE", value_parser = parse_pair)]
    inputs: Vec<(String, Value)>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Claim {
    TwoSided,
    Less,
    Greater,
}

impl Claim {
    fn alternative(self) -> Alternative {
        match self {
            Self::TwoSided => Alternative::TwoSided,
            Self::Less => Alternative::Less,
            Self::Greater => Alternative::Greater,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::TwoSided => "two-sided",
            Self::Less => "less",
            Self::Greater => "greater",
        }
    }
}

fn parse_pair(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or("it must be NAME=VALUE")?;
    // A word is a text: quotes inside a shell's quotes are a nuisance.
    Ok((name.to_owned(), serde_json::from_str(value).unwrap_or_else(|_| value.into())))
}

/// Parameters that a name stands for.
type Fixed = &'static [(&'static str, &'static str)];

/// Short names that people know, and what they stand for.
const SHORT: [(&str, &str, Fixed); 8] = [
    ("welch-t", "t_test_independent", &[("variant", "welch")]),
    ("student-t", "t_test_independent", &[("variant", "student")]),
    ("paired-t", "t_test_paired", &[]),
    ("one-sample-t", "t_test_one_sample", &[]),
    ("mann-whitney", "wilcoxon_rank_sum", &[]),
    ("wilcoxon", "wilcoxon_signed_rank", &[]),
    ("bootstrap", "bootstrap_ci", &[]),
    ("permutation", "permutation_test", &[]),
];

/// Procedures whose input is a list of groups, and those whose input is a matrix with a line for each row.
const OF_GROUPS: [&str; 8] =
    ["anova_one_way", "anova_welch", "levene", "bartlett", "tukey_hsd", "games_howell", "dunn", "kruskal_wallis"];
const OF_MATRIX: [&str; 4] = ["friedman", "nemenyi", "cochrans_q", "resampled_mean"];

/// Names the procedures, the short names first.
pub(super) fn list(out: Printer) -> anyhow::Result<Exit> {
    let known = lab_stats::cases::known_tests();
    if out.json {
        out.json(&known)?;
        return Ok(Exit::Success);
    }
    for (short, name, params) in SHORT {
        let with: Vec<String> = params.iter().map(|(name, value)| format!(" {name}={value}")).collect();
        out.line(format_args!("{short:<28} {name}{}", with.concat()))?;
    }
    for name in known {
        out.line(name)?;
    }
    Ok(Exit::Success)
}

/// Answers the question, or says why it has no answer.
pub(super) fn answer(test: &str, question: Question, out: Printer) -> anyhow::Result<Exit> {
    let (name, variant) = procedure(test);
    let asked = question.call(&name, variant).and_then(|(params, input)| {
        let reply = lab_stats::answer(&name, &params, &input)?;
        Ok((typed(&name, &params, &input), reply))
    });
    match asked {
        Err(error) => {
            exit::report(&error);
            Ok(Exit::No)
        }
        Ok((_, reply)) if out.json => {
            out.json(&reply)?;
            Ok(Exit::Success)
        }
        Ok((Some(test), _)) => show_test(&test, out),
        Ok((None, reply)) => show_reply(&name, &reply, out),
    }
}

fn procedure(test: &str) -> (String, Fixed) {
    let short = SHORT.iter().find(|(short, _, _)| *short == test);
    short.map_or_else(|| (test.replace('-', "_"), &[][..]), |(_, name, params)| ((*name).to_owned(), *params))
}

impl Question {
    /// The parameters and the input of a procedure.
    fn call(&self, name: &str, variant: &[(&str, &str)]) -> anyhow::Result<(Value, Value)> {
        let mut params: Map<String, Value> =
            variant.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
        if let Some(claim) = self.alternative {
            params.insert("alternative".to_owned(), claim.word().into());
        }
        if let Some(level) = self.confidence {
            params.insert("confidence_level".to_owned(), level.into());
        }
        params.extend(self.params.iter().cloned());
        let mut input = Map::new();
        if let Some(file) = &self.file {
            let columns = columns::read(file, &self.columns)?;
            input.extend(arranged(name, columns)?);
        }
        for (key, sample) in [("a", &self.a), ("b", &self.b)] {
            if !sample.is_empty() {
                ensure!(self.file.is_none(), "samples come either from the file or from --{key}, not from both");
                input.insert(key.to_owned(), sample.iter().copied().map(json_number).collect());
            }
        }
        input.extend(self.inputs.iter().cloned());
        Ok((params.into(), input.into()))
    }
}

/// JSON has no number for NaN and infinities.
fn json_number(value: f64) -> Value {
    if value.is_finite() { json!(value) } else { json!(lab_model::number::JsonFloat(value)) }
}

/// Columns as the input that the procedure takes.
fn arranged(name: &str, mut columns: Vec<Vec<Option<f64>>>) -> anyhow::Result<Map<String, Value>> {
    let of = |key: &str, value: Value| Map::from_iter([(key.to_owned(), value)]);
    if OF_GROUPS.contains(&name) {
        // Groups of different sizes leave cells empty.
        let groups: Vec<Vec<f64>> = columns.into_iter().map(|column| column.into_iter().flatten().collect()).collect();
        return Ok(of("groups", json!(groups)));
    }
    if OF_MATRIX.contains(&name) {
        let rows = columns.first().map_or(0, Vec::len);
        let row = |i: usize| columns.iter().map(|column| column[i]).collect::<Vec<_>>();
        return Ok(of("matrix", json!((0..rows).map(row).collect::<Vec<_>>())));
    }
    let is_paired = name.contains("paired") || name == "wilcoxon_signed_rank";
    if !is_paired {
        for column in &mut columns {
            column.retain(Option::is_some);
        }
    }
    let mut columns = columns.into_iter();
    match (columns.next(), columns.next(), columns.next()) {
        (Some(a), None, _) => Ok(of("a", json!(a))),
        (Some(a), Some(b), None) => Ok(Map::from_iter([("a".to_owned(), json!(a)), ("b".to_owned(), json!(b))])),
        _ => bail!("{name} takes one or two columns"),
    }
}

/// The t tests once more with what the reply leaves out: effect size with its interval.
fn typed(name: &str, params: &Value, input: &Value) -> Option<TestResult> {
    let sample = |key: &str| input[key].as_array()?.iter().map(Value::as_f64).collect::<Option<Vec<f64>>>();
    let alternative = match params["alternative"].as_str() {
        Some("less") => Claim::Less,
        Some("greater") => Claim::Greater,
        _ => Claim::TwoSided,
    };
    let alternative = alternative.alternative();
    let level = params["confidence_level"].as_f64().map_or(Ok(ConfidenceLevel::NINETY_FIVE), ConfidenceLevel::try_new);
    let (level, a) = (level.ok()?, sample("a")?);
    let test = match name {
        "t_test_independent" => {
            let is_student = params["variant"] == "student";
            let variances = if is_student { Variances::Equal } else { Variances::Unequal };
            ttest::independent(&a, &sample("b")?, variances, alternative, level)
        }
        "t_test_paired" => ttest::paired(&a, &sample("b")?, alternative, level),
        "t_test_one_sample" => {
            let mean = params["popmean"].as_f64().or(params["mu"].as_f64()).unwrap_or(0.0);
            ttest::one_sample(&a, mean, alternative, level)
        }
        _ => return None,
    };
    test.ok()
}

fn show_test(test: &TestResult, out: Printer) -> anyhow::Result<Exit> {
    let mut rows = Vec::new();
    let mut row = |name: &str, value: String| rows.push(vec![name.to_owned(), value]);
    if let Some(statistic) = test.statistic {
        row("t", number(statistic));
    }
    if let Some(df) = test.df {
        row("df", number(df));
    }
    row("p", p_value(test.p_value));
    for estimate in test.estimate.iter().chain(&test.effect) {
        row(estimate.name, with_interval(estimate));
    }
    let sizes: Vec<String> = test.sizes.iter().map(ToString::to_string).collect();
    if !sizes.is_empty() {
        row("n", sizes.join(" and "));
    }
    out.line(bold(test.method))?;
    out.line(table(&["", ""], rows).trim_fmt().trim_start_matches(['\n', ' ']))?;
    out.line(format_args!("\n{}", sentence(test)))?;
    Ok(Exit::Success)
}

fn with_interval(estimate: &Estimate) -> String {
    let interval = estimate
        .interval
        .map(|i| format!(" ({}% interval {} to {})", number(100.0 * i.level.get()), number(i.low), number(i.high)));
    format!("{}{}", number(estimate.value), interval.unwrap_or_default())
}

/// What the p-value means, and what it does not.
fn sentence(test: &TestResult) -> String {
    let claim = match (test.alternative, test.method.starts_with("one-sample")) {
        (Alternative::TwoSided, false) => "the means were the same",
        (Alternative::Less, false) => "the first mean were not smaller",
        (Alternative::Greater, false) => "the first mean were not greater",
        (Alternative::TwoSided, true) => "the mean were the one assumed",
        (Alternative::Less, true) => "the mean were not smaller than the one assumed",
        (Alternative::Greater, true) => "the mean were not greater than the one assumed",
    };
    let chance = if test.p_value < 1e-4 { "less than 1 of 10000".to_owned() } else { percent(test.p_value) };
    let verdict = if test.p_value < alpha(test) {
        "so there is evidence of a difference"
    } else {
        "which is no evidence of a difference, and none that there is none"
    };
    format!("If {claim}, chance would give a difference this large in {chance} of repetitions, {verdict}.")
}

/// What the level of the interval leaves over.
fn alpha(test: &TestResult) -> f64 {
    let interval = test.estimate.as_ref().and_then(|estimate| estimate.interval);
    interval.map_or(0.05, |interval| 1.0 - interval.level.get())
}

fn percent(share: f64) -> String {
    format!("{}%", number((share * 1e4).round() / 1e2))
}

fn p_value(p: f64) -> String {
    if p < 1e-4 { format!("{p:.2e}") } else { number(p) }
}

fn show_reply(name: &str, reply: &Map<String, Value>, out: Printer) -> anyhow::Result<Exit> {
    out.line(bold(harmless(name)))?;
    let shown = |value: &Value| match value {
        Value::Number(n) => n.as_f64().map(number).unwrap_or_default(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    out.line(table(&["", ""], reply.iter().map(|(key, value)| vec![key.clone(), shown(value)])).trim_fmt())?;
    if let Some(p) = reply.get("p_value").and_then(Value::as_f64) {
        let verdict = if p < 0.05 {
            "so there is evidence against chance alone"
        } else {
            "which is no evidence against chance alone"
        };
        let share = if p < 1e-4 { "less than 0.01%".to_owned() } else { percent(p) };
        out.line(format_args!(
            "\nWithout any effect, a result at least this extreme comes up in {share} of repetitions, {verdict}."
        ))?;
    }
    Ok(Exit::Success)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_stand_for_procedures() {
        let known = lab_stats::cases::known_tests();
        for (short, name, _) in SHORT {
            assert!(known.contains(&name), "{short}");
        }
        for name in OF_GROUPS.iter().chain(&OF_MATRIX) {
            assert!(known.contains(name), "{name}");
        }
        assert_eq!(procedure("anova-welch").0, "anova_welch");
    }
}
