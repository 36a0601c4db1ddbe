//! Histograms of other trackers.

use lab_model::Distribution;

/// A histogram of buckets `(left, right, count)` that touch, with empty ones at its ends left out.
///
/// `None` where there is nothing to show, or where the buckets make no sense.
pub(super) fn of_buckets(buckets: &[(f64, f64, f64)], sum: Option<f64>, count: Option<f64>) -> Option<Distribution> {
    let first = buckets.iter().position(|bucket| bucket.2 > 0.0)?;
    let last = buckets.iter().rposition(|bucket| bucket.2 > 0.0)?;
    let mut boundaries = vec![buckets[first].0];
    let mut counts = Vec::new();
    for &(left, right, count) in &buckets[first..=last] {
        // A bucket of one value has no width, and a boundary must rise.
        let left = left.max(*boundaries.last()?);
        let right = if right > left { right } else { next_after(left) };
        boundaries.push(right);
        counts.push(whole(count)?);
    }
    let inside = counts.iter().sum::<u64>();
    let middle = buckets.iter().map(|(left, right, count)| count * (left / 2.0 + right / 2.0)).sum();
    let histogram = Distribution::Histogram {
        boundaries,
        counts,
        sum: sum.unwrap_or(middle),
        count: count.and_then(whole).unwrap_or(inside).max(inside),
    };
    lab_model::Validate::validate(&histogram).ok().map(|()| histogram)
}

fn whole(count: f64) -> Option<u64> {
    (count.is_finite() && count >= 0.0).then(|| count.round() as u64)
}

fn next_after(x: f64) -> f64 {
    let step = (x.abs() * 1e-6).max(1e-12);
    x + step
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_ends_go_and_points_get_a_width() {
        let buckets = [(f64::MIN, -1.0, 0.0), (-1.0, 0.0, 2.0), (0.0, 0.0, 3.0), (0.0, 1.0, 1.0), (1.0, f64::MAX, 0.0)];
        let Some(Distribution::Histogram { boundaries, counts, count, .. }) = of_buckets(&buckets, Some(1.0), None)
        else {
            panic!("no histogram")
        };
        assert_eq!((boundaries.len(), counts, count), (4, vec![2, 3, 1], 6));
        assert_eq!((boundaries[0], boundaries[3]), (-1.0, 1.0));
        assert!(of_buckets(&[(0.0, 1.0, 0.0)], None, None).is_none());
        assert!(of_buckets(&[(f64::NAN, 1.0, 2.0)], None, None).is_none());
    }
}
