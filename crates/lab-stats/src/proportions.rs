//! Success rates: intervals for one, comparison of two.
//!
//! [`ProportionMethod::Wilson`] is the default: it keeps its coverage at small counts and near 0 and 1, where Wald's
//! interval has no width at all. For the difference of two rates, Newcombe's interval is built from two of Wilson's.

use serde::Serialize;

use crate::contingency;
use crate::dist::{beta_quantile, normal_cdf, normal_sf, normal_upper_quantile};
use crate::error::{Result, StatsError};
use crate::options::{Alternative, ConfidenceLevel};
use crate::outcome::{Estimate, Interval, TestResult};

/// Successes out of trials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Rate {
    successes: u64,
    trials: u64,
}

impl Rate {
    /// `successes` out of `trials`.
    ///
    /// # Errors
    /// No trials, or more successes than trials.
    pub fn try_new(successes: u64, trials: u64) -> Result<Self> {
        if trials == 0 {
            return Err(StatsError::TooFew { name: "trials".to_owned(), needed: 1, got: 0 });
        }
        if successes > trials {
            return Err(StatsError::out_of_range("successes", successes, "at most the number of trials"));
        }
        Ok(Self { successes, trials })
    }

    /// Successes.
    pub fn successes(self) -> u64 {
        self.successes
    }

    /// Trials.
    pub fn trials(self) -> u64 {
        self.trials
    }

    /// The observed rate.
    pub fn estimate(self) -> f64 {
        self.successes as f64 / self.trials as f64
    }
}

/// How an interval for a rate is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProportionMethod {
    /// By inverting the score test (Wilson 1927).
    #[default]
    Wilson,
    /// By inverting the binomial test; never below its level, often well above.
    ClopperPearson,
    /// Wald's interval after adding `z^2/2` successes and failures.
    AgrestiCoull,
    /// Quantiles of Beta(c + 1/2, n - c + 1/2), also at 0 and n successes.
    Jeffreys,
    /// `p +- z sqrt(p (1 - p) / n)`; for comparison with others' numbers only.
    Wald,
}

/// Two-sided confidence interval for a rate, within [0, 1].
///
/// Follows statsmodels' `proportion_confint`.
pub fn interval(rate: Rate, method: ProportionMethod, level: ConfidenceLevel) -> Interval {
    let tail = level.tail(Alternative::TwoSided);
    let z = normal_upper_quantile(tail);
    let (c, n, p) = (rate.successes as f64, rate.trials as f64, rate.estimate());
    let (low, high) = match method {
        ProportionMethod::Wilson => {
            let centre = (p + z * z / (2.0 * n)) / (1.0 + z * z / n);
            let half = z / (1.0 + z * z / n) * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
            // Exact ends, which rounding would miss by an ulp.
            (
                if rate.successes == 0 { 0.0 } else { centre - half },
                if rate.successes == rate.trials { 1.0 } else { centre + half },
            )
        }
        ProportionMethod::ClopperPearson => (
            if rate.successes == 0 { 0.0 } else { beta_quantile(tail, c, n - c + 1.0) },
            if rate.successes == rate.trials { 1.0 } else { 1.0 - beta_quantile(tail, n - c, c + 1.0) },
        ),
        ProportionMethod::AgrestiCoull => {
            let total = n + z * z;
            let centre = (c + z * z / 2.0) / total;
            let half = z * (centre * (1.0 - centre) / total).sqrt();
            (centre - half, centre + half)
        }
        ProportionMethod::Jeffreys => {
            (beta_quantile(tail, c + 0.5, n - c + 0.5), 1.0 - beta_quantile(tail, n - c + 0.5, c + 0.5))
        }
        ProportionMethod::Wald => {
            let half = z * (p * (1.0 - p) / n).sqrt();
            (p - half, p + half)
        }
    };
    Interval { low: low.max(0.0), high: high.min(1.0), level }
}

/// What the comparison of two rates found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TwoProportionResult {
    /// The pooled z test; its estimate is `p1 - p2` with Newcombe's interval, its effect Cohen's h.
    #[serde(flatten)]
    pub test: TestResult,
    /// p-value of Fisher's exact test, same alternative.
    pub fisher_p: f64,
    /// `2 asin(sqrt p1) - 2 asin(sqrt p2)`.
    pub cohen_h: f64,
}

/// Whether two independent success rates are equal.
///
/// The z test pools both rates and has no continuity correction (statsmodels' `proportions_ztest`); Fisher's exact test
/// stands beside it for small counts. The interval is Newcombe's hybrid score interval and always two-sided.
///
/// # Errors
/// Where all trials failed or all succeeded, which leaves no standard error.
pub fn two_sample(
    first: Rate,
    second: Rate,
    alternative: Alternative,
    level: ConfidenceLevel,
) -> Result<TwoProportionResult> {
    let (n1, n2) = (first.trials as f64, second.trials as f64);
    let successes = first.successes + second.successes;
    let pooled = successes as f64 / (n1 + n2);
    if successes == 0 || successes == first.trials + second.trials {
        return Err(StatsError::undefined(
            "the two-proportion z test",
            "all trials ended alike, so there is no standard error; use `newcombe` for the interval",
        ));
    }
    let difference = first.estimate() - second.estimate();
    let standard_error = (pooled * (1.0 - pooled) * (1.0 / n1 + 1.0 / n2)).sqrt();
    let z = difference / standard_error;
    let cohen_h = cohen_h(first.estimate(), second.estimate());
    let table =
        [[first.successes, first.trials - first.successes], [second.successes, second.trials - second.successes]];
    Ok(TwoProportionResult {
        test: TestResult::new("two-proportion z test", alternative, alternative.p_value(normal_cdf(z), normal_sf(z)))
            .statistic(z)
            .estimate(
                Estimate::new("difference in proportions", difference)
                    .standard_error(standard_error)
                    .interval(newcombe(first, second, level)),
            )
            .effect(Estimate::new("Cohen's h", cohen_h))
            .sizes([first.trials as usize, second.trials as usize]),
        fisher_p: contingency::fisher_exact(table, alternative)?.p_value,
        cohen_h,
    })
}

/// Newcombe's (1998) hybrid score interval for `p1 - p2`, method 10.
///
/// Follows statsmodels' `confint_proportions_2indep(method="newcomb")`.
pub fn newcombe(first: Rate, second: Rate, level: ConfidenceLevel) -> Interval {
    let (one, two) = (first.estimate(), second.estimate());
    let (own, other) =
        (interval(first, ProportionMethod::Wilson, level), interval(second, ProportionMethod::Wilson, level));
    let difference = one - two;
    Interval {
        low: difference - (one - own.low).hypot(other.high - two),
        high: difference + (own.high - one).hypot(two - other.low),
        level,
    }
}

/// Cohen's h: `2 asin(sqrt p1) - 2 asin(sqrt p2)`.
pub fn cohen_h(p1: f64, p2: f64) -> f64 {
    2.0 * (p1.sqrt().asin() - p2.sqrt().asin())
}
