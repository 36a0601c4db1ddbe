//! Reading signs, keywords and quoted text off a query, within its bounds, and saying where one is missing.

use super::{ParseError, Parser, Result};

/// Most characters of a query.
const MAX_CHARS: usize = 10_000;
/// Most parentheses and `not`s inside one another.
const MAX_DEPTH: usize = 64;
/// Most conditions and values in all.
const MAX_NODES: usize = 1_000;

/// Whether a name may hold the character without being quoted.
pub(in crate::query) fn is_bare(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '.' | '/' | '-')
}

pub(super) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

impl<'a> Parser<'a> {
    pub(super) fn new(part: &'static str, text: &'a str) -> Result<Self> {
        let parser = Self { part, text, at: 0, depth: 0, nodes: 0 };
        match text.char_indices().nth(MAX_CHARS) {
            Some((end, _)) => Err(parser.error(end, format!("has more than {MAX_CHARS} characters"))),
            None => Ok(parser),
        }
    }

    pub(super) fn error(&self, at: usize, problem: impl Into<String>) -> ParseError {
        ParseError { part: self.part, position: self.text[..at].chars().count(), problem: problem.into() }
    }

    /// What stands at the present place is not what `expected` says.
    pub(super) fn expected(&mut self, expected: &str) -> ParseError {
        self.skip_space();
        let rest = self.rest();
        let Some(first) = rest.chars().next() else {
            return self.error(self.at, format!("ends where {expected}"));
        };
        let word: String = rest.chars().take_while(|c| is_bare(*c)).take(30).collect();
        let found = match first {
            _ if !word.is_empty() => word,
            control if control.is_control() => control.escape_default().to_string(),
            sign => sign.to_string(),
        };
        self.error(self.at, format!("has `{found}` where {expected}"))
    }

    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub(super) fn skip_space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    pub(super) fn is_at_end(&mut self) -> bool {
        self.skip_space();
        self.rest().is_empty()
    }

    pub(super) fn end(&mut self, expected: &str) -> Result<()> {
        if self.is_at_end() { Ok(()) } else { Err(self.expected(expected)) }
    }

    pub(super) fn take_while(&mut self, holds: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let taken = &rest[..rest.find(|c| !holds(c)).unwrap_or(rest.len())];
        self.at += taken.len();
        taken
    }

    pub(super) fn sign(&mut self, sign: &str) -> bool {
        self.skip_space();
        let is_next = self.rest().starts_with(sign);
        self.at += if is_next { sign.len() } else { 0 };
        is_next
    }

    pub(super) fn require_sign(&mut self, sign: &str, expected: &str) -> Result<()> {
        if self.sign(sign) { Ok(()) } else { Err(self.expected(expected)) }
    }

    pub(super) fn keyword(&mut self, keyword: &str) -> bool {
        self.skip_space();
        let before = self.at;
        let is_next = self.take_while(is_word).eq_ignore_ascii_case(keyword);
        if !is_next {
            self.at = before;
        }
        is_next
    }

    pub(super) fn count_node(&mut self) -> Result<()> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(self.error(self.at, format!("holds more than {MAX_NODES} conditions and values")));
        }
        Ok(())
    }

    pub(super) fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth == MAX_DEPTH {
            let problem = format!("holds more than {MAX_DEPTH} parentheses and `not`s inside one another");
            return Err(self.error(self.at, problem));
        }
        self.depth += 1;
        let inner = read(self);
        self.depth -= 1;
        inner
    }

    /// Text up to the closing quote; a doubled quote stands for one.
    pub(super) fn quoted(&mut self, quote: char) -> Result<String> {
        let start = self.at;
        let mut text = String::new();
        loop {
            self.at += quote.len_utf8();
            text.push_str(self.take_while(|c| c != quote));
            if self.rest().is_empty() {
                return Err(self.error(start, format!("has a {quote} that is never closed")));
            }
            self.at += quote.len_utf8();
            if !self.rest().starts_with(quote) {
                return Ok(text);
            }
            text.push(quote);
        }
    }
}
