//! `lab run`: a program in any language becomes a run.

mod child;
mod launch;
mod limits;
mod output;
mod outputs;
mod seeds;
mod typed;
mod usage;

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use jiff::SignedDuration;
use lab_client::{Run, StartOptions, Workspace, now};
use lab_model::{Parameters, RunError, RunId, RunStatus, SeriesPoints, Tags};
use serde::Serialize;

use self::child::{Child, Ended, Stop};
use self::limits::Limits;
use super::exp::parse_tags;
use crate::exit::Exit;
use crate::printer::{Printer, bold, harmless};
use crate::table::{duration, size};

pub(crate) use self::launch::{LaunchArgs, launch};
pub(crate) use self::output::{Lines, level_of};
pub(crate) use self::outputs::type_of;
pub(crate) use self::typed::typed;

/// Exit code of a program that was stopped because it took too long, as `timeout` has it.
const TIMED_OUT: u8 = 124;
/// Exit codes of what cannot be run, as shells have them.
const NOT_EXECUTABLE: u8 = 126;
const NOT_FOUND: u8 = 127;
/// How long the end waits for a store or a server that takes nothing.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the beginning waits for one.
const BEGIN: Duration = Duration::from_secs(3);

/// Run a program, and record what it prints, needs and leaves behind.
///
/// The program sees its terminal, its input and its exit code unchanged. A client inside it attaches to the run, because
/// `LAB_RUN_ID` names it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lab run -- python train.py --lr 3e-4\n  \
                        lab run -e tiny-lm -n warmup --param lr=3e-4 --tag baseline -- ./train.sh\n  \
                        lab run --timeout 2h --memory 16GiB --output 'checkpoints/*.pt' -- torchrun train.py\n  \
                        lab run --deterministic --seed 7 -- python train.py\n\n\
                        Exit code: that of the program; 128 and the signal's number where a signal ended it; 124 where \
                        it took too long; 126 or 127 where it cannot be started.")]
pub(crate) struct RunArgs {
    /// Name or id of the experiment; one of a new name is created [default: the name of the folder]
    #[arg(long, short, env = "LAB_EXPERIMENT")]
    experiment: Option<String>,
    /// Name of the run [default: run-NUMBER]
    #[arg(long, short)]
    name: Option<String>,
    /// A parameter; numbers, true, false and JSON lists and maps keep their type; may be repeated
    #[arg(long = "param", short, value_name = "NAME=VALUE", value_parser = parse_parameter)]
    parameters: Vec<(String, lab_model::ParameterValue)>,
    /// A label, or KEY=VALUE; may be repeated
    #[arg(long = "tag", short, value_name = "TAG")]
    tags: Vec<String>,
    /// The run that this one is a part of, by id [default: the run that this command is started in]
    #[arg(long, env = "LAB_RUN_ID", value_name = "ID")]
    parent: Option<RunId>,
    /// Go on with a run that has not completed, by id
    #[arg(long, value_name = "ID")]
    resume: Option<RunId>,
    /// Stop the program after this time, as `90s` or `2h 30m`
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    timeout: Option<Duration>,
    /// How long a program that is told to stop may take before it is killed
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, default_value = "10s")]
    grace: Duration,
    /// Most memory, as `512MiB` or `16GB`
    #[arg(long, value_name = "SIZE", value_parser = limits::parse_size)]
    memory: Option<u64>,
    /// Most processors at a time, as `4` or `0.5`
    #[arg(long, value_name = "COUNT", value_parser = limits::parse_cpus)]
    cpus: Option<f64>,
    /// Most processor time of each of its processes, as `1h`
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    cpu_time: Option<Duration>,
    /// Tell the program and its libraries to compute the same again: PYTHONHASHSEED, CUBLAS_WORKSPACE_CONFIG and others
    #[arg(long)]
    deterministic: bool,
    /// Seed to tell the program, as LAB_SEED and PYTHONHASHSEED [default with --deterministic: 0]
    #[arg(long)]
    seed: Option<u32>,
    /// A file, folder or pattern to keep as artifacts once the program has ended; may be repeated
    #[arg(long = "output", short, value_name = "PATTERN")]
    outputs: Vec<String>,
    /// Keep everything on this machine until `lab sync`
    #[arg(long)]
    offline: bool,
    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

fn parse_parameter(text: &str) -> Result<(String, lab_model::ParameterValue), String> {
    let (name, value) = text.split_once('=').ok_or("must be NAME=VALUE")?;
    Ok((name.to_owned(), typed(value)))
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    let parsed: SignedDuration = match text.parse::<f64>() {
        Ok(secs) => SignedDuration::try_from_secs_f64(secs).map_err(|e| e.to_string())?,
        Err(_) => text.parse().map_err(|_| "must be a duration, as 90s or 2h 30m".to_owned())?,
    };
    let duration = Duration::try_from(parsed).map_err(|_| "must not be negative".to_owned())?;
    if duration.is_zero() { Err("must not be zero".to_owned()) } else { Ok(duration) }
}

