//! `lab noise`

use clap::Args;
use lab_tracker::compare::{NoiseReport, NoiseRequest, Reduction};

use super::Session;
use super::compare::parse_reduction;
use crate::api::segment;
use crate::exit::Exit;
use crate::printer::harmless;
use crate::table::{number, table};

/// Show how much runs vary that differ only in their seed, or in nothing
#[derive(Debug, Args)]
#[command(
    after_help = "All completed runs of the experiment count. What two runs differ by is a signal if it is more than \
                        their repetitions do.\n\nExamples:\n  lab noise tiny-lm\n  \
                        lab noise tiny-lm --metric val/loss --reduce mean-of-last:10"
)]
pub(crate) struct NoiseArgs {
    /// Name or id of the experiment
    experiment: String,
    /// A metric; may be repeated [default: all]
    #[arg(long = "metric", short = 'm', value_name = "NAME")]
    metrics: Vec<String>,
    /// How a run becomes one number, as for lab compare
    #[arg(long, value_name = "HOW", default_value = "last", value_parser = parse_reduction)]
    reduce: Reduction,
    /// What the smallest signal holds at
    #[arg(long, default_value_t = 0.05)]
    alpha: f64,
}

pub(super) async fn noise(args: NoiseArgs, session: &Session) -> anyhow::Result<Exit> {
    let NoiseArgs { experiment, metrics, reduce, alpha } = args;
    let path = format!("/api/v1/experiments/{}/noise", segment(&experiment));
    let report: NoiseReport = session.api.post(&path, &NoiseRequest { metrics, reduction: reduce, alpha }).await?;
    let out = session.out;
    if out.json {
        out.json(&report)?;
        return Ok(Exit::Success);
    }
    if report.metrics.is_empty() {
        out.say("No completed run has logged a number.");
        return Ok(Exit::Success);
    }
    let rows = report.metrics.iter().map(|metric| match &metric.floor {
        None => vec![metric.name.clone(), "unknown".to_owned()],
        Some(floor) => vec![
            metric.name.clone(),
            number(floor.std_dev),
            floor.interval.map(|(low, high)| format!("{} to {}", number(low), number(high))).unwrap_or_default(),
            floor.runs.to_string(),
            floor.groups.to_string(),
            number(floor.smallest_signal),
        ],
    });
    out.line(table(&["METRIC", ">STD DEV", ">95% INTERVAL", ">RUNS", ">GROUPS", ">SIGNAL FROM"], rows))?;
    for metric in &report.metrics {
        out.line(format_args!("- {}", harmless(&metric.sentence)))?;
    }
    Ok(Exit::Success)
}
