//! Folding batches into chunks.

use lab_model::{Code, RunId, SeriesKey, SeriesPoints};

use super::given::{self, append, bits, series, stepped};
use crate::{PointRange, Store};

async fn points(store: &dyn Store, run: RunId, name: &str) -> SeriesPoints {
    store.points(run, &SeriesKey::named(name), &PointRange::default()).await.expect("points")
}

/// Folds until nothing is left that is worth it; answers how often.
async fn fold(store: &dyn Store, run: RunId, least: u32) -> usize {
    let mut folds = 0;
    while store.fold(run, least).await.expect("a fold") {
        folds += 1;
    }
    folds
}

pub(super) async fn batches_become_chunks_and_nothing_that_is_read_changes(store: &dyn Store) {
    let run = given::run(store).await.id;
    let other = given::run(store).await.id;
    append(store, other, vec![stepped("loss", &[9.0])]).await;
    for i in 0..20 {
        let step = i64::from(i * 7 % 20);
        let wide = (0..30).map(|n| series(format!("m{n}").as_str(), &[(f64::from(i), Some(step))]));
        let odd = series("odd", &[(f64::NAN, None), (f64::INFINITY, Some(step))]);
        append(store, run, wide.chain([odd]).collect()).await;
    }
    let before = (points(store, run, "m7").await, points(store, run, "odd").await);
    let summaries = store.summaries(&[run], None).await.expect("summaries");
    assert_eq!(store.unfolded(20, 10).await.expect("runs"), [run]);
    assert!(fold(store, run, 2).await >= 1);
    assert_eq!(store.unfolded(1, 10).await.expect("runs"), [other]);
    let after = (points(store, run, "m7").await, points(store, run, "odd").await);
    assert_eq!(after.0, before.0);
    assert_eq!((bits(&after.1.values), after.1.steps), (bits(&before.1.values), before.1.steps));
    assert_eq!(format!("{:?}", store.summaries(&[run], None).await.expect("summaries")), format!("{summaries:?}"));
    assert_eq!(points(store, other, "loss").await.values, [9.0]);
}

pub(super) async fn few_batches_are_left_as_they_are(store: &dyn Store) {
    let run = given::run(store).await.id;
    assert!(!store.fold(run, 1).await.expect("a fold"), "there is nothing");
    append(store, run, vec![stepped("loss", &[1.0])]).await;
    append(store, run, vec![stepped("loss", &[2.0])]).await;
    assert!(!store.fold(run, 3).await.expect("a fold"));
    assert_eq!(store.unfolded(3, 10).await.expect("runs"), []);
    assert_eq!(store.unfolded(2, 10).await.expect("runs"), [run]);
}

pub(super) async fn points_that_come_between_folds_are_kept_once(store: &dyn Store) {
    let run = given::run(store).await.id;
    let mut expected = Vec::new();
    for round in 0..12 {
        for batch in 0..3 {
            let at = round * 3 + batch;
            append(store, run, vec![series("loss", &[(f64::from(at), Some(i64::from(at)))])]).await;
            expected.push(f64::from(at));
        }
        // Two at once: one of them does it.
        let (one, two) = tokio::join!(store.fold(run, 2), store.fold(run, 2));
        assert!(one.expect("a fold") | two.expect("a fold"));
        assert_eq!(points(store, run, "loss").await.values, expected, "round {round}");
    }
    assert_eq!(store.summaries(&[run], None).await.expect("summaries")[0].1.count, 36);
}

pub(super) async fn a_long_series_is_read_by_range_and_for_a_plot(store: &dyn Store) {
    const POINTS: i64 = 200_000;
    let run = given::run(store).await.id;
    let key = SeriesKey::named("long");
    let value = |step: i64| if step == 123_456 { 1e9 } else { (step % 1_000) as f64 };
    for start in (0..POINTS).step_by(40_000) {
        let mut batch = SeriesPoints::new(key.clone());
        (start..start + 40_000).for_each(|step| batch.push(value(step), Some(step), step * 1_000));
        append(store, run, vec![batch]).await;
    }
    fold(store, run, 1).await;
    let mut late = SeriesPoints::new(key.clone());
    [5, POINTS].into_iter().for_each(|step| late.push(-1.0, Some(step), step));
    append(store, run, vec![late]).await;

    for (from, to) in [(0, 3), (65_000, 66_000), (199_990, POINTS + 10), (5, 5), (300_000, 300_001)] {
        let range = PointRange { from_step: Some(from), to_step: Some(to), ..PointRange::default() };
        let found = store.points(run, &key, &range).await.expect("points");
        let mut expected: Vec<i64> = (from..=to).filter(|step| *step <= POINTS).collect();
        if (from..=to).contains(&5) {
            expected.push(5);
        }
        expected.sort_unstable();
        assert_eq!(found.steps.iter().flatten().copied().collect::<Vec<_>>(), expected, "{range:?}");
    }

    let plot = store.sampled_points(run, &key, &PointRange::default(), 400).await.expect("points");
    assert_eq!((plot.total, plot.is_sampled), (POINTS as u64 + 2, true));
    assert!(plot.points.len() <= 400 && plot.points.len() > 200, "{}", plot.points.len());
    assert!(plot.points.values.contains(&1e9) && plot.points.values.contains(&-1.0), "the extremes are there");
    assert!(plot.points.steps.is_sorted());
    assert_eq!(plot.points.steps.last(), Some(&Some(POINTS)));
    let near = PointRange { from_step: Some(70_000), to_step: Some(70_099), ..PointRange::default() };
    let zoomed = store.sampled_points(run, &key, &near, 400).await.expect("points");
    assert_eq!((zoomed.total, zoomed.is_sampled, zoomed.points.len()), (100, false, 100));
    let middle = PointRange { from_step: Some(1_000), to_step: Some(150_000), ..PointRange::default() };
    let middle = store.sampled_points(run, &key, &middle, 50).await.expect("points");
    assert_eq!((middle.total, middle.is_sampled), (149_001, true));
    assert!(middle.points.values.contains(&1e9));
}

pub(super) async fn a_run_that_is_gone_is_not_folded(store: &dyn Store) {
    let error = store.fold(RunId::new(given::now()), 1).await.expect_err("no such run");
    assert_eq!(error.code(), Code::NotFound);
}
