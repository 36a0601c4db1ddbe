//! What may not be written down: credentials, known by their name or by their looks.
//!
//! Two strengths. Names decide for environment variables, where a false alarm costs one variable. Text such as a diff
//! is masked only where a key shows its maker's mark or is assigned to a name that says so, because a diff full of
//! masks cannot be applied, and a language model's source is full of harmless "tokens".

mod names;

use std::borrow::Cow;

pub(crate) use names::{is_secret_name, is_secret_option};

use names::is_strong_name;

/// Stands where a secret stood.
pub(crate) const MASK: &str = "[masked]";

/// Beginnings that makers of keys give them, and how many letters, digits, `-` and `_` follow at least.
const KEY_PREFIXES: &[(&str, usize)] = &[
    ("sk-", 16),
    ("sk_live_", 10),
    ("sk_test_", 10),
    ("rk_live_", 10),
    ("ghp_", 20),
    ("gho_", 20),
    ("ghu_", 20),
    ("ghs_", 20),
    ("ghr_", 20),
    ("github_pat_", 20),
    ("glpat-", 16),
    ("hf_", 20),
    ("gsk_", 20),
    ("r8_", 20),
    ("nvapi-", 20),
    ("xoxb-", 10),
    ("xoxp-", 10),
    ("xoxa-", 10),
    ("xoxs-", 10),
    ("xapp-", 10),
    ("AIza", 30),
    ("ya29.", 20),
    ("npm_", 30),
    ("pypi-", 40),
    ("dckr_pat_", 20),
    ("wandb_v1_", 16),
    ("AKIA", 16),
    ("ASIA", 16),
    ("SG.", 20),
    ("AGE-SECRET-KEY-1", 20),
];

/// Longest piece of a key that is looked for: a bound on the time spent in a line without end.
const MAX_KEY_BYTES: usize = 4 * 1024;

/// Masks the value of an environment variable or argument, also where it only looks random enough to be a key.
pub(crate) fn mask_value(value: &str) -> String {
    if has_random_word(value) { MASK.to_owned() } else { mask_text(value).into_owned() }
}

/// Masks keys, passwords in URLs, and what is assigned to the name of a credential, line by line.
pub(crate) fn mask_text(text: &str) -> Cow<'_, str> {
    let masked = mask_lines(text, || true);
    if masked == text { Cow::Borrowed(text) } else { Cow::Owned(masked) }
}

/// As [`mask_text`] for as long as `go_on` says so; the lines after that are left out.
pub(crate) fn mask_lines(text: &str, go_on: impl Fn() -> bool) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut in_private_key = false;
    for line in text.split_inclusive('\n').take_while(|_| go_on()) {
        masked.push_str(&mask_line(line, &mut in_private_key));
    }
    masked
}

fn mask_line<'a>(line: &'a str, in_private_key: &mut bool) -> Cow<'a, str> {
    if *in_private_key {
        let body = line.trim_start_matches(['+', '-', ' ', '\t']);
        let is_key = |c: char| c.is_ascii_alphanumeric() || "+/=:,-\\\"' \r\n".contains(c);
        *in_private_key = !line.contains("-----END") && body.chars().all(is_key);
        if *in_private_key && !body.trim().is_empty() {
            let sign = if line.starts_with(['+', '-', ' ']) { &line[..1] } else { "" };
            let end = if line.ends_with('\n') { "\n" } else { "" };
            return Cow::Owned(format!("{sign}{MASK}{end}"));
        }
    }
    let mut line = Cow::Borrowed(line);
    if let Some(begin) = line.find("PRIVATE KEY-----").filter(|_| line.contains("-----BEGIN")) {
        let after = begin + "PRIVATE KEY-----".len();
        let rest = &line[after..];
        match rest.find("-----END") {
            Some(end) => line = Cow::Owned(format!("{}{MASK}{}", &line[..after], &rest[end..])),
            None => {
                *in_private_key = true;
                if rest.trim().len() > 8 {
                    let end = if rest.ends_with('\n') { "\n" } else { "" };
                    line = Cow::Owned(format!("{}{MASK}{end}", &line[..after]));
                }
            }
        }
    }
    for find in [url_password, assigned_secret, marked_key] {
        line = mask_found(line, find);
    }
    line
}

fn mask_found<'a>(line: Cow<'a, str>, find: fn(&str, usize) -> Option<(usize, usize)>) -> Cow<'a, str> {
    let mut masked = String::new();
    let mut done = 0;
    while let Some((start, end)) = find(&line, done) {
        masked.push_str(&line[done..start]);
        masked.push_str(MASK);
        done = end;
    }
    if done == 0 {
        return line;
    }
    masked.push_str(&line[done..]);
    Cow::Owned(masked)
}

/// The password in `scheme://user:password@host`, or the whole `user` of a web address if it looks like a key.
fn url_password(line: &str, from: usize) -> Option<(usize, usize)> {
    let mut from = from;
    while let Some(at) = line[from..].find("://") {
        let start = from + at + 3;
        let authority = &line[start..];
        let authority =
            &authority[..authority.find(['/', '"', '\'', ' ', '?', '#', '\n', '\t', '`']).unwrap_or(authority.len())];
        if let Some((user, _)) = authority.rsplit_once('@') {
            match user.split_once(':') {
                Some((name, password)) if password != MASK && !password.is_empty() => {
                    return Some((start + name.len() + 1, start + user.len()));
                }
                None if user.len() >= 20 => return Some((start, start + user.len())),
                _ => {}
            }
        }
        from = start;
    }
    None
}

