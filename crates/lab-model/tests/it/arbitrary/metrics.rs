use lab_model::*;
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option::of;
use proptest::prelude::*;

use super::{finite, float, json, name, time};

pub(crate) fn series_key() -> impl Strategy<Value = SeriesKey> {
    (name(), btree_map(name(), ".{0,9}", 0..3)).prop_map(|(name, context)| SeriesKey { name, context })
}

pub(crate) fn point() -> impl Strategy<Value = Point> {
    (float(), of(any::<i64>()), time()).prop_map(|(value, step, time)| Point { value, step, time })
}

pub(crate) fn series_points() -> impl Strategy<Value = SeriesPoints> {
    (series_key(), vec(point(), 0..6)).prop_map(|(key, points)| {
        let mut series = SeriesPoints::new(key);
        points.iter().for_each(|p| series.push(p.value, p.step, p.time.as_microsecond()));
        series
    })
}

pub(crate) fn series_summary() -> impl Strategy<Value = SeriesSummary> {
    let counts = (any::<u64>(), any::<u64>(), any::<u64>());
    let ends = (point(), time());
    let moments = (of(finite()), of(finite()), of(finite()), of(finite()));
    let quantiles = (of(finite()), of(finite()), of(finite()));
    (series_key(), counts, ends, moments, quantiles).prop_map(
        |(key, counts, (last, first_time), moments, quantiles)| SeriesSummary {
            key,
            count: counts.0,
            nan_count: counts.1,
            infinite_count: counts.2,
            last: last.value,
            last_step: last.step,
            last_time: last.time,
            first_time,
            min: moments.0,
            max: moments.1,
            mean: moments.2,
            std_dev: moments.3,
            median: quantiles.0,
            p95: quantiles.1,
            p99: quantiles.2,
        },
    )
}

/// Different floats, rising.
fn rising(floats: impl Strategy<Value = f64>, size: std::ops::Range<usize>) -> impl Strategy<Value = Vec<f64>> {
    let least = size.start;
    vec(floats, size).prop_filter_map("enough different ones", move |mut floats| {
        floats.sort_by(f64::total_cmp);
        floats.dedup();
        (floats.len() >= least).then_some(floats)
    })
}

pub(crate) fn distribution() -> impl Strategy<Value = Distribution> {
    let histogram = (rising(finite(), 2..6), vec(0..1_000_000u64, 5), float(), any::<u32>()).prop_map(
        |(boundaries, mut counts, sum, beyond)| {
            counts.truncate(boundaries.len() - 1);
            let count = counts.iter().sum::<u64>() + u64::from(beyond);
            Distribution::Histogram { boundaries, counts, sum, count }
        },
    );
    let summary = (rising(0.0..=100.0f64, 0..5), vec(finite(), 5), float(), any::<u64>()).prop_map(
        |(ranks, mut values, sum, count)| {
            values.sort_by(f64::total_cmp);
            Distribution::Summary { count, sum, percentiles: ranks.into_iter().zip(values).collect() }
        },
    );
    prop_oneof![histogram, summary]
}

pub(crate) fn confusion_matrix() -> impl Strategy<Value = ConfusionMatrix> {
    (btree_set(name(), 1..4), vec(vec(0..=u64::MAX / 4, 4), 4)).prop_map(|(labels, mut counts)| {
        counts.truncate(labels.len());
        counts.iter_mut().for_each(|row| row.truncate(labels.len()));
        ConfusionMatrix { labels: labels.into_iter().collect(), counts }
    })
}

pub(crate) fn logged_value() -> impl Strategy<Value = LoggedValue> {
    let value = prop_oneof![
        distribution().prop_map(Value::Distribution),
        confusion_matrix().prop_map(Value::ConfusionMatrix),
        json().prop_map(|value| Value::Custom { value }),
    ];
    (series_key(), of(any::<i64>()), time(), value).prop_map(|(key, step, time, value)| LoggedValue {
        key,
        step,
        time,
        value,
    })
}
