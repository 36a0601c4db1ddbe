//! Student's t tests.
//!
//! [`welch`] is the one to use for two independent samples: it holds its level when the variances differ and costs next
//! to nothing when they do not. A sample without variation is refused where the standard error would be zero, because a
//! p-value of 0 from three equal seeds says nothing about the seeds to come.

use crate::dist::{t_tails, t_upper_quantile};
use crate::effect;
use crate::error::{Result, StatsError};
use crate::options::{Alternative, ConfidenceLevel};
use crate::outcome::{Estimate, Interval, TestResult};
use crate::sample::{self, Moments};

/// What two independent samples are assumed to share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Variances {
    /// Nothing: Welch's test with Satterthwaite's degrees of freedom.
    #[default]
    Unequal,
    /// One variance: Student's test with the pooled variance.
    Equal,
}

/// A difference with the standard error and degrees of freedom of its t statistic.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Contrast {
    pub(crate) difference: f64,
    pub(crate) standard_error: f64,
    pub(crate) df: f64,
}

impl Contrast {
    /// Of two independent samples.
    pub(crate) fn independent(a: &[f64], b: &[f64], variances: Variances) -> Result<Self> {
        let needed = if variances == Variances::Equal { 1 } else { 2 };
        sample::check("a", a, needed)?;
        sample::check("b", b, needed)?;
        if a.len() + b.len() < 3 {
            let (name, got) = ("a and b together".to_owned(), a.len() + b.len());
            return Err(StatsError::TooFew { name, needed: 3, got });
        }
        let (first, second) = (Moments::of(a), Moments::of(b));
        match variances {
            Variances::Equal => {
                let share = 1.0 / first.count() + 1.0 / second.count();
                let standard_error = effect::pooled_sd(&first, &second) * share.sqrt();
                let df = first.count() + second.count() - 2.0;
                Self { difference: first.mean - second.mean, standard_error, df }.checked()
            }
            Variances::Unequal => {
                Self::of_summaries((first.mean, first.sd, first.count()), (second.mean, second.sd, second.count()))
            }
        }
    }

    /// Welch's, of two independent samples as mean, standard deviation and size; sizes above 1 need not be whole.
    pub(crate) fn of_summaries(first: (f64, f64, f64), second: (f64, f64, f64)) -> Result<Self> {
        let error_of = |(_, sd, n): (f64, f64, f64)| sd / n.sqrt();
        let standard_error = error_of(first).hypot(error_of(second));
        let part = |summary: (f64, f64, f64)| {
            let share = (error_of(summary) / standard_error).powi(2);
            share * share / (summary.2 - 1.0)
        };
        let df = 1.0 / (part(first) + part(second));
        Self { difference: first.0 - second.0, standard_error, df }.checked()
    }

    /// Of paired data.
    pub(crate) fn paired(a: &[f64], b: &[f64]) -> Result<Self> {
        sample::check_pairs(a, b, 2)?;
        let moments = effect::paired_moments(a, b, "a paired t test")?;
        Self { difference: moments.mean, standard_error: moments.standard_error(), df: moments.count() - 1.0 }.checked()
    }

    /// Of one sample against a hypothesised mean.
    pub(crate) fn one_sample(a: &[f64], mean: f64) -> Result<Self> {
        sample::check("a", a, 2)?;
        sample::check("mean", &[mean], 1)?;
        let moments = Moments::of(a);
        Self { difference: moments.mean - mean, standard_error: moments.standard_error(), df: moments.count() - 1.0 }
            .checked()
    }

    fn checked(self) -> Result<Self> {
        if self.standard_error == 0.0 {
            return Err(StatsError::undefined("a t test", "the values do not vary, so there is no standard error"));
        }
        if !self.standard_error.is_finite() || !self.difference.is_finite() {
            return Err(StatsError::undefined("a t test", "the values overflow; rescale them"));
        }
        Ok(self)
    }

    /// t statistic against a difference of `null`.
    pub(crate) fn statistic(&self, null: f64) -> f64 {
        (self.difference - null) / self.standard_error
    }

    pub(crate) fn p_value(&self, null: f64, alternative: Alternative) -> f64 {
        let (lower, upper) = t_tails(self.statistic(null), self.df);
        alternative.p_value(lower, upper)
    }

    pub(crate) fn interval(&self, alternative: Alternative, level: ConfidenceLevel) -> Interval {
        let half_width = t_upper_quantile(level.tail(alternative), self.df) * self.standard_error;
        Interval::around(self.difference, half_width, alternative, level)
    }

