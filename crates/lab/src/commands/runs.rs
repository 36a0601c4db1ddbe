//! `lab runs`

use clap::{Args, Subcommand};
use lab_model::{Context, Paged, ParameterValue};
use lab_server::types::{GetPoints, MoveRun, SearchRuns};
use lab_tracker::{RunDetail, RunRow, SeriesView};

use super::Session;
use super::compare::{CompareArgs, compare};
use super::exp::{parse_tags, show_tags};
use crate::api::segment;
use crate::exit::Exit;
use crate::printer::{bold, harmless};
use crate::table::{ago, duration, number, size, table};

/// Runs.
#[derive(Debug, Subcommand)]
pub(crate) enum RunsCommand {
    /// List runs, newest first
    List(ListArgs),
    /// Show a run
    Show(ShowArgs),
    /// Print the points of a metric
    History(HistoryArgs),
    /// Compare runs or groups of runs
    Compare(Box<CompareArgs>),
    /// End a run that goes on, or that never began
    Cancel(CancelArgs),
    /// Add tags to a run or rename it
    Update(UpdateArgs),
    /// Delete runs that have ended, with all that belongs to them
    Delete(DeleteArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lab runs list tiny-lm --where 'metrics.loss < 0.5 and params.layers = 4'\n  \
                        lab runs list --where 'status = failed' --sort 'created_at desc'\n  \
                        lab runs list tiny-lm --metric loss --param lr --json")]
pub(crate) struct ListArgs {
    /// Only runs of these experiments, by name or id
    experiments: Vec<String>,
    /// Only what this filter finds
    #[arg(long = "where", value_name = "FILTER")]
    filter: Option<String>,
    /// Sort by these keys, as `metrics.loss asc`
    #[arg(long, value_name = "KEYS")]
    sort: Option<String>,
    /// A metric to show; may be repeated [default: the first four]
    #[arg(long = "metric", value_name = "NAME")]
    metrics: Vec<String>,
    /// A parameter to show; may be repeated [default: those that differ, up to four]
    #[arg(long = "param", value_name = "NAME")]
    parameters: Vec<String>,
    /// Most runs
    #[arg(long, default_value_t = 50)]
    limit: u32,
    /// Where the last page ended, as it said
    #[arg(long)]
    cursor: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lab runs show tiny-lm#3\n  lab runs show 0192f0c1 --json")]
pub(crate) struct ShowArgs {
    /// Id, the beginning of one, EXPERIMENT#NUMBER, or a name that only one run has
    run: String,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lab runs history tiny-lm#3 val/loss\n  \
                        lab runs history tiny-lm#3 train/loss --from 1000 --max-points 50\n  \
                        lab runs history 0192f0c1 loss --context rank=1 --json")]
pub(crate) struct HistoryArgs {
    /// Id, the beginning of one, EXPERIMENT#NUMBER, or a name that only one run has
    run: String,
    /// Name of the metric
    metric: String,
    /// What tells the series apart from others of that name, as KEY=VALUE; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse_pair)]
    context: Vec<(String, String)>,
    /// First step
    #[arg(long, value_name = "STEP", allow_negative_numbers = true)]
    from: Option<i64>,
    /// Last step
    #[arg(long, value_name = "STEP", allow_negative_numbers = true)]
    to: Option<i64>,
    /// Most points: of each stretch the least and the greatest are kept [default: all]
    #[arg(long, value_name = "COUNT")]
    max_points: Option<usize>,
}

fn parse_pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("must be KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lab runs cancel tiny-lm#3 --reason 'the loss diverged'")]
pub(crate) struct CancelArgs {
    /// Id, the beginning of one, EXPERIMENT#NUMBER, or a name that only one run has
    run: String,
    /// Why
    #[arg(long)]
    reason: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lab runs update tiny-lm#3 --name warmup-100 --tag reviewed --untag wip")]
pub(crate) struct UpdateArgs {
    /// Id, the beginning of one, EXPERIMENT#NUMBER, or a name that only one run has
    run: String,
    /// New name
    #[arg(long)]
    name: Option<String>,
    /// A label, or KEY=VALUE, to set; may be repeated
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// A tag to remove, by key; may be repeated
    #[arg(long = "untag", value_name = "KEY")]
    untag: Vec<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lab runs delete tiny-lm#3\n  lab runs delete tiny-lm#3 tiny-lm#4 --yes")]
pub(crate) struct DeleteArgs {
    /// Ids, beginnings of ids, EXPERIMENT#NUMBER, or names that only one run has
    #[arg(required = true)]
    runs: Vec<String>,
    /// Delete without asking
    #[arg(long, short)]
    yes: bool,
}

pub(crate) async fn runs(command: RunsCommand, session: &Session) -> anyhow::Result<Exit> {
    match command {
        RunsCommand::List(args) => list(args, session).await,
        RunsCommand::Show(args) => show(args, session).await,
        RunsCommand::History(args) => history(args, session).await,
        RunsCommand::Compare(args) => compare(*args, session).await,
        RunsCommand::Cancel(args) => cancel(args, session).await,
        RunsCommand::Update(args) => update(args, session).await,
        RunsCommand::Delete(args) => delete(args, session).await,
    }
}

/// Says that a list goes on, and how to see the rest.
pub(super) fn tell_more<T>(found: &Paged<T>, session: &Session) {
    if let Some(cursor) = &found.next_cursor {
        session.out.say(format_args!(
            "{} of {}; the next ones: --cursor {}",
            found.items.len(),
            found.total_count,
            cursor.0
        ));
    }
}

async fn list(args: ListArgs, session: &Session) -> anyhow::Result<Exit> {
    let search = SearchRuns {
        experiments: args.experiments,
        query: args.filter,
        sort: args.sort,
        limit: Some(args.limit),
        cursor: args.cursor.map(lab_model::Cursor),
        metrics: (!args.metrics.is_empty()).then_some(args.metrics),
    };
    let found: Paged<RunRow> = session.api.post("/api/v1/runs/search", &search).await?;
    if session.out.json {
        session.out.json(&found)?;
        return Ok(Exit::Success);
    }
    if found.items.is_empty() {
        session
            .out
            .say("No runs. Log one from Python: import llm_research_lab as lab; run = lab.init(experiment=\"…\")");
        return Ok(Exit::Success);
    }
    let metrics = search.metrics.unwrap_or_else(|| first_metrics(&found.items));
    let parameters = if args.parameters.is_empty() { differing(&found.items) } else { args.parameters };
    let mut headers = vec!["RUN", "NAME", "STATUS", ">TIME", "CREATED"];
    headers.extend(parameters.iter().map(String::as_str));
    let metric_headers: Vec<String> = metrics.iter().map(|name| format!(">{name}")).collect();
    headers.extend(metric_headers.iter().map(String::as_str));
    headers.push("TAGS");
    let now = lab_client::now();
    let rows = found.items.iter().map(|row| {
        let run = &row.run;
        let mut cells = vec![
            format!("{}#{}", row.experiment_name, run.number),
            run.name.clone(),
            run.status.to_string(),
            run.duration_secs(now).map(duration).unwrap_or_default(),
            ago(run.created_at, now),
        ];
        let flat = ParameterValue::flatten(&run.parameters);
        cells.extend(parameters.iter().map(|name| flat.get(name).map(ToString::to_string).unwrap_or_default()));
        cells.extend(metrics.iter().map(|name| {
            let summary = row.metrics.iter().find(|summary| &summary.key.to_string() == name);
            summary.map(|s| number(s.last)).unwrap_or_default()
        }));
        cells.push(show_tags(&run.tags));
        cells
    });
    session.out.line(table(&headers, rows))?;
    tell_more(&found, session);
    Ok(Exit::Success)
}

/// The first metrics that the runs have, in the order of their names, and only then what their machines were like.
fn first_metrics(rows: &[RunRow]) -> Vec<String> {
    let keys = rows.iter().flat_map(|row| row.metrics.iter().map(|summary| &summary.key));
    let names = keys.map(|key| (key.is_of_machine(), key.to_string())).collect::<std::collections::BTreeSet<_>>();
    names.into_iter().map(|(_, name)| name).take(4).collect()
}

/// Up to four parameters that the runs do not share.
fn differing(rows: &[RunRow]) -> Vec<String> {
    let mut values: std::collections::BTreeMap<String, std::collections::BTreeSet<String>> = Default::default();
    let mut seen: std::collections::BTreeMap<String, usize> = Default::default();
    for row in rows {
        for (name, value) in ParameterValue::flatten(&row.run.parameters) {
            *seen.entry(name.clone()).or_default() += 1;
            values.entry(name).or_default().insert(value.to_string());
        }
    }
    let differs = |(name, values): &(String, _)| {
        let values: &std::collections::BTreeSet<String> = values;
        values.len() > 1 || seen.get(name).is_some_and(|count| *count < rows.len())
    };
    values.into_iter().filter(differs).map(|(name, _)| name).take(4).collect()
}

async fn show(args: ShowArgs, session: &Session) -> anyhow::Result<Exit> {
    let detail: RunDetail = session.api.get(&format!("/api/v1/runs/{}", segment(&args.run)), &()).await?;
    let out = session.out;
    if out.json {
        out.json(&detail)?;
        return Ok(Exit::Success);
    }
    let (run, now) = (&detail.run, lab_client::now());
    out.line(format_args!(
        "{} ({})",
        bold(format_args!("{}#{} {}", detail.experiment_name, run.number, run.name)),
        run.status
    ))?;
    out.line(format_args!("id        {}", run.id))?;
    if let Some(started) = run.started_at {
        let took = run.duration_secs(now).map(duration).unwrap_or_default();
        out.line(format_args!("started   {started} ({}), {took}", ago(started, now)))?;
    }
    if let Some(user) = &detail.created_by_name {
        out.line(format_args!("by        {user}"))?;
    }
    if !run.tags.0.is_empty() {
        out.line(format_args!("tags      {}", harmless(&show_tags(&run.tags))))?;
    }
    if let Some(error) = &run.error {
        out.line(format_args!("error     {}: {}", harmless(&error.error_type), harmless(&error.message)))?;
        for line in error.stack_trace.iter().flat_map(|trace| trace.lines()) {
            out.line(format_args!("          {}", harmless(line)))?;
        }
    }
    if run.logs.lines > 0 {
        let logs = &run.logs;
        out.line(format_args!("log       {} lines, {} errors, {} warnings", logs.lines, logs.errors, logs.warnings))?;
    }
    let parameters = ParameterValue::flatten(&run.parameters);
    if !parameters.is_empty() {
        out.line(bold("\nparameters"))?;
        out.line(table(&[], parameters.iter().map(|(name, value)| vec![name.clone(), value.to_string()])))?;
    }
    if !detail.metrics.is_empty() {
        out.line(bold("\nmetrics"))?;
        let optional = |value: Option<f64>| value.map(number).unwrap_or_default();
        let rows = detail.metrics.iter().map(|m| {
            let step = m.last_step.map(|s| s.to_string()).unwrap_or_default();
            vec![
                m.key.to_string(),
                number(m.last),
                step,
                optional(m.min),
                optional(m.max),
                optional(m.mean),
                optional(m.median),
                m.count.to_string(),
            ]
        });
        out.line(table(&["NAME", ">LAST", ">STEP", ">MIN", ">MAX", ">MEAN", ">MEDIAN", ">POINTS"], rows))?;
    }
    if !detail.artifacts.is_empty() {
        out.line(bold("\nartifacts"))?;
        let rows = detail.artifacts.iter().map(|a| {
            vec![a.name.to_string(), a.artifact_type.to_string(), size(a.size_bytes), a.content_hash.to_string()]
        });
        out.line(table(&["NAME", "TYPE", ">SIZE", "SHA-256"], rows))?;
    }
    if let Some(environment) = &detail.environment_snapshot {
        out.line(bold("\nenvironment"))?;
        for line in environment.brief() {
            out.line(format_args!("{}", harmless(&line)))?;
        }
    }
    Ok(Exit::Success)
}

async fn history(args: HistoryArgs, session: &Session) -> anyhow::Result<Exit> {
    let context = (!args.context.is_empty()).then_some(args.context.into_iter().collect::<Context>());
    let query = GetPoints {
        name: args.metric.as_str().into(),
        context: context.map(|context| serde_json::to_string(&context)).transpose()?,
        from_step: args.from,
        to_step: args.to,
        max_points: args.max_points,
        ..GetPoints::default()
    };
    let view: SeriesView = session.api.get(&format!("/api/v1/runs/{}/points", segment(&args.run)), &query).await?;
    let out = session.out;
    if out.json {
        out.json(&view)?;
        return Ok(Exit::Success);
    }
    let points = view.points;
    let rows = points.values.iter().zip(&points.steps).zip(&points.times_micros).map(|((value, step), micros)| {
        let time = jiff::Timestamp::from_microsecond(*micros).map(|time| time.to_string()).unwrap_or_default();
        vec![step.map(|step| step.to_string()).unwrap_or_default(), value.to_string(), time]
    });
    out.line(table(&[">STEP", ">VALUE", "TIME"], rows))?;
    if view.is_sampled {
        out.say(format_args!("{} of {} points", points.values.len(), view.total_points));
    }
    Ok(Exit::Success)
}

async fn cancel(args: CancelArgs, session: &Session) -> anyhow::Result<Exit> {
    let body = MoveRun::Cancel { reason: args.reason };
    let path = format!("/api/v1/runs/{}/status", segment(&args.run));
    let run: lab_model::ExperimentRun = session.api.post(&path, &body).await?;
    if session.out.json {
        session.out.json(&run)?;
    } else {
        session.out.say(format_args!("Run {} ({}) is {}", bold(&run.name), run.id, run.status));
    }
    Ok(Exit::Success)
}

async fn update(args: UpdateArgs, session: &Session) -> anyhow::Result<Exit> {
    let set = parse_tags(&args.tags).0.into_iter().map(|(key, value)| (key, Some(value)));
    let removed = args.untag.into_iter().map(|key| (key, None));
    let body = lab_server::types::UpdateRun { name: args.name, tags: set.chain(removed).collect() };
    anyhow::ensure!(body.name.is_some() || !body.tags.is_empty(), "nothing to change: give --name, --tag or --untag");
    let run: lab_model::ExperimentRun =
        session.api.patch(&format!("/api/v1/runs/{}", segment(&args.run)), &body).await?;
    if session.out.json {
        session.out.json(&run)?;
    } else {
        session.out.say(format_args!("Run {} ({}) is changed", bold(&run.name), run.id));
    }
    Ok(Exit::Success)
}

async fn delete(args: DeleteArgs, session: &Session) -> anyhow::Result<Exit> {
    let mut found = Vec::new();
    for run in &args.runs {
        let detail: RunDetail = session.api.get(&format!("/api/v1/runs/{}", segment(run)), &()).await?;
        found.push(detail);
    }
    if !args.yes {
        for detail in &found {
            let (points, artifacts) = (detail.metrics.iter().map(|m| m.count).sum::<u64>(), detail.artifacts.len());
            session.out.say(format_args!(
                "{}#{} {} with {points} points and {artifacts} artifacts",
                detail.experiment_name, detail.run.number, detail.run.name
            ));
        }
        anyhow::ensure!(
            std::io::IsTerminal::is_terminal(&std::io::stdin()),
            "deleting cannot be undone: pass --yes to do it without being asked"
        );
        session.out.say("Delete? This cannot be undone. [y/N]");
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer)?;
        if !matches!(answer.trim(), "y" | "Y" | "yes") {
            return Ok(Exit::No);
        }
    }
    for detail in &found {
        session.api.delete(&format!("/api/v1/runs/{}", detail.run.id)).await?;
        session.out.say(format_args!("Deleted {}#{}", detail.experiment_name, detail.run.number));
    }
    Ok(Exit::Success)
}
