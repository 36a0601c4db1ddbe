//! Where each field is found.

use lab_model::{Field, Statistic};
use rusqlite::types::Value;

/// What is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    Runs,
    Experiments,
}

impl Subject {
    pub(super) fn table(self) -> &'static str {
        match self {
            Self::Runs => "runs",
            Self::Experiments => "experiments",
        }
    }
}

/// Where a field is found, and what it can be compared to.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Place {
    /// A text.
    Text(&'static str),
    /// A number.
    Number(&'static str),
    /// Microseconds since 1970.
    Time(&'static str),
    /// An id of 16 bytes.
    Id(&'static str),
    /// An id of a user, who also has a name.
    User(&'static str),
    /// A row of a table of its own, of which there is one at most.
    Row(Beside),
    /// The subject has no such field.
    Nowhere,
}

/// A table that has at most one row for a subject and a key.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Beside {
    pub(super) table: &'static str,
    /// Its column with the subject's id.
    pub(super) of: &'static str,
    /// Conditions on its other key columns, `{}` standing for the table's alias.
    pub(super) key: &'static str,
    pub(super) key_value: Value,
    pub(super) column: &'static str,
    pub(super) holds: Holds,
}

/// What the column of such a row holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    /// A text, never NULL.
    Text,
    /// A number; NULL is NaN.
    NumberOrNan,
    /// A number; NULL is absent.
    MaybeNumber,
    /// What the column `kind` says.
    Parameter,
}

/// Seconds as a float, worked out as `ExperimentRun::duration_secs` does, so that both agree to the last bit.
const DURATION: &str = "CASE WHEN runs.ended_at < runs.started_at THEN 0.0 ELSE \
     CAST((runs.ended_at - runs.started_at) / 1000000 AS REAL) \
     + ((runs.ended_at - runs.started_at) % 1000000 * 1000) / 1000000000.0 END";

pub(super) fn place(subject: Subject, field: &Field) -> Place {
    match (subject, field) {
        (Subject::Runs, Field::Id) => Place::Id("runs.id"),
        (Subject::Runs, Field::Name) => Place::Text("runs.name"),
        (Subject::Runs, Field::Status) => Place::Text("runs.status"),
        (Subject::Runs, Field::ExperimentId) => Place::Id("runs.experiment_id"),
        (Subject::Runs, Field::Number) => Place::Number("runs.number"),
        (Subject::Runs, Field::Owner) => Place::User("runs.created_by"),
        (Subject::Runs, Field::ParentRunId) => Place::Id("runs.parent_run_id"),
        (Subject::Runs, Field::CreatedAt) => Place::Time("runs.created_at"),
        (Subject::Runs, Field::StartedAt) => Place::Time("runs.started_at"),
        (Subject::Runs, Field::EndedAt) => Place::Time("runs.ended_at"),
        (Subject::Runs, Field::DurationSecs) => Place::Number(DURATION),
        (Subject::Runs, Field::Parameter(path)) => Place::Row(Beside {
            table: "run_parameters",
            of: "run_id",
            key: "{}.key = ?",
            key_value: Value::Text(path.clone()),
            column: "value",
            holds: Holds::Parameter,
        }),
        (Subject::Runs, Field::Tag(key)) => tag("run_tags", "run_id", key),
        (Subject::Runs, Field::Metric(name, statistic)) => metric(name, *statistic),
        (Subject::Experiments, Field::Id) => Place::Id("experiments.id"),
        (Subject::Experiments, Field::Name) => Place::Text("experiments.name"),
        (Subject::Experiments, Field::Status) => Place::Text("experiments.status"),
        (Subject::Experiments, Field::Owner) => Place::User("experiments.owner_id"),
        (Subject::Experiments, Field::CreatedAt) => Place::Time("experiments.created_at"),
        (Subject::Experiments, Field::UpdatedAt) => Place::Time("experiments.updated_at"),
        (Subject::Experiments, Field::Tag(key)) => tag("experiment_tags", "experiment_id", key),
        (Subject::Runs, Field::UpdatedAt)
        | (
            Subject::Experiments,
            Field::ExperimentId
            | Field::Number
            | Field::ParentRunId
            | Field::StartedAt
            | Field::EndedAt
            | Field::DurationSecs
            | Field::Parameter(_)
            | Field::Metric(..),
        ) => Place::Nowhere,
    }
}

fn tag(table: &'static str, of: &'static str, key: &str) -> Place {
    let key_value = Value::Text(key.to_owned());
    Place::Row(Beside { table, of, key: "{}.key = ?", key_value, column: "value", holds: Holds::Text })
}

/// Of the series without a context, which is the metric as such.
fn metric(name: &str, statistic: Statistic) -> Place {
    let (column, holds) = match statistic {
        Statistic::Last => ("last", Holds::NumberOrNan),
        Statistic::Min => ("min", Holds::MaybeNumber),
        Statistic::Max => ("max", Holds::MaybeNumber),
        Statistic::Mean => ("mean", Holds::MaybeNumber),
    };
    let key = "{}.name = ? AND {}.context = '{{}}'";
    Place::Row(Beside { table: "series", of: "run_id", key, key_value: Value::Text(name.to_owned()), column, holds })
}

impl Beside {
    /// The condition that finds the row of `subject`, the table being called `alias`.
    pub(super) fn found_by(&self, subject: Subject, alias: &str) -> super::Sql {
        let mut sql = super::Sql::new(format!("{alias}.{} = {}.id AND ", self.of, subject.table()));
        sql.push(self.has_key(alias));
        sql
    }

    /// The condition that a row has the key, whoever's it is.
    pub(super) fn has_key(&self, alias: &str) -> super::Sql {
        const BRACES: &str = "\u{1}";
        let key = self.key.replace("{{}}", BRACES).replace("{}", alias).replace(BRACES, "{}");
        super::Sql::with(key, [self.key_value.clone()])
    }
}
