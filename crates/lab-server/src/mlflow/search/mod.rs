//! Searches in MLflow's language, as the conditions and orders that every search here is made of.

mod experiments;
mod keys;
mod lexer;
mod page;
mod parser;
mod runs;

pub(super) use experiments::routes as experiment_routes;
pub(super) use runs::routes as run_routes;

use lab_model::{Field, Filter};
use lab_tracker::DELETED;
use serde_json::Value;

use super::failure::{Failure, Reply};
use super::wire::Fields;

/// Most results that may be asked for at once.
const MAX_RESULTS: u32 = 50_000;
/// How many there are where nothing is said.
const DEFAULT_RESULTS: u32 = 1_000;

/// The condition for what is shown: what was not deleted, what was, or both.
///
/// The tracker leaves out what was deleted where a search does not speak of it.
fn view(fields: Fields<'_>, name: &str) -> Reply<Option<Filter>> {
    let deleted = Filter::Exists(Field::Tag(DELETED.to_owned()));
    let Some(value) = fields.get(name) else { return Ok(None) };
    match (value.as_str(), value.as_u64()) {
        (Some("ACTIVE_ONLY"), _) | (_, Some(1)) => Ok(None),
        (Some("DELETED_ONLY"), _) | (_, Some(2)) => Ok(Some(deleted)),
        (Some("ALL"), _) | (_, Some(3)) => Ok(Some(Filter::Or(vec![deleted.clone(), Filter::Not(Box::new(deleted))]))),
        _ => Err(unknown_view(name, value)),
    }
}

fn unknown_view(name: &str, value: &Value) -> Failure {
    Failure::invalid(format!(
        "Invalid value {value} for parameter '{name}' supplied: it must be ACTIVE_ONLY, DELETED_ONLY or ALL"
    ))
}
