//! Conditions as SQL, with the meaning of [`Filter::matches`].
//!
//! SQL has three truth values and filters have two. Every condition made here is 0 or 1 and never NULL, so that `NOT` and
//! `AND` mean in both what they say.

use lab_model::{Error, Field, Filter, Operator, ParameterValue, Result};
use rusqlite::types::Value;
use uuid::Uuid;

use super::Sql;
use super::fields::{Beside, Holds, Place, Subject, place};
use crate::sqlite::experiments::marks;
use crate::sqlite::prepare::json;

/// Deepest nesting of conditions. SQLite allows 1,000 levels of expression, several of which one condition can take.
const MOST_LEVELS: usize = 128;

/// Most characters in a pattern; SQLite allows 50,000 bytes.
const MOST_PATTERN: usize = 10_000;

/// An id as text, with hyphens.
const ID_AS_TEXT: &str = "lower(substr(hex({}), 1, 8) || '-' || substr(hex({}), 9, 4) || '-' || substr(hex({}), 13, 4) \
     || '-' || substr(hex({}), 17, 4) || '-' || substr(hex({}), 21))";

pub(super) fn condition(subject: Subject, filter: &Filter) -> Result<Sql> {
    nested(subject, filter, MOST_LEVELS)
}

/// The same, for a search of everything there is: where conditions must all hold, those that an index of values answers
/// find the rows that the others are asked about.
pub(super) fn condition_by_value(subject: Subject, filter: &Filter) -> Result<Sql> {
    let (mut by_value, mut others) = (Vec::new(), Vec::new());
    let mut left = vec![(filter, MOST_LEVELS)];
    while let Some((filter, levels)) = left.pop() {
        if let (Filter::And(filters), Some(below)) = (filter, levels.checked_sub(1)) {
            left.extend(filters.iter().rev().map(|filter| (filter, below)));
        } else if let Some(sql) = among_those(subject, filter)? {
            by_value.push(sql);
        } else {
            others.push(nested(subject, filter, levels)?);
        }
    }
    by_value.append(&mut others);
    Ok(Sql::join(by_value, " AND ", "1"))
}

/// Where a filter asks for a value of a parameter or a tag, or for a tag as such: that the subject is among those that have
/// it. `None` for other filters.
fn among_those(subject: Subject, filter: &Filter) -> Result<Option<Sql>> {
    let (field, values) = match filter {
        Filter::Compare(field, Operator::Equal, value) => (field, Some(std::slice::from_ref(value))),
        Filter::In(field, values) => (field, Some(values.as_slice())),
        Filter::Exists(field @ Field::Tag(_)) => (field, None),
        Filter::Not(inner) if !matches!(**inner, Filter::Not(_)) => {
            let Some(inner) = among_those(subject, inner)? else { return Ok(None) };
            return Ok(Some(Sql::with(format!("NOT ({})", inner.text), inner.values)));
        }
        _ => return Ok(None),
    };
    let (beside, column) = match place(subject, field) {
        Place::Row(beside) if beside.holds == Holds::Parameter => (beside, Column::Parameter),
        Place::Row(beside) if beside.holds == Holds::Text => (beside, Column::Text("beside.value")),
        _ => return Ok(None),
    };
    let (table, of) = (beside.table, beside.of);
    let mut sql = Sql::new(format!("{}.id IN (SELECT beside.{of} FROM {table} AS beside WHERE ", subject.table()));
    sql.push(beside.has_key("beside"));
    if let Some(values) = values {
        sql.text.push_str(" AND ");
        sql.push(Same::new(field, values)?.as_sql(column));
    }
    sql.text.push(')');
    Ok(Some(sql))
}

fn nested(subject: Subject, filter: &Filter, levels: usize) -> Result<Sql> {
    let Some(levels) = levels.checked_sub(1) else {
        return Err(Error::invalid("filter", format!("has more than {MOST_LEVELS} conditions inside one another")));
    };
    let all = |filters: &[Filter]| filters.iter().map(|f| nested(subject, f, levels)).collect::<Result<Vec<Sql>>>();
    match filter {
        Filter::And(filters) => Ok(Sql::join(all(filters)?, " AND ", "1")),
        Filter::Or(filters) => Ok(Sql::join(all(filters)?, " OR ", "0")),
        Filter::Not(inner) => {
            let mut sql = Sql::new("NOT (");
            sql.push(nested(subject, inner, levels)?);
            sql.text.push(')');
            Ok(sql)
        }
        Filter::Exists(field) => Ok(about(subject, field, |_| Sql::new("1"))),
        Filter::Compare(field, Operator::Equal, value) => equal(subject, field, std::slice::from_ref(value)),
        Filter::In(field, values) => equal(subject, field, values),
        Filter::Compare(field, Operator::NotEqual, value) => {
            let same = Same::new(field, std::slice::from_ref(value))?;
            Ok(about(subject, field, |column| {
                let mut sql = Sql::new("NOT ");
                sql.push(same.as_sql(column));
                sql
            }))
        }
        Filter::Compare(field, operator @ (Operator::Like | Operator::ILike), pattern) => {
            like(subject, field, *operator, pattern)
        }
        Filter::Compare(field, operator, value) => Ok(ordered(subject, field, *operator, value)),
    }
}