    pub(crate) fn test(
        &self,
        method: &'static str,
        name: &'static str,
        alternative: Alternative,
        level: ConfidenceLevel,
    ) -> TestResult {
        TestResult::new(method, alternative, self.p_value(0.0, alternative))
            .statistic(self.statistic(0.0))
            .df(self.df)
            .estimate(
                Estimate::new(name, self.difference)
                    .standard_error(self.standard_error)
                    .interval(self.interval(alternative, level)),
            )
    }
}

/// Welch's t test: whether two independent samples have the same mean, whatever their variances.
///
/// Assumes independent values and means that are about normal. `Greater` claims mean(a) > mean(b). The effect is Hedges'
/// g with its noncentral-t interval. Follows SciPy's `ttest_ind(equal_var=False)` and R's `t.test`.
///
/// ```
/// use lab_stats::{Alternative, ConfidenceLevel, ttest};
/// let (a, b) = ([0.91, 0.93, 0.92, 0.94], [0.88, 0.90, 0.89, 0.87]);
/// let test = ttest::welch(&a, &b, Alternative::TwoSided, ConfidenceLevel::NINETY_FIVE)?;
/// assert!(test.p_value < 0.01);
/// # Ok::<(), lab_stats::StatsError>(())
/// ```
///
/// # Errors
/// Fewer than two values in a sample, values that are not finite, or no variation in either sample.
pub fn welch(a: &[f64], b: &[f64], alternative: Alternative, level: ConfidenceLevel) -> Result<TestResult> {
    independent(a, b, Variances::Unequal, alternative, level)
}

/// Student's t test: as [`welch`], assuming in addition that both samples have the same variance.
///
/// Follows SciPy's `ttest_ind(equal_var=True)`. One sample may be a single value.
///
/// # Errors
/// Fewer than three values in all, values that are not finite, or no variation within the samples.
pub fn student(a: &[f64], b: &[f64], alternative: Alternative, level: ConfidenceLevel) -> Result<TestResult> {
    independent(a, b, Variances::Equal, alternative, level)
}

/// [`welch`] or [`student`].
///
/// # Errors
/// As those.
pub fn independent(
    a: &[f64],
    b: &[f64],
    variances: Variances,
    alternative: Alternative,
    level: ConfidenceLevel,
) -> Result<TestResult> {
    let contrast = Contrast::independent(a, b, variances)?;
    let method = match variances {
        Variances::Unequal => "Welch's t test",
        Variances::Equal => "Student's t test",
    };
    let mut test = contrast.test(method, "mean difference", alternative, level).sizes([a.len(), b.len()]);
    let (d, g) = effect::standardised(&Moments::of(a), &Moments::of(b), level)?;
    test.effect = Some(g.unwrap_or(d));
    Ok(test)
}

/// Paired t test: whether the differences `a - b` have mean zero.
///
/// Assumes that pairs are independent of each other and their differences about normal. The effect is gz, or dz for two
/// pairs. Follows SciPy's `ttest_rel`.
///
/// # Errors
/// Unequal lengths, fewer than two pairs, values that are not finite, or differences that vary by no more than rounding.
pub fn paired(a: &[f64], b: &[f64], alternative: Alternative, level: ConfidenceLevel) -> Result<TestResult> {
    let contrast = Contrast::paired(a, b)?;
    let effects = effect::paired(a, b, level)?;
    Ok(contrast
        .test("paired t test", "mean difference", alternative, level)
        .effect(effects.hedges_gz.unwrap_or(effects.cohen_dz))
        .sizes([a.len()]))
}

/// One-sample t test: whether the mean of `a` is `mean`.
///
/// Assumes independent values and a mean that is about normal. The estimate is mean(a) minus `mean`. Follows SciPy's
/// `ttest_1samp`.
///
/// # Errors
/// Fewer than two values, values that are not finite, or no variation.
pub fn one_sample(a: &[f64], mean: f64, alternative: Alternative, level: ConfidenceLevel) -> Result<TestResult> {
    let contrast = Contrast::one_sample(a, mean)?;
    let df = contrast.df;
    let unit = (1.0 / (df + 1.0)).sqrt();
    let d = contrast.statistic(0.0) * unit;
    let effect = Estimate::new("Cohen's d", d).interval(effect::d_interval(d, unit, df, level));
    let test = contrast.test("one-sample t test", "difference of the mean from the null", alternative, level);
    Ok(test.effect(effect).sizes([a.len()]))
}