/// What came of it, for `--json`.
#[derive(Debug, Serialize)]
struct Report {
    run_id: RunId,
    status: RunStatus,
    exit_code: Option<i32>,
    signal: Option<String>,
    wall_secs: f64,
    cpu_secs: f64,
    peak_memory_bytes: u64,
    artifacts: Vec<String>,
    is_delivered: bool,
}

pub(crate) fn run(mut args: RunArgs, workspace: &Workspace, out: Printer) -> anyhow::Result<Exit> {
    args.offline |= std::env::var("LAB_MODE").is_ok_and(|mode| mode == "offline");
    let program = &args.command[0];
    let found = match child::find_program(program) {
        Ok(found) => found,
        Err(problem) => {
            let code = if problem.kind() == std::io::ErrorKind::NotFound { NOT_FOUND } else { NOT_EXECUTABLE };
            crate::exit::report(&anyhow::anyhow!("`{}` cannot be run: {problem}", program.display()));
            return Ok(Exit::Program(code));
        }
    };
    let here = std::env::current_dir().context("the current folder cannot be read")?;
    // What is wrong with a pattern is told before hours of work, not after.
    let outputs = outputs::Patterns::parse(&args.outputs, &here)?;
    let events = child::listen()?;
    let limits = Limits::new(args.memory, args.cpus, args.cpu_time, out)?;

    let folder_name = || here.file_name().map(|name| name.to_string_lossy().into_owned());
    let experiment = args.experiment.clone().or_else(folder_name).unwrap_or_else(|| "default".to_owned());
    let mut tags = parse_tags(&args.tags);
    let variables = seeds::variables(&args, &mut tags);
    let run = Arc::new(start(&args, workspace, &experiment, tags, &found, &variables)?);
    let (id, place) = (run.id(), place(workspace));
    // A client in the program is to find the run as it begins here, where the store can be reached.
    run.flush(BEGIN);
    out.say(format_args!("lab: run {} of {} begun; {place}", bold(id), harmless(&experiment)));

    let variables = variables.into_iter().chain(child::attach_variables(&run, &experiment, args.offline));
    let interval_secs = workspace.settings.system_metrics_interval_secs;
    let started = Child::start(&args.command, variables.collect(), &limits, &run, interval_secs, &events, out);
    let mut child = match started {
        Ok(child) => child,
        Err(error) => {
            let problem = format!("`{}` cannot be started: {error}", program.display());
            run.finish(RunStatus::Failed, Some(Run::error("NotStarted", &problem, None)))?;
            crate::exit::report(&anyhow::anyhow!(problem));
            return Ok(Exit::Program(NOT_EXECUTABLE));
        }
    };
    let ended = child.wait(args.timeout, args.grace, out);
    log_usage(&run, &ended);
    let artifacts = outputs.collect(&run, out);
    let (status, error) = verdict(&ended, &args, child.failure());
    // From here on Ctrl-C means: do not wait for the delivery.
    let outcome = run.finish_within(status, error.clone(), PATIENCE, &mut || events.was_interrupted())?;

    for refused in &outcome.refused {
        out.warn(format_args!("the store refused a record: {}", harmless(&refused.problem)));
    }
    let report = Report {
        run_id: id,
        status,
        exit_code: ended.code,
        signal: ended.signal.map(child::signal_name),
        wall_secs: ended.wall.as_secs_f64(),
        cpu_secs: ended.usage.cpu_secs(),
        peak_memory_bytes: ended.usage.peak_memory_bytes,
        artifacts,
        is_delivered: outcome.is_delivered,
    };
    if out.json {
        out.json(&report)?;
    }
    tell(&report, error.as_ref(), outcome.problem.as_deref(), args.offline, out);
    Ok(exit_code(&ended))
}

/// Begins the run as the program will see it.
fn start(
    args: &RunArgs,
    workspace: &Workspace,
    experiment: &str,
    tags: Tags,
    found: &Path,
    variables: &[(String, String)],
) -> anyhow::Result<Run> {
    let text = |argument: &OsString| argument.to_string_lossy().into_owned();
    let mut workspace = workspace.clone();
    // The machine is watched together with the program, which is another process than this one.
    workspace.settings.system_metrics_interval_secs = 0;
    let options = StartOptions {
        name: args.name.clone(),
        parameters: args.parameters.iter().cloned().collect::<Parameters>(),
        tags,
        parent_run_id: args.parent.filter(|parent| args.resume != Some(*parent)),
        // One of its own, so that parameters and tags count also where the program's client was the first to be heard.
        run_id: Some(args.resume.unwrap_or_else(|| RunId::new(now()))),
        resume: args.resume.is_some(),
        is_offline: args.offline,
        interpreter: is_python(found).then(|| found.to_owned()),
        entry_point: entry_point(&args.command, found),
        arguments: args.command.iter().map(text).collect(),
        variables: variables.iter().map(|(name, value)| (name.into(), value.into())).collect(),
        ..StartOptions::new(experiment)
    };
    Ok(Run::start(&workspace, options)?)
}

