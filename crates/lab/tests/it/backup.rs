//! A store as one file, and back.

use std::io::Write as _;

use serde_json::{Value, json};

use crate::harness::{TestLab, text};

#[tokio::test]
async fn a_store_in_use_is_copied_and_restored_whole() {
    let lab = TestLab::new();
    let server = lab.serve();
    let experiment = server.experiment("tiny-lm").await;
    let run = server.run(&experiment, json!({ "name": "first" })).await;
    let metrics =
        json!({ "points": [{ "name": "loss", "value": 2.0, "step": 0 }, { "name": "loss", "value": 1.0, "step": 1 }] });
    let url = format!("{}/api/v1/runs/{run}", server.url);
    server.client.put(format!("{url}/artifacts?name=model.bin")).body(vec![7u8; 3_000_000]).send().await.unwrap();
    let logged = server.client.post(format!("{url}/metrics")).json(&metrics).send().await.unwrap();
    assert!(logged.status().is_success(), "{}", logged.text().await.unwrap());

    let copied = lab.json(&["backup", "lab.tar"]);
    assert_eq!(copied["path"], "lab.tar");
    // What comes after the copy is not in it.
    server.run(&experiment, json!({})).await;
    drop(server);

    let restored = lab.json(&["restore", "lab.tar", "--to", "restored"]);
    assert_eq!((&restored["files"], &restored["bytes"]), (&copied["files"], &copied["bytes"]));
    let seen = |command: &[&str], dir: &str| lab.json(&[command, &["--dir", dir]].concat());
    assert_eq!(seen(&["runs", "list"], "restored")["total_count"], 1);
    for command in [["runs", "show", &run], ["runs", "history", &run], ["artifacts", "list", &run]] {
        let command: Vec<&str> = command.iter().copied().chain((command[1] == "history").then_some("loss")).collect();
        assert_eq!(seen(&command, "restored"), seen(&command, ".lab"), "{command:?}");
    }
    lab.json(&["artifacts", "get", &run, "model.bin", "--dir", "restored"]);
    assert_eq!(std::fs::read(lab.path().join("model.bin")).unwrap(), vec![7u8; 3_000_000]);
    let left: Vec<_> = std::fs::read_dir(lab.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with(".lab-")), "{left:?}");
}

#[test]
fn nothing_is_replaced_unless_that_is_asked_for() {
    let lab = TestLab::new();
    lab.json(&["exp", "create", "tiny-lm"]);
    lab.json(&["backup", "lab.tar"]);
    let (_, said) = lab.refused(&["backup", "lab.tar"]);
    assert!(said.contains("--force"), "{said}");
    lab.json(&["backup", "lab.tar", "--force"]);
    let (_, said) = lab.refused(&["restore", "lab.tar", "--to", ".lab"]);
    assert!(said.contains("is not empty"), "{said}");
    let (_, said) = lab.refused(&["backup", "other.tar", "--dir", "nowhere"]);
    assert!(said.contains("there is no store in"), "{said}");
}

#[test]
fn what_is_no_whole_backup_becomes_no_store() {
    let lab = TestLab::new();
    lab.json(&["exp", "create", "tiny-lm"]);
    lab.json(&["backup", "lab.tar"]);
    let whole = std::fs::read(lab.path().join("lab.tar")).unwrap();
    let mut cut = std::fs::File::create(lab.path().join("cut.tar")).unwrap();
    cut.write_all(&whole[..whole.len() / 2]).unwrap();
    let mut foreign = tar::Builder::new(std::fs::File::create(lab.path().join("foreign.tar")).unwrap());
    let mut header = tar::Header::new_gnu();
    header.set_size(1);
    header.as_old_mut().name[..11].copy_from_slice(b"../evil.txt");
    header.set_cksum();
    foreign.append(&header, &b"x"[..]).unwrap();
    foreign.finish().unwrap();
    std::fs::write(lab.path().join("text.tar"), "not an archive").unwrap();
    for (file, problem) in
        [("cut.tar", "no whole backup"), ("foreign.tar", "no backup does"), ("text.tar", "no whole backup")]
    {
        let output = lab.run(&["restore", file, "--to", "new"]);
        let said = text(&output.stderr);
        assert!(!output.status.success() && said.contains(problem), "{file}: {said}");
        assert!(!lab.path().join("new").exists() && !lab.path().join("evil.txt").exists());
    }
    let list: Value = lab.json(&["exp", "list"]);
    assert_eq!(list["total_count"], 1);
}
