//! Parameters: what a run was given, as people and programs wrote it.
//!
//! A value keeps what it was: an integer all of its 64 bits, a float its bits, a map its shape. Equality is equality of
//! what was written, so that "a parameter never changes once set" can be decided: `NaN` equals `NaN`, `0.0` differs from
//! `-0.0`, and `3` differs from `3.0`.

mod json;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{Hash, Hasher};

use crate::{Error, Result, Validate, check_name, number};

/// Parameters by name. A name is 1–250 characters without control characters.
pub type Parameters = BTreeMap<String, ParameterValue>;

/// Most characters in the name of a parameter or in a key of a nested map.
const MAX_KEY: usize = 250;

/// Most bytes in one string, in UTF-8.
const MAX_STRING_BYTES: usize = 64 * 1024;

/// Most lists and maps inside one another. Below the 128 levels at which `serde_json` gives up, so that a value that was
/// accepted can also be read inside the documents that carry it.
const MAX_DEPTH: usize = 64;

/// One value of a parameter.
///
/// In JSON it is the plain value: `3`, `0.5`, `"adamw"`, `true`, `[1, 2]`, `{"layers": 12}`. A number without fraction
/// and exponent is an integer. Two things JSON cannot say are written as maps with a key that begins with `$`:
///
/// - a float that is not finite: `{"$float": "NaN"}`, `"Infinity"`, `"-Infinity"`, and for a NaN with other bits than
///   [`f64::NAN`] the bits, as `{"$float": "0x7ff8000000000001"}`;
/// - a key of a nested map that begins with `$` gets one more `$` in front. Names of parameters themselves do not.
///
/// Reading refuses null, an integer outside 64 bits with sign, and more than 64 lists and maps inside one another.
/// Integers of more digits than an unsigned 64-bit number holds reach this type as floats, because the JSON parser makes
/// floats of them; who has such numbers writes them as strings.
#[derive(Clone, Debug)]
pub enum ParameterValue {
    /// A whole number.
    Integer(i64),
    /// Any float, also one that is not finite.
    Float(f64),
    /// Text of at most 64 KiB.
    String(String),
    /// True or false.
    Boolean(bool),
    /// Values in order.
    List(Vec<ParameterValue>),
    /// Values by key; keys follow the rules for names of parameters.
    Map(BTreeMap<String, ParameterValue>),
}

impl ParameterValue {
    /// What the value is: `integer`, `float`, `string`, `boolean`, `list` or `map`.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Integer(_) => "integer",
            Self::Float(_) => "float",
            Self::String(_) => "string",
            Self::Boolean(_) => "boolean",
            Self::List(_) => "list",
            Self::Map(_) => "map",
        }
    }

    /// The values at the leaves of nested maps, each by its dotted path: `{"model": {"layers": 12}}` has one, at
    /// `model.layers`.
    ///
    /// Lists and empty maps are leaves. Where a key that contains a dot gives the path of a nested value, the key wins,
    /// because it was written as it is looked for.
    #[must_use]
    pub fn flatten(parameters: &Parameters) -> BTreeMap<String, &Self> {
        fn descend<'a>(prefix: &str, map: &'a Parameters, leaves: &mut BTreeMap<String, &'a ParameterValue>) {
            for (key, value) in map {
                let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                match value {
                    ParameterValue::Map(inner) if !inner.is_empty() => descend(&path, inner, leaves),
                    leaf => _ = leaves.entry(path).or_insert(leaf),
                }
            }
        }
        let mut leaves = BTreeMap::new();
        let is_nested = |value: &Self| matches!(value, Self::Map(inner) if !inner.is_empty());
        leaves.extend(parameters.iter().filter(|(_, v)| !is_nested(v)).map(|(k, v)| (k.clone(), v)));
        descend("", parameters, &mut leaves);
        leaves
    }

    fn check(&self, depth: usize) -> Result<()> {
        match self {
            Self::String(text) if text.len() > MAX_STRING_BYTES => Err(Error::invalid(
                "",
                format!(
                    "has {} bytes; at most {MAX_STRING_BYTES} are allowed, store longer text as an artifact",
                    text.len()
                ),
            )),
            Self::List(_) | Self::Map(_) if depth == 0 => {
                Err(Error::invalid("", format!("holds more than {MAX_DEPTH} lists and maps inside one another")))
            }
            Self::List(items) => items
                .iter()
                .enumerate()
                .try_for_each(|(i, item)| item.check(depth - 1).map_err(|e| e.within(&format!("[{i}]")))),
            Self::Map(map) => check_map(map, depth - 1),
            Self::Integer(_) | Self::Float(_) | Self::String(_) | Self::Boolean(_) => Ok(()),
        }
    }
}

fn check_map(map: &Parameters, depth: usize) -> Result<()> {
    map.iter().try_for_each(|(key, value)| {
        // A key that is refused may be too long or unprintable, so the error shows its beginning only.
        let shown = || key.chars().take(40).collect::<String>().escape_debug().to_string();
        check_name("", key, MAX_KEY)
            .map_err(|e| match e {
                Error::Invalid { problem, .. } => {
                    Error::invalid(shown(), format!("is no name of a parameter: it {problem}"))
                }
                other => other,
            })
            .and_then(|()| value.check(depth).map_err(|e| e.within(key)))
    })
}

impl Validate for ParameterValue {
    fn validate(&self) -> Result<()> {
        self.check(MAX_DEPTH)
    }
}

impl Validate for Parameters {
    fn validate(&self) -> Result<()> {
        check_map(self, MAX_DEPTH)
    }
}

impl PartialEq for ParameterValue {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Integer(a), Self::Integer(b)) => a == b,
            (Self::Float(a), Self::Float(b)) => a.to_bits() == b.to_bits(),
            (Self::String(a), Self::String(b)) => a == b,
            (Self::Boolean(a), Self::Boolean(b)) => a == b,
            (Self::List(a), Self::List(b)) => a == b,
            (Self::Map(a), Self::Map(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for ParameterValue {}

impl Hash for ParameterValue {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::mem::discriminant(self).hash(state);
        match self {
            Self::Integer(v) => v.hash(state),
            Self::Float(v) => v.to_bits().hash(state),
            Self::String(v) => v.hash(state),
            Self::Boolean(v) => v.hash(state),
            Self::List(v) => v.hash(state),
            Self::Map(v) => v.hash(state),
        }
    }
}

/// For people: a string without quotes, a float with the fewest digits that give it back, lists and maps as JSON.
impl fmt::Display for ParameterValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(v) => v.fmt(f),
            Self::Float(v) => match number::non_finite_text(*v) {
                Some(text) => f.pad(text),
                None => fmt::Debug::fmt(v, f),
            },
            Self::String(v) => f.pad(v),
            Self::Boolean(v) => v.fmt(f),
            Self::List(_) | Self::Map(_) => f.pad(&serde_json::to_string(self).map_err(|_| fmt::Error)?),
        }
    }
}

impl From<i64> for ParameterValue {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<f64> for ParameterValue {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<bool> for ParameterValue {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<&str> for ParameterValue {
    fn from(value: &str) -> Self {
        Self::String(value.to_owned())
    }
}

impl From<String> for ParameterValue {
    fn from(value: String) -> Self {
        Self::String(value)
    }
}

impl<T: Into<ParameterValue>> From<Vec<T>> for ParameterValue {
    fn from(items: Vec<T>) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<ParameterValue>> From<BTreeMap<String, T>> for ParameterValue {
    fn from(map: BTreeMap<String, T>) -> Self {
        Self::Map(map.into_iter().map(|(key, value)| (key, value.into())).collect())
    }
}
