//! Reference answers, properties, degenerate input, calibration and cost.

mod calibration;
mod cost;
mod degenerate;
mod intervals;
mod properties;
mod reference;
