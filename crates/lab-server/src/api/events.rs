//! The event log: as a list, and as a stream that can be resumed.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use lab_model::{Error, Event, EventSeq};

use super::types::{EventList, FollowEvents};
use crate::AppState;
use crate::extract::Query;
use crate::problem::{ApiResult, Problem};

/// How many events are read from the log at a time.
const READ_AHEAD: u32 = 500;

/// List events, or with `Accept: text/event-stream` follow them.
///
/// A stream carries the position of each event as its id; a client that sends the last one it saw as `Last-Event-ID`
/// misses none.
#[utoipa::path(get, path = "/api/v1/events", tag = "events", params(FollowEvents),
    responses((status = OK, body = EventList), (status = UNPROCESSABLE_ENTITY, body = Problem)))]
pub(super) async fn follow_events(
    State(state): State<AppState>,
    Query(follow): Query<FollowEvents>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if text(header::ACCEPT).is_some_and(|accept| accept.contains("text/event-stream")) {
        let last_seen = text(header::HeaderName::from_static("last-event-id"));
        let last_seen = last_seen.map(|id| id.parse::<EventSeq>()).transpose();
        let last_seen = last_seen.map_err(|_| Error::invalid("Last-Event-ID", "is not a position in the log"))?;
        let after = match last_seen.or(follow.after) {
            Some(after) => after,
            None => state.tracker.last_event().await?,
        };
        return Ok(stream_from(state, after, follow).into_response());
    }
    let limit = follow.limit.unwrap_or(100);
    if !(1..=1_000).contains(&limit) {
        return Err(Error::invalid("limit", format!("is {limit}; it must be from 1 to 1,000")).into());
    }
    let mut after = follow.after.unwrap_or(0);
    let mut items = Vec::new();
    while items.len() < limit as usize {
        let read = state.tracker.events(after, READ_AHEAD).await?;
        let Some(last) = read.last() else { break };
        let read_to = last.seq;
        items.extend(read.into_iter().filter(|event| follow.wants(event)));
        items.truncate(limit as usize);
        after = if items.len() == limit as usize { items.last().map_or(read_to, |e| e.seq) } else { read_to };
    }
    let last = state.tracker.last_event().await?;
    Ok(axum::Json(EventList { items, after, last }).into_response())
}

impl FollowEvents {
    fn wants(&self, event: &Event) -> bool {
        self.experiment_id.is_none_or(|id| id == event.experiment_id)
            && self.run_id.is_none_or(|id| Some(id) == event.run_id)
    }
}

/// Events after a position, for as long as both sides stay. The log is read again at every wake-up, so that a wake-up may
/// be lost or come twice.
fn stream_from(
    state: AppState,
    after: EventSeq,
    follow: FollowEvents,
) -> Sse<impl futures_util::Stream<Item = Result<sse::Event, Infallible>>> {
    let changes = state.tracker.watch_events();
    let start = (state, changes, after, VecDeque::<Event>::new(), follow);
    let events = stream::unfold(start, async |(state, mut changes, mut after, mut ready, follow)| {
        loop {
            while let Some(event) = ready.pop_front() {
                after = event.seq;
                if follow.wants(&event) {
                    let sent = sse::Event::default().id(event.seq.to_string()).event(event.body.kind());
                    let sent = sent.json_data(&event).unwrap_or_default();
                    return Some((Ok(sent), (state, changes, after, ready, follow)));
                }
            }
            changes.borrow_and_update();
            match state.tracker.events(after, READ_AHEAD).await {
                Ok(events) if events.is_empty() => {
                    tokio::select! {
                        () = state.shutdown.cancelled() => return None,
                        changed = changes.changed() => changed.ok()?,
                    }
                }
                Ok(events) => ready = events.into(),
                Err(error) => {
                    // The client comes back with the last id it saw.
                    tracing::warn!("an event stream ended: {error}");
                    return None;
                }
            }
        }
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(15)))
}
