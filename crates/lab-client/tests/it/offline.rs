//! Runs that deliver nothing by themselves.

use lab_client::{Run, left_behind, sync, waiting};
use lab_model::{Code, RunStatus};

use crate::given::{Lab, offline};

#[test]
fn what_is_logged_offline_waits() {
    let lab = Lab::new();
    let run = Run::start(&lab.workspace, offline()).unwrap();
    run.log([("loss", 0.5)], None).unwrap();
    assert_eq!((waiting(&lab.workspace).unwrap(), left_behind(&lab.workspace).unwrap()), (1, 0));
    let outcome = run.complete().unwrap();
    assert!(!outcome.is_delivered && outcome.problem.is_none(), "{outcome:?}");
    assert_eq!((run.acknowledged(), left_behind(&lab.workspace).unwrap()), (0, 1));
    assert!(!lab.workspace.root.join("lab.db").exists());
}

#[test]
fn what_is_wrong_is_refused_when_it_is_logged() {
    let lab = Lab::new();
    let unnamed = lab_client::StartOptions { is_offline: true, ..lab_client::StartOptions::new(" ") };
    assert_eq!(Run::start(&lab.workspace, unnamed).unwrap_err().field(), Some("experiment"));
    assert_eq!(waiting(&lab.workspace).unwrap(), 0, "nothing is begun");
    let run = Run::start(&lab.workspace, offline()).unwrap();
    assert_eq!(run.log([("", 1.0)], None).unwrap_err().field(), Some("name"));
    let missing = lab.workspace.root.join("missing.bin");
    let name = || "model.bin".parse().unwrap();
    let error = run.log_artifact(&missing, name(), Default::default(), Default::default()).unwrap_err();
    assert!(error.code() == Code::IoError && error.to_string().contains("missing.bin"), "{error}");
    run.complete().unwrap();
    let error = run.log([("loss", 1.0)], None).unwrap_err();
    assert!(error.code() == Code::InvalidState && error.to_string().contains("is finished"), "{error}");
    assert_eq!(run.finish(RunStatus::Failed, None).unwrap().problem, None, "ending it again does nothing");
}

#[test]
fn a_file_beyond_the_limit_is_refused_before_it_is_copied() {
    let mut lab = Lab::new();
    lab.workspace.settings.artifact_limit_bytes = 10;
    let file = lab.workspace.root.join("model.bin");
    std::fs::write(&file, [7; 11]).unwrap();
    let run = Run::start(&lab.workspace, offline()).unwrap();
    let name = "model.bin".parse().unwrap();
    let error = run.log_artifact(&file, name, Default::default(), Default::default()).unwrap_err();
    assert_eq!(error.code(), Code::ArtifactTooLarge);
    assert!(!lab.workspace.root.join("spool").join(run.id().to_string()).join("files").exists());
}

#[cfg(feature = "embedded")]
#[test]
fn sync_delivers_what_waits_and_once() {
    use crate::given::{counted, log};

    let lab = Lab::new();
    let runs: Vec<Run> = (0..3).map(|_| Run::start(&lab.workspace, offline()).unwrap()).collect();
    for run in &runs {
        log(run, 0..50);
        run.complete().unwrap();
    }
    let synced = sync(&lab.workspace).unwrap();
    assert!(synced.is_complete() && synced.refused.is_empty(), "{synced}");
    assert_eq!((synced.spools, synced.records), (3, 3 * 52));
    assert_eq!(sync(&lab.workspace).unwrap().to_string(), "Nothing waited to be delivered.");
    assert_eq!(lab.left_in_spool(), [""; 0]);
    let stored = lab.stored();
    for run in &runs {
        assert_eq!(stored.losses(run.id()), counted(50));
        assert_eq!(stored.run(run.id()).run.status, RunStatus::Completed);
    }
}

#[cfg(not(feature = "embedded"))]
#[test]
fn without_a_server_and_a_store_sync_says_what_is_missing_and_keeps_the_spool() {
    let lab = Lab::new();
    let run = Run::start(&lab.workspace, offline()).unwrap();
    run.complete().unwrap();
    let synced = sync(&lab.workspace).unwrap();
    assert!(!synced.is_complete() && synced.to_string().contains("LAB_SERVER"), "{synced}");
    assert_eq!(waiting(&lab.workspace).unwrap(), 1);

    let run = Run::start(&lab.workspace, lab_client::StartOptions::new("tiny-lm")).unwrap();
    let outcome = run.complete().unwrap();
    assert!(outcome.problem.is_some_and(|problem| problem.contains("LAB_SERVER")));
    assert_eq!(waiting(&lab.workspace).unwrap(), 2);
}
