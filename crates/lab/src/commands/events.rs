//! `lab events`

use anyhow::Context as _;
use clap::Args;
use futures_util::StreamExt as _;
use lab_model::Event;
use lab_server::types::{EventList, FollowEvents};

use super::Session;
use crate::exit::Exit;
use crate::printer::{Printer, harmless};

/// Show what happened.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lab events                       the last 20\n  lab events --follow              what happens from now on\n  \
                        lab events --after 0 --json      all of them, a line each"
)]
pub(crate) struct EventsArgs {
    /// Go on until Ctrl-C
    #[arg(long, short)]
    follow: bool,
    /// Only events after this position
    #[arg(long, value_name = "POSITION")]
    after: Option<u64>,
    /// Without --after: how many of the last events to show [default: 20, or with --follow none]
    #[arg(long, short = 'n', value_name = "COUNT")]
    last: Option<u64>,
}

pub(crate) async fn events(args: EventsArgs, session: &Session) -> anyhow::Result<Exit> {
    let last = args.last.unwrap_or(if args.follow { 0 } else { 20 });
    let mut after = match args.after {
        Some(after) => after,
        None => last_position(session).await?.saturating_sub(last),
    };
    loop {
        let query = FollowEvents { after: Some(after), limit: Some(1_000), ..FollowEvents::default() };
        let list: EventList = session.api.get("/api/v1/events", &query).await?;
        for event in &list.items {
            show(event, session.out)?;
        }
        after = list.after;
        if list.items.is_empty() {
            break;
        }
    }
    if args.follow {
        follow(after, session).await?;
    }
    Ok(Exit::Success)
}

/// The position of the last event.
async fn last_position(session: &Session) -> anyhow::Result<u64> {
    let list: EventList =
        session.api.get("/api/v1/events", &FollowEvents { limit: Some(1), ..Default::default() }).await?;
    Ok(list.last)
}

/// Follows the stream, and takes it up again where it was cut.
async fn follow(mut after: u64, session: &Session) -> anyhow::Result<()> {
    loop {
        let query = FollowEvents { after: Some(after), ..FollowEvents::default() };
        let mut stream = session.api.follow("/api/v1/events", &query).await?;
        let mut text = Vec::new();
        while let Some(Ok(chunk)) = stream.next().await {
            text.extend_from_slice(&chunk);
            while let Some(end) = text.windows(2).position(|w| w == b"\n\n") {
                let message: Vec<u8> = text.drain(..end + 2).collect();
                let message = String::from_utf8(message).context("the event stream is not text")?;
                let data: String = message.lines().filter_map(|line| line.strip_prefix("data:")).collect();
                if !data.is_empty() {
                    let event: Event = serde_json::from_str(&data).context("the event stream holds no event")?;
                    after = event.seq;
                    show(&event, session.out)?;
                }
            }
        }
        session.out.warn("the event stream was cut; taking it up again");
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
}

fn show(event: &Event, out: Printer) -> anyhow::Result<()> {
    if out.json {
        return Ok(out.json_line(event)?);
    }
    let about = event.run_id.map_or_else(|| format!("experiment {}", event.experiment_id), |id| format!("run {id}"));
    let mut rest = serde_json::to_value(&event.body)?;
    if let Some(fields) = rest.as_object_mut() {
        fields.remove("type");
    }
    let rest = if rest.as_object().is_some_and(|fields| fields.is_empty()) { String::new() } else { rest.to_string() };
    let time = event.at.strftime("%Y-%m-%d %H:%M:%S");
    Ok(out.line(format_args!("{:>6}  {time}  {:<18}  {about}  {}", event.seq, event.body.kind(), harmless(&rest)))?)
}
