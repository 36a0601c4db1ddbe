use proptest::prelude::*;

use super::{bits, points, series, training};
use crate::{downsample, merge};

/// Whether `few` is `many` with points left out.
fn is_part(few: &[(u64, Option<i64>, i64)], many: &[(u64, Option<i64>, i64)]) -> bool {
    let mut many = many.iter();
    few.iter().all(|point| many.any(|other| other == point))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn what_is_left_is_part_of_the_series_and_keeps_its_extremes(points in points(700), most in 0..200usize) {
        let sorted = merge(vec![points]).unwrap();
        let found = downsample(&sorted, most);
        let (few, many) = (bits(&found.points), bits(&sorted));
        prop_assert!(few.len() <= most.max(4));
        prop_assert!(is_part(&few, &many));
        prop_assert_eq!((few.first(), few.last()), (many.first(), many.last()));
        prop_assert_eq!(found.total, many.len() as u64);
        prop_assert_eq!(found.is_sampled, few.len() < many.len());
        let finite = |values: &[f64]| values.iter().copied().filter(|v| v.is_finite()).collect::<Vec<_>>();
        let (kept, all) = (finite(&found.points.values), finite(&sorted.values));
        prop_assert_eq!(kept.iter().copied().reduce(f64::min), all.iter().copied().reduce(f64::min));
        prop_assert_eq!(kept.iter().copied().reduce(f64::max), all.iter().copied().reduce(f64::max));
        let has_odd = |values: &[f64]| values.iter().any(|v| !v.is_finite());
        if most >= 5 {
            prop_assert_eq!(has_odd(&found.points.values), has_odd(&sorted.values));
        }
        prop_assert_eq!(bits(&downsample(&sorted, most).points), few);
    }
}

#[test]
fn a_single_spike_survives() {
    let mut points = training(100_000);
    points.values[54_321] = 1e6;
    points.values[54_400] = f64::NAN;
    let found = downsample(&points, 500);
    assert!(found.points.values.contains(&1e6));
    assert!(found.points.values.iter().any(|v| v.is_nan()));
    assert!(found.points.len() > 450, "the room is used: {}", found.points.len());
}

#[test]
fn a_short_series_is_given_whole() {
    let points = series("loss".into(), [(1.0, None, 0), (2.0, None, 1)]);
    let found = downsample(&points, 2);
    assert_eq!((found.points, found.is_sampled, found.total), (points, false, 2));
}
