//! Numbers of runs.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use lab_model::{Page, RunQuery};

use super::given;
use crate::{Change, Expect, Store, Write};

pub(super) async fn numbers_have_no_gap_and_no_twin_under_concurrency(store: &dyn Store) {
    const TASKS: usize = 25;
    const RUNS: usize = 20;
    let experiment = given::experiment(store, "numbers").await;
    let tasks = (0..TASKS).map(|task| async move {
        let mut numbers = Vec::new();
        for i in 0..RUNS {
            let run = given::new_run(experiment.id);
            let mut change = given::creating(&run);
            let is_refused = (task + i) % 3 == 0;
            if is_refused {
                // Fails after the number was given.
                change = change.writing(Write::RenameRun { id: lab_model::RunId::new(given::now()), name: "x".into() });
            }
            let answer = store.commit(change).await;
            assert_eq!(answer.is_err(), is_refused, "{answer:?}");
            numbers.extend(answer.into_iter().flat_map(|committed| committed.run_numbers));
        }
        numbers
    });
    let numbers: Vec<u64> = join_all(tasks).await.into_iter().flatten().collect();
    let distinct: BTreeSet<u64> = numbers.iter().copied().collect();
    assert_eq!(distinct.len(), numbers.len(), "two runs have one number");
    assert_eq!(distinct, (1..=numbers.len() as u64).collect(), "a number is missing");
    let query = RunQuery { page: Page { limit: 1000, cursor: None }, ..RunQuery::default() };
    let stored = store.find_runs(&query).await.expect("runs").items;
    assert_eq!(stored.iter().map(|run| run.number).collect::<BTreeSet<u64>>(), distinct);
}

pub(super) async fn numbers_are_counted_within_each_experiment(store: &dyn Store) {
    let first = given::experiment(store, "first").await;
    let second = given::experiment(store, "second").await;
    let (a, b, c) = (given::new_run(first.id), given::new_run(second.id), given::new_run(first.id));
    let mut change = Change::new(given::now());
    for run in [&a, &b, &c] {
        change = change.writing(Write::CreateRun(Box::new(run.clone())));
    }
    assert_eq!(store.commit(change).await.expect("three runs").run_numbers, [1, 1, 2]);
    let found = store.run_numbered(first.id, 2).await.expect("an answer").expect("the run");
    assert_eq!(found.id, c.id);
    for number in [0, 3, u64::MAX] {
        assert_eq!(store.run_numbered(first.id, number).await.expect("an answer"), None);
    }
}

pub(super) async fn the_number_of_a_deleted_run_is_not_given_again(store: &dyn Store) {
    let run = given::run(store).await;
    let change = Change::new(given::now())
        .expecting(Expect::RunIs { id: run.id, one_of: vec![run.status] })
        .writing(Write::DeleteRun { id: run.id });
    store.commit(change).await.expect("deleted");
    assert_eq!(given::created(store, &given::new_run(run.experiment_id)).await.number, 2);
}
