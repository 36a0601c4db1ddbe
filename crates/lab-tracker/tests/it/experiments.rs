//! Experiments: what they can become, what is refused, and what each change leaves behind.

use lab_model::{
    Code, EventBody, Experiment, ExperimentPatch, ExperimentStatus, NewExperiment, NodeId, NodeType, RunStatus, Tags,
};
use lab_store::{Direction, LineageSearch};

use crate::given::{BEGIN, Lab, new_run};

/// An experiment in that state.
async fn in_state(lab: &Lab, name: &str, status: ExperimentStatus) -> Experiment {
    use ExperimentStatus::{Active, Archived, Completed, Draft, Failed, Paused};
    let mut experiment = lab.draft(name).await;
    let way: &[ExperimentStatus] = match status {
        Draft => &[],
        Active => &[Active],
        Archived => &[Archived],
        Paused => &[Active, Paused],
        Completed => &[Active, Completed],
        Failed => &[Active, Failed],
    };
    for to in way {
        experiment = lab.tracker.move_experiment(experiment.id, *to).await.unwrap();
    }
    experiment
}

#[tokio::test]
async fn every_move_is_made_and_told_or_refused_with_what_is_allowed() {
    let lab = Lab::new();
    for from in ExperimentStatus::ALL {
        for to in ExperimentStatus::ALL {
            let name = format!("{from} to {to}");
            let before = in_state(&lab, &name, from).await;
            let last = lab.last_event().await;
            let moved = lab.tracker.move_experiment(before.id, to).await;
            let kept = lab.tracker.experiment(before.id).await.unwrap();
            if from.next().contains(&to) {
                assert_eq!(moved.unwrap(), kept);
                assert_eq!((kept.status, kept.revision), (to, before.revision + 1), "{name}");
                assert_eq!(kept.archived_at, (to == ExperimentStatus::Archived).then_some(BEGIN), "{name}");
                let event = &lab.tracker.events(last, 10).await.unwrap()[..];
                let [event] = event else { panic!("{name}: {event:?}") };
                let fields = vec!["status".to_owned()];
                let expected = match to {
                    ExperimentStatus::Archived => EventBody::ExperimentArchived,
                    status => EventBody::ExperimentUpdated { status, fields },
                };
                assert_eq!((event.experiment_id, &event.body), (before.id, &expected), "{name}");
            } else {
                let error = moved.unwrap_err();
                assert_eq!(error.code(), Code::InvalidState, "{name}");
                let told = error.to_string();
                let becoming = format!("experiment `{name}` is {from} and cannot become {to}");
                assert!(told.starts_with(&becoming), "{told}");
                let allowed = told.rsplit_once("it can become ").unwrap().1;
                for next in from.next() {
                    assert!(allowed.contains(next.as_str()), "{told}");
                }
                assert_eq!(from.next().is_empty(), allowed == "nothing else", "{told}");
                assert_eq!((kept, lab.last_event().await), (before, last), "{name} changed something");
            }
        }
    }
}

#[tokio::test]
async fn a_new_experiment_is_told_owned_and_in_the_graph() {
    let lab = Lab::new();
    let new =
        NewExperiment { name: "tiny-lm".to_owned(), tags: Tags::labels(["baseline"]), ..NewExperiment::default() };
    let made = lab.tracker.create_experiment(new, Some("ada")).await.unwrap();
    assert_eq!(lab.tracker.experiment(made.id).await.unwrap(), made);
    assert_eq!((made.status, made.created_at, made.revision), (ExperimentStatus::Draft, BEGIN, 1));
    assert_eq!(lab.tracker.experiment_overview(made.id).await.unwrap().owner.as_deref(), Some("ada"));
    let [event] = &lab.tracker.events(0, 10).await.unwrap()[..] else { panic!() };
    assert_eq!(event.body, EventBody::ExperimentCreated { name: "tiny-lm".to_owned() });
    let search = LineageSearch {
        from: NodeId::experiment(made.id),
        direction: Direction::Both,
        depth: 1,
        node_types: Vec::new(),
        edge_types: Vec::new(),
        limit: 10,
    };
    let graph = lab.tracker.lineage(&search).await.unwrap();
    assert_eq!((graph.nodes.len(), graph.edges.len()), (1, 0));
    assert_eq!((graph.nodes[0].id.node_type, graph.nodes[0].label.as_str()), (NodeType::Experiment, "tiny-lm"));
}

