//! A store that is away for a while, and two that deliver the same.

use std::time::{Duration, Instant};

use lab_client::{Run, StartOptions, sync, waiting};
use lab_model::RunStatus;
use rusqlite::Connection;

use crate::given::{Lab, counted, eventually, log, offline};

/// Longer than any call may take, and shorter than what the store waits for a lock.
const AT_ONCE: Duration = Duration::from_secs(10);

#[test]
fn a_store_that_is_locked_holds_up_nobody_and_gets_everything_once() {
    let lab = Lab::new();
    let run = Run::start(&lab.workspace, StartOptions::new("tiny-lm")).unwrap();
    log(&run, 0..50);
    eventually("the first delivery", || (run.acknowledged() == 51).then_some(()));
    let other = Connection::open(lab.workspace.root.join("lab.db")).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let begun = Instant::now();
    log(&run, 50..500);
    assert!(begun.elapsed() < AT_ONCE, "logging waited for the store");
    eventually("a power cut takes nothing, although the store takes nothing", || (run.durable() == 501).then_some(()));
    assert_eq!(run.acknowledged(), 51);

    // Whoever wants to go goes at once too; what is not delivered waits.
    let begun = Instant::now();
    let outcome = run.finish_within(RunStatus::Completed, None, Duration::from_millis(50), &mut || false).unwrap();
    assert!(!outcome.is_delivered && begun.elapsed() < AT_ONCE, "{outcome:?} after {:?}", begun.elapsed());
    assert_eq!(waiting(&lab.workspace).unwrap(), 1);
    other.execute_batch("COMMIT").unwrap();
    let synced = sync(&lab.workspace).unwrap();
    assert!(synced.is_complete() && synced.refused.is_empty(), "{synced}");
    let stored = lab.stored();
    assert_eq!((stored.losses(run.id()), stored.run(run.id()).run.status), (counted(500), RunStatus::Completed));
}

#[test]
fn a_store_that_cannot_be_opened_is_tried_again() {
    let lab = Lab::new();
    let blocked = lab.workspace.root.join("lab.db");
    std::fs::create_dir(&blocked).unwrap();
    let run = Run::start(&lab.workspace, StartOptions::new("tiny-lm")).unwrap();
    log(&run, 0..50);
    let problem = eventually("a failure", || run.problem());
    assert!(problem.contains("the file cannot be opened"), "{problem}");
    let synced = sync(&lab.workspace).unwrap();
    assert!(!synced.is_complete() && synced.to_string().contains("the file cannot be opened"), "{synced}");
    log(&run, 50..100);
    std::fs::remove_dir(&blocked).unwrap();
    let outcome = run.complete().unwrap();
    assert!(outcome.is_delivered && outcome.problem.is_none() && outcome.refused.is_empty(), "{outcome:?}");
    assert_eq!(lab.stored().losses(run.id()), counted(100));
}

#[test]
fn an_end_that_is_interrupted_leaves_the_rest_for_sync() {
    let lab = Lab::new();
    let blocked = lab.workspace.root.join("lab.db");
    std::fs::create_dir(&blocked).unwrap();
    let run = Run::start(&lab.workspace, StartOptions::new("tiny-lm")).unwrap();
    log(&run, 0..50);
    let mut asked = 0;
    let mut interrupted = || {
        asked += 1;
        asked == 3
    };
    let outcome = run.finish_within(RunStatus::Cancelled, None, AT_ONCE * 10, &mut interrupted).unwrap();
    assert!(!outcome.is_delivered && outcome.problem.is_some(), "{outcome:?}");
    std::fs::remove_dir(&blocked).unwrap();
    assert!(sync(&lab.workspace).unwrap().is_complete());
    let stored = lab.stored();
    assert_eq!((stored.losses(run.id()), stored.run(run.id()).run.status), (counted(50), RunStatus::Cancelled));
}

#[test]
fn two_that_deliver_the_same_spool_in_small_batches_keep_each_record_once() {
    let mut lab = Lab::new();
    lab.workspace.settings.metric_buffer_size = 1;
    let run = Run::start(&lab.workspace, offline()).unwrap();
    log(&run, 0..150);
    run.complete().unwrap();
    std::thread::scope(|scope| {
        for thread in [scope.spawn(|| sync(&lab.workspace)), scope.spawn(|| sync(&lab.workspace))] {
            thread.join().unwrap().unwrap();
        }
    });
    sync(&lab.workspace).unwrap();
    let stored = lab.stored();
    assert_eq!((stored.losses(run.id()), stored.run(run.id()).run.logs.errors), (counted(150), 0));
    assert_eq!(waiting(&lab.workspace).unwrap(), 0);
}

#[test]
fn a_spool_that_is_being_written_is_delivered_but_not_deleted() {
    let lab = Lab::new();
    let run = Run::start(&lab.workspace, offline()).unwrap();
    log(&run, 0..10);
    sync(&lab.workspace).unwrap();
    assert_eq!((lab.stored().losses(run.id()), waiting(&lab.workspace).unwrap()), (counted(10), 1));
    log(&run, 10..20);
    run.complete().unwrap();
    sync(&lab.workspace).unwrap();
    assert_eq!((lab.stored().losses(run.id()), waiting(&lab.workspace).unwrap()), (counted(20), 0));
}

#[test]
fn rubbish_beside_a_spool_does_not_keep_its_run_from_ending() {
    let lab = Lab::new();
    let run = Run::start(&lab.workspace, StartOptions::new("tiny-lm")).unwrap();
    log(&run, 0..5);
    let rubbish = lab.workspace.root.join("spool").join(run.id().to_string()).join("rubbish.spool");
    std::fs::write(&rubbish, [b'x'; 200]).unwrap();
    let outcome = run.complete().unwrap();
    assert!(outcome.is_delivered, "{outcome:?}");
    let stored = lab.stored();
    assert_eq!((stored.losses(run.id()), stored.run(run.id()).run.status), (counted(5), RunStatus::Completed));
    let synced = sync(&lab.workspace).unwrap();
    assert!(synced.to_string().contains("it is damaged"), "{synced}");
    assert!(rubbish.exists(), "it is not this program's to throw away");
}
