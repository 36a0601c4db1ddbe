//! What makes a comparison fail, for CI.

use clap::ValueEnum;
use lab_model::Error;
use lab_tracker::compare::{Comparison, MetricComparison, Verdict};
use serde::Serialize;

/// A reason to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Check {
    /// A group is worse than the baseline, beyond chance.
    Regression,
    /// A run of a group other than the baseline is beyond a critical threshold.
    Critical,
    /// A group, or the baseline, has too few runs to say anything.
    TooFew,
}

/// A check that failed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Failure {
    pub(super) check: Check,
    pub(super) metric: String,
    pub(super) group: String,
    pub(super) sentence: String,
}

/// The metrics, and the score after them.
pub(super) fn metrics(comparison: &Comparison) -> impl Iterator<Item = &MetricComparison> {
    comparison.metrics.iter().chain(comparison.score.as_ref().map(|score| &score.comparison))
}

/// What failed of these checks.
///
/// # Errors
/// Where no metric could ever be worse, because nobody said which way any of them is better: then nothing was checked.
pub(super) fn run(checks: &[Check], comparison: &Comparison) -> anyhow::Result<Vec<Failure>> {
    let mut failures = Vec::new();
    if checks.contains(&Check::Regression) && metrics(comparison).all(|metric| metric.better.is_none()) {
        let problem = "is not known for any metric compared, so that none can be worse: say it with --lower-is-better or \
                       --higher-is-better, or in the experiment's configuration";
        return Err(Error::invalid("better", problem).into());
    }
    for metric in metrics(comparison) {
        for pair in &metric.pairs {
            let check = match pair.verdict {
                Verdict::Worse => Check::Regression,
                Verdict::TooFewSamples => Check::TooFew,
                Verdict::Better | Verdict::Different | Verdict::NoEvidence => continue,
            };
            if checks.contains(&check) {
                let (metric, group) = (metric.name.clone(), pair.label.clone());
                failures.push(Failure { check, metric, group, sentence: pair.sentence.clone() });
            }
        }
    }
    if checks.contains(&Check::Critical) {
        for group in comparison.groups.iter().filter(|group| group.label != comparison.baseline) {
            for run in &group.runs {
                let Some(metric) = &run.critical else { continue };
                let sentence =
                    format!("{}#{} is beyond a critical threshold: {metric}.", run.experiment_name, run.number);
                let (metric, group) = (metric.clone(), group.label.clone());
                failures.push(Failure { check: Check::Critical, metric, group, sentence });
            }
        }
    }
    Ok(failures)
}