/// One column with its type, as a condition sees it.
#[derive(Clone, Copy)]
enum Column<'a> {
    Text(&'a str),
    /// A number, or NULL for NaN.
    Number(&'a str),
    Time(&'a str),
    Id(&'a str),
    /// The id of a user.
    User(&'a str),
    /// `value` and `kind` of a parameter.
    Parameter,
}

/// A condition that holds if the field is there and `condition` holds of it.
fn about(subject: Subject, field: &Field, condition: impl FnOnce(Column<'_>) -> Sql) -> Sql {
    match place(subject, field) {
        Place::Nowhere => Sql::new("0"),
        Place::Row(beside) => row_where(subject, &beside, condition),
        Place::Text(column) => if_there(column, condition(Column::Text(column))),
        Place::Number(column) => if_there(column, condition(Column::Number(column))),
        Place::Time(column) => if_there(column, condition(Column::Time(column))),
        Place::Id(column) => if_there(column, condition(Column::Id(column))),
        Place::User(column) => if_there(column, condition(Column::User(column))),
    }
}

fn if_there(column: &str, condition: Sql) -> Sql {
    let mut sql = Sql::new(format!("(({column}) IS NOT NULL AND "));
    sql.push(condition);
    sql.text.push(')');
    sql
}

fn row_where(subject: Subject, beside: &Beside, condition: impl FnOnce(Column<'_>) -> Sql) -> Sql {
    let column = format!("beside.{}", beside.column);
    let (column, is_there) = match beside.holds {
        Holds::Text => (Column::Text(&column), None),
        Holds::NumberOrNan => (Column::Number(&column), None),
        Holds::MaybeNumber => (Column::Number(&column), Some(format!(" AND {column} IS NOT NULL"))),
        Holds::Parameter => (Column::Parameter, None),
    };
    let mut sql = Sql::new(format!("EXISTS (SELECT 1 FROM {} AS beside WHERE ", beside.table));
    sql.push(beside.found_by(subject, "beside"));
    sql.text.push_str(&is_there.unwrap_or_default());
    sql.text.push_str(" AND ");
    sql.push(condition(column));
    sql.text.push(')');
    sql
}

fn equal(subject: Subject, field: &Field, values: &[ParameterValue]) -> Result<Sql> {
    let same = Same::new(field, values)?;
    Ok(about(subject, field, |column| same.as_sql(column)))
}

/// The values that a field may be equal to, by type. NaN equals nothing and is left out.
#[derive(Default)]
struct Same {
    numbers: Vec<Value>,
    texts: Vec<Value>,
    booleans: Vec<Value>,
    documents: Vec<Value>,
    moments: Vec<Value>,
    ids: Vec<Value>,
    /// The texts that are no ids.
    names: Vec<Value>,
}

impl Same {
    fn new(field: &Field, values: &[ParameterValue]) -> Result<Self> {
        let mut same = Self::default();
        for value in values {
            match value {
                ParameterValue::Integer(v) => same.numbers.push(Value::Integer(*v)),
                ParameterValue::Float(v) if v.is_nan() => {}
                ParameterValue::Float(v) => same.numbers.push(Value::Real(*v)),
                ParameterValue::Boolean(v) => same.booleans.push(Value::Integer(i64::from(*v))),
                ParameterValue::List(_) | ParameterValue::Map(_) => {
                    same.documents.push(Value::Text(json("filter", value)?));
                }
                ParameterValue::String(text) => {
                    same.texts.push(Value::Text(text.clone()));
                    if field.is_time() {
                        same.moments.extend(Filter::moment(value).map(|at| Value::Integer(at.as_microsecond())));
                    }
                    match Uuid::try_parse(text) {
                        Ok(id) => same.ids.push(Value::Blob(id.as_bytes().to_vec())),
                        Err(_) => same.names.push(Value::Text(text.clone())),
                    }
                }
            }
        }
        Ok(same)
    }

    /// Whether the column, which is there, equals one of them.
    fn as_sql(&self, column: Column<'_>) -> Sql {
        match column {
            Column::Text(column) => one_of(column, &self.texts),
            // NULL is NaN here, and NULL in a list is not known to SQL, but it is to us.
            Column::Number(column) => {
                let mut sql = Sql::new(format!("({column} IS NOT NULL AND "));
                sql.push(one_of(column, &self.numbers));
                sql.text.push(')');
                sql
            }
            Column::Time(column) => one_of(column, &self.moments),
            Column::Id(column) => one_of(column, &self.ids),
            Column::User(column) => {
                let mut sql = Sql::new("(");
                sql.push(one_of(column, &self.ids));
                sql.text.push_str(&format!(" OR {column} IN (SELECT users.id FROM users WHERE "));
                sql.push(one_of("users.name", &self.names));
                sql.text.push_str("))");
                sql
            }
            Column::Parameter => {
                let of_kind = |kind: i64, values: &[Value]| {
                    let mut sql = Sql::new(format!("(beside.kind = {kind} AND beside.value IS NOT NULL AND "));
                    sql.push(one_of("beside.value", values));
                    sql.text.push(')');
                    sql
                };
                let kinds = [(0, &self.numbers), (1, &self.texts), (2, &self.booleans), (3, &self.documents)];
                let given = kinds.into_iter().filter(|(_, values)| !values.is_empty());
                let given = given.map(|(kind, values)| of_kind(kind, values)).collect();
                let mut sql = Sql::new("(");
                sql.push(Sql::join(given, " OR ", "0"));
                sql.text.push(')');
                sql
            }
        }
    }
}

fn one_of(column: &str, values: &[Value]) -> Sql {
    match values {
        [] => Sql::new("0"),
        [value] => Sql::with(format!("({column}) = ?"), [value.clone()]),
        values => Sql::with(format!("({column}) IN ({})", marks(values.len())), values.iter().cloned()),
    }
}

fn ordered(subject: Subject, field: &Field, operator: Operator, wanted: &ParameterValue) -> Sql {
    let sign = operator.as_str();
    let against = |column: &str, value: Option<Value>| match value {
        Some(value) => Sql::with(format!("(({column}) IS NOT NULL AND ({column}) {sign} ?)"), [value]),
        None => Sql::new("0"),
    };
    let number = match wanted {
        ParameterValue::Integer(v) => Some(Value::Integer(*v)),
        ParameterValue::Float(v) if !v.is_nan() => Some(Value::Real(*v)),
        _ => None,
    };
    let text = if let ParameterValue::String(text) = wanted { Some(Value::Text(text.clone())) } else { None };
    about(subject, field, |column| match column {
        Column::Text(column) => against(column, text),
        Column::Number(column) => against(column, number),
        Column::Time(column) => against(column, Filter::moment(wanted).map(|at| Value::Integer(at.as_microsecond()))),
        // Refused before it comes here: ids have no order that means anything.
        Column::Id(_) | Column::User(_) => Sql::new("0"),
        Column::Parameter => {
            let kind = i64::from(text.is_some());
            let mut sql = Sql::new(format!("(beside.kind = {kind} AND "));
            sql.push(against("beside.value", number.or(text)));
            sql.text.push(')');
            sql
        }
    })
}

fn like(subject: Subject, field: &Field, operator: Operator, pattern: &ParameterValue) -> Result<Sql> {
    let ParameterValue::String(pattern) = pattern else { return Ok(Sql::new("0")) };
    if pattern.chars().nth(MOST_PATTERN).is_some() {
        return Err(Error::invalid("filter", format!("has a pattern of more than {MOST_PATTERN} characters")));
    }
    // SQLite's LIKE does not mind the case of ASCII letters and its GLOB does.
    let (word, pattern) =
        if operator == Operator::ILike { ("LIKE", pattern.clone()) } else { ("GLOB", as_glob(pattern)) };
    let against = |column: &str| Sql::with(format!("({column}) {word} ?"), [Value::Text(pattern)]);
    Ok(about(subject, field, |column| match column {
        Column::Text(column) => against(column),
        Column::Id(column) => against(&ID_AS_TEXT.replace("{}", column)),
        Column::User(column) => {
            let name = against("users.name");
            Sql::with(format!("{column} IN (SELECT users.id FROM users WHERE {})", name.text), name.values)
        }
        Column::Parameter => {
            let value = against("beside.value");
            Sql::with(format!("(beside.kind = 1 AND {})", value.text), value.values)
        }
        Column::Number(_) | Column::Time(_) => Sql::new("0"),
    }))
}

fn as_glob(pattern: &str) -> String {
    let mut glob = String::with_capacity(pattern.len());
    for c in pattern.chars() {
        match c {
            '%' => glob.push('*'),
            '_' => glob.push('?'),
            '*' | '?' | '[' => glob.extend(['[', c, ']']),
            c => glob.push(c),
        }
    }
    glob
}
