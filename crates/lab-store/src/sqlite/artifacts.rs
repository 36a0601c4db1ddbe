//! Records of artifacts.

use async_trait::async_trait;
use lab_model::{ArtifactId, ArtifactRef, Error, Kind, Result, RunId};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::SqliteStore;
use super::commit::run_status;
use super::error::While as _;
use super::prepare::json;
use super::rows::{self, bytes};
use crate::Artifacts;

pub(super) fn add(conn: &Connection, artifact: &ArtifactRef) -> Result<()> {
    run_status(conn, artifact.run_id)?;
    let metadata = json("artifact", &artifact.metadata)?;
    let added = conn
        .prepare_cached(&format!(
            "INSERT INTO artifacts ({}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (id) DO NOTHING",
            rows::ARTIFACT
        ))
        .and_then(|mut statement| {
            statement.execute(params![
                bytes(artifact.id.as_uuid()),
                bytes(artifact.run_id.as_uuid()),
                artifact.name.as_str(),
                artifact.artifact_type.as_str(),
                artifact.content_hash.as_bytes(),
                rows::integer(artifact.size_bytes),
                artifact.storage_uri,
                metadata,
                artifact.created_at.as_microsecond(),
            ])
        })
        .while_doing("writing an artifact's record")?;
    if added == 0 { Err(Error::conflict(Kind::Artifact, artifact.id, "exists already")) } else { Ok(()) }
}

#[async_trait]
impl Artifacts for SqliteStore {
    async fn artifact(&self, id: ArtifactId) -> Result<Option<ArtifactRef>> {
        self.readers
            .read("reading an artifact's record", move |conn| {
                let sql = format!("SELECT {} FROM artifacts WHERE id = ?1", rows::ARTIFACT);
                conn.prepare_cached(&sql)?.query_row([bytes(id.as_uuid())], rows::artifact).optional()
            })
            .await
    }

    async fn artifacts(&self, run: RunId) -> Result<Vec<ArtifactRef>> {
        self.readers
            .read("reading artifacts' records", move |conn| {
                let sql = format!(
                    "SELECT {} FROM artifacts WHERE run_id = ?1 ORDER BY name, created_at DESC, rowid DESC",
                    rows::ARTIFACT
                );
                conn.prepare_cached(&sql)?.query_map([bytes(run.as_uuid())], rows::artifact)?.collect()
            })
            .await
    }
}
