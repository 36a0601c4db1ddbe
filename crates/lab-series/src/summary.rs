//! What a series amounts to, without its points, so that a row of the database can hold it and add to it.
//!
//! Mean and spread are those of Welford (1962) and Chan, Golub and LeVeque (1983): kept is the sum of squared deviations
//! from the mean, not the sum of squares, which loses every digit when the spread is small beside the mean.

use lab_model::{SeriesKey, SeriesPoints, SeriesSummary, Timestamp};

use crate::Quantiles;
use crate::merge::{PointOf, compare};
use crate::moments::Moments;

/// Summary of one or more points. Merging is commutative and associative, up to rounding in `mean` and `m2`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// Points in all, finite or not; at least one.
    pub count: u64,
    /// Points that are NaN.
    pub nan_count: u64,
    /// Points that are infinite.
    pub infinite_count: u64,
    /// Least finite value; absent if none is finite.
    pub min: Option<f64>,
    /// Greatest finite value; absent if none is finite.
    pub max: Option<f64>,
    /// Mean of the finite values; 0 if there is none.
    pub mean: f64,
    /// Sum of the squared deviations of the finite values from their mean. Infinite if it is beyond the range of f64.
    pub m2: f64,
    /// Value at the greatest step, of equal steps at the latest time, of equal times the greatest, with NaN least. A point
    /// without a step is before any with one.
    pub last: f64,
    /// Step of `last`.
    pub last_step: Option<i64>,
    /// Time of `last`, in microseconds since 1970 UTC.
    pub last_time_micros: i64,
    /// Earliest time of a point, in microseconds since 1970 UTC.
    pub first_time_micros: i64,
}

impl Summary {
    /// Summary of the points; `None` if there is none.
    #[must_use]
    pub fn of(points: &SeriesPoints) -> Option<Self> {
        let last = points.iter().max_by(compare)?;
        let first_time_micros = points.times_micros.iter().copied().min()?;
        let finite: Vec<f64> = points.values.iter().copied().filter(|v| v.is_finite()).collect();
        let nan_count = points.values.iter().filter(|v| v.is_nan()).count();
        let mut summary = Self {
            count: points.len() as u64,
            nan_count: nan_count as u64,
            infinite_count: (points.len() - finite.len() - nan_count) as u64,
            ..Self::without_values(last, first_time_micros)
        };
        summary.set_moments(Moments::of(&finite));
        Some(summary)
    }

    /// Summary of one point.
    #[must_use]
    pub fn of_point(value: f64, step: Option<i64>, time_micros: i64) -> Self {
        let mut summary = Self {
            count: 1,
            nan_count: u64::from(value.is_nan()),
            infinite_count: u64::from(value.is_infinite()),
            ..Self::without_values((value, step, time_micros), time_micros)
        };
        if value.is_finite() {
            summary.set_moments(Moments::of(&[value]));
        }
        summary
    }

    /// Adds a point.
    pub fn add_point(&mut self, value: f64, step: Option<i64>, time_micros: i64) {
        self.merge(&Self::of_point(value, step, time_micros));
    }

    /// Adds the points that `other` is the summary of.
    pub fn merge(&mut self, other: &Self) {
        let mut moments = self.moments();
        moments.merge(&other.moments());
        self.set_moments(moments);
        self.count += other.count;
        self.nan_count += other.nan_count;
        self.infinite_count += other.infinite_count;
        if compare(&other.last_point(), &self.last_point()).is_gt() {
            self.last = other.last;
            self.last_step = other.last_step;
            self.last_time_micros = other.last_time_micros;
        }
        self.first_time_micros = self.first_time_micros.min(other.first_time_micros);
    }

    /// Points that are neither NaN nor infinite.
    #[must_use]
    pub fn finite_count(&self) -> u64 {
        self.count - self.nan_count - self.infinite_count
    }

    /// Standard deviation of the finite values with n − 1; `None` below two of them or beyond the range of f64.
    #[must_use]
    pub fn std_dev(&self) -> Option<f64> {
        let n = self.finite_count();
        (n > 1).then(|| (self.m2 / (n - 1) as f64).sqrt()).filter(|s| s.is_finite())
    }

    /// The summary as others see it.
    ///
    /// A time that cannot be written as a date, which [`Validate`](lab_model::Validate) refuses, becomes the nearest that
    /// can.
    #[must_use]
    pub fn to_series_summary(&self, key: SeriesKey, quantiles: Option<Quantiles>) -> SeriesSummary {
        let has_finite = self.finite_count() > 0;
        SeriesSummary {
            key,
            count: self.count,
            nan_count: self.nan_count,
            infinite_count: self.infinite_count,
            last: self.last,
            last_step: self.last_step,
            last_time: timestamp(self.last_time_micros),
            first_time: timestamp(self.first_time_micros),
            min: self.min,
            max: self.max,
            mean: has_finite.then_some(self.mean),
            std_dev: self.std_dev(),
            median: quantiles.map(|q| q.median),
            p95: quantiles.map(|q| q.p95),
            p99: quantiles.map(|q| q.p99),
        }
    }

    fn without_values((last, last_step, last_time_micros): PointOf, first_time_micros: i64) -> Self {
        let Moments { min, max, mean, m2, .. } = Moments::default();
        let (count, nan_count, infinite_count) = (0, 0, 0);
        Self {
            count,
            nan_count,
            infinite_count,
            min,
            max,
            mean,
            m2,
            last,
            last_step,
            last_time_micros,
            first_time_micros,
        }
    }

    fn last_point(&self) -> PointOf {
        (self.last, self.last_step, self.last_time_micros)
    }

    fn moments(&self) -> Moments {
        Moments { n: self.finite_count(), min: self.min, max: self.max, mean: self.mean, m2: self.m2 }
    }

    fn set_moments(&mut self, moments: Moments) {
        (self.min, self.max, self.mean, self.m2) = (moments.min, moments.max, moments.mean, moments.m2);
    }
}

fn timestamp(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(if micros < 0 { Timestamp::MIN } else { Timestamp::MAX })
}
