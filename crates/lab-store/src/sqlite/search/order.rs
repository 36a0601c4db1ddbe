//! The order of results, and the condition for what comes after a place in it.
//!
//! Each key is two expressions: a rank, which puts numbers, text, truth values and lists apart, NaN after them and what
//! lacks the field last, and rises whichever way the key is sorted; and the value within the rank. SQLite's order of
//! values within a rank is the one of the model: bytes of text, exact comparison of integers and floats.

use std::fmt::Write as _;

use lab_model::{Cursor, Error, Result, Sort, SortOrder};
use rusqlite::Row;
use rusqlite::types::Value;

use super::cursor::Position;
use super::fields::{Holds, Place, Subject, place};
use super::{SEARCHING, Sql};
use crate::sqlite::error::While as _;

const NAN: i64 = 4;
const MISSING: i64 = 5;

pub(super) struct Order {
    subject: Subject,
    keys: Vec<Key>,
    /// The tables that the keys are in.
    pub(super) joins: Sql,
    /// The order in words, to tell the cursor of another.
    name: String,
}

struct Key {
    rank: String,
    value: String,
    order: SortOrder,
}

impl Order {
    pub(super) fn new(subject: Subject, sort: &[Sort]) -> Result<Self> {
        let mut joins = Sql::default();
        let mut keys = Vec::with_capacity(sort.len());
        let mut name = subject.table().to_owned();
        for (i, Sort { field, order }) in sort.iter().enumerate() {
            write!(name, " {field} {order:?}").ok();
            let (rank, value) = match place(subject, field) {
                Place::Nowhere => continue,
                Place::Text(value) | Place::Number(value) | Place::Time(value) | Place::Id(value) => {
                    (rank_of_nullable(value), value.to_owned())
                }
                Place::User(id) => {
                    let value = format!("(SELECT users.name FROM users WHERE users.id = {id})");
                    (rank_of_nullable(&value), value)
                }
                Place::Row(beside) => {
                    let alias = format!("sorted{i}");
                    joins.text.push_str(&format!(" LEFT JOIN {} AS {alias} ON ", beside.table));
                    joins.push(beside.found_by(subject, &alias));
                    let value = format!("{alias}.{}", beside.column);
                    let rank = match beside.holds {
                        Holds::Text | Holds::MaybeNumber => rank_of_nullable(&value),
                        Holds::NumberOrNan => format!(
                            "CASE WHEN {alias}.{} IS NULL THEN {MISSING} WHEN {value} IS NULL THEN {NAN} ELSE 0 END",
                            beside.of
                        ),
                        Holds::Parameter => format!(
                            "CASE WHEN {alias}.kind IS NULL THEN {MISSING} WHEN {value} IS NULL THEN {NAN} \
                             ELSE {alias}.kind END"
                        ),
                    };
                    (rank, value)
                }
            };
            keys.push(Key { rank, value, order: *order });
        }
        Ok(Self { subject, keys, joins, name })
    }

    /// The keys, as further columns of the result.
    pub(super) fn columns(&self) -> String {
        let mut columns = String::new();
        for Key { rank, value, .. } in &self.keys {
            write!(columns, ", {rank}, {value}").ok();
        }
        let table = self.subject.table();
        write!(columns, ", {table}.created_at, {table}.id").ok();
        columns
    }

    /// What stands after `ORDER BY`.
    pub(super) fn clause(&self) -> String {
        let mut clause = String::new();
        for Key { rank, value, order } in &self.keys {
            write!(clause, "{rank}, {value} {}, ", if *order == SortOrder::Ascending { "ASC" } else { "DESC" }).ok();
        }
        let table = self.subject.table();
        write!(clause, "{table}.created_at DESC, {table}.id DESC").ok();
        clause
    }

    /// The place of a row whose keys begin at `column`.
    pub(super) fn position(&self, row: &Row<'_>, column: usize) -> Result<Cursor> {
        let after = column + 2 * self.keys.len();
        let keys = (column..after).map(|column| row.get::<_, Value>(column)).collect::<rusqlite::Result<_>>();
        Ok(Position {
            order: self.name.clone(),
            keys: keys.while_doing(SEARCHING)?,
            created_at: row.get(after).while_doing(SEARCHING)?,
            id: row.get(after + 1).while_doing(SEARCHING)?,
        }
        .to_cursor())
    }

    /// The condition for rows that come after the place.
    pub(super) fn after(&self, cursor: &Cursor) -> Result<Sql> {
        let place = Position::parse(cursor)?;
        if place.order != self.name || place.keys.len() != 2 * self.keys.len() {
            return Err(Error::invalid("cursor", "is of a search in another order"));
        }
        let table = self.subject.table();
        let id = Value::Blob(place.id.to_vec());
        let values = [Value::Integer(place.created_at), id];
        let mut after = Sql::with(format!("({table}.created_at, {table}.id) < (?, ?)"), values);
        // From the last key to the first: beyond in this key, or the same and after in those that follow.
        for (key, place) in self.keys.iter().zip(place.keys.chunks_exact(2)).rev() {
            let [rank, value] = place else { continue };
            let sign = if key.order == SortOrder::Ascending { '>' } else { '<' };
            let (key_rank, key_value) = (&key.rank, &key.value);
            let text = format!(
                "(({key_rank}) > ? OR (({key_rank}) = ? AND (({key_value}) {sign} ? OR (({key_value}) IS ? AND "
            );
            let mut sql = Sql::with(text, [rank.clone(), rank.clone(), value.clone(), value.clone()]);
            sql.push(after);
            sql.text.push_str("))))");
            after = sql;
        }
        Ok(after)
    }
}

fn rank_of_nullable(value: &str) -> String {
    format!("CASE WHEN {value} IS NULL THEN {MISSING} ELSE 0 END")
}
