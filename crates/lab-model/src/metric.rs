//! What runs measure.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Error, Result, Timestamp, Validate, check_name, number};

/// Name of a metric as a run logs it, as `train/loss`; 1–250 characters.
pub type MetricName = String;

/// What tells series of one name apart, as `{"split": "val"}`.
pub type Context = BTreeMap<String, String>;

/// Most pairs in a context.
const MAX_CONTEXT: usize = 32;

/// Identity of a series within a run: a name and a context.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SeriesKey {
    /// Name of the metric.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub name: MetricName,
    /// What tells it apart from other series of that name; empty as a rule.
    #[serde(default, skip_serializing_if = "Context::is_empty")]
    #[cfg_attr(feature = "schema", schema(value_type = std::collections::BTreeMap<String, String>))]
    pub context: Context,
}

impl SeriesKey {
    /// The series of that name without a context.
    pub fn named(name: impl Into<MetricName>) -> Self {
        Self { name: name.into(), context: Context::new() }
    }

    /// Whether it tells how the machine fared (`system/…`, `process/…`) rather than what was measured.
    #[must_use]
    pub fn is_of_machine(&self) -> bool {
        self.name.starts_with("system/") || self.name.starts_with("process/")
    }
}

impl From<&str> for SeriesKey {
    fn from(name: &str) -> Self {
        Self::named(name)
    }
}

impl fmt::Display for SeriesKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if self.context.is_empty() {
            return Ok(());
        }
        let pairs: Vec<String> = self.context.iter().map(|(k, v)| format!("{k}={v}")).collect();
        write!(f, "{{{}}}", pairs.join(","))
    }
}

impl Validate for SeriesKey {
    fn validate(&self) -> Result<()> {
        check_name("name", &self.name, 250)?;
        if self.context.len() > MAX_CONTEXT {
            return Err(Error::invalid("context", format!("has more than {MAX_CONTEXT} entries")));
        }
        for (key, value) in &self.context {
            check_name(&format!("context.{key}"), key, 250)?;
            if value.chars().count() > 250 {
                return Err(Error::invalid(format!("context.{key}"), "has more than 250 characters"));
            }
        }
        Ok(())
    }
}

/// One measurement.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Point {
    /// The value; NaN and infinities are legal.
    #[serde(with = "number")]
    #[cfg_attr(feature = "schema", schema(value_type = number::JsonFloat))]
    pub value: f64,
    /// Training step, where the run counts them. Any order, and repeats, are legal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<i64>,
    /// When it was measured.
    pub time: Timestamp,
}

/// Points of one series, as columns of equal length, in the order they were logged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SeriesPoints {
    /// Which series.
    #[serde(flatten)]
    pub key: SeriesKey,
    /// Values; NaN and infinities are legal.
    #[serde(with = "number::list")]
    #[cfg_attr(feature = "schema", schema(value_type = Vec<number::JsonFloat>))]
    pub values: Vec<f64>,
    /// Steps, each null for a point without one.
    pub steps: Vec<Option<i64>>,
    /// Times in microseconds since 1970 UTC.
    pub times_micros: Vec<i64>,
}

impl SeriesPoints {
    /// No points yet.
    #[must_use]
    pub fn new(key: SeriesKey) -> Self {
        Self { key, values: Vec::new(), steps: Vec::new(), times_micros: Vec::new() }
    }

    /// Number of points.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is no point.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Adds a point at the end.
    pub fn push(&mut self, value: f64, step: Option<i64>, time_micros: i64) {
        self.values.push(value);
        self.steps.push(step);
        self.times_micros.push(time_micros);
    }

    /// Adds all points of another at the end.
    pub fn append(&mut self, other: &Self) {
        self.values.extend_from_slice(&other.values);
        self.steps.extend_from_slice(&other.steps);
        self.times_micros.extend_from_slice(&other.times_micros);
    }

    /// The points as `(value, step, time in microseconds)`.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (f64, Option<i64>, i64)> + '_ {
        (0..self.len()).map(|i| (self.values[i], self.steps[i], self.times_micros[i]))
    }
}

