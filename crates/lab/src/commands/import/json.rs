//! JSON as Python writes it: with `NaN`, `Infinity` and `-Infinity` standing bare.

use std::borrow::Cow;

/// Stands before a float that is not finite, in a text that nobody else writes.
const MARK: &str = "\u{1}lab-float:";

/// Reads JSON; floats that are not finite become texts that [`marked_float`] knows.
pub(super) fn parse(text: &str) -> serde_json::Result<serde_json::Value> {
    serde_json::from_str(&quoted(text))
}

/// The float that a text stands for.
pub(super) fn marked_float(text: &str) -> Option<f64> {
    text.strip_prefix(MARK)?.parse().ok()
}

/// The number that a value is, also one that is not finite.
pub(super) fn number(value: &serde_json::Value) -> Option<f64> {
    match value {
        serde_json::Value::Number(number) => number.as_f64(),
        serde_json::Value::Bool(it) => Some(f64::from(*it)),
        serde_json::Value::String(text) => marked_float(text).or(match text.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            _ => None,
        }),
        _ => None,
    }
}

/// A value with its marks as people read them, for what is kept as JSON.
pub(super) fn unmarked(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::String(text) => {
            if let Some(rest) = text.strip_prefix(MARK) {
                *text = rest.to_owned();
            }
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(unmarked),
        serde_json::Value::Object(map) => map.values_mut().for_each(unmarked),
        _ => {}
    }
}

fn quoted(text: &str) -> Cow<'_, str> {
    if !text.contains("NaN") && !text.contains("Infinity") {
        return Cow::Borrowed(text);
    }
    let mut quoted = String::with_capacity(text.len() + 32);
    let (mut rest, mut in_string) = (text, false);
    while let Some(c) = rest.chars().next() {
        let bare = ["NaN", "Infinity", "-Infinity"].into_iter().find(|word| !in_string && rest.starts_with(word));
        if let Some(word) = bare {
            quoted.push_str(&format!("\"\\u0001{}{word}\"", &MARK[1..]));
            rest = &rest[word.len()..];
            continue;
        }
        let length = match c {
            // What follows a backslash ends no text.
            '\\' if in_string => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
            _ => c.len_utf8(),
        };
        in_string ^= c == '"';
        quoted.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    Cow::Owned(quoted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_floats_are_read_and_texts_stay() {
        let value = parse(r#"{"a": NaN, "b": [-Infinity, Infinity, 1.5], "c": "a \" NaN", "NaN": 1}"#).unwrap();
        assert!(number(&value["a"]).unwrap().is_nan());
        assert_eq!(number(&value["b"][0]), Some(f64::NEG_INFINITY));
        assert_eq!(number(&value["b"][1]), Some(f64::INFINITY));
        assert_eq!(value["c"], "a \" NaN");
        assert_eq!(value["NaN"], 1);
        let mut value = value;
        unmarked(&mut value);
        assert_eq!(value["a"], "NaN");
        assert!(parse("{NaN").is_err());
    }
}
