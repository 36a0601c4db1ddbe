//! The API as the commands call it: over the network, or in this process where there is no server.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use axum::body::{Body, Bytes};
use axum::http::{Method, Request, StatusCode, header};
use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _};
use lab_client::Workspace;
use lab_server::{AllowedHosts, AppState, Limits, Problem};
use lab_tracker::Tracker;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tower::ServiceExt as _;

use crate::exit::{Hint, Refused};

/// Bytes that arrive in pieces.
pub(crate) type Content = BoxStream<'static, anyhow::Result<Bytes>>;

/// Where requests go.
#[derive(Clone, Debug)]
enum Transport {
    Remote { client: reqwest::Client, base: String },
    InProcess { router: axum::Router, tracker: Tracker },
}

/// The API.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    transport: Arc<Transport>,
}

/// A status and a body.
struct Answer {
    status: StatusCode,
    length: Option<u64>,
    content: Content,
}

/// What is sent.
enum Payload {
    Json(Vec<u8>),
    Content { size: u64, content: Content },
}

impl Api {
    /// The server that the settings name, or the workspace's own store.
    pub(crate) async fn open(workspace: &Workspace) -> anyhow::Result<Self> {
        let transport = match &workspace.settings.server {
            Some(server) => {
                let client = reqwest::Client::builder().build().context("the HTTP client could not be set up")?;
                Transport::Remote { client, base: server.trim_end_matches('/').to_owned() }
            }
            None => {
                let tracker = open_store(workspace).await?;
                // Where no server looks after a store, whoever opens it does; reading goes on if that fails.
                tracker.fail_silent_runs().await.ok();
                tracker.finalise_ended_runs().await.ok();
                tracker.fold_runs().await.ok();
                let state = AppState::new(tracker.clone(), Limits::default(), AllowedHosts::default());
                Transport::InProcess { router: lab_server::router(state), tracker }
            }
        };
        Ok(Self { transport: Arc::new(transport) })
    }

    /// Where requests go, for messages.
    pub(crate) fn place(&self, workspace: &Workspace) -> String {
        match &*self.transport {
            Transport::Remote { base, .. } => base.clone(),
            Transport::InProcess { .. } => workspace.root.display().to_string(),
        }
    }

    /// Finishes what was begun.
    pub(crate) async fn close(&self) {
        if let Transport::InProcess { tracker, .. } = &*self.transport {
            tracker.close().await;
        }
    }

    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str, query: &impl Serialize) -> anyhow::Result<T> {
        self.json(Method::GET, &with_query(path, query)?, None::<&()>).await
    }

    pub(crate) async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> anyhow::Result<T> {
        self.json(Method::POST, path, Some(body)).await
    }

    pub(crate) async fn patch<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> anyhow::Result<T> {
        self.json(Method::PATCH, path, Some(body)).await
    }

    /// Sends content that comes in pieces.
    pub(crate) async fn put<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &impl Serialize,
        size: u64,
        content: Content,
    ) -> anyhow::Result<T> {
        let payload = Payload::Content { size, content };
        let answer = self.send(Method::PUT, &with_query(path, query)?, Some(payload), None).await?;
        read_json(answer).await
    }

    pub(crate) async fn delete(&self, path: &str) -> anyhow::Result<()> {
        self.send(Method::DELETE, path, None, None).await?;
        Ok(())
    }

    /// The body of an answer as it comes, and its length where that is known.
    pub(crate) async fn download(&self, path: &str, query: &impl Serialize) -> anyhow::Result<(Option<u64>, Content)> {
        let answer = self.send(Method::GET, &with_query(path, query)?, None, None).await?;
        Ok((answer.length, answer.content))
    }

    /// An event stream as it comes.
    pub(crate) async fn follow(&self, path: &str, query: &impl Serialize) -> anyhow::Result<Content> {
        let answer = self.send(Method::GET, &with_query(path, query)?, None, Some("text/event-stream")).await?;
        Ok(answer.content)
    }

    async fn json<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> anyhow::Result<T> {
        let body = body.map(serde_json::to_vec).transpose()?.map(Payload::Json);
        read_json(self.send(method, path, body, None).await?).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Payload>,
        accept: Option<&str>,
    ) -> anyhow::Result<Answer> {
        let answer = match &*self.transport {
            Transport::InProcess { router, .. } => in_process(router.clone(), method, path, body, accept).await?,
            Transport::Remote { client, base } => remote(client, base, method, path, body, accept).await?,
        };
        if answer.status.is_success() {
            return Ok(answer);
        }
        let bytes = collect(answer.content).await?;
        let problem = serde_json::from_slice::<Problem>(&bytes)
            .map_err(|_| anyhow!("the server answered {} without saying why", answer.status))?;
        Err(Refused(problem).into())
    }
}

