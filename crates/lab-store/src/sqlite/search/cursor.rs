//! The place where a page ended, as an opaque text: hexadecimal digits of JSON.

use lab_model::{Cursor, Error, Result};
use rusqlite::types::Value;
use serde::{Deserialize, Serialize};

/// A row's place in an order.
pub(super) struct Position {
    /// The order, in words.
    pub(super) order: String,
    /// Its keys, a rank and a value each.
    pub(super) keys: Vec<Value>,
    pub(super) created_at: i64,
    pub(super) id: [u8; 16],
}

#[derive(Serialize, Deserialize)]
struct Written(String, Vec<Key>, i64, [u8; 16]);

#[derive(Serialize, Deserialize)]
enum Key {
    #[serde(rename = "n")]
    Null,
    #[serde(rename = "i")]
    Integer(i64),
    /// Its bits: JSON has no infinity.
    #[serde(rename = "r")]
    Real(u64),
    #[serde(rename = "t")]
    Text(String),
    #[serde(rename = "b")]
    Blob(Vec<u8>),
}

impl Position {
    pub(super) fn to_cursor(&self) -> Cursor {
        let key = |value: &Value| match value {
            Value::Null => Key::Null,
            Value::Integer(v) => Key::Integer(*v),
            Value::Real(v) => Key::Real(v.to_bits()),
            Value::Text(v) => Key::Text(v.clone()),
            Value::Blob(v) => Key::Blob(v.clone()),
        };
        let keys = self.keys.iter().map(key).collect();
        let json = serde_json::to_vec(&Written(self.order.clone(), keys, self.created_at, self.id));
        // Texts, integers and lists of them cannot fail to be written.
        let digits = json.unwrap_or_default().iter().flat_map(|byte| [byte >> 4, byte & 15]).map(digit).collect();
        Cursor(digits)
    }

    pub(super) fn parse(cursor: &Cursor) -> Result<Self> {
        let Written(order, keys, created_at, id) = bytes(&cursor.0)
            .and_then(|json| serde_json::from_slice(&json).ok())
            .ok_or_else(|| Error::invalid("cursor", "is not one that a page gave as its end"))?;
        let value = |key| match key {
            Key::Null => Value::Null,
            Key::Integer(v) => Value::Integer(v),
            Key::Real(bits) => Value::Real(f64::from_bits(bits)),
            Key::Text(v) => Value::Text(v),
            Key::Blob(v) => Value::Blob(v),
        };
        Ok(Self { order, keys: keys.into_iter().map(value).collect(), created_at, id })
    }
}

fn digit(nibble: u8) -> char {
    char::from(if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 })
}

fn bytes(digits: &str) -> Option<Vec<u8>> {
    let nibble = |digit: &u8| char::from(*digit).to_digit(16).and_then(|n| u8::try_from(n).ok());
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| if let [high, low] = pair { Some(nibble(high)? << 4 | nibble(low)?) } else { None }).collect()
}
