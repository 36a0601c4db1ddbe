//! `lab compare`

mod checks;
mod junit;
mod markdown;
mod select;
mod show;

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use lab_tracker::compare::{Comparison, GateAnswer, GateRequest};
use serde_json::json;

use super::Session;
use crate::exit::{self, Exit};
use checks::{Check, Failure};
pub(crate) use select::{Selection, parse_reduction};
pub(crate) use show::p_value;

/// Compare groups of runs: which differences are real, and what else could explain them
#[derive(Debug, Args)]
#[command(after_help = "A run is one sample: give each condition at least two seeds, or the comparison describes and \
                        tests nothing. Runs that differ only in a parameter named like a seed are one group, and groups \
                        with the same seeds are compared pair by pair. See docs/comparison.md.\n\n\
                        Examples:\n  lab compare tiny-lm#1 tiny-lm#2\n  \
                        lab compare --experiment tiny-lm --group-by params.hidden --metric val/loss\n  \
                        lab compare --where 'tags.sweep = \"a\"' --group-by params.lr --reduce mean-of-last:10\n  \
                        lab compare --group old=exp#1,exp#2 --group new=exp#3,exp#4 --higher-is-better eval/acc\n  \
                        lab compare -e exp -g tags.branch --baseline main --fail-on regression --format markdown\n  \
                        lab compare exp#9 --baseline exp#1,exp#2,exp#3 --metric val/loss --gate\n\n\
                        Exit codes: 0 compared, and no check failed; 1 a check of --fail-on failed, or the gate did not \
                        pass; 2 nothing could be compared.")]
pub(crate) struct CompareArgs {
    #[command(flatten)]
    selection: Selection,
    /// Exit with 1 if a group is worse than the baseline (regression), has a metric beyond a critical threshold
    /// (critical), or has too few runs to say (too-few); may be repeated
    #[arg(long, value_enum, value_name = "WHAT", value_delimiter = ',')]
    fail_on: Vec<Check>,
    /// How the answer is written
    #[arg(long, value_enum, default_value_t = Format::Text, conflicts_with = "gate")]
    format: Format,
    /// Write it to this file
    #[arg(long, short, value_name = "FILE", requires = "format", conflicts_with = "gate")]
    output: Option<PathBuf>,
    /// Answer in one line whether the candidate is better by more than noise, and exit with 0 if so, else with 1. Every
    /// look at new numbers is counted, and paid for in alpha
    #[arg(long, conflicts_with = "fail_on")]
    gate: bool,
    /// The group that is to pass the gate, where there are more than two
    #[arg(long, value_name = "LABEL", requires = "gate")]
    candidate: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Tables and sentences for a terminal
    Text,
    /// A short report, as for a comment on a change
    Markdown,
    /// A test for each metric and group, as build servers read them
    Junit,
    /// The whole comparison with the checks that failed
    Json,
}

pub(super) async fn compare(args: CompareArgs, session: &Session) -> anyhow::Result<Exit> {
    match compare_and_check(args, session).await {
        // A check that could not be made must not look like one that failed.
        Err(error) if !exit::is_broken_pipe(&error) => {
            exit::report(&error);
            Ok(Exit::Broken)
        }
        ended => ended,
    }
}

async fn compare_and_check(args: CompareArgs, session: &Session) -> anyhow::Result<Exit> {
    let CompareArgs { selection, fail_on, format, output, gate, candidate } = args;
    let compare = selection.request()?;
    if gate {
        let request = GateRequest { compare, candidate };
        let answer: GateAnswer = session.api.post("/api/v1/compare/gate", &request).await?;
        if session.out.json {
            session.out.json(&answer)?;
        } else {
            session.out.line(crate::printer::harmless(&answer.line))?;
        }
        return Ok(if answer.passes { Exit::Success } else { Exit::No });
    }
    let comparison: Comparison = session.api.post("/api/v1/compare", &compare).await?;
    let failures = checks::run(&fail_on, &comparison)?;
    let text = match format {
        Format::Text => None,
        Format::Markdown => Some(markdown::report(&comparison, &fail_on, &failures)),
        Format::Junit => Some(junit::report(&comparison, &failures)),
        Format::Json => {
            let all = json!({ "passed": failures.is_empty(), "failures": failures, "comparison": comparison });
            Some(serde_json::to_string_pretty(&all)? + "\n")
        }
    };
    match (text, output) {
        (Some(text), Some(file)) => {
            std::fs::write(&file, text).with_context(|| format!("`{}` cannot be written", file.display()))?;
        }
        (Some(text), None) => session.out.line(text.trim_end())?,
        (None, Some(_)) => anyhow::bail!("tables are for a terminal: give --format with --output"),
        (None, None) if session.out.json => session.out.json(&comparison)?,
        (None, None) => show::show(&comparison, session.out).context("the comparison could not be shown")?,
    }
    for Failure { sentence, .. } in failures.iter().filter(|_| format == Format::Text) {
        session.out.warn(crate::printer::harmless(sentence));
    }
    Ok(if failures.is_empty() { Exit::Success } else { Exit::No })
}
