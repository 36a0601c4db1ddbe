//! The shape of an answer, shared by the procedures so that a table can show any of them.
//!
//! Infinite ends of one-sided intervals are written as the strings `"Infinity"` and `"-Infinity"`, because JSON has no
//! number for them and `null` would read as "unknown".

use serde::{Serialize, Serializer};

use crate::options::{Alternative, ConfidenceLevel};

/// What a hypothesis test found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TestResult {
    /// Name of the procedure, such as `Welch's t test`.
    pub method: &'static str,
    /// The alternative hypothesis tested.
    pub alternative: Alternative,
    /// The test statistic; absent for tests that have none, such as Fisher's.
    #[serde(serialize_with = "optional_number", skip_serializing_if = "Option::is_none")]
    pub statistic: Option<f64>,
    /// Degrees of freedom, of the numerator for F tests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub df: Option<f64>,
    /// Degrees of freedom of the denominator, for F tests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub df_within: Option<f64>,
    /// Probability under the null hypothesis of a statistic at least as extreme.
    pub p_value: f64,
    /// What is estimated, such as the difference in means, with its interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Estimate>,
    /// The effect size, with its interval where one is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect: Option<Estimate>,
    /// Values used in each sample.
    pub sizes: Vec<usize>,
    /// What a reader should know about how the answer came about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl TestResult {
    pub(crate) fn new(method: &'static str, alternative: Alternative, p_value: f64) -> Self {
        Self {
            method,
            alternative,
            statistic: None,
            df: None,
            df_within: None,
            p_value,
            estimate: None,
            effect: None,
            sizes: Vec::new(),
            note: None,
        }
    }

    pub(crate) fn statistic(mut self, statistic: f64) -> Self {
        self.statistic = Some(statistic);
        self
    }

    pub(crate) fn df(mut self, df: f64) -> Self {
        self.df = Some(df);
        self
    }

    pub(crate) fn df_within(mut self, df: f64) -> Self {
        self.df_within = Some(df);
        self
    }

    pub(crate) fn estimate(mut self, estimate: Estimate) -> Self {
        self.estimate = Some(estimate);
        self
    }

    pub(crate) fn effect(mut self, effect: Estimate) -> Self {
        self.effect = Some(effect);
        self
    }

    pub(crate) fn sizes(mut self, sizes: impl IntoIterator<Item = usize>) -> Self {
        self.sizes = sizes.into_iter().collect();
        self
    }

    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }
}

/// A named estimate with its standard error and interval, where they are known.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Estimate {
    /// What it is, in the standard term, such as `mean difference` or `Cohen's d`.
    pub name: &'static str,
    /// The point estimate.
    #[serde(serialize_with = "number")]
    pub value: f64,
    /// Its standard error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standard_error: Option<f64>,
    /// Its confidence interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
}

impl Estimate {
    pub(crate) fn new(name: &'static str, value: f64) -> Self {
        Self { name, value, standard_error: None, interval: None }
    }

    pub(crate) fn standard_error(mut self, standard_error: f64) -> Self {
        self.standard_error = Some(standard_error);
        self
    }

    pub(crate) fn interval(mut self, interval: Interval) -> Self {
        self.interval = Some(interval);
        self
    }
}

/// A confidence interval. One-sided intervals have one infinite end.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// Lower end.
    #[serde(serialize_with = "number")]
    pub low: f64,
    /// Upper end.
    #[serde(serialize_with = "number")]
    pub high: f64,
    /// The level it holds at.
    pub level: ConfidenceLevel,
}

impl Interval {
    /// `centre` plus and minus `critical * standard_error`, open on one side for a one-sided alternative.
    pub(crate) fn around(centre: f64, half_width: f64, alternative: Alternative, level: ConfidenceLevel) -> Self {
        let (low, high) = match alternative {
            Alternative::TwoSided => (centre - half_width, centre + half_width),
            Alternative::Less => (f64::NEG_INFINITY, centre + half_width),
            Alternative::Greater => (centre - half_width, f64::INFINITY),
        };
        Self { low, high, level }
    }

    /// Whether `value` lies inside, ends included.
    pub fn contains(&self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }

    pub(crate) fn scaled(self, factor: f64) -> Self {
        Self { low: self.low * factor, high: self.high * factor, level: self.level }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
pub(crate) fn number<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if *value == f64::INFINITY {
        serializer.serialize_str("Infinity")
    } else if *value == f64::NEG_INFINITY {
        serializer.serialize_str("-Infinity")
    } else {
        serializer.serialize_f64(*value)
    }
}

fn optional_number<S: Serializer>(value: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => number(value, serializer),
        None => serializer.serialize_none(),
    }
}
