//! Properties that every series must keep, and what they are tried on.

mod codec;
mod downsample;
mod golden;
mod merge;
mod statistics;

use lab_model::{SeriesKey, SeriesPoints};
use proptest::prelude::*;

/// Values as runs have them, and every other pattern of bits.
fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => -1e3..1e3f64,
        2 => (-1e3..1e3f32).prop_map(f64::from),
        2 => (-4..4i32).prop_map(f64::from),
        1 => any::<u64>().prop_map(f64::from_bits),
        1 => prop::sample::select(vec![f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, f64::MAX, f64::MIN]),
    ]
}

fn step() -> impl Strategy<Value = Option<i64>> {
    prop_oneof![4 => (0..50i64).prop_map(Some), 1 => Just(None), 1 => any::<i64>().prop_map(Some)]
}

fn time() -> impl Strategy<Value = i64> {
    prop_oneof![4 => 1_700_000_000_000_000..1_700_000_000_001_000i64, 1 => any::<i64>()]
}

fn key() -> impl Strategy<Value = SeriesKey> {
    ("[a-c]{1,2}/loss|ü{1,3}|train", prop::collection::btree_map("split|rank", "val|test", 0..3))
        .prop_map(|(name, context)| SeriesKey { name, context })
}

/// Any points, and the regular ones that have forms of their own.
fn points_of(key: SeriesKey, most: usize) -> impl Strategy<Value = SeriesPoints> {
    let any_points = prop::collection::vec((value(), step(), time()), 0..most);
    let regular = (prop::collection::vec(value(), 0..most), any::<i64>(), -3..1000i64, any::<i64>(), any::<i64>());
    let regular = regular.prop_map(|(values, first, stride, time, pause)| {
        let at = |from: i64, by: i64, i: usize| from.wrapping_add(by.wrapping_mul(i as i64));
        values.into_iter().enumerate().map(|(i, v)| (v, Some(at(first, stride, i)), at(time, pause, i))).collect()
    });
    prop_oneof![any_points, regular].prop_map(move |points: Vec<_>| series(key.clone(), points))
}

fn points(most: usize) -> impl Strategy<Value = SeriesPoints> {
    points_of("loss".into(), most)
}

fn series(key: SeriesKey, points: impl IntoIterator<Item = (f64, Option<i64>, i64)>) -> SeriesPoints {
    let mut series = SeriesPoints::new(key);
    points.into_iter().for_each(|(value, step, time)| series.push(value, step, time));
    series
}

/// The points with values as bits, since NaN equals nothing.
fn bits(points: &SeriesPoints) -> Vec<(u64, Option<i64>, i64)> {
    points.iter().map(|(value, step, time)| (value.to_bits(), step, time)).collect()
}

/// Points of a run of training: steps in a row, a time that wavers, a value that wanders.
fn training(n: usize) -> SeriesPoints {
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random >> 11) as f64 / (1u64 << 53) as f64
    };
    let (mut value, mut time) = (4.0, 1_700_000_000_000_000);
    let points = (0..n).map(|i| {
        value += (next() - 0.5001) * 0.01;
        time += 250_000 + (next() * 4000.0) as i64;
        (value, Some(i as i64 * 10), time)
    });
    series("train/loss".into(), points.collect::<Vec<_>>())
}
