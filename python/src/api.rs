//! Reading back: the HTTP API, over the network or in this process where there is no server.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use lab_client::Workspace;
use lab_model::{Error, Result};
use lab_server::{AllowedHosts, AppState, Limits};
use lab_tracker::Tracker;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use tower::ServiceExt as _;

use crate::errors::without_interpreter;

/// Status and body of the API's answer to a request. Whoever calls raises the problem of a refusal.
#[pyfunction]
#[pyo3(signature = (method, path, body, dir, server, accept=None))]
pub(crate) fn request<'py>(
    py: Python<'py>,
    method: &str,
    path: &str,
    body: Option<String>,
    dir: Option<String>,
    server: Option<String>,
    accept: Option<&str>,
) -> PyResult<(u16, Bound<'py, PyBytes>)> {
    let (status, bytes) = without_interpreter(py, || {
        let workspace = crate::workspace(dir, server)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(|e| Error::io("starting the runtime", e))?;
        let asked = Asked { method, path, body, accept: accept.unwrap_or("application/json") };
        runtime.block_on(async {
            match &workspace.settings.server {
                Some(server) => remote(server, asked).await,
                None => in_process(&workspace, asked).await,
            }
        })
    })?;
    Ok((status, PyBytes::new(py, &bytes)))
}

/// A request.
struct Asked<'a> {
    method: &'a str,
    path: &'a str,
    body: Option<String>,
    accept: &'a str,
}

async fn remote(server: &str, asked: Asked<'_>) -> Result<(u16, Vec<u8>)> {
    let method = asked.method.parse().map_err(|_| Error::invalid("method", "is none"))?;
    let url = format!("{}{}", server.trim_end_matches('/'), asked.path);
    let mut request = lab_client::http_client()?.request(method, url).timeout(Duration::from_secs(300));
    request = request.header(header::ACCEPT, asked.accept);
    if let Some(body) = asked.body {
        request = request.header(header::CONTENT_TYPE, "application/json").body(body);
    }
    let response = request.send().await.map_err(|e| Error::storage("asking the server", e))?;
    let status = response.status().as_u16();
    let bytes = response.bytes().await.map_err(|e| Error::storage("reading the server's answer", e))?;
    Ok((status, bytes.to_vec()))
}

async fn in_process(workspace: &Workspace, asked: Asked<'_>) -> Result<(u16, Vec<u8>)> {
    let failed = |e: axum::Error| Error::storage("reading", e);
    let tracker = Tracker::open(&workspace.root, workspace.settings.clone()).await?;
    let router = lab_server::router(AppState::new(tracker.clone(), Limits::default(), AllowedHosts::default()));
    let request = Request::builder().method(asked.method).uri(asked.path).header(header::HOST, "localhost");
    let request = request.header(header::CONTENT_TYPE, "application/json").header(header::ACCEPT, asked.accept);
    let request = request.body(asked.body.map_or_else(Body::empty, Body::from));
    let request = request.map_err(|e| Error::invalid("path", e.to_string()))?;
    let Ok(response) = router.oneshot(request).await;
    let status = response.status();
    let bytes = to_bytes(response.into_body(), usize::MAX).await.map_err(failed)?;
    tracker.close().await;
    Ok((status.as_u16(), bytes.to_vec()))
}
