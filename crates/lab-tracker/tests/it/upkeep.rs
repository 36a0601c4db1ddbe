//! What is done without being asked.

use jiff::SignedDuration;
use lab_model::{Delivery, ExperimentRun, FinishRun, Record, RunStatus, Settings, WriterId};
use lab_store::{Change, PointRange, Write};

use crate::deliver::{starting, starts};
use crate::given::{BEGIN, Lab, new_run, points};

const TIMEOUT: u64 = 60;

fn lab() -> Lab {
    Lab::with(Settings { heartbeat_timeout_secs: TIMEOUT, ..Settings::default() })
}

fn pass(lab: &Lab, secs: u64) {
    lab.clock.advance(SignedDuration::from_secs(i64::try_from(secs).unwrap()));
}

async fn vanished(lab: &Lab, run: &ExperimentRun) {
    pass(lab, TIMEOUT + 1);
    assert_eq!(lab.tracker.fail_silent_runs().await.unwrap(), [run.id]);
}

#[tokio::test]
async fn a_run_that_is_not_heard_of_fails_with_a_reason_and_only_then() {
    let lab = lab();
    let experiment = lab.experiment("tiny-lm").await;
    let (silent, alive) = (lab.run_of(&experiment).await, lab.run_of(&experiment).await);
    let pending = lab_tracker::NewRun { status: RunStatus::Pending, ..new_run(&experiment) };
    let pending = lab.tracker.create_run(pending).await.unwrap();
    let ended = lab.run_of(&experiment).await;
    lab.tracker.complete_run(ended.id, Vec::new()).await.unwrap();
    lab.tracker.log_points(silent.id, vec![points("loss", &[3.0, 2.0, 1.0])]).await.unwrap();
    pass(&lab, TIMEOUT);
    assert_eq!(lab.tracker.fail_silent_runs().await.unwrap(), []);
    lab.tracker.heartbeat(alive.id).await.unwrap();
    pass(&lab, 1);
    let last = lab.last_event().await;
    assert_eq!(lab.tracker.fail_silent_runs().await.unwrap(), [silent.id]);
    assert_eq!(lab.events_after(last).await, ["run_failed"]);
    assert_eq!(lab.tracker.fail_silent_runs().await.unwrap(), [], "once is enough");
    assert_eq!(lab.status(alive.id).await, RunStatus::Running);
    assert_eq!(lab.status(pending.id).await, RunStatus::Pending);
    assert_eq!(lab.status(ended.id).await, RunStatus::Completed);

    let run = lab.tracker.run(silent.id).await.unwrap();
    let error = run.error.unwrap();
    assert_eq!((run.status, error.error_type.as_str(), error.recoverable), (RunStatus::Failed, "ClientVanished", true));
    let message = error.message;
    assert!(message.contains("60 seconds") && message.contains(&BEGIN.to_string()), "{message}");
    assert_eq!(error.context["last_heartbeat"], BEGIN.to_string());
    assert_eq!(lab.tracker.summaries(&[silent.id], None).await.unwrap()[0].1.median, Some(2.0));
}

#[tokio::test]
async fn who_is_heard_of_ends_or_goes_while_the_upkeep_looks_is_left_alone() {
    let lab = lab();
    let experiment = lab.experiment("tiny-lm").await;
    for expected in [RunStatus::Running, RunStatus::Completed] {
        let id = lab.run_of(&experiment).await.id;
        pass(&lab, TIMEOUT + 1);
        let at = lab.tracker.now();
        let write = match expected {
            RunStatus::Running => Write::Heartbeat { id, at },
            status => Write::SetRunStatus { id, status, started_at: None, ended_at: Some(at), error: None },
        };
        lab.faults.after_the_look(Change::new(at).writing(write));
        assert_eq!(lab.tracker.fail_silent_runs().await.unwrap(), []);
        assert_eq!(lab.status(id).await, expected);
        lab.tracker.cancel_run(id, None).await.ok();
    }
    let (gone, silent) = (lab.run_of(&experiment).await.id, lab.run_of(&experiment).await.id);
    pass(&lab, TIMEOUT + 1);
    lab.faults.after_the_look(Change::new(lab.tracker.now()).writing(Write::DeleteRun { id: gone }));
    assert_eq!(lab.tracker.fail_silent_runs().await.unwrap(), [silent]);
}

