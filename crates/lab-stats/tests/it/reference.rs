//! Every reference answer, computed by SciPy, statsmodels, pingouin, mpmath or exact arithmetic.

use serde_json::{Map, Value};

const CASES: &str = include_str!("cases.json");

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
                let of = |key: &str| tolerance[key].as_f64().unwrap();
                (got - want).abs() <= of("abs").max(of("rel") * want.abs())
            }
            (Some(got), Some(want)) => got == want,
            _ => got == want,
        },
    }
}

/// What is wrong with an answer.
fn mismatches(document: &Value, case: &Value, got: &Map<String, Value>, want: &Map<String, Value>) -> Vec<String> {
    let mut problems = Vec::new();
    let id = case["id"].as_str().unwrap();
    let is_sound = |key: &str| key != "status" && !CONTRADICTORY.contains(&(id, key));
    for (key, want) in want.iter().filter(|(key, _)| is_sound(key)) {
        let is_p = key.starts_with('p') && key != "power" || key.ends_with("_p") || key == "adjusted";
        let default = if is_p { &document["p_value_tolerance"] } else { &document["default_tolerance"] };
        let tolerance = case["tolerance"].get(key).unwrap_or(default);
        match got.get(key) {
            None => problems.push(format!("{key} is missing, want {want}")),
            Some(got) if !is_close(got, want, tolerance) => problems.push(format!("{key} is {got}, want {want}")),
            Some(_) => {}
        }
    }
    problems
}

fn check(document: &Value, case: &Value) -> Vec<String> {
    let test = case["test"].as_str().unwrap();
    let answer = lab_stats::answer(test, &case["params"], &case["input"]);
    let expected = case["expected"].as_object().unwrap();
    let is_undefined = expected["status"] == "undefined";
    let may_fail = is_undefined || case["accept"]["undefined_ok"] == true;
    match answer {
        Err(_) if may_fail => Vec::new(),
        Err(error) => vec![format!("refused: {error}")],
        Ok(got) => {
            let problems = if is_undefined {
                vec![format!("must be refused, got {}", Value::Object(got.clone()))]
            } else {
                mismatches(document, case, &got, expected)
            };
            let others = case["accept"]["any_of"].as_array().cloned().unwrap_or_default();
            let is_other = others
                .iter()
                .filter_map(Value::as_object)
                .any(|other| mismatches(document, case, &got, other).is_empty());
            if is_other { Vec::new() } else { problems }
        }
    }
}

#[test]
fn every_reference_answer_is_met() {
    let document: Value = serde_json::from_str(CASES).unwrap();
    let cases = document["cases"].as_array().unwrap();
    let wrong: Vec<String> = cases
        .iter()
        .flat_map(|case| {
            let id = case["id"].as_str().unwrap();
            check(&document, case).into_iter().map(move |problem| format!("{id}: {problem}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}
