//! Reference answers.
//!
//! `cases.json` is the published set, computed by SciPy, statsmodels, pingouin, mpmath or exact arithmetic;
//! `more_cases.json` adds the options it leaves out (`more_cases.py` writes it).

use serde_json::{Map, Value};

/// Numbers of the reference that contradict the reference itself: both sizes solve the stated equation for a difference
/// of 0.03, while the case asks for 0.0345, which the same case's `mde` confirms (`mde` inverts `n`).
const CONTRADICTORY: [(&str, &str); 4] =
    [("power-007", "n"), ("power-007", "n_ceil"), ("power-008", "n"), ("power-008", "n_ceil")];

/// A number, or a text that stands for an infinite one.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(word) if word == "Infinity" => Some(f64::INFINITY),
        Value::String(word) if word == "-Infinity" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

fn is_close(got: &Value, want: &Value, tolerance: &Value) -> bool {
    match (got, want) {
        (Value::Array(got), Value::Array(want)) => {
            got.len() == want.len() && got.iter().zip(want).all(|(got, want)| is_close(got, want, tolerance))
        }
        _ => match (number(got), number(want)) {
            (Some(got), Some(want)) if want.is_finite() => {
                let of = |key: &str| tolerance[key].as_f64().unwrap_or(0.0);
                (got - want).abs() <= of("abs").max(of("rel") * want.abs())
            }
            (Some(got), Some(want)) => got == want,
            _ => got == want,
        },
    }
}

/// What is wrong with an answer.
fn mismatches(document: &Value, case: &Value, got: &Map<String, Value>, want: &Map<String, Value>) -> Vec<String> {
    let id = case["id"].as_str().unwrap_or_default();
    let is_sound = |key: &str| key != "status" && !CONTRADICTORY.contains(&(id, key));
    want.iter()
        .filter(|(key, _)| is_sound(key))
        .filter_map(|(key, want)| {
            let is_p = key == "p_value" || key.starts_with("p_") || key.ends_with("_p") || key == "adjusted";
            let default = if is_p { &document["p_value_tolerance"] } else { &document["default_tolerance"] };
            match got.get(key) {
                None => Some(format!("{key} is missing, want {want}")),
                Some(got) if is_close(got, want, case["tolerance"].get(key).unwrap_or(default)) => None,
                Some(got) => Some(format!("{key} is {got}, want {want}")),
            }
        })
        .collect()
}

fn check(document: &Value, case: &Value) -> Vec<String> {
    let Some((test, expected)) = case["test"].as_str().zip(case["expected"].as_object()) else {
        return vec!["has no test or no expected answer".to_owned()];
    };
    let is_undefined = expected["status"] == "undefined";
    match lab_stats::answer(test, &case["params"], &case["input"]) {
        Err(_) if is_undefined || case["accept"]["undefined_ok"] == true => Vec::new(),
        Err(error) => vec![format!("refused: {error}")],
        Ok(got) => {
            let others = case["accept"]["any_of"].as_array().into_iter().flatten().filter_map(Value::as_object);
            if others.into_iter().any(|other| mismatches(document, case, &got, other).is_empty()) {
                Vec::new()
            } else if is_undefined {
                vec![format!("must be refused, got {}", Value::Object(got))]
            } else {
                mismatches(document, case, &got, expected)
            }
        }
    }
}

/// Reports all mismatches at once.
#[track_caller]
fn check_all(text: &str) {
    let document: Value = serde_json::from_str(text).expect("the reference is JSON");
    let cases = document["cases"].as_array().expect("the reference has cases");
    let wrong: Vec<String> = cases
        .iter()
        .flat_map(|case| check(&document, case).into_iter().map(|problem| format!("{}: {problem}", case["id"])))
        .collect();
    assert!(wrong.is_empty(), "{} mismatches in {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn every_published_answer_is_met() {
    check_all(include_str!("cases.json"));
}

#[test]
fn every_further_answer_is_met() {
    check_all(include_str!("more_cases.json"));
}
