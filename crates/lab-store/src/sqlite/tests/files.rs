//! Files that are not as they should be.

use std::fs;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;

use rusqlite::Connection;

use super::{place, words};
use crate::conformance::given;
use crate::sqlite::SqliteStore;
use crate::{Change, Runs as _, Store as _};

#[track_caller]
fn check_refused(path: &Path, expected: &str) {
    let error = SqliteStore::open(path).expect_err("it cannot be opened");
    assert!(words(&error).contains(expected), "{}", words(&error));
    assert!(!error.is_retryable());
}

#[test]
fn a_newer_schema_is_refused_and_left_as_it_is() {
    let (_folder, path) = place();
    drop(SqliteStore::open(&path).unwrap());
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    for _ in 0..2 {
        check_refused(&path, "this store was written by a newer lab (schema 99, this one knows ");
    }
    let version: i64 =
        Connection::open(&path).unwrap().pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert_eq!(version, 99);
}

#[test]
fn a_database_of_another_program_is_refused() {
    let (_folder, path) = place();
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
    check_refused(&path, "the file is a database of another program");
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let (_folder, path) = place();
    fs::write(&path, "not a database, but long enough to have a header of one, were it one ".repeat(20)).unwrap();
    check_refused(&path, "the file is not a database, or its beginning is damaged");
}

#[test]
fn a_folder_that_does_not_exist_is_named_as_the_trouble() {
    let (folder, _) = place();
    check_refused(&folder.path().join("none/lab.db"), "the file cannot be opened");
    check_refused(folder.path(), "the file cannot be opened");
}

#[tokio::test]
async fn a_damaged_page_is_an_error_and_not_an_answer() {
    let (_folder, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    let run = given::run(&store).await;
    store.close().await;
    let size = fs::metadata(&path).unwrap().len();
    let mut file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.seek(SeekFrom::Start(4096)).unwrap();
    file.write_all(&vec![0x5a; usize::try_from(size).unwrap() - 4096]).unwrap();
    drop(file);
    // Some damage is seen when the file is opened, some when it is read.
    let found = match SqliteStore::open(&path) {
        Ok(store) => store.run(run.id).await.map(drop),
        Err(error) => Err(error),
    };
    let error = found.expect_err("the file is damaged");
    assert!(words(&error).contains("the database is damaged"), "{}", words(&error));
}

#[tokio::test]
async fn a_file_that_cannot_be_written_says_so() {
    use std::os::unix::fs::PermissionsExt as _;
    let (folder, path) = place();
    SqliteStore::open(&path).unwrap().close().await;
    let set = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    set(&path, 0o444);
    set(folder.path(), 0o555);
    let is_above_permissions = fs::OpenOptions::new().append(true).open(&path).is_ok();
    let opened = SqliteStore::open(&path);
    set(folder.path(), 0o755);
    if !is_above_permissions {
        assert!(words(&opened.expect_err("read-only")).contains("the file or its folder is read-only"));
        return;
    }
    // The superuser may write to any file, so the same error is made by the database itself.
    let conn = Connection::open(&path).unwrap();
    conn.pragma_update(None, "query_only", true).unwrap();
    let error = conn.execute_batch("BEGIN IMMEDIATE; DELETE FROM users").expect_err("it only reads");
    let error = crate::sqlite::error::classify(error, "writing");
    assert!(words(&error).contains("the file or its folder is read-only"), "{}", words(&error));
    assert!(!error.is_retryable());
}

#[tokio::test]
async fn what_was_committed_is_there_without_a_close() {
    let (_folder, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    let run = given::run(&store).await;
    drop(store);
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(store.run(run.id).await.unwrap(), Some(run));
    store.commit(Change::new(given::now())).await.unwrap();
}

#[tokio::test]
async fn metrics_agree_with_a_naive_store_over_restarts() {
    use crate::conformance::operations::Naive;
    let (_folder, path) = place();
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut naive = Naive::default();
    let mut runs = Vec::new();
    for round in 0..6 {
        let store = SqliteStore::open(&path).unwrap();
        naive.check(&store, &runs, false).await;
        if round < 3 {
            runs.push(given::run(&store).await.id);
        }
        naive.append(&store, &runs, &mut runner, 10).await;
        naive.fold(&store, &runs, &mut runner).await;
        if round % 2 == 0 {
            store.close().await;
        }
    }
}
