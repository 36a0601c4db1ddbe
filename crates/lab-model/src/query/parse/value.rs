//! Reading values.

use super::reader::is_word;
use super::{Parser, Result};
use crate::{Field, ParameterValue};

impl Parser<'_> {
    pub(super) fn value(&mut self, field: &Field) -> Result<ParameterValue> {
        self.skip_space();
        self.count_node()?;
        match self.rest().chars().next() {
            Some(quote @ ('\'' | '"')) => self.quoted(quote).map(ParameterValue::String),
            Some('[' | '{') => self.json(),
            _ => self.word_or_number(field),
        }
    }

    fn json(&mut self) -> Result<ParameterValue> {
        let mut values = serde_json::Deserializer::from_str(self.rest()).into_iter();
        match values.next() {
            Some(Ok(value)) => {
                self.at += values.byte_offset();
                Ok(value)
            }
            Some(Err(e)) => Err(self.error(self.at, format!("has a list or map that is not JSON: {e}"))),
            None => Err(self.expected("a list or a map is expected")),
        }
    }

    fn word_or_number(&mut self, field: &Field) -> Result<ParameterValue> {
        let start = self.at;
        let mut end = start;
        let mut before = None;
        for c in self.rest().chars() {
            let is_sign = matches!(c, '+' | '-') && matches!(before, None | Some('e' | 'E'));
            if !(is_word(c) || c == '.' || is_sign) {
                break;
            }
            before = Some(c);
            end += c.len_utf8();
        }
        let token = &self.text[start..end];
        let value = match token.to_ascii_lowercase().as_str() {
            "true" => true.into(),
            "false" => false.into(),
            "nan" => f64::NAN.into(),
            "inf" | "+inf" | "infinity" | "+infinity" => f64::INFINITY.into(),
            "-inf" | "-infinity" => f64::NEG_INFINITY.into(),
            status if *field == Field::Status && status.starts_with(|c: char| c.is_ascii_alphabetic()) => status.into(),
            _ => number(token).map_err(|problem| match problem {
                Some(problem) => self.error(start, problem),
                None if token.is_empty() => self.expected("a value is expected: 'text', a number, true or false"),
                None => self.expected("a value is expected; text is written in quotes"),
            })?,
        };
        self.at = end;
        Ok(value)
    }
}

/// The number that is written so, or what is wrong with it; no problem to name where it is not meant as a number.
fn number(token: &str) -> Result<ParameterValue, Option<String>> {
    let digits = token.strip_prefix(['+', '-']).unwrap_or(token);
    let is_float = |b: u8| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-');
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') || !token.bytes().all(is_float) {
        return Err(None);
    }
    if digits.bytes().all(|b| b.is_ascii_digit()) {
        let too_large =
            || Some(format!("has `{token}`, which does not fit 64 bits; write it with a dot to compare with a float"));
        return token.parse::<i64>().map(Into::into).map_err(|_| too_large());
    }
    match token.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value.into()),
        Ok(_) => Err(Some(format!("has `{token}`, which is too large for a float; write inf for infinity"))),
        Err(_) => Err(Some(format!("has `{token}`, which is not a number"))),
    }
}
