//! Ids in MLflow's spelling, without a table between: a run's is its UUID without hyphens, an experiment's is its UUID as
//! a decimal number. The default experiment `0` is the UUID that is zero.

use lab_model::{ExperimentId, RunId, Timestamp};
use uuid::Uuid;

use super::failure::{Failure, Reply};

/// The experiment that runs belong to where they name none.
pub(super) const DEFAULT: ExperimentId = ExperimentId::from_uuid(Uuid::nil());

pub(super) fn experiment_text(id: ExperimentId) -> String {
    id.as_uuid().as_u128().to_string()
}

pub(super) fn parse_experiment(text: &str) -> Reply<ExperimentId> {
    let digits = text.trim();
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Failure::invalid(format!(
            "Invalid experiment ID '{text}'. Experiment ID must be a valid integer."
        )));
    }
    let number = digits.parse().map_err(|_| Failure::absent(format!("No Experiment with id={text} exists")))?;
    Ok(ExperimentId::from_uuid(Uuid::from_u128(number)))
}

pub(super) fn run_text(id: RunId) -> String {
    id.as_uuid().simple().to_string()
}

pub(super) fn parse_run(text: &str) -> Reply<RunId> {
    let is_plain = text.len() == 32 || text.len() == 36;
    let uuid = Uuid::try_parse(text).ok().filter(|_| is_plain);
    uuid.map(RunId::from_uuid).ok_or_else(|| Failure::absent(format!("Run with id={text} not found")))
}

/// Milliseconds since 1970, as a time that can be written as a date.
pub(super) fn time(millis: i64) -> Timestamp {
    let nearest = if millis < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_millisecond(millis).unwrap_or(nearest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_back() {
        assert_eq!(experiment_text(DEFAULT), "0");
        assert_eq!(parse_experiment("0").unwrap(), DEFAULT);
        let id = ExperimentId::new(time(1_700_000_000_000));
        assert_eq!(parse_experiment(&experiment_text(id)).unwrap(), id);
        let run = RunId::new(time(1_700_000_000_000));
        assert_eq!(run_text(run).len(), 32);
        assert_eq!(parse_run(&run_text(run)).unwrap(), run);
        for bad in ["", "abc", "-1", "1e3", &"9".repeat(60)] {
            assert!(parse_experiment(bad).is_err(), "{bad}");
        }
    }
}
