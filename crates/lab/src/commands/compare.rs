//! `lab runs compare`

use std::collections::BTreeMap;

use anyhow::Context as _;
use clap::Args;
use lab_tracker::compare::{
    Better, CompareRequest, Comparison, Difference, Group, GroupRequest, MetricComparison, Pair, Reduction, Sample,
};

use super::Session;
use crate::exit::Exit;
use crate::printer::{Printer, bold, harmless};
use crate::table::{number, table};

/// Most rows of a table of differences; `--json` has them all.
const MAX_ROWS: usize = 20;
/// Most groups that get a column of their own.
const MAX_COLUMNS: usize = 6;
/// Most runs of a group that are named.
const MAX_RUNS: usize = 8;

#[derive(Debug, Args)]
#[command(after_help = "A run is one sample: give each condition at least two seeds, or the comparison describes and \
                        tests nothing. Runs that differ only in a parameter named like a seed are one group, and groups \
                        with the same seeds are compared pair by pair.\n\n\
                        Examples:\n  lab runs compare tiny-lm#1 tiny-lm#2\n  \
                        lab runs compare --experiment tiny-lm --group-by params.hidden --metric val/loss\n  \
                        lab runs compare --where 'tags.sweep = \"a\"' --group-by params.lr --reduce mean-of-last:10\n  \
                        lab runs compare --group old=exp#1,exp#2 --group new=exp#3,exp#4 --higher-is-better eval/acc")]
pub(crate) struct CompareArgs {
    /// Ids, beginnings of ids, EXPERIMENT#NUMBER, or names that only one run has
    #[arg(value_name = "RUN")]
    runs: Vec<String>,
    /// All runs of this experiment, by name or id; may be repeated
    #[arg(long = "experiment", short = 'e', value_name = "NAME")]
    experiments: Vec<String>,
    /// Only what this filter finds
    #[arg(long = "where", value_name = "FILTER")]
    filter: Option<String>,
    /// What makes the groups, as `params.hidden`, `tags.team`, `name` or `experiment`; may be repeated [default:
    /// parameters other than seeds]
    #[arg(long = "group-by", short = 'g', value_name = "FIELD")]
    group_by: Vec<String>,
    /// A group run by run; may be repeated
    #[arg(long = "group", value_name = "LABEL=RUN,RUN…", value_parser = parse_group,
          conflicts_with_all = ["runs", "experiments", "filter", "group_by"])]
    groups: Vec<Labelled>,
    /// A metric to compare; may be repeated [default: all that every group has]
    #[arg(long = "metric", short = 'm', value_name = "NAME")]
    metrics: Vec<String>,
    /// How a run becomes one number: last, best, min, max, mean, mean-of-last:STEPS, at-step:STEP or auc
    #[arg(long, value_name = "HOW", default_value = "last", value_parser = parse_reduction)]
    reduce: Reduction,
    /// Label of the group that the others are set against [default: the first]
    #[arg(long, value_name = "LABEL")]
    baseline: Option<String>,
    /// Metrics of which less is better
    #[arg(long, value_name = "NAME", num_args = 1.., value_delimiter = ',')]
    lower_is_better: Vec<String>,
    /// Metrics of which more is better
    #[arg(long, value_name = "NAME", num_args = 1.., value_delimiter = ',')]
    higher_is_better: Vec<String>,
    /// Chance of calling a difference real that is not, for each metric
    #[arg(long, default_value_t = 0.05)]
    alpha: f64,
}

/// A group as it is typed.
#[derive(Clone, Debug, PartialEq)]
struct Labelled {
    label: String,
    runs: Vec<String>,
}

fn parse_group(text: &str) -> Result<Labelled, String> {
    // The last sign, because labels such as `hidden=64` have one too.
    let (label, runs) = text.rsplit_once('=').ok_or("it must be LABEL=RUN,RUN…")?;
    let runs: Vec<String> = runs.split(',').map(|run| run.trim().to_owned()).filter(|run| !run.is_empty()).collect();
    if label.is_empty() || runs.is_empty() {
        return Err("it must be LABEL=RUN,RUN…".to_owned());
    }
    Ok(Labelled { label: label.to_owned(), runs })
}

fn parse_reduction(text: &str) -> Result<Reduction, String> {
    let (name, argument) = text.split_once(':').map_or((text, None), |(name, argument)| (name, Some(argument)));
    let whole = |needed: &str| {
        let argument = argument.ok_or_else(|| format!("{name} needs a number, as {name}:{needed}"))?;
        argument.parse::<i64>().map_err(|_| format!("`{argument}` is not a whole number"))
    };
    let plain = |reduction| match argument {
        None => Ok(reduction),
        Some(_) => Err(format!("{name} takes no number")),
    };
    match name {
        "last" => plain(Reduction::Last),
        "best" => plain(Reduction::Best),
        "min" => plain(Reduction::Min),
        "max" => plain(Reduction::Max),
        "mean" => plain(Reduction::Mean),
        "auc" | "area-under-curve" => plain(Reduction::AreaUnderCurve),
        "at-step" => Ok(Reduction::AtStep { step: whole("1000")? }),
        "mean-of-last" => {
            let steps = u32::try_from(whole("10")?).ok().filter(|steps| *steps > 0);
            Ok(Reduction::MeanOfLast { steps: steps.ok_or("the number of steps must be at least 1")? })
        }
        _ => Err("it must be last, best, min, max, mean, mean-of-last:STEPS, at-step:STEP or auc".to_owned()),
    }
}

