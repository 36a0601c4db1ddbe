//! Reference answers, properties, degenerate input and calibration.

mod reference;
