//! Questions to the store: one tree of conditions, whichever face it came in by.
//!
//! A filter is read from the query language (`parse` has its grammar), written in it, and written in it in JSON too, so
//! that one text can be typed, linked, stored and shown.

mod check;
mod matches;
mod parse;
#[cfg(test)]
mod tests;
mod write;

pub use parse::ParseError;
use serde::{Deserialize, Serialize};

use crate::{Error, ExperimentId, ParameterValue, Result};

/// Something of an experiment or a run that can be asked about or sorted by.
///
/// In text and in JSON: `status`, `params.lr`, `tags.team`, `metrics.loss`, `min(metrics.loss)`; a name with other signs
/// than `_ . / -` in backticks.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    /// Its id.
    Id,
    /// Its name.
    Name,
    /// Its status.
    Status,
    /// Runs: the experiment's id.
    ExperimentId,
    /// Runs: the number within the experiment.
    Number,
    /// Owner of an experiment or creator of a run, by id or login name.
    Owner,
    /// Runs: the run this one is part of.
    ParentRunId,
    /// When it was created.
    CreatedAt,
    /// Experiments: when it last changed.
    UpdatedAt,
    /// Runs: when it began.
    StartedAt,
    /// Runs: when it ended.
    EndedAt,
    /// Runs: seconds from start to end.
    DurationSecs,
    /// Runs: a parameter, nested ones by dotted path.
    Parameter(String),
    /// A tag.
    Tag(String),
    /// Runs: the summary of a metric, its last value by default.
    Metric(String, Statistic),
}

/// Which number of a metric's summary is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Statistic {
    /// The value at the greatest step.
    #[default]
    Last,
    /// The least value.
    Min,
    /// The greatest value.
    Max,
    /// The mean.
    Mean,
}

impl Statistic {
    /// The name in queries.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Last => "last",
            Self::Min => "min",
            Self::Max => "max",
            Self::Mean => "mean",
        }
    }
}

/// How a field is set against a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operator {
    /// The same.
    Equal,
    /// There, and not the same.
    NotEqual,
    /// Less.
    Less,
    /// Less or the same.
    LessOrEqual,
    /// Greater.
    Greater,
    /// Greater or the same.
    GreaterOrEqual,
    /// Text with `%` for any characters and `_` for one, case counting.
    Like,
    /// The same, case not counting.
    ILike,
}

impl Operator {
    /// The sign in queries.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Like => "LIKE",
            Self::ILike => "ILIKE",
        }
    }
}

/// A condition on experiments or runs; in JSON its text, as `"status = 'running' and metrics.loss < 0.5"`.
///
/// What the conditions mean, and [`Filter::matches`] decides:
///
/// - A comparison with a field that is absent is false, also `!=`: "different" is not "absent"; use [`Filter::Exists`]
///   for that. [`Filter::Not`] only turns true and false around, so it holds for what is absent.
/// - Integers and floats compare by value, without rounding; `-0.0` is `0.0`. NaN, on either side, satisfies only `!=`.
/// - Text compares by its bytes in UTF-8. `true` and `false` are equal or not, and have no order. Nor have lists and
///   maps, which are equal if they are written the same, `[1]` differing from `[1.0]`.
/// - Values of different types are different: only `!=` holds.
/// - Times compare as moments in microseconds; see [`Filter::moment`] for how they are written.
/// - Ids compare as text with hyphens; a value that is a UUID in another form is taken in that one. An owner is compared
///   by id if the value is a UUID, by login name otherwise and with `LIKE`.
/// - A pattern covers the whole text: `%` stands for any characters, `_` for one, and nothing escapes them. `ILIKE`
///   folds the case of A–Z only. What is not text is not like any pattern.
/// - `IN` is any of `=`; of an empty list it is false.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// All of them; an empty list is true.
    And(Vec<Filter>),
    /// Any of them; an empty list is false.
    Or(Vec<Filter>),
    /// Not that.
    Not(Box<Filter>),
    /// Field, operator, value.
    Compare(Field, Operator, ParameterValue),
    /// The field is one of the values.
    In(Field, Vec<ParameterValue>),
    /// The field is there.
    Exists(Field),
}

impl Filter {
    /// The field equals the value.
    pub fn equal(field: Field, value: impl Into<ParameterValue>) -> Self {
        Self::Compare(field, Operator::Equal, value.into())
    }

    /// `low ≤ field ≤ high`.
    pub fn between(field: Field, low: impl Into<ParameterValue>, high: impl Into<ParameterValue>) -> Self {
        Self::And(vec![
            Self::Compare(field.clone(), Operator::GreaterOrEqual, low.into()),
            Self::Compare(field, Operator::LessOrEqual, high.into()),
        ])
    }
}

/// Which way to sort.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SortOrder {
    /// Least first; the way where nothing is said, as in SQL.
    #[default]
    Ascending,
    /// Greatest first.
    Descending,
}

/// One key to sort by; in text and in JSON `metrics.loss asc`. What lacks the field comes last either way; ties are settled by creation, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sort {
    /// By what.
    pub field: Field,
    /// Which way.
    pub order: SortOrder,
}

/// Where a page begins; made by the store, opaque to everybody else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(pub String);

/// Which part of the results is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Page {
    /// Most items, 1 to [`Page::MAX_LIMIT`].
    pub limit: u32,
    /// Where the last page said it ended; the beginning where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
}

impl Page {
    /// Most items on a page.
    pub const MAX_LIMIT: u32 = 10_000;

    /// The first `limit` items.
    ///
    /// # Errors
    /// [`Error::Invalid`] if `limit` is out of range.
    pub fn first(limit: u32) -> Result<Self> {
        if (1..=Self::MAX_LIMIT).contains(&limit) {
            Ok(Self { limit, cursor: None })
        } else {
            Err(Error::invalid("limit", format!("is {limit}; it must be from 1 to {}", Self::MAX_LIMIT)))
        }
    }
}

impl Default for Page {
    fn default() -> Self {
        Self { limit: 100, cursor: None }
    }
}

/// A page of results.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Paged<T> {
    /// What was found.
    pub items: Vec<T>,
    /// How many match in all, over all pages.
    pub total_count: u64,
    /// Whether there are more after these.
    pub has_more: bool,
    /// Where they begin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<Cursor>,
}

impl<T> Paged<T> {
    /// The same page of something else.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Paged<U> {
        let Self { items, total_count, has_more, next_cursor } = self;
        Paged { items: items.into_iter().map(f).collect(), total_count, has_more, next_cursor }
    }
}

/// A search for experiments.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct ExperimentQuery {
    /// What must hold; everything where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<Filter>,
    /// In which order; newest first where empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sort: Vec<Sort>,
    /// Which part of the results.
    pub page: Page,
}

/// A search for runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct RunQuery {
    /// Within these experiments; all where empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub experiments: Vec<ExperimentId>,
    /// What must hold; everything where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<Filter>,
    /// In which order; newest first where empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sort: Vec<Sort>,
    /// Which part of the results.
    pub page: Page,
}
