//! Programs that `lab run` runs, and what `lab logs` prints of them.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{TestLab, text};

/// A `lab` that wraps nothing but what the test says.
fn wrapping() -> TestLab {
    let lab = TestLab::new();
    std::fs::write(lab.path().join(".lab/config.toml"), "capture_environment = false\nheartbeat_timeout_secs = 20\n")
        .unwrap();
    lab
}

fn only_run(lab: &TestLab) -> Value {
    lab.json(&["runs", "show", "demo#1"])
}

fn last(run: &Value, metric: &str) -> Option<f64> {
    run["metrics"].as_array().unwrap().iter().find(|it| it["name"] == metric)?["last"].as_f64()
}

/// A program that goes on, once it has said so. It hears interrupts even where whoever runs the tests does not, as
/// something in the background of a shell.
fn begun(lab: &TestLab, arguments: &[&str]) -> Child {
    let wrapped = lab.command(&[]);
    let mut command = std::process::Command::new("env");
    command.args(["--default-signal=INT", env!("CARGO_BIN_EXE_lab")]).args(arguments).current_dir(lab.path());
    command.env_clear().envs(wrapped.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "begun\n");
    child
}

fn signal(child: &Child, name: &str) {
    let status = std::process::Command::new("kill").args(["-s", name, &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

#[test]
fn a_program_passes_through_and_becomes_a_run() {
    let lab = wrapping();
    let script =
        "printf 'a\\nb'; echo 'WARNING c' >&2; echo \"$LAB_RUN_ID $LAB_EXPERIMENT\" > seen; echo $LAB_SEED > out.txt";
    let output = lab.run(&[
        "run", "-e", "demo", "-n", "first", "--param", "lr=3e-4", "--tag", "k=v", "--seed", "7", "-o", "*.txt", "-q",
        "--", "sh", "-c", script,
    ]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!((text(&output.stdout), text(&output.stderr)), ("a\nb".to_owned(), "WARNING c\n".to_owned()));

    let run = only_run(&lab);
    assert_eq!((run["status"].as_str(), run["name"].as_str()), (Some("completed"), Some("first")));
    assert_eq!(run["parameters"]["lr"], 3e-4);
    assert_eq!((run["tags"]["k"].as_str(), run["tags"]["seed"].as_str()), (Some("v"), Some("7")));
    assert_eq!(run["artifacts"][0]["name"], "out.txt");
    assert_eq!(last(&run, "process/exit_code"), Some(0.0));
    assert!(last(&run, "process/peak_memory_bytes").unwrap() > 100_000.0);
    assert!(last(&run, "process/wall_secs").unwrap() > 0.0);
    let seen = std::fs::read_to_string(lab.path().join("seen")).unwrap();
    assert_eq!(seen, format!("{} demo\n", run["id"].as_str().unwrap()));
    assert_eq!(std::fs::read_to_string(lab.path().join("out.txt")).unwrap(), "7\n");

    let mut lines: Vec<String> = text(&lab.run(&["logs", "demo#1"]).stdout).lines().map(str::to_owned).collect();
    lines.sort();
    assert_eq!(lines, ["WARNING c", "a", "b"]);
    assert_eq!(text(&lab.run(&["logs", "demo#1", "--stderr"]).stdout), "WARNING c\n");
    assert_eq!(text(&lab.run(&["logs", "demo#1", "--stdout", "-n", "1"]).stdout), "b\n");
    assert_eq!(text(&lab.run(&["logs", "demo#1", "--level", "warning"]).stdout), "WARNING c\n");
}

#[test]
fn the_exit_code_is_the_programs_own() {
    let lab = wrapping();
    assert_eq!(lab.run(&["run", "-e", "demo", "--", "sh", "-c", "exit 3"]).status.code(), Some(3));
    let run = only_run(&lab);
    assert_eq!((run["status"].as_str(), run["error"]["context"]["exit_code"].as_str()), (Some("failed"), Some("3")));

    assert_eq!(lab.run(&["run", "-e", "demo", "--", "sh", "-c", "kill -SEGV $$"]).status.code(), Some(128 + 11));
    let run = lab.json(&["runs", "show", "demo#2"]);
    assert_eq!(
        (run["error"]["type"].as_str(), run["error"]["context"]["signal"].as_str()),
        (Some("Signal"), Some("SIGSEGV"))
    );
    assert_eq!(last(&run, "process/signal"), Some(11.0));

    assert_eq!(lab.refused(&["run", "-e", "demo", "--", "no-such-program"]).0, 127);
    assert_eq!(lab.refused(&["run", "-e", "demo", "--", "/etc/passwd"]).0, 126);
    assert_eq!(lab.refused(&["run", "-e", "demo", "-o", "[", "--", "true"]).0, 2);
    assert_eq!(lab.json(&["runs", "list", "demo"])["total_count"], 2, "what cannot run is no run");
}

#[test]
fn a_python_exception_is_why_a_run_failed() {
    let lab = wrapping();
    let script = "def f():\n  raise ValueError('bad: shape')\nf()";
    assert_eq!(lab.run(&["run", "-e", "demo", "--", "python3", "-c", script]).status.code(), Some(1));
    let error = &only_run(&lab)["error"];
    assert_eq!((error["type"].as_str(), error["message"].as_str()), (Some("ValueError"), Some("bad: shape")));
    assert!(error["stack_trace"].as_str().unwrap().contains("in f"));
}

#[test]
fn what_takes_too_long_is_stopped_with_all_of_its_processes() {
    let lab = wrapping();
    // Neither hears SIGTERM.
    let script = "trap '' TERM; sleep 97531 & echo $! > pid; sleep 97531";
    let began = Instant::now();
    let output = lab.run(&["run", "-e", "demo", "--timeout", "300ms", "--grace", "300ms", "--", "sh", "-c", script]);
    assert_eq!(output.status.code(), Some(124));
    assert!(began.elapsed() < Duration::from_secs(20));
    assert_eq!(only_run(&lab)["status"], "timed_out");
    let pid = std::fs::read_to_string(lab.path().join("pid")).unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    assert!(stat.is_empty() || stat.contains(") Z "), "{stat}");
}

#[test]
fn an_interrupt_reaches_the_program_and_cancels_the_run() {
    let lab = wrapping();
    let script = "trap 'echo saved > saved.txt; exit 0' INT; echo begun; while true; do sleep 0.05; done";
    let mut child = begun(&lab, &["run", "-e", "demo", "-o", "saved.txt", "--", "sh", "-c", script]);
    signal(&child, "INT");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let run = only_run(&lab);
    assert_eq!(run["status"], "cancelled");
    assert_eq!(run["artifacts"][0]["name"], "saved.txt");
}

#[test]
fn a_program_that_is_deaf_to_interrupts_is_ended_by_the_third() {
    let lab = wrapping();
    let script = "trap '' INT TERM; echo begun; while true; do sleep 0.05; done";
    let mut child = begun(&lab, &["run", "-e", "demo", "--", "sh", "-c", script]);
    for _ in 0..3 {
        signal(&child, "INT");
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(child.wait().unwrap().code(), Some(128 + 9));
    assert_eq!(only_run(&lab)["status"], "cancelled");
}

#[test]
fn memory_and_processors_are_limited_one_way_or_the_other() {
    let lab = wrapping();
    let script = "import os\nprint(len(os.sched_getaffinity(0)))\nx = bytearray(1 << 30)";
    let arguments = ["run", "-e", "demo", "--memory", "256MiB", "--cpus", "1", "--", "python3", "-c", script];
    assert!(!lab.run(&arguments).status.success());
    assert_eq!(only_run(&lab)["status"], "failed");

    let script = "while true; do :; done";
    let output = lab.run(&["run", "-e", "demo", "--cpu-time", "1s", "--", "sh", "-c", script]);
    assert_eq!(output.status.code(), Some(128 + 24), "SIGXCPU");
}

#[test]
fn keys_are_masked_in_what_is_kept_and_not_in_what_passes_through() {
    let lab = wrapping();
    let output = lab.run(&["run", "-e", "demo", "-q", "--", "echo", "api_key=sk-abcdefghijklmnopqrstuvwxyz0123"]);
    assert!(text(&output.stdout).contains("sk-abc"));
    let kept = text(&lab.run(&["logs", "demo#1"]).stdout);
    assert!(kept.contains("[masked]") && !kept.contains("sk-abc"), "{kept}");
}

#[test]
fn a_run_within_a_run_is_a_part_of_it() {
    let lab = wrapping();
    let inner = env!("CARGO_BIN_EXE_lab");
    assert!(lab.run(&["run", "-e", "demo", "--", inner, "run", "-e", "demo", "--", "true"]).status.success());
    let (outer, inner) = (only_run(&lab), lab.json(&["runs", "show", "demo#2"]));
    assert_eq!(inner["parent_run_id"], outer["id"]);
}

#[test]
fn the_run_is_there_before_the_program_is() {
    let lab = wrapping();
    let this = env!("CARGO_BIN_EXE_lab");
    let script = format!("{this} runs show $LAB_RUN_ID --json > seen.json");
    let run = ["run", "-e", "demo", "-n", "first", "-t", "outer", "--", "sh", "-c", &script];
    assert!(lab.run(&run).status.success());
    let seen: Value = serde_json::from_slice(&std::fs::read(lab.path().join("seen.json")).unwrap()).unwrap();
    assert_eq!((seen["status"].as_str(), seen["name"].as_str()), (Some("running"), Some("first")));
    assert_eq!(seen["tags"]["outer"], "");
}

#[test]
fn a_program_does_not_wait_for_a_server_that_is_away() {
    let lab = wrapping();
    let server = ["--server", "http://127.0.0.1:1"];
    let mut run =
        lab.command(&[&["run", "-e", "demo"][..], &server, &["--", "sh", "-c", "echo begun; exit 5"]].concat());
    let mut child = run.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let began = Instant::now();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert!(line == "begun\n" && began.elapsed() < Duration::from_secs(15));
    child.kill().unwrap();
    child.wait().unwrap();
    // What was recorded until then is kept, and delivered to where there is a store.
    assert!(lab.run(&["sync"]).status.success());
    assert_eq!(only_run(&lab)["name"], "run-1");
    assert_eq!(text(&lab.run(&["logs", "demo#1"]).stdout), "begun\n");
}

#[test]
fn offline_waits_for_sync() {
    let lab = wrapping();
    assert!(lab.run(&["run", "-e", "demo", "--offline", "--", "echo", "hello"]).status.success());
    assert_eq!(lab.json(&["runs", "list"])["total_count"], 0);
    assert!(lab.run(&["sync"]).status.success());
    assert_eq!(only_run(&lab)["status"], "completed");
    assert_eq!(text(&lab.run(&["logs", "demo#1"]).stdout), "hello\n");
}

#[test]
fn logs_are_followed_to_the_end_of_the_run() {
    let lab = wrapping();
    let script = "echo begun; while [ ! -e go ]; do sleep 0.05; done; echo 'ERROR late'";
    let mut run = begun(&lab, &["run", "-e", "demo", "--", "sh", "-c", script]);
    let deadline = Instant::now() + Duration::from_secs(20);
    while !lab.run(&["logs", "demo#1"]).status.success() {
        assert!(Instant::now() < deadline);
    }
    let mut follow = lab
        .command(&["logs", "demo#1", "--follow", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(follow.stdout.take().unwrap()).lines();
    let first: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!((first["text"].as_str(), first["stream"].as_str()), (Some("begun"), Some("stdout")));
    std::fs::write(lab.path().join("go"), "").unwrap();
    let second: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!((second["text"].as_str(), second["level"].as_str()), (Some("ERROR late"), Some("error")));
    assert!(lines.next().is_none());
    assert!(follow.wait().unwrap().success() && run.wait().unwrap().success());
}

#[test]
fn a_program_is_recorded_through_a_server_too() {
    let lab = wrapping();
    let server = lab.serve();
    let output =
        lab.run(&["run", "--server", &server.url, "-e", "demo", "-o", "a.txt", "--", "sh", "-c", "echo x | tee a.txt"]);
    assert!(output.status.success(), "{output:?}");
    let run = lab.json(&["--server", &server.url, "runs", "show", "demo#1"]);
    assert_eq!((run["status"].as_str(), run["artifacts"][0]["name"].as_str()), (Some("completed"), Some("a.txt")));
}
