//! `lab report`

mod curves;
mod document;
mod html;
mod latex;
mod markdown;
mod plot;
mod png;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use clap::{Args, ValueEnum};
use lab_tracker::compare::{Comparison, Unit};

use super::Session;
use super::compare::Selection;
use crate::exit::Exit;
use document::{Document, Figure};

/// Write a comparison as it stands in a paper: tables with intervals and significance, and plots
#[derive(Debug, Args)]
#[command(
    after_help = "Without --output the text goes to stdout, without plots; --format html has them within it.\n\n\
                        Examples:\n  lab report -e tiny-lm -g params.hidden -m val/loss --output report\n  \
                        lab report -e tiny-lm -g params.hidden --format latex --plots png --output paper/results\n  \
                        lab report -e tiny-lm -g params.hidden --format html > report.html"
)]
pub(crate) struct ReportArgs {
    #[command(flatten)]
    selection: Selection,
    /// How it is written
    #[arg(long, value_enum, default_value_t = Format::Markdown)]
    format: Format,
    /// Folder for the text and the plots; it is made where it is missing
    #[arg(long, short, value_name = "FOLDER")]
    output: Option<PathBuf>,
    /// What plots are written as [default: png for latex, else svg]
    #[arg(long, value_enum)]
    plots: Option<Plots>,
    /// Title of the report
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Markdown,
    Html,
    Latex,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Plots {
    Svg,
    Png,
    None,
}

pub(super) async fn report(args: ReportArgs, session: &Session) -> anyhow::Result<Exit> {
    let ReportArgs { selection, format, output, plots, title } = args;
    let request = selection.request()?;
    ensure!(request.unit == Unit::Run, "a report is about runs: leave --unit and --within-run out");
    let plots = plots.unwrap_or(if format == Format::Latex { Plots::Png } else { Plots::Svg });
    ensure!(
        format != Format::Latex || plots != Plots::Svg,
        "LaTeX does not include SVG by itself: take --plots png, or none"
    );
    let comparison: Comparison = session.api.post("/api/v1/compare", &request).await?;
    let mut document = Document::new(&comparison, title);
    let wants_figures = plots != Plots::None && (output.is_some() || format == Format::Html);
    if wants_figures {
        for metric in &comparison.metrics {
            let name = file_name(&metric.name, &document.figures);
            document.figures.extend(plot::intervals(metric, &comparison.baseline).map(|svg| Figure {
                name: format!("{name}-intervals"),
                caption: format!(
                    "{}: each run, and the mean of each group with its 95% interval; the dashed line is the baseline's mean.",
                    metric.name
                ),
                svg,
            }));
            if let Some(curves) = curves::read(&comparison, &metric.name, session).await? {
                document.figures.extend(plot::curves(&metric.name, &curves).map(|svg| Figure {
                    name: format!("{name}-curves"),
                    caption: format!(
                        "{}: mean over the runs of each group by step, and its 95% interval where at least two runs logged \
                         the step.",
                        metric.name
                    ),
                    svg,
                }));
            }
        }
    }
    let extension = if plots == Plots::Png { "png" } else { "svg" };
    let (text, name) = match format {
        Format::Markdown => (markdown::write(&document, extension), "report.md"),
        Format::Html => (html::write(&document), "report.html"),
        Format::Latex => (latex::write(&document, extension), "report.tex"),
    };
    let Some(folder) = output else {
        session.out.line(text.trim_end())?;
        return Ok(Exit::Success);
    };
    std::fs::create_dir_all(&folder).with_context(|| format!("`{}` cannot be made", folder.display()))?;
    if format != Format::Html || plots == Plots::Png {
        for figure in &document.figures {
            let file = folder.join(format!("{}.{extension}", figure.name));
            match plots {
                Plots::Png => write(&file, &png::render(&figure.svg)?)?,
                Plots::Svg | Plots::None => write(&file, figure.svg.as_bytes())?,
            }
        }
    }
    write(&folder.join(name), text.as_bytes())?;
    session.out.say(format_args!("Wrote {} and {} plots", folder.join(name).display(), document.figures.len()));
    Ok(Exit::Success)
}

fn write(file: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    std::fs::write(file, bytes).with_context(|| format!("`{}` cannot be written", file.display()))
}

/// A metric's name as a file's, unlike those there are.
fn file_name(metric: &str, figures: &[Figure]) -> String {
    let plain: String = metric.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let plain = plain.trim_matches('-');
    let plain: String = if plain.is_empty() { "metric".to_owned() } else { plain.chars().take(80).collect() };
    let is_taken =
        |name: &str| figures.iter().any(|figure| figure.name.rsplit_once('-').is_some_and(|(n, _)| n == name));
    let mut name = plain.clone();
    let mut count = 1;
    while is_taken(&name) {
        count += 1;
        name = format!("{plain}-{count}");
    }
    name
}
