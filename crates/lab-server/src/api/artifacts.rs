//! Artifacts: their records and their bytes.

use std::ops::Range;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use futures_util::{Stream, StreamExt as _, stream};
use lab_model::{ArtifactId, ArtifactName, ArtifactRef, ArtifactType, BoxError, Code, Error, Metadata};
use lab_tracker::NewArtifact;

use super::runs::resolve;
use super::types::{ArtifactByName, Items, LogArtifact};
use crate::extract::{Path, Query};
use crate::problem::{ApiResult, Problem};
use crate::{AppState, Limits};

/// The body as a stream that fails where the sender falls silent, so that a stalled upload holds nothing for ever.
pub(super) fn content(
    body: Body,
    limits: Limits,
    count: impl Fn(u64) + Send,
) -> impl Stream<Item = Result<Bytes, BoxError>> + Send + Unpin {
    let chunks = Box::pin(body.into_data_stream());
    Box::pin(stream::try_unfold((chunks, count), move |(mut chunks, count)| async move {
        let next = tokio::time::timeout(limits.upload_stall, chunks.next()).await;
        match next.map_err(|_| BoxError::from("the sender fell silent"))? {
            None => Ok(None),
            Some(chunk) => {
                let chunk = chunk?;
                count(chunk.len() as u64);
                Ok(Some((chunk, (chunks, count))))
            }
        }
    }))
}

pub(super) fn declared_bytes(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// List the artifacts of a run.
#[utoipa::path(get, path = "/api/v1/runs/{run}/artifacts", tag = "artifacts",
    params(("run" = String, Path, description = "Id, beginning of one, EXPERIMENT#NUMBER or unique name")),
    responses((status = OK, body = Items<ArtifactRef>), (status = NOT_FOUND, body = Problem)))]
pub(super) async fn list_artifacts(
    State(state): State<AppState>,
    Path(run): Path<String>,
) -> ApiResult<axum::Json<Items<ArtifactRef>>> {
    let id = resolve(&state, &run).await?;
    Ok(axum::Json(Items { items: state.tracker.artifacts(id).await? }))
}

/// Log an artifact of a running run: the body is its content.
#[utoipa::path(put, path = "/api/v1/runs/{run}/artifacts", tag = "artifacts",
    params(("run" = String, Path, description = "Id, beginning of one, EXPERIMENT#NUMBER or unique name"), LogArtifact),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = CREATED, body = ArtifactRef), (status = NOT_FOUND, body = Problem),
              (status = CONFLICT, body = Problem), (status = PAYLOAD_TOO_LARGE, body = Problem)))]
pub(super) async fn log_artifact(
    State(state): State<AppState>,
    Path(run): Path<String>,
    Query(log): Query<LogArtifact>,
    headers: HeaderMap,
    body: Body,
) -> ApiResult<(StatusCode, axum::Json<ArtifactRef>)> {
    let id = resolve(&state, &run).await?;
    let metadata = log.metadata.map(|text| serde_json::from_str::<Metadata>(&text)).transpose();
    let artifact = NewArtifact {
        name: log.name.parse::<ArtifactName>()?,
        artifact_type: log.artifact_type.map(|text| text.parse::<ArtifactType>()).transpose()?.unwrap_or_default(),
        metadata: metadata
            .map_err(|e| Error::invalid("metadata", format!("is not a JSON object: {e}")))?
            .unwrap_or_default(),
        declared_bytes: declared_bytes(&headers),
    };
    let telemetry = Arc::clone(&state.telemetry);
    let content = content(body, state.limits, move |bytes| {
        telemetry.artifact_bytes.inc_by(bytes);
    });
    let artifact = state.tracker.log_artifact(id, artifact, content).await?;
    Ok((StatusCode::CREATED, axum::Json(artifact)))
}

/// Show the record of an artifact.
#[utoipa::path(get, path = "/api/v1/artifacts/{artifact_id}", tag = "artifacts",
    params(("artifact_id" = String, Path, description = "Id")),
    responses((status = OK, body = ArtifactRef), (status = NOT_FOUND, body = Problem)))]
pub(super) async fn get_artifact(
    State(state): State<AppState>,
    Path(artifact_id): Path<ArtifactId>,
) -> ApiResult<axum::Json<ArtifactRef>> {
    Ok(axum::Json(state.tracker.artifact(artifact_id).await?))
}

/// Download an artifact, or with `Range` a part of it.
#[utoipa::path(get, path = "/api/v1/artifacts/{artifact_id}/content", tag = "artifacts",
    params(("artifact_id" = String, Path, description = "Id")),
    responses((status = OK, body = Vec<u8>, content_type = "application/octet-stream"),
              (status = PARTIAL_CONTENT, body = Vec<u8>, content_type = "application/octet-stream"),
              (status = NOT_FOUND, body = Problem), (status = RANGE_NOT_SATISFIABLE, body = Problem)))]
