//! Reading the query language.
//!
//! ```text
//! filter    = or                                       blank: everything
//! or        = and { "or" and }
//! and       = unary { "and" unary }
//! unary     = "not" unary | "(" or ")" | "true" | "false" | condition
//! condition = field ( "=" | "==" | "!=" | "<>" | "<" | "<=" | ">" | ">=" ) value
//!           | field [ "not" ] ( "like" | "ilike" ) value
//!           | field [ "not" ] "in" "(" [ value { "," value } ] ")"
//!           | field [ "not" ] "between" value "and" value
//!           | field "is" [ "not" ] "null" | field "exists"
//!           | tag                                      the same as: tag "exists"
//! field     = "id" | "status" | … | ( "params" | "metrics" | "tags" ) "." name
//!           | ( "last" | "min" | "max" | "mean" ) "(" "metrics" "." name ")"
//! name      = letters, digits, "_", ".", "/", "-" | `quoted` | "quoted"
//! value     = 'text' | "text" | number | "true" | "false" | "nan" | "inf" | JSON list or map
//!           | word                                     status only
//! sort      = key { "," key }                          blank: none
//! key       = field [ "asc" | "desc" ] | "-" field
//! ```
//!
//! Keywords and the names of fields are read in any case; a quote inside quotes is doubled. `x not in (…)` is
//! `x exists and not x in (…)`, and likewise for `like` and `between`, so that like `!=` it does not hold for what is
//! absent. The text may come from anybody, so its length, its depth and the size of the tree are bounded.

mod field;
mod reader;
mod suggest;
mod value;

use std::str::FromStr;

pub(super) use reader::is_bare;

use super::{Field, Filter, Operator, Sort, SortOrder};
use crate::{Error, ParameterValue};

const SIGNS: [(&str, Operator); 8] = [
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
    ("<>", Operator::NotEqual),
    ("<=", Operator::LessOrEqual),
    (">=", Operator::GreaterOrEqual),
    ("=", Operator::Equal),
    ("<", Operator::Less),
    (">", Operator::Greater),
];

const OPERATORS: &str = "an operator is expected: =, !=, <, <=, >, >=, like, ilike, in, between, is null or exists";

/// Why a text is no filter or no sort order, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {part} {problem} (character {})", .position + 1)]
#[non_exhaustive]
pub struct ParseError {
    /// Which text it is: `query` or `sort`.
    pub part: &'static str,
    /// How many characters stand before the offending part.
    pub position: usize,
    /// What is wrong there, continuing the sentence that `part` begins.
    pub problem: String,
}

impl From<ParseError> for Error {
    fn from(error: ParseError) -> Self {
        let ParseError { part, position, problem } = error;
        Self::invalid(part, format!("{problem} (character {})", position + 1))
    }
}

type Result<T, E = ParseError> = std::result::Result<T, E>;

impl Filter {
    /// Reads the query language. A blank text holds for everything.
    ///
    /// # Errors
    /// [`ParseError`] if it is not in the language, or has more than 10,000 characters, 64 parentheses and `not`s inside
    /// one another, or 1,000 conditions and values.
    pub fn parse(text: &str) -> Result<Self> {
        let mut parser = Parser::new("query", text)?;
        if parser.is_at_end() {
            return Ok(Self::And(Vec::new()));
        }
        let filter = parser.or()?;
        parser.end("`and`, `or` or the end is expected")?;
        Ok(filter)
    }
}

impl Sort {
    /// Reads keys separated by commas: `metrics.acc desc, created_at`. Ascending where nothing is said; a minus in front
    /// means descending. A blank text has no keys.
    ///
    /// # Errors
    /// [`ParseError`] if one of them is not a field with `asc`, `desc` or nothing after it.
    pub fn parse_list(text: &str) -> Result<Vec<Self>> {
        let mut parser = Parser::new("sort", text)?;
        let mut keys = Vec::new();
        while !parser.is_at_end() {
            keys.push(parser.sort()?);
            if !parser.sign(",") {
                parser.end("`asc`, `desc`, a comma or the end is expected")?;
            } else if parser.is_at_end() {
                return Err(parser.expected("another field is expected"));
            }
        }
        Ok(keys)
    }
}

