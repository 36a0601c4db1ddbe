//! `lab artifacts`

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use futures_util::StreamExt as _;
use lab_model::{ArtifactName, ArtifactRef, ContentHasher};
use lab_server::types::Items;
use tokio::io::AsyncWriteExt as _;

use super::Session;
use crate::api::segment;
use crate::exit::Exit;
use crate::printer::bold;
use crate::table::{ago, size, table};

/// Artifacts.
#[derive(Debug, Subcommand)]
pub(crate) enum ArtifactsCommand {
    /// List the artifacts of a run
    List(ListArgs),
    /// Get an artifact, and check that it is what was logged
    Get(GetArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lab artifacts list tiny-lm#3")]
pub(crate) struct ListArgs {
    /// Id, the beginning of one, EXPERIMENT#NUMBER, or a name that only one run has
    run: String,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lab artifacts get tiny-lm#3 model.safetensors\n  \
                        lab artifacts get tiny-lm#3 plots/loss.svg -o loss.svg")]
pub(crate) struct GetArgs {
    /// Id, the beginning of one, EXPERIMENT#NUMBER, or a name that only one run has
    run: String,
    /// Its path within the run; the latest of that name is taken
    name: ArtifactName,
    /// Where to write it [default: its file name, in this folder]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace a file that is there
    #[arg(long)]
    force: bool,
}

pub(crate) async fn artifacts(command: ArtifactsCommand, session: &Session) -> anyhow::Result<Exit> {
    match command {
        ArtifactsCommand::List(args) => list(args, session).await,
        ArtifactsCommand::Get(args) => get(args, session).await,
    }
}

async fn of_run(run: &str, session: &Session) -> anyhow::Result<Items<ArtifactRef>> {
    session.api.get(&format!("/api/v1/runs/{}/artifacts", segment(run)), &()).await
}

async fn list(args: ListArgs, session: &Session) -> anyhow::Result<Exit> {
    let found = of_run(&args.run, session).await?;
    if session.out.json {
        session.out.json(&found)?;
        return Ok(Exit::Success);
    }
    if found.items.is_empty() {
        session.out.say("No artifacts. Log one from Python: run.log_artifact(\"model.safetensors\")");
        return Ok(Exit::Success);
    }
    let now = lab_client::now();
    let rows = found.items.iter().map(|a| {
        vec![
            a.name.to_string(),
            a.artifact_type.to_string(),
            size(a.size_bytes),
            ago(a.created_at, now),
            a.content_hash.to_string(),
        ]
    });
    session.out.line(table(&["NAME", "TYPE", ">SIZE", "LOGGED", "SHA-256"], rows))?;
    Ok(Exit::Success)
}

/// Writes beside the target and renames at the end, so that an interrupted download leaves no half file under its name.
async fn get(args: GetArgs, session: &Session) -> anyhow::Result<Exit> {
    let found = of_run(&args.run, session).await?;
    let artifact = found.items.into_iter().find(|a| a.name == args.name);
    let artifact = artifact.ok_or_else(|| lab_model::Error::not_found(lab_model::Kind::Artifact, &args.name))?;
    let target = args.output.unwrap_or_else(|| PathBuf::from(artifact.name.file_name()));
    let exists = || {
        lab_model::Error::conflict(
            lab_model::Kind::Artifact,
            &artifact.name,
            format!("would replace `{}`: pass --force, or another --output", target.display()),
        )
    };
    if target.exists() && !args.force {
        return Err(exists().into());
    }
    let folder = target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(std::path::Path::new("."));
    let cannot_write = || format!("`{}` cannot be written", target.display());
    let part = tempfile::NamedTempFile::new_in(folder).with_context(cannot_write)?;
    let mut file = tokio::fs::File::from_std(part.reopen()?);

    let (_, mut content) = session.api.download(&format!("/api/v1/artifacts/{}/content", artifact.id), &()).await?;
    let bar = session.out.bytes_bar(artifact.size_bytes);
    let mut hasher = ContentHasher::default();
    while let Some(chunk) = content.next().await {
        let chunk = chunk?;
        hasher.update(&chunk);
        file.write_all(&chunk).await.with_context(cannot_write)?;
        bar.inc(chunk.len() as u64);
    }
    file.sync_all().await.with_context(cannot_write)?;
    bar.finish_and_clear();
    anyhow::ensure!(
        hasher.finish() == artifact.content_hash,
        "what arrived is not what was logged: its SHA-256 differs from {}",
        artifact.content_hash
    );
    let persisted = if args.force { part.persist(&target) } else { part.persist_noclobber(&target) };
    persisted.with_context(cannot_write)?;
    if session.out.json {
        session.out.json(&serde_json::json!({ "path": target, "artifact": artifact }))?;
    } else {
        session.out.say(format_args!(
            "{} ({}) is in {}",
            bold(&artifact.name),
            size(artifact.size_bytes),
            target.display()
        ));
    }
    Ok(Exit::Success)
}
