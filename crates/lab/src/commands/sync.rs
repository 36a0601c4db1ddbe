//! `lab sync`

use clap::Args;
use lab_client::Workspace;

use crate::exit::Exit;
use crate::printer::Printer;

/// Deliver what logging clients left behind: after a crash, or a network that was away.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lab sync --server http://lab.example.org:7878")]
pub(crate) struct SyncArgs {}

pub(crate) fn sync(_args: SyncArgs, workspace: &Workspace, out: Printer) -> anyhow::Result<Exit> {
    let outcome = lab_client::sync(workspace)?;
    if out.json {
        out.json(&outcome)?;
    } else {
        out.say(&outcome);
    }
    Ok(if outcome.is_complete() { Exit::Success } else { Exit::No })
}
