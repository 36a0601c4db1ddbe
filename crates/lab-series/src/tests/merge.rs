use proptest::prelude::*;

use super::{bits, points, series};
use crate::{Summary, merge};

proptest! {
    #[test]
    fn the_order_of_parts_does_not_matter(parts in prop::collection::vec(points(40), 1..6), turn in 0..6usize) {
        let mut turned = parts.clone();
        turned.rotate_left(turn % parts.len());
        let all = merge(parts.clone()).unwrap();
        prop_assert_eq!(bits(&all), bits(&merge(turned).unwrap()));
        // Nothing is lost and nothing added.
        let (mut before, mut after) = (parts.iter().flat_map(bits).collect::<Vec<_>>(), bits(&all));
        before.sort_unstable();
        after.sort_unstable();
        prop_assert_eq!(before, after);
    }

    #[test]
    fn merged_in_two_rounds_is_merged(parts in prop::collection::vec(points(40), 2..6), at in 1..5usize) {
        let (left, right) = parts.split_at(at.min(parts.len() - 1));
        let rounds = vec![merge(left.to_vec()).unwrap(), merge(right.to_vec()).unwrap()];
        prop_assert_eq!(bits(&merge(rounds).unwrap()), bits(&merge(parts).unwrap()));
    }

    #[test]
    fn the_last_of_the_summary_is_the_last_point(points in points(40)) {
        let Some(summary) = Summary::of(&points) else { return Ok(()) };
        let sorted = merge(vec![points]).unwrap();
        prop_assert_eq!(sorted.iter().last().map(|p| p.0.to_bits()), Some(summary.last.to_bits()));
        prop_assert_eq!(sorted.steps.last().copied().flatten(), summary.last_step);
    }
}

#[test]
fn points_without_a_step_come_first_and_nan_before_a_number() {
    let points = [(1.0, Some(1), 5), (2.0, None, 9), (3.0, Some(1), 5), (f64::NAN, Some(1), 5), (4.0, Some(-1), 8)];
    let sorted = merge(vec![series("loss".into(), points)]).unwrap();
    assert_eq!(sorted.steps, [None, Some(-1), Some(1), Some(1), Some(1)]);
    assert!(sorted.values[2].is_nan());
    assert_eq!(sorted.values[3..], [1.0, 3.0]);
    assert!(merge(vec![]).is_none());
}
