//! A store beside a naive one that is given the same random operations.

use std::collections::BTreeMap;

use lab_model::{RunId, SeriesKey, SeriesPoints, SeriesSummary};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use super::given;
use crate::{PointRange, Store, Write};

type Points = Vec<(f64, Option<i64>, i64)>;

/// What the store should hold: every point, in no order.
#[derive(Default)]
pub(crate) struct Naive {
    series: BTreeMap<(RunId, SeriesKey), Points>,
}

/// Batches of one run: its index, and points by series.
fn batch() -> impl Strategy<Value = (usize, Vec<SeriesPoints>)> {
    let value = prop_oneof![
        6 => -1e3..1e3f64,
        1 => prop::sample::select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, 5e-324, 1e300]),
    ];
    let step = prop_oneof![1 => Just(None), 5 => (-3..40i64).prop_map(Some), 1 => Just(Some(i64::MAX))];
    let points = prop::collection::vec((value, step, 0..1_000_000i64), 0..12);
    let key = ((0..25usize), any::<bool>()).prop_map(|(name, is_validation)| SeriesKey {
        name: format!("m{name}"),
        context: is_validation.then(|| ("split".to_owned(), "val".to_owned())).into_iter().collect(),
    });
    let series = (key, points).prop_map(|(key, points)| {
        let mut series = SeriesPoints::new(key);
        points.into_iter().for_each(|(value, step, time)| series.push(value, step, time));
        series
    });
    (
        0..3usize,
        prop_oneof![3 => prop::collection::vec(series.clone(), 0..4), 1 => prop::collection::vec(series, 20..40)],
    )
}

impl Naive {
    /// Appends some random batches to the store and here.
    pub(crate) async fn append(&mut self, store: &dyn Store, runs: &[RunId], runner: &mut TestRunner, batches: usize) {
        for _ in 0..batches {
            let (run, series) = batch().new_tree(runner).expect("a batch").current();
            let id = runs[run % runs.len()];
            for points in series.iter().filter(|points| !points.is_empty()) {
                self.series.entry((id, points.key.clone())).or_default().extend(points.iter());
            }
            given::write(store, Write::AppendPoints { id, series }).await;
        }
    }

    /// Folds some of the runs, each as far as it goes or once.
    pub(crate) async fn fold(&self, store: &dyn Store, runs: &[RunId], runner: &mut TestRunner) {
        for run in runs {
            let (least, wholly) = (1..6u32, any::<bool>()).new_tree(runner).expect("a choice").current();
            while store.fold(*run, least).await.expect("a fold") && wholly {}
        }
    }

    /// Compares all that the store tells with what is here.
    pub(crate) async fn check(&self, store: &dyn Store, runs: &[RunId], is_finalised: bool) {
        let summaries = store.summaries(runs, None).await.expect("summaries");
        let found: Vec<(RunId, &SeriesKey)> = summaries.iter().map(|(run, summary)| (*run, &summary.key)).collect();
        let expected: Vec<(RunId, &SeriesKey)> = runs
            .iter()
            .flat_map(|id| self.series.keys().filter(move |(run, _)| run == id).map(|(run, key)| (*run, key)))
            .collect();
        assert_eq!(found, expected);
        for (run, summary) in &summaries {
            let mut points = self.series[&(*run, summary.key.clone())].clone();
            let place = |p: &(f64, Option<i64>, i64)| (p.1, p.2, !p.0.is_nan());
            points.sort_by(|a, b| place(a).cmp(&place(b)).then(a.0.total_cmp(&b.0)));
            check_summary(summary, &points, is_finalised);
            let stored = store.points(*run, &summary.key, &PointRange::default()).await.expect("points");
            let bits = |(value, step, time): (f64, Option<i64>, i64)| (value.to_bits(), step, time);
            assert!(stored.iter().map(bits).eq(points.iter().copied().map(bits)), "{:?}", summary.key);
        }
    }
}

fn check_summary(summary: &SeriesSummary, points: &Points, is_finalised: bool) {
    let mut finite: Vec<f64> = points.iter().map(|p| p.0).filter(|v| v.is_finite()).collect();
    finite.sort_by(f64::total_cmp);
    assert_eq!(summary.count, points.len() as u64);
    assert_eq!(summary.nan_count, points.iter().filter(|p| p.0.is_nan()).count() as u64);
    assert_eq!(summary.infinite_count, points.iter().filter(|p| p.0.is_infinite()).count() as u64);
    let last = points.last().expect("a point");
    assert_eq!((summary.last_step, summary.last_time.as_microsecond()), (last.1, last.2));
    // Of points at one step and time any may be the last.
    let mut at_last = points.iter().filter(|p| (p.1, p.2) == (last.1, last.2));
    assert!(at_last.any(|p| p.0 == summary.last || p.0.is_nan() && summary.last.is_nan()), "{summary:?}");
    assert_eq!(Some(summary.first_time.as_microsecond()), points.iter().map(|p| p.2).min());
    assert_eq!((summary.min, summary.max), (finite.first().copied(), finite.last().copied()));
    let n = finite.len() as f64;
    let mean = finite.iter().map(|v| v / n).sum::<f64>();
    let scale = finite.iter().map(|v| v.abs()).fold(1.0, f64::max);
    match summary.mean {
        None => assert!(finite.is_empty()),
        Some(found) => assert!((found - mean).abs() <= 1e-9 * scale, "{found} and {mean}"),
    }
    if scale < 1e100 && finite.len() > 1 {
        let variance = finite.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
        let found = summary.std_dev.expect("two values");
        assert!((found - variance.sqrt()).abs() <= 1e-9 * scale, "{found} and {}", variance.sqrt());
    }
    let quantile = |q: f64| {
        let at = q * (n - 1.0);
        let (low, high) = (finite[at.floor() as usize], finite[at.ceil() as usize]);
        low + (high - low) * (at - at.floor())
    };
    for (found, q) in [(summary.median, 0.5), (summary.p95, 0.95), (summary.p99, 0.99)] {
        match found {
            None => assert!(!is_finalised || finite.is_empty(), "{summary:?}"),
            Some(found) => assert!((found - quantile(q)).abs() <= 1e-9 * scale, "{found} and {}", quantile(q)),
        }
    }
}

pub(super) async fn metrics_agree_with_a_naive_store(store: &dyn Store) {
    let mut runner = TestRunner::deterministic();
    let mut naive = Naive::default();
    let mut runs = Vec::new();
    for _ in 0..3 {
        runs.push(given::run(store).await.id);
    }
    for _ in 0..6 {
        naive.append(store, &runs, &mut runner, 15).await;
        naive.fold(store, &runs, &mut runner).await;
        naive.append(store, &runs, &mut runner, 2).await;
        naive.check(store, &runs, false).await;
    }
    for run in &runs {
        given::end(store, *run).await;
        store.finalise(*run).await.expect("quantiles");
    }
    naive.check(store, &runs, true).await;
}