#[tokio::test]
async fn a_client_that_had_not_vanished_goes_on_by_delivering() {
    let lab = lab();
    let (mut delivery, id) = starting("tiny-lm");
    lab.tracker.deliver(delivery.clone()).await.unwrap();
    let run = lab.tracker.run(id).await.unwrap();
    vanished(&lab, &run).await;

    (delivery.first_seq, delivery.records) = (2, vec![Record::metrics(vec![points("loss", &[1.0])])]);
    let last = lab.last_event().await;
    assert_eq!(lab.tracker.deliver(delivery.clone()).await.unwrap().refused, []);
    assert_eq!(lab.events_after(last).await, ["run_resumed", "metrics_logged"]);
    let run = lab.tracker.run(id).await.unwrap();
    assert_eq!((run.status, &run.error, run.ended_at), (RunStatus::Running, &None, None));
    assert_eq!(lab.tracker.fail_silent_runs().await.unwrap(), [], "it was heard of");
    vanished(&lab, &run).await;
}

#[tokio::test]
async fn a_run_that_resumes_and_ends_in_one_delivery_gets_its_final_aggregations() {
    let lab = lab();
    let (mut delivery, id) = starting("tiny-lm");
    lab.tracker.deliver(delivery.clone()).await.unwrap();
    let run = lab.tracker.run(id).await.unwrap();
    vanished(&lab, &run).await;
    let finish = FinishRun { status: RunStatus::Completed, ended_at: BEGIN, error: None };
    delivery.first_seq = 2;
    delivery.records = vec![Record::metrics(vec![points("loss", &[3.0, 2.0, 1.0])]), Record::Finish(finish)];
    assert_eq!(lab.tracker.deliver(delivery).await.unwrap().refused, []);
    assert_eq!(lab.status(id).await, RunStatus::Completed);
    let (_, loss) = &lab.tracker.summaries(&[id], None).await.unwrap()[0];
    assert_eq!((loss.count, loss.median), (3, Some(2.0)));
}

#[tokio::test]
async fn only_a_vanished_client_resumes_by_itself() {
    let lab = lab();
    let (mut delivery, id) = starting("tiny-lm");
    lab.tracker.deliver(delivery.clone()).await.unwrap();
    lab.tracker.cancel_run(id, Some("no budget".to_owned())).await.unwrap();
    (delivery.first_seq, delivery.records) = (2, vec![Record::metrics(vec![points("loss", &[1.0])])]);
    let acknowledged = lab.tracker.deliver(delivery.clone()).await.unwrap();
    assert_eq!((acknowledged.seq, acknowledged.refused.len()), (2, 1));
    let (key, range) = ("loss".into(), PointRange::default());
    assert!(lab.tracker.points(id, &key, &range, None).await.unwrap().points.is_empty());

    let resume = Record::Resume { at: BEGIN };
    let records = vec![starts("tiny-lm"), resume, Record::metrics(vec![points("loss", &[1.0])])];
    let attached = Delivery { writer_id: WriterId::new(BEGIN), first_seq: 1, records, ..delivery };
    assert_eq!(lab.tracker.deliver(attached).await.unwrap().refused, []);
    assert_eq!(lab.status(id).await, RunStatus::Running);
    assert_eq!(lab.tracker.points(id, &key, &range, None).await.unwrap().total_points, 1);
}

#[tokio::test]
async fn aggregations_that_a_failure_cut_off_are_taken_up_again() {
    let lab = lab();
    let id = lab.run().await.id;
    lab.faults.let_finalise_fail(true);
    let completed = lab.tracker.complete_run(id, vec![points("loss", &[3.0, 2.0, 1.0])]).await.unwrap();
    assert_eq!(completed.status, RunStatus::Completed, "the end does not hang on them");
    assert!(lab.tracker.finalise_ended_runs().await.is_err());
    let median = async |lab: &Lab| lab.tracker.summaries(&[id], None).await.unwrap()[0].1.median;
    assert_eq!(median(&lab).await, None);
    let lab = lab.after_a_crash();
    assert_eq!(lab.tracker.finalise_ended_runs().await.unwrap(), 1);
    assert_eq!((median(&lab).await, lab.tracker.finalise_ended_runs().await.unwrap()), (Some(2.0), 0));
}

#[tokio::test]
async fn the_upkeep_does_both_before_it_is_told_to_end() {
    let lab = lab();
    let run = lab.run().await;
    pass(&lab, TIMEOUT + 1);
    lab.tracker.upkeep(std::future::ready(())).await;
    assert_eq!(lab.status(run.id).await, RunStatus::Failed);
    assert_eq!(lab.tracker.finalise_ended_runs().await.unwrap(), 0);
}
