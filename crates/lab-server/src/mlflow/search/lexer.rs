//! Words, texts and signs of a search.

use crate::mlflow::failure::{Failure, Reply};

/// A part of a search, as it was written.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// A key, a keyword or a number, without quotes.
    Word(String),
    /// A text in quotes, and which quotes.
    Quoted(char, String),
    /// `=`, `!=`, `<` and so on.
    Sign(&'static str),
    Open,
    Close,
    Comma,
}

impl Token {
    /// Whether it is that keyword, in any case.
    pub(super) fn is_word(&self, keyword: &str) -> bool {
        matches!(self, Self::Word(word) if word.eq_ignore_ascii_case(keyword))
    }
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Word(word) => f.write_str(word),
            Self::Quoted(quote, text) => write!(f, "{quote}{text}{quote}"),
            Self::Sign(sign) => f.write_str(sign),
            Self::Open => f.write_str("("),
            Self::Close => f.write_str(")"),
            Self::Comma => f.write_str(","),
        }
    }
}

/// The signs; a longer one before those it begins with.
const SIGNS: [&str; 6] = ["!=", "<=", ">=", "=", "<", ">"];

pub(super) fn tokens(text: &str) -> Reply<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, length) = match first {
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            ',' => (Token::Comma, 1),
            '\'' | '"' | '`' => quoted(text, rest, first)?,
            _ if is_of_word(first) => {
                let length = rest.find(|c| !is_of_word(c)).unwrap_or(rest.len());
                (Token::Word(rest[..length].to_owned()), length)
            }
            _ => match SIGNS.into_iter().find(|sign| rest.starts_with(sign)) {
                Some(sign) => (Token::Sign(sign), sign.len()),
                None => {
                    return Err(Failure::invalid(format!("Invalid filter '{text}': '{first}' means nothing here.")));
                }
            },
        };
        tokens.push(token);
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

/// A text up to the same quote; one that is written twice stands for itself.
fn quoted(text: &str, rest: &str, quote: char) -> Reply<(Token, usize)> {
    let mut content = String::new();
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c != quote {
            content.push(c);
        } else if chars.next_if(|(_, next)| *next == quote).is_some() {
            content.push(quote);
        } else {
            return Ok((Token::Quoted(quote, content), at + 1));
        }
    }
    Err(Failure::invalid(format!("Invalid filter '{text}': a {quote} has no partner.")))
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '+' | '/' | ':' | '$' | '@')
}
