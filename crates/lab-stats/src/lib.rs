//! Hypothesis tests, effect sizes, intervals, corrections and power: numbers in, results out.
