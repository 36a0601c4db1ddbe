//! `lab serve`

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use lab_client::Workspace;
use lab_server::{AllowedHosts, AppState, Limits, ServeOptions};
use tracing_subscriber::EnvFilter;

use crate::exit::Exit;
use crate::printer::{Printer, bold};

/// Serve the API and the web page until Ctrl-C.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lab serve                             http://127.0.0.1:7878\n  \
                        lab serve --listen 127.0.0.1:0        any free port; the address is printed\n  \
                        lab serve --listen 0.0.0.0:7878 --host-name lab.example.org --allow-unauthenticated")]
pub(crate) struct ServeArgs {
    /// Address and port to listen on
    #[arg(long, env = "LAB_LISTEN", default_value = "127.0.0.1:7878", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// A name this server is reached by, beside localhost and addresses in digits; may be repeated
    #[arg(long = "host-name", env = "LAB_HOST_NAMES", value_delimiter = ',', value_name = "NAME")]
    host_names: Vec<String>,
    /// Let everybody who reaches the address read and write
    #[arg(long, env = "LAB_ALLOW_UNAUTHENTICATED")]
    allow_unauthenticated: bool,
    /// Most bytes of a JSON body
    #[arg(long, env = "LAB_MAX_BODY_BYTES", default_value_t = Limits::default().max_body_bytes, value_name = "BYTES")]
    max_body_bytes: usize,
    /// Longest time for one request, uploads, downloads and event streams excepted
    #[arg(long, env = "LAB_REQUEST_TIMEOUT_SECS", default_value_t = Limits::default().request_timeout.as_secs(),
          value_name = "SECONDS")]
    request_timeout_secs: u64,
    /// Longest silence of an upload before it is given up
    #[arg(long, env = "LAB_UPLOAD_STALL_SECS", default_value_t = Limits::default().upload_stall.as_secs(),
          value_name = "SECONDS")]
    upload_stall_secs: u64,
    /// What the server's own log says, as `info` or `lab_server=debug`
    #[arg(long, env = "LAB_LOG", default_value = "warn", value_name = "FILTER")]
    log: String,
    /// Write the server's own log as JSON
    #[arg(long)]
    log_json: bool,
}

pub(crate) async fn serve(args: ServeArgs, workspace: Workspace, out: Printer) -> anyhow::Result<Exit> {
    let logging =
        tracing_subscriber::fmt().with_env_filter(EnvFilter::try_new(&args.log)?).with_writer(std::io::stderr);
    if args.log_json {
        logging.json().init();
    } else {
        logging.init();
    }
    let tracker = crate::api::open_store(&workspace).await?;
    let limits = Limits {
        max_body_bytes: args.max_body_bytes,
        request_timeout: Duration::from_secs(args.request_timeout_secs),
        upload_stall: Duration::from_secs(args.upload_stall_secs),
    };
    let state = AppState::new(tracker, limits, AllowedHosts::new(args.host_names));
    let options = ServeOptions { listen: args.listen, allow_unauthenticated: args.allow_unauthenticated };
    let on_ready = |address: SocketAddr| {
        if out.json {
            out.json_line(&serde_json::json!({ "url": format!("http://{address}"), "store": workspace.root })).ok();
        } else {
            out.say(format_args!(
                "Serving {} at {} (Ctrl-C stops)",
                workspace.root.display(),
                bold(format_args!("http://{address}"))
            ));
        }
    };
    lab_server::serve(state, options, on_ready, stop_signal()).await?;
    out.say("Stopped; everything accepted is kept.");
    Ok(Exit::Success)
}

/// Ready at Ctrl-C or, where there is such a thing, SIGTERM.
async fn stop_signal() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => {
                tokio::select! {
                    _ = interrupt => {}
                    _ = terminate.recv() => {}
                }
            }
            Err(_) => {
                interrupt.await.ok();
            }
        }
    }
    #[cfg(not(unix))]
    interrupt.await.ok();
}
