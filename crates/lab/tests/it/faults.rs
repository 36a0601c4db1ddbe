use serde_json::{Value, json};

use crate::harness::TestLab;

#[tokio::test]
async fn nothing_acknowledged_is_lost_when_the_server_is_killed() {
    let lab = TestLab::new();
    let mut acknowledged = 0u64;
    let mut run = String::new();
    for round in 0..5 {
        let mut server = lab.serve();
        if round == 0 {
            let experiment = server.experiment("tiny-lm").await;
            run = server.run(&experiment, json!({})).await;
        }
        for _ in 0..10 + round * 7 {
            let point = json!({ "points": [{ "name": "loss", "value": 1.0, "step": acknowledged }] });
            server.post(&format!("/api/v1/runs/{run}/metrics"), point).await;
            acknowledged += 1;
        }
        // The last request is cut off at any moment of its work: kept or not, but never half.
        let client = server.client.clone();
        let url = format!("{}/api/v1/runs/{run}/metrics", server.url);
        let cut = json!({ "points": [{ "name": "cut", "value": 1.0, "step": round }, { "name": "cut2", "value": 1.0, "step": round }] });
        let unanswered = tokio::spawn(async move { client.post(url).json(&cut).send().await.is_ok() });
        tokio::task::yield_now().await;
        server.signal("KILL");
        server.wait();
        unanswered.await.unwrap();
    }
    let shown = lab.json(&["runs", "show", &run]);
    let count = |name: &str| -> u64 {
        let metrics = shown["metrics"].as_array().unwrap();
        metrics.iter().find(|m| m["name"] == name).map_or(0, |m: &Value| m["count"].as_u64().unwrap())
    };
    assert_eq!(count("loss"), acknowledged);
    assert_eq!(count("cut"), count("cut2"));
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
