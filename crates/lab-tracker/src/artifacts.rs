//! Files that runs leave behind: bytes first, then the record that makes them the run's.

use std::ops::Range;

use bytes::Bytes;
use futures_util::Stream;
use lab_model::{
    ArtifactId, ArtifactName, ArtifactRef, ArtifactType, BoxError, ContentHash, Error, EventBody, Kind, Metadata,
    Result, RunId, RunStatus, Timestamp,
};
use lab_store::{Change, Expect, ObjectInfo, ObjectReader, StoreExt as _, Write};

use crate::logging::require_running;
use crate::{Tracker, lineage};

/// An artifact to log.
#[derive(Clone, Debug, PartialEq)]
pub struct NewArtifact {
    /// Its path within the run.
    pub name: ArtifactName,
    /// What it is for.
    pub artifact_type: ArtifactType,
    /// Free JSON.
    pub metadata: Metadata,
    /// How many bytes the sender says there will be, where it says so.
    pub declared_bytes: Option<u64>,
}

impl Tracker {
    /// Logs an artifact of a running run. The same content under the same name again is the same artifact.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::WrongState`] if the run is not running; [`Error::ArtifactTooLarge`], before any byte
    /// is kept where the size was declared; [`Error::Storage`].
    pub async fn log_artifact<S, E>(&self, id: RunId, new: NewArtifact, content: S) -> Result<ArtifactRef>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin + Send,
        E: Into<BoxError>,
    {
        let run = self.store().require_run(id).await?;
        require_running(&run, "artifacts")?;
        let NewArtifact { name, artifact_type, metadata, declared_bytes } = new;
        let stored = self.put_object(declared_bytes, name.as_str(), content).await?;
        if let Some(known) = self.same_artifact(id, &name, stored.hash).await? {
            return Ok(known);
        }
        let at = self.now();
        let artifact = artifact_of(id, name, artifact_type, metadata, &stored, at);
        let mut change = Change::new(at)
            .expecting(Expect::RunIs { id, one_of: vec![RunStatus::Running] })
            .writing(Write::Heartbeat { id, at });
        add_artifact(&mut change, &artifact, run.experiment_id);
        self.store().commit(change).await?;
        Ok(artifact)
    }

    /// Stores content under its hash, for an artifact record that follows.
    ///
    /// # Errors
    /// [`Error::ArtifactTooLarge`]; [`Error::Storage`].
    pub async fn put_object<S, E>(&self, declared_bytes: Option<u64>, name: &str, content: S) -> Result<ObjectInfo>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin + Send,
        E: Into<BoxError>,
    {
        let limit_bytes = self.settings().artifact_limit_bytes;
        if declared_bytes.is_some_and(|bytes| bytes > limit_bytes) {
            return Err(Error::ArtifactTooLarge { name: name.to_owned(), limit_bytes });
        }
        self.inner.objects.put(name, content, limit_bytes).await
    }

    /// Size of stored content, if it is there.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn object_info(&self, hash: ContentHash) -> Result<Option<ObjectInfo>> {
        self.inner.objects.info(hash).await
    }

    /// Artifacts of a run, by name, and of one name the latest first.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such run.
    pub async fn artifacts(&self, run: RunId) -> Result<Vec<ArtifactRef>> {
        self.store().require_run(run).await?;
        self.store().artifacts(run).await
    }

    /// The artifact with that id.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn artifact(&self, id: ArtifactId) -> Result<ArtifactRef> {
        self.store().require_artifact(id).await
    }

    /// The latest artifact of a run with that name.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn find_artifact(&self, run: RunId, name: &ArtifactName) -> Result<ArtifactRef> {
        let found = self.artifacts(run).await?.into_iter().find(|artifact| artifact.name == *name);
        found.ok_or_else(|| Error::not_found(Kind::Artifact, name))
    }

    /// An artifact and its bytes, or a part of them.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Storage`] where the bytes are missing or damaged.
    pub async fn open_artifact(
        &self,
        id: ArtifactId,
        range: Option<Range<u64>>,
    ) -> Result<(ArtifactRef, ObjectReader)> {
        let artifact = self.artifact(id).await?;
        let opened = self.inner.objects.open(artifact.content_hash, range).await?;
        let reader = opened.ok_or_else(|| Error::not_found(Kind::Object, artifact.content_hash))?;
        Ok((artifact, reader))
    }

    pub(crate) async fn same_artifact(
        &self,
        run: RunId,
        name: &ArtifactName,
        hash: ContentHash,
    ) -> Result<Option<ArtifactRef>> {
        let logged = self.store().artifacts(run).await?;
        Ok(logged.into_iter().find(|artifact| artifact.name == *name).filter(|artifact| artifact.content_hash == hash))
    }
}

pub(crate) fn artifact_of(
    run_id: RunId,
    name: ArtifactName,
    artifact_type: ArtifactType,
    metadata: Metadata,
    stored: &ObjectInfo,
    created_at: Timestamp,
) -> ArtifactRef {
    ArtifactRef {
        id: ArtifactId::new(created_at),
        run_id,
        name,
        artifact_type,
        content_hash: stored.hash,
        size_bytes: stored.size_bytes,
        storage_uri: format!("lab-object:{}", stored.hash),
        metadata,
        created_at,
    }
}

/// Adds an artifact, its lineage and its event to a change.
pub(crate) fn add_artifact(change: &mut Change, artifact: &ArtifactRef, experiment: lab_model::ExperimentId) {
    change.writes.push(Write::AddArtifact(Box::new(artifact.clone())));
    lineage::produce(change, artifact);
    change.events.push(lab_store::NewEvent {
        experiment_id: experiment,
        run_id: Some(artifact.run_id),
        body: EventBody::ArtifactLogged {
            artifact_id: artifact.id,
            name: artifact.name.clone(),
            size_bytes: artifact.size_bytes,
        },
    });
}
