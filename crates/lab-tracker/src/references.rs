//! What people call experiments and runs, and which one they mean.

use lab_model::{
    Error, Experiment, ExperimentId, ExperimentRun, Field, Filter, Kind, Operator, Page, ParameterValue, Result, RunId,
    RunQuery,
};
use lab_store::StoreExt as _;

use crate::Tracker;

/// Fewest hexadecimal digits that can stand for an id.
const MIN_PREFIX: usize = 6;
/// Most candidates that an ambiguity names.
const MAX_CANDIDATES: u32 = 5;

impl Tracker {
    /// The experiment that an id or a name means.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn resolve_experiment(&self, reference: &str) -> Result<Experiment> {
        if let Ok(id) = reference.parse::<ExperimentId>()
            && let Some(experiment) = self.store().experiment(id).await?
        {
            return Ok(experiment);
        }
        let named = self.store().experiment_named(reference).await?;
        named.ok_or_else(|| Error::not_found(Kind::Experiment, reference))
    }

    /// The run that an id, the beginning of one, `EXPERIMENT#NUMBER` or a name that only one run has means.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] naming the candidates if it can mean several.
    pub async fn resolve_run(&self, reference: &str) -> Result<ExperimentRun> {
        if let Ok(id) = reference.parse::<RunId>() {
            return self.store().require_run(id).await;
        }
        let mut missing = Error::not_found(Kind::Run, reference);
        if let Some((experiment, number)) = reference.rsplit_once('#')
            && let Ok(number) = number.parse::<u64>()
        {
            match self.resolve_experiment(experiment).await {
                Ok(experiment) => {
                    if let Some(run) = self.store().run_numbered(experiment.id, number).await? {
                        return Ok(run);
                    }
                }
                // A name may have a `#` in it too.
                Err(error @ Error::NotFound { .. }) => missing = error,
                Err(error) => return Err(error),
            }
        }
        if let Some(run) = self.only(Filter::equal(Field::Name, reference), reference).await? {
            return Ok(run);
        }
        if let Some(prefix) = id_prefix(reference)
            && let Some(run) = self.only(prefix, reference).await?
        {
            return Ok(run);
        }
        Err(missing)
    }

    /// The one run that a filter finds.
    async fn only(&self, filter: Filter, reference: &str) -> Result<Option<ExperimentRun>> {
        let page = Page::first(MAX_CANDIDATES)?;
        let query = RunQuery { filter: Some(filter), page, ..RunQuery::default() };
        let mut found = self.store().find_runs(&query).await?;
        if found.total_count <= 1 {
            return Ok(found.items.pop());
        }
        let mut candidates: Vec<String> = found.items.iter().map(|run| run.id.to_string()).collect();
        if found.has_more {
            candidates.push("…".to_owned());
        }
        let problem = format!("can mean {} runs: name one by its id ({})", found.total_count, candidates.join(", "));
        Err(Error::conflict(Kind::Run, reference, problem))
    }
}

/// Ids that begin with these digits, with or without hyphens.
fn id_prefix(reference: &str) -> Option<Filter> {
    let digits: String = reference.chars().filter(|c| *c != '-').map(|c| c.to_ascii_lowercase()).collect();
    if digits.len() < MIN_PREFIX || digits.len() >= 32 || !digits.chars().all(|c| c.is_ascii_hexdigit()) {
        return None;
    }
    let mut pattern = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if matches!(i, 8 | 12 | 16 | 20) {
            pattern.push('-');
        }
        pattern.push(digit);
    }
    pattern.push('%');
    Some(Filter::Compare(Field::Id, Operator::Like, ParameterValue::String(pattern)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginnings_of_ids_are_patterns_with_hyphens() {
        let pattern = |text| match id_prefix(text) {
            Some(Filter::Compare(_, _, ParameterValue::String(pattern))) => Some(pattern),
            _ => None,
        };
        assert_eq!(pattern("0192F0"), Some("0192f0%".to_owned()));
        assert_eq!(pattern("0192f0c1-2a3b7"), Some("0192f0c1-2a3b-7%".to_owned()));
        for bad in ["0192f", "loss-1", &"a".repeat(32)] {
            assert_eq!(pattern(bad), None, "{bad}");
        }
    }
}
