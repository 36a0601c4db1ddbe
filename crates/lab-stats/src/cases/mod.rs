//! The calculator: procedures by name, with JSON in and JSON out.
//!
//! `lab stats --jsonl` answers one line with one call of [`answer`]. Names, options and keys are a published format, so
//! they live here and not in the typed functions, which are free to change. Keys whose number does not exist (such as
//! Hedges' g at one degree of freedom) are left out; a question without an answer is an error.

mod args;
mod counts;
mod evaluations;
mod groups;
mod means;
mod planning;
mod ranks;
mod reply;
mod resampling;

use serde_json::{Map, Value};

use crate::error::{Result, StatsError};
use args::Call;
use reply::Reply;

/// A procedure that can be asked for by name.
struct Procedure {
    name: &'static str,
    params: &'static [&'static str],
    inputs: &'static [&'static str],
    run: fn(&Call) -> Result<Reply>,
}

/// Parameters that every procedure takes.
const COMMON_PARAMS: [&str; 1] = ["nan_policy"];

fn procedures() -> impl Iterator<Item = &'static Procedure> {
    [
        means::PROCEDURES,
        ranks::PROCEDURES,
        groups::PROCEDURES,
        resampling::PROCEDURES,
        counts::PROCEDURES,
        planning::PROCEDURES,
        evaluations::PROCEDURES,
    ]
    .into_iter()
    .flatten()
}

/// Names of all procedures that [`answer`] knows.
pub fn known_tests() -> Vec<&'static str> {
    procedures().map(|procedure| procedure.name).collect()
}

/// Runs the procedure named `test` and returns its numbers by name.
///
/// `params` and `input` are objects (or null for none). In a vector, `null` and `"NaN"` are missing values, which
/// `nan_policy` drops (`omit`) or refuses (`raise`, the default); `{"formula": "mod_linear", n, mul, add, mod, scale,
/// shift}` stands for `((i * mul + add) mod mod) / mod * scale + shift`, i from 0 to n - 1. Infinite results are the
/// strings `"Infinity"` and `"-Infinity"`.
///
/// ```
/// use serde_json::json;
/// let reply = lab_stats::answer("pass_at_k", &json!({"k": 1}), &json!({"n": 4, "c": 1}))?;
/// assert_eq!(reply["pass_at_k"], json!(0.25));
/// # Ok::<(), lab_stats::StatsError>(())
/// ```
///
/// # Errors
/// A test, parameter or input that is not known (the message lists those that are), values of the wrong shape, and
/// whatever the procedure itself refuses.
pub fn answer(test: &str, params: &Value, input: &Value) -> Result<Map<String, Value>> {
    let procedure = procedures()
        .find(|procedure| procedure.name == test)
        .ok_or_else(|| StatsError::UnknownTest { name: test.to_owned(), known: known_tests().join(", ") })?;
    let call = Call::new(procedure, params, input)?;
    (procedure.run)(&call)?.finish()
}
