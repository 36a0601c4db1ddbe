//! Refusing questions that cannot have an answer: a field that the entity does not have, a value it can never be.
//!
//! Such a condition would be false for everything, and an empty list reads as "no such run" when it should read as "you
//! asked for the wrong thing". The meaning of a filter does not depend on these checks.

use super::matches::has_order;
use super::write::Literal;
use super::{ExperimentQuery, Field, Filter, Operator, Page, RunQuery, Sort};
use crate::experiment::or_nothing;
use crate::{Error, ExperimentStatus, Kind, ParameterValue, Result, RunStatus, Validate};

/// Most keys to sort by: each is one more join.
const MAX_SORT_KEYS: usize = 16;

/// What the values of a field are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    Text,
    Id,
    Status,
    Number,
    Time,
    Anything,
}

/// Who has the field, and what its values are.
fn of(field: &Field) -> (&'static [Kind], Holds) {
    const BOTH: &[Kind] = &[Kind::Experiment, Kind::Run];
    const EXPERIMENTS: &[Kind] = &[Kind::Experiment];
    const RUNS: &[Kind] = &[Kind::Run];
    match field {
        Field::Name | Field::Tag(_) => (BOTH, Holds::Text),
        Field::Id | Field::Owner => (BOTH, Holds::Id),
        Field::Status => (BOTH, Holds::Status),
        Field::CreatedAt => (BOTH, Holds::Time),
        Field::UpdatedAt => (EXPERIMENTS, Holds::Time),
        Field::ExperimentId | Field::ParentRunId => (RUNS, Holds::Id),
        Field::StartedAt | Field::EndedAt => (RUNS, Holds::Time),
        Field::Number | Field::DurationSecs | Field::Metric(..) => (RUNS, Holds::Number),
        Field::Parameter(_) => (RUNS, Holds::Anything),
    }
}

impl Filter {
    /// Checks that runs have the fields and that the values can be theirs.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the first field at fault.
    pub fn check_for_runs(&self) -> Result<()> {
        self.check(Kind::Run)
    }

    /// Checks that experiments have the fields and that the values can be theirs.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the first field at fault.
    pub fn check_for_experiments(&self) -> Result<()> {
        self.check(Kind::Experiment)
    }

    fn check(&self, kind: Kind) -> Result<()> {
        match self {
            Self::And(members) | Self::Or(members) => members.iter().try_for_each(|member| member.check(kind)),
            Self::Not(inner) => inner.check(kind),
            Self::Exists(field) => check_field(field, kind),
            Self::Compare(field, operator, value) => {
                check_field(field, kind)?;
                check_value(field, *operator, value, kind)
            }
            Self::In(field, values) => {
                check_field(field, kind)?;
                values.iter().try_for_each(|value| check_value(field, Operator::Equal, value, kind))
            }
        }
    }
}

fn check_field(field: &Field, kind: Kind) -> Result<()> {
    match of(field).0 {
        kinds if kinds.contains(&kind) => Ok(()),
        kinds => {
            let others: Vec<String> = kinds.iter().map(|other| format!("{other}s")).collect();
            let problem = format!("is a field of {}, not of {kind}s", or_nothing(others.iter().map(String::as_str)));
            Err(Error::invalid(field.to_string(), problem))
        }
    }
}

fn check_value(field: &Field, operator: Operator, value: &ParameterValue, kind: Kind) -> Result<()> {
    use Operator::{Greater, GreaterOrEqual, ILike, Less, LessOrEqual, Like};
    let refuse = |problem: String| Err(Error::invalid(field.to_string(), problem));
    let shown = || {
        let text = Literal(value).to_string();
        match text.char_indices().nth(40) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        }
    };
    let holds = of(field).1;
    let is_text = matches!(value, ParameterValue::String(_));
    if matches!(operator, Like | ILike) {
        return match holds {
            Holds::Number => refuse(format!("is a number; {} is for text", operator.as_str())),
            Holds::Time => refuse(format!("is a time; {} is for text", operator.as_str())),
            _ if !is_text => refuse(format!("is compared with {}; a pattern is text in quotes", shown())),
            _ => Ok(()),
        };
    }
    let is_order = matches!(operator, Less | LessOrEqual | Greater | GreaterOrEqual);
    match holds {
        Holds::Text | Holds::Id if !is_text => refuse(format!("is text and never {}; write it in quotes", shown())),
        Holds::Number if !matches!(value, ParameterValue::Integer(_) | ParameterValue::Float(_)) => {
            refuse(format!("is a number and never {}", shown()))
        }
        Holds::Time if Filter::moment(value).is_none() => {
            refuse(format!("is a time and never {}; write '2025-01-31' or '2025-01-31T12:00:00Z'", shown()))
        }
        Holds::Status | Holds::Id if is_order => refuse("has no order; use =, != or in".to_owned()),
        Holds::Status if !statuses(kind).into_iter().any(|s| *value == ParameterValue::from(s)) => {
            refuse(format!("is never {}; it is {}", shown(), or_nothing(statuses(kind))))
        }
        Holds::Anything if is_order && !has_order(value) => {
            refuse(format!("is compared with {}, but a {} has no order", shown(), value.type_name()))
        }
        _ => Ok(()),
    }
}

fn statuses(kind: Kind) -> Vec<&'static str> {
    if kind == Kind::Run {
        RunStatus::ALL.map(RunStatus::as_str).to_vec()
    } else {
        ExperimentStatus::ALL.map(ExperimentStatus::as_str).to_vec()
    }
}

fn check_query(filter: Option<&Filter>, sort: &[Sort], page: &Page, kind: Kind) -> Result<()> {
    filter.map_or(Ok(()), |filter| filter.check(kind)).map_err(|e| e.within("filter"))?;
    if sort.len() > MAX_SORT_KEYS {
        return Err(Error::invalid("sort", format!("has {} keys; at most {MAX_SORT_KEYS} are allowed", sort.len())));
    }
    sort.iter().try_for_each(|key| check_field(&key.field, kind)).map_err(|e| e.within("sort"))?;
    Page::first(page.limit).map(drop).map_err(|e| e.within("page"))
}

impl Validate for ExperimentQuery {
    fn validate(&self) -> Result<()> {
        check_query(self.filter.as_ref(), &self.sort, &self.page, Kind::Experiment)
    }
}

impl Validate for RunQuery {
    fn validate(&self) -> Result<()> {
        check_query(self.filter.as_ref(), &self.sort, &self.page, Kind::Run)
    }
}
