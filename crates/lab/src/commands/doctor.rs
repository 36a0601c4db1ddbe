//! `lab doctor`

use clap::Args;
use lab_client::Workspace;
use serde::Serialize;

use crate::api::Api;
use crate::exit::Exit;
use crate::printer::Printer;

/// Check that everything works here, and say what to do where it does not.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lab doctor\n  lab doctor --server http://lab.example.org:7878 --json")]
pub(crate) struct DoctorArgs {}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    /// What was looked at.
    check: &'static str,
    /// Whether it is as it should be.
    ok: bool,
    /// What was found.
    found: String,
}

pub(crate) async fn doctor(
    _args: DoctorArgs,
    workspace: anyhow::Result<Workspace>,
    out: Printer,
) -> anyhow::Result<Exit> {
    let mut findings =
        vec![Finding { check: "program", ok: true, found: format!("lab {}", env!("CARGO_PKG_VERSION")) }];
    let mut add = |check, outcome: anyhow::Result<String>| {
        let ok = outcome.is_ok();
        findings.push(Finding { check, ok, found: outcome.unwrap_or_else(|error| format!("{error:#}")) });
        ok
    };
    match workspace {
        Err(error) => {
            add("settings", Err(error));
        }
        Ok(workspace) => {
            add("settings", Ok(format!("store in {}", workspace.root.display())));
            let opened = Api::open(&workspace).await;
            match opened {
                Err(error) => {
                    add("store", Err(error));
                }
                Ok(api) => {
                    let place = api.place(&workspace);
                    let ready = api.download("/readyz", &()).await;
                    add("store", ready.map(|_| format!("{place} reads and writes")));
                    let counted = api.get::<serde_json::Value>("/api/v1/runs", &[("limit", "1")]).await;
                    add("runs", counted.map(|page| format!("{} runs", page["total_count"])));
                    api.close().await;
                }
            }
            let waiting = lab_client::left_behind(&workspace).map(|count| match count {
                0 => "nothing waits to be delivered".to_owned(),
                count => format!("{count} scripts left records behind: deliver them with `lab sync`"),
            });
            add("spool", waiting.map_err(Into::into));
        }
    }
    let options = lab_capture::CaptureOptions::of_this_process();
    let snapshot = lab_capture::capture(lab_client::now(), &options);
    let seen = snapshot.brief().join("; ");
    findings.push(Finding { check: "environment", ok: true, found: seen });
    if out.json {
        out.json(&findings)?;
    } else {
        for Finding { check, ok, found } in &findings {
            let mark = if *ok { "ok     " } else { "PROBLEM" };
            out.line(format_args!("{mark}  {check:<12} {}", crate::printer::harmless(found)))?;
        }
    }
    Ok(if findings.iter().all(|finding| finding.ok) { Exit::Success } else { Exit::No })
}
