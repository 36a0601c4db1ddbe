//! One file, several stores: what another process does is what another handle does.

use std::collections::BTreeSet;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use lab_model::{Code, EventBody};
use rusqlite::Connection;

use super::{place, words};
use crate::conformance::given::{self, now};
use crate::sqlite::{SqliteOptions, SqliteStore};
use crate::{Change, Events as _, Runs as _, Store as _};

#[tokio::test(flavor = "multi_thread")]
async fn two_handles_give_no_number_twice() {
    let (_folder, path) = place();
    let stores = [SqliteStore::open(&path).unwrap(), SqliteStore::open(&path).unwrap()];
    let experiment = given::experiment(&stores[0], "shared").await;
    let commits = (0..200).map(|i| {
        let store = &stores[i % 2];
        let run = given::new_run(experiment.id);
        async move { store.commit(given::creating(&run)).await.unwrap() }
    });
    let committed = join_all(commits).await;
    let numbers: BTreeSet<u64> = committed.iter().map(|c| c.run_numbers[0]).collect();
    assert_eq!(numbers, (1..=200).collect());
    let events: BTreeSet<u64> = stores[0].events(0, 1000).await.unwrap().iter().map(|e| e.seq).collect();
    assert_eq!(events, (1..=200).collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_sees_what_another_handle_writes() {
    let (_folder, path) = place();
    let (mine, theirs) = (SqliteStore::open(&path).unwrap(), SqliteStore::open(&path).unwrap());
    let mut watch = mine.watch_events();
    assert_eq!(*watch.borrow_and_update(), 0);
    let experiment = given::experiment(&theirs, "shared").await.id;
    for position in 1..=3 {
        let change = Change::new(now()).telling(experiment, None, EventBody::ExperimentArchived);
        theirs.commit(change).await.unwrap();
        tokio::time::timeout(Duration::from_secs(10), watch.changed()).await.expect("it wakes up").unwrap();
        assert_eq!(*watch.borrow_and_update(), position);
    }
    // It stops with the store.
    mine.close().await;
    drop(mine);
    tokio::time::timeout(Duration::from_secs(10), watch.changed()).await.expect("the sender is gone").unwrap_err();
}

#[test]
fn a_new_file_can_be_opened_by_many_at_once() {
    let (_folder, path) = place();
    let start = Arc::new(Barrier::new(8));
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let (start, path) = (Arc::clone(&start), path.clone());
            std::thread::spawn(move || {
                start.wait();
                SqliteStore::open(&path).map(drop)
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_is_waited_for_and_then_told() {
    let (_folder, path) = place();
    let patience = Duration::from_millis(300);
    let store = SqliteStore::open_with(&path, &SqliteOptions { patience, ..SqliteOptions::default() }).unwrap();
    let experiment = given::experiment(&store, "locked").await;
    let foreign = Connection::open(&path).unwrap();
    foreign.execute_batch("BEGIN IMMEDIATE").unwrap();

    let run = given::new_run(experiment.id);
    let began = Instant::now();
    let error = store.commit(given::creating(&run)).await.expect_err("it is locked");
    assert!(began.elapsed() >= patience);
    assert_eq!((error.code(), error.is_retryable()), (Code::StorageError, true));
    assert!(words(&error).contains("another process holds the database locked"), "{}", words(&error));
    assert!(store.check().await.expect_err("it is locked").is_retryable());
    assert_eq!(store.run(run.id).await.unwrap(), None, "readers do not wait for the lock");

    foreign.execute_batch("ROLLBACK").unwrap();
    assert_eq!(store.commit(given::creating(&run)).await.unwrap().run_numbers, [1]);

    // A lock that is given back in time is only waited for.
    foreign.execute_batch("BEGIN IMMEDIATE").unwrap();
    let release = async {
        tokio::task::spawn_blocking(move || {
            std::thread::sleep(patience / 3);
            foreign.execute_batch("ROLLBACK").unwrap();
        })
        .await
        .unwrap();
    };
    let second = given::new_run(experiment.id);
    let (answer, ()) = tokio::join!(store.commit(given::creating(&second)), release);
    assert_eq!(answer.unwrap().run_numbers, [2]);
}
