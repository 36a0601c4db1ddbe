//! Where records go.

#[cfg(feature = "embedded")]
mod embedded;
mod http;

use std::path::Path;
use std::time::Duration;

use lab_model::{Acknowledged, Delivery, Error, RunId, WriterId};

pub use http::http_client;

use crate::Workspace;

/// The server of the settings, or the store in the workspace.
#[derive(Debug)]
pub(crate) enum Sink {
    Http(http::HttpSink),
    #[cfg(feature = "embedded")]
    Embedded(embedded::EmbeddedSink),
}

/// Why something was not taken.
#[derive(Debug)]
pub(crate) struct SinkError {
    /// What happened, in one sentence.
    pub(crate) problem: String,
    /// Whether to try again.
    pub(crate) is_retryable: bool,
    /// How long to wait before, where the server says so.
    pub(crate) retry_after: Option<Duration>,
}

impl From<Error> for SinkError {
    fn from(error: Error) -> Self {
        let causes = std::iter::successors(std::error::Error::source(&error), |e| e.source());
        let problem = causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"));
        // Only what the rules refuse is refused for good: a store that fails may be mended, and the beginning of a run that is
        // missing may be in another spool.
        let may_pass = matches!(error, Error::Storage { .. } | Error::Io { .. } | Error::NotFound { .. });
        let is_retryable = error.is_retryable() || may_pass;
        Self { problem, is_retryable, retry_after: None }
    }
}

type SinkResult<T> = std::result::Result<T, SinkError>;

impl Sink {
    /// Connects; a server is not asked for anything yet.
    pub(crate) async fn open(workspace: &Workspace) -> SinkResult<Self> {
        match &workspace.settings.server {
            Some(server) => Ok(Self::Http(http::HttpSink::new(server)?)),
            #[cfg(feature = "embedded")]
            None => Ok(Self::Embedded(embedded::EmbeddedSink::open(workspace).await?)),
            #[cfg(not(feature = "embedded"))]
            None => Err(Error::invalid("LAB_SERVER", "is not set, and this build has no store of its own").into()),
        }
    }

    /// Number of the last record kept of a writer.
    pub(crate) async fn delivered(&self, writer: WriterId) -> SinkResult<u64> {
        match self {
            Self::Http(http) => http.delivered(writer).await,
            #[cfg(feature = "embedded")]
            Self::Embedded(embedded) => embedded.delivered(writer).await,
        }
    }

    /// Hands records over. They are durable when this succeeds.
    pub(crate) async fn deliver(&self, delivery: &Delivery) -> SinkResult<Acknowledged> {
        match self {
            Self::Http(http) => http.deliver(delivery).await,
            #[cfg(feature = "embedded")]
            Self::Embedded(embedded) => embedded.deliver(delivery).await,
        }
    }

    /// Stores a file under its hash.
    pub(crate) async fn put_file(&self, file: &Path, name: &str) -> SinkResult<()> {
        match self {
            Self::Http(http) => http.put_file(file, name).await,
            #[cfg(feature = "embedded")]
            Self::Embedded(embedded) => embedded.put_file(file, name).await,
        }
    }

    /// Says that the run's client is alive.
    pub(crate) async fn heartbeat(&self, run: RunId) -> SinkResult<()> {
        match self {
            Self::Http(http) => http.heartbeat(run).await,
            #[cfg(feature = "embedded")]
            Self::Embedded(embedded) => embedded.heartbeat(run).await,
        }
    }

    /// Lets go of what it holds.
    pub(crate) async fn close(self) {
        match self {
            Self::Http(_) => {}
            #[cfg(feature = "embedded")]
            Self::Embedded(embedded) => embedded.close().await,
        }
    }
}

/// A file as a stream, and its size.
async fn file_stream(file: &Path) -> SinkResult<(u64, tokio_util::io::ReaderStream<tokio::fs::File>)> {
    let failed = |e| SinkError::from(Error::io(format!("reading `{}`", file.display()), e));
    let opened = tokio::fs::File::open(file).await.map_err(failed)?;
    let size = opened.metadata().await.map_err(failed)?.len();
    Ok((size, tokio_util::io::ReaderStream::with_capacity(opened, 256 * 1024)))
}
