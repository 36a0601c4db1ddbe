//! Names that credentials go by.

use super::is_key_like;

/// Parts of a name that make it the name of a credential.
const SECRET_PARTS: &[&str] = &[
    "KEY",
    "TOKEN",
    "SECRET",
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "CREDENTIAL",
    "AUTH",
    "COOKIE",
    "PRIVATE",
    "BEARER",
    "JWT",
    "SIGNATURE",
    "WEBHOOK",
    "CONNECTION_STRING",
    "NETRC",
];

/// Whole words of a name that make it the name of a credential, too short to be looked for inside words.
const SECRET_WORDS: &[&str] = &["PASS", "PAT", "OTP", "DSN", "SAS", "SIG", "CREDS", "PW", "PWD", "PGPASS"];

/// Words that contain the part of a secret's name and are none.
const HARMLESS_WORDS: &[&str] = &["TOKENIZERS", "TOKENIZER", "TOKENIZATION", "AUTHORS", "AUTHOR", "KEYBOARD"];

/// Names whose value is a secret in source code too, whatever it looks like.
const STRONG_PARTS: &[&str] =
    &["PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "CREDENTIAL", "APIKEY", "API_KEY", "ACCESS_KEY", "PRIVATE_KEY"];

/// Whether `name` is what a credential is called.
pub(crate) fn is_secret_name(name: &str) -> bool {
    let mut name = name.to_ascii_uppercase().replace(['-', '.'], "_");
    for word in HARMLESS_WORDS {
        name = name.replace(word, "");
    }
    // `PWD` alone is the working folder.
    let is_word = |word: &str| SECRET_WORDS.contains(&word) && name != "PWD";
    SECRET_PARTS.iter().any(|part| name.contains(part)) || name.split('_').any(is_word)
}

/// Whether `value`, given to the command line option `name`, is a secret.
///
/// Options are named more freely than variables (`--max-tokens`, `--num-key-value-heads`), so a weak name needs a value
/// that could be a secret.
pub(crate) fn is_secret_option(name: &str, value: &str) -> bool {
    let last_word = name.rsplit(['-', '_', '.']).next().unwrap_or_default().to_ascii_uppercase();
    let is_credential = matches!(last_word.as_str(), "TOKEN" | "AUTH" | "BEARER" | "COOKIE" | "PASS" | "PWD" | "CREDS");
    let is_plain = value.is_empty() || value.starts_with(['<', '[', '{', '$']) || value.parse::<f64>().is_ok();
    (is_strong_name(name) && !value.is_empty())
        || (is_credential && !is_plain)
        || (is_secret_name(name) && is_key_like(value))
}

/// Whether `name` says that its value is a secret, whatever the value looks like.
pub(super) fn is_strong_name(name: &str) -> bool {
    let name = name.to_ascii_uppercase().replace('-', "_");
    STRONG_PARTS.iter().any(|part| name.contains(part))
}
