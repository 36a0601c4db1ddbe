//! Writing fields, filters and sort keys as the query language reads them, in JSON too.
//!
//! Invariant: what is written reads back as the same tree, except that a group of one is written as what is in it. A
//! tree beyond the limits of [`Filter::parse`] is written all the same and then refused by it.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::parse::is_bare;
use super::{Field, Filter, Sort, SortOrder, Statistic};
use crate::ParameterValue;

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id => f.write_str("id"),
            Self::Name => f.write_str("name"),
            Self::Status => f.write_str("status"),
            Self::ExperimentId => f.write_str("experiment_id"),
            Self::Number => f.write_str("number"),
            Self::Owner => f.write_str("owner"),
            Self::ParentRunId => f.write_str("parent_run_id"),
            Self::CreatedAt => f.write_str("created_at"),
            Self::UpdatedAt => f.write_str("updated_at"),
            Self::StartedAt => f.write_str("started_at"),
            Self::EndedAt => f.write_str("ended_at"),
            Self::DurationSecs => f.write_str("duration_secs"),
            Self::Parameter(path) => write!(f, "params.{}", Name(path)),
            Self::Tag(key) => write!(f, "tags.{}", Name(key)),
            Self::Metric(name, Statistic::Last) => write!(f, "metrics.{}", Name(name)),
            Self::Metric(name, statistic) => write!(f, "{}(metrics.{})", statistic.as_str(), Name(name)),
        }
    }
}

/// Bare where it can be, in backticks where it must.
struct Name<'a>(&'a str);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.is_empty() && self.0.chars().all(is_bare) { f.write_str(self.0) } else { quote(f, self.0, '`') }
    }
}

fn quote(f: &mut fmt::Formatter<'_>, text: &str, quote: char) -> fmt::Result {
    f.write_char(quote)?;
    for c in text.chars() {
        if c == quote {
            f.write_char(quote)?;
        }
        f.write_char(c)?;
    }
    f.write_char(quote)
}

/// A value as the query language reads it.
pub(super) struct Literal<'a>(pub(super) &'a ParameterValue);

impl fmt::Display for Literal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ParameterValue::Integer(v) => v.fmt(f),
            ParameterValue::Float(v) if v.is_finite() => write!(f, "{v:?}"),
            ParameterValue::Float(v) if v.to_bits() == f64::NAN.to_bits() => f.write_str("nan"),
            ParameterValue::Float(v) if v.is_infinite() => v.fmt(f),
            ParameterValue::String(v) => quote(f, v, '\''),
            ParameterValue::Boolean(v) => v.fmt(f),
            // Lists, maps, and a NaN with other bits, for which JSON has a map.
            other => f.write_str(&serde_json::to_string(other).map_err(|_| fmt::Error)?),
        }
    }
}

/// What a condition stands in, and so which groups need parentheses.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Nothing,
    Or,
    AndOrNot,
}

impl fmt::Display for Filter {
    /// Writes text that [`Filter::parse`] reads as the same tree. A group of one is written as what is in it, an empty
    /// `And` as `true` and an empty `Or` as `false`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_inside(f, self, Inside::Nothing)
    }
}

fn write_inside(f: &mut fmt::Formatter<'_>, filter: &Filter, inside: Inside) -> fmt::Result {
    match filter {
        Filter::And(all) => match all.as_slice() {
            [] => f.write_str("true"),
            [only] => write_inside(f, only, inside),
            all => write_group(f, all, " and ", Inside::AndOrNot, inside == Inside::AndOrNot),
        },
        Filter::Or(any) => match any.as_slice() {
            [] => f.write_str("false"),
            [only] => write_inside(f, only, inside),
            any => write_group(f, any, " or ", Inside::Or, inside != Inside::Nothing),
        },
        Filter::Not(inner) => match inner.as_ref() {
            Filter::Exists(field) => write!(f, "{field} is null"),
            inner => {
                f.write_str("not ")?;
                write_inside(f, inner, Inside::AndOrNot)
            }
        },
        Filter::Compare(field, operator, value) => write!(f, "{field} {} {}", operator.as_str(), Literal(value)),
        Filter::In(field, values) => {
            write!(f, "{field} in (")?;
            for (i, value) in values.iter().enumerate() {
                write!(f, "{}{}", if i == 0 { "" } else { ", " }, Literal(value))?;
            }
            f.write_char(')')
        }
        Filter::Exists(field) => write!(f, "{field} is not null"),
    }
}

fn write_group(
    f: &mut fmt::Formatter<'_>,
    members: &[Filter],
    between: &str,
    inside: Inside,
    needs_parentheses: bool,
) -> fmt::Result {
    if needs_parentheses {
        f.write_char('(')?;
    }
    for (i, member) in members.iter().enumerate() {
        f.write_str(if i == 0 { "" } else { between })?;
        write_inside(f, member, inside)?;
    }
    if needs_parentheses { f.write_char(')') } else { Ok(()) }
}

impl fmt::Display for Sort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order = match self.order {
            SortOrder::Ascending => "asc",
            SortOrder::Descending => "desc",
        };
        write!(f, "{} {order}", self.field)
    }
}

macro_rules! as_text {
    ($($name:ident),+) => { $(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::from_str(&String::deserialize(deserializer)?).map_err(de::Error::custom)
            }
        }
    )+ };
}

as_text!(Field, Filter, Sort);