impl FromStr for Filter {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

impl FromStr for Sort {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self> {
        let mut parser = Parser::new("sort", text)?;
        let sort = parser.sort()?;
        parser.end("`asc`, `desc` or the end is expected")?;
        Ok(sort)
    }
}

impl FromStr for Field {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self> {
        let mut parser = Parser::new("query", text)?;
        let field = parser.field()?;
        parser.end("the end is expected")?;
        Ok(field)
    }
}

/// What is there, and not that.
fn there_and_not(field: Field, condition: Filter) -> Filter {
    Filter::And(vec![Filter::Exists(field), Filter::Not(Box::new(condition))])
}

struct Parser<'a> {
    part: &'static str,
    text: &'a str,
    /// Bytes read so far.
    at: usize,
    depth: usize,
    nodes: usize,
}

impl Parser<'_> {
    fn or(&mut self) -> Result<Filter> {
        let first = self.and()?;
        let mut any = vec![first];
        while self.keyword("or") {
            any.push(self.and()?);
        }
        Ok(if any.len() == 1 { any.remove(0) } else { Filter::Or(any) })
    }

    fn and(&mut self) -> Result<Filter> {
        let first = self.unary()?;
        let mut all = vec![first];
        while self.keyword("and") {
            all.push(self.unary()?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Filter::And(all) })
    }

    fn unary(&mut self) -> Result<Filter> {
        self.skip_space();
        self.count_node()?;
        if self.keyword("not") {
            return Ok(Filter::Not(Box::new(self.deeper(Self::unary)?)));
        }
        if self.sign("(") {
            let inner = self.deeper(Self::or)?;
            self.require_sign(")", "`and`, `or` or `)` is expected")?;
            return Ok(inner);
        }
        if self.keyword("true") {
            return Ok(Filter::And(Vec::new()));
        }
        if self.keyword("false") {
            return Ok(Filter::Or(Vec::new()));
        }
        self.condition()
    }

    fn condition(&mut self) -> Result<Filter> {
        let field = self.field()?;
        self.skip_space();
        if let Some((sign, operator)) = SIGNS.into_iter().find(|(sign, _)| self.rest().starts_with(sign)) {
            self.at += sign.len();
            let value = self.value(&field)?;
            return Ok(Filter::Compare(field, operator, value));
        }
        if self.keyword("exists") {
            return Ok(Filter::Exists(field));
        }
        if self.keyword("is") {
            let is_there = self.keyword("not");
            if !self.keyword("null") {
                return Err(self.expected(if is_there {
                    "`null` is expected"
                } else {
                    "`null` or `not null` is expected"
                }));
            }
            let exists = Filter::Exists(field);
            return Ok(if is_there { exists } else { Filter::Not(Box::new(exists)) });
        }
        let is_negated = self.keyword("not");
        let condition = if self.keyword("like") {
            Filter::Compare(field.clone(), Operator::Like, self.value(&field)?)
        } else if self.keyword("ilike") {
            Filter::Compare(field.clone(), Operator::ILike, self.value(&field)?)
        } else if self.keyword("in") {
            Filter::In(field.clone(), self.list(&field)?)
        } else if self.keyword("between") {
            let low = self.value(&field)?;
            if !self.keyword("and") {
                return Err(self.expected("`and` and the upper bound are expected"));
            }
            Filter::between(field.clone(), low, self.value(&field)?)
        } else if is_negated {
            return Err(self.expected("`like`, `ilike`, `in` or `between` is expected"));
        } else if matches!(field, Field::Tag(_)) {
            return Ok(Filter::Exists(field));
        } else {
            return Err(self.expected(OPERATORS));
        };
        Ok(if is_negated { there_and_not(field, condition) } else { condition })
    }

    fn list(&mut self, field: &Field) -> Result<Vec<ParameterValue>> {
        self.require_sign("(", "`(` and the values are expected")?;
        let mut values = Vec::new();
        if self.sign(")") {
            return Ok(values);
        }
        loop {
            values.push(self.value(field)?);
            if !self.sign(",") {
                break;
            }
        }
        self.require_sign(")", "a comma or `)` is expected")?;
        Ok(values)
    }

    fn sort(&mut self) -> Result<Sort> {
        if self.sign("-") {
            return Ok(Sort { field: self.field()?, order: SortOrder::Descending });
        }
        let field = self.field()?;
        let is_descending = self.keyword("desc") || self.keyword("descending");
        if is_descending {
            return Ok(Sort { field, order: SortOrder::Descending });
        }
        // Ascending either way, but the word has to be read.
        _ = self.keyword("asc") || self.keyword("ascending");
        Ok(Sort { field, order: SortOrder::Ascending })
    }
}
