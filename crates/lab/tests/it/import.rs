//! Imports of what other trackers' own libraries wrote: see `tests/fixtures/make.py`.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::harness::{TestLab, text};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// Copies a folder, so that it can be changed.
fn copied(name: &str, lab: &TestLab) -> PathBuf {
    fn copy(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            let target = to.join(entry.file_name());
            if entry.path().is_dir() {
                copy(&entry.path(), &target)
            } else {
                _ = fs::copy(entry.path(), target).unwrap()
            }
        }
    }
    let target = lab.path().join(name);
    copy(&fixture(name), &target);
    target
}

fn import(lab: &TestLab, format: &str, path: &Path) -> Vec<Value> {
    lab.json(&["import", format, path.to_str().unwrap()]).as_array().unwrap().clone()
}

fn outcomes(lines: &[Value]) -> Vec<&str> {
    lines.iter().map(|line| line["outcome"].as_str().unwrap()).collect()
}

fn show(lab: &TestLab, run: &str) -> Value {
    lab.json(&["runs", "show", run])
}

fn metric<'a>(run: &'a Value, name: &str) -> &'a Value {
    run["metrics"].as_array().unwrap().iter().find(|it| it["name"] == name).unwrap()
}

fn values(lab: &TestLab, run: &str, name: &str) -> Vec<Value> {
    lab.json(&["runs", "history", run, name])["values"].as_array().unwrap().clone()
}

/// Everything that is kept, but for when it was last looked at.
fn everything(lab: &TestLab) -> Vec<Value> {
    let runs = lab.json(&["runs", "list", "--limit", "100"]);
    let runs = runs["items"].as_array().unwrap();
    let mut all: Vec<Value> = runs.iter().map(|run| show(lab, run["id"].as_str().unwrap())).collect();
    all.push(text(&lab.run(&["events", "-n", "1000", "--json"]).stdout).into());
    all
}

#[test]
fn tensorboard_files_become_runs() {
    let lab = TestLab::new();
    let lines = import(&lab, "tensorboard", &fixture("tensorboard"));
    assert_eq!(outcomes(&lines), ["imported"; 3]);

    let run = show(&lab, "sgd");
    assert_eq!((run["status"].as_str(), run["experiment_name"].as_str()), (Some("completed"), Some("tensorboard")));
    assert_eq!(run["parameters"]["lr"], 0.1);
    assert_eq!(
        (run["parameters"]["optimizer"].as_str(), run["parameters"]["bias"].as_bool()),
        (Some("sgd"), Some(true))
    );
    let loss = metric(&run, "train/loss");
    assert_eq!(
        (loss["count"].as_u64(), loss["nan_count"].as_u64(), loss["max"].as_f64()),
        (Some(21), Some(1), Some(1.0))
    );
    // As it was born: a float of 32 bits.
    assert_eq!(values(&lab, "sgd", "train/loss")[2], f64::from(1.0_f32 / 3.0));
    assert_eq!(metric(&run, "hparam/loss")["last"], 0.5);
    assert_eq!(run["artifacts"][0]["name"], "media/sample-3.png");

    assert_eq!(values(&lab, "keras/train", "epoch_loss"), [0.0, 0.25, 0.5, 0.75, 1.0]);
}

#[test]
fn what_a_restart_did_again_counts_once() {
    let lab = TestLab::new();
    import(&lab, "tensorboard", &fixture("tensorboard/restarted"));
    let expected = [100.0, 101.0, 102.0, 103.0, 204.0, 205.0, 206.0, 207.0];
    assert_eq!(values(&lab, "restarted", "loss"), expected);
}

#[test]
fn runs_of_wandb_are_read_without_its_server() {
    let lab = TestLab::new();
    let lines = import(&lab, "wandb", &fixture("wandb"));
    assert_eq!(outcomes(&lines), ["imported"]);
    let run = show(&lab, "warmup");
    assert_eq!((run["status"].as_str(), run["experiment_name"].as_str()), (Some("completed"), Some("tiny-lm")));
    assert_eq!(run["parameters"]["model"]["layers"], 4);
    assert_eq!(run["parameters"]["big"], 9_007_199_254_740_993_u64);
    assert_eq!(run["parameters"]["api_key"], "[masked]");
    assert_eq!((run["tags"]["baseline"].as_str(), run["tags"]["group"].as_str()), (Some(""), Some("g1")));
    assert_eq!(metric(&run, "train/loss")["count"], 11);
    assert_eq!(metric(&run, "train/loss")["last"], "NaN");
    assert_eq!(metric(&run, "nested.acc")["max"], 0.9);
    assert_eq!(metric(&run, "best")["last"], 0.1);
    assert!(run["artifacts"].as_array().unwrap().iter().any(|it| it["name"] == "notes.txt"));
    assert_eq!(text(&lab.run(&["logs", "warmup"]).stdout), "WARNING the learning rate is small\n");
}