/// Opens the workspace's own store.
pub(crate) async fn open_store(workspace: &Workspace) -> anyhow::Result<Tracker> {
    let root: &PathBuf = &workspace.root;
    Tracker::open(root, workspace.settings.clone())
        .await
        .with_context(|| format!("the store in `{}` could not be opened", root.display()))
}

async fn in_process(
    router: axum::Router,
    method: Method,
    path: &str,
    body: Option<Payload>,
    accept: Option<&str>,
) -> anyhow::Result<Answer> {
    let mut request = Request::builder().method(method).uri(path).header(header::HOST, "localhost");
    request = match &body {
        Some(Payload::Json(_)) => request.header(header::CONTENT_TYPE, "application/json"),
        Some(Payload::Content { size, .. }) => request.header(header::CONTENT_LENGTH, *size),
        None => request,
    };
    if let Some(accept) = accept {
        request = request.header(header::ACCEPT, accept);
    }
    let request = request.body(match body {
        Some(Payload::Json(json)) => Body::from(json),
        Some(Payload::Content { content, .. }) => Body::from_stream(content),
        None => Body::empty(),
    })?;
    let response = router.oneshot(request).await?;
    let status = response.status();
    let length = response.headers().get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse().ok());
    let content = response.into_body().into_data_stream().map_err(anyhow::Error::from).boxed();
    Ok(Answer { status, length, content })
}

async fn remote(
    client: &reqwest::Client,
    base: &str,
    method: Method,
    path: &str,
    body: Option<Payload>,
    accept: Option<&str>,
) -> anyhow::Result<Answer> {
    let mut request = client.request(method, format!("{base}{path}"));
    request = match body {
        Some(Payload::Json(json)) => request.header(header::CONTENT_TYPE, "application/json").body(json),
        Some(Payload::Content { size, content }) => {
            request.header(header::CONTENT_LENGTH, size).body(reqwest::Body::wrap_stream(content))
        }
        None => request,
    };
    if let Some(accept) = accept {
        request = request.header(header::ACCEPT, accept);
    }
    let response = request
        .send()
        .await
        .with_context(|| format!("the server at {base} cannot be reached"))
        .context(Hint("start one with `lab serve`, or unset LAB_SERVER to use the store in `.lab/`".to_owned()))?;
    let status = response.status();
    let length = response.content_length();
    let content = response.bytes_stream().map_err(anyhow::Error::from).boxed();
    Ok(Answer { status, length, content })
}

async fn read_json<T: DeserializeOwned>(answer: Answer) -> anyhow::Result<T> {
    let bytes = collect(answer.content).await?;
    serde_json::from_slice(&bytes).with_context(|| {
        Hint("the server may be of another version than this program: compare `lab --version`".to_owned())
    })
}

async fn collect(content: Content) -> anyhow::Result<Vec<u8>> {
    let whole = content.try_fold(Vec::new(), async |mut whole, chunk| {
        whole.extend_from_slice(&chunk);
        Ok(whole)
    });
    whole.await
}

fn with_query(path: &str, query: &impl Serialize) -> anyhow::Result<String> {
    let query = serde_urlencoded::to_string(query)?;
    Ok(if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") })
}

/// A part of a path, with everything encoded that would end it.
pub(crate) fn segment(text: &str) -> String {
    text.bytes().fold(String::new(), |mut path, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            path.push(char::from(byte));
        } else {
            use std::fmt::Write as _;
            write!(path, "%{byte:02X}").ok();
        }
        path
    })
}
