//! What can be typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::commands::{
    artifacts, backup, compare, completions, doctor, events, exp, hypotheses, import, init, lineage, logs, noise,
    report, run, runs, serve, stats, sync,
};

/// Track experiments with language models: what was tried, what came out, whether the difference is real, and how to get
/// it again.
#[derive(Debug, Parser)]
#[command(
    name = "lab",
    version,
    propagate_version = true,
    arg_required_else_help = true,
    after_help = "Examples:\n  lab init                              make a store in this folder\n  \
                  lab run -- python train.py            run a program as a run\n  \
                  lab serve                             show it at http://127.0.0.1:7878\n  \
                  lab runs list --where 'metrics.loss < 0.5' --sort 'metrics.loss asc'\n  \
                  lab compare --experiment tiny-lm --group-by params.layers\n\n\
                  Exit codes: 0 done; 1 the answer is no; 2 something is broken."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Clone, Debug, Args)]
pub(crate) struct Global {
    /// Folder of the store [default: `.lab/` here or above, else one for this user]
    #[arg(long, global = true, env = "LAB_DIR", value_name = "FOLDER")]
    pub(crate) dir: Option<PathBuf>,
    /// Talk to this server instead of a local store
    #[arg(long, global = true, env = "LAB_SERVER", value_name = "URL")]
    pub(crate) server: Option<String>,
    /// Print JSON, as the API answers
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print data and errors only
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a store in a folder
    Init(init::InitArgs),
    /// Serve the API and the web page
    Serve(serve::ServeArgs),
    /// Run a program, and record what it prints, needs and leaves behind
    Run(Box<run::RunArgs>),
    /// Print what a run printed
    Logs(logs::LogsArgs),
    /// Experiments: create, list, show and move them
    #[command(subcommand, visible_alias = "experiments")]
    Exp(exp::ExpCommand),
    /// Runs: list, show, compare and delete them, and print their metrics
    #[command(subcommand)]
    Runs(runs::RunsCommand),
    // Described where its arguments are.
    Compare(Box<compare::CompareArgs>),
    /// Hypotheses: state them before the runs, see how far they are and what came of them
    #[command(subcommand, visible_alias = "hyp")]
    Hypotheses(hypotheses::HypothesesCommand),
    // Described where its arguments are.
    Noise(noise::NoiseArgs),
    // Described where its arguments are.
    Report(Box<report::ReportArgs>),
    /// Artifacts: list and get them
    #[command(subcommand)]
    Artifacts(artifacts::ArtifactsCommand),
    /// Show what something came from and what came from it
    Lineage(lineage::LineageArgs),
    /// Show what happened
    Events(events::EventsArgs),
    /// Limit this process and become a program
    #[command(hide = true)]
    Launch(run::LaunchArgs),
    /// Bring in runs that another tracker has recorded
    #[command(subcommand)]
    Import(import::ImportCommand),
    /// Deliver what logging clients left behind
    Sync(sync::SyncArgs),
    /// Calculate hypothesis tests, effect sizes, intervals and power
    Stats(stats::StatsArgs),
    /// Copy the whole store into one file, also while it is used
    Backup(backup::BackupArgs),
    /// Make a store of a backup
    Restore(backup::RestoreArgs),
    /// Check that everything works here
    Doctor(doctor::DoctorArgs),
    /// Print a script that completes commands in a shell
    Completions(completions::CompletionsArgs),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_definitions_are_sound() {
        super::Cli::command().debug_assert();
    }

    #[test]
    fn every_command_shows_how_it_is_used() {
        fn without_example(command: &clap::Command, path: &str, found: &mut Vec<String>) {
            let path = format!("{path} {}", command.get_name());
            for inner in command.get_subcommands() {
                without_example(inner, &path, found);
            }
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            if !command.has_subcommands() && !help.contains("xample") {
                found.push(path);
            }
        }
        let mut found = Vec::new();
        without_example(&super::Cli::command(), "", &mut found);
        assert!(found.is_empty(), "without an example: {found:?}");
    }
}
