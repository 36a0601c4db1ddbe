//! The noise floor: how much results vary that ought to be the same.
//!
//! Repetitions of several conditions are pooled into one standard deviation, as the error term of an analysis of variance
//! is. A difference of means is then set against it with the degrees of freedom of all repetitions, so that even a single
//! run a side can be judged. That assumes that all conditions vary alike; where they may not, give each side its own
//! repetitions and use [`crate::ttest::welch`].

use serde::Serialize;

use crate::dist::{chi_squared_upper_quantile, t_tails, t_upper_quantile};
use crate::error::{Result, StatsError};
use crate::options::{Alternative, ConfidenceLevel, check_probability};
use crate::outcome::Interval;
use crate::sample::{self, Moments};

/// The standard deviation between repetitions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct NoiseFloor {
    /// Pooled standard deviation, in the values' unit; 0 where no repetition ever differed.
    pub std_dev: f64,
    /// Its degrees of freedom: values less groups.
    pub df: f64,
    /// Groups that had at least two values.
    pub groups: usize,
    /// Values in those groups.
    pub values: usize,
}

impl NoiseFloor {
    /// Pools groups of repetitions. A group of fewer than two values says nothing and is left out.
    ///
    /// `sqrt(sum (n_i - 1) s_i^2 / sum (n_i - 1))`, the residual standard error of R's `lm(y ~ group)`.
    ///
    /// # Errors
    /// No group with two values, or values that are not finite or overflow.
    pub fn pooled<G: AsRef<[f64]>>(groups: &[G]) -> Result<Self> {
        let repeated: Vec<&[f64]> = groups.iter().map(AsRef::as_ref).filter(|group| group.len() > 1).collect();
        if repeated.is_empty() {
            let got = groups.iter().map(|group| group.as_ref().len()).max().unwrap_or_default();
            return Err(StatsError::TooFew { name: "the largest group".to_owned(), needed: 2, got });
        }
        let (mut values, mut square) = (0, 0.0_f64);
        for (index, group) in repeated.iter().enumerate() {
            sample::check(&format!("groups[{index}]"), group, 2)?;
            values += group.len();
            square = square.hypot(Moments::of(group).sd * (group.len() as f64 - 1.0).sqrt());
        }
        let df = (values - repeated.len()) as f64;
        let std_dev = square / df.sqrt();
        if !std_dev.is_finite() {
            return Err(StatsError::undefined("the noise floor", "the values overflow; rescale them"));
        }
        Ok(Self { std_dev, df, groups: repeated.len(), values })
    }

    /// Confidence interval of the standard deviation, by the chi-squared distribution: for normal values.
    #[must_use]
    pub fn interval(&self, level: ConfidenceLevel) -> Interval {
        let tail = level.tail(Alternative::TwoSided);
        let end = |q: f64| self.std_dev * (self.df / chi_squared_upper_quantile(q, self.df)).sqrt();
        Interval { low: end(tail), high: end(1.0 - tail), level }
    }

    /// The p-value of a difference between the means of `n_a` and `n_b` values, were there no difference but noise.
    ///
    /// `difference / (s sqrt(1/n_a + 1/n_b))` by Student's t with the floor's degrees of freedom: Fisher's contrast with a
    /// pooled error term.
    ///
    /// # Errors
    /// No values on a side, a difference that is not finite, or a floor of zero, which nothing can be set against.
    pub fn p_value(&self, difference: f64, n_a: usize, n_b: usize, alternative: Alternative) -> Result<f64> {
        sample::check("difference", &[difference], 1)?;
        let standard_error = self.standard_error(n_a, n_b)?;
        if standard_error == 0.0 {
            return Err(StatsError::undefined("a test against noise", "repetitions never differed"));
        }
        let (lower, upper) = t_tails(difference / standard_error, self.df);
        Ok(alternative.p_value(lower, upper))
    }

    /// The smallest difference between the means of `n_a` and `n_b` values that is more than noise at `alpha`, two-sided.
    ///
    /// # Errors
    /// No values on a side, or `alpha` outside (0, 1).
    pub fn smallest_signal(&self, n_a: usize, n_b: usize, alpha: f64) -> Result<f64> {
        check_probability("alpha", alpha)?;
        Ok(t_upper_quantile(alpha / 2.0, self.df) * self.standard_error(n_a, n_b)?)
    }

    fn standard_error(&self, n_a: usize, n_b: usize) -> Result<f64> {
        for (name, n) in [("n_a", n_a), ("n_b", n_b)] {
            if n == 0 {
                return Err(StatsError::TooFew { name: name.to_owned(), needed: 1, got: 0 });
            }
        }
        Ok(self.std_dev * (1.0 / n_a as f64 + 1.0 / n_b as f64).sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_pooled_and_single_values_left_out() {
        let floor = NoiseFloor::pooled(&[vec![1.0, 3.0], vec![10.0], vec![5.0, 5.0, 8.0]]).unwrap();
        // (2 + 6) / (1 + 2).
        assert!((floor.std_dev - (8.0_f64 / 3.0).sqrt()).abs() < 1e-15);
        assert_eq!((floor.df, floor.groups, floor.values), (3.0, 2, 5));
        // SciPy: sqrt(8 / chi2.ppf([0.975, 0.025], 3)).
        let interval = floor.interval(ConfidenceLevel::NINETY_FIVE);
        assert!((interval.low - 0.925_074).abs() < 1e-6 && (interval.high - 6.088_692).abs() < 1e-6, "{interval:?}");
    }

    #[test]
    fn the_smallest_signal_has_a_p_value_of_alpha() {
        let floor = NoiseFloor::pooled(&[vec![1.0, 3.0, 2.0], vec![4.0, 4.5]]).unwrap();
        let smallest = floor.smallest_signal(1, 3, 0.05).unwrap();
        let p = floor.p_value(smallest, 1, 3, Alternative::TwoSided).unwrap();
        assert!((p - 0.05).abs() < 1e-9, "{p}");
        assert!(floor.p_value(-smallest, 1, 3, Alternative::Less).unwrap() < 0.03);
    }

    #[test]
    fn what_cannot_be_judged_is_refused() {
        assert!(NoiseFloor::pooled(&[[1.0], [2.0]]).is_err());
        assert!(NoiseFloor::pooled::<[f64; 2]>(&[]).is_err());
        assert!(NoiseFloor::pooled(&[[1.0, f64::NAN]]).is_err());
        let constant = NoiseFloor::pooled(&[[1.0, 1.0]]).unwrap();
        assert_eq!(constant.std_dev, 0.0);
        assert!(constant.p_value(1.0, 1, 1, Alternative::TwoSided).is_err());
        let floor = NoiseFloor::pooled(&[[1.0, 2.0]]).unwrap();
        assert!(floor.p_value(1.0, 0, 1, Alternative::TwoSided).is_err());
        assert!(floor.smallest_signal(1, 1, 0.0).is_err());
    }
}