/// The value in `NAME=value`, `name = "value"`, `"name": "value"`, `?name=value` and `Bearer value`.
fn assigned_secret(line: &str, from: usize) -> Option<(usize, usize)> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    for (at, sign) in line[from..].char_indices().filter(|(_, c)| matches!(c, '=' | ':' | ' ')) {
        let at = from + at;
        let before = if sign == ' ' { &line[..at] } else { line[..at].trim_end_matches([' ', '"', '\'', ']']) };
        let name = &before[before.rfind(|c| !is_name(c)).map_or(0, |i| i + last_char_len(before, i))..];
        let bare = name.trim_start_matches('-');
        if sign == ' ' && !bare.eq_ignore_ascii_case("bearer") && !(name.starts_with("--") && is_secret_name(bare)) {
            continue;
        }
        if sign != ' ' && !is_secret_name(bare) {
            continue;
        }
        let gap = line[at + 1..].len() - line[at + 1..].trim_start_matches([' ', '=', ':']).len();
        let start = at + 1 + gap;
        let rest = &line[start..];
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\'' | '`'));
        let start = start + usize::from(quote.is_some());
        let rest = &line[start..];
        let end = match quote {
            Some(quote) => rest.find(quote).unwrap_or(rest.len()),
            None => rest.find(|c: char| c.is_whitespace() || "&,;)}]\"'`".contains(c)).unwrap_or(rest.len()),
        };
        let value = rest[..end].trim_end();
        let is_literal =
            quote.is_some() || sign == ' ' || (sign == '=' && gap == 0 && starts_assignment(line, before, name));
        let is_placeholder = value.len() < 4 || value.contains(['$', '{', '<', '(']) || rest.starts_with(MASK);
        if is_key_like(value) || (is_literal && is_strong_name(bare) && !is_placeholder) {
            return Some((start, start + value.len()));
        }
    }
    None
}

fn last_char_len(text: &str, at: usize) -> usize {
    text[at..].chars().next().map_or(1, char::len_utf8)
}

/// Whether the line begins with the assignment, as in a shell script, a `.env` file and the diff of one.
fn starts_assignment(line: &str, before: &str, name: &str) -> bool {
    let lead = line[..before.len() - name.len()].trim_start_matches(['+', '-', ' ', '\t']);
    matches!(lead.trim(), "" | "export" | "set" | "ENV")
}

/// A key that shows its maker's mark.
fn marked_key(line: &str, from: usize) -> Option<(usize, usize)> {
    let mut before = line[..from].chars().next_back();
    for (at, c) in line[from..].char_indices() {
        let start = from + at;
        let begins_word = !before.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
        before = Some(c);
        if !begins_word || !c.is_ascii_alphabetic() {
            continue;
        }
        let rest = &line[start..];
        for (prefix, least) in KEY_PREFIXES {
            if let Some(key) = rest.strip_prefix(prefix) {
                let key = &key[..key_length(key)];
                if key.len() >= *least && key.contains(|c: char| c.is_ascii_digit()) {
                    return Some((start, start + prefix.len() + key.len()));
                }
            }
        }
        if let Some(length) = web_token_length(rest) {
            return Some((start, start + length));
        }
    }
    None
}

/// Length of the letters, digits, `-` and `_` that `text` begins with.
fn key_length(text: &str) -> usize {
    let is_key = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    text.bytes().take(MAX_KEY_BYTES).take_while(is_key).count()
}

/// Length of the JSON web token that `text` begins with: header, claims and signature joined by dots.
fn web_token_length(text: &str) -> Option<usize> {
    let header = text.starts_with("eyJ").then(|| key_length(text)).filter(|&it| it >= 10)?;
    let claims = text[header..].strip_prefix('.')?;
    let claims_length = Some(key_length(claims)).filter(|&it| it >= 10)?;
    let signature = claims[claims_length..].strip_prefix('.')?;
    Some(header + 1 + claims_length + 1 + key_length(signature))
}

/// Whether what is assigned to a credential's name can be one: it has a word of 16 or more letters and digits.
///
/// A word, because models and data sets have long names too: `meta-llama/Llama-3.1-8B-Instruct`.
fn is_key_like(value: &str) -> bool {
    value.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| {
        let digits = word.chars().filter(char::is_ascii_digit).count();
        word.len() >= 16 && digits >= 2 && digits < word.len()
    })
}

/// Whether a word of `value` is long and random: 32 hexadecimal digits, or 20 and more mixed letters and digits.
///
/// Words end at `-`, so that the UUID of a GPU and the name of a model are none.
fn has_random_word(value: &str) -> bool {
    value.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| {
        let count = |is: fn(&char) -> bool| word.chars().filter(is).count();
        let digits = count(char::is_ascii_digit);
        let is_hex = word.len() >= 32 && digits >= 4 && count(char::is_ascii_hexdigit) == word.len();
        let is_mixed = word.len() >= 20
            && digits >= 2
            && count(char::is_ascii_uppercase) >= 2
            && count(char::is_ascii_lowercase) >= 2
            && entropy_bits(word) >= 3.5;
        is_hex || is_mixed
    })
}

/// Shannon entropy in bits per byte.
fn entropy_bits(word: &str) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in word.bytes() {
        counts[usize::from(byte)] += 1;
    }
    let length = word.len() as f64;
    counts.iter().filter(|&&count| count > 0).map(|&count| f64::from(count) / length).map(|p| -p * p.log2()).sum()
}

#[cfg(test)]
mod tests;
