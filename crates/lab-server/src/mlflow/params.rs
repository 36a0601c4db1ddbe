//! Parameters, which MLflow keeps as text.
//!
//! A text that is what Python writes for a number or a truth value is kept as that, so that `params.lr < 0.1` and
//! comparisons see a number; writing it again gives the same text. All other text stays text.

use lab_model::ParameterValue;

/// The value that a text stands for.
pub(super) fn typed(text: &str) -> ParameterValue {
    match text {
        "True" => return ParameterValue::Boolean(true),
        "False" => return ParameterValue::Boolean(false),
        _ => {}
    }
    let looks_numeric = text.starts_with(|c: char| c.is_ascii_digit() || c == '-');
    if looks_numeric {
        if let Ok(integer) = text.parse::<i64>()
            && integer.to_string() == text
        {
            return ParameterValue::Integer(integer);
        }
        if let Ok(float) = text.parse::<f64>()
            && float.is_finite()
            && float_text(float) == text
        {
            return ParameterValue::Float(float);
        }
    }
    ParameterValue::String(text.to_owned())
}

/// The text of a value.
pub(super) fn text_of(value: &ParameterValue) -> String {
    match value {
        ParameterValue::Boolean(true) => "True".to_owned(),
        ParameterValue::Boolean(false) => "False".to_owned(),
        ParameterValue::Float(float) => float_text(*float),
        other => other.to_string(),
    }
}

/// A float as Python writes it: the fewest digits that read back, with an exponent below 10⁻⁴ and from 10¹⁶ on.
fn float_text(float: f64) -> String {
    if float.is_nan() {
        return "nan".to_owned();
    }
    if float.is_infinite() {
        return if float > 0.0 { "inf".to_owned() } else { "-inf".to_owned() };
    }
    let scientific = format!("{float:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if float == 0.0 || (-4..16).contains(&exponent) {
        let plain = float.to_string();
        return if plain.contains('.') { plain } else { plain + ".0" };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_written_as_python_writes_them() {
        for (float, text) in [
            (0.1, "0.1"),
            (1.0, "1.0"),
            (-0.0, "-0.0"),
            (1e-4, "0.0001"),
            (1.5e-5, "1.5e-05"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (123456789.125, "123456789.125"),
            (5e-324, "5e-324"),
            (1e100, "1e+100"),
            (f64::NAN, "nan"),
        ] {
            assert_eq!(float_text(float), text);
        }
    }

    #[test]
    fn every_text_reads_back() {
        for text in ["3", "03", "-0", "1e-05", "1e-5", "0.10", "True", "true", "nan", "inf", "", "adamw", "1_000", "-5"]
        {
            assert_eq!(text_of(&typed(text)), text);
        }
        assert_eq!(typed("3"), ParameterValue::Integer(3));
        assert_eq!(typed("1e-05"), ParameterValue::Float(1e-5));
        assert_eq!(typed("0.10"), ParameterValue::String("0.10".to_owned()));
        assert_eq!(typed("nan"), ParameterValue::String("nan".to_owned()));
    }
}
