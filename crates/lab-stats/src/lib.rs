//! Hypothesis tests, effect sizes, intervals, corrections and power: numbers in, results out.
//!
//! Nothing here opens a file, reads a clock or draws a random number that the caller did not seed. Each procedure says
//! what it assumes, where its formula is from and which SciPy, statsmodels or R function it agrees with; all are checked
//! against those to seven digits. Data without an answer are refused with the reason: no function returns NaN.
//!
//! Which one?
//! - Two sets of runs: [`ttest::welch`]; the same seeds or questions in both: [`ttest::paired`].
//! - Outliers or ordinal scores: [`rank::mann_whitney`], [`rank::wilcoxon_signed_rank`].
//! - Any statistic: [`resample::bootstrap_difference`]. Several groups: [`anova::welch`], then [`posthoc::games_howell`].
//! - Success rates: [`proportions::two_sample`]; the same examples: [`contingency::mcnemar`].
//! - Several tests at once: [`correction::holm`]. Before the experiment: [`power`].
//! - Against the spread of repetitions: [`noise`]. Looking again and again: [`sequential`]. One curve: [`autocorrelation`].
//!
//! ```
//! use lab_stats::{Alternative, ConfidenceLevel, correction, effect, power, ttest};
//!
//! let baseline = [0.712, 0.705, 0.718, 0.709, 0.714];
//! let candidate = [0.721, 0.730, 0.716, 0.727, 0.724];
//! let level = ConfidenceLevel::NINETY_FIVE;
//!
//! let test = ttest::welch(&candidate, &baseline, Alternative::TwoSided, level)?;
//! assert!(test.p_value < 0.05);
//! let g = effect::hedges_g(&candidate, &baseline, level)?;
//! assert!(g.value > 0.8);
//!
//! // How many seeds would have shown half of that in four experiments of five?
//! let seeds = power::t_sample_size(g.value / 2.0, 0.8, power::TDesign::two_sample(0.05))?;
//! assert!(seeds.ceiling > 5);
//!
//! // Three metrics were tested, not one.
//! assert_eq!(correction::holm(&[0.01, 0.04, 0.03])?, [0.03, 0.06, 0.06]);
//! # Ok::<(), lab_stats::StatsError>(())
//! ```

pub mod anova;
pub mod autocorrelation;
pub mod cases;
pub mod contingency;
pub mod correction;
mod dist;
pub mod effect;
pub mod equivalence;
mod error;
pub mod evaluation;
pub mod noise;
pub mod normality;
mod options;
mod outcome;
pub mod posthoc;
pub mod power;
pub mod proportions;
pub mod rank;
pub mod resample;
mod sample;
pub mod sequential;
pub mod ttest;

pub use cases::answer;
pub use error::{Result, StatsError};
pub use options::{Alternative, ConfidenceLevel};
pub use outcome::{Estimate, Interval, TestResult};
