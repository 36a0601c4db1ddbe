//! Points and their summaries.

use futures_util::future::join_all;
use lab_model::{Code, RunId, SeriesKey, SeriesSummary};

use super::given::{self, append, at, bits, series, stepped};
use crate::{PointRange, Store, Write};

const ALL: PointRange = PointRange { from_step: None, to_step: None, from_time: None, to_time: None };

async fn values(store: &dyn Store, run: RunId, key: impl Into<SeriesKey>) -> Vec<f64> {
    store.points(run, &key.into(), &ALL).await.expect("points").values
}

async fn summary(store: &dyn Store, run: RunId, key: impl Into<SeriesKey>) -> SeriesSummary {
    let key = key.into();
    let summaries = store.summaries(&[run], None).await.expect("summaries");
    summaries.into_iter().map(|(_, summary)| summary).find(|summary| summary.key == key).expect("the series")
}

pub(super) async fn nan_and_infinity_are_kept_and_counted_apart(store: &dyn Store) {
    let run = given::run(store).await.id;
    append(store, run, vec![stepped("odd", &[1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 3.0])]).await;
    let odd = summary(store, run, "odd").await;
    assert_eq!((odd.count, odd.nan_count, odd.infinite_count), (5, 1, 2));
    assert_eq!((odd.min, odd.max, odd.mean, odd.last), (Some(1.0), Some(3.0), Some(2.0), 3.0));
    assert!((odd.std_dev.expect("two values") - 2f64.sqrt()).abs() < 1e-12);
    for (step, last) in [(5, f64::NAN), (6, f64::NEG_INFINITY), (7, -0.5)] {
        append(store, run, vec![series("odd", &[(last, Some(step))])]).await;
        assert_eq!(bits(&[summary(store, run, "odd").await.last]), bits(&[last]));
    }
    append(store, run, vec![stepped("only", &[f64::NAN, f64::INFINITY])]).await;
    let only = summary(store, run, "only").await;
    assert_eq!((only.count, only.min, only.max, only.mean, only.std_dev), (2, None, None, None, None));
    append(store, run, vec![series("only", &[(2.0, Some(9))])]).await;
    let only = summary(store, run, "only").await;
    assert_eq!((only.min, only.max, only.mean, only.std_dev), (Some(2.0), Some(2.0), Some(2.0), None));
    let expected = [1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 3.0, f64::NAN, f64::NEG_INFINITY, -0.5];
    assert_eq!(bits(&values(store, run, "odd").await), bits(&expected));
}

pub(super) async fn order_and_repeats_are_kept(store: &dyn Store) {
    let run = given::run(store).await.id;
    // Times rise by a second within each batch.
    append(store, run, vec![series("loss", &[(5.0, Some(5)), (1.0, Some(1)), (9.0, None)])]).await;
    append(store, run, vec![series("loss", &[(5.5, Some(5)), (0.5, Some(1)), (8.0, None), (5.25, Some(5))])]).await;
    append(store, run, vec![series("loss", &[(5.0, Some(5)), (-3.0, Some(-3))])]).await;
    let points = store.points(run, &"loss".into(), &ALL).await.expect("points");
    let found: Vec<(f64, Option<i64>)> = points.iter().map(|(value, step, _)| (value, step)).collect();
    let expected = [
        (8.0, None),
        (9.0, None),
        (-3.0, Some(-3)),
        (0.5, Some(1)),
        (1.0, Some(1)),
        (5.0, Some(5)),
        (5.0, Some(5)),
        (5.5, Some(5)),
        (5.25, Some(5)),
    ];
    assert_eq!(found, expected);
    let loss = summary(store, run, "loss").await;
    assert_eq!((loss.count, loss.last, loss.last_step), (9, 5.25, Some(5)));
    assert_eq!((loss.first_time, loss.last_time), (at(0), at(3)));
}

