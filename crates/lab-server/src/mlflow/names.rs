//! What names and values may be, with the messages that clients match.

use lab_model::RunId;
use serde_json::Value;

use super::failure::{Failure, Reply};
use super::wire::invalid_value;

/// Most characters of a key of a metric, a parameter or a tag.
pub(super) const MAX_KEY: usize = 250;
/// Most characters of a parameter; what is longer is cut.
pub(super) const MAX_PARAM: usize = 6_000;
/// Most characters of a run's tag; what is longer is cut.
pub(super) const MAX_TAG: usize = 8_000;
const BAD_CHARACTER: &str = "Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), \
     colon(:) and slashes (/).";

/// The shortest path that means the same.
fn normal_path(path: &str) -> String {
    if path.is_empty() {
        return ".".to_owned();
    }
    let root = if path.starts_with("//") && !path.starts_with("///") {
        "//"
    } else if path.starts_with('/') {
        "/"
    } else {
        ""
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => _ = parts.pop(),
            ".." if !root.is_empty() => {}
            other => parts.push(other),
        }
    }
    let normal = format!("{root}{}", parts.join("/"));
    if normal.is_empty() { ".".to_owned() } else { normal }
}

/// Whether a name, taken for a path, would mean another one.
pub(super) fn resolves_elsewhere(name: &str) -> Option<String> {
    let normal = normal_path(name);
    let is_elsewhere = normal != name || normal == "." || normal.starts_with("..") || normal.starts_with('/');
    is_elsewhere.then_some(normal)
}

/// Checks the key of a metric, a parameter or a tag; `path` is what the message calls it.
pub(super) fn check_key(path: &str, name: &str) -> Reply<()> {
    let is_fine = |c: char| c.is_alphanumeric() || matches!(c, '_' | '/' | '.' | '-' | ' ' | ':');
    if !name.chars().all(is_fine) {
        return Err(invalid_value(path, &Value::String(name.to_owned()), BAD_CHARACTER));
    }
    if let Some(normal) = resolves_elsewhere(name) {
        return Err(elsewhere(path, name, &normal));
    }
    Ok(())
}

pub(super) fn elsewhere(path: &str, name: &str, normal: &str) -> Failure {
    let problem = format!(
        "Names may be treated as files in certain cases, and must not resolve to other names when treated as such. This \
         name would resolve to '{normal}'"
    );
    invalid_value(path, &Value::String(name.to_owned()), &problem)
}

/// Checks a length in characters.
pub(super) fn check_length(name: &str, most: usize, text: &str) -> Reply<()> {
    if text.len() > most && text.chars().count() > most {
        return Err(Failure::invalid(format!("'{name}' exceeds the maximum length of {most} characters")));
    }
    Ok(())
}

/// The beginning of a text that is too long.
pub(super) fn cut(text: &str, most: usize) -> &str {
    if text.len() <= most {
        return text;
    }
    text.char_indices().nth(most).map_or(text, |(end, _)| &text[..end])
}

/// Checks a tag of the registry, or of an experiment.
pub(super) fn check_tag(key: &str, value: &str, most: usize) -> Reply<()> {
    check_key("key", key)?;
    check_length("key", MAX_KEY, key)?;
    check_length("value", most, value)
}

/// Checks the id of a run as batches check it.
pub(super) fn check_run_id(id: &str) -> Reply<()> {
    let mut chars = id.chars();
    let is_fine = chars.next().is_some_and(|first| first.is_ascii_alphanumeric())
        && chars.clone().count() <= 255
        && chars.all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    if is_fine { Ok(()) } else { Err(invalid_value("run_id", &Value::String(id.to_owned()), "")) }
}

/// A name for a run that was given none, made of what is random in its id.
pub(super) fn random_name(id: RunId) -> String {
    const QUALITIES: [&str; 32] = [
        "able", "bold", "brave", "bright", "calm", "clean", "clever", "crisp", "dapper", "eager", "fair", "fast",
        "fine", "gentle", "glad", "grand", "handy", "honest", "jolly", "keen", "kind", "lively", "lucky", "merry",
        "neat", "noble", "proud", "quick", "quiet", "sharp", "swift", "wise",
    ];
    const ANIMALS: [&str; 32] = [
        "ant", "badger", "bat", "bear", "bee", "boar", "crane", "crow", "deer", "dove", "eagle", "eel", "elk",
        "falcon", "finch", "fox", "frog", "goat", "hare", "hawk", "heron", "horse", "lark", "lynx", "mole", "otter",
        "owl", "seal", "stork", "swan", "trout", "wolf",
    ];
    let [.., a, b, c, d] = *id.as_uuid().as_bytes();
    let pick = |words: &[&'static str; 32], byte: u8| words[usize::from(byte) % words.len()];
    format!("{}-{}-{}", pick(&QUALITIES, a), pick(&ANIMALS, b), u16::from_be_bytes([c, d]) % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_paths_that_mean_themselves() {
        for good in ["loss", "val/acc", "a b:c-d.e_f", "ümlaut", "system/gpu_0"] {
            assert!(check_key("key", good).is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "../x", "/x", "x/", "a//b", "./a", "a/./b", "a/../b", "a{b}", "a\nb", "a#b", "a,b"] {
            assert!(check_key("key", bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn paths_are_made_normal_as_posix_does() {
        for (path, normal) in [
            ("", "."),
            ("a/..", "."),
            ("../..", "../.."),
            ("/..", "/"),
            ("//a", "//a"),
            ("///a/", "/a"),
            ("a//b/.", "a/b"),
        ] {
            assert_eq!(normal_path(path), normal, "{path}");
        }
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(cut("üüü", 2), "üü");
        assert_eq!(cut("abc", 3), "abc");
    }
}
