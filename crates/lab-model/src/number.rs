//! Floats in JSON.
//!
//! JSON has no NaN and no infinity, and a training run has both. Where a field is always a float they travel as the
//! strings `"NaN"`, `"Infinity"` and `"-Infinity"`, which is also what MLflow's clients read and write.
//!
//! Use as `#[serde(with = "lab_model::number")]`, or [`option`] for an optional field.

use serde::{Deserializer, Serialize, Serializer, de};

/// The text of a float that JSON cannot write.
#[must_use]
pub fn non_finite_text(value: f64) -> Option<&'static str> {
    match value {
        v if v.is_nan() => Some("NaN"),
        v if v == f64::INFINITY => Some("Infinity"),
        v if v == f64::NEG_INFINITY => Some("-Infinity"),
        _ => None,
    }
}

/// Writes a float, the non-finite ones as text.
pub fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    match non_finite_text(*value) {
        Some(text) => serializer.serialize_str(text),
        None => serializer.serialize_f64(*value),
    }
}

/// Reads a float from a number or from one of the three texts.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    struct Visitor;
    impl de::Visitor<'_> for Visitor {
        type Value = f64;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a number, \"NaN\", \"Infinity\" or \"-Infinity\"")
        }
        fn visit_f64<E>(self, v: f64) -> Result<f64, E> {
            Ok(v)
        }
        fn visit_i64<E>(self, v: i64) -> Result<f64, E> {
            Ok(v as f64)
        }
        fn visit_u64<E>(self, v: u64) -> Result<f64, E> {
            Ok(v as f64)
        }
        fn visit_str<E: de::Error>(self, v: &str) -> Result<f64, E> {
            match v {
                "NaN" => Ok(f64::NAN),
                "Infinity" => Ok(f64::INFINITY),
                "-Infinity" => Ok(f64::NEG_INFINITY),
                other => Err(E::invalid_value(de::Unexpected::Str(other), &self)),
            }
        }
    }
    deserializer.deserialize_any(Visitor)
}

/// A float that is written by these rules wherever it stands, as in a list.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct JsonFloat(pub f64);

impl Serialize for JsonFloat {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize(&self.0, serializer)
    }
}

impl<'de> de::Deserialize<'de> for JsonFloat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize(deserializer).map(Self)
    }
}

/// The same for `Option<f64>`.
pub mod option {
    use super::{Deserializer, JsonFloat, Serialize as _, Serializer};
    use serde::Deserialize as _;

    /// Writes a float or null.
    pub fn serialize<S: Serializer>(value: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
        value.map(JsonFloat).serialize(serializer)
    }

    /// Reads a float or null.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
        Ok(Option::<JsonFloat>::deserialize(deserializer)?.map(|f| f.0))
    }
}

/// The same for `Vec<f64>`.
pub mod list {
    use super::{Deserializer, JsonFloat, Serializer};
    use serde::Deserialize as _;

    /// Writes a list of floats.
    pub fn serialize<S: Serializer>(values: &[f64], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(values.iter().map(|v| JsonFloat(*v)))
    }

    /// Reads a list of floats.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
        Ok(Vec::<JsonFloat>::deserialize(deserializer)?.into_iter().map(|f| f.0).collect())
    }
}