impl Validate for SeriesPoints {
    fn validate(&self) -> Result<()> {
        self.key.validate()?;
        if self.steps.len() != self.len() || self.times_micros.len() != self.len() {
            return Err(Error::invalid(
                "values",
                format!(
                    "has {} entries, `steps` {} and `times_micros` {}; they must be equal",
                    self.len(),
                    self.steps.len(),
                    self.times_micros.len()
                ),
            ));
        }
        if let Some(i) = self.times_micros.iter().position(|t| Timestamp::from_microsecond(*t).is_err()) {
            return Err(Error::invalid(format!("times_micros[{i}]"), "is not a time that can be written as a date"));
        }
        Ok(())
    }
}

/// What a series amounts to.
///
/// `min`, `max`, `mean`, `std_dev` and the quantiles are over the finite values; NaN and infinities are counted apart,
/// so that one bad step does not take the summary with it. They are absent while there is no finite value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SeriesSummary {
    /// Which series.
    #[serde(flatten)]
    pub key: SeriesKey,
    /// Points in all, finite or not.
    pub count: u64,
    /// Points that are NaN.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub nan_count: u64,
    /// Points that are infinite.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub infinite_count: u64,
    /// Value at the greatest step, and of equal steps at the latest time; a point without a step is before any with one.
    #[serde(with = "number")]
    #[cfg_attr(feature = "schema", schema(value_type = number::JsonFloat))]
    pub last: f64,
    /// Step of `last`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_step: Option<i64>,
    /// Time of `last`.
    pub last_time: Timestamp,
    /// Earliest time of a point.
    pub first_time: Timestamp,
    /// Least finite value.
    pub min: Option<f64>,
    /// Greatest finite value.
    pub max: Option<f64>,
    /// Mean of the finite values.
    pub mean: Option<f64>,
    /// Standard deviation of the finite values with n − 1; absent below two of them.
    pub std_dev: Option<f64>,
    /// Median of the finite values, exact; known once the run has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub median: Option<f64>,
    /// 95th percentile, exact, interpolated linearly; known once the run has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p95: Option<f64>,
    /// 99th percentile, exact, interpolated linearly; known once the run has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99: Option<f64>,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// A distribution logged as one value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "form", rename_all = "snake_case")]
pub enum Distribution {
    /// Counts between boundaries.
    Histogram {
        /// Rising, one more than `counts`.
        boundaries: Vec<f64>,
        /// How many values fell into each bucket, the left boundary included and the last bucket's right one too.
        counts: Vec<u64>,
        /// Sum of the values.
        #[serde(with = "number")]
        #[cfg_attr(feature = "schema", schema(value_type = number::JsonFloat))]
        sum: f64,
        /// Number of the values; those outside the boundaries are in here and in no bucket.
        count: u64,
    },
    /// Percentiles.
    Summary {
        /// Number of the values.
        count: u64,
        /// Sum of the values.
        #[serde(with = "number")]
        #[cfg_attr(feature = "schema", schema(value_type = number::JsonFloat))]
        sum: f64,
        /// Pairs of a percentile in 0–100 and its value, rising.
        percentiles: Vec<(f64, f64)>,
    },
}

impl Validate for Distribution {
    fn validate(&self) -> Result<()> {
        let rising = |xs: &[f64]| xs.iter().all(|x| x.is_finite()) && xs.windows(2).all(|w| w[0] < w[1]);
        match self {
            Self::Histogram { boundaries, counts, count, .. } => {
                if boundaries.len() != counts.len() + 1 || counts.is_empty() {
                    return Err(Error::invalid("boundaries", "must have one entry more than `counts`"));
                }
                if !rising(boundaries) {
                    return Err(Error::invalid("boundaries", "must be finite and rise"));
                }
                if counts.iter().try_fold(0u64, |sum, c| sum.checked_add(*c)).is_none_or(|sum| sum > *count) {
                    return Err(Error::invalid("count", "is less than the sum of `counts`"));
                }
                Ok(())
            }
            Self::Summary { percentiles, .. } => {
                let (ranks, values): (Vec<f64>, Vec<f64>) = percentiles.iter().copied().unzip();
                if !rising(&ranks) || ranks.iter().any(|p| !(0.0..=100.0).contains(p)) {
                    return Err(Error::invalid("percentiles", "must rise within 0 to 100"));
                }
                if values.iter().any(|v| !v.is_finite()) || !values.is_sorted() {
                    return Err(Error::invalid("percentiles", "must have finite values that do not fall"));
                }
                Ok(())
            }
        }
    }
}

