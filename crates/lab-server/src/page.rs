//! The web page, embedded in the program, and the answer for paths that nothing answers.

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
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
    Router::new().route("/", get(async |headers: HeaderMap| file("index.html", &headers)))
}

/// A file of the page; for a path of the page's own routes its entry; for the rest a problem.
pub(crate) async fn fallback(request: Request) -> Response {
    let path = request.uri().path();
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let name = path.trim_start_matches('/');
    if is_read && Page::get(name).is_some() {
        return file(name, request.headers());
    }
    // Routes of the page have no dot in their last part: a script that is missing must not become HTML.
    let is_page_route = !path.starts_with("/api/") && !path.rsplit('/').next().unwrap_or_default().contains('.');
    if is_read && is_page_route {
        return file("index.html", request.headers());
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

fn file(name: &str, asked: &HeaderMap) -> Response {
    let Some(file) = Page::get(name) else {
        return Problem::new(StatusCode::NOT_FOUND, Code::NotFound, format!("no file `{name}`")).into_response();
    };
    // The web build leaves a compressed twin beside what gains by it.
    let compressed = takes_brotli(asked).then(|| Page::get(&format!("{name}.br"))).flatten();
    let encoding = compressed.is_some().then_some(HeaderValue::from_static("br"));
    // Names of built assets carry a hash of their content; the entry names them and must always be fresh.
    let caching = if name.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let data = compressed.map_or(file.data, |twin| twin.data);
    let mut response = data.into_owned().into_response();
    let headers = response.headers_mut();
    let content_type = HeaderValue::from_str(file.metadata.mimetype());
    headers.insert(header::CONTENT_TYPE, content_type.unwrap_or(HeaderValue::from_static("application/octet-stream")));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    headers.extend(encoding.map(|encoding| (header::CONTENT_ENCODING, encoding)));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

fn takes_brotli(asked: &HeaderMap) -> bool {
    let encodings = asked.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    encodings.flat_map(|list| list.split(',')).any(|encoding| {
        let (name, weight) = encoding.split_once(';').unwrap_or((encoding, ""));
        name.trim().eq_ignore_ascii_case("br") && !matches!(weight.replace(' ', "").as_str(), "q=0" | "q=0.0")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brotli_is_sent_to_who_takes_it() {
        let takes =
            |text| takes_brotli(&HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(text))]));
        assert!(takes("gzip, deflate, br, zstd") && takes("BR;q=0.5"));
        assert!(!takes("gzip") && !takes("br;q=0") && !takes("*") && !takes_brotli(&HeaderMap::new()));
    }
}
