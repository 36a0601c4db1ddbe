//! The grammar of searches, which all kinds of things share:
//!
//! ```text
//! filter := (clause [AND])*
//! clause := key sign value | key [NOT] IN (text, …) | key IS [NOT] NULL
//! key    := [entity .] name          divided at the first dot; the name may be in `…` or "…"
//! value  := number | 'text' | "text"
//! order  := key [ASC | DESC]
//! ```

use lab_model::{Operator, SortOrder};

use super::lexer::{Token, tokens};
use crate::mlflow::failure::{Failure, Reply};

/// What a clause is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::mlflow) struct Key {
    /// `metrics`, `params` and so on, as it was written; absent for an attribute.
    pub(in crate::mlflow) entity: Option<String>,
    pub(in crate::mlflow) name: String,
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.entity {
            Some(entity) => write!(f, "{entity}.{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// A condition on it.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::mlflow) struct Clause {
    pub(in crate::mlflow) key: Key,
    pub(in crate::mlflow) test: Test,
}

#[derive(Clone, Debug, PartialEq)]
pub(in crate::mlflow) enum Test {
    Compare(Operator, Literal),
    /// Whether it is one of the texts, or none of them.
    In(bool, Vec<String>),
    /// Whether it is there.
    Exists(bool),
}

/// A value as it was written.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::mlflow) enum Literal {
    Text(String),
    Integer(i64),
    Float(f64),
}

/// The clauses of a filter, all of which must hold.
pub(in crate::mlflow) fn filter(text: &str) -> Reply<Vec<Clause>> {
    let mut parser = Parser::new(text)?;
    let mut clauses = Vec::new();
    while parser.peek().is_some() {
        clauses.push(parser.clause()?);
        // MLflow reads over an AND that is missing, and over one at the end.
        parser.tokens.next_if(|token| token.is_word("AND"));
    }
    Ok(clauses)
}

/// One key to sort by.
pub(in crate::mlflow) fn order(text: &str) -> Reply<(Key, Option<SortOrder>)> {
    let mut parser = Parser::new(text)?;
    let key = parser.key()?;
    let order = match parser.next() {
        None => None,
        Some(word) if word.is_word("ASC") => Some(SortOrder::Ascending),
        Some(word) if word.is_word("DESC") => Some(SortOrder::Descending),
        Some(other) => return Err(parser.refuse(&format!("'{other}' is not ASC or DESC"))),
    };
    match parser.next() {
        None => Ok((key, order)),
        Some(more) => Err(parser.refuse(&format!("'{more}' comes after its end"))),
    }
}

struct Parser<'a> {
    text: &'a str,
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Reply<Self> {
        Ok(Self { text, tokens: tokens(text)?.into_iter().peekable() })
    }

    fn peek(&mut self) -> Option<&Token> {
        self.tokens.peek()
    }

    fn next(&mut self) -> Option<Token> {
        self.tokens.next()
    }

    fn refuse(&self, problem: &str) -> Failure {
        Failure::invalid(format!("Invalid clause(s) in filter string: '{}': {problem}.", self.text))
    }

    fn refuse_next(&self, found: Option<Token>, wanted: &str) -> Failure {
        match found {
            Some(token) => self.refuse(&format!("'{token}' stands where {wanted} is needed")),
            None => self.refuse(&format!("it ends where {wanted} is needed")),
        }
    }

    fn expect_word(&mut self, keyword: &str) -> Reply<()> {
        match self.next() {
            Some(token) if token.is_word(keyword) => Ok(()),
            other => Err(self.refuse_next(other, keyword)),
        }
    }

    fn clause(&mut self) -> Reply<Clause> {
        let key = self.key()?;
        let test = match self.next() {
            Some(Token::Sign(sign)) => Test::Compare(operator(sign), self.literal()?),
            Some(word) if word.is_word("LIKE") => Test::Compare(Operator::Like, self.literal()?),
            Some(word) if word.is_word("ILIKE") => Test::Compare(Operator::ILike, self.literal()?),
            Some(word) if word.is_word("IN") => Test::In(true, self.list()?),
            Some(word) if word.is_word("NOT") => {
                self.expect_word("IN")?;
                Test::In(false, self.list()?)
            }
            Some(word) if word.is_word("IS") => {
                let is_not = self.tokens.next_if(|token| token.is_word("NOT")).is_some();
                self.expect_word("NULL")?;
                Test::Exists(is_not)
            }
            other => return Err(self.refuse_next(other, "a comparison")),
        };
        Ok(Clause { key, test })
    }

    fn key(&mut self) -> Reply<Key> {
        match self.next() {
            // The name follows in quotes.
            Some(Token::Word(entity)) if entity.ends_with('.') => match self.next() {
                Some(Token::Quoted('`' | '"', name)) => {
                    Ok(Key { entity: Some(entity.trim_end_matches('.').to_owned()), name })
                }
                other => Err(self.refuse_next(other, "a name")),
            },
            Some(Token::Word(word)) => Ok(match word.split_once('.') {
                Some((entity, name)) => Key { entity: Some(entity.to_owned()), name: name.to_owned() },
                None => Key { entity: None, name: word },
            }),
            Some(Token::Quoted('`' | '"', name)) => Ok(Key { entity: None, name }),
            other => Err(self.refuse_next(other, "a key, as metrics.accuracy,")),
        }
    }

    fn literal(&mut self) -> Reply<Literal> {
        match self.next() {
            Some(Token::Quoted('\'' | '"', text)) => Ok(Literal::Text(text)),
            Some(Token::Word(word)) => {
                number(&word).ok_or_else(|| self.refuse(&format!("'{word}' is no number; a text stands in quotes")))
            }
            other => Err(self.refuse_next(other, "a value")),
        }
    }

    fn list(&mut self) -> Reply<Vec<String>> {
        let mut texts = Vec::new();
        match self.next() {
            Some(Token::Open) => {}
            other => return Err(self.refuse_next(other, "a list in parentheses")),
        }
        loop {
            match self.next() {
                Some(Token::Quoted('\'' | '"', text)) => texts.push(text),
                other => return Err(self.refuse_next(other, "a text in quotes")),
            }
            match self.next() {
                Some(Token::Comma) => {}
                Some(Token::Close) => return Ok(texts),
                other => return Err(self.refuse_next(other, "',' or ')'")),
            }
        }
    }
}