#[tokio::test]
async fn what_is_refused_names_the_field_and_changes_nothing() {
    let lab = Lab::new();
    let kept = lab.experiment("tiny-lm").await;
    let before = lab.everything().await;
    let new = |json: &str| serde_json::from_str::<NewExperiment>(json).unwrap();
    for (new, field) in [
        (new(r#"{"name": " "}"#), "name"),
        (new(r#"{"name": "a", "tags": {"": "x"}}"#), "tags"),
        (NewExperiment { description: Some("x".repeat(70_000)), ..new(r#"{"name": "a"}"#) }, "description"),
        (
            new(r#"{"name": "a", "config": {"models": [{"model_id": "", "provider": "openai"}]}}"#),
            "config.models[0].model_id",
        ),
        (new(r#"{"name": "a", "owner": "a\nb"}"#), "user"),
    ] {
        let error = lab.tracker.create_experiment(new, None).await.unwrap_err();
        assert_eq!((error.code(), error.field()), (Code::ValidationError, Some(field)), "{error}");
    }
    let patch = ExperimentPatch { name: Some("a\tb".to_owned()), ..ExperimentPatch::default() };
    let error = lab.tracker.update_experiment(kept.id, patch, None).await.unwrap_err();
    assert_eq!(error.field(), Some("name"));
    assert_eq!(lab.everything().await, before);
}

#[tokio::test]
async fn a_name_is_taken_once_by_creation_or_by_renaming() {
    let lab = Lab::new();
    lab.draft("one").await;
    let two = lab.draft("two").await;
    let again = NewExperiment { name: "one".to_owned(), ..NewExperiment::default() };
    let rename = ExperimentPatch { name: Some("one".to_owned()), ..ExperimentPatch::default() };
    let created = lab.tracker.create_experiment(again, None).await.unwrap_err();
    let renamed = lab.tracker.update_experiment(two.id, rename, None).await.unwrap_err();
    for error in [created, renamed] {
        assert_eq!(error.code(), Code::Conflict);
        assert!(error.to_string().contains("`one`"), "{error}");
    }
    assert_eq!(lab.tracker.experiment(two.id).await.unwrap(), two);
}

#[tokio::test]
async fn a_change_that_expects_an_older_revision_is_a_conflict_and_one_that_expects_none_wins() {
    let lab = Lab::new();
    let first = lab.experiment("tiny-lm").await;
    let patch = |text: &str| ExperimentPatch { hypothesis: Some(Some(text.to_owned())), ..ExperimentPatch::default() };
    let second = lab.tracker.update_experiment(first.id, patch("wider wins"), Some(first.revision)).await.unwrap();
    let error = lab.tracker.update_experiment(first.id, patch("deeper wins"), Some(first.revision)).await.unwrap_err();
    assert_eq!(error.code(), Code::Conflict);
    assert!(error.to_string().contains(&format!("revision {}", second.revision)), "{error}");
    let changes = (0..8).map(|i| {
        let (tracker, patch) = (lab.tracker.clone(), patch(&format!("take {i}")));
        tokio::spawn(async move { tracker.update_experiment(first.id, patch, None).await })
    });
    let mut won = 0;
    for change in changes.collect::<Vec<_>>() {
        match change.await.unwrap() {
            Ok(_) => won += 1,
            Err(error) => assert_eq!(error.code(), Code::Conflict),
        }
    }
    assert!(won > 0);
    assert_eq!(lab.tracker.experiment(first.id).await.unwrap().revision, second.revision + won);
}

#[tokio::test]
async fn an_archived_experiment_does_not_change_and_only_an_active_one_takes_runs() {
    let lab = Lab::new();
    for status in ExperimentStatus::ALL {
        let experiment = in_state(&lab, status.as_str(), status).await;
        let created = lab.tracker.create_run(new_run(&experiment)).await;
        let patch = ExperimentPatch { description: Some(None), ..ExperimentPatch::default() };
        let patched = lab.tracker.update_experiment(experiment.id, patch, None).await;
        if status == ExperimentStatus::Active {
            assert_eq!(created.unwrap().status, RunStatus::Running);
        } else {
            let error = created.unwrap_err();
            assert_eq!(error.code(), Code::InvalidState);
            let told = error.to_string();
            assert!(told.contains(status.as_str()) && told.contains("only an active experiment takes runs"), "{told}");
        }
        match patched {
            Ok(_) => assert_ne!(status, ExperimentStatus::Archived),
            Err(error) => assert_eq!((error.code(), status), (Code::InvalidState, ExperimentStatus::Archived)),
        }
    }
}
