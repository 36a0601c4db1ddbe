//! How a [`ParameterValue`] is written and read.
//!
//! Invariant: every value, also one that breaks the limits on length, is read back as it was, bit by bit, and no map of
//! a user is ever read as something else.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Serialize, Serializer};

use super::{MAX_DEPTH, ParameterValue};
use crate::number;

/// The key that marks a map as a float that JSON cannot write.
const FLOAT: &str = "$float";

impl Serialize for ParameterValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Integer(v) => serializer.serialize_i64(*v),
            Self::Float(v) if v.is_finite() => serializer.serialize_f64(*v),
            Self::Float(v) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry(FLOAT, &non_finite_text(*v))?;
                map.end()
            }
            Self::String(v) => serializer.serialize_str(v),
            Self::Boolean(v) => serializer.serialize_bool(*v),
            Self::List(items) => serializer.collect_seq(items),
            Self::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    if key.starts_with('$') {
                        map.serialize_entry(&format!("${key}"), value)?;
                    } else {
                        map.serialize_entry(key, value)?;
                    }
                }
                map.end()
            }
        }
    }
}

fn non_finite_text(value: f64) -> String {
    match number::non_finite_text(value) {
        Some(text) if !value.is_nan() || value.to_bits() == f64::NAN.to_bits() => text.to_owned(),
        _ => format!("{:#018x}", value.to_bits()),
    }
}

fn parse_non_finite(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ => {
            let digits = text.strip_prefix("0x").filter(|d| d.len() == 16 && !d.starts_with('+'))?;
            let value = f64::from_bits(u64::from_str_radix(digits, 16).ok()?);
            value.is_nan().then_some(value)
        }
    }
}

impl<'de> Deserialize<'de> for ParameterValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Nested { depth: MAX_DEPTH }.deserialize(deserializer)
    }
}

/// Reads a value in which `depth` more lists and maps may stand inside one another.
#[derive(Clone, Copy)]
struct Nested {
    depth: usize,
}

impl Nested {
    fn inner<E: de::Error>(self) -> Result<Self, E> {
        let too_deep =
            || E::custom(format_args!("a parameter holds more than {MAX_DEPTH} lists and maps inside one another"));
        self.depth.checked_sub(1).map(|depth| Self { depth }).ok_or_else(too_deep)
    }
}

impl<'de> DeserializeSeed<'de> for Nested {
    type Value = ParameterValue;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> de::Visitor<'de> for Nested {
    type Value = ParameterValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an integer, a float, a string, a boolean, a list or a map")
    }

    fn visit_bool<E>(self, v: bool) -> Result<Self::Value, E> {
        Ok(v.into())
    }

    fn visit_i64<E>(self, v: i64) -> Result<Self::Value, E> {
        Ok(v.into())
    }

    fn visit_u64<E: de::Error>(self, v: u64) -> Result<Self::Value, E> {
        i64::try_from(v).map(Into::into).map_err(|_| {
            E::custom(format_args!(
                "{v} does not fit an integer of 64 bits (at most {}); write it as a string",
                i64::MAX
            ))
        })
    }

    fn visit_f64<E>(self, v: f64) -> Result<Self::Value, E> {
        Ok(v.into())
    }

    fn visit_str<E>(self, v: &str) -> Result<Self::Value, E> {
        Ok(v.into())
    }

    fn visit_string<E>(self, v: String) -> Result<Self::Value, E> {
        Ok(v.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let inner = self.inner()?;
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(inner)? {
            items.push(item);
        }
        Ok(ParameterValue::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        // Made on first need: a float written as a map may stand where no further map may.
        let mut inner = None;
        let mut entries = BTreeMap::new();
        while let Some(mut key) = map.next_key::<String>()? {
            if key == FLOAT && entries.is_empty() {
                return read_float(&mut map);
            }
            if key.starts_with('$') {
                key.remove(0);
                if !key.starts_with('$') {
                    return Err(de::Error::custom(format_args!(
                        "key `${key}`: a key that begins with `$` is written with one more `$` in front"
                    )));
                }
            }
            let seed = match inner {
                Some(seed) => seed,
                None => *inner.insert(self.inner()?),
            };
            let value = map.next_value_seed(seed)?;
            if entries.contains_key(&key) {
                return Err(de::Error::custom(format_args!("key `{key}` is given twice")));
            }
            entries.insert(key, value);
        }
        if entries.is_empty() {
            self.inner::<A::Error>()?;
        }
        Ok(ParameterValue::Map(entries))
    }
}

fn read_float<'de, A: MapAccess<'de>>(map: &mut A) -> Result<ParameterValue, A::Error> {
    let text: String = map.next_value()?;
    let value = parse_non_finite(&text).ok_or_else(|| {
        de::Error::custom(
            "`$float` is none of \"NaN\", \"Infinity\", \"-Infinity\" and the 16 hexadecimal digits of a NaN after 0x",
        )
    })?;
    match map.next_key::<String>()? {
        None => Ok(ParameterValue::Float(value)),
        Some(_) => Err(de::Error::custom("a map with `$float` holds other keys too")),
    }
}
