//! `lab stats`

use std::io::{BufRead as _, Write as _};

use anyhow::Context as _;
use clap::Args;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::exit::Exit;
use crate::printer::Printer;

/// Calculate hypothesis tests, effect sizes, intervals, corrections and power.
#[derive(Debug, Args)]
pub(crate) struct StatsArgs {
    /// Read cases from stdin, a JSON object a line with `id`, `test`, `params` and `input`, and answer each with a line
    #[arg(long)]
    jsonl: bool,
}

#[derive(Deserialize)]
struct Case {
    id: Value,
    test: String,
    #[serde(default)]
    params: Value,
    #[serde(default)]
    input: Value,
}

pub(crate) fn stats(args: StatsArgs, _out: Printer) -> anyhow::Result<Exit> {
    anyhow::ensure!(args.jsonl, "pass --jsonl, with cases on stdin");
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line.context("stdin cannot be read")?;
        if line.trim().is_empty() {
            continue;
        }
        writeln!(out, "{}", answer(&line))?;
    }
    Ok(Exit::Success)
}

fn answer(line: &str) -> Value {
    let case: Case = match serde_json::from_str(line) {
        Ok(case) => case,
        Err(error) => return json!({ "id": null, "error": format!("the line is not a case: {error}") }),
    };
    match lab_stats::cases::answer(&case.test, &case.params, &case.input) {
        Ok(result) => json!({ "id": case.id, "result": result }),
        Err(error) => json!({ "id": case.id, "error": error.to_string() }),
    }
}
