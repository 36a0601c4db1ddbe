//! Exact null distributions of rank statistics, as counts in floating point.
//!
//! Sums of positive terms only, so that tails keep their precision; the one exception, the product form for a sample of
//! at most eight, loses little because it has few factors.

/// Steps one exact distribution may take: about half a second.
const MAX_STEPS: f64 = 5e8;
/// Most cells of the product form.
const MAX_CELLS: usize = 4_000_000;

/// A distribution over equally spaced values: `weights[i]` belongs to the value `i`.
pub(crate) struct Counts {
    weights: Vec<f64>,
    total: f64,
}

impl Counts {
    fn new(weights: Vec<f64>) -> Self {
        let total = weights.iter().sum();
        Self { weights, total }
    }

    /// P(X <= value) and P(X >= value).
    pub(crate) fn tails(&self, value: usize) -> (f64, f64) {
        let lower: f64 = self.weights.iter().take(value + 1).sum();
        let upper: f64 = self.weights.iter().skip(value).sum();
        (lower / self.total, upper / self.total)
    }
}

/// Distribution of U without ties, or `None` if it would take too long.
pub(crate) fn rank_sum(n1: usize, n2: usize) -> Option<Counts> {
    let (small, large) = (n1.min(n2), n1.max(n2));
    let cells = small.checked_mul(large)?;
    let steps = (small + large) as f64 * small as f64 * cells as f64;
    if steps <= MAX_STEPS {
        // Pascal's rule for Gaussian binomials: [N k] = [N-1 k-1] + q^k [N-1 k].
        let mut rows = vec![vec![0.0; cells + 1]; small + 1];
        rows[0][0] = 1.0;
        for size in 1..=small + large {
            for chosen in (1..=small.min(size)).rev() {
                let (before, after) = rows.split_at_mut(chosen);
                let (previous, row) = (&before[chosen - 1], &mut after[0]);
                for value in (0..=cells).rev() {
                    let kept = if value >= chosen { row[value - chosen] } else { 0.0 };
                    row[value] = kept + previous[value];
                }
            }
        }
        return rows.pop().map(Counts::new);
    }
    if small > 8 || cells > MAX_CELLS {
        return None;
    }
    let half = cells / 2;
    let mut weights = vec![0.0; half + 1];
    weights[0] = 1.0;
    for factor in 1..=small {
        for value in (large + factor..=half).rev() {
            weights[value] -= weights[value - large - factor];
        }
        for value in factor..=half {
            weights[value] += weights[value - factor];
        }
    }
    let mirrored: Vec<f64> = (0..=cells).map(|value| weights[value.min(cells - value)]).collect();
    Some(Counts::new(mirrored))
}

/// Distribution of the sum of `chosen` of these values, drawn without replacement.
pub(crate) fn sum_of_chosen(values: &[usize], chosen: usize) -> Option<Counts> {
    let mut descending = values.to_vec();
    descending.sort_unstable_by(|left, right| right.cmp(left));
    let largest: usize = descending.iter().take(chosen).sum();
    if values.len() as f64 * chosen as f64 * largest as f64 > MAX_STEPS {
        return None;
    }
    let mut rows = vec![vec![0.0; largest + 1]; chosen + 1];
    rows[0][0] = 1.0;
    for &value in values {
        for count in (1..=chosen).rev() {
            let (before, after) = rows.split_at_mut(count);
            for sum in value..=largest {
                after[0][sum] += before[count - 1][sum - value];
            }
        }
    }
    rows.pop().map(Counts::new)
}

/// Distribution of the sum of a random subset of these values.
pub(crate) fn sum_of_subset(values: &[usize]) -> Option<Counts> {
    let largest: usize = values.iter().sum();
    // Beyond a thousand values the smallest probability is no longer a normal number.
    if values.len() > 1000 || values.len() as f64 * largest as f64 > 2.0 * MAX_STEPS {
        return None;
    }
    let mut weights = vec![0.0; largest + 1];
    weights[0] = 1.0;
    for &value in values {
        for sum in (0..=largest).rev() {
            let with = if sum >= value { weights[sum - value] } else { 0.0 };
            weights[sum] = 0.5 * (weights[sum] + with);
        }
    }
    Some(Counts::new(weights))
}
