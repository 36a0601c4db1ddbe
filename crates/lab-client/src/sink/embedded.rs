//! Straight into the store of the workspace, by the same rules as over HTTP.

use std::path::Path;

use lab_model::{Acknowledged, Delivery, RunId, WriterId};
use lab_tracker::Tracker;

use super::{SinkResult, file_stream};
use crate::Workspace;

#[derive(Debug)]
pub(crate) struct EmbeddedSink {
    tracker: Tracker,
}

impl EmbeddedSink {
    pub(super) async fn open(workspace: &Workspace) -> SinkResult<Self> {
        Ok(Self { tracker: Tracker::open(&workspace.root, workspace.settings.clone()).await? })
    }

    pub(super) async fn delivered(&self, writer: WriterId) -> SinkResult<u64> {
        Ok(self.tracker.delivered(writer).await?)
    }

    pub(super) async fn deliver(&self, delivery: &Delivery) -> SinkResult<Acknowledged> {
        Ok(self.tracker.deliver(delivery.clone()).await?)
    }

    pub(super) async fn put_file(&self, file: &Path, name: &str) -> SinkResult<()> {
        let (size, content) = file_stream(file).await?;
        self.tracker.put_object(Some(size), name, content).await?;
        Ok(())
    }

    pub(super) async fn heartbeat(&self, run: RunId) -> SinkResult<()> {
        Ok(self.tracker.heartbeat(run).await?)
    }

    pub(super) async fn close(self) {
        self.tracker.close().await;
    }
}
