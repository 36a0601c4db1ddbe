//! One value of each published type in JSON. A difference here is a change that other people's programs see.

mod config;
mod entities;
mod measurements;
mod records;

use lab_model::{Metadata, ParameterValue, Parameters, Timestamp};
use serde::Serialize;
use serde_json::json;

pub(crate) use config::full_config;

const UUID: &str = "0192f0c1-2a3b-7c4d-8e5f-60718293a4b5";
const HASH: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

fn time() -> Timestamp {
    "2025-01-02T03:04:05.678901Z".parse().unwrap()
}

fn metadata() -> Metadata {
    [("note".to_owned(), json!({"rows": 3, "of": null}))].into_iter().collect()
}

fn parameters<const N: usize>(pairs: [(&str, ParameterValue); N]) -> Parameters {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// Each item's JSON on a line of its own.
fn lines<T: Serialize>(items: &[T]) -> String {
    items.iter().map(|item| serde_json::to_string(item).unwrap()).collect::<Vec<_>>().join("\n")
}
