//! `lab import`: runs that another tracker has recorded.

mod apply;
mod histogram;
mod json;
mod mlflow;
mod source;
mod table;
mod tensorboard;
mod wandb;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde::Serialize;

use self::apply::{Outcome, apply, describe};
use self::source::{End, Found, name_of};
use self::table::{Columns, Format};
use super::Session;
use super::exp::{parse_tags, show_tags};
use crate::exit::{Exit, Hint};
use crate::printer::harmless;
use crate::table::table;

/// Bring in runs that another tracker has recorded.
///
/// The same source gives the same runs: what is there already stays as it is, and an import that was cut short goes on.
#[derive(Debug, Subcommand)]
pub(crate) enum ImportCommand {
    /// TensorBoard's event files: each folder that holds some is a run
    #[command(after_help = "Examples:\n  lab import tensorboard runs/\n  \
                            lab import tensorboard runs/ -e tiny-lm --dry-run")]
    Tensorboard(ImportArgs),
    /// MLflow's `mlruns` folder, its SQLite database, or a server of it by its address
    #[command(
        after_help = "Examples:\n  lab import mlflow mlruns/\n  lab import mlflow mlflow.db --tag from=mlflow\n  \
                            lab import mlflow http://127.0.0.1:5000\n\n\
                            MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN, are what a\n\
                            server is asked with."
    )]
    Mlflow(ImportArgs),
    /// W&B's folders of runs, offline or online
    #[command(after_help = "Examples:\n  lab import wandb wandb/\n  \
                            lab import wandb wandb/offline-run-20260101_120000-a1b2c3d4")]
    Wandb(ImportArgs),
    /// Tables with a line of names: a column is a metric, a file or a value of the column `run` is a run
    #[command(after_help = "Examples:\n  lab import csv metrics.csv -e tiny-lm\n  \
                            lab import csv logs/ --step epoch --run seed")]
    Csv(TableArgs),
    /// Objects, one a line: a key is a metric, a file or a value of the key `run` is a run
    #[command(after_help = "Examples:\n  lab import jsonl log.jsonl -e tiny-lm\n  lab import jsonl logs/ --step iter")]
    Jsonl(TableArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// A file, or a folder that is searched with all below it
    #[arg(value_name = "SOURCE")]
    path: PathBuf,
    /// Experiment for all of the runs [default: what the source calls it]
    #[arg(long, short)]
    experiment: Option<String>,
    /// A label, or KEY=VALUE, for all of the runs; may be repeated
    #[arg(long = "tag", short, value_name = "TAG")]
    tags: Vec<String>,
    /// Say what would be imported, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Leave out files
    #[arg(long)]
    no_artifacts: bool,
    /// Import again what was imported and then deleted
    #[arg(long)]
    restore: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TableArgs {
    #[command(flatten)]
    common: ImportArgs,
    /// What counts the steps [default: step, global_step, iteration, epoch, or the number of the row]
    #[arg(long, value_name = "COLUMN")]
    step: Option<String>,
    /// What tells the time, as a date or since 1970 [default: time, timestamp]
    #[arg(long, value_name = "COLUMN")]
    time: Option<String>,
    /// What tells runs apart [default: run, run_id, run_name]
    #[arg(long, value_name = "COLUMN")]
    run: Option<String>,
}

/// What came of a run, for `--json`.
#[derive(Serialize)]
struct Line {
    run_id: lab_model::RunId,
    source: PathBuf,
    experiment: String,
    name: Option<String>,
    #[serde(flatten)]
    outcome: Outcome,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    left_out: Vec<String>,
}

pub(crate) async fn import(command: ImportCommand, session: &Session) -> anyhow::Result<Exit> {
    let spinner = session.out.spinner("looking through the source");
    let found = tokio::task::spawn_blocking(move || find(command)).await?;
    spinner.finish_and_clear();
    let (args, mut found) = found?;
    let tags = parse_tags(&args.tags);
    for run in &mut found {
        if let Some(experiment) = &args.experiment {
            run.experiment = name_of(experiment);
        }
        run.tags.0.extend(tags.0.clone());
        if args.no_artifacts {
            run.streams.retain(|stream| !stream.key.starts_with("file "));
        }
    }
    if args.dry_run { preview(found, session).await } else { bring_in(found, &args, session).await }
}

/// The runs of a source, in the order in which they are to be made.
fn find(command: ImportCommand) -> anyhow::Result<(ImportArgs, Vec<Found>)> {
    let there = |path: &Path| path.metadata().map(drop).with_context(|| format!("`{}` cannot be read", path.display()));
    let tables = |args: TableArgs, format| {
        let columns = Columns { step: args.step, time: args.time, run: args.run };
        there(&args.common.path)?;
        anyhow::Ok((table::find(&args.common.path, format, &columns)?, args.common))
    };
    let (mut found, args) = match command {
        ImportCommand::Tensorboard(args) => (there(&args.path).and_then(|()| tensorboard::find(&args.path))?, args),
        ImportCommand::Mlflow(args) => {
            let found = match mlflow::address(&args.path) {
                Some(address) => mlflow::find_on_server(address, !args.no_artifacts)?,
                None => there(&args.path).and_then(|()| mlflow::find(&args.path))?,
            };
            (found, args)
        }
        ImportCommand::Wandb(args) => (there(&args.path).and_then(|()| wandb::find(&args.path))?, args),
        ImportCommand::Csv(args) => tables(args, Format::Csv)?,
        ImportCommand::Jsonl(args) => tables(args, Format::JsonLines)?,
    };
    // Numbers are given in this order; runs that are parts of others come after them already.
    if found.iter().all(|run| run.parent.is_none()) {
        found.sort_by(|a, b| (a.started_at, &a.place).cmp(&(b.started_at, &b.place)));
    }
    Ok((args, found))
}

async fn bring_in(found: Vec<Found>, args: &ImportArgs, session: &Session) -> anyhow::Result<Exit> {
    let interrupted = apply::listen_to_interrupts();
    let bar = session.out.count_bar(found.len() as u64, "runs");
    let mut lines = Vec::new();
    for run in found {
        if interrupted.is_set() {
            break;
        }
        let (run_id, outcome) = apply(&run, args.restore, session, &interrupted, &bar).await;
        bar.inc(1);
        lines.push(Line {
            run_id,
            source: run.place,
            experiment: run.experiment,
            name: run.name,
            outcome,
            left_out: run.left_out,
        });
    }
    bar.finish_and_clear();
    tell(&lines, session)?;
    if interrupted.is_set() {
        session.out.say("Interrupted. The same command goes on from here.");
        return Ok(Exit::No);
    }
    let is_well = lines.iter().all(|line| line.outcome.is_well());
    Ok(if is_well { Exit::Success } else { Exit::No })
}

fn tell(lines: &[Line], session: &Session) -> anyhow::Result<()> {
    let out = session.out;
    if out.json {
        return Ok(out.json(&lines)?);
    }
    let count = |is: fn(&Outcome) -> bool| lines.iter().filter(|line| is(&line.outcome)).count();
    for line in lines {
        let name = harmless(line.name.as_deref().unwrap_or_default());
        let place = harmless(&line.source.display().to_string());
        match &line.outcome {
            Outcome::Failed { problem } => out.warn(format_args!("{name} ({place}): {}", harmless(problem))),
            Outcome::Grown { items } => out.warn(format_args!(
                "{name} ({place}) has {items} more records than when it was imported, and has ended since: delete run {} \
                 and import it with --restore",
                line.run_id
            )),
            _ => {}
        }
        if let Outcome::Imported { .. } | Outcome::Continued { .. } = &line.outcome {
            for what in &line.left_out {
                out.say(format_args!("{name}: not imported: {}", harmless(what)));
            }
        }
        if let Outcome::Imported { refused, .. } | Outcome::Continued { refused, .. } = &line.outcome {
            for (problem, count) in refused {
                out.warn(format_args!("{name}: {count} records were refused: {}", harmless(problem)));
            }
        }
    }
    let mut said = vec![format!("{} runs imported", count(|it| matches!(it, Outcome::Imported { .. })))];
    for (number, what) in [
        (count(|it| matches!(it, Outcome::Continued { .. })), "continued"),
        (count(|it| matches!(it, Outcome::There)), "there already"),
        (count(|it| matches!(it, Outcome::Interrupted { .. })), "begun"),
        (count(|it| matches!(it, Outcome::Deleted)), "deleted here and left so"),
        (count(|it| matches!(it, Outcome::Grown { .. } | Outcome::Failed { .. })), "with problems"),
    ] {
        if number > 0 {
            said.push(format!("{number} {what}"));
        }
    }
    out.say(format_args!("{}.", said.join(", ")));
    if lines.iter().any(|line| matches!(line.outcome, Outcome::Deleted)) {
        out.say(Hint("--restore imports them again".to_owned()));
    }
    Ok(())
}

/// Says what would be imported.
async fn preview(found: Vec<Found>, session: &Session) -> anyhow::Result<Exit> {
    let bar = session.out.count_bar(found.len() as u64, "runs");
    let mut previews = Vec::new();
    let mut is_well = true;
    for run in found {
        bar.set_message(run.name.clone().unwrap_or_default());
        let preview = describe(run, session).await;
        is_well &= preview.problem.is_none();
        previews.push(preview);
        bar.inc(1);
    }
    bar.finish_and_clear();
    let out = session.out;
    if out.json {
        out.json(&previews)?;
    } else {
        let rows = previews.iter().map(|it| {
            let what = match (&it.problem, it.is_there) {
                (Some(problem), _) => problem.clone(),
                (None, true) => "is there".to_owned(),
                (None, false) => "new".to_owned(),
            };
            vec![
                it.experiment.clone(),
                it.name.clone().unwrap_or_default(),
                it.status.map_or("goes on", |status| status.as_str()).to_owned(),
                it.started_at.strftime("%Y-%m-%d %H:%M").to_string(),
                it.points.to_string(),
                it.values.to_string(),
                it.lines.to_string(),
                it.files.to_string(),
                it.parameters.len().to_string(),
                show_tags(&it.tags),
                what,
            ]
        });
        let headers = [
            "EXPERIMENT",
            "NAME",
            "STATUS",
            "STARTED",
            ">POINTS",
            ">VALUES",
            ">LINES",
            ">FILES",
            ">PARAMETERS",
            "TAGS",
            "",
        ];
        out.line(table(&headers, rows))?;
        out.say("Nothing was changed.");
    }
    Ok(if is_well { Exit::Success } else { Exit::No })
}

/// The status that a run will have; none while it goes on.
fn status_of(end: &End) -> Option<lab_model::RunStatus> {
    match end {
        End::NotYet => None,
        End::Known { status, .. } => Some(*status),
        End::Assumed { .. } => Some(lab_model::RunStatus::Completed),
    }
}
