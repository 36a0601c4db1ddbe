//! What clients ask about the server itself.

use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::AppState;

/// The version of MLflow whose endpoints there are. From 3.4 on clients would send spans to `/v1/traces`.
const VERSION: &str = "3.3.2";

/// The routes without a prefix.
pub(super) fn top_routes() -> Router<AppState> {
    Router::new().route("/health", get(async || "OK")).route("/version", get(async || VERSION))
}

/// The routes of the third version.
pub(super) fn routes() -> Router<AppState> {
    Router::new().route("/server-info", get(server_info))
}

async fn server_info() -> Json<Value> {
    Json(json!({
        "store_type": "SqlStore",
        "workspaces_enabled": false,
        "trace_archival_enabled": false,
        "multipart_uploads_enabled": false,
        "multipart_downloads_enabled": false,
    }))
}