pub(super) async fn a_series_is_told_from_others_by_its_context(store: &dyn Store) {
    let run = given::run(store).await.id;
    let of = |split: &str| SeriesKey { name: "loss".into(), context: [("split".to_owned(), split.to_owned())].into() };
    let batch = vec![
        stepped("loss", &[1.0]),
        stepped(of("val"), &[2.0, 3.0]),
        stepped(of("train"), &[4.0]),
        // The same series once more within one batch.
        series(of("val"), &[(5.0, Some(7))]),
    ];
    append(store, run, batch).await;
    assert_eq!(values(store, run, "loss").await, [1.0]);
    assert_eq!(values(store, run, of("val")).await, [2.0, 3.0, 5.0]);
    assert_eq!(values(store, run, of("train")).await, [4.0]);
    assert!(values(store, run, of("test")).await.is_empty());
    let keys: Vec<SeriesKey> =
        store.summaries(&[run], None).await.expect("summaries").into_iter().map(|(_, s)| s.key).collect();
    assert_eq!(keys, [SeriesKey::named("loss"), of("train"), of("val")]);
}

pub(super) async fn a_wide_batch_and_a_narrow_one_are_both_read(store: &dyn Store) {
    let (run, other) = (given::run(store).await.id, given::run(store).await.id);
    let wide = |value: f64, step| (0..300).map(|i| series(format!("m{i}").as_str(), &[(value, Some(step))])).collect();
    append(store, run, wide(1.0, 1)).await;
    append(store, run, vec![series("m7", &[(2.0, Some(2))]), series("extra", &[(9.0, None)])]).await;
    append(store, run, wide(3.0, 3)).await;
    append(store, other, wide(8.0, 8)).await;
    assert_eq!(values(store, run, "m7").await, [1.0, 2.0, 3.0]);
    assert_eq!(values(store, run, "m299").await, [1.0, 3.0]);
    assert_eq!(values(store, run, "extra").await, [9.0]);
    assert_eq!(values(store, other, "m7").await, [8.0]);
    let counts = store.summaries(&[run], None).await.expect("summaries");
    assert_eq!((counts.len(), counts.iter().map(|(_, s)| s.count).sum::<u64>()), (301, 602));
}

pub(super) async fn points_are_cut_to_a_range(store: &dyn Store) {
    let run = given::run(store).await.id;
    let points: Vec<(f64, Option<i64>)> =
        (0..10).map(|i| (f64::from(i), if i < 2 { None } else { Some(i64::from(i)) })).collect();
    append(store, run, vec![series("loss", &points)]).await;
    let cases = [
        (ALL, 0..10),
        (PointRange { from_step: Some(4), ..ALL }, 4..10),
        (PointRange { to_step: Some(4), ..ALL }, 2..5),
        (PointRange { from_step: Some(4), to_step: Some(4), ..ALL }, 4..5),
        (PointRange { from_step: Some(5), to_step: Some(4), ..ALL }, 0..0),
        (PointRange { from_time: Some(at(1)), ..ALL }, 1..10),
        (PointRange { to_time: Some(at(1)), ..ALL }, 0..2),
        (PointRange { from_time: Some(at(1)), to_time: Some(at(7)), from_step: Some(3), to_step: None }, 3..8),
    ];
    for (range, expected) in cases {
        let found = store.points(run, &"loss".into(), &range).await.expect("points");
        assert_eq!(found.values, expected.map(f64::from).collect::<Vec<f64>>(), "{range:?}");
        assert_eq!(found.steps.len(), found.len());
        assert_eq!(found.times_micros.len(), found.len());
    }
}

pub(super) async fn quantiles_are_exact_once_a_run_was_finalised(store: &dyn Store) {
    let run = given::run(store).await.id;
    assert_eq!(store.finalise(RunId::new(given::now())).await.expect_err("no such run").code(), Code::NotFound);
    // 0 to 100 in an order that is not theirs, over several batches.
    for part in 0..4 {
        let values: Vec<f64> = (0..=100).filter(|i| i % 4 == part).map(|i| f64::from(i * 37 % 101)).collect();
        append(store, run, vec![stepped("q", &values), stepped("odd", &[f64::NAN])]).await;
    }
    append(store, run, vec![stepped("q", &[f64::NAN, f64::INFINITY])]).await;
    append(store, run, vec![stepped("two", &[1.0, 2.0])]).await;
    assert_eq!(store.finalise(run).await.expect_err("it has not ended").code(), Code::InvalidState);
    assert_eq!(store.unfinalised(10).await.expect("runs"), []);
    given::end(store, run).await;
    assert_eq!(store.unfinalised(10).await.expect("runs"), [run]);
    assert_eq!(summary(store, run, "q").await.median, None);
    for _ in 0..2 {
        store.finalise(run).await.expect("quantiles");
        assert_eq!(store.unfinalised(10).await.expect("runs"), []);
        let q = summary(store, run, "q").await;
        assert_eq!((q.median, q.p95, q.p99), (Some(50.0), Some(95.0), Some(99.0)));
        let two = summary(store, run, "two").await;
        assert_eq!((two.median, two.p95), (Some(1.5), Some(1.95)));
        let odd = summary(store, run, "odd").await;
        assert_eq!((odd.median, odd.p95, odd.p99), (None, None, None));
    }
}

