//! What is expected to come out, as data, and what the tracker keeps of it.
//!
//! A hypothesis that is written down after the runs explains them and predicts nothing. So the tracker freezes what is
//! stated when the experiment becomes active: whatever is edited later stands beside it, with its time, as another
//! revision.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::MAX_NAME;
use crate::{
    ContentHash, Error, Filter, MetricName, Reduction, Result, RunQuery, Timestamp, Validate, check_name, check_range,
};

/// Most hypotheses of an experiment.
const MAX_HYPOTHESES: usize = 100;
/// Most revisions of a hypothesis that are kept.
const MAX_REVISIONS: usize = 1_000;
/// Most looks of a metric whose answers are kept; how many there were is counted on.
const MAX_LOOKS: usize = 100;

/// What is expected of two groups of runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Hypothesis {
    /// What to call it; 1–250 characters, unique in the experiment. Revisions keep it.
    pub name: String,
    /// The metric that decides, as `val/loss` or `loss{split=val}`.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub metric: MetricName,
    /// How a run becomes one number.
    #[serde(default)]
    pub reduction: Reduction,
    /// Which of the experiment's runs are the treatment: a filter, as `params.hidden = 64`.
    pub treatment: String,
    /// Which of them it is set against: a filter, as `params.hidden = 8`.
    pub baseline: String,
    /// Which way the treatment's mean is expected to lie from the baseline's.
    pub direction: ExpectedDirection,
    /// The smallest difference that matters, in the metric's unit; above 0. Anything within it counts as a tie.
    pub smallest_effect: f64,
    /// Chance of calling it supported, or tied, where it is not.
    #[serde(default = "default_alpha")]
    pub alpha: f64,
    /// How many runs each group is to have, at least 2.
    pub planned_runs: u32,
}

const fn default_alpha() -> f64 {
    0.05
}

/// Which way the treatment is expected to lie from the baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ExpectedDirection {
    /// Below it.
    Lower,
    /// Above it.
    Higher,
    /// On either side of it.
    Differs,
}

impl Validate for Hypothesis {
    fn validate(&self) -> Result<()> {
        check_name("name", &self.name, MAX_NAME)?;
        check_name("metric", &self.metric, MAX_NAME)?;
        self.reduction.validate().map_err(|e| e.within("reduction"))?;
        if self.reduction == Reduction::Best {
            return Err(Error::invalid("reduction", "is `best`; say `min` or `max`"));
        }
        for (field, text) in [("treatment", &self.treatment), ("baseline", &self.baseline)] {
            let filter = Filter::parse(text).map_err(|error| Error::invalid(field, error.problem))?;
            let query = RunQuery { filter: Some(filter), ..RunQuery::default() };
            query.validate().map_err(|error| Error::invalid(field, error.to_string()))?;
        }
        if self.treatment.trim() == self.baseline.trim() {
            return Err(Error::invalid("treatment", "is the same filter as `baseline`"));
        }
        check_range("smallest_effect", self.smallest_effect, "above 0", |effect| effect > 0.0)?;
        check_range("alpha", self.alpha, "above 0 and at most 0.5", |alpha| alpha > 0.0 && alpha <= 0.5)?;
        if self.planned_runs < 2 {
            return Err(Error::invalid("planned_runs", "must be at least 2: one run says nothing of its spread"));
        }
        Ok(())
    }
}

/// Checks number and names of hypotheses, and each of them.
pub(super) fn check_hypotheses(hypotheses: &[Hypothesis]) -> Result<()> {
    if hypotheses.len() > MAX_HYPOTHESES {
        let problem = format!("has {} entries; at most {MAX_HYPOTHESES} are allowed", hypotheses.len());
        return Err(Error::invalid("", problem));
    }
    for (index, hypothesis) in hypotheses.iter().enumerate() {
        hypothesis.validate().map_err(|e| e.within(&format!("[{index}]")))?;
        if hypotheses[..index].iter().any(|other| other.name == hypothesis.name) {
            let problem = format!("is `{}`, as another's is", hypothesis.name);
            return Err(Error::invalid(format!("[{index}].name"), problem));
        }
    }
    Ok(())
}

