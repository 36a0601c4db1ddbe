//! What the server counts about itself.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::AppState;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Endpoint {
    method: String,
    /// The pattern of the route, never the path itself: ids would make a series each.
    route: String,
    status: u16,
}

/// The counters and the registry that prints them.
#[derive(Debug)]
pub(crate) struct Telemetry {
    registry: Registry,
    requests: Family<Endpoint, Counter>,
    seconds: Family<Endpoint, Histogram, fn() -> Histogram>,
    in_flight: Gauge,
    pub(crate) points: Counter,
    pub(crate) records: Counter,
    pub(crate) artifact_bytes: Counter,
    last_event: Gauge,
}

impl Telemetry {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("lab");
        let seconds: Family<Endpoint, Histogram, fn() -> Histogram> =
            Family::new_with_constructor(|| Histogram::new([0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0]));
        let mut telemetry = Self {
            requests: Family::default(),
            seconds,
            in_flight: Gauge::default(),
            points: Counter::default(),
            records: Counter::default(),
            artifact_bytes: Counter::default(),
            last_event: Gauge::default(),
            registry: Registry::default(),
        };
        registry.register("http_requests", "Requests answered", telemetry.requests.clone());
        registry.register_with_unit(
            "http_request_duration",
            "Time from request to the head of the answer",
            Unit::Seconds,
            telemetry.seconds.clone(),
        );
        registry.register("http_requests_in_flight", "Requests being answered", telemetry.in_flight.clone());
        registry.register("points", "Metric points accepted", telemetry.points.clone());
        registry.register("records", "Client records accepted", telemetry.records.clone());
        registry.register_with_unit(
            "artifact",
            "Artifact content received",
            Unit::Bytes,
            telemetry.artifact_bytes.clone(),
        );
        registry.register("last_event", "Position of the last event", telemetry.last_event.clone());
        telemetry.registry = registry;
        telemetry
    }

    pub(crate) fn render(&self, last_event: u64) -> String {
        self.last_event.set(i64::try_from(last_event).unwrap_or(i64::MAX));
        let mut text = String::new();
        // Writing to a String cannot fail.
        encode(&mut text, &self.registry).ok();
        text
    }
}

/// Counts and times a request.
pub(crate) async fn observe(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let method = request.method().to_string();
    let route =
        request.extensions().get::<MatchedPath>().map_or_else(|| "unmatched".to_owned(), |m| m.as_str().to_owned());
    let telemetry = &state.telemetry;
    telemetry.in_flight.inc();
    let begun = Instant::now();
    let response = next.run(request).await;
    telemetry.in_flight.dec();
    let endpoint = Endpoint { method, route, status: response.status().as_u16() };
    tracing::debug!(
        http.method = endpoint.method,
        http.route = endpoint.route,
        http.status = endpoint.status,
        duration_secs = begun.elapsed().as_secs_f64(),
        "answered a request"
    );
    telemetry.seconds.get_or_create(&endpoint).observe(begun.elapsed().as_secs_f64());
    telemetry.requests.get_or_create(&endpoint).inc();
    response
}
