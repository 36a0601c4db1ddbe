//! Who may talk to the server: Host and Origin.
//!
//! A page of another site can make a browser on this machine send requests to 127.0.0.1, and by rebinding its own name to
//! that address even read the answers. Such a request carries that site's name as its Host, and its Origin. An address in
//! digits cannot be rebound, so those pass, and names only where they were told to the server.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use lab_model::Code;

use crate::AppState;
use crate::problem::Problem;

/// Names that the server answers to, beside addresses in digits and `localhost`.
#[derive(Clone, Debug, Default)]
pub struct AllowedHosts(Vec<String>);

impl AllowedHosts {
    /// These names, whatever their case.
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        Self(names.into_iter().map(|name| name.to_ascii_lowercase()).collect())
    }

    fn allows(&self, authority: &str) -> bool {
        let Ok(authority) = authority.parse::<Authority>() else { return false };
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        host == "localhost" || host.parse::<IpAddr>().is_ok() || self.0.contains(&host)
    }
}

/// Refuses requests whose Host is a name the server was not told, or that another site's page sent.
pub(crate) async fn check_host_and_origin(
    State(state): State<AppState>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let host = host_of(&request);
    if !host.as_deref().is_some_and(|host| state.allowed_hosts.allows(host)) {
        return Err(refused(format!(
            "this server does not answer to the host `{}`; start it with `--host-name NAME` if it should",
            host.unwrap_or_default().escape_debug()
        )));
    }
    if let Some(origin) = text(request.headers(), header::ORIGIN) {
        let is_same = origin.split_once("://").is_some_and(|(_, authority)| Some(authority) == host.as_deref());
        if !is_same {
            return Err(refused("requests from pages of other sites are refused"));
        }
    } else if !matches!(*request.method(), Method::GET | Method::HEAD)
        && text(request.headers(), "sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none")
    {
        return Err(refused("requests from pages of other sites are refused"));
    }
    Ok(next.run(request).await)
}

fn host_of(request: &Request) -> Option<String> {
    let header = text(request.headers(), header::HOST).map(str::to_owned);
    header.or_else(|| request.uri().authority().map(ToString::to_string))
}

fn text(headers: &HeaderMap, name: impl header::AsHeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

fn refused(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, Code::Unauthorized, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_known_names_pass_and_rebound_names_do_not() {
        let hosts = AllowedHosts::new(["Lab.Example.org".to_owned()]);
        for good in ["localhost:7878", "127.0.0.1:7878", "[::1]:7878", "10.0.0.7", "lab.example.org", "LOCALHOST"] {
            assert!(hosts.allows(good), "{good}");
        }
        for bad in ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:7878", "", "a b", "::1"] {
            assert!(!hosts.allows(bad), "{bad}");
        }
    }
}