fn operator(sign: &str) -> Operator {
    match sign {
        "=" => Operator::Equal,
        "!=" => Operator::NotEqual,
        "<" => Operator::Less,
        "<=" => Operator::LessOrEqual,
        ">" => Operator::Greater,
        _ => Operator::GreaterOrEqual,
    }
}

/// A number in digits; `inf` and `nan` are words.
fn number(word: &str) -> Option<Literal> {
    if !word.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '.')) {
        return None;
    }
    if let Ok(integer) = word.parse() {
        return Some(Literal::Integer(integer));
    }
    word.parse::<f64>().ok().filter(|float| float.is_finite()).map(Literal::Float)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> (String, Test) {
        let clauses = filter(text).unwrap();
        assert_eq!(clauses.len(), 1, "{text}");
        (clauses[0].key.to_string(), clauses[0].test.clone())
    }

    #[test]
    fn keys_are_divided_at_the_first_dot() {
        let number = |operator, value| Test::Compare(operator, Literal::Float(value));
        assert_eq!(one("metrics.a.b>.5"), ("metrics.a.b".into(), number(Operator::Greater, 0.5)));
        assert_eq!(
            one("metrics.`val/acc x` <= -1.5e3"),
            ("metrics.val/acc x".into(), number(Operator::LessOrEqual, -1500.0))
        );
        assert_eq!(one("`run name` LIKE \"a''b\"").1, Test::Compare(Operator::Like, Literal::Text("a''b".into())));
        assert_eq!(one("run_id not in ('a', \"b\")"), ("run_id".into(), Test::In(false, vec!["a".into(), "b".into()])));
        assert_eq!(one("tags.x IS NOT null").1, Test::Exists(true));
        assert_eq!(one("params.\"a.b\" = 'it''s'").1, Test::Compare(Operator::Equal, Literal::Text("it's".into())));
        assert_eq!(filter("a = 1 and b != 2 AND c < 3").unwrap().len(), 3);
        assert_eq!(filter("a = 1 b = 2 AND").unwrap().len(), 2);
        assert_eq!(filter("  ").unwrap(), []);
    }

    #[test]
    fn what_is_not_a_filter_is_refused() {
        for bad in [
            "a",
            "a =",
            "= 1",
            "a = b",
            "a = 1 OR b = 2",
            "(a = 1)",
            "AND a = 1",
            "a = 1 AND AND b = 2",
            "a IN ()",
            "a IN ('x'",
            "a IN (1)",
            "a NOT LIKE 'x'",
            "a = 'x",
            "a = nan",
            "a = inf",
            "a == 1",
            "a <> 1",
            "a = 1;",
            "a = 1; b = 2",
            "metrics. = 1",
            "a IS",
            "a ? 1",
            "'a' = 1",
        ] {
            assert!(filter(bad).is_err(), "{bad}");
        }
        assert!(order("metrics.a DESC, params.b").is_err() && order("a UP").is_err() && order("").is_err());
    }

    #[test]
    fn orders_have_a_direction_or_none() {
        assert_eq!(order("metrics.`a b` desc").unwrap().1, Some(SortOrder::Descending));
        assert_eq!(order("start_time").unwrap().1, None);
    }
}
