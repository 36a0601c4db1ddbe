//! The commands, a file each.

pub(crate) mod artifacts;
pub(crate) mod backup;
pub(crate) mod compare;
pub(crate) mod completions;
pub(crate) mod doctor;
pub(crate) mod events;
pub(crate) mod exp;
pub(crate) mod hypotheses;
pub(crate) mod import;
pub(crate) mod init;
pub(crate) mod lineage;
pub(crate) mod logs;
pub(crate) mod noise;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod runs;
pub(crate) mod serve;
pub(crate) mod stats;
pub(crate) mod sync;

use std::future::Future;

use anyhow::Context as _;
use lab_client::Workspace;

use crate::api::Api;
use crate::cli::{Cli, Command, Global};
use crate::exit::Exit;
use crate::printer::Printer;

/// What a command works with.
pub(crate) struct Session {
    pub(crate) api: Api,
    pub(crate) out: Printer,
}

/// Runs what was typed.
pub(crate) fn run(cli: Cli) -> anyhow::Result<Exit> {
    let Cli { global, command } = cli;
    let out = Printer { json: global.json, quiet: global.quiet };
    match command {
        Command::Init(args) => init::init(args, out),
        Command::Completions(args) => completions::completions(args),
        Command::Stats(args) => stats::stats(args, out),
        Command::Serve(args) => block_on(serve::serve(args, workspace(&global)?, out)),
        Command::Run(args) => run::run(*args, &workspace(&global)?, out),
        Command::Launch(args) => run::launch(args),
        Command::Import(args) => with_session(&global, out, async |session| import::import(args, session).await),
        Command::Sync(args) => sync::sync(args, &workspace(&global)?, out),
        Command::Backup(args) => backup::backup(args, &workspace(&global)?, out),
        Command::Restore(args) => backup::restore(args, out),
        Command::Doctor(args) => block_on(doctor::doctor(args, workspace(&global), out)),
        Command::Exp(command) => with_session(&global, out, async |session| exp::exp(command, session).await),
        Command::Runs(command) => with_session(&global, out, async |session| runs::runs(command, session).await),
        Command::Logs(args) => with_session(&global, out, async |session| logs::logs(args, session).await),
        Command::Artifacts(command) => {
            with_session(&global, out, async |session| artifacts::artifacts(command, session).await)
        }
        Command::Compare(args) => with_session(&global, out, async |session| compare::compare(*args, session).await),
        Command::Noise(args) => with_session(&global, out, async |session| noise::noise(args, session).await),
        Command::Hypotheses(command) => {
            with_session(&global, out, async |session| hypotheses::hypotheses(command, session).await)
        }
        Command::Report(args) => with_session(&global, out, async |session| report::report(*args, session).await),
        Command::Lineage(args) => with_session(&global, out, async |session| lineage::lineage(args, session).await),
        Command::Events(args) => with_session(&global, out, async |session| events::events(args, session).await),
    }
}

/// The workspace that the flags, the variables and the folder lead to.
fn workspace(global: &Global) -> anyhow::Result<Workspace> {
    let here = std::env::current_dir().context("the current folder cannot be read")?;
    let workspace = Workspace::find(&here, |name| match name {
        "LAB_DIR" => global.dir.as_ref().map(|dir| dir.display().to_string()),
        "LAB_SERVER" => global.server.clone(),
        name => std::env::var(name).ok(),
    })?;
    Ok(workspace)
}

fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.context("the runtime could not be started")?.block_on(work)
}

fn with_session(
    global: &Global,
    out: Printer,
    command: impl AsyncFnOnce(&Session) -> anyhow::Result<Exit>,
) -> anyhow::Result<Exit> {
    let workspace = workspace(global)?;
    block_on(async {
        let api = Api::open(&workspace).await?;
        let session = Session { api, out };
        let outcome = command(&session).await;
        if let Ok(count @ 1..) = lab_client::left_behind(&workspace) {
            out.say(format_args!("Records of {count} scripts wait to be delivered: lab sync"));
        }
        session.api.close().await;
        outcome
    })
}