/// How often each class was taken for each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ConfusionMatrix {
    /// Names of the classes, in the order of rows and columns.
    pub labels: Vec<String>,
    /// `counts[actual][predicted]`.
    pub counts: Vec<Vec<u64>>,
}

impl ConfusionMatrix {
    /// Each row divided by its sum: the share of an actual class by prediction. A class without examples stays zero.
    #[must_use]
    pub fn row_normalised(&self) -> Vec<Vec<f64>> {
        let share = |row: &Vec<u64>| {
            let sum: u64 = row.iter().sum();
            row.iter().map(|&count| if sum == 0 { 0.0 } else { count as f64 / sum as f64 }).collect()
        };
        self.counts.iter().map(share).collect()
    }
}

impl Validate for ConfusionMatrix {
    fn validate(&self) -> Result<()> {
        let classes = self.labels.len();
        if classes == 0 {
            return Err(Error::invalid("labels", "is empty"));
        }
        if self.labels.iter().collect::<std::collections::BTreeSet<_>>().len() != classes {
            return Err(Error::invalid("labels", "names a class twice"));
        }
        if self.counts.len() != classes || self.counts.iter().any(|row| row.len() != classes) {
            return Err(Error::invalid("counts", format!("must be {classes} rows of {classes}, as `labels` has")));
        }
        if self.counts.iter().any(|row| row.iter().try_fold(0u64, |sum, c| sum.checked_add(*c)).is_none()) {
            return Err(Error::invalid("counts", "overflows"));
        }
        Ok(())
    }
}

/// A value of a metric that is not one number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Value {
    /// A distribution.
    Distribution(Distribution),
    /// A confusion matrix.
    ConfusionMatrix(ConfusionMatrix),
    /// Any JSON.
    Custom {
        /// The JSON as it was given.
        #[cfg_attr(feature = "schema", schema(value_type = Object))]
        value: serde_json::Value,
    },
}

/// A value that is not one number, with its place in the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LoggedValue {
    /// Which metric.
    #[serde(flatten)]
    pub key: SeriesKey,
    /// Training step, where the run counts them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<i64>,
    /// When it was logged.
    pub time: Timestamp,
    /// The value.
    pub value: Value,
}

impl Validate for LoggedValue {
    fn validate(&self) -> Result<()> {
        self.key.validate()?;
        match &self.value {
            Value::Distribution(distribution) => distribution.validate(),
            Value::ConfusionMatrix(matrix) => matrix.validate(),
            Value::Custom { .. } => Ok(()),
        }
        .map_err(|e| e.within("value"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_must_be_of_one_length_and_times_must_exist() {
        let mut points = SeriesPoints::new("loss".into());
        points.push(f64::NAN, Some(1), 0);
        assert!(points.validate().is_ok());
        points.times_micros[0] = i64::MAX;
        assert_eq!(points.validate().unwrap_err().field(), Some("times_micros[0]"));
        points.steps.clear();
        assert_eq!(points.validate().unwrap_err().field(), Some("values"));
    }

    #[test]
    fn a_confusion_matrix_is_normalised_by_row() {
        let matrix = ConfusionMatrix { labels: vec!["a".into(), "b".into()], counts: vec![vec![3, 1], vec![0, 0]] };
        assert_eq!(matrix.row_normalised(), vec![vec![0.75, 0.25], vec![0.0, 0.0]]);
    }

    #[test]
    fn crooked_distributions_are_refused() {
        let histogram = |boundaries: &[f64], counts: &[u64]| Distribution::Histogram {
            boundaries: boundaries.to_vec(),
            counts: counts.to_vec(),
            sum: 0.0,
            count: 10,
        };
        assert!(histogram(&[0.0, 1.0], &[10]).validate().is_ok());
        for bad in [histogram(&[0.0], &[]), histogram(&[1.0, 0.0], &[1]), histogram(&[0.0, 1.0], &[11])] {
            assert!(bad.validate().is_err());
        }
    }
}
