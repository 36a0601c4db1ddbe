//! A comparison as text.

use lab_tracker::compare::{
    Against, Better, Comparison, CorrectionChoice, Difference, Group, MetricComparison, Pair, Reduction, Sample, Unit,
};

use crate::printer::{Printer, bold, harmless};
use crate::table::{number, table};

/// Most rows of a table of differences; `--json` has them all.
const MAX_ROWS: usize = 20;
/// Most groups that get a column of their own.
const MAX_COLUMNS: usize = 6;
/// Most runs of a group that are named.
const MAX_RUNS: usize = 8;

pub(super) fn show(comparison: &Comparison, out: Printer) -> anyhow::Result<()> {
    let rows = comparison.groups.iter().map(|group| {
        let label = if group.label == comparison.baseline {
            format!("{} (baseline)", group.label)
        } else {
            group.label.clone()
        };
        vec![label, group.runs.len().to_string(), runs_of(group)]
    });
    out.line(table(&["GROUP", ">RUNS", "WHICH"], rows))?;
    let what = match comparison.unit {
        Unit::Run => reduction(comparison.reduction),
        Unit::Example => "by example".to_owned(),
        Unit::Step => format!("{}, within single runs", reduction(comparison.reduction)),
    };
    for metric in &comparison.metrics {
        show_metric(comparison, metric, &what, out)?;
    }
    if let Some(score) = &comparison.score {
        let weights: Vec<String> =
            score.weights.iter().map(|(name, share)| format!("{name} {}%", number(100.0 * share))).collect();
        show_metric(comparison, &score.comparison, "weighted improvement over the baseline", out)?;
        out.line(format_args!(
            "- weighted mean of the improvements over the baseline: {}",
            harmless(&weights.join(", "))
        ))?;
    }
    show_differences("parameters that differ", &comparison.parameters, comparison, out)?;
    show_differences("datasets that differ", &comparison.datasets, comparison, out)?;
    show_differences("configuration that differs", &comparison.configuration, comparison, out)?;
    show_differences("environment that differs", &comparison.environment, comparison, out)?;
    let pairs = || comparison.metrics.iter().flat_map(|metric| &metric.pairs);
    if pairs().any(|pair| pair.planned.is_none()) && comparison.unit == Unit::Run {
        let rest = if pairs().any(|pair| pair.planned.is_some()) { "the rest of it" } else { "this analysis" };
        out.line(format_args!("\nexploratory: {rest} was not stated before the runs began (see lab hypotheses)"))?;
    }
    if !comparison.warnings.is_empty() {
        out.line(bold("\nmind"))?;
        for warning in &comparison.warnings {
            out.line(format_args!("- {}", harmless(&warning.sentence)))?;
        }
    }
    Ok(())
}

/// As `tiny-lm#1 #4 #7`.
fn runs_of(group: &Group) -> String {
    let mut text = String::new();
    let mut experiment = None;
    for run in group.runs.iter().take(MAX_RUNS) {
        let name = if experiment == Some(&run.experiment_name) { "" } else { run.experiment_name.as_str() };
        experiment = Some(&run.experiment_name);
        let space = if text.is_empty() { "" } else { " " };
        text += &format!("{space}{name}#{}", run.number);
    }
    if group.runs.len() > MAX_RUNS {
        text += &format!(" and {} more", group.runs.len() - MAX_RUNS);
    }
    text
}

fn show_metric(comparison: &Comparison, metric: &MetricComparison, what: &str, out: Printer) -> anyhow::Result<()> {
    let better = match metric.better {
        Some(Better::Lower) => "lower is better",
        Some(Better::Higher) => "higher is better",
        None => "which way is better is not known",
    };
    let name = harmless(&metric.name);
    out.line(format_args!("\n{} ({what}; {better})", bold(name)))?;
    let level = number(100.0 * (1.0 - comparison.alpha));
    let interval_header = format!(">{level}% INTERVAL");
    let p_header = match comparison.correction {
        CorrectionChoice::Holm => ">P (HOLM)",
        CorrectionChoice::Bonferroni => ">P (BONFERRONI)",
        CorrectionChoice::BenjaminiHochberg => ">P (BH)",
        CorrectionChoice::BenjaminiYekutieli => ">P (BY)",
        CorrectionChoice::None => ">P",
    };
    let headers = [
        "GROUP",
        ">N",
        ">MEAN",
        ">± 95%",
        ">MIN…MAX",
        ">DIFFERENCE",
        interval_header.as_str(),
        p_header,
        "AGAINST NOISE",
        "",
    ];
    let rows = metric.samples.iter().enumerate().map(|(index, sample)| {
        let pair = index.checked_sub(1).and_then(|index| metric.pairs.get(index));
        row(sample, pair, metric.best.as_deref() == Some(sample.label.as_str()))
    });
    out.line(table(&headers, rows))?;
    for pair in &metric.pairs {
        let planned = pair.planned.as_ref().map(|name| format!("planned as {name}: ")).unwrap_or_default();
        out.line(format_args!("- {}{}", harmless(&planned), harmless(&pair.sentence)))?;
    }
    if let Some(best) = &metric.best_run {
        let (address, label) = (harmless(&best.address), harmless(&best.label));
        out.line(format_args!(
            "- best run: {address} ({label}) with {}; the best of many is too good",
            number(best.value)
        ))?;
    }
    if let Some(noise) = &metric.noise {
        out.line(format_args!(
            "- noise: repetitions have a standard deviation of {} ({} runs in {} group{}); two single runs differ by more \
             than noise from {} on",
            number(noise.std_dev),
            noise.runs,
            noise.groups,
            if noise.groups == 1 { "" } else { "s" },
            number(noise.smallest_signal),
        ))?;
    }
    Ok(())
}

