//! What the keys of searches mean here, and how values are compared.

use lab_model::{Field, Filter, Operator, ParameterValue, RunStatus};
use uuid::Uuid;

use super::parser::{Key, Literal, Test};
use crate::mlflow::describe::status_text;
use crate::mlflow::failure::{Failure, Reply};
use crate::mlflow::ids;

/// A condition on something of many, with a name for messages.
pub(super) struct Asked<'a> {
    pub(super) key: &'a Key,
    pub(super) test: &'a Test,
}

impl Asked<'_> {
    pub(super) fn refuse(&self, needs: &str) -> Failure {
        Failure::invalid(format!("Invalid condition on '{}': {needs}.", self.key))
    }

    /// A comparison of a text: `=`, `!=`, `LIKE`, `ILIKE`.
    pub(super) fn text(&self) -> Reply<(Operator, &str)> {
        use Operator::{Equal, ILike, Like, NotEqual};
        match self.test {
            Test::Compare(operator @ (Equal | NotEqual | Like | ILike), Literal::Text(text)) => Ok((*operator, text)),
            Test::Compare(Equal | NotEqual | Like | ILike, _) => {
                Err(self.refuse("it is a text, and the value must be one in quotes"))
            }
            _ => Err(self.refuse("it is a text, compared with =, !=, LIKE or ILIKE")),
        }
    }

    /// A comparison of a number: the six.
    pub(super) fn number(&self) -> Reply<(Operator, ParameterValue)> {
        match self.test {
            Test::Compare(Operator::Like | Operator::ILike, _) | Test::In(..) | Test::Exists(_) => {
                Err(self.refuse("it is a number, compared with =, !=, <, <=, > or >="))
            }
            Test::Compare(operator, Literal::Integer(value)) => Ok((*operator, ParameterValue::Integer(*value))),
            Test::Compare(operator, Literal::Float(value)) => Ok((*operator, ParameterValue::Float(*value))),
            Test::Compare(_, Literal::Text(_)) => {
                Err(self.refuse("it is a number, and the value must be one without quotes"))
            }
        }
    }

    /// A tag, or another field that is a text.
    pub(super) fn text_field(&self, field: Field) -> Reply<Filter> {
        if let Test::Exists(is_there) = self.test {
            let there = Filter::Exists(field);
            return Ok(if *is_there { there } else { Filter::Not(Box::new(there)) });
        }
        let (operator, text) = self.text()?;
        Ok(Filter::Compare(field, operator, text.into()))
    }

    /// A text that may be compared with a list too.
    pub(super) fn text_or_list(&self, field: Field) -> Reply<Filter> {
        if let Test::In(is_in, texts) = self.test {
            let one_of = Filter::In(field, texts.iter().map(|text| text.as_str().into()).collect());
            return Ok(if *is_in { one_of } else { Filter::Not(Box::new(one_of)) });
        }
        let (operator, text) = self.text()?;
        Ok(Filter::Compare(field, operator, text.into()))
    }

    /// A moment in milliseconds. Ours are finer: all of a millisecond is that millisecond.
    pub(super) fn moment(&self, field: Field) -> Reply<Filter> {
        let (operator, value) = self.number()?;
        let (first, is_whole) = match value {
            ParameterValue::Integer(millis) => (millis, true),
            ParameterValue::Float(float) => (float.floor() as i64, float.fract() == 0.0),
            _ => (0, true),
        };
        let at = |operator, millis| Filter::Compare(field.clone(), operator, ids::time(millis).to_string().into());
        let within =
            Filter::And(vec![at(Operator::GreaterOrEqual, first), at(Operator::Less, first.saturating_add(1))]);
        Ok(match operator {
            Operator::Equal if is_whole => within,
            Operator::Equal => Filter::Or(Vec::new()),
            Operator::NotEqual if is_whole => {
                Filter::And(vec![Filter::Exists(field.clone()), Filter::Not(Box::new(within))])
            }
            Operator::NotEqual => Filter::Exists(field.clone()),
            Operator::Less if is_whole => at(Operator::Less, first),
            Operator::GreaterOrEqual if is_whole => at(Operator::GreaterOrEqual, first),
            Operator::Less | Operator::LessOrEqual => at(Operator::Less, first.saturating_add(1)),
            _ => at(Operator::GreaterOrEqual, first.saturating_add(1)),
        })
    }

    /// The states that a comparison of MLflow's names for them leaves.
    pub(super) fn status(&self) -> Reply<Filter> {
        let (operator, wanted) = self.text()?;
        let name = Field::Name;
        let holds = |status: RunStatus| {
            let text = ParameterValue::from(status_text(status));
            Filter::Compare(name.clone(), operator, wanted.into()).matches(&|_| Some(text.clone()))
        };
        let left = RunStatus::ALL.into_iter().filter(|status| holds(*status));
        Ok(Filter::In(Field::Status, left.map(|status| ParameterValue::from(status.as_str())).collect()))
    }

    /// The id of an experiment: `=`, `!=` and `IN`.
    pub(super) fn experiment_id(&self) -> Reply<Filter> {
        let (is_in, texts) = match self.test {
            Test::In(is_in, texts) => (*is_in, texts.clone()),
            Test::Compare(Operator::Equal, Literal::Text(text)) => (true, vec![text.clone()]),
            Test::Compare(Operator::NotEqual, Literal::Text(text)) => (false, vec![text.clone()]),
            Test::Compare(Operator::Equal, Literal::Integer(number)) => (true, vec![number.to_string()]),
            Test::Compare(Operator::NotEqual, Literal::Integer(number)) => (false, vec![number.to_string()]),
            _ => return Err(self.refuse("it is an id, compared with =, !=, IN or NOT IN")),
        };
        let ids = texts.iter().map(|text| ids::parse_experiment(text)).collect::<Reply<Vec<_>>>()?;
        Ok(among(is_in, ids.iter().map(|id| *id.as_uuid())))
    }
}

/// Whether the id is one of these, or none of them.
pub(super) fn among(is_in: bool, ids: impl Iterator<Item = Uuid>) -> Filter {
    let one_of = Filter::In(Field::Id, ids.map(|id| id.to_string().into()).collect());
    if is_in { one_of } else { Filter::Not(Box::new(one_of)) }
}
