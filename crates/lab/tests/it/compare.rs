//! `lab compare`, its gates, `lab hypotheses`, `lab noise` and `lab report`, as a script sees them.

use serde_json::{Value, json};

use crate::harness::{TestLab, text};

/// An experiment with two widths of three seeds each, the wider one lower by about 0.4, and a stated hypothesis.
async fn widths() -> TestLab {
    let lab = TestLab::new();
    let server = lab.serve();
    let config = json!({
        "metrics": [{ "name": "val/loss", "direction": "minimize", "critical": { "value": 2.55, "direction": "above" } }],
        "hypotheses": [{
            "name": "wide", "metric": "val/loss", "treatment": "params.hidden = 64", "baseline": "params.hidden = 8",
            "direction": "lower", "smallest_effect": 0.05, "planned_runs": 3,
        }],
    });
    server.post("/api/v1/experiments", json!({ "name": "tiny-lm", "config": config })).await;
    server.post("/api/v1/experiments/tiny-lm/status", json!({ "status": "active" })).await;
    for (hidden, losses) in [(64, [2.0, 2.2, 2.1]), (8, [2.41, 2.59, 2.5])] {
        for (seed, loss) in losses.into_iter().enumerate() {
            let run = server.run("tiny-lm", json!({ "parameters": { "hidden": hidden, "seed": seed } })).await;
            let points: Vec<Value> = (0..5)
                .map(|step| json!({ "name": "val/loss", "value": loss + 0.1 * f64::from(4 - step), "step": step }))
                .collect();
            server.post(&format!("/api/v1/runs/{run}/metrics"), json!({ "points": points })).await;
            server.post(&format!("/api/v1/runs/{run}/status"), json!({ "action": "complete" })).await;
        }
    }
    lab
}

const BY_WIDTH: [&str; 5] = ["compare", "-e", "tiny-lm", "-g", "params.hidden"];

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&BY_WIDTH[..], more].concat()
}

