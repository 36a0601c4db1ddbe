//! Random walks through the lifecycles: every step has an answer, and none leaves the table.

use lab_model::*;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::Config;

/// The moves of a run, written out once more, so that a change of the table in the crate is noticed here.
fn run_may(from: RunStatus, to: RunStatus) -> bool {
    use RunStatus::{Cancelled, Completed, Failed, Pending, Queued, Running, TimedOut};
    match from {
        Pending => matches!(to, Queued | Running | Failed | Cancelled),
        Queued => matches!(to, Running | Failed | Cancelled | TimedOut),
        Running => matches!(to, Completed | Failed | Cancelled | TimedOut),
        Failed | Cancelled | TimedOut => to == Running,
        Completed => false,
    }
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::default() })]

    #[test]
    fn a_run_walks_only_along_its_table(actions in vec(prop::sample::select(RunAction::ALL.to_vec()), 0..40)) {
        let mut status = RunStatus::Pending;
        for action in actions {
            match status.after("r", action) {
                Ok(next) => {
                    prop_assert!(run_may(status, next), "{status} → {next}");
                    prop_assert_eq!(next, action.leads_to());
                    prop_assert!(!next.is_terminal() || status != RunStatus::Completed);
                    status = next;
                }
                Err(error) => {
                    prop_assert_eq!(error.code(), Code::InvalidState);
                    prop_assert!(!status.actions().contains(&action));
                    prop_assert!(error.to_string().contains(status.as_str()), "{}", error);
                }
            }
        }
    }

    #[test]
    fn an_experiment_walks_only_along_its_table(moves in vec(prop::sample::select(ExperimentStatus::ALL.to_vec()), 0..40)) {
        let at = Timestamp::UNIX_EPOCH;
        let new = NewExperiment { name: "e".into(), ..Default::default() };
        let mut experiment = Experiment::create(ExperimentId::new(at), new, None, at).unwrap();
        for to in moves {
            let before = experiment.clone();
            match experiment.moved_to(to, at) {
                Ok(after) => {
                    prop_assert!(before.status.next().contains(&to));
                    prop_assert_eq!(after.status, to);
                    prop_assert_eq!(after.revision, before.revision + 1);
                    prop_assert_eq!(after.archived_at.is_some(), to == ExperimentStatus::Archived);
                    experiment = after;
                }
                Err(error) => {
                    prop_assert_eq!(error.code(), Code::InvalidState);
                    prop_assert!(!before.status.next().contains(&to));
                    experiment = before;
                }
            }
        }
        prop_assert_ne!(experiment.revision, 0);
    }
}

#[test]
fn every_state_of_a_run_can_be_reached_and_all_but_completed_can_be_left() {
    let mut reached = vec![RunStatus::Pending];
    let mut at = 0;
    while at < reached.len() {
        for action in reached[at].actions() {
            let next = reached[at].after("r", *action).unwrap();
            if !reached.contains(&next) {
                reached.push(next);
            }
        }
        at += 1;
    }
    assert!(RunStatus::ALL.iter().all(|status| reached.contains(status)));
    let stuck: Vec<RunStatus> = RunStatus::ALL.into_iter().filter(|s| s.actions().is_empty()).collect();
    assert_eq!(stuck, [RunStatus::Completed]);
}
