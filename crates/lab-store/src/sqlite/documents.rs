//! Documents: rows that are written and read whole.

use async_trait::async_trait;
use lab_model::{Error, Kind, Result, RunId};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, Row, params, params_from_iter};

use super::SqliteStore;
use super::error::While as _;
use super::experiments::{MOST_VARIABLES, marks};
use super::prepare::json;
use super::rows::{self, bytes};
use crate::{Document, DocumentKind, DocumentQuery, Documents};

const WRITING: &str = "writing a document";

const DOCUMENT: &str = "kind, key, scope, created_at, updated_at, revision, content_hash, body";

fn document(row: &Row<'_>) -> rusqlite::Result<Document> {
    Ok(Document {
        kind: rows::parsed(row, 0)?,
        key: row.get(1)?,
        scope: row.get(2)?,
        created_at: rows::time(row, 3)?,
        updated_at: rows::time(row, 4)?,
        revision: rows::unsigned(row, 5)?,
        content: rows::maybe_hash(row, 6)?,
        body: rows::json(row, 7)?,
    })
}

/// The revision of a document; 0 where there is none.
fn revision(conn: &Connection, kind: DocumentKind, key: &str) -> Result<u64> {
    let found = conn
        .prepare_cached("SELECT revision FROM documents WHERE kind = ?1 AND key = ?2")
        .and_then(|mut q| q.query_row(params![kind.as_str(), key], |row| rows::unsigned(row, 0)).optional())
        .while_doing(WRITING)?;
    Ok(found.unwrap_or(0))
}

pub(super) fn check_revision(conn: &Connection, kind: DocumentKind, key: &str, expected: u64) -> Result<()> {
    let actual = revision(conn, kind, key)?;
    if actual == expected {
        return Ok(());
    }
    let problem = format!("is at revision {actual}, not {expected}: it was changed meanwhile");
    Err(Error::conflict(Kind::Object, format!("{kind} {key}"), problem))
}

pub(super) fn put(conn: &Connection, document: &Document) -> Result<()> {
    let body = json("document", &document.body)?;
    conn.prepare_cached(&format!(
        "INSERT INTO documents ({DOCUMENT}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT (kind, key) DO UPDATE SET scope = excluded.scope, created_at = excluded.created_at,
             updated_at = excluded.updated_at, revision = excluded.revision, content_hash = excluded.content_hash,
             body = excluded.body"
    ))
    .and_then(|mut statement| {
        statement.execute(params![
            document.kind.as_str(),
            document.key,
            document.scope,
            document.created_at.as_microsecond(),
            document.updated_at.as_microsecond(),
            rows::integer(document.revision),
            document.content.as_ref().map(lab_model::ContentHash::as_bytes),
            body,
        ])
    })
    .while_doing(WRITING)
    .map(|_| ())
}

pub(super) fn delete(conn: &Connection, kind: DocumentKind, key: &str) -> Result<()> {
    conn.prepare_cached("DELETE FROM documents WHERE kind = ?1 AND key = ?2")
        .and_then(|mut statement| statement.execute(params![kind.as_str(), key]))
        .while_doing(WRITING)
        .map(|_| ())
}

/// Removes records of artifacts of a run, and their nodes.
pub(super) fn remove_artifacts(conn: &Connection, run: RunId, ids: &[lab_model::ArtifactId]) -> Result<()> {
    super::commit::run_status(conn, run)?;
    for id in ids {
        super::lineage::remove_node(conn, &lab_model::NodeId::new(lab_model::NodeType::Artifact, id))?;
        conn.prepare_cached("DELETE FROM artifacts WHERE id = ?1 AND run_id = ?2")
            .and_then(|mut statement| statement.execute(params![bytes(id.as_uuid()), bytes(run.as_uuid())]))
            .while_doing("removing an artifact's record")?;
    }
    Ok(())
}

#[async_trait]
impl Documents for SqliteStore {
    async fn document(&self, kind: DocumentKind, key: &str) -> Result<Option<Document>> {
        let key = key.to_owned();
        self.readers
            .read("reading a document", move |conn| {
                let sql = format!("SELECT {DOCUMENT} FROM documents WHERE kind = ?1 AND key = ?2");
                conn.prepare_cached(&sql)?.query_row(params![kind.as_str(), key], document).optional()
            })
            .await
    }

    async fn documents(&self, query: &DocumentQuery) -> Result<Vec<Document>> {
        let query = query.clone();
        self.readers.read("reading documents", move |conn| find(conn, &query)).await
    }
}

fn find(conn: &Connection, query: &DocumentQuery) -> rusqlite::Result<Vec<Document>> {
    let mut sql = format!("SELECT {DOCUMENT} FROM documents WHERE kind = ?");
    let mut values = vec![Value::Text(query.kind.as_str().to_owned())];
    if !query.key_prefix.is_empty() {
        // The key that follows all with this beginning: no text sorts after the greatest character.
        sql.push_str(" AND key >= ? AND key < ?");
        values.push(Value::Text(query.key_prefix.clone()));
        values.push(Value::Text(format!("{}\u{10FFFF}", query.key_prefix)));
    }
    let order = " ORDER BY created_at DESC, key";
    let limit = query.limit.map_or_else(String::new, |limit| format!(" LIMIT {limit}"));
    let Some(scopes) = &query.scopes else {
        let sql = format!("{sql}{order}{limit}");
        return conn.prepare_cached(&sql)?.query_map(params_from_iter(values), document)?.collect();
    };
    let mut found = Vec::new();
    for some in scopes.chunks(MOST_VARIABLES) {
        let sql = format!("{sql} AND scope IN ({}){order}{limit}", marks(some.len()));
        let values = values.iter().cloned().chain(some.iter().cloned().map(Value::Text));
        for row in conn.prepare_cached(&sql)?.query_map(params_from_iter(values), document)? {
            found.push(row?);
        }
    }
    if scopes.len() > MOST_VARIABLES {
        found.sort_by(|a, b| (b.created_at, &a.key).cmp(&(a.created_at, &b.key)));
        found.truncate(query.limit.map_or(usize::MAX, |limit| limit as usize));
    }
    Ok(found)
}
