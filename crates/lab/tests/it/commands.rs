use crate::harness::{TestLab, text};

#[test]
fn an_experiment_goes_through_its_life_and_refuses_other_moves() {
    let lab = TestLab::new();
    let created = lab.json(&["exp", "create", "tiny-lm", "--hypothesis", "four layers beat two", "--tag", "team=nlp"]);
    assert_eq!((created["status"].as_str(), created["tags"]["team"].as_str()), (Some("draft"), Some("nlp")));

    let (code, said) = lab.refused(&["exp", "complete", "tiny-lm"]);
    assert_eq!(code, 1);
    assert!(
        said.contains("is draft and cannot become completed: from draft it can become active or archived"),
        "{said}"
    );

    for (act, status) in [
        ("activate", "active"),
        ("pause", "paused"),
        ("activate", "active"),
        ("complete", "completed"),
        ("archive", "archived"),
    ] {
        assert_eq!(lab.json(&["exp", act, "tiny-lm"])["status"], status);
    }
    let shown = lab.json(&["exp", "show", "tiny-lm"]);
    assert_eq!(shown["owner"], "ada");
    assert!(shown["archived_at"].is_string());
}

#[test]
fn two_experiments_cannot_share_a_name() {
    let lab = TestLab::new();
    lab.json(&["exp", "create", "tiny-lm"]);
    let (code, said) = lab.refused(&["exp", "create", "tiny-lm"]);
    assert_eq!(code, 1);
    assert!(said.contains("tiny-lm"), "{said}");
}

#[test]
fn a_configuration_file_is_checked_and_the_path_of_a_fault_is_named() {
    let lab = TestLab::new();
    let file = lab.path().join("experiment.toml");
    std::fs::write(&file, "[[models]]\nmodel_id = \"gpt2\"\nprovider = \"hugging_face\"\ntemperature = -1.0\n")
        .unwrap();
    let (code, said) = lab.refused(&["exp", "create", "bad", "--config", "experiment.toml"]);
    assert_eq!(code, 1);
    assert!(said.contains("config.models[0].temperature"), "{said}");

    std::fs::write(&file, "[[models]\n").unwrap();
    let (code, said) = lab.refused(&["exp", "create", "bad", "--config", "experiment.toml"]);
    assert_eq!(code, 1);
    assert!(said.contains("is not valid TOML"), "{said}");
}

#[test]
fn empty_lists_say_how_to_fill_them() {
    let lab = TestLab::new();
    for (command, hint) in [(["exp", "list"], "lab exp create"), (["runs", "list"], "lab.init(")] {
        let output = lab.run(&command);
        assert!(output.status.success());
        assert!(output.stdout.is_empty());
        assert!(text(&output.stderr).contains(hint));
    }
}

#[test]
fn lists_are_filtered_sorted_and_paged() {
    let lab = TestLab::new();
    for name in ["b", "a", "c"] {
        lab.json(&["exp", "create", name]);
    }
    lab.json(&["exp", "activate", "c"]);
    let names = |page: &serde_json::Value| -> Vec<String> {
        page["items"].as_array().unwrap().iter().map(|e| e["name"].as_str().unwrap().to_owned()).collect()
    };
    let drafts = lab.json(&["exp", "list", "--where", "status = draft", "--sort", "name asc"]);
    assert_eq!(names(&drafts), ["a", "b"]);
    let first = lab.json(&["exp", "list", "--sort", "name asc", "--limit", "2"]);
    assert_eq!((names(&first), first["total_count"].as_u64()), (vec!["a".to_owned(), "b".to_owned()], Some(3)));
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = lab.json(&["exp", "list", "--sort", "name asc", "--limit", "2", "--cursor", cursor]);
    assert_eq!((names(&second), second["has_more"].as_bool()), (vec!["c".to_owned()], Some(false)));
}

#[test]
fn a_bad_filter_says_where_it_is_bad() {
    let lab = TestLab::new();
    let (code, said) = lab.refused(&["runs", "list", "--where", "metrics.loss <"]);
    assert_eq!(code, 1);
    assert!(said.contains("query"), "{said}");
}

#[test]
fn what_is_not_there_is_named() {
    let lab = TestLab::new();
    assert_eq!(lab.refused(&["runs", "show", "tiny-lm#1"]).0, 1);
    let (code, said) = lab.refused(&["exp", "show", "nothing"]);
    assert_eq!(code, 1);
    assert!(said.contains("`nothing`"), "{said}");
}

#[test]
fn a_server_that_is_away_is_a_broken_thing_with_a_hint() {
    let lab = TestLab::new();
    let (code, said) = lab.refused(&["runs", "list", "--server", "http://127.0.0.1:1"]);
    assert_eq!(code, 2);
    assert!(said.contains("cannot be reached") && said.contains("hint"), "{said}");
}

#[test]
fn the_doctor_finds_a_new_store_healthy() {
    let lab = TestLab::new();
    let findings = lab.json(&["doctor"]);
    assert!(findings.as_array().unwrap().iter().all(|finding| finding["ok"] == true), "{findings}");
}

#[test]
fn completions_are_made_for_every_shell() {
    let lab = TestLab::new();
    for shell in ["bash", "zsh", "fish"] {
        let output = lab.run(&["completions", shell]);
        assert!(output.status.success() && text(&output.stdout).contains("lab"));
    }
}

#[test]
fn statistics_answer_line_by_line_and_go_on_after_a_bad_one() {
    use std::io::Write as _;
    use std::process::Stdio;
    let lab = TestLab::new();
    let mut child = lab.command(&["stats", "--jsonl"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let lines = concat!(
        r#"{"id": "odd", "test": "no_such_test", "params": {}, "input": {}}"#,
        "\nnot json\n",
        r#"{"id": "adj", "test": "no_such_test"}"#,
        "\n"
    );
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let answers: Vec<serde_json::Value> =
        text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), 3);
    assert!(answers.iter().all(|answer| answer["error"].is_string()));
}