/// What the tracker keeps of an experiment's analyses. It is written by the tracker alone: what a user sends is ignored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Ledger {
    /// Hypotheses as they were frozen and revised, in the order in which they were stated.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hypotheses: Vec<Registration>,
    /// Looks that gates took, by metric: each has paid for itself.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(feature = "schema", schema(value_type = BTreeMap<String, Looks>))]
    pub looks: BTreeMap<MetricName, Looks>,
}

/// A hypothesis, frozen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Registration {
    /// Its name.
    pub name: String,
    /// What was stated, the first when it was frozen and then each edit.
    pub revisions: Vec<Revision>,
    /// When it was taken out of the configuration, while it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn_at: Option<Timestamp>,
    /// What came out, once the experiment is completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judgement: Option<Judgement>,
}

impl Registration {
    /// What is stated now, and since when.
    #[must_use]
    pub fn current(&self) -> Option<&Revision> {
        self.revisions.last()
    }
}

/// One wording of a hypothesis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Revision {
    /// When it was stated: the freezing, or the edit.
    pub at: Timestamp,
    /// What was stated.
    pub statement: Hypothesis,
}

/// What came of a hypothesis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Judgement {
    /// When it was judged.
    pub at: Timestamp,
    /// What came out.
    pub outcome: Outcome,
    /// The same in plain words, with the numbers.
    pub sentence: String,
    /// Completed runs of the treatment and of the baseline that counted.
    pub runs: (u64, u64),
    /// Mean of the treatment less mean of the baseline, in the metric's unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difference: Option<f64>,
    /// Its interval, at one less twice the alpha that was spent: what decides both a claim and a tie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<(f64, f64)>,
    /// The alpha that was spent: all of it where the planned runs are in.
    pub alpha_spent: f64,
    /// Runs a group still needed to tell the smallest effect that matters from none with 80% power.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runs_needed: Option<u64>,
    /// Where what was done is not what was planned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deviations: Vec<String>,
}

/// What came of a hypothesis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The difference is as expected, beyond chance.
    Supported,
    /// A difference as expected and large enough to matter is ruled out.
    Refuted,
    /// The difference is shown to be too small to matter, either way.
    Tied,
    /// The runs do not suffice to say.
    Underpowered,
}

impl Outcome {
    /// The name in JSON and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Supported => "supported",
            Self::Refuted => "refuted",
            Self::Tied => "tied",
            Self::Underpowered => "underpowered",
        }
    }
}

/// Looks that gates took at one metric.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Looks {
    /// How many there were.
    pub count: u64,
    /// The latest of them, oldest first.
    pub latest: Vec<Look>,
}

/// One look of a gate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Look {
    /// Its number, from 1.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// Hash of what was looked at: runs, numbers and the question. The same again is the same look.
    pub question: ContentHash,
}

impl Looks {
    /// The number of the look that asked just this before.
    #[must_use]
    pub fn find(&self, question: ContentHash) -> Option<u64> {
        self.latest.iter().find(|look| look.question == question).map(|look| look.number)
    }

    /// Counts a look, and answers for its number.
    pub fn take(&mut self, question: ContentHash, at: Timestamp) -> u64 {
        self.count += 1;
        if self.latest.len() >= MAX_LOOKS {
            self.latest.remove(0);
        }
        self.latest.push(Look { number: self.count, at, question });
        self.count
    }
}