fn is_python(program: &Path) -> bool {
    program.file_name().is_some_and(|name| name.to_string_lossy().starts_with("python"))
}

/// The script that an interpreter is asked to run, or the program itself.
fn entry_point(command: &[OsString], found: &Path) -> Option<String> {
    let text = |argument: &OsString| argument.to_string_lossy().into_owned();
    if !is_python(found) {
        return command.first().map(text);
    }
    let mut arguments = command[1..].iter().map(text);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "-m" => return arguments.next().map(|module| format!("-m {module}")),
            "-c" => return None,
            "-W" | "-X" => _ = arguments.next(),
            option if option.starts_with('-') => {}
            script => return Some(script.to_owned()),
        }
    }
    None
}

/// Where to look at the run.
fn place(workspace: &Workspace) -> String {
    match &workspace.settings.server {
        Some(server) => format!("see it at {}", server.trim_end_matches('/')),
        None => format!("see it with: lab serve --dir {}", workspace.root.display()),
    }
}

/// What the program has used, as metrics that runs can be compared and found by.
fn log_usage(run: &Run, ended: &Ended) {
    let mut values = vec![
        ("process/wall_secs", ended.wall.as_secs_f64()),
        ("process/cpu_secs", ended.usage.cpu_secs()),
        ("process/user_cpu_secs", ended.usage.user_secs),
        ("process/system_cpu_secs", ended.usage.system_secs),
        ("process/peak_memory_bytes", ended.usage.peak_memory_bytes as f64),
    ];
    values.extend(ended.code.map(|code| ("process/exit_code", f64::from(code))));
    values.extend(ended.signal.map(|signal| ("process/signal", f64::from(signal))));
    let time_micros = now().as_microsecond();
    let series = values.into_iter().map(|(name, value)| {
        let mut points = SeriesPoints::new(name.into());
        points.push(value, None, time_micros);
        points
    });
    // A spool that cannot be written is told of by the end of the run.
    run.log_series(series.collect()).ok();
}

/// How the run ends, and why where that is not well.
fn verdict(ended: &Ended, args: &RunArgs, failure: Option<output::Failure>) -> (RunStatus, Option<RunError>) {
    let (status, error_type, message) = match (&ended.stop, ended.code, ended.signal) {
        (Some(Stop::TimedOut), ..) => {
            let limit = args.timeout.unwrap_or_default().as_secs_f64();
            (RunStatus::TimedOut, "TimedOut", format!("was stopped after {}", duration(limit)))
        }
        (Some(Stop::Interrupted(signal)), ..) => {
            let message = format!("was stopped by {}", child::signal_name(*signal));
            (RunStatus::Cancelled, "Interrupted", message)
        }
        (None, Some(0), _) => return (RunStatus::Completed, None),
        (None, ..) if ended.usage.oom_killed => {
            (RunStatus::Failed, "OutOfMemory", "needed more memory than it was given".to_owned())
        }
        (None, Some(code), _) => (RunStatus::Failed, "ExitCode", format!("ended with exit code {code}")),
        (None, None, signal) => {
            let name = signal.map_or_else(|| "an unknown signal".to_owned(), child::signal_name);
            (RunStatus::Failed, "Signal", format!("was ended by {name}"))
        }
    };
    let mut error = match failure {
        Some(failure) if status == RunStatus::Failed => {
            Run::error(&failure.error_type, &failure.message, Some(failure.stack_trace))
        }
        _ => Run::error(error_type, &message, None),
    };
    error.recoverable = status != RunStatus::Failed;
    let mut note = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            error.context.insert(name.to_owned(), value);
        }
    };
    note("exit_code", ended.code.map(|code| code.to_string()));
    note("signal", ended.signal.map(child::signal_name));
    note("ended", Some(message));
    error.time = now();
    (status, Some(error))
}

fn tell(report: &Report, error: Option<&RunError>, problem: Option<&str>, is_offline: bool, out: Printer) {
    let why = error.and_then(|error| error.context.get("ended")).map(|why| format!(": it {why}")).unwrap_or_default();
    out.say(format_args!(
        "lab: run {} {}{why}; {}, {} of processor time, at most {} of memory",
        bold(report.run_id),
        report.status,
        duration(report.wall_secs),
        duration(report.cpu_secs),
        size(report.peak_memory_bytes),
    ));
    if !report.is_delivered {
        let why = match problem {
            Some(problem) => format!(" ({})", harmless(problem)),
            None if is_offline => String::new(),
            None => " yet".to_owned(),
        };
        out.say(format_args!("lab: what was recorded is kept here and not delivered{why}: lab sync"));
    }
}

fn exit_code(ended: &Ended) -> Exit {
    if ended.stop == Some(Stop::TimedOut) {
        return Exit::Program(TIMED_OUT);
    }
    let code = ended.code.or_else(|| Some(128 + ended.signal?)).unwrap_or(1);
    Exit::Program(u8::try_from(code & 0xff).unwrap_or(1))
}
