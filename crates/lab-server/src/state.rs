//! What handlers share.

use std::sync::Arc;

use lab_tracker::Tracker;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use crate::mlflow::Histories;
use crate::telemetry::Telemetry;
use crate::{AllowedHosts, Limits};

/// What every handler can reach. Cheap to clone.
#[derive(Clone, Debug)]
pub struct AppState {
    /// The rules and the store behind them.
    pub tracker: Tracker,
    /// Limits on requests.
    pub limits: Limits,
    /// Names this server answers to.
    pub allowed_hosts: Arc<AllowedHosts>,
    /// Counters for Prometheus.
    pub(crate) telemetry: Arc<Telemetry>,
    /// Set once the experiment is there that MLflow's clients take for granted.
    pub(crate) default_experiment: Arc<OnceCell<()>>,
    /// Histories that MLflow's clients are reading page by page.
    pub(crate) histories: Arc<Histories>,
    /// Ends streams when the server shuts down.
    pub(crate) shutdown: CancellationToken,
}

impl AppState {
    /// The state of a server over `tracker`.
    #[must_use]
    pub fn new(tracker: Tracker, limits: Limits, allowed_hosts: AllowedHosts) -> Self {
        Self {
            tracker,
            limits,
            allowed_hosts: Arc::new(allowed_hosts),
            telemetry: Arc::new(Telemetry::new()),
            default_experiment: Arc::default(),
            histories: Arc::default(),
            shutdown: CancellationToken::new(),
        }
    }
}