impl Ledger {
    /// Freezes what is stated and not yet frozen, and notes what is worded anew or gone.
    pub(crate) fn register(&mut self, stated: &[Hypothesis], at: Timestamp) {
        for hypothesis in stated {
            let revision = Revision { at, statement: hypothesis.clone() };
            match self.hypotheses.iter_mut().find(|known| known.name == hypothesis.name) {
                None => self.hypotheses.push(Registration {
                    name: hypothesis.name.clone(),
                    revisions: vec![revision],
                    withdrawn_at: None,
                    judgement: None,
                }),
                Some(known) => {
                    let is_back = known.withdrawn_at.take().is_some();
                    if is_back || known.current().is_none_or(|last| last.statement != *hypothesis) {
                        if known.revisions.len() >= MAX_REVISIONS {
                            // The first is what was promised; the latest is what is asked now.
                            known.revisions.remove(1);
                        }
                        known.revisions.push(revision);
                    }
                }
            }
        }
        for known in &mut self.hypotheses {
            if !stated.iter().any(|hypothesis| hypothesis.name == known.name) {
                known.withdrawn_at.get_or_insert(at);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wide() -> Hypothesis {
        Hypothesis {
            name: "wide".to_owned(),
            metric: "val/loss".to_owned(),
            reduction: Reduction::Last,
            treatment: "params.hidden = 64".to_owned(),
            baseline: "params.hidden = 8".to_owned(),
            direction: ExpectedDirection::Lower,
            smallest_effect: 0.05,
            alpha: 0.05,
            planned_runs: 5,
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_wrong_statement_names_the_field() {
        assert!(wide().validate().is_ok());
        for (bad, field) in [
            (Hypothesis { name: String::new(), ..wide() }, "name"),
            (Hypothesis { treatment: "params.hidden =".to_owned(), ..wide() }, "treatment"),
            (Hypothesis { treatment: wide().baseline, ..wide() }, "treatment"),
            (Hypothesis { smallest_effect: 0.0, ..wide() }, "smallest_effect"),
            (Hypothesis { alpha: 0.7, ..wide() }, "alpha"),
            (Hypothesis { planned_runs: 1, ..wide() }, "planned_runs"),
            (Hypothesis { reduction: Reduction::MeanOfLast { steps: 0 }, ..wide() }, "reduction.steps"),
        ] {
            assert_eq!(bad.validate().unwrap_err().field(), Some(field));
        }
        assert_eq!(check_hypotheses(&[wide(), wide()]).unwrap_err().field(), Some("[1].name"));
    }

    #[test]
    fn edits_stand_beside_what_was_frozen() {
        let mut ledger = Ledger::default();
        ledger.register(&[wide()], at(1));
        ledger.register(&[wide()], at(2));
        assert_eq!(ledger.hypotheses[0].revisions.len(), 1);
        let bolder = Hypothesis { smallest_effect: 0.5, ..wide() };
        ledger.register(std::slice::from_ref(&bolder), at(3));
        ledger.register(&[], at(4));
        ledger.register(&[], at(5));
        let known = &ledger.hypotheses[0];
        assert_eq!(
            known.revisions.iter().map(|r| (r.at, r.statement.smallest_effect)).collect::<Vec<_>>(),
            [(at(1), 0.05), (at(3), 0.5)]
        );
        assert_eq!(known.withdrawn_at, Some(at(4)));
        ledger.register(&[bolder], at(6));
        assert_eq!((ledger.hypotheses[0].withdrawn_at, ledger.hypotheses[0].revisions.len()), (None, 3));
    }

    #[test]
    fn the_same_question_is_the_same_look() {
        let mut looks = Looks::default();
        let question = |text: &str| ContentHash::of(text.as_bytes());
        assert_eq!(looks.take(question("a"), at(1)), 1);
        assert_eq!(looks.take(question("b"), at(2)), 2);
        assert_eq!((looks.find(question("a")), looks.find(question("c"))), (Some(1), None));
        for number in 0..200 {
            looks.take(question(&number.to_string()), at(3));
        }
        assert_eq!((looks.count, looks.latest.len(), looks.find(question("a"))), (202, MAX_LOOKS, None));
    }
}
