//! Searches.
//!
//! A query becomes one statement whose text depends only on the query's shape; every value in it is bound. Pages are cut
//! by key and not by offset, so that rows which come or go between two pages move nothing.

mod cursor;
mod fields;
mod filter;
mod order;

use lab_model::{
    Cursor, Error, Experiment, ExperimentQuery, ExperimentRun, Filter, Page, Paged, Result, RunQuery, Sort,
    Validate as _,
};
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};

use super::error::While as _;
use super::rows;
use fields::Subject;
use order::Order;

const SEARCHING: &str = "searching";

/// SQLite takes 32,766 variables in a statement.
const MOST_VALUES: usize = 30_000;

/// A piece of SQL with the values for its question marks.
#[derive(Clone, Debug, Default, PartialEq)]
struct Sql {
    text: String,
    values: Vec<Value>,
}

impl Sql {
    fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), values: Vec::new() }
    }

    fn with(text: impl Into<String>, values: impl IntoIterator<Item = Value>) -> Self {
        Self { text: text.into(), values: values.into_iter().collect() }
    }

    fn push(&mut self, other: Self) {
        self.text.push_str(&other.text);
        self.values.extend(other.values);
    }

    /// The pieces with `word` between them. Halves within brackets, because SQLite limits how deep an expression nests, and
    /// a plain chain nests as deep as it is long.
    fn join(mut pieces: Vec<Self>, word: &str, of_none: &str) -> Self {
        match pieces.len() {
            0 => Self::new(of_none),
            1 => pieces.swap_remove(0),
            n => {
                let right = pieces.split_off(n / 2);
                let mut joined = Self::new("(");
                joined.push(Self::join(pieces, word, of_none));
                joined.text.push_str(word);
                joined.push(Self::join(right, word, of_none));
                joined.text.push(')');
                joined
            }
        }
    }
}

pub(super) fn find_runs(conn: &Connection, query: &RunQuery) -> Result<Paged<ExperimentRun>> {
    query.validate()?;
    let within = query.experiments.iter().map(|id| Value::Blob(rows::bytes(id.as_uuid()).to_vec()));
    let within: Vec<Value> = within.collect();
    let within = match within.len() {
        0 => None,
        n => Some(Sql::with(format!("runs.experiment_id IN ({})", super::experiments::marks(n)), within)),
    };
    let search = Search { subject: Subject::Runs, filter: query.filter.as_ref(), sort: &query.sort, page: &query.page };
    search.find(conn, within, rows::RUN, rows::run)
}

pub(super) fn find_experiments(conn: &Connection, query: &ExperimentQuery) -> Result<Paged<Experiment>> {
    query.validate()?;
    let search =
        Search { subject: Subject::Experiments, filter: query.filter.as_ref(), sort: &query.sort, page: &query.page };
    search.find(conn, None, rows::EXPERIMENT, rows::experiment)
}

struct Search<'a> {
    subject: Subject,
    filter: Option<&'a Filter>,
    sort: &'a [Sort],
    page: &'a Page,
}

impl Search<'_> {
    fn find<T>(
        &self,
        conn: &Connection,
        within: Option<Sql>,
        columns: &str,
        item: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Paged<T>> {
        let limit = self.page.limit;
        let filter = self.filter.map(|filter| match within {
            None => filter::condition_by_value(self.subject, filter),
            // The rows of these experiments are fewer than those that have a value anywhere.
            Some(_) => filter::condition(self.subject, filter),
        });
        let condition = Sql::join(within.into_iter().chain(filter.transpose()?).collect(), " AND ", "1");
        let order = Order::new(self.subject, self.sort)?;
        let after = self.page.cursor.as_ref().map(|cursor| order.after(cursor)).transpose()?;
        if condition.values.len() + order.joins.values.len() > MOST_VALUES {
            return Err(Error::invalid("filter", format!("has more than {MOST_VALUES} values")));
        }
        let table = self.subject.table();
        let columns: Vec<String> = columns.split(", ").map(|column| format!("{table}.{}", column.trim())).collect();
        let listed = format!("SELECT {}{}", columns.join(", "), order.columns());
        let (mut sql, mut total_count) = if self.sort.is_empty() || self.filter.is_none() {
            let total = self.count(conn, &condition)?;
            let mut sql = Sql::new(format!("{listed} FROM {table}"));
            sql.push(order.joins.clone());
            sql.text.push_str(" WHERE ");
            sql.push(condition.clone());
            (sql, Some(total))
        } else {
            // To sort takes all that match, which are found once and counted by the way.
            let mut sql = Sql::new(format!("WITH matched AS MATERIALIZED (SELECT {table}.id FROM {table} WHERE "));
            sql.push(condition.clone());
            let count = "(SELECT count(*) FROM matched)";
            sql.text.push_str(&format!(") {listed}, {count} FROM matched JOIN {table} ON {table}.id = matched.id"));
            sql.push(order.joins.clone());
            sql.text.push_str(" WHERE 1");
            (sql, None)
        };
        if let Some(after) = after {
            sql.text.push_str(" AND ");
            sql.push(after);
        }
        sql.text.push_str(&format!(" ORDER BY {} LIMIT {}", order.clause(), limit + 1));

        let mut statement = conn.prepare_cached(&sql.text).while_doing(SEARCHING)?;
        let last_column = statement.column_count() - 1;
        let mut found = statement.query(params_from_iter(sql.values)).while_doing(SEARCHING)?;
        let mut items = Vec::new();
        let mut end: Option<Cursor> = None;
        let mut has_more = false;
        while let Some(row) = found.next().while_doing(SEARCHING)? {
            if total_count.is_none() {
                total_count = Some(rows::unsigned(row, last_column).while_doing(SEARCHING)?);
            }
            if items.len() == limit as usize {
                has_more = true;
                break;
            }
            items.push(item(row).while_doing(SEARCHING)?);
            if items.len() == limit as usize {
                end = Some(order.position(row, columns.len())?);
            }
        }
        let total_count = match total_count {
            Some(total) => total,
            // No row told it: there is none, or none behind the cursor.
            None => self.count(conn, &condition)?,
        };
        Ok(Paged { items, total_count, has_more, next_cursor: end.filter(|_| has_more) })
    }

    fn count(&self, conn: &Connection, condition: &Sql) -> Result<u64> {
        let sql = format!("SELECT count(*) FROM {} WHERE {}", self.subject.table(), condition.text);
        conn.prepare_cached(&sql)
            .and_then(|mut q| q.query_row(params_from_iter(&condition.values), |row| rows::unsigned(row, 0)))
            .while_doing(SEARCHING)
    }
}
