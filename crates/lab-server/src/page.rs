//! The web page, embedded in the program, and the answer for paths that nothing answers.

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use lab_model::Code;
use rust_embed::RustEmbed;

use crate::AppState;
use crate::problem::Problem;

/// What the web build made.
#[derive(RustEmbed)]
#[folder = "page/"]
struct Page;

/// Scripts, styles and data from this server only; nothing may frame the page.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'";

pub(crate) fn router() -> Router<AppState> {
    Router::new().route("/", get(async || file("index.html")))
}

/// A file of the page; for a path of the page's own routes its entry; for the rest a problem.
pub(crate) async fn fallback(request: Request) -> Response {
    let path = request.uri().path();
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let name = path.trim_start_matches('/');
    if is_read && Page::get(name).is_some() {
        return file(name);
    }
    // Routes of the page have no dot in their last part: a script that is missing must not become HTML.
    let is_page_route = !path.starts_with("/api/") && !path.rsplit('/').next().unwrap_or_default().contains('.');
    if is_read && is_page_route {
        return file("index.html");
    }
    Problem::new(StatusCode::NOT_FOUND, Code::NotFound, "no such route; `/api/v1/openapi.json` lists them all")
        .into_response()
}

pub(crate) async fn method_not_allowed() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        Code::ValidationError,
        "this route does not take that method; `/api/v1/openapi.json` lists them all",
    )
}

fn file(name: &str) -> Response {
    let Some(file) = Page::get(name) else {
        return Problem::new(StatusCode::NOT_FOUND, Code::NotFound, format!("no file `{name}`")).into_response();
    };
    // Names of built assets carry a hash of their content; the entry names them and must always be fresh.
    let caching = if name.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let mut response = file.data.into_owned().into_response();
    let headers = response.headers_mut();
    let content_type = HeaderValue::from_str(file.metadata.mimetype());
    headers.insert(
        header::CONTENT_TYPE,
        content_type.unwrap_or(HeaderValue::from_static("application/octet-stream")),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}
