//! Fewer points for a plot, chosen so that nothing which would be seen is lost.
//!
//! Per bucket the least and the greatest value stay, so a spike of one point among millions is drawn. A curve through
//! averages hides exactly the steps a researcher looks for, and one through largest triangles (LTTB) may drop the greatest
//! value of a bucket. Every point returned was measured: none is made up.

use lab_model::SeriesPoints;

/// Least number of points that can show a series: its first, its last, its least and its greatest.
pub const MIN_POINTS: usize = 4;

/// Points for a plot.
#[derive(Clone, Debug, PartialEq)]
pub struct Downsampled {
    /// All points, or those chosen, in their order.
    pub points: SeriesPoints,
    /// Whether points were left out.
    pub is_sampled: bool,
    /// How many points there are.
    pub total: u64,
}

/// At most `max_points` of the points, which are sorted by [`merge`](crate::merge); fewer than [`MIN_POINTS`] counts as
/// that.
///
/// Kept are the first and the last point and, for each of equally many points in a row, the least and the greatest finite
/// value. Up to a third of the result is points that are NaN or infinite, spread evenly over all that are; with 4 points
/// there is no room for them.
#[must_use]
pub fn downsample(points: &SeriesPoints, max_points: usize) -> Downsampled {
    let max_points = max_points.max(MIN_POINTS);
    let n = points.len();
    if n <= max_points {
        return Downsampled { points: points.clone(), is_sampled: false, total: n as u64 };
    }
    let room = max_points - 2;
    let odd: Vec<usize> = (0..n).filter(|&i| !points.values[i].is_finite()).collect();
    let odd_kept = odd.len().min(room / 3);
    let buckets = (room - odd_kept) / 2;

    let mut kept = vec![0, n - 1];
    kept.extend((0..odd_kept).map(|i| odd[share(i, odd_kept, odd.len())]));
    for bucket in 0..buckets {
        let range = share(bucket, buckets, n)..share(bucket + 1, buckets, n);
        kept.extend(extremes(&points.values[range.clone()]).into_iter().flatten().map(|i| range.start + i));
    }
    kept.sort_unstable();
    kept.dedup();

    let mut chosen = SeriesPoints::new(points.key.clone());
    kept.into_iter().for_each(|i| chosen.push(points.values[i], points.steps[i], points.times_micros[i]));
    Downsampled { points: chosen, is_sampled: true, total: n as u64 }
}

/// Where part `i` of `parts` begins in `n` things.
fn share(i: usize, parts: usize, n: usize) -> usize {
    (i as u128 * n as u128 / parts as u128) as usize
}

/// Positions of the first least and the first greatest finite value.
fn extremes(values: &[f64]) -> Option<[usize; 2]> {
    let mut found: Option<[usize; 2]> = None;
    for (i, value) in values.iter().enumerate().filter(|(_, v)| v.is_finite()) {
        let [min, max] = found.get_or_insert([i, i]);
        if *value < values[*min] {
            *min = i;
        }
        if *value > values[*max] {
            *max = i;
        }
    }
    found
}
