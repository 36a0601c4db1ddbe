use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::TestLab;

#[tokio::test]
async fn a_run_is_logged_ended_and_seen_by_every_face() {
    let lab = TestLab::new();
    let server = lab.serve();
    let experiment = server.experiment("tiny-lm").await;
    let run = server
        .run(&experiment, json!({ "parameters": { "lr": 0.1, "model": { "layers": 4 } }, "tags": ["baseline"] }))
        .await;
    let points = json!({ "points": [
        { "name": "loss", "value": 0.9, "step": 1 }, { "name": "loss", "value": "NaN", "step": 2 },
        { "name": "loss", "value": 0.5, "step": 3 }, { "name": "acc", "value": 0.25, "step": 3, "context": { "split": "val" } },
    ]});
    let accepted = server.post(&format!("/api/v1/runs/{run}/metrics"), points).await;
    assert_eq!(accepted["accepted"], 4);
    let ended = server.post(&format!("/api/v1/runs/{run}/status"), json!({ "action": "complete" })).await;
    assert_eq!((ended["status"].as_str(), ended["number"].as_u64()), (Some("completed"), Some(1)));

    let detail = server.get("/api/v1/runs/tiny-lm%231").await;
    let loss = detail["metrics"].as_array().unwrap().iter().find(|m| m["name"] == "loss").unwrap().clone();
    assert_eq!(
        (loss["last"].as_f64(), loss["min"].as_f64(), loss["nan_count"].as_u64()),
        (Some(0.5), Some(0.5), Some(1))
    );
    assert_eq!(loss["median"].as_f64(), Some(0.7));

    let series = server.get(&format!("/api/v1/runs/{run}/points?name=loss")).await;
    assert_eq!(series["values"], json!([0.9, "NaN", 0.5]));
    assert_eq!(series["steps"], json!([1, 2, 3]));

    // The command line reads the same store, with the server and without it.
    let listed = lab.json(&["runs", "list", "tiny-lm", "--where", "metrics.loss < 0.6 and params.model.layers = 4"]);
    assert_eq!(listed["items"][0]["id"], run.as_str());
    let remote = lab.json(&["runs", "show", &run, "--server", &server.url]);
    assert_eq!(remote["parameters"], json!({ "lr": 0.1, "model": { "layers": 4 } }));
}

#[tokio::test]
async fn only_running_runs_take_metrics_and_parameters_never_change() {
    let lab = TestLab::new();
    let server = lab.serve();
    let experiment = server.experiment("tiny-lm").await;
    let run = server.run(&experiment, json!({ "parameters": { "lr": 0.1 } })).await;

    let same = json!({ "parameters": { "lr": 0.1, "layers": 2 } });
    server.post(&format!("/api/v1/runs/{run}/parameters"), same).await;
    let other = json!({ "parameters": { "lr": 0.2 } });
    let (status, problem) = server.refused(Method::POST, &format!("/api/v1/runs/{run}/parameters"), Some(other)).await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("CONFLICT")));

    server
        .post(&format!("/api/v1/runs/{run}/status"), json!({ "action": "fail", "error": { "message": "boom" } }))
        .await;
    let point = json!({ "points": [{ "name": "loss", "value": 1 }] });
    let (status, problem) =
        server.refused(Method::POST, &format!("/api/v1/runs/{run}/metrics"), Some(point.clone())).await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("INVALID_STATE")));

    server.post(&format!("/api/v1/runs/{run}/status"), json!({ "action": "resume" })).await;
    server.post(&format!("/api/v1/runs/{run}/metrics"), point).await;
    let (status, _) = server.refused(Method::DELETE, &format!("/api/v1/runs/{run}"), None).await;
    assert_eq!(status, 409);
}

#[tokio::test]
async fn a_draft_takes_no_runs() {
    let lab = TestLab::new();
    let server = lab.serve();
    server.post("/api/v1/experiments", json!({ "name": "draft" })).await;
    let (status, problem) = server.refused(Method::POST, "/api/v1/experiments/draft/runs", Some(json!({}))).await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("INVALID_STATE")));
}

