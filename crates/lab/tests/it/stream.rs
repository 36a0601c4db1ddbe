use std::time::Duration;

use futures_util::StreamExt as _;
use serde_json::{Value, json};

use crate::harness::{Server, TestLab};

/// The events of a stream until `count` have come.
async fn follow(server: &Server, last_seen: u64, count: usize) -> Vec<Value> {
    let request = server.client.get(format!("{}/api/v1/events", server.url));
    let request = request.header("accept", "text/event-stream").header("last-event-id", last_seen.to_string());
    let mut chunks = request.send().await.unwrap().bytes_stream();
    let mut text = String::new();
    let read = async {
        loop {
            let events: Vec<Value> = text
                .split_terminator("\n\n")
                .filter_map(|message| message.lines().find_map(|line| line.strip_prefix("data: ")))
                .filter_map(|data| serde_json::from_str(data).ok())
                .collect();
            if events.len() >= count {
                return events;
            }
            text.push_str(std::str::from_utf8(&chunks.next().await.unwrap().unwrap()).unwrap());
        }
    };
    tokio::time::timeout(Duration::from_secs(20), read).await.expect("the events come")
}

#[tokio::test]
async fn a_stream_resumes_where_it_was_cut_and_misses_nothing() {
    let lab = TestLab::new();
    let server = lab.serve();
    let experiment = server.experiment("tiny-lm").await;
    server.run(&experiment, json!({})).await;
    let all = follow(&server, 0, 3).await;
    let seqs: Vec<u64> = all.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, [1, 2, 3]);
    assert_eq!(all[2]["type"], "run_started");
    let rest = follow(&server, 2, 1).await;
    assert_eq!(rest[0], all[2]);
}

#[tokio::test]
async fn a_stream_hears_of_changes_by_another_process() {
    let lab = TestLab::new();
    let server = lab.serve();
    let (events, _) = tokio::join!(follow(&server, 0, 1), async {
        let mut child = lab.command(&["exp", "create", "from-elsewhere"]).spawn().unwrap();
        tokio::task::spawn_blocking(move || child.wait()).await.unwrap().unwrap();
    });
    assert_eq!(events[0]["name"], "from-elsewhere");
}
