//! Runs of clients that follow another tracker's rules.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use lab_model::{Code, Field, Filter, RunQuery, RunStatus, SeriesKey, SeriesPoints};
use lab_store::PointRange;
use lab_tracker::{Amendment, DELETED, UNATTENDED};

use crate::given::Lab;

fn points(values: &[(f64, i64, i64)]) -> Amendment {
    let mut series = SeriesPoints::new("loss".into());
    for (value, step, time) in values {
        series.push(*value, Some(*step), *time);
    }
    Amendment { points: vec![series], ..Amendment::default() }
}

fn moved(status: RunStatus) -> Amendment {
    Amendment { status: Some(status), ..Amendment::default() }
}

#[tokio::test]
async fn points_that_come_again_are_counted_once() {
    let lab = Lab::new();
    let run = lab.run().await;
    let tracker = &lab.tracker;
    tracker.amend_run(run.id, points(&[(1.0, 0, 5), (2.0, 1, 6)])).await.unwrap();
    tracker.amend_run(run.id, points(&[(1.0, 0, 5), (2.0, 1, 6), (2.5, 1, 6)])).await.unwrap();
    tracker.amend_run(run.id, points(&[(f64::NAN, 0, 1), (f64::NAN, 0, 1), (2.0, 1, 6)])).await.unwrap();
    let there = tracker.points(run.id, &SeriesKey::named("loss"), &PointRange::default(), None).await.unwrap();
    assert_eq!(there.points.steps, [0, 0, 1, 1].map(Some));
    assert_eq!(tracker.summaries(&[run.id], None).await.unwrap()[0].1.count, 4);
}

#[tokio::test]
async fn an_ended_run_takes_writes_and_moves_to_any_state() {
    let lab = Lab::new();
    let run = lab.run().await;
    let tracker = &lab.tracker;
    tracker.amend_run(run.id, moved(RunStatus::Completed)).await.unwrap();
    tracker.amend_run(run.id, points(&[(1.0, 0, 0)])).await.unwrap();
    assert_eq!(tracker.run(run.id).await.unwrap().status, RunStatus::Completed);
    for status in [RunStatus::Running, RunStatus::Failed, RunStatus::Completed, RunStatus::Queued] {
        tracker.amend_run(run.id, moved(status)).await.unwrap();
        let after = tracker.run(run.id).await.unwrap();
        let failed = status == RunStatus::Failed;
        assert_eq!((after.status, after.ended_at.is_some()), (status, status.is_terminal()));
        assert_eq!(after.error.is_some(), failed, "{status}");
    }
}

#[tokio::test]
async fn what_is_deleted_is_hidden_refuses_writes_and_comes_back() {
    let lab = Lab::new();
    let experiment = lab.experiment("e").await;
    let (run, other) = (lab.run_of(&experiment).await, lab.run_of(&experiment).await);
    let tracker = &lab.tracker;
    tracker.set_run_deleted(run.id, true).await.unwrap();
    tracker.set_run_deleted(run.id, true).await.unwrap();
    let seen = async || tracker.find_runs(&RunQuery::default()).await.unwrap().items.len();
    assert_eq!(seen().await, 1);
    let filter = Some(Filter::Exists(Field::Tag(DELETED.to_owned())));
    assert_eq!(tracker.find_runs(&RunQuery { filter, ..RunQuery::default() }).await.unwrap().items[0].id, run.id);
    let refused = tracker.amend_run(run.id, points(&[(1.0, 0, 0)])).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidState);

    tracker.set_experiment_deleted(run.experiment_id, true).await.unwrap();
    assert_eq!(seen().await, 0);
    assert!(tracker.find_experiments(&Default::default()).await.unwrap().items.is_empty());
    assert_eq!(tracker.set_experiment_deleted(run.experiment_id, true).await.unwrap_err().code(), Code::NotFound);
    tracker.set_experiment_deleted(run.experiment_id, false).await.unwrap();
    assert_eq!(seen().await, 2);
    tracker.amend_run(other.id, points(&[(1.0, 0, 0)])).await.unwrap();
}

#[tokio::test]
async fn a_run_whose_client_sends_no_heartbeats_is_not_taken_to_have_vanished() {
    let lab = Lab::new();
    let (kept, other) = {
        let experiment = lab.experiment("e").await;
        (lab.run_of(&experiment).await, lab.run_of(&experiment).await)
    };
    let tags = BTreeMap::from([(UNATTENDED.to_owned(), Some(String::new()))]);
    lab.tracker.amend_run(kept.id, Amendment { tags, ..Amendment::default() }).await.unwrap();
    lab.clock.advance(SignedDuration::from_hours(9));
    assert_eq!(lab.tracker.fail_silent_runs().await.unwrap(), [other.id]);
    assert_eq!(lab.tracker.run(kept.id).await.unwrap().status, RunStatus::Running);
    assert_eq!(lab.tracker.fail_silent_runs().await.unwrap(), []);
}
