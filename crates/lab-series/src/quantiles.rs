//! Exact quantiles.

/// Quantiles of the finite values of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantiles {
    /// 50th percentile.
    pub median: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
}

/// Quantiles of the finite values, interpolated linearly between the two nearest ranks; `None` if no value is finite.
///
/// Type 7 of Hyndman and Fan (1996), the default of NumPy and R. In linear time: ranks are selected, not sorted.
#[must_use]
pub fn quantiles(values: &[f64]) -> Option<Quantiles> {
    let mut finite: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    if finite.is_empty() {
        return None;
    }
    // Ascending, so that each selection only looks at what the one before left above it.
    let mut selected = 0;
    let mut quantile = |q: f64| {
        let at = q * (finite.len() - 1) as f64;
        let rank = at as usize;
        let (_, low, above) = finite[selected..].select_nth_unstable_by(rank - selected, f64::total_cmp);
        let low = *low;
        let high = above.iter().copied().min_by(f64::total_cmp).unwrap_or(low);
        selected = rank;
        interpolate(low, high, at - rank as f64)
    };
    Some(Quantiles { median: quantile(0.5), p95: quantile(0.95), p99: quantile(0.99) })
}

fn interpolate(low: f64, high: f64, share: f64) -> f64 {
    let difference = high - low;
    if !difference.is_finite() {
        return low * (1.0 - share) + high * share;
    }
    // From the nearer end, as NumPy does: exact at both.
    if share < 0.5 { low + difference * share } else { high - difference * (1.0 - share) }
}
