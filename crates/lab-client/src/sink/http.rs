//! Over HTTP, to the native API.

use std::path::Path;
use std::time::Duration;

use lab_model::{Acknowledged, Delivery, Error, Result, RunId, WriterId};
use reqwest::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Body, Client, RequestBuilder, Response};
use serde::Deserialize;

use super::{SinkError, SinkResult, file_stream};

/// How long to wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a server may be silent within an answer.
const READ_TIMEOUT: Duration = Duration::from_secs(60);
/// Smaller bodies are sent as they are.
const COMPRESSED_FROM: usize = 4 << 10;
/// Numbers as text shrink to a third at the lowest level, which takes a fraction of the time that making the text takes.
const COMPRESSION_LEVEL: i32 = 1;

#[derive(Debug)]
pub(crate) struct HttpSink {
    client: Client,
    base: String,
}

/// The part of a problem that a client acts on.
#[derive(Deserialize)]
struct Problem {
    detail: String,
    #[serde(default)]
    retryable: bool,
}

#[derive(Deserialize)]
struct WriterState {
    seq: u64,
}

impl HttpSink {
    pub(super) fn new(server: &str) -> SinkResult<Self> {
        let client = http_client()?;
        Ok(Self { client, base: format!("{}/api/v1", server.trim_end_matches('/')) })
    }

    pub(super) async fn delivered(&self, writer: WriterId) -> SinkResult<u64> {
        let response = send(self.client.get(format!("{}/writers/{writer}", self.base))).await?;
        let state: WriterState = response.json().await.map_err(|e| unreachable(&e))?;
        Ok(state.seq)
    }

    pub(super) async fn deliver(&self, delivery: &Delivery) -> SinkResult<Acknowledged> {
        let url = format!("{}/runs/{}/records", self.base, delivery.run_id);
        let body = serde_json::to_vec(delivery)
            .map_err(|e| Error::Serialization { what: "a delivery".to_owned(), source: e.into() })?;
        let mut request = self.client.post(url).header(CONTENT_TYPE, "application/json");
        request = if body.len() < COMPRESSED_FROM {
            request.body(body)
        } else {
            let body =
                zstd::bulk::compress(&body, COMPRESSION_LEVEL).map_err(|e| Error::io("compressing a delivery", e))?;
            request.header(CONTENT_ENCODING, "zstd").body(body)
        };
        let response = send(request).await?;
        response.json().await.map_err(|e| unreachable(&e))
    }

    pub(super) async fn put_file(&self, file: &Path, name: &str) -> SinkResult<()> {
        let (size, content) = file_stream(file).await?;
        let request = self.client.put(format!("{}/objects", self.base)).query(&[("name", name)]);
        send(request.header(CONTENT_LENGTH, size).body(Body::wrap_stream(content))).await?;
        Ok(())
    }

    pub(super) async fn heartbeat(&self, run: RunId) -> SinkResult<()> {
        send(self.client.post(format!("{}/runs/{run}/heartbeat", self.base))).await?;
        Ok(())
    }
}

/// A client for a server's API.
///
/// # Errors
/// [`Error::Internal`] where TLS cannot be set up.
pub fn http_client() -> Result<Client> {
    // One TLS provider for the process; who came first has set it.
    rustls::crypto::ring::default_provider().install_default().ok();
    let client = Client::builder().connect_timeout(CONNECT_TIMEOUT).read_timeout(READ_TIMEOUT).build();
    client.map_err(|e| Error::Internal { problem: format!("the HTTP client could not be set up: {e}") })
}

fn unreachable(error: &reqwest::Error) -> SinkError {
    let causes = std::iter::successors(std::error::Error::source(error), |e| e.source());
    let problem = causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"));
    SinkError { problem, is_retryable: true, retry_after: None }
}

async fn send(request: RequestBuilder) -> SinkResult<Response> {
    let response = request.send().await.map_err(|e| unreachable(&e))?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    let retry_after = retry_after.map(Duration::from_secs);
    // Not every 4xx is a refusal: a proxy may answer for a server that is away, and another spool may hold what is missing.
    let may_pass = status.is_server_error() || matches!(status.as_u16(), 401 | 403 | 404 | 407 | 408 | 425 | 429);
    let body = response.bytes().await.unwrap_or_default();
    Err(match serde_json::from_slice::<Problem>(&body) {
        Ok(Problem { detail, retryable }) => {
            SinkError { problem: detail, is_retryable: retryable || may_pass, retry_after }
        }
        Err(_) => SinkError { problem: format!("the server answered {status}"), is_retryable: true, retry_after },
    })
}
