//! The writer when the disk fails it.

use std::sync::Arc;

use futures_util::future::join_all;
use lab_model::Code;
use tokio::sync::watch;

use super::{place, words};
use crate::conformance::given;
use crate::sqlite::writer::Writer;
use crate::sqlite::{SqliteOptions, SqliteStore, connection, prepare};
use crate::{Change, Metrics as _, Write};

/// A full disk, which SQLite plays when a file may have no more pages.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_fails_the_group_and_the_writer_lives_on() {
    let (_folder, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    let run = given::run(&store).await.id;
    let conn = connection::open_to_write(&path, &SqliteOptions::default()).unwrap();
    let pages: i64 = conn.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    conn.pragma_update_and_check(None, "max_page_count", pages + 20, |_| Ok(())).unwrap();
    let writer = Writer::start(conn, Arc::new(watch::channel(0).0)).unwrap();

    let batch = |size: usize| {
        let values: Vec<f64> = (0..size).map(|i| (i as f64 * 1.7).sin()).collect();
        let points = given::stepped("loss", &values);
        let change = Change::new(given::now()).writing(Write::AppendPoints { id: run, series: vec![points] });
        let writer = &writer;
        async move { writer.commit(prepare::prepare(change).await?).await }
    };
    let (mut kept, mut failed) = (0, 0);
    for answer in join_all((0..100).map(|_| batch(1_000))).await {
        match answer {
            Ok(_) => kept += 1,
            Err(error) => {
                failed += 1;
                assert_eq!((error.code(), error.is_retryable()), (Code::StorageError, true));
                assert!(words(&error).contains("the disk is full"), "{}", words(&error));
            }
        }
    }
    assert!(failed > 0, "{kept} fit in twenty pages");
    writer.commit(prepare::prepare(Change::new(given::now())).await.unwrap()).await.expect("it lives on");
    let stored = store.points(run, &"loss".into(), &Default::default()).await.unwrap().len();
    assert_eq!(stored, kept * 1_000, "what was acknowledged, and nothing else");
}
