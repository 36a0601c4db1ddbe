//! Runs that were there before.

use lab_client::{Run, StartOptions};
use lab_model::{NewExperiment, ParameterValue, Parameters, RunId, RunStatus, Tags};
use lab_tracker::NewRun;

use crate::given::{Lab, counted, eventually, log};

fn attach(lab: &Lab, id: RunId, resume: bool) -> Run {
    let options = StartOptions { run_id: Some(id), resume, ..StartOptions::new("tiny-lm") };
    Run::start(&lab.workspace, options).unwrap()
}

#[test]
fn a_run_that_failed_goes_on_only_where_that_is_asked_for() {
    let lab = Lab::new();
    let first = Run::start(&lab.workspace, StartOptions::new("tiny-lm")).unwrap();
    let id = first.id();
    log(&first, 0..5);
    first.finish(RunStatus::Failed, None).unwrap();

    let unasked = attach(&lab, id, false);
    log(&unasked, 5..6);
    let outcome = unasked.complete().unwrap();
    assert_eq!((outcome.is_delivered, outcome.refused.len()), (true, 2), "{outcome:?}");
    assert_eq!(lab.stored().run(id).run.status, RunStatus::Failed);

    let asked = attach(&lab, id, true);
    log(&asked, 5..10);
    assert_eq!(asked.complete().unwrap().refused, []);
    let stored = lab.stored();
    assert_eq!((stored.losses(id), stored.run(id).run.status), (counted(10), RunStatus::Completed));
}

#[test]
fn what_it_is_attached_with_is_added_and_what_contradicts_is_told() {
    let lab = Lab::new();
    let with = |json: &str, label: &str, id| StartOptions {
        parameters: serde_json::from_str::<Parameters>(json).unwrap(),
        tags: Tags::labels([label]),
        run_id: Some(id),
        ..StartOptions::new("tiny-lm")
    };
    let id = RunId::new(lab_client::now());
    let first = Run::start(&lab.workspace, with(r#"{"lr": 0.1}"#, "first", id)).unwrap();
    eventually("the start", || (first.acknowledged() > 0).then_some(()));
    let second = Run::start(&lab.workspace, with(r#"{"lr": 0.1, "seed": 1}"#, "second", id)).unwrap();
    eventually("the attachment", || (second.acknowledged() == 3).then_some(()));
    let third = Run::start(&lab.workspace, with(r#"{"lr": 0.2}"#, "third", id)).unwrap();
    let outcome = third.complete().unwrap();
    assert!(outcome.refused[0].problem.contains("`lr`"), "{outcome:?}");
    let run = lab.stored().run(id).run;
    assert_eq!((run.parameters["lr"].clone(), run.parameters.len()), (ParameterValue::Float(0.1), 2));
    assert_eq!(run.tags, Tags::labels(["first", "second", "third"]));
}

#[test]
fn a_run_that_was_made_to_wait_begins() {
    let lab = Lab::new();
    let stored = lab.stored();
    let made = stored.runtime.block_on(async {
        let new = NewExperiment { name: "tiny-lm".to_owned(), ..NewExperiment::default() };
        let draft = stored.tracker.create_experiment(new, None).await?;
        let active = lab_model::ExperimentStatus::Active;
        let experiment = stored.tracker.move_experiment(draft.id, active).await?.id;
        let new = NewRun {
            id: None,
            experiment,
            name: None,
            parameters: Parameters::new(),
            tags: Tags::default(),
            parent_run_id: None,
            user: None,
            status: RunStatus::Queued,
            started_at: None,
        };
        stored.tracker.create_run(new).await
    });
    let id = made.unwrap().id;
    let run = attach(&lab, id, false);
    log(&run, 0..5);
    assert_eq!(run.complete().unwrap().refused, []);
    assert_eq!((stored.losses(id), stored.run(id).run.status), (counted(5), RunStatus::Completed));
}

#[test]
fn a_nested_run_waits_for_its_parent() {
    let lab = Lab::new();
    let parent = RunId::new(lab_client::now());
    let options = StartOptions { parent_run_id: Some(parent), ..StartOptions::new("tiny-lm") };
    let child = Run::start(&lab.workspace, options).unwrap();
    log(&child, 0..5);
    let problem = eventually("a refusal", || child.problem());
    assert!(problem.contains(&parent.to_string()), "{problem}");
    let options = StartOptions { run_id: Some(parent), ..StartOptions::new("tiny-lm") };
    Run::start(&lab.workspace, options).unwrap().complete().unwrap();
    let outcome = child.complete().unwrap();
    assert!(outcome.is_delivered && outcome.refused.is_empty(), "{outcome:?}");
    let stored = lab.stored();
    assert_eq!((stored.losses(child.id()), stored.run(child.id()).run.parent_run_id), (counted(5), Some(parent)));
}