#[test]
fn runs_of_mlflow_come_from_folders_and_from_its_database() {
    for source in ["mlflow/mlruns", "mlflow/mlflow.db"] {
        let lab = TestLab::new();
        let lines = import(&lab, "mlflow", &fixture(source));
        assert_eq!(outcomes(&lines), ["imported"; 3], "{source}");
        let run = show(&lab, "parent");
        assert_eq!((run["status"].as_str(), run["experiment_name"].as_str()), (Some("completed"), Some("tiny-lm")));
        assert_eq!((run["parameters"]["lr"].as_f64(), run["parameters"]["layers"].as_i64()), (Some(3e-4), Some(4)));
        assert_eq!(run["parameters"]["version"], "1.10");
        assert_eq!(run["tags"]["team"], "nlp");
        assert_eq!(run["created_by_name"], "ada");
        assert_eq!(values(&lab, "parent", "train/loss"), [1.0, 0.5, 1.0 / 3.0, 0.25, 0.2]);
        assert_eq!(
            (metric(&run, "nan")["last"].as_str(), metric(&run, "inf")["last"].as_str()),
            (Some("NaN"), Some("Infinity"))
        );
        assert_eq!(show(&lab, "child")["parent_run_id"], run["id"]);
        assert_eq!(show(&lab, "broken")["status"], "failed");
        let artifacts = run["artifacts"].as_array().map_or(0, Vec::len);
        assert_eq!(artifacts, usize::from(source == "mlflow/mlruns"));
    }
}

#[test]
fn importing_twice_gives_the_same_store() {
    let lab = TestLab::new();
    for (format, path) in [("tensorboard", "tensorboard"), ("wandb", "wandb"), ("mlflow", "mlflow")] {
        import(&lab, format, &fixture(path));
        let before = everything(&lab);
        let again = import(&lab, format, &fixture(path));
        assert!(outcomes(&again).iter().all(|outcome| *outcome == "there"), "{again:?}");
        assert_eq!(everything(&lab), before);
    }
    // From another place too.
    let moved = import(&lab, "tensorboard", &copied("tensorboard", &lab));
    assert_eq!(outcomes(&moved), ["there"; 3]);
}

#[test]
fn a_dry_run_changes_nothing() {
    let lab = TestLab::new();
    let path = fixture("mlflow/mlruns");
    let previews = lab.json(&["import", "mlflow", path.to_str().unwrap(), "--dry-run"]);
    let parent = previews.as_array().unwrap().iter().find(|it| it["name"] == "parent").unwrap();
    assert_eq!((parent["points"].as_u64(), parent["files"].as_u64()), (Some(7), Some(1)));
    assert_eq!(parent["is_there"], false);
    assert_eq!(lab.json(&["runs", "list"])["total_count"], 0);
    assert_eq!(lab.json(&["exp", "list"])["total_count"], 0);
}

#[test]
fn what_was_deleted_stays_so_until_it_is_asked_for() {
    let lab = TestLab::new();
    let path = fixture("tensorboard/keras");
    import(&lab, "tensorboard", &path);
    assert!(lab.run(&["runs", "delete", "train", "--yes"]).status.success());
    assert_eq!(outcomes(&import(&lab, "tensorboard", &path)), ["deleted"]);
    let path = path.to_str().unwrap();
    for outcome in ["imported", "there"] {
        let lines = lab.json(&["import", "tensorboard", path, "--restore"]);
        assert_eq!(outcomes(lines.as_array().unwrap()), [outcome]);
    }
    assert_eq!(values(&lab, "train", "epoch_loss").len(), 5);
}

