//! Count, extremes, mean and spread of finite values.

/// Values summed at a time: few enough to stay in the first-level cache, enough that combining costs nothing.
const BLOCK: usize = 512;

/// Of `n` values; with `n` = 0 the rest is zero and absent.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Moments {
    pub(crate) n: u64,
    pub(crate) min: Option<f64>,
    pub(crate) max: Option<f64>,
    pub(crate) mean: f64,
    pub(crate) m2: f64,
}

impl Moments {
    /// Of values that are finite.
    pub(crate) fn of(finite: &[f64]) -> Self {
        let mut all = Self::default();
        finite.chunks(BLOCK).for_each(|block| all.merge(&Self::of_block(block)));
        all
    }

    /// In two passes, which is both more exact and faster than a value at a time.
    fn of_block(values: &[f64]) -> Self {
        let n = values.len() as f64;
        let sum: f64 = values.iter().sum();
        // The sum of large values overflows where their mean does not.
        let mean = if sum.is_finite() { sum / n } else { values.iter().map(|v| v / n).sum() };
        let (mut squares, mut rest) = (0.0, 0.0);
        let (mut min, mut max) = (values[0], values[0]);
        for &value in values {
            let deviation = value - mean;
            squares += deviation * deviation;
            rest += deviation;
            min = least(min, value);
            max = greatest(max, value);
        }
        // What rounding of the mean left over (Chan, Golub and LeVeque 1983, eq. 1.7).
        let correction = rest * rest / n;
        let m2 = if correction.is_finite() { (squares - correction).max(0.0) } else { squares };
        Self { n: values.len() as u64, min: Some(min), max: Some(max), mean, m2 }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        if other.n == 0 {
            return;
        }
        if self.n == 0 {
            *self = *other;
            return;
        }
        let (a, b) = (self.n as f64, other.n as f64);
        let share = b / (a + b);
        let difference = other.mean - self.mean;
        self.mean = if difference.is_finite() {
            self.mean + difference * share
        } else {
            self.mean * (1.0 - share) + other.mean * share
        };
        self.m2 += other.m2 + difference * difference * a * share;
        self.n += other.n;
        self.min = self.min.zip(other.min).map(|(a, b)| least(a, b));
        self.max = self.max.zip(other.max).map(|(a, b)| greatest(a, b));
    }
}

/// Unlike `f64::min`, tells −0 from 0, so that no order of merging shows in the result.
fn least(a: f64, b: f64) -> f64 {
    if b < a || (b == a && b.is_sign_negative()) { b } else { a }
}

fn greatest(a: f64, b: f64) -> f64 {
    if b > a || (b == a && b.is_sign_positive()) { b } else { a }
}