#[tokio::test]
async fn a_regression_fails_the_build_with_a_report() {
    let lab = widths().await;
    let passed = lab.run(&with(&["--baseline", "8", "--fail-on", "regression"]));
    assert!(passed.status.success(), "{}", text(&passed.stderr));
    assert!(text(&passed.stdout).contains("- planned as wide: hidden=64 is better than hidden=8: mean val/loss"));

    let worse = ["--baseline", "64", "--fail-on", "regression,critical", "--format"];
    let markdown = lab.run(&with(&[&worse[..], &["markdown"]].concat()));
    assert_eq!(markdown.status.code(), Some(1));
    let said = text(&markdown.stdout);
    assert!(said.starts_with("### ❌ Comparison failed: 2 checks\n\nAgainst `hidden=64`: 1 worse.\n"), "{said}");
    assert!(said.contains("tiny-lm\\#5 is beyond a critical threshold: val/loss."), "{said}");

    let junit = lab.run(&with(&[&worse[..], &["junit", "--output", "junit.xml"]].concat()));
    assert_eq!((junit.status.code(), junit.stdout.len()), (Some(1), 0));
    let xml = std::fs::read_to_string(lab.path().join("junit.xml")).unwrap();
    assert!(xml.contains(r#"<testsuites tests="2" failures="2">"#), "{xml}");
    assert!(xml.contains(r#"<testcase classname="val/loss" name="hidden=8">"#), "{xml}");

    let json = lab.run(&with(&[&worse[..], &["json"]].concat()));
    let json: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!((json["passed"].as_bool(), json["failures"][0]["check"].as_str()), (Some(false), Some("regression")));
    assert_eq!(json["comparison"]["baseline"], "hidden=64");
}

#[tokio::test]
async fn a_check_that_could_never_fail_is_refused() {
    let lab = TestLab::new();
    let server = lab.serve();
    server.experiment("plain").await;
    for value in [1.0, 2.0] {
        let run = server.run("plain", json!({ "parameters": { "lr": value } })).await;
        let point = json!({ "points": [{ "name": "x", "value": value, "step": 1 }] });
        server.post(&format!("/api/v1/runs/{run}/metrics"), point).await;
    }
    let (code, said) = lab.refused(&["compare", "-e", "plain", "--fail-on", "regression"]);
    assert_eq!(code, 2);
    assert!(said.contains("--lower-is-better"), "{said}");
    let (code, said) =
        lab.refused(&["compare", "-e", "plain", "--fail-on", "too-few,regression", "--lower-is-better", "x"]);
    assert_eq!(code, 1);
    assert!(said.contains("Too few runs to test"), "{said}");
}

#[tokio::test]
async fn the_gate_answers_in_one_line_and_counts_its_looks() {
    let lab = widths().await;
    let against = |runs: &[&'static str]| {
        let more = ["--baseline", "tiny-lm#4,tiny-lm#5", "--metric", "val/loss", "--gate"];
        lab.run(&[&["compare"][..], runs, &more].concat())
    };
    let better = against(&["tiny-lm#1", "tiny-lm#2"]);
    assert!(better.status.success(), "{}", text(&better.stdout));
    let line = text(&better.stdout);
    assert_eq!(line.lines().count(), 1);
    assert!(line.starts_with("signal: val/loss -0.4 (-16.0%), better: candidate (2 runs) against baseline (2 runs); "));
    assert!(line.contains("against 0.025 for look 1 of alpha 0.05; noise sd 0.09513 from 6 runs"), "{line}");
    let luck = against(&["tiny-lm#6"]);
    assert_eq!(luck.status.code(), Some(1));
    assert!(
        text(&luck.stdout).starts_with("noise: val/loss 0 (0.0%), the same")
            || text(&luck.stdout).starts_with("noise:")
    );
    assert!(text(&luck.stdout).contains("for look 2 of alpha 0.05"));
    assert_eq!(text(&against(&["tiny-lm#1", "tiny-lm#2"]).stdout), line);
}

#[tokio::test]
async fn hypotheses_are_stated_followed_and_judged() {
    let lab = widths().await;
    let shown = lab.json(&["hypotheses", "show", "tiny-lm"]);
    assert_eq!((shown[0]["treatment"]["completed"].as_u64(), shown[0]["is_planned"].as_bool()), (Some(3), Some(true)));
    let late = [
        "hypotheses",
        "state",
        "tiny-lm",
        "late",
        "--metric",
        "val/loss",
        "--treatment",
        "params.seed = 1",
        "--baseline",
        "params.seed = 0",
        "--higher",
        "--smallest-effect",
        "0.1",
        "--planned-runs",
        "2",
    ];
    assert_eq!(lab.json(&late)[1]["is_planned"], false);
    lab.json(&["hypotheses", "withdraw", "tiny-lm", "late"]);
    let (code, said) = lab.refused(&["hypotheses", "withdraw", "tiny-lm", "late"]);
    assert_eq!(code, 1);
    assert!(said.contains("states no such hypothesis"), "{said}");
    lab.json(&["exp", "complete", "tiny-lm"]);
    let judged = lab.json(&["hypotheses", "show", "tiny-lm"]);
    assert_eq!(judged[0]["judgement"]["outcome"], "supported", "{judged}");
    assert!(judged[1]["withdrawn_at"].is_string() && judged[1]["judgement"].is_null());
    let noise = lab.json(&["noise", "tiny-lm"]);
    assert_eq!((noise["runs"].as_u64(), noise["metrics"][0]["floor"]["df"].as_u64()), (Some(6), Some(4)));
}

#[tokio::test]
async fn a_report_has_tables_and_plots() {
    let lab = widths().await;
    let by_width = ["report", "-e", "tiny-lm", "-g", "params.hidden", "--baseline", "8"];
    let report = |more: &[&'static str]| {
        let output = lab.run(&[&by_width[..], more].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let markdown = report(&[]);
    assert!(markdown.contains("| hidden=8 (baseline) | 3 (3 seeds) | 2.50 ± 0.22 |"), "{markdown}");
    assert!(markdown.contains("| **2.10 ± 0.25**"), "{markdown}");
    assert!(report(&["--format", "html"]).contains("<svg xmlns="));
    report(&["--format", "latex", "--output", "paper"]);
    let file = |name: &str| std::fs::read(lab.path().join("paper").join(name)).unwrap();
    assert!(text(&file("report.tex")).contains(r"\includegraphics[width=\linewidth]{val-loss-intervals.png}"));
    for name in ["val-loss-intervals.png", "val-loss-curves.png"] {
        assert_eq!(&file(name)[..8], b"\x89PNG\r\n\x1a\n");
    }
    let (code, said) = lab.refused(&[&by_width[..], &["--format", "latex", "--plots", "svg"]].concat());
    assert_eq!(code, 2);
    assert!(said.contains("LaTeX does not include SVG"), "{said}");
}