#[test]
fn a_run_that_had_not_ended_goes_on_where_the_import_stopped() {
    let lab = TestLab::new();
    let folder = copied("wandb", &lab);
    let file = walk(&folder).into_iter().find(|file| file.extension().is_some_and(|it| it == "wandb")).unwrap();
    let whole = fs::read(&file).unwrap();
    // Torn in the middle, as of a process that was killed.
    fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    assert_eq!(outcomes(&import(&lab, "wandb", &folder)), ["imported"]);
    let run = show(&lab, "warmup");
    assert_eq!((run["status"].as_str(), run["error"]["type"].as_str()), (Some("failed"), Some("Unfinished")));
    assert_eq!(outcomes(&import(&lab, "wandb", &folder)), ["there"]);

    fs::write(&file, &whole).unwrap();
    assert_eq!(outcomes(&import(&lab, "wandb", &folder)), ["continued"]);
    let run = show(&lab, "warmup");
    assert_eq!((run["status"].as_str(), metric(&run, "train/loss")["count"].as_u64()), (Some("completed"), Some(11)));
    assert_eq!(outcomes(&import(&lab, "wandb", &folder)), ["there"]);
}

#[test]
fn a_source_that_grew_after_its_end_is_told_and_not_mixed_up() {
    let lab = TestLab::new();
    let file = lab.path().join("log.jsonl");
    fs::write(&file, "{\"step\": 0, \"loss\": 1}\n").unwrap();
    assert_eq!(outcomes(&import(&lab, "jsonl", &file)), ["imported"]);
    fs::write(&file, "{\"step\": 0, \"loss\": 1}\n{\"step\": 1, \"loss\": NaN}\n").unwrap();
    let (code, said) = lab.refused(&["import", "jsonl", file.to_str().unwrap()]);
    assert_eq!(code, 1);
    assert!(said.contains("1 more records") && said.contains("--restore"), "{said}");
    assert!(lab.run(&["runs", "delete", "log", "--yes"]).status.success());
    lab.json(&["import", "jsonl", file.to_str().unwrap(), "--restore"]);
    assert_eq!(metric(&show(&lab, "log"), "loss")["count"], 2);
}

#[test]
fn tables_become_runs() {
    let lab = TestLab::new();
    let file = lab.path().join("metrics.csv");
    let rows = "run,epoch,time,loss,note\na,0,1700000000,0.5,good\na,1,1700000001,nan,\nb,0,1700000002,0.25,\n";
    fs::write(&file, rows).unwrap();
    lab.json(&["import", "csv", file.to_str().unwrap(), "-e", "tiny-lm", "--tag", "from=csv"]);
    let run = show(&lab, "a");
    assert_eq!((run["experiment_name"].as_str(), run["tags"]["from"].as_str()), (Some("tiny-lm"), Some("csv")));
    assert_eq!(run["started_at"], "2023-11-14T22:13:20Z");
    assert_eq!(
        (metric(&run, "loss")["count"].as_u64(), metric(&run, "loss")["last_step"].as_i64()),
        (Some(2), Some(1))
    );
    assert_eq!(metric(&show(&lab, "b"), "loss")["last"], 0.25);

    fs::write(&file, "a,b\n1,2\n\"no end").unwrap();
    assert_ne!(lab.refused(&["import", "csv", file.to_str().unwrap(), "--step", "c"]).0, 0);
}

#[test]
fn what_is_no_such_file_is_refused_and_begins_nothing() {
    let lab = TestLab::new();
    let file = lab.path().join("events.out.tfevents.1");
    fs::write(&file, "not at all").unwrap();
    for (format, path) in [
        ("tensorboard", "events.out.tfevents.1"),
        ("wandb", "."),
        ("mlflow", "events.out.tfevents.1"),
        ("csv", "nowhere.csv"),
    ] {
        let (_, said) = lab.refused(&["import", format, path]);
        assert!(said.contains("error"), "{said}");
    }
    assert_eq!(lab.json(&["runs", "list"])["total_count"], 0);
}

#[test]
fn a_server_takes_imports_too() {
    let lab = TestLab::new();
    let server = lab.serve();
    let path = fixture("tensorboard");
    let lines = lab.json(&["--server", &server.url, "import", "tensorboard", path.to_str().unwrap()]);
    assert_eq!(outcomes(lines.as_array().unwrap()), ["imported"; 3]);
    let run = lab.json(&["--server", &server.url, "runs", "show", "sgd"]);
    assert_eq!(run["artifacts"][0]["name"], "media/sample-3.png");
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}
