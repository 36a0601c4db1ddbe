//! `lab stats`

mod columns;
mod people;

use std::io::{BufRead as _, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};

use anyhow::Context as _;
use clap::Args;
use serde_json::{Value, json};

use crate::exit::{self, Exit};
use crate::printer::Printer;

/// Calculate hypothesis tests, effect sizes, intervals, corrections and power
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lab stats welch-t --a 0.71,0.72,0.70 --b 0.74,0.73,0.75\n  \
                        lab stats paired-t results.csv --columns old,new --alternative less\n  \
                        lab stats anova_welch results.csv --columns small,medium,large\n  \
                        lab stats power_t_independent --param effect_size=0.8 --param power=0.8\n  \
                        lab stats fisher_exact --input 'table=[[8,2],[1,5]]'\n  \
                        lab stats --jsonl < cases.jsonl\n\n\
                        Exit codes: 0 answered; 1 the question has no answer, and why is said.")]
pub(crate) struct StatsArgs {
    /// Read cases from stdin, a JSON object a line with `id`, `test`, `params` and `input`, and answer each with a line
    #[arg(long, conflicts_with_all = ["test", "list"])]
    jsonl: bool,
    /// List the procedures
    #[arg(long)]
    list: bool,
    #[command(flatten)]
    question: people::Question,
}

pub(crate) fn stats(args: StatsArgs, out: Printer) -> anyhow::Result<Exit> {
    if args.jsonl {
        return answer_lines();
    }
    match (args.list, args.question.test.as_deref()) {
        (true, _) | (false, Some("list")) => people::list(out),
        (false, None) => {
            exit::report(&anyhow::anyhow!("no procedure is named: give one, as welch-t, or --list to see them all"));
            Ok(Exit::No)
        }
        (false, Some(test)) => {
            let test = test.to_owned();
            people::answer(&test, args.question, out)
        }
    }
}

/// Answers each line with a line, whatever the line is.
fn answer_lines() -> anyhow::Result<Exit> {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().split(b'\n') {
        let line = line.context("stdin cannot be read")?;
        let text = String::from_utf8_lossy(&line);
        if text.trim().is_empty() {
            continue;
        }
        writeln!(out, "{}", answer_line(&text))?;
        out.flush()?;
    }
    Ok(Exit::Success)
}

fn answer_line(line: &str) -> Value {
    let case: Value = match serde_json::from_str(line) {
        Ok(case) => case,
        Err(error) => return json!({ "id": null, "error": format!("the line is not JSON: {error}") }),
    };
    let id = &case["id"];
    let Some(test) = case["test"].as_str() else {
        return json!({ "id": id, "error": "the case names no `test`" });
    };
    // A defect in one procedure must not take the answers to the other lines with it.
    match catch_unwind(AssertUnwindSafe(|| lab_stats::answer(test, &case["params"], &case["input"]))) {
        Ok(Ok(result)) => json!({ "id": id, "result": result }),
        Ok(Err(error)) => json!({ "id": id, "error": error.to_string() }),
        Err(_) => json!({ "id": id, "error": "internal error: the procedure failed" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_gets_an_answer_with_its_id() {
        let good = answer_line(r#"{"id": 7, "test": "pass_at_k", "params": {"k": 1}, "input": {"n": 4, "c": 1}}"#);
        assert_eq!((&good["id"], &good["result"]["pass_at_k"]), (&json!(7), &json!(0.25)));
        for (line, id) in [
            ("{", Value::Null),
            ("[1]", Value::Null),
            (r#"{"id": "x"}"#, json!("x")),
            (r#"{"id": "x", "test": "nothing"}"#, json!("x")),
            (r#"{"id": 3, "test": "pass_at_k", "input": 5}"#, json!(3)),
        ] {
            let answer = answer_line(line);
            assert_eq!(answer["id"], id, "{line}");
            assert!(answer["error"].is_string(), "{line}: {answer}");
        }
    }
}