pub(super) fn against(noise: Against) -> &'static str {
    match noise {
        Against::Signal => "signal",
        Against::Noise => "noise",
        Against::Unknown => "unknown",
    }
}

fn row(sample: &Sample, pair: Option<&Pair>, is_best: bool) -> Vec<String> {
    let between = |ends: Option<(f64, f64)>| ends.map(|(low, high)| format!("{} to {}", number(low), number(high)));
    let optional = |value: Option<f64>| value.map(number).unwrap_or_default();
    let half = sample.interval.map(|(low, high)| (high - low) / 2.0);
    let range = sample.min.zip(sample.max).map(|(min, max)| format!("{}…{}", number(min), number(max)));
    let difference = pair.and_then(|pair| {
        let share = pair.relative.map(|share| format!(" ({:+.1}%)", 100.0 * share)).unwrap_or_default();
        Some(format!("{}{share}", number(pair.difference?)))
    });
    let n = if sample.excluded > 0 {
        format!("{} of {}", sample.n, sample.n + sample.excluded)
    } else {
        sample.n.to_string()
    };
    vec![
        sample.label.clone(),
        n,
        optional(sample.mean),
        half.map(|half| format!("± {}", number(half))).unwrap_or_default(),
        range.unwrap_or_default(),
        difference.unwrap_or_default(),
        between(pair.and_then(|pair| pair.interval)).unwrap_or_default(),
        pair.and_then(|pair| pair.p_adjusted).map(p_value).unwrap_or_default(),
        pair.map(|pair| against(pair.noise).to_owned()).unwrap_or_default(),
        if is_best { "best mean".to_owned() } else { String::new() },
    ]
}

pub(crate) fn p_value(p: f64) -> String {
    if p < 1e-4 { "< 0.0001".to_owned() } else { format!("{p:.4}") }
}

pub(super) fn reduction(reduction: Reduction) -> String {
    match reduction {
        Reduction::Last => "last value".to_owned(),
        Reduction::Best => "best value".to_owned(),
        Reduction::Min => "least value".to_owned(),
        Reduction::Max => "greatest value".to_owned(),
        Reduction::AtStep { step } => format!("value at step {step}"),
        other => other.phrase(),
    }
}

fn show_differences(title: &str, all: &[Difference], comparison: &Comparison, out: Printer) -> anyhow::Result<()> {
    if all.is_empty() {
        return Ok(());
    }
    out.line(bold(format_args!("\n{title}")))?;
    let shown = &all[..all.len().min(MAX_ROWS)];
    let join = |values: &Vec<String>| if values.is_empty() { "—".to_owned() } else { values.join(", ") };
    if comparison.groups.len() <= MAX_COLUMNS {
        let headers = std::iter::once("WHAT").chain(comparison.groups.iter().map(|group| group.label.as_str()));
        let headers: Vec<String> = headers.map(harmless).collect();
        let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
        let rows = shown.iter().map(|d| std::iter::once(d.path.clone()).chain(d.values.iter().map(join)).collect());
        out.line(table(&headers, rows))?;
    } else {
        let rows = shown.iter().map(|difference| {
            let mut values: Vec<&str> = Vec::new();
            for value in difference.values.iter().flatten() {
                if !values.contains(&value.as_str()) {
                    values.push(value);
                }
            }
            let more = values.len().saturating_sub(MAX_COLUMNS);
            values.truncate(MAX_COLUMNS);
            let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
            vec![difference.path.clone(), values.join(", ") + &rest]
        });
        out.line(table(&["WHAT", "VALUES"], rows))?;
    }
    if all.len() > MAX_ROWS {
        out.say(format_args!("{} of {}; all of them: --json", MAX_ROWS, all.len()));
    }
    Ok(())
}
