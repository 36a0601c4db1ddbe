use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{Server, TestLab};

/// Times that the server is killed.
fn kills() -> u64 {
    if std::env::var_os("LAB_LONG_TESTS").is_some() { 200 } else { 20 }
}

/// Records of one delivery.
const RECORDS: u64 = 3;
/// Points of a run that is logged and ended at once.
const SHORT: u64 = 5;
const DELIVERED_TO: &str = "0192f0c1-2a3b-7c4d-8e5f-60718293a4b5";
const WRITER: &str = "0192f0c1-2a3b-7c4d-8e5f-60718293a4b6";

/// What the clients of a server that is killed again and again were told is kept.
#[derive(Default)]
struct Acknowledged {
    /// Number of the writer's last record.
    records: u64,
    /// Steps of points that were sent once and never again.
    steps: Vec<u64>,
    /// Names of artifacts.
    files: Vec<String>,
    /// Runs that were ended.
    runs: Vec<String>,
    /// Requests begun, to give each a name or a step of its own.
    begun: u64,
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_or_doubled_when_the_server_is_killed() {
    let lab = TestLab::new();
    let mut known = Acknowledged::default();
    let mut run = String::new();
    for round in 0..kills() {
        let mut server = lab.serve();
        if round == 0 {
            let experiment = server.experiment("tiny-lm").await;
            run = server.run(&experiment, json!({})).await;
        }
        let Acknowledged { records, steps, files, runs, begun } = &mut known;
        let first = *begun + 1;
        *begun += 1_000_000;
        // A moment that no schedule of ours decides.
        let moment = Duration::from_millis(20 + u64::from(Uuid::now_v7().as_bytes()[15]));
        tokio::join!(
            deliver(&server, records),
            log_points(&server, &run, first, steps),
            store_files(&server, &run, first, files),
            end_runs(&server, first, runs),
            async {
                tokio::time::sleep(moment).await;
                server.signal("KILL");
            }
        );
        server.wait();
    }
    assert!(known.records > kills() && known.steps.len() as u64 > kills(), "the load was none: {}", known.records);
    let server = lab.serve();
    deliveries_are_whole(&server, known.records).await;
    points_are_whole(&server, &run, &known.steps).await;
    for name in &known.files {
        let path = format!("/api/v1/runs/{run}/artifacts/content?name={name}");
        let content = server.send(Method::GET, &path, None).await;
        assert_eq!(content.text().await.unwrap(), name.repeat(100));
    }
    runs_are_whole(&server, &known.runs).await;
}

/// The answer to a POST, unless the server went away before it came.
async fn post(server: &Server, path: &str, body: Value) -> Option<Value> {
    let response = server.client.post(format!("{}{path}", server.url)).json(&body).send().await.ok()?;
    let status = response.status();
    let bytes = response.bytes().await.ok()?;
    assert!(status.is_success(), "{path}: {status} {}", String::from_utf8_lossy(&bytes));
    Some(serde_json::from_slice(&bytes).unwrap())
}

/// Delivers as the client does: what was not acknowledged is sent again.
async fn deliver(server: &Server, acknowledged: &mut u64) {
    loop {
        let first = *acknowledged + 1;
        let point = |step| json!({ "record": "metrics", "series": [{ "name": "loss", "values": [0.5], "steps": [step], "times_micros": [step] }] });
        let line = json!({ "level": "info", "time": "2026-01-01T00:00:00Z", "text": first.to_string() });
        let mut records = vec![point(first), json!({ "record": "log", "lines": [line] }), point(first + 2)];
        if first == 1 {
            records[0] = json!({ "record": "start", "experiment": "delivered", "started_at": "2026-01-01T00:00:00Z", "tags": [] });
        }
        let delivery = json!({ "writer_id": WRITER, "run_id": DELIVERED_TO, "first_seq": first, "records": records });
        let Some(answer) = post(server, &format!("/api/v1/runs/{DELIVERED_TO}/records"), delivery).await else {
            return;
        };
        assert_eq!(answer["refused"].as_array().map_or(0, Vec::len), 0);
        *acknowledged = answer["seq"].as_u64().unwrap();
    }
}

/// Sends points of two series in each request, and none again.
async fn log_points(server: &Server, run: &str, first: u64, acknowledged: &mut Vec<u64>) {
    for step in first.. {
        let point = |name: &str| json!({ "name": name, "value": 1.0, "step": step });
        let points = json!({ "points": [point("left"), point("right")] });
        if post(server, &format!("/api/v1/runs/{run}/metrics"), points).await.is_none() {
            return;
        }
        acknowledged.push(step);
    }
}

async fn store_files(server: &Server, run: &str, first: u64, acknowledged: &mut Vec<String>) {
    for name in (first..).map(|number| format!("file-{number}")) {
        let url = format!("{}/api/v1/runs/{run}/artifacts?name={name}", server.url);
        let Ok(response) = server.client.put(url).body(name.repeat(100)).send().await else { return };
        assert_eq!(response.status(), 201);
        acknowledged.push(name);
    }
}

/// Begins runs, logs and ends them, which folds their points.
async fn end_runs(server: &Server, first: u64, acknowledged: &mut Vec<String>) {
    for number in first.. {
        let new = json!({ "name": format!("run-{number}") });
        let Some(run) = post(server, "/api/v1/experiments/tiny-lm/runs", new).await else { return };
        let id = run["id"].as_str().unwrap().to_owned();
        for step in 0..SHORT {
            let point = json!({ "points": [{ "name": "loss", "value": step, "step": step }] });
            if post(server, &format!("/api/v1/runs/{id}/metrics"), point).await.is_none() {
                return;
            }
        }
        if post(server, &format!("/api/v1/runs/{id}/status"), json!({ "action": "complete" })).await.is_none() {
            return;
        }
        acknowledged.push(id);
    }
}

async fn steps_of(server: &Server, run: &str, name: &str) -> Vec<u64> {
    let series = server.get(&format!("/api/v1/runs/{run}/points?name={name}")).await;
    serde_json::from_value(series["steps"].clone()).unwrap()
}

/// The last delivery of all may be kept without its answer having arrived, but not in part.
async fn deliveries_are_whole(server: &Server, acknowledged: u64) {
    let kept = server.get(&format!("/api/v1/writers/{WRITER}")).await["seq"].as_u64().unwrap();
    assert!(kept == acknowledged || kept == acknowledged + RECORDS, "{kept} are kept, {acknowledged} acknowledged");
    let expected: Vec<u64> = (2..=kept).filter(|seq| seq % RECORDS != 2).collect();
    assert_eq!(steps_of(server, DELIVERED_TO, "loss").await, expected);
    let log = server.get(&format!("/api/v1/runs/{DELIVERED_TO}/log?limit=10000")).await;
    let lines: Vec<&str> = log["lines"].as_array().unwrap().iter().map(|line| line["text"].as_str().unwrap()).collect();
    let expected: Vec<String> = (1..=kept).step_by(RECORDS as usize).map(|seq| seq.to_string()).collect();
    assert_eq!(lines, expected);
}

/// A request that was cut off is kept whole or not at all.
async fn points_are_whole(server: &Server, run: &str, acknowledged: &[u64]) {
    let steps = steps_of(server, run, "left").await;
    assert_eq!(steps, steps_of(server, run, "right").await);
    assert!(steps.is_sorted_by(|a, b| a < b), "a point is there twice");
    assert!(acknowledged.iter().all(|step| steps.binary_search(step).is_ok()), "a point is lost");
    assert!(steps.len() as u64 <= acknowledged.len() as u64 + kills(), "there are points that nobody sent");
}

async fn runs_are_whole(server: &Server, acknowledged: &[String]) {
    for id in acknowledged {
        let run = server.get(&format!("/api/v1/runs/{id}")).await;
        assert_eq!(run["status"], "completed");
        assert_eq!(steps_of(server, id, "loss").await, Vec::from_iter(0..SHORT));
        assert_eq!(run["metrics"][0]["count"], SHORT);
    }
    let runs = server.get("/api/v1/runs?experiment=tiny-lm&limit=10000").await;
    let mut numbers: Vec<u64> =
        runs["items"].as_array().unwrap().iter().map(|run| run["number"].as_u64().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, Vec::from_iter(1..=runs["total_count"].as_u64().unwrap()), "numbers of runs have no gap");
}

#[tokio::test]
async fn a_server_that_is_asked_to_stop_finishes_and_exits_well() {
    let lab = TestLab::new();
    let mut server = lab.serve();
    let experiment = server.experiment("tiny-lm").await;
    let run = server.run(&experiment, json!({})).await;
    // An open stream must not hold the stop up.
    let stream = server.client.get(format!("{}/api/v1/events", server.url)).header("accept", "text/event-stream");
    let _stream = stream.send().await.unwrap();
    let point = json!({ "points": [{ "name": "loss", "value": 1.0, "step": 1 }] });
    server.post(&format!("/api/v1/runs/{run}/metrics"), point).await;
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
    assert_eq!(lab.json(&["runs", "show", &run])["metrics"][0]["count"], 1);
}

#[test]
fn a_store_of_a_newer_program_is_refused_clearly() {
    let lab = TestLab::new();
    lab.json(&["exp", "create", "tiny-lm"]);
    make_newer(&lab);
    let (code, said) = lab.refused(&["exp", "list"]);
    assert_ne!(code, 0);
    assert!(said.contains("newer"), "{said}");
}

/// Sets the schema version of the store beyond any that is known, as a newer program would: the four bytes of `PRAGMA
/// user_version` at offset 60 of the file.
fn make_newer(lab: &TestLab) {
    use std::io::{Seek as _, SeekFrom, Write as _};
    let path = lab.path().join(".lab/lab.db");
    let mut file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.seek(SeekFrom::Start(60)).unwrap();
    file.write_all(&9_999u32.to_be_bytes()).unwrap();
}
