//! The event log.

use async_trait::async_trait;
use lab_model::{Event, EventBody, EventSeq, Result, Timestamp};
use rusqlite::{Connection, params};
use tokio::sync::watch;

use super::SqliteStore;
use super::commit::Created;
use super::error::While as _;
use super::prepare::json;
use super::rows::{self, bytes};
use crate::{Events, NewEvent};

/// Adds an entry. SQLite gives it the next position: one more than the greatest, and entries are never removed.
pub(super) fn add(conn: &Connection, at: Timestamp, event: &NewEvent, created: &Created) -> Result<()> {
    let mut body = event.body.clone();
    if let EventBody::RunCreated { number, name } | EventBody::RunStarted { number, name } = &mut body
        && let Some((given_number, given_name)) = event.run_id.and_then(|id| created.get(&id))
    {
        *number = *given_number;
        name.clone_from(given_name);
    }
    conn.prepare_cached("INSERT INTO events (at, experiment_id, run_id, kind, body) VALUES (?1, ?2, ?3, ?4, ?5)")
        .and_then(|mut statement| {
            statement.execute(params![
                at.as_microsecond(),
                bytes(event.experiment_id.as_uuid()),
                event.run_id.as_ref().map(|id| bytes(id.as_uuid())),
                body.kind(),
                json("event", &body).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?,
            ])
        })
        .while_doing("writing an event")
        .map(|_| ())
}

pub(super) fn last_event(conn: &Connection) -> rusqlite::Result<EventSeq> {
    conn.prepare_cached("SELECT coalesce(max(seq), 0) FROM events")?.query_row([], |row| rows::unsigned(row, 0))
}

#[async_trait]
impl Events for SqliteStore {
    async fn events(&self, after: EventSeq, limit: u32) -> Result<Vec<Event>> {
        // Positions are 63 bits here; beyond is after everything.
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        self.readers
            .read("reading events", move |conn| {
                let sql = format!("SELECT {} FROM events WHERE seq > ?1 ORDER BY seq LIMIT ?2", rows::EVENT);
                conn.prepare_cached(&sql)?.query_map(params![after, limit], rows::event)?.collect()
            })
            .await
    }

    async fn last_event(&self) -> Result<EventSeq> {
        self.readers.read("reading events", last_event).await
    }

    fn watch_events(&self) -> watch::Receiver<EventSeq> {
        self.watch()
    }
}
