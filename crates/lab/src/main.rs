//! The `lab` command: experiment tracking from a terminal, and the server.
//!
//! Every command that reads or changes what is tracked speaks the HTTP API: to the server at `--server`, or without one to
//! the same router within this process, over the store in `.lab/`. So a command works the same either way, and `--json`
//! prints exactly what the API answers.

mod api;
mod cli;
mod commands;
mod exit;
mod printer;
mod table;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::Cli;

fn main() -> ExitCode {
    // Every HTTP client of this program uses this one TLS provider.
    rustls::crypto::ring::default_provider().install_default().ok();
    let cli = Cli::parse();
    match commands::run(cli) {
        Ok(exit) => exit.into(),
        Err(error) if exit::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            exit::report(&error);
            exit::of(&error).into()
        }
    }
}
