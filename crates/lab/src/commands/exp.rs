//! `lab exp`

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use lab_model::{Experiment, ExperimentConfig, ExperimentStatus, NewExperiment, Paged, Tags};
use lab_server::types::{ListExperiments, MoveExperiment};
use lab_tracker::ExperimentOverview;
use serde_json::json;

use super::Session;
use crate::api::segment;
use crate::exit::Exit;
use crate::printer::bold;
use crate::table::{ago, table};

/// Experiments.
#[derive(Debug, Subcommand)]
pub(crate) enum ExpCommand {
    /// Create an experiment
    Create(CreateArgs),
    /// List experiments, newest first
    List(ListArgs),
    /// Show an experiment
    #[command(after_help = "Example:\n  lab exp show tiny-lm")]
    Show(OneArgs),
    /// Change name, description, hypothesis or tags
    Update(UpdateArgs),
    /// Let runs start (from draft or paused)
    #[command(after_help = "Example:\n  lab exp activate tiny-lm")]
    Activate(OneArgs),
    /// Hold it back for a while (from active)
    #[command(after_help = "Example:\n  lab exp pause tiny-lm")]
    Pause(OneArgs),
    /// End it with an answer (from active)
    #[command(after_help = "Example:\n  lab exp complete tiny-lm")]
    Complete(OneArgs),
    /// Give it up (from active)
    #[command(after_help = "Example:\n  lab exp fail tiny-lm")]
    Fail(OneArgs),
    /// Put it away (from draft, paused, completed or failed)
    #[command(after_help = "Example:\n  lab exp archive tiny-lm")]
    Archive(OneArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lab exp create tiny-lm --hypothesis 'four layers beat two' --activate\n  \
                        lab exp create sweep --config experiment.toml --tag team=nlp --tag baseline")]
pub(crate) struct CreateArgs {
    /// Its name, 1 to 256 characters
    name: String,
    /// What it is about, in Markdown
    #[arg(long)]
    description: Option<String>,
    /// What is expected to come out
    #[arg(long)]
    hypothesis: Option<String>,
    /// Login name of who answers for it [default: you]
    #[arg(long)]
    owner: Option<String>,
    /// A label, or KEY=VALUE; may be repeated
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// A TOML or JSON file with the configuration: models, datasets, metrics, parameters, resources, reproducibility
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Let runs start at once
    #[arg(long)]
    activate: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lab exp list --where \"status = active and tags.team = 'nlp'\"\n  \
                        lab exp list --sort name --limit 20 --json")]
pub(crate) struct ListArgs {
    /// Only what this filter finds
    #[arg(long = "where", value_name = "FILTER")]
    filter: Option<String>,
    /// Sort by these keys, as `name` or `created_at desc`
    #[arg(long, value_name = "KEYS")]
    sort: Option<String>,
    /// Most experiments
    #[arg(long, default_value_t = 100)]
    limit: u32,
    /// Where the last page ended, as it said
    #[arg(long)]
    cursor: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct OneArgs {
    /// Name or id
    experiment: String,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lab exp update tiny-lm --name tiny-lm-2 --tag reviewed")]
pub(crate) struct UpdateArgs {
    /// Name or id
    experiment: String,
    /// New name
    #[arg(long)]
    name: Option<String>,
    /// New description; empty for none
    #[arg(long)]
    description: Option<String>,
    /// New hypothesis; empty for none
    #[arg(long)]
    hypothesis: Option<String>,
    /// A label, or KEY=VALUE, to add; may be repeated
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
}

pub(crate) async fn exp(command: ExpCommand, session: &Session) -> anyhow::Result<Exit> {
    match command {
        ExpCommand::Create(args) => create(args, session).await,
        ExpCommand::List(args) => list(args, session).await,
        ExpCommand::Show(args) => show(&args.experiment, session).await,
        ExpCommand::Update(args) => update(args, session).await,
        ExpCommand::Activate(args) => move_to(&args.experiment, ExperimentStatus::Active, session).await,
        ExpCommand::Pause(args) => move_to(&args.experiment, ExperimentStatus::Paused, session).await,
        ExpCommand::Complete(args) => move_to(&args.experiment, ExperimentStatus::Completed, session).await,
        ExpCommand::Fail(args) => move_to(&args.experiment, ExperimentStatus::Failed, session).await,
        ExpCommand::Archive(args) => move_to(&args.experiment, ExperimentStatus::Archived, session).await,
    }
}

/// `label` or `key=value`.
pub(super) fn parse_tags(tags: &[String]) -> Tags {
    let pair = |tag: &String| {
        let (key, value) = tag.split_once('=').unwrap_or((tag, ""));
        (key.to_owned(), value.to_owned())
    };
    Tags(tags.iter().map(pair).collect())
}

/// Tags as people type them.
pub(super) fn show_tags(tags: &Tags) -> String {
    let show = |(key, value): (&String, &String)| {
        if value.is_empty() { key.clone() } else { format!("{key}={value}") }
    };
    tags.0.iter().map(show).collect::<Vec<_>>().join(" ")
}

fn read_config(file: &std::path::Path) -> anyhow::Result<ExperimentConfig> {
    let text = std::fs::read_to_string(file).with_context(|| format!("`{}` cannot be read", file.display()))?;
    if file.extension().is_some_and(|e| e == "json") {
        return serde_json::from_str(&text).with_context(|| format!("`{}` is not a configuration", file.display()));
    }
    let config = toml::from_str(&text);
    Ok(config.map_err(|e| lab_model::Error::Toml { file: file.display().to_string(), source: e.into() })?)
}

async fn create(args: CreateArgs, session: &Session) -> anyhow::Result<Exit> {
    let new = NewExperiment {
        name: args.name,
        description: args.description,
        hypothesis: args.hypothesis,
        owner: args.owner.or_else(lab_client::login_name),
        collaborators: Vec::new(),
        tags: parse_tags(&args.tags),
        config: args.config.as_deref().map(read_config).transpose()?.unwrap_or_default(),
        metadata: serde_json::Map::new(),
    };
    let mut experiment: Experiment = session.api.post("/api/v1/experiments", &new).await?;
    if args.activate {
        let path = format!("/api/v1/experiments/{}/status", experiment.id);
        experiment = session.api.post(&path, &MoveExperiment { status: ExperimentStatus::Active }).await?;
    }
    tell(&experiment, session)
}

fn tell(experiment: &Experiment, session: &Session) -> anyhow::Result<Exit> {
    if session.out.json {
        session.out.json(experiment)?;
    } else {
        let Experiment { name, status, id, .. } = experiment;
        session.out.say(format_args!("Experiment {} is {status} ({id})", bold(name)));
        if *status == ExperimentStatus::Draft {
            session.out.say(format_args!("Let runs start with: lab exp activate {id}"));
        }
    }
    Ok(Exit::Success)
}

async fn list(args: ListArgs, session: &Session) -> anyhow::Result<Exit> {
    let query = ListExperiments {
        query: args.filter,
        sort: args.sort,
        limit: Some(args.limit),
        cursor: args.cursor.map(lab_model::Cursor),
    };
    let found: Paged<ExperimentOverview> = session.api.get("/api/v1/experiments", &query).await?;
    if session.out.json {
        session.out.json(&found)?;
        return Ok(Exit::Success);
    }
    if found.items.is_empty() {
        session.out.say("No experiments. Create one: lab exp create NAME --activate");
        return Ok(Exit::Success);
    }
    let now = lab_client::now();
    let rows = found.items.iter().map(|overview| {
        let experiment = &overview.experiment;
        let runs: u64 = overview.runs.values().sum();
        vec![
            experiment.name.clone(),
            experiment.status.to_string(),
            runs.to_string(),
            overview.owner.clone().unwrap_or_default(),
            ago(experiment.created_at, now),
            show_tags(&experiment.tags),
            experiment.hypothesis.clone().unwrap_or_default(),
        ]
    });
    session.out.line(table(&["NAME", "STATUS", ">RUNS", "OWNER", "CREATED", "TAGS", "HYPOTHESIS"], rows))?;
    super::runs::tell_more(&found, session);
    Ok(Exit::Success)
}

async fn show(experiment: &str, session: &Session) -> anyhow::Result<Exit> {
    let path = format!("/api/v1/experiments/{}", segment(experiment));
    let overview: ExperimentOverview = session.api.get(&path, &()).await?;
    if session.out.json {
        session.out.json(&overview)?;
        return Ok(Exit::Success);
    }
    let Experiment { name, id, status, description, hypothesis, tags, config, created_at, .. } = &overview.experiment;
    let out = session.out;
    out.line(format_args!("{} ({status})", bold(name)))?;
    out.line(format_args!("id          {id}"))?;
    out.line(format_args!("created     {created_at}"))?;
    if let Some(owner) = &overview.owner {
        out.line(format_args!("owner       {owner}"))?;
    }
    for (label, text) in [("hypothesis ", hypothesis), ("description", description)] {
        if let Some(text) = text {
            out.line(format_args!("{label} {}", crate::printer::harmless(text)))?;
        }
    }
    if !tags.0.is_empty() {
        out.line(format_args!("tags        {}", show_tags(tags)))?;
    }
    let runs: Vec<String> = overview.runs.iter().map(|(status, count)| format!("{count} {status}")).collect();
    out.line(format_args!("runs        {}", if runs.is_empty() { "none".to_owned() } else { runs.join(", ") }))?;
    if *config != ExperimentConfig::default() {
        out.line("config")?;
        for line in serde_json::to_string_pretty(config)?.lines() {
            out.line(format_args!("  {line}"))?;
        }
    }
    Ok(Exit::Success)
}

async fn update(args: UpdateArgs, session: &Session) -> anyhow::Result<Exit> {
    let path = format!("/api/v1/experiments/{}", segment(&args.experiment));
    let mut patch = serde_json::Map::new();
    if let Some(name) = args.name {
        patch.insert("name".to_owned(), json!(name));
    }
    for (field, text) in [("description", args.description), ("hypothesis", args.hypothesis)] {
        if let Some(text) = text {
            patch.insert(field.to_owned(), json!(Some(text).filter(|text| !text.is_empty())));
        }
    }
    if !args.tags.is_empty() {
        let current: ExperimentOverview = session.api.get(&path, &()).await?;
        let mut tags = current.experiment.tags;
        tags.0.extend(parse_tags(&args.tags).0);
        patch.insert("tags".to_owned(), json!(tags));
    }
    anyhow::ensure!(!patch.is_empty(), "nothing to change: give --name, --description, --hypothesis or --tag");
    let experiment: Experiment = session.api.patch(&path, &patch).await?;
    tell(&experiment, session)
}

async fn move_to(experiment: &str, status: ExperimentStatus, session: &Session) -> anyhow::Result<Exit> {
    let path = format!("/api/v1/experiments/{}/status", segment(experiment));
    let experiment: Experiment = session.api.post(&path, &MoveExperiment { status }).await?;
    tell(&experiment, session)
}