#[tokio::test]
async fn bad_requests_name_the_field_and_never_break_the_server() {
    let lab = TestLab::new();
    let server = lab.serve();
    let experiment = server.experiment("tiny-lm").await;
    let run = server.run(&experiment, json!({})).await;
    let metrics = format!("/api/v1/runs/{run}/metrics");
    let cases: Vec<(Method, String, Option<Value>, u16)> = vec![
        (Method::POST, "/api/v1/experiments".into(), Some(json!({ "name": "" })), 422),
        (Method::POST, "/api/v1/experiments".into(), Some(json!({ "nome": "x" })), 422),
        (Method::POST, metrics.clone(), Some(json!({ "points": [{ "name": "", "value": 1 }] })), 422),
        (Method::POST, metrics.clone(), Some(json!({ "points": [{ "name": "a", "value": "many" }] })), 422),
        (
            Method::POST,
            metrics,
            Some(json!({ "series": [{ "name": "a", "values": [1], "steps": [], "times_micros": [] }] })),
            422,
        ),
        (Method::GET, "/api/v1/runs?limit=0".into(), None, 422),
        (Method::GET, "/api/v1/runs?cursor=zz".into(), None, 422),
        (Method::GET, "/api/v1/runs?query=metrics.loss+%3C".into(), None, 422),
        (Method::GET, "/api/v1/runs/nothing".into(), None, 404),
        (Method::GET, "/api/v1/artifacts/nothing".into(), None, 422),
        (Method::GET, "/api/v1/lineage/city:berlin".into(), None, 422),
        (Method::GET, "/api/v1/nothing".into(), None, 404),
        (Method::PUT, "/api/v1/experiments".into(), None, 405),
    ];
    for (method, path, body, expected) in cases {
        let (status, problem) = server.refused(method.clone(), &path, body).await;
        assert_eq!(status, expected, "{method} {path}: {problem}");
        assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()));
    }
    assert_eq!(server.get("/api/v1/runs").await["total_count"], 1);
}

#[tokio::test]
async fn artifacts_are_kept_whole_and_given_in_parts() {
    let lab = TestLab::new();
    let server = lab.serve();
    let experiment = server.experiment("tiny-lm").await;
    let run = server.run(&experiment, json!({})).await;
    let content: Vec<u8> = (0..3_000_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let url = format!("{}/api/v1/runs/{run}/artifacts", server.url);
    let put = |name: &'static str, body: Vec<u8>| {
        server.client.put(&url).query(&[("name", name), ("type", "model")]).body(body).send()
    };
    let artifact: Value = put("weights/a b.bin", content.clone()).await.unwrap().json().await.unwrap();
    assert_eq!(artifact["size_bytes"], 3_000_000);

    let content_url = format!("{}/api/v1/artifacts/{}/content", server.url, artifact["id"].as_str().unwrap());
    let whole = server.client.get(&content_url).send().await.unwrap();
    assert_eq!(whole.headers()["content-disposition"], "attachment; filename*=UTF-8''a%20b.bin");
    assert_eq!(whole.headers()["x-content-type-options"], "nosniff");
    assert_eq!(whole.bytes().await.unwrap(), content);
    let part = server.client.get(&content_url).header("range", "bytes=1000000-1000009").send().await.unwrap();
    assert_eq!(part.status(), 206);
    assert_eq!(part.bytes().await.unwrap(), content[1_000_000..1_000_010]);

    for name in ["../x", "/etc/passwd", "a//b", "a\\b"] {
        assert_eq!(put(name, vec![1]).await.unwrap().status(), 422, "{name}");
    }

    let got = lab.json(&["artifacts", "get", &run, "weights/a b.bin"]);
    assert_eq!(std::fs::read(lab.path().join(got["path"].as_str().unwrap())).unwrap(), content);
    let (code, said) = lab.refused(&["artifacts", "get", &run, "weights/a b.bin"]);
    assert_eq!(code, 1);
    assert!(said.contains("--force"), "{said}");
}

#[tokio::test]
async fn an_artifact_over_the_limit_is_refused_before_a_byte_is_kept() {
    let lab = TestLab::new();
    std::fs::write(lab.path().join(".lab/config.toml"), "artifact_limit_bytes = 1000\n").unwrap();
    let server = lab.serve();
    let experiment = server.experiment("tiny-lm").await;
    let run = server.run(&experiment, json!({})).await;
    let url = format!("{}/api/v1/runs/{run}/artifacts?name=big", server.url);
    let response = server.client.put(&url).body(vec![0u8; 1001]).send().await.unwrap();
    assert_eq!(response.status(), 413);
    let problem: Value = response.json().await.unwrap();
    assert_eq!(problem["code"], "ARTIFACT_TOO_LARGE");
    assert_eq!(server.client.put(&url).body(vec![0u8; 1000]).send().await.unwrap().status(), 201);
}

#[tokio::test]
async fn a_body_may_be_compressed_and_is_bounded_by_what_comes_out_of_it() {
    let lab = TestLab::new();
    let server = lab.serve();
    let url = format!("{}/api/v1/experiments", server.url);
    let post = |encoding: &'static str, body: Vec<u8>| {
        let request = server.client.post(&url).header("content-type", "application/json");
        request.header("content-encoding", encoding).body(body).send()
    };
    let small = zstd::bulk::compress(json!({ "name": "small" }).to_string().as_bytes(), 1).unwrap();
    assert_eq!(post("zstd", small.clone()).await.unwrap().status(), 201);
    let bomb = json!({ "name": "bomb", "description": "0".repeat(40 << 20) });
    let bomb = zstd::bulk::compress(bomb.to_string().as_bytes(), 1).unwrap();
    assert!(bomb.len() < 100_000, "{}", bomb.len());
    assert_eq!(post("zstd", bomb).await.unwrap().status(), 413);
    assert_eq!(post("compress", small).await.unwrap().status(), 415);
}

