//! `lab init`

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use lab_client::Workspace;

use crate::exit::Exit;
use crate::printer::Printer;

/// Make a store in a folder: everything logged below it is kept in its `.lab/`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  cd my-project && lab init")]
pub(crate) struct InitArgs {
    /// The folder [default: this one]
    folder: Option<PathBuf>,
}

pub(crate) fn init(args: InitArgs, out: Printer) -> anyhow::Result<Exit> {
    let folder = match args.folder {
        Some(folder) => folder,
        None => std::env::current_dir().context("the current folder cannot be read")?,
    };
    let workspace = Workspace::init(&folder)?;
    if out.json {
        out.json(&serde_json::json!({ "root": workspace.root }))?;
    } else {
        out.say(format_args!("The store is in {}. See it with: lab serve", workspace.root.display()));
    }
    Ok(Exit::Success)
}
