//! What people call things, and which one they mean.

use lab_model::{Code, RunId, Timestamp};
use lab_tracker::NewRun;

use crate::given::{BEGIN, Lab, new_run};

/// A run with an id that begins with these digits.
async fn run(lab: &Lab, experiment: &lab_model::Experiment, id: &str, name: &str) -> RunId {
    let id: RunId = format!("{id}{}", &"0123456789abcdef0123456789abcdef"[id.len()..]).parse().unwrap();
    let new = NewRun { id: Some(id), name: Some(name.to_owned()), ..new_run(experiment) };
    lab.tracker.create_run(new).await.unwrap().id
}

#[tokio::test]
async fn an_experiment_is_found_by_id_and_by_name() {
    let lab = Lab::new();
    let experiment = lab.draft("tiny-lm").await;
    for reference in ["tiny-lm".to_owned(), experiment.id.to_string(), experiment.id.as_uuid().simple().to_string()] {
        assert_eq!(lab.tracker.resolve_experiment(&reference).await.unwrap(), experiment, "{reference}");
    }
    let error = lab.tracker.resolve_experiment("tiny-ml").await.unwrap_err();
    assert_eq!((error.code(), error.to_string().as_str()), (Code::NotFound, "no experiment `tiny-ml`"));
    let looks_like_an_id = lab_model::ExperimentId::new(Timestamp::UNIX_EPOCH).to_string();
    let named = lab.draft(&looks_like_an_id).await;
    assert_eq!(lab.tracker.resolve_experiment(&looks_like_an_id).await.unwrap(), named);
}

#[tokio::test]
async fn a_run_is_found_by_id_beginning_number_and_name() {
    let lab = Lab::new();
    let (plain, odd) = (lab.experiment("tiny-lm").await, lab.experiment("lr#sweep").await);
    let first = run(&lab, &plain, "aaaaaa11", "first").await;
    let second = run(&lab, &plain, "aaaaaa22", "second").await;
    let third = run(&lab, &odd, "bbbbbb33", "third").await;
    let hashed = run(&lab, &odd, "cccccc44", "warm#2").await;
    let name_like_an_id = run(&lab, &odd, "dddddd55", "aaaaaa22").await;
    for (reference, meant) in [
        (first.to_string(), first),
        (first.as_uuid().simple().to_string().to_uppercase(), first),
        ("aaaaaa1".to_owned(), first),
        ("AAAAAA11-89ab".to_owned(), first),
        ("tiny-lm#2".to_owned(), second),
        (format!("{}#2", plain.id), second),
        ("lr#sweep#1".to_owned(), third),
        ("third".to_owned(), third),
        ("warm#2".to_owned(), hashed),
        ("aaaaaa22".to_owned(), name_like_an_id),
        ("bbbbbb".to_owned(), third),
    ] {
        let found = lab.tracker.resolve_run(&reference).await;
        assert_eq!(found.unwrap_or_else(|error| panic!("{reference}: {error}")).id, meant, "{reference}");
    }
}

#[tokio::test]
async fn what_can_mean_several_names_them() {
    let lab = Lab::new();
    let experiment = lab.experiment("tiny-lm").await;
    let one = run(&lab, &experiment, "aaaaaa11", "baseline").await;
    let two = run(&lab, &experiment, "aaaaaa22", "baseline").await;
    for reference in ["aaaaaa", "baseline"] {
        let error = lab.tracker.resolve_run(reference).await.unwrap_err();
        assert_eq!(error.code(), Code::Conflict);
        let told = error.to_string();
        assert!(told.contains("can mean 2 runs"), "{told}");
        assert!(told.contains(&one.to_string()) && told.contains(&two.to_string()), "{told}");
    }
    for i in 3..9 {
        run(&lab, &experiment, &format!("aaaaaa{i}{i}"), "many").await;
    }
    let told = lab.tracker.resolve_run("many").await.unwrap_err().to_string();
    assert!(told.contains("can mean 6 runs") && told.contains(", …)"), "{told}");
}

#[tokio::test]
async fn what_means_nothing_says_what_was_not_found() {
    let lab = Lab::new();
    lab.experiment("tiny-lm").await;
    let unknown = RunId::new(BEGIN).to_string();
    for (reference, told) in [
        ("tiny-lm#7", "no run `tiny-lm#7`".to_owned()),
        ("tiny-ml#7", "no experiment `tiny-ml`".to_owned()),
        ("baseline", "no run `baseline`".to_owned()),
        ("abcdef", "no run `abcdef`".to_owned()),
        ("", "no run ``".to_owned()),
        ("100%", "no run `100%`".to_owned()),
        (&unknown, format!("no run `{unknown}`")),
    ] {
        let error = lab.tracker.resolve_run(reference).await.unwrap_err();
        assert_eq!((error.code(), error.to_string()), (Code::NotFound, told));
    }
}
