//! Where a credential is, never what it is.

use std::fmt;

use serde::de::{self, Deserializer, MapAccess};
use serde::{Deserialize, Serialize};

use super::MAX_NAME;
use crate::{Error, Result, Validate, check_name};

/// Names the place that holds a credential: `{"env": "OPENAI_API_KEY"}` or `{"secret": "team-openai"}`.
///
/// The credential itself must not be stored with an experiment, where everybody who reads the experiment reads it too.
/// What looks like one is refused, and no error repeats the text, because errors are logged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CredentialRef {
    /// An environment variable on the machine that runs: letters, digits and `_`, not beginning with a digit.
    Env(String),
    /// The name of a secret in the user's secret store; 1–250 characters.
    Secret(String),
}

impl Validate for CredentialRef {
    fn validate(&self) -> Result<()> {
        let (field, name) = match self {
            Self::Env(name) => ("env", name),
            Self::Secret(name) => ("secret", name),
        };
        if looks_like_key(name) || looks_random(name) {
            return Err(Error::invalid(
                field,
                "looks like the credential itself; give the name of the environment variable or secret that holds it",
            ));
        }
        let is_variable = |name: &str| {
            !name.starts_with(|c: char| c.is_ascii_digit())
                && name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric())
        };
        check_name(field, name, MAX_NAME)?;
        if matches!(self, Self::Env(_)) && !is_variable(name) {
            let needs =
                "is not the name of an environment variable: letters, digits and `_`, not beginning with a digit";
            return Err(Error::invalid(field, needs));
        }
        Ok(())
    }
}

/// Beginnings of the keys that providers give out, each with the least number of characters that follow. A variable may
/// be called `hf_token`, so where the beginning could be a name's the rest must be as long as a key's.
const KEY_PREFIXES: &[(&str, usize)] = &[
    ("sk-", 0),
    ("sk_", 16),
    ("pk-lf-", 8),
    ("AKIA", 16),
    ("ASIA", 16),
    ("AIza", 30),
    ("ya29.", 8),
    ("hf_", 30),
    ("gsk_", 30),
    ("r8_", 30),
    ("nvapi-", 8),
    ("pplx-", 8),
    ("xai-", 20),
    ("ghp_", 30),
    ("gho_", 30),
    ("github_pat_", 20),
    ("glpat-", 8),
    ("xoxb-", 8),
    ("xoxp-", 8),
    ("eyJ", 30),
    ("-----BEGIN", 0),
];

/// Whether the text begins as the keys of known providers do.
pub(super) fn looks_like_key(text: &str) -> bool {
    let text = text.trim();
    let bearer = text.get(..7).filter(|start| start.eq_ignore_ascii_case("bearer "));
    let key = bearer.map_or(text, |start| &text[start.len()..]);
    KEY_PREFIXES.iter().any(|(prefix, least)| {
        key.strip_prefix(prefix).is_some_and(|rest| rest.len() >= *least && !rest.contains(char::is_whitespace))
    })
}

/// Whether the text is 32 or more letters and digits mixed, without any separator, as keys without a prefix are.
fn looks_random(text: &str) -> bool {
    text.len() >= 32
        && text.chars().all(|c| c.is_ascii_alphanumeric())
        && text.chars().filter(char::is_ascii_digit).count() >= 4
        && text.chars().any(|c| c.is_ascii_alphabetic())
}

/// Written by hand because the derived one repeats in its errors what it read, and that may be a key.
impl<'de> Deserialize<'de> for CredentialRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = CredentialRef;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("{\"env\": the name of a variable} or {\"secret\": the name of a secret}")
            }

            fn visit_str<E: de::Error>(self, _: &str) -> Result<Self::Value, E> {
                Err(E::custom(format_args!("a credential is given by its place, not as text: {}", Expecting(&self))))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let wrong = || de::Error::custom(format_args!("a credential is one entry: {}", Expecting(&Visitor)));
                let make = match map.next_key::<String>()?.as_deref() {
                    Some("env") => CredentialRef::Env,
                    Some("secret") => CredentialRef::Secret,
                    _ => return Err(wrong()),
                };
                let reference = make(map.next_value()?);
                if map.next_key::<de::IgnoredAny>()?.is_some() { Err(wrong()) } else { Ok(reference) }
            }
        }

        /// Shows what a visitor expects.
        struct Expecting<'a>(&'a Visitor);
        impl fmt::Display for Expecting<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                de::Visitor::expecting(self.0, f)
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}
