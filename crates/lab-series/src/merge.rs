//! The order of points, and bringing parts of a series into it.

use std::cmp::Ordering;

use lab_model::SeriesPoints;

/// A point as `(value, step, time in microseconds)`.
pub(crate) type PointOf = (f64, Option<i64>, i64);

/// By step, those without one first, then by time, then by value with NaN least.
///
/// A total order down to the bits, so that every order of folding ends in the same bytes, and its greatest point is the
/// one that a [`Summary`](crate::Summary) calls the last.
pub(crate) fn compare(a: &PointOf, b: &PointOf) -> Ordering {
    let value = |v: f64| (!v.is_nan(), v);
    a.1.cmp(&b.1).then(a.2.cmp(&b.2)).then_with(|| {
        let ((a_is_number, a), (b_is_number, b)) = (value(a.0), value(b.0));
        a_is_number.cmp(&b_is_number).then(a.total_cmp(&b))
    })
}

/// All points of the parts, which are of one series, sorted by step (those without one first), then time, then value with
/// NaN least. Repeats are kept. `None` if there is no part.
///
/// Costs little more than a copy where the parts are sorted and follow each other, as batches of a run do.
#[must_use]
pub fn merge(parts: Vec<SeriesPoints>) -> Option<SeriesPoints> {
    let total: usize = parts.iter().map(SeriesPoints::len).sum();
    let mut parts = parts.into_iter();
    let mut all = parts.next()?;
    let more = total - all.len();
    all.values.reserve(more);
    all.steps.reserve(more);
    all.times_micros.reserve(more);
    for part in parts {
        debug_assert_eq!(part.key, all.key, "parts of one series");
        all.values.extend(part.values);
        all.steps.extend(part.steps);
        all.times_micros.extend(part.times_micros);
    }
    if all.iter().is_sorted_by(|a, b| compare(a, b).is_le()) {
        return Some(all);
    }
    let mut points: Vec<PointOf> = all.iter().collect();
    // The stable sort finds the runs that sorted parts are, and merges them.
    points.sort_by(compare);
    for (i, (value, step, time)) in points.into_iter().enumerate() {
        all.values[i] = value;
        all.steps[i] = step;
        all.times_micros[i] = time;
    }
    Some(all)
}
