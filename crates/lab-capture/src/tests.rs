use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::*;
use crate::fixture::Fixture;

fn at() -> Timestamp {
    "2025-03-01T12:00:00Z".parse().unwrap()
}

fn project() -> Fixture {
    Fixture::new()
        .file("etc/os-release", "NAME=Debian\nVERSION_ID=12\n")
        .file("proc/cpuinfo", "processor : 0\nmodel name : X\ncore id : 0\n")
        .file("proc/meminfo", "MemTotal: 1 kB\n")
        .file("proc/sys/kernel/osrelease", "6.1.0\n")
        .file("proc/sys/kernel/hostname", "node-7\n")
        .file("uv.lock", "[[package]]\nname = \"torch\"\nversion = \"2.5.0\"\n")
        .variable("RANK", "0")
        .variable("HOSTNAME", "node-7")
        .variable("HF_TOKEN", "hunter2")
}

#[test]
fn all_parts_come_together() {
    let options = CaptureOptions {
        arguments: vec!["train.py".to_owned(), "--token=hunter2".to_owned()],
        entry_point: Some("train.py".to_owned()),
        ..project().options()
    };
    let root = project();
    let options = CaptureOptions { root: root.path().to_owned(), working_dir: root.path().to_owned(), ..options };
    let snapshot = capture(at(), &options);
    assert_eq!(snapshot.captured_at, at());
    assert_eq!(snapshot.os.name.as_deref(), Some("Debian"));
    assert_eq!(snapshot.hardware.memory_bytes, Some(1024));
    assert_eq!(snapshot.hostname.as_deref(), Some("node-7"));
    assert_eq!(snapshot.dependencies.packages[0].name, "torch");
    assert_eq!(snapshot.variables.get("RANK").map(String::as_str), Some("0"));
    assert_eq!(snapshot.command.arguments, ["train.py", "--token=[masked]"]);
    assert_eq!((snapshot.git.as_ref(), snapshot.not_seen.as_slice()), (None, &[][..]));
    let json = serde_json::to_string(&snapshot).unwrap();
    assert!(!json.contains("hunter2"), "{json}");
    assert_eq!(capture(at(), &options).content_hash(), snapshot.content_hash());
}

#[test]
fn parts_that_are_not_wanted_are_left_out_without_a_note() {
    let root = project();
    let options =
        CaptureOptions { record_system_info: false, capture_dependencies: false, capture_git: false, ..root.options() };
    let snapshot = capture(at(), &options);
    let mut expected = EnvironmentSnapshot { captured_at: at(), ..EnvironmentSnapshot::default() };
    expected.variables.insert("RANK".to_owned(), "0".to_owned());
    assert_eq!(EnvironmentSnapshot { duration_millis: 0, ..snapshot }, expected);
}

#[test]
fn a_hanging_git_keeps_the_capture_within_its_budget_and_the_rest_of_it_whole() {
    let root = project().file(".git/HEAD", "ref: refs/heads/main\n");
    let git_program = root.script("slow-git", "echo partial; sleep 600");
    let budget = Duration::from_secs(1);
    let path = std::env::var_os("PATH").unwrap();
    let mut options = CaptureOptions { git_program, budget, ..root.options() };
    options.variables.push(("PATH".into(), path));
    let started = Instant::now();
    let snapshot = capture(at(), &options);
    // Far below the ten minutes that the program would take, and loose for the sake of a busy machine.
    assert!(started.elapsed() < budget * 5, "{:?}", started.elapsed());
    assert_eq!(snapshot.os.name.as_deref(), Some("Debian"));
    assert!(snapshot.not_seen.iter().any(|it| it.field.starts_with("git")), "{:?}", snapshot.not_seen);
}

#[test]
fn without_time_everything_is_noted() {
    let root = project().file(".git/HEAD", "ref: refs/heads/main\n");
    let snapshot = capture(at(), &CaptureOptions { budget: Duration::ZERO, ..root.options() });
    assert_eq!(snapshot.variables.get("RANK").map(String::as_str), Some("0"));
    assert!(!snapshot.not_seen.is_empty());
}

#[test]
fn a_place_that_does_not_exist_is_captured_as_empty() {
    let nowhere = PathBuf::from("/nonexistent/place");
    let options = CaptureOptions { root: nowhere.clone(), working_dir: nowhere, ..CaptureOptions::default() };
    let snapshot = capture(at(), &options);
    assert_eq!(
        (snapshot.os, snapshot.hardware),
        (lab_model::OperatingSystem::default(), lab_model::Hardware::default())
    );
    assert!(snapshot.not_seen.iter().any(|it| it.field == "os.name"));
}