impl CompareArgs {
    fn request(self) -> anyhow::Result<CompareRequest> {
        let mut better: BTreeMap<String, Better> = BTreeMap::new();
        better.extend(self.lower_is_better.into_iter().map(|name| (name, Better::Lower)));
        for name in self.higher_is_better {
            if better.insert(name.clone(), Better::Higher) == Some(Better::Lower) {
                let problem = format!("says of `{name}` that both less and more is better");
                return Err(lab_model::Error::invalid("better", problem).into());
            }
        }
        let groups = self.groups.into_iter().map(|group| GroupRequest { label: group.label, runs: group.runs });
        Ok(CompareRequest {
            groups: groups.collect(),
            runs: self.runs,
            experiments: self.experiments,
            query: self.filter,
            group_by: self.group_by,
            metrics: self.metrics,
            reduction: self.reduce,
            baseline: self.baseline,
            better,
            alpha: self.alpha,
        })
    }
}

pub(super) async fn compare(args: CompareArgs, session: &Session) -> anyhow::Result<Exit> {
    let request = args.request()?;
    let comparison: Comparison = session.api.post("/api/v1/compare", &request).await?;
    if session.out.json {
        session.out.json(&comparison)?;
    } else {
        show(&comparison, session.out).context("the comparison could not be shown")?;
    }
    Ok(Exit::Success)
}

fn show(comparison: &Comparison, out: Printer) -> anyhow::Result<()> {
    let rows = comparison.groups.iter().map(|group| {
        let label = if group.label == comparison.baseline {
            format!("{} (baseline)", group.label)
        } else {
            group.label.clone()
        };
        vec![label, group.runs.len().to_string(), runs_of(group)]
    });
    out.line(table(&["GROUP", ">RUNS", "WHICH"], rows))?;
    for metric in &comparison.metrics {
        show_metric(comparison, metric, out)?;
    }
    show_differences("parameters that differ", &comparison.parameters, comparison, out)?;
    show_differences("configuration that differs", &comparison.configuration, comparison, out)?;
    show_differences("environment that differs", &comparison.environment, comparison, out)?;
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

fn show_metric(comparison: &Comparison, metric: &MetricComparison, out: Printer) -> anyhow::Result<()> {
    let better = match metric.better {
        Some(Better::Lower) => "lower is better",
        Some(Better::Higher) => "higher is better",
        None => "which way is better is not known",
    };
    let name = harmless(&metric.name);
    out.line(format_args!("\n{} ({}; {better})", bold(name), reduction(comparison.reduction)))?;
    let level = number(100.0 * (1.0 - comparison.alpha));
    let interval_header = format!(">{level}% INTERVAL");
    let headers =
        ["GROUP", ">N", ">MEAN", ">± 95%", ">MIN…MAX", ">DIFFERENCE", interval_header.as_str(), ">P (HOLM)", ""];
    let rows = metric.samples.iter().enumerate().map(|(index, sample)| {
        let pair = index.checked_sub(1).and_then(|index| metric.pairs.get(index));
        row(sample, pair, metric.best.as_deref() == Some(sample.label.as_str()))
    });
    out.line(table(&headers, rows))?;
    for pair in &metric.pairs {
        out.line(format_args!("- {}", harmless(&pair.sentence)))?;
    }
    Ok(())
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
        if is_best { "best mean".to_owned() } else { String::new() },
    ]
}

fn p_value(p: f64) -> String {
    if p < 1e-4 { "< 0.0001".to_owned() } else { format!("{p:.4}") }
}

fn reduction(reduction: Reduction) -> String {
    match reduction {
        Reduction::Last => "last value".to_owned(),
        Reduction::Best => "best value".to_owned(),
        Reduction::Min => "least value".to_owned(),
        Reduction::Max => "greatest value".to_owned(),
        Reduction::Mean => "mean over all steps".to_owned(),
        Reduction::MeanOfLast { steps } => format!("mean of the last {steps} steps"),
        Reduction::AtStep { step } => format!("value at step {step}"),
        Reduction::AreaUnderCurve => "area under the curve".to_owned(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reductions_read_as_they_are_typed() {
        assert_eq!(parse_reduction("last"), Ok(Reduction::Last));
        assert_eq!(parse_reduction("mean-of-last:10"), Ok(Reduction::MeanOfLast { steps: 10 }));
        assert_eq!(parse_reduction("at-step:-5"), Ok(Reduction::AtStep { step: -5 }));
        assert_eq!(parse_reduction("auc"), Ok(Reduction::AreaUnderCurve));
        for bad in ["first", "mean-of-last", "mean-of-last:0", "at-step:x", "min:3"] {
            assert!(parse_reduction(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn groups_may_have_an_equals_sign_in_their_label() {
        let group = parse_group("hidden=64=tiny-lm#1, tiny-lm#2").unwrap();
        assert_eq!(
            (group.label.as_str(), group.runs),
            ("hidden=64", vec!["tiny-lm#1".to_owned(), "tiny-lm#2".to_owned()])
        );
        assert!(parse_group("a=").is_err() && parse_group("a").is_err());
    }
}
