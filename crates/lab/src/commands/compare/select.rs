//! Which runs are compared, and how: what `lab compare` and `lab report` share.

use std::collections::BTreeMap;

use clap::{Args, ValueEnum};
use lab_tracker::compare::{Better, CompareRequest, CorrectionChoice, GroupRequest, Reduction, TestChoice, Unit};

/// How a run becomes one number, as it is typed.
const REDUCTIONS: &str = "last, best, min, max, mean, median, p95, p99, mean-of-last:STEPS, at-step:STEP or auc";

#[derive(Debug, Args)]
pub(crate) struct Selection {
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
    /// A metric to compare; may be repeated [default: all that every group has, without `system/…` and `process/…`]
    #[arg(long = "metric", short = 'm', value_name = "NAME")]
    metrics: Vec<String>,
    /// How a run becomes one number: last, best, min, max, mean, median, p95, p99, mean-of-last:STEPS, at-step:STEP or auc
    #[arg(long, value_name = "HOW", default_value = "last", value_parser = parse_reduction)]
    reduce: Reduction,
    /// What the others are set against: the label of a group, the value in it, or one of its runs [default: the first].
    /// With runs named as well, EXPERIMENT#NUMBER,… are the baseline and the runs named the candidate
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
    /// What counts as one sample: a run, or an example, if the metric was logged once an example with its number as the step
    #[arg(long, value_enum, default_value_t = Sampled::Run)]
    unit: Sampled,
    /// Take the steps of single runs for samples, as many as they are worth by their autocorrelation. Needs --reduce mean
    /// or mean-of-last:STEPS, and says nothing about other seeds
    #[arg(long, conflicts_with = "unit")]
    within_run: bool,
    /// How a difference is tested
    #[arg(long, value_enum, default_value_t = Procedure::Auto)]
    test: Procedure,
    /// How p-values are corrected for the groups of a metric
    #[arg(long, value_enum, default_value_t = Corrected::Holm)]
    correction: Corrected,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Sampled {
    Run,
    Example,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Procedure {
    /// A t test, paired where seeds or examples pair up; McNemar's test for examples that are right or wrong
    Auto,
    /// The paired t test, or Welch's
    T,
    /// Wilcoxon's signed-rank test, or Mann and Whitney's
    Rank,
    /// A permutation test of the mean difference
    Permutation,
    /// The BCa bootstrap of the mean difference
    Bootstrap,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Corrected {
    Holm,
    Bonferroni,
    /// Benjamini and Hochberg
    Bh,
    /// Benjamini and Yekutieli
    By,
    None,
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

pub(crate) fn parse_reduction(text: &str) -> Result<Reduction, String> {
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
        "median" => plain(Reduction::Median),
        "p95" => plain(Reduction::P95),
        "p99" => plain(Reduction::P99),
        "auc" | "area-under-curve" => plain(Reduction::AreaUnderCurve),
        "at-step" => Ok(Reduction::AtStep { step: whole("1000")? }),
        "mean-of-last" => {
            let steps = u32::try_from(whole("10")?).ok().filter(|steps| *steps > 0);
            Ok(Reduction::MeanOfLast { steps: steps.ok_or("the number of steps must be at least 1")? })
        }
        _ => Err(format!("it must be {REDUCTIONS}")),
    }
}

impl Selection {
    /// What is asked of the API.
    pub(crate) fn request(self) -> anyhow::Result<CompareRequest> {
        let mut better: BTreeMap<String, Better> = BTreeMap::new();
        better.extend(self.lower_is_better.into_iter().map(|name| (name, Better::Lower)));
        for name in self.higher_is_better {
            if better.insert(name.clone(), Better::Higher) == Some(Better::Lower) {
                let problem = format!("says of `{name}` that both less and more is better");
                return Err(lab_model::Error::invalid("better", problem).into());
            }
        }
        let groups = self.groups.into_iter().map(|group| GroupRequest { label: group.label, runs: group.runs });
        let mut request = CompareRequest {
            groups: groups.collect(),
            runs: self.runs,
            experiments: self.experiments,
            query: self.filter,
            group_by: self.group_by,
            metrics: self.metrics,
            reduction: self.reduce,
            unit: match self.unit {
                _ if self.within_run => Unit::Step,
                Sampled::Run => Unit::Run,
                Sampled::Example => Unit::Example,
            },
            test: match self.test {
                Procedure::Auto => TestChoice::Auto,
                Procedure::T => TestChoice::T,
                Procedure::Rank => TestChoice::Rank,
                Procedure::Permutation => TestChoice::Permutation,
                Procedure::Bootstrap => TestChoice::Bootstrap,
            },
            correction: match self.correction {
                Corrected::Holm => CorrectionChoice::Holm,
                Corrected::Bonferroni => CorrectionChoice::Bonferroni,
                Corrected::Bh => CorrectionChoice::BenjaminiHochberg,
                Corrected::By => CorrectionChoice::BenjaminiYekutieli,
                Corrected::None => CorrectionChoice::None,
            },
            baseline: self.baseline,
            better,
            alpha: self.alpha,
        };
        set_against(&mut request);
        Ok(request)
    }
}

/// Runs named against runs named: two groups, where the baseline is given run by run.
fn set_against(request: &mut CompareRequest) {
    let only_runs = request.experiments.is_empty() && request.query.is_none() && request.group_by.is_empty();
    let Some(baseline) = request.baseline.as_deref().filter(|_| only_runs && !request.runs.is_empty()) else { return };
    let runs: Vec<String> = baseline.split(',').map(|run| run.trim().to_owned()).collect();
    let is_address = |run: &String| run.rsplit_once('#').is_some_and(|(_, number)| number.parse::<u64>().is_ok());
    if runs.iter().all(is_address) && !runs.iter().any(|run| request.runs.contains(run)) {
        let candidate = GroupRequest { label: "candidate".to_owned(), runs: std::mem::take(&mut request.runs) };
        request.groups = vec![GroupRequest { label: "baseline".to_owned(), runs }, candidate];
        request.baseline = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_named_as_the_baseline_are_a_group() {
        let mut request = CompareRequest {
            runs: vec!["exp#9".to_owned()],
            baseline: Some("exp#1, exp#2".to_owned()),
            ..CompareRequest::default()
        };
        set_against(&mut request);
        let groups: Vec<_> = request.groups.iter().map(|group| (group.label.as_str(), group.runs.len())).collect();
        assert_eq!((groups, request.baseline), (vec![("baseline", 2), ("candidate", 1)], None));
        for (runs, baseline) in
            [(vec!["exp#1".to_owned()], "exp#1"), (vec!["exp#1".to_owned()], "n=4"), (vec![], "exp#1")]
        {
            let mut request = CompareRequest { runs, baseline: Some(baseline.to_owned()), ..CompareRequest::default() };
            set_against(&mut request);
            assert!(request.groups.is_empty() && request.baseline.is_some());
        }
    }

    #[test]
    fn reductions_read_as_they_are_typed() {
        assert_eq!(parse_reduction("last"), Ok(Reduction::Last));
        assert_eq!(parse_reduction("mean-of-last:10"), Ok(Reduction::MeanOfLast { steps: 10 }));
        assert_eq!(parse_reduction("at-step:-5"), Ok(Reduction::AtStep { step: -5 }));
        assert_eq!(parse_reduction("auc"), Ok(Reduction::AreaUnderCurve));
        for bad in ["first", "p95:1", "mean-of-last", "mean-of-last:0", "at-step:x", "min:3"] {
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