#[tokio::test]
async fn lineage_tells_what_a_run_used_and_made() {
    let lab = TestLab::new();
    let server = lab.serve();
    let experiment = server.experiment("tiny-lm").await;
    let run = server.run(&experiment, json!({})).await;
    let inputs = format!("/api/v1/runs/{run}/inputs");
    server.post(&inputs, json!({ "kind": "dataset", "name": "tinystories" })).await;
    server.post(&inputs, json!({ "kind": "model", "name": "gpt2" })).await;
    let url = format!("{}/api/v1/runs/{run}/artifacts?name=m", server.url);
    server.client.put(&url).body("weights").send().await.unwrap();

    let down = server.get("/api/v1/lineage/dataset:tinystories?direction=descendants&depth=5").await;
    let labels: Vec<&str> = down["nodes"].as_array().unwrap().iter().map(|n| n["id"].as_str().unwrap()).collect();
    assert!(
        labels.iter().any(|id| id.starts_with("run:")) && labels.iter().any(|id| id.starts_with("artifact:")),
        "{labels:?}"
    );
    let up = server.get(&format!("/api/v1/lineage/run:{run}?direction=ancestors&depth=1")).await;
    let types: std::collections::BTreeSet<&str> =
        up["nodes"].as_array().unwrap().iter().map(|n| n["id"].as_str().unwrap().split(':').next().unwrap()).collect();
    assert_eq!(types.into_iter().collect::<Vec<_>>(), ["dataset", "experiment", "model", "run"]);
    let shown = lab.run(&["lineage", &format!("run:{run}")]);
    assert!(shown.status.success());
}

#[tokio::test]
async fn pages_of_other_sites_and_rebound_names_are_refused() {
    let lab = TestLab::new();
    let server = lab.serve();
    let get = |header: &'static str, value: &'static str| {
        server.client.get(format!("{}/api/v1/runs", server.url)).header(header, value).send()
    };
    assert_eq!(get("host", "evil.example:7878").await.unwrap().status(), 403);
    assert_eq!(get("origin", "http://evil.example").await.unwrap().status(), 403);
    assert_eq!(get("host", "localhost:7878").await.unwrap().status(), 200);
    let post = server.client.post(format!("{}/api/v1/experiments", server.url));
    let post = post.header("sec-fetch-site", "cross-site").json(&json!({ "name": "x" }));
    assert_eq!(post.send().await.unwrap().status(), 403);
}

#[tokio::test]
async fn the_document_describes_the_routes_that_there_are() {
    let lab = TestLab::new();
    let server = lab.serve();
    let document = server.get("/api/v1/openapi.json").await;
    assert!(document["openapi"].as_str().unwrap().starts_with("3."));
    assert!(document["paths"]["/api/v1/runs/{run}"]["get"].is_object());
    // Every reference leads somewhere.
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let text = document.to_string();
    for part in text.split("\"#/components/schemas/").skip(1) {
        let name = part.split('"').next().unwrap();
        assert!(schemas.contains_key(name), "{name}");
    }
}

#[tokio::test]
async fn health_metrics_and_the_page_answer() {
    let lab = TestLab::new();
    let server = lab.serve();
    server.experiment("tiny-lm").await;
    for path in ["/healthz", "/readyz"] {
        assert!(server.send(Method::GET, path, None).await.status().is_success());
    }
    let metrics = server.send(Method::GET, "/metrics", None).await.text().await.unwrap();
    assert!(metrics.contains("lab_http_requests_total") && metrics.contains("lab_last_event 2"), "{metrics}");
    let page = server.send(Method::GET, "/experiments/some-id", None).await;
    assert!(page.headers()["content-security-policy"].to_str().unwrap().contains("default-src 'none'"));
    assert!(page.text().await.unwrap().contains("<!doctype html>"));
    assert_eq!(server.send(Method::GET, "/assets/missing.js", None).await.status(), 404);
}

#[tokio::test]
async fn a_delivery_counts_once_however_often_it_comes() {
    let lab = TestLab::new();
    let server = lab.serve();
    let (run, writer) = ("0192f0c1-2a3b-7c4d-8e5f-60718293a4b5", "0192f0c1-2a3b-7c4d-8e5f-60718293a4b6");
    let delivery = json!({ "writer_id": writer, "run_id": run, "first_seq": 1, "records": [
        { "record": "start", "experiment": "new", "started_at": "2026-01-01T00:00:00Z", "tags": [] },
        { "record": "metrics", "series": [{ "name": "loss", "values": [1.0, 0.5], "steps": [0, 1], "times_micros": [0, 1] }] },
    ]});
    let records = format!("/api/v1/runs/{run}/records");
    for _ in 0..3 {
        assert_eq!(server.post(&records, delivery.clone()).await["seq"], 2);
    }
    let series = server.get(&format!("/api/v1/runs/{run}/points?name=loss")).await;
    assert_eq!(series["values"], json!([1.0, 0.5]));
    assert_eq!(server.get(&format!("/api/v1/writers/{writer}")).await["seq"], 2);
}
