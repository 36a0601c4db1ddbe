//! The event log.

use std::time::Duration;

use futures_util::future::join_all;
use lab_model::{EventBody, ExperimentId};

use super::given::{self, now};
use crate::{Change, Store, Write};

fn telling(experiment: ExperimentId) -> Change {
    Change::new(now()).telling(experiment, None, EventBody::ExperimentArchived)
}

pub(super) async fn positions_have_no_gap_under_concurrency_and_refusals(store: &dyn Store) {
    let experiment = given::experiment(store, "events").await.id;
    let commits = (0..150).map(|i| async move {
        let mut change = telling(experiment).telling(experiment, None, EventBody::ExperimentArchived);
        if i % 3 == 0 {
            change.edges.push(lab_model::LineageEdge {
                from: "run:nobody".parse().expect("a node"),
                edge_type: lab_model::EdgeType::Produces,
                to: "artifact:nothing".parse().expect("a node"),
                metadata: lab_model::Metadata::new(),
                created_at: now(),
            });
        }
        store.commit(change).await.is_ok()
    });
    let told = join_all(commits).await.into_iter().filter(|ok| *ok).count() as u64 * 2;
    assert_eq!(told, 200);
    let positions: Vec<u64> = store.events(0, 1000).await.expect("events").iter().map(|event| event.seq).collect();
    assert_eq!(positions, (1..=told).collect::<Vec<u64>>());
    assert_eq!(store.last_event().await.expect("a position"), told);
}

pub(super) async fn events_are_read_from_a_position_on(store: &dyn Store) {
    let experiment = given::experiment(store, "events").await.id;
    assert_eq!(store.last_event().await.expect("a position"), 0);
    for _ in 0..5 {
        store.commit(telling(experiment)).await.expect("an event");
    }
    let read = async |after, limit| {
        let events = store.events(after, limit).await.expect("events");
        events.iter().map(|event| event.seq).collect::<Vec<u64>>()
    };
    assert_eq!(read(0, 2).await, [1, 2]);
    assert_eq!(read(2, 2).await, [3, 4]);
    assert_eq!(read(4, 100).await, [5]);
    assert!(read(5, 100).await.is_empty());
    assert!(read(u64::MAX, 100).await.is_empty());
}

pub(super) async fn events_of_new_runs_tell_their_number_and_name(store: &dyn Store) {
    let experiment = given::experiment(store, "events").await;
    let old = given::created(store, &given::new_run(experiment.id)).await;
    let mut named = given::new_run(experiment.id);
    named.name = "mine".into();
    let nameless = given::new_run(experiment.id);
    let blank = || EventBody::RunStarted { number: 0, name: String::new() };
    let told = EventBody::RunStarted { number: old.number, name: old.name.clone() };
    let change = Change::new(now())
        .telling(experiment.id, Some(named.id), blank())
        .telling(experiment.id, Some(nameless.id), blank())
        .telling(experiment.id, Some(old.id), told.clone())
        .writing(Write::CreateRun(Box::new(nameless.clone())))
        .writing(Write::CreateRun(Box::new(named.clone())));
    store.commit(change).await.expect("two runs");
    let events = store.events(1, 10).await.expect("events");
    let bodies: Vec<EventBody> = events.into_iter().map(|event| event.body).collect();
    let started = |number, name: &str| EventBody::RunStarted { number, name: name.into() };
    assert_eq!(bodies, [started(3, "mine"), started(2, "run-2"), told]);
}

pub(super) async fn a_watcher_wakes_up(store: &dyn Store) {
    let experiment = given::experiment(store, "events").await.id;
    store.commit(telling(experiment)).await.expect("an event");
    let mut watch = store.watch_events();
    assert_eq!(*watch.borrow_and_update(), 1);
    store.commit(telling(experiment)).await.expect("an event");
    tokio::time::timeout(Duration::from_secs(10), watch.changed()).await.expect("it wakes up").expect("it is open");
    assert_eq!(*watch.borrow_and_update(), 2);
    // A change without events wakes nobody.
    given::run(store).await;
    store.commit(Change::new(now())).await.expect("nothing to do");
    tokio::time::timeout(Duration::from_secs(10), watch.changed()).await.expect("it wakes up").expect("it is open");
    assert_eq!(*watch.borrow_and_update(), 3);
}