pub(super) async fn quantiles_are_taken_back_when_points_follow(store: &dyn Store) {
    let run = given::run(store).await.id;
    append(store, run, vec![stepped("q", &[1.0, 2.0, 3.0])]).await;
    given::end(store, run).await;
    store.finalise(run).await.expect("quantiles");
    let resumed = Write::SetRunStatus {
        id: run,
        status: lab_model::RunStatus::Running,
        started_at: None,
        ended_at: None,
        error: None,
    };
    given::write(store, resumed).await;
    assert_eq!(summary(store, run, "q").await.median, None);
    append(store, run, vec![stepped("q", &[9.0, 9.0, 9.0, 9.0])]).await;
    given::end(store, run).await;
    store.finalise(run).await.expect("quantiles");
    assert_eq!(summary(store, run, "q").await.median, Some(9.0));
    // What an importer adds to an ended run counts too.
    append(store, run, vec![stepped("q", &[0.0; 20])]).await;
    assert_eq!(summary(store, run, "q").await.median, None);
    assert_eq!(store.unfinalised(10).await.expect("runs"), [run]);
    store.finalise(run).await.expect("quantiles");
    assert_eq!(summary(store, run, "q").await.median, Some(0.0));
}

pub(super) async fn summaries_are_read_for_many_runs(store: &dyn Store) {
    let experiment = given::experiment(store, "many").await;
    let mut ids = Vec::new();
    for i in 0..30 {
        let run = given::created(store, &given::new_run(experiment.id)).await.id;
        append(store, run, vec![stepped("loss", &[f64::from(i)]), stepped("acc", &[1.0])]).await;
        ids.push(run);
    }
    ids.reverse();
    ids.insert(3, RunId::new(given::now()));
    let asked = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<String>>();
    let found = store.summaries(&ids, Some(&asked(&["loss", "none", "loss"]))).await.expect("summaries");
    let order: Vec<RunId> = found.iter().map(|(run, _)| *run).collect();
    ids.remove(3);
    assert_eq!(order, ids);
    let lasts: Vec<f64> = found.iter().map(|(_, summary)| summary.last).collect();
    assert_eq!(lasts, (0..30).rev().map(f64::from).collect::<Vec<f64>>());
    let names = |found: &[(RunId, SeriesSummary)]| found.iter().map(|(_, s)| s.key.name.clone()).collect::<Vec<_>>();
    let both = store.summaries(&ids[..2], Some(&asked(&["loss", "acc"]))).await.expect("summaries");
    assert_eq!(names(&both), ["acc", "loss", "acc", "loss"]);
    assert_eq!(store.summaries(&ids, Some(&[])).await.expect("summaries"), []);
    assert_eq!(store.summaries(&[], None).await.expect("summaries"), []);
}

pub(super) async fn concurrent_batches_are_all_counted(store: &dyn Store) {
    let run = given::run(store).await.id;
    join_all((0..100).map(|i| append(store, run, vec![series("loss", &[(1.0, Some(i)), (3.0, Some(i))])]))).await;
    let loss = summary(store, run, "loss").await;
    assert_eq!((loss.count, loss.mean, loss.last_step), (200, Some(2.0), Some(99)));
    assert_eq!(values(store, run, "loss").await.len(), 200);
}

pub(super) async fn no_points_are_no_series(store: &dyn Store) {
    let run = given::run(store).await.id;
    append(store, run, vec![]).await;
    append(store, run, vec![stepped("empty", &[])]).await;
    assert_eq!(store.summaries(&[run], None).await.expect("summaries"), []);
    append(store, run, vec![stepped("empty", &[]), stepped("full", &[1.0])]).await;
    assert_eq!(store.summaries(&[run], None).await.expect("summaries").len(), 1);
}
