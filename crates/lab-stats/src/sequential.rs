//! Looking more than once, and paying for it.
//!
//! Whoever tests at 5% every time a result comes in will find a difference that is not there, sooner or later. These
//! functions say how much of alpha a look may spend so that all looks together spend no more than alpha.

use crate::dist::{normal_sf, normal_upper_quantile};
use crate::error::{Result, StatsError};
use crate::options::check_probability;

/// What look number `look` (from 1) may spend of `alpha`: `alpha / (look (look + 1))`.
///
/// The shares telescope to exactly 1 over infinitely many looks, so that the chance of any false alarm in the whole
/// sequence is at most alpha, however the looks depend on each other and however many there will be (Bonferroni's
/// inequality; alpha spending over a stream of hypotheses as in Foster & Stine 2008, "Alpha-investing", section 3).
///
/// # Errors
/// `alpha` outside (0, 1), or look 0.
pub fn alpha_of_look(alpha: f64, look: u64) -> Result<f64> {
    check_probability("alpha", alpha)?;
    if look == 0 {
        return Err(StatsError::out_of_range("look", look, "1 or more"));
    }
    let look = look as f64;
    Ok(alpha / (look * (look + 1.0)))
}

/// What may have been spent of `alpha` when a share `fraction` of the planned values is in: Lan & DeMets' (1983) spending
/// function of O'Brien and Fleming's type, `2 (1 - Phi(z_{alpha/2} / sqrt(fraction)))`.
///
/// Hardly anything early, and all of `alpha` when the plan is fulfilled. Follows R's `gsDesign::sfLDOF`.
///
/// # Errors
/// `alpha` outside (0, 1), or a fraction that is not above 0. A fraction above 1 is a plan fulfilled.
pub fn spent_at(alpha: f64, fraction: f64) -> Result<f64> {
    check_probability("alpha", alpha)?;
    if fraction.is_nan() || fraction <= 0.0 {
        return Err(StatsError::out_of_range("fraction", fraction, "above 0"));
    }
    if fraction >= 1.0 {
        return Ok(alpha);
    }
    Ok(2.0 * normal_sf(normal_upper_quantile(alpha / 2.0) / fraction.sqrt()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_looks_together_spend_no_more_than_alpha() {
        let spent: f64 = (1..=100_000).map(|look| alpha_of_look(0.05, look).unwrap()).sum();
        assert!(spent <= 0.05 && spent > 0.0499, "{spent}");
        assert_eq!(alpha_of_look(0.05, 1).unwrap(), 0.025);
        assert!(alpha_of_look(0.05, 0).is_err() && alpha_of_look(1.0, 1).is_err());
    }

    #[test]
    fn an_early_look_gets_little() {
        // gsDesign: sfLDOF(0.05, c(0.25, 0.5, 0.75))$spend.
        for (fraction, spent) in [(0.25, 8.857e-5), (0.5, 0.005_574_6), (0.75, 0.023_6), (1.0, 0.05), (2.0, 0.05)] {
            let got = spent_at(0.05, fraction).unwrap();
            assert!((got - spent).abs() < 5e-3 * spent, "{fraction}: {got}");
        }
        assert!(spent_at(0.05, 0.0).is_err() && spent_at(0.05, f64::NAN).is_err());
    }
}
