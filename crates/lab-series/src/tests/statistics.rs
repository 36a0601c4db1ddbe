use lab_model::Distribution;
use proptest::prelude::*;

use super::{points, series, step, time};
use crate::{Summary, merge_histogram, quantiles, quantiles_in_passes};

#[track_caller]
fn near(a: f64, b: f64, scale: f64) {
    assert!((a - b).abs() <= 1e-12 * scale, "{a} and {b}");
}

/// Counts, extremes and places are equal; mean and spread are as near as their conditioning allows.
#[track_caller]
fn alike(a: &Summary, b: &Summary, scale: f64) {
    assert_eq!(
        (
            a.count,
            a.nan_count,
            a.infinite_count,
            a.last_step,
            a.last_time_micros,
            a.first_time_micros,
            a.last.to_bits()
        ),
        (
            b.count,
            b.nan_count,
            b.infinite_count,
            b.last_step,
            b.last_time_micros,
            b.first_time_micros,
            b.last.to_bits()
        ),
    );
    assert_eq!((a.min.map(f64::to_bits), a.max.map(f64::to_bits)), (b.min.map(f64::to_bits), b.max.map(f64::to_bits)));
    near(a.mean, b.mean, scale);
    near(a.m2, b.m2, scale * scale * a.count as f64);
}

fn moderate() -> impl Strategy<Value = f64> {
    prop_oneof![
        8 => -1e3..1e3f64,
        4 => (-1.0..1.0f64).prop_map(|v| 1e6 + v),
        1 => prop::sample::select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_summary_of_parts_is_the_summary_of_the_whole(
        all in prop::collection::vec((moderate(), step(), time()), 1..1500),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..5),
        backwards: bool,
    ) {
        let whole = Summary::of(&series("loss".into(), all.clone())).unwrap();
        let mut cuts: Vec<usize> = cuts.iter().map(|c| c.index(all.len() + 1)).chain([0, all.len()]).collect();
        cuts.sort_unstable();
        let mut parts: Vec<_> =
            cuts.windows(2).filter_map(|w| Summary::of(&series("loss".into(), all[w[0]..w[1]].to_vec()))).collect();
        if backwards {
            parts.reverse();
        }
        let merged = parts.into_iter().reduce(|mut a, b| { a.merge(&b); a }).unwrap();
        alike(&whole, &merged, 1e6);
        let (first, rest) = all.split_first().unwrap();
        let mut grown = Summary::of_point(first.0, first.1, first.2);
        rest.iter().for_each(|p| grown.add_point(p.0, p.1, p.2));
        alike(&whole, &grown, 1e6);
    }

    #[test]
    fn no_value_breaks_a_summary(points in points(600), more in points(600)) {
        let (Some(mut a), Some(b)) = (Summary::of(&points), Summary::of(&more)) else { return Ok(()) };
        a.merge(&b);
        let shown = a.to_series_summary(points.key, quantiles(&points.values));
        for number in [shown.min, shown.max, shown.mean, shown.std_dev, shown.median, shown.p95, shown.p99].into_iter().flatten() {
            prop_assert!(number.is_finite());
        }
        prop_assert!(!a.m2.is_nan() && a.m2 >= 0.0);
        prop_assert_eq!(shown.mean.is_some(), a.finite_count() > 0);
    }

    #[test]
    fn quantiles_are_those_of_the_sorted_values(values in prop::collection::vec(moderate(), 0..300)) {
        let mut sorted: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        let at = |q: f64| {
            let at = q * (sorted.len() - 1) as f64;
            let (low, high) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
            low + (high - low) * at.fract()
        };
        let passes = quantiles_in_passes(|meet| {
            values.chunks(7).for_each(meet);
            Ok::<_, ()>(())
        });
        prop_assert_eq!(passes, Ok(quantiles(&values)));
        match quantiles(&values) {
            None => prop_assert!(sorted.is_empty()),
            Some(q) => [(q.median, 0.5), (q.p95, 0.95), (q.p99, 0.99)].iter().for_each(|(found, q)| near(*found, at(*q), 1e6)),
        }
    }
}

#[test]
fn quantiles_are_those_of_numpy() {
    // numpy.quantile([3, 1, 4, 1, 5, 9, 2, 6], [.5, .95, .99])
    let found = quantiles(&[3.0, 1.0, 4.0, f64::NAN, 1.0, 5.0, 9.0, f64::INFINITY, 2.0, 6.0]).unwrap();
    assert_eq!((found.median, found.p95, found.p99), (3.5, 7.949999999999998, 8.79));
    assert_eq!(quantiles(&[f64::NAN]), None);
    assert_eq!(quantiles(&[2.5]).unwrap().p99, 2.5);
}

#[test]
fn a_small_spread_beside_a_large_mean_is_kept() {
    let values = (0..10_000).map(|i| (1e9 + f64::from(i % 2), Some(i64::from(i)), 0));
    let summary = Summary::of(&series("loss".into(), values)).unwrap();
    near(summary.std_dev().unwrap(), (0.25f64 * 10_000.0 / 9_999.0).sqrt(), 1.0);
    near(summary.mean, 1e9 + 0.5, 1e9);
}

#[test]
fn the_mean_of_huge_values_does_not_overflow() {
    let huge = Summary::of(&series("loss".into(), [(f64::MAX, None, 0), (f64::MAX, None, 0)])).unwrap();
    assert_eq!((huge.mean, huge.std_dev()), (f64::MAX, Some(0.0)));
    let mut opposite = Summary::of_point(f64::MAX, None, 0);
    opposite.add_point(f64::MIN, None, 0);
    assert_eq!((opposite.mean, opposite.std_dev()), (0.0, None));
}

fn histogram(boundaries: &[f64], counts: &[u64]) -> Distribution {
    let count = counts.iter().sum();
    Distribution::Histogram { boundaries: boundaries.to_vec(), counts: counts.to_vec(), sum: 1.5, count }
}

#[test]
fn histograms_add_up_only_over_the_same_buckets() {
    let mut all = histogram(&[0.0, 1.0, 2.0], &[1, 2]);
    merge_histogram(&mut all, &histogram(&[0.0, 1.0, 2.0], &[10, 20])).unwrap();
    assert_eq!(
        all,
        Distribution::Histogram { boundaries: vec![0.0, 1.0, 2.0], counts: vec![11, 22], sum: 3.0, count: 33 }
    );
    let before = all.clone();
    assert!(merge_histogram(&mut all, &histogram(&[0.0, 1.0, 3.0], &[1, 1])).is_err());
    assert!(merge_histogram(&mut all, &histogram(&[0.0, 1.0, 2.0], &[u64::MAX, 0])).is_err());
    assert!(merge_histogram(&mut all, &Distribution::Summary { count: 0, sum: 0.0, percentiles: vec![] }).is_err());
    assert_eq!(all, before);
}
