//! `lab logs`

use std::time::Duration;

use anstyle::{AnsiColor, Style};
use clap::{Args, ValueEnum};
use lab_model::{LogLevel, LogLine, LogStream};
use lab_server::types::{LogPart, ReadLog};
use lab_tracker::RunDetail;
use serde::Serialize;

use super::Session;
use crate::api::segment;
use crate::exit::Exit;
use crate::printer::{Printer, harmless};

/// Most lines of one answer.
const PAGE: u32 = 10_000;
/// How often to look for more.
const INTERVAL: Duration = Duration::from_millis(300);

/// Print what a run printed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lab logs tiny-lm#3\n  lab logs tiny-lm#3 --follow\n  \
                        lab logs tiny-lm#3 --level warning --times\n  lab logs tiny-lm#3 --stderr -n 50")]
pub(crate) struct LogsArgs {
    /// Id, the beginning of one, EXPERIMENT#NUMBER, or a name that only one run has
    run: String,
    /// Go on until the run ends, or Ctrl-C
    #[arg(long, short)]
    follow: bool,
    /// Only lines of this level or a worse one
    #[arg(long, value_enum, value_name = "LEVEL")]
    level: Option<Level>,
    /// Only what went to standard error
    #[arg(long, conflicts_with = "stdout")]
    stderr: bool,
    /// Only what went to standard output
    #[arg(long)]
    stdout: bool,
    /// How many of the last lines to print [default: all]
    #[arg(long, short = 'n', value_name = "COUNT")]
    last: Option<u64>,
    /// Print when each line was printed
    #[arg(long)]
    times: bool,
}

/// Levels as they are typed.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Level {
    Debug,
    Info,
    Warning,
    Error,
    Critical,
}

impl From<Level> for LogLevel {
    fn from(level: Level) -> Self {
        match level {
            Level::Debug => Self::Debug,
            Level::Info => Self::Info,
            Level::Warning => Self::Warning,
            Level::Error => Self::Error,
            Level::Critical => Self::Critical,
        }
    }
}

/// A line with its number, for `--json`.
#[derive(Serialize)]
struct Numbered<'a> {
    number: u64,
    #[serde(flatten)]
    line: &'a LogLine,
}

pub(crate) async fn logs(args: LogsArgs, session: &Session) -> anyhow::Result<Exit> {
    let path = format!("/api/v1/runs/{}", segment(&args.run));
    let detail: RunDetail = session.api.get(&path, &()).await?;
    // A name may come to mean another run while this goes on.
    let path = format!("/api/v1/runs/{}", detail.run.id);
    let mut next = 1;
    if let Some(last) = args.last {
        next = match args.is_filtered() {
            false => detail.run.logs.lines.saturating_sub(last) + 1,
            true => first_of_last(&args, last, detail.run.logs.lines, &path, session).await?,
        };
    }
    let mut has_ended = detail.run.status.is_terminal();
    loop {
        let part = read(&path, next, PAGE, session).await?;
        for (line, number) in part.lines.iter().zip(next..).filter(|(line, _)| args.wants(line)) {
            show(line, number, &args, session.out)?;
        }
        next += part.lines.len() as u64;
        if next <= part.total_lines && !part.lines.is_empty() {
            continue;
        }
        if !args.follow || has_ended {
            break;
        }
        tokio::time::sleep(INTERVAL).await;
        // What was printed before the end was known is still to be read.
        let detail: RunDetail = session.api.get(&path, &()).await?;
        has_ended = detail.run.status.is_terminal();
        if has_ended && detail.run.logs.lines < next {
            session.out.say(format_args!("The run is {}.", detail.run.status));
        }
    }
    Ok(Exit::Success)
}

impl LogsArgs {
    fn is_filtered(&self) -> bool {
        self.level.is_some() || self.stderr || self.stdout
    }

    fn wants(&self, line: &LogLine) -> bool {
        let has_level = self.level.is_none_or(|level| line.level >= level.into());
        let is_from = |stream| line.stream == Some(stream);
        has_level && (!self.stderr || is_from(LogStream::Stderr)) && (!self.stdout || is_from(LogStream::Stdout))
    }
}

async fn read(path: &str, first: u64, limit: u32, session: &Session) -> anyhow::Result<LogPart> {
    let query = ReadLog { first: Some(first), limit: Some(limit) };
    session.api.get(&format!("{path}/log"), &query).await
}

/// Number of the line from which on there are as many that are wanted, looked for from the end.
async fn first_of_last(
    args: &LogsArgs,
    mut wanted: u64,
    total: u64,
    path: &str,
    session: &Session,
) -> anyhow::Result<u64> {
    let mut end = total + 1;
    while end > 1 && wanted > 0 {
        let first = end.saturating_sub(u64::from(PAGE)).max(1);
        let limit = u32::try_from(end - first).unwrap_or(PAGE);
        let part = read(path, first, limit, session).await?;
        for (i, line) in part.lines.iter().enumerate().rev() {
            if args.wants(line) {
                wanted -= 1;
                if wanted == 0 {
                    return Ok(first + i as u64);
                }
            }
        }
        end = first;
    }
    Ok(end)
}

fn show(line: &LogLine, number: u64, args: &LogsArgs, out: Printer) -> anyhow::Result<()> {
    if out.json {
        return Ok(out.json_line(&Numbered { number, line })?);
    }
    let style = match line.level {
        LogLevel::Error | LogLevel::Critical => Style::new().fg_color(Some(AnsiColor::Red.into())),
        LogLevel::Warning => Style::new().fg_color(Some(AnsiColor::Yellow.into())),
        LogLevel::Debug => Style::new().dimmed(),
        LogLevel::Info => Style::new(),
    };
    let time = if args.times { format!("{}  ", line.time.strftime("%Y-%m-%d %H:%M:%S%.3f")) } else { String::new() };
    // A line as it was printed, but for what could drive the terminal.
    let text = line.text.split('\t').map(harmless).collect::<Vec<_>>().join("\t");
    Ok(out.line(format_args!("{time}{style}{text}{style:#}"))?)
}
