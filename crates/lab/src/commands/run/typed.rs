//! Values of parameters as people type them.

use lab_model::ParameterValue;

/// The value that a text means. A number is one only if it is written as a number is printed, so that `1.10` and `007`
/// stay the texts that they are.
pub(crate) fn typed(text: &str) -> ParameterValue {
    match text {
        "true" | "True" => return ParameterValue::Boolean(true),
        "false" | "False" => return ParameterValue::Boolean(false),
        "nan" | "NaN" => return ParameterValue::Float(f64::NAN),
        "inf" | "Infinity" => return ParameterValue::Float(f64::INFINITY),
        "-inf" | "-Infinity" => return ParameterValue::Float(f64::NEG_INFINITY),
        _ => {}
    }
    if let Ok(integer) = text.parse::<i64>()
        && integer.to_string() == text
    {
        return ParameterValue::Integer(integer);
    }
    if looks_like_a_float(text)
        && let Ok(float) = text.parse::<f64>()
        && float.is_finite()
    {
        return ParameterValue::Float(float);
    }
    if text.starts_with(['[', '{'])
        && let Ok(value) = serde_json::from_str(text)
    {
        return value;
    }
    ParameterValue::String(text.to_owned())
}

/// Digits, a point or an exponent, and no zeros that a number would not be printed with.
fn looks_like_a_float(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (digits, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let whole_ok = are_digits(whole) && (whole == "0" || !whole.starts_with('0'));
    let fraction_ok = fraction.is_none_or(|f| are_digits(f) && (f == "0" || !f.ends_with('0')));
    let exponent_ok = exponent.is_none_or(|e| are_digits(e.strip_prefix(['-', '+']).unwrap_or(e)));
    whole_ok && fraction_ok && exponent_ok && (fraction.is_some() || exponent.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ParameterValue::{Boolean, Float, Integer, String};

    #[test]
    fn values_keep_what_they_look_like() {
        for (text, value) in [
            ("3", Integer(3)),
            ("-1", Integer(-1)),
            ("0.5", Float(0.5)),
            ("3e-4", Float(3e-4)),
            ("1e-05", Float(1e-5)),
            ("1.0", Float(1.0)),
            ("True", Boolean(true)),
            ("nan", Float(f64::NAN)),
        ] {
            assert_eq!(typed(text), value, "{text}");
        }
        for text in ["1.10", "007", "1_000", "adamw", "", "1.", ".5", "+1", "1e", "0x10", "[1,", "None", "1e999"] {
            assert_eq!(typed(text), String(text.to_owned()), "{text}");
        }
        assert_eq!(typed("[1, 2]"), ParameterValue::List(vec![Integer(1), Integer(2)]));
    }
}
