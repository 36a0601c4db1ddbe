//! `lab hypotheses`

use clap::{Args, Subcommand};
use lab_model::{ExpectedDirection, Experiment, ExperimentConfig, Hypothesis, Reduction};
use lab_tracker::ExperimentOverview;
use lab_tracker::compare::HypothesisReport;
use serde_json::json;

use super::Session;
use super::compare::parse_reduction;
use crate::api::segment;
use crate::exit::Exit;
use crate::printer::{bold, harmless};
use crate::table::{number, table};

/// Hypotheses.
#[derive(Debug, Subcommand)]
pub(crate) enum HypothesesCommand {
    /// Show what was stated, how far its runs are, and what came of it
    #[command(after_help = "Example:\n  lab hypotheses show tiny-lm")]
    Show(OneArgs),
    /// State a hypothesis, or word it anew: once the experiment is active that is a revision, which everybody sees
    State(StateArgs),
    /// Take a hypothesis back; that it was stated stays on record
    #[command(after_help = "Example:\n  lab hypotheses withdraw tiny-lm wide")]
    Withdraw(WithdrawArgs),
}

#[derive(Debug, Args)]
pub(crate) struct OneArgs {
    /// Name or id of the experiment
    experiment: String,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Completing the experiment judges it: supported, refuted, a tie (shown to be too small to matter), or \
                        underpowered with the runs still needed.\n\n\
                        Example:\n  lab hypotheses state tiny-lm wide --metric val/loss --treatment 'params.hidden = 64' \
                        \\\n    --baseline 'params.hidden = 8' --lower --smallest-effect 0.05 --planned-runs 5"
)]
pub(crate) struct StateArgs {
    /// Name or id of the experiment
    experiment: String,
    /// What to call the hypothesis
    name: String,
    /// The metric that decides
    #[arg(long, value_name = "NAME")]
    metric: String,
    /// How a run becomes one number, as for lab compare
    #[arg(long, value_name = "HOW", default_value = "last", value_parser = parse_reduction)]
    reduce: Reduction,
    /// Which of the experiment's runs are the treatment
    #[arg(long, value_name = "FILTER")]
    treatment: String,
    /// Which they are set against
    #[arg(long, value_name = "FILTER")]
    baseline: String,
    #[command(flatten)]
    direction: Direction,
    /// The smallest difference that matters, in the metric's unit
    #[arg(long, value_name = "AMOUNT")]
    smallest_effect: f64,
    /// Chance of calling it supported, or a tie, where it is not
    #[arg(long, default_value_t = 0.05)]
    alpha: f64,
    /// How many runs each group is to have
    #[arg(long, value_name = "COUNT")]
    planned_runs: u32,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Direction {
    /// The treatment's mean is expected below the baseline's
    #[arg(long)]
    lower: bool,
    /// The treatment's mean is expected above the baseline's
    #[arg(long)]
    higher: bool,
    /// They are expected to differ, either way
    #[arg(long)]
    differs: bool,
}

#[derive(Debug, Args)]
pub(crate) struct WithdrawArgs {
    /// Name or id of the experiment
    experiment: String,
    /// Name of the hypothesis
    name: String,
}

pub(super) async fn hypotheses(command: HypothesesCommand, session: &Session) -> anyhow::Result<Exit> {
    match command {
        HypothesesCommand::Show(args) => show(&args.experiment, session).await,
        HypothesesCommand::State(args) => state(args, session).await,
        HypothesesCommand::Withdraw(args) => withdraw(args, session).await,
    }
}

async fn state(args: StateArgs, session: &Session) -> anyhow::Result<Exit> {
    let StateArgs { experiment, name, metric, reduce, treatment, baseline, direction, .. } = args;
    let direction = match direction {
        Direction { lower: true, .. } => ExpectedDirection::Lower,
        Direction { higher: true, .. } => ExpectedDirection::Higher,
        _ => ExpectedDirection::Differs,
    };
    let stated = Hypothesis {
        name,
        metric,
        reduction: reduce,
        treatment,
        baseline,
        direction,
        smallest_effect: args.smallest_effect,
        alpha: args.alpha,
        planned_runs: args.planned_runs,
    };
    change(&experiment, session, |config| {
        match config.hypotheses.iter_mut().find(|known| known.name == stated.name) {
            Some(known) => *known = stated,
            None => config.hypotheses.push(stated),
        }
        Ok(())
    })
    .await
}

async fn withdraw(args: WithdrawArgs, session: &Session) -> anyhow::Result<Exit> {
    change(&args.experiment, session, |config| {
        let count = config.hypotheses.len();
        config.hypotheses.retain(|known| known.name != args.name);
        if config.hypotheses.len() == count {
            let problem = format!("is `{}`, and the experiment states no such hypothesis", args.name);
            return Err(lab_model::Error::invalid("name", problem).into());
        }
        Ok(())
    })
    .await
}

/// Changes the configuration, unless somebody else did meanwhile, and shows what is stated then.
async fn change(
    experiment: &str,
    session: &Session,
    edit: impl FnOnce(&mut ExperimentConfig) -> anyhow::Result<()>,
) -> anyhow::Result<Exit> {
    let path = format!("/api/v1/experiments/{}", segment(experiment));
    let overview: ExperimentOverview = session.api.get(&path, &()).await?;
    let mut config = overview.experiment.config;
    edit(&mut config)?;
    let expecting = format!("{path}?revision={}", overview.experiment.revision);
    let _: Experiment = session.api.patch(&expecting, &json!({ "config": config })).await?;
    show(experiment, session).await
}

async fn show(experiment: &str, session: &Session) -> anyhow::Result<Exit> {
    let path = format!("/api/v1/experiments/{}/hypotheses", segment(experiment));
    let reports: Vec<HypothesisReport> = session.api.get(&path, &()).await?;
    let out = session.out;
    if out.json {
        out.json(&reports)?;
        return Ok(Exit::Success);
    }
    if reports.is_empty() {
        out.say("No hypothesis is stated as data. State one before the runs: lab hypotheses state --help");
        return Ok(Exit::Success);
    }
    for report in &reports {
        let stated = &report.statement;
        out.line(format_args!("{}", bold(harmless(&stated.name))))?;
        let than = match stated.direction {
            ExpectedDirection::Lower => "lower than",
            ExpectedDirection::Higher => "higher than",
            ExpectedDirection::Differs => "other than",
        };
        let rows = [
            (
                "claim",
                format!("{} ({}) of the treatment is {than} the baseline's", stated.metric, stated.reduction.phrase()),
            ),
            ("treatment", stated.treatment.clone()),
            ("baseline", stated.baseline.clone()),
            ("matters from", format!("{} (alpha {})", number(stated.smallest_effect), number(stated.alpha))),
            (
                "runs",
                format!(
                    "{} of {} and {} of {} completed",
                    report.treatment.completed, stated.planned_runs, report.baseline.completed, stated.planned_runs
                ),
            ),
            ("stated", stated_when(report)),
        ];
        out.line(table(&["", ""], rows.map(|(name, text)| vec![name.to_owned(), text])).trim_fmt())?;
        out.line(format_args!("- {}\n", harmless(&report.sentence)))?;
    }
    Ok(Exit::Success)
}

fn stated_when(report: &HypothesisReport) -> String {
    let Some(frozen) = report.frozen_at else { return "as a draft".to_owned() };
    let mut text = format!("frozen at {frozen}");
    if let [_, .., last] = report.revisions.as_slice() {
        let edits = report.revisions.len() - 1;
        text += &format!(", reworded {edits} time{}, last at {}", if edits == 1 { "" } else { "s" }, last.at);
    }
    if let Some(at) = report.withdrawn_at {
        text += &format!(", withdrawn at {at}");
    }
    if !report.is_planned {
        text += "; after the first of its runs began, so exploratory";
    }
    text
}