pub(super) async fn get_artifact_content(
    State(state): State<AppState>,
    Path(artifact_id): Path<ArtifactId>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let artifact = state.tracker.artifact(artifact_id).await?;
    download(&state, &artifact, &headers).await
}

/// Download the latest artifact of a name.
#[utoipa::path(get, path = "/api/v1/runs/{run}/artifacts/content", tag = "artifacts",
    params(("run" = String, Path, description = "Id, beginning of one, EXPERIMENT#NUMBER or unique name"), ArtifactByName),
    responses((status = OK, body = Vec<u8>, content_type = "application/octet-stream"),
              (status = PARTIAL_CONTENT, body = Vec<u8>, content_type = "application/octet-stream"),
              (status = NOT_FOUND, body = Problem), (status = RANGE_NOT_SATISFIABLE, body = Problem)))]
pub(super) async fn get_run_artifact_content(
    State(state): State<AppState>,
    Path(run): Path<String>,
    Query(by): Query<ArtifactByName>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let id = resolve(&state, &run).await?;
    let artifact = state.tracker.find_artifact(id, &by.name.parse()?).await?;
    download(&state, &artifact, &headers).await
}

/// Sends the bytes as an attachment that no browser will run in the page's origin.
async fn download(state: &AppState, artifact: &ArtifactRef, headers: &HeaderMap) -> ApiResult<Response> {
    let range = requested_range(headers, artifact.size_bytes)?;
    let (_, reader) = state.tracker.open_artifact(artifact.id, range.clone()).await?;
    let length = range.as_ref().map_or(artifact.size_bytes, |r| r.end - r.start);
    let mut response = Response::new(Body::from_stream(reader.stream));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::CONTENT_LENGTH, length.into());
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    let tag = HeaderValue::try_from(format!("\"{}\"", artifact.content_hash));
    headers.insert(header::ETAG, tag.map_err(|e| Error::Internal { problem: e.to_string() })?);
    let disposition =
        HeaderValue::try_from(format!("attachment; filename*=UTF-8''{}", percent_encoded(artifact.name.file_name())));
    headers.insert(header::CONTENT_DISPOSITION, disposition.map_err(|e| Error::Internal { problem: e.to_string() })?);
    if let Some(Range { start, end }) = range {
        let value = HeaderValue::try_from(format!("bytes {start}-{}/{}", end - 1, artifact.size_bytes));
        headers.insert(header::CONTENT_RANGE, value.map_err(|e| Error::Internal { problem: e.to_string() })?);
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    Ok(response)
}

/// All but the unreserved characters as `%XX`: what RFC 5987 takes in a header.
fn percent_encoded(name: &str) -> String {
    name.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            use std::fmt::Write as _;
            write!(text, "%{byte:02X}").ok();
        }
        text
    })
}

/// The one range of a `Range` header. Several, or another unit, give the whole: a server may ignore the header.
fn requested_range(headers: &HeaderMap, size: u64) -> ApiResult<Option<Range<u64>>> {
    let Some(spec) = headers.get(header::RANGE).and_then(|value| value.to_str().ok()?.strip_prefix("bytes=")) else {
        return Ok(None);
    };
    if spec.contains(',') {
        return Ok(None);
    }
    let Some((first, last)) = spec.split_once('-') else { return Ok(None) };
    let range = match (first.trim().parse::<u64>(), last.trim().parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => first..last.saturating_add(1).min(size),
        (Ok(first), Err(_)) if last.trim().is_empty() => first..size,
        (Err(_), Ok(suffix)) if first.trim().is_empty() => size.saturating_sub(suffix)..size,
        _ => return Ok(None),
    };
    if range.is_empty() {
        return Err(Problem::new(
            StatusCode::RANGE_NOT_SATISFIABLE,
            Code::ValidationError,
            format!("the artifact has {size} bytes"),
        ));
    }
    Ok(Some(range))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(range: &str, expected: Result<Option<Range<u64>>, u16>) {
        let headers = HeaderMap::from_iter([(header::RANGE, HeaderValue::from_str(range).unwrap())]);
        assert_eq!(requested_range(&headers, 10).map_err(|problem| problem.status), expected, "{range}");
    }

    #[test]
    fn one_range_is_honoured_and_odd_ones_are_ignored() {
        check("bytes=0-3", Ok(Some(0..4)));
        check("bytes=4-", Ok(Some(4..10)));
        check("bytes=-3", Ok(Some(7..10)));
        check("bytes=-30", Ok(Some(0..10)));
        check("bytes=5-500", Ok(Some(5..10)));
        check("bytes=10-", Err(416));
        check("bytes=-0", Err(416));
        for odd in ["bytes=3-1", "bytes=0-1,3-4", "lines=1-2", "bytes=", "bytes=-", "bytes=a-b"] {
            check(odd, Ok(None));
        }
    }

    #[test]
    fn file_names_survive_in_a_header() {
        assert_eq!(percent_encoded("a b\"\r\nü.bin"), "a%20b%22%0D%0A%C3%BC.bin");
    }
}
