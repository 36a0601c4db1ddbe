//! From a socket to the router, and back to a clean stop.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use axum::serve::ListenerExt as _;
use lab_model::{Error, Result};
use tokio::net::TcpListener;

use crate::{AppState, router};

/// How the server is reached.
#[derive(Clone, Copy, Debug)]
pub struct ServeOptions {
    /// Address and port; port 0 takes any that is free.
    pub listen: SocketAddr,
    /// Whether anybody who reaches the address may do anything. Without it only loopback addresses can be listened on.
    pub allow_unauthenticated: bool,
}

/// How long a shutdown waits for requests in progress.
const DRAIN: Duration = Duration::from_secs(20);

/// Serves until `stop` is ready, then finishes the requests it has accepted. `on_ready` hears the address.
///
/// # Errors
/// [`Error::Unauthorized`] where the address is open to others and that was not asked for; [`Error::Io`] where it cannot
/// be listened on.
pub async fn serve(
    state: AppState,
    options: ServeOptions,
    on_ready: impl FnOnce(SocketAddr),
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<()> {
    let ServeOptions { listen, allow_unauthenticated } = options;
    if !listen.ip().is_loopback() && !allow_unauthenticated {
        return Err(Error::Unauthorized {
            problem: format!(
                "{listen} can be reached from other machines, and this server has no authentication: listen on \
                 127.0.0.1, or pass `--allow-unauthenticated` if everybody who reaches it may read and write"
            ),
        });
    }
    let listener = TcpListener::bind(listen).await.map_err(|e| Error::io(format!("listening on {listen}"), e))?;
    let address = listener.local_addr().map_err(|e| Error::io("asking for the address listened on", e))?;
    // A small answer waits for nothing: Nagle's algorithm would hold it for up to 40 ms.
    let listener = listener.tap_io(|connection| {
        connection.set_nodelay(true).ok();
    });

    let tracker = state.tracker.clone();
    let shutdown = state.shutdown.clone();
    let upkeep = tokio::spawn({
        let (tracker, shutdown) = (tracker.clone(), shutdown.clone());
        async move { tracker.upkeep(shutdown.cancelled_owned()).await }
    });
    let stopping = {
        let shutdown = shutdown.clone();
        async move {
            stop.await;
            shutdown.cancel();
        }
    };
    on_ready(address);
    let serving = axum::serve(listener, router(state)).with_graceful_shutdown(stopping);
    let drained = async {
        shutdown.cancelled().await;
        tokio::time::sleep(DRAIN).await;
    };
    let outcome = tokio::select! {
        outcome = serving => outcome.map_err(|e| Error::io("serving", e)),
        () = drained => {
            tracing::warn!("gave up on requests that were still running {} s after the stop", DRAIN.as_secs());
            Ok(())
        }
    };
    shutdown.cancel();
    upkeep.await.ok();
    tracker.close().await;
    outcome
}
