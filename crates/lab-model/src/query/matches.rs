//! What a filter means: the reference that every store's SQL is tested against.

use std::cmp::Ordering;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use uuid::Uuid;

use super::{Field, Filter, Operator};
use crate::{ParameterValue, Timestamp};

impl Filter {
    /// Whether the condition holds for what `lookup` describes; it gives the value of a field, or nothing where the
    /// field is absent.
    ///
    /// It gives times as RFC 3339 text, ids as text with hyphens, and an owner as a list of id and login name.
    pub fn matches(&self, lookup: &dyn Fn(&Field) -> Option<ParameterValue>) -> bool {
        match self {
            Self::And(all) => all.iter().all(|filter| filter.matches(lookup)),
            Self::Or(any) => any.iter().any(|filter| filter.matches(lookup)),
            Self::Not(inner) => !inner.matches(lookup),
            Self::Compare(field, operator, wanted) => {
                lookup(field).is_some_and(|actual| holds(field, &actual, *operator, wanted))
            }
            Self::In(field, values) => lookup(field)
                .is_some_and(|actual| values.iter().any(|wanted| holds(field, &actual, Operator::Equal, wanted))),
            Self::Exists(field) => lookup(field).is_some(),
        }
    }

    /// The moment that a value compared with a time stands for, cut to microseconds; nothing if it is no time.
    ///
    /// Text in RFC 3339, or a date with or without a time of day, which is then in UTC: `2025-01-31` is the midnight
    /// that begins that day.
    #[must_use]
    pub fn moment(value: &ParameterValue) -> Option<Timestamp> {
        let ParameterValue::String(text) = value else { return None };
        let in_utc = || {
            // A zone's name without an offset would be read over.
            let civil: DateTime = text.parse().ok().filter(|_| !text.contains('['))?;
            civil.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
        };
        let moment = text.parse().ok().or_else(in_utc)?;
        Timestamp::from_microsecond(moment.as_microsecond()).ok()
    }
}

impl Field {
    /// Whether the field is a moment, compared as [`Filter::moment`] says.
    #[must_use]
    pub fn is_time(&self) -> bool {
        matches!(self, Self::CreatedAt | Self::UpdatedAt | Self::StartedAt | Self::EndedAt)
    }

    /// The UUID that `value` is, as ids are written, if the field is an id or an owner.
    fn id_value(&self, value: &ParameterValue) -> Option<ParameterValue> {
        match (self, value) {
            (Self::Id | Self::ExperimentId | Self::ParentRunId | Self::Owner, ParameterValue::String(text)) => {
                Uuid::try_parse(text).ok().map(|id| id.to_string().into())
            }
            _ => None,
        }
    }
}

fn holds(field: &Field, actual: &ParameterValue, operator: Operator, wanted: &ParameterValue) -> bool {
    let is_pattern = matches!(operator, Operator::Like | Operator::ILike);
    let id = if is_pattern { None } else { field.id_value(wanted) };
    let actual = match (field, actual) {
        (Field::Owner, ParameterValue::List(both)) => match both.as_slice() {
            [owner, _] if id.is_some() => owner,
            [_, name] => name,
            _ => actual,
        },
        _ => actual,
    };
    let wanted = id.as_ref().unwrap_or(wanted);
    let order = if field.is_time() {
        Filter::moment(actual).zip(Filter::moment(wanted)).map(|(a, b)| a.cmp(&b))
    } else {
        compare(actual, wanted)
    };
    let is_ordered = field.is_time() || has_order(actual);
    match operator {
        Operator::Equal => order == Some(Ordering::Equal),
        Operator::NotEqual => order != Some(Ordering::Equal),
        Operator::Less => is_ordered && order == Some(Ordering::Less),
        Operator::LessOrEqual => is_ordered && order.is_some_and(Ordering::is_le),
        Operator::Greater => is_ordered && order == Some(Ordering::Greater),
        Operator::GreaterOrEqual => is_ordered && order.is_some_and(Ordering::is_ge),
        Operator::Like => is_like(actual, wanted, |a, b| a == b),
        Operator::ILike => is_like(actual, wanted, |a, b| a.eq_ignore_ascii_case(&b)),
    }
}

/// Whether `<` means anything for values of this type.
pub(super) fn has_order(value: &ParameterValue) -> bool {
    matches!(value, ParameterValue::Integer(_) | ParameterValue::Float(_) | ParameterValue::String(_))
}

/// Nothing for values of different types and for NaN; for types without an order, whether they are the same.
fn compare(a: &ParameterValue, b: &ParameterValue) -> Option<Ordering> {
    use ParameterValue::{Boolean, Float, Integer, List, Map, String};
    match (a, b) {
        (Integer(a), Integer(b)) => Some(a.cmp(b)),
        (Float(a), Float(b)) => a.partial_cmp(b),
        (Integer(a), Float(b)) => compare_exactly(*a, *b),
        (Float(a), Integer(b)) => compare_exactly(*b, *a).map(Ordering::reverse),
        (String(a), String(b)) => Some(a.as_bytes().cmp(b.as_bytes())),
        (Boolean(_), Boolean(_)) | (List(_), List(_)) | (Map(_), Map(_)) => (a == b).then_some(Ordering::Equal),
        _ => None,
    }
}

/// Compares without rounding the integer, as SQLite does: 2⁵³ + 1 is more than 2⁵³.
fn compare_exactly(integer: i64, float: f64) -> Option<Ordering> {
    /// 2⁶³, which no `i64` reaches.
    const BEYOND: f64 = 9_223_372_036_854_775_808.0;
    if float.is_nan() {
        None
    } else if float >= BEYOND {
        Some(Ordering::Less)
    } else if float < -BEYOND {
        Some(Ordering::Greater)
    } else {
        let whole = float.trunc();
        Some(integer.cmp(&(whole as i64)).then_with(|| 0.0.partial_cmp(&(float - whole)).unwrap_or(Ordering::Equal)))
    }
}

fn is_like(actual: &ParameterValue, pattern: &ParameterValue, same: impl Fn(char, char) -> bool) -> bool {
    let (ParameterValue::String(text), ParameterValue::String(pattern)) = (actual, pattern) else { return false };
    let text: Vec<char> = text.chars().collect();
    let pattern: Vec<char> = pattern.chars().collect();
    let (mut t, mut p) = (0, 0);
    // The latest `%` and where it was last tried; an earlier one never has to take more than it did.
    let mut retry = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('%') => {
                p += 1;
                retry = Some((p, t));
            }
            Some(c) if *c == '_' || same(*c, text[t]) => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((after, tried)) = retry else { return false };
                p = after;
                t = tried + 1;
                retry = Some((after, t));
            }
        }
    }
    pattern[p..].iter().all(|c| *c == '%')
}
