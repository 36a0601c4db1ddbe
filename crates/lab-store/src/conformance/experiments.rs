//! Experiments and users.

use futures_util::future::join_all;
use lab_model::{
    Code, Experiment, ExperimentQuery, ExperimentStatus, Field, Filter, Operator, RunStatus, Sort, SortOrder, User,
    UserId,
};

use super::given::{self, now};
use crate::{Change, Store, StoreExt as _, Write};

fn updating(experiment: &Experiment) -> Change {
    Change::new(now()).writing(Write::UpdateExperiment(Box::new(experiment.clone())))
}

pub(super) async fn an_experiment_reads_back_whole(store: &dyn Store) {
    let mut experiment = given::draft("whole");
    experiment.description = Some("Über *alles*".into());
    experiment.hypothesis = Some("it works".into());
    experiment.owner_id = Some(UserId::new(now()));
    experiment.collaborators = vec![UserId::new(now()), UserId::new(now())];
    experiment.tags.0 = [("a".to_owned(), "1".to_owned()), ("b".to_owned(), String::new())].into();
    experiment.metadata.insert("k".into(), serde_json::json!({"n": [1.5, null]}));
    experiment.archived_at = Some(now());
    let change = Change::new(now()).writing(Write::CreateExperiment(Box::new(experiment.clone())));
    store.commit(change).await.expect("an experiment");
    assert_eq!(store.experiment(experiment.id).await.expect("an answer").as_ref(), Some(&experiment));
    assert_eq!(store.experiment_named("whole").await.expect("an answer"), Some(experiment));
    for other in ["Whole", "whol", "whole "] {
        assert_eq!(store.experiment_named(other).await.expect("an answer"), None);
    }
}

pub(super) async fn a_name_is_unique(store: &dyn Store) {
    let first = given::experiment(store, "taken").await;
    let twin = given::draft("taken");
    let error = store.commit(Change::new(now()).writing(Write::CreateExperiment(Box::new(twin)))).await;
    let error = error.expect_err("the name is taken");
    assert_eq!((error.code(), error.to_string().as_str()), (Code::Conflict, "experiment `taken` exists already"));
    let mut second = given::experiment(store, "other").await;
    second.name = "taken".into();
    second.revision += 1;
    assert_eq!(store.commit(updating(&second)).await.expect_err("the name is taken").code(), Code::Conflict);
    let mut same_id = given::draft("new name");
    same_id.id = first.id;
    let error = store.commit(Change::new(now()).writing(Write::CreateExperiment(Box::new(same_id)))).await;
    assert_eq!(error.expect_err("the id is taken").code(), Code::Conflict);
}

pub(super) async fn an_update_needs_the_next_revision(store: &dyn Store) {
    let mut experiment = given::experiment(store, "updated").await;
    for revision in [0, 1, 3] {
        experiment.revision = revision;
        assert_eq!(store.commit(updating(&experiment)).await.expect_err("not the next").code(), Code::Conflict);
    }
    experiment.revision = 2;
    experiment.status = ExperimentStatus::Paused;
    experiment.tags.0.insert("t".into(), "v".into());
    store.commit(updating(&experiment)).await.expect("the next");
    assert_eq!(store.require_experiment(experiment.id).await.expect("it"), experiment);
}

pub(super) async fn concurrent_updates_lose_none(store: &dyn Store) {
    let id = given::experiment(store, "contended").await.id;
    join_all((0..20).map(|i| async move {
        loop {
            let mut experiment = store.require_experiment(id).await.expect("it");
            experiment.revision += 1;
            experiment.tags.0.insert(format!("t{i}"), String::new());
            match store.commit(updating(&experiment)).await {
                Ok(_) => break,
                Err(error) => assert_eq!(error.code(), Code::Conflict),
            }
        }
    }))
    .await;
    let experiment = store.require_experiment(id).await.expect("it");
    assert_eq!((experiment.revision, experiment.tags.0.len()), (21, 20));
}

pub(super) async fn runs_are_counted_by_status(store: &dyn Store) {
    let experiment = given::experiment(store, "counted").await;
    assert_eq!(store.run_counts(experiment.id).await.expect("counts"), []);
    for status in [RunStatus::Running, RunStatus::Failed, RunStatus::Running] {
        let mut run = given::new_run(experiment.id);
        run.status = status;
        given::created(store, &run).await;
    }
    given::run(store).await;
    let counts = store.run_counts(experiment.id).await.expect("counts");
    assert_eq!(counts, [(RunStatus::Running, 2), (RunStatus::Failed, 1)]);
}

pub(super) async fn users_are_kept_once(store: &dyn Store) {
    let user = |name: &str| User { id: UserId::new(now()), name: name.into(), created_at: now() };
    let (first, again, other) = (user("ada"), user("ada"), user("bob"));
    for user in [&first, &again, &other] {
        given::write(store, Write::CreateUser(user.clone())).await;
    }
    assert_eq!(store.user_named("ada").await.expect("an answer"), Some(first.clone()));
    assert_eq!(store.user_named("Ada").await.expect("an answer"), None);
    let mut users = store.users(&[other.id, again.id, first.id, other.id]).await.expect("users");
    users.sort_by(|a, b| a.name.cmp(&b.name));
    assert_eq!(users, [first, other]);
    assert_eq!(store.users(&[]).await.expect("users"), []);
}

pub(super) async fn experiments_are_found_by_filter(store: &dyn Store) {
    let mut tagged = given::draft("b-tagged");
    tagged.tags.0.insert("team".into(), "nlp".into());
    tagged.status = ExperimentStatus::Draft;
    given::write(store, Write::CreateExperiment(Box::new(tagged))).await;
    given::experiment(store, "c").await;
    given::experiment(store, "a").await;
    let find = async |filter: Option<Filter>, sort: Vec<Sort>| {
        let query = ExperimentQuery { filter, sort, ..ExperimentQuery::default() };
        let found = store.find_experiments(&query).await.expect("experiments");
        assert_eq!(found.total_count, found.items.len() as u64);
        found.items.into_iter().map(|e| e.name).collect::<Vec<String>>()
    };
    assert_eq!(find(None, vec![]).await, ["a", "c", "b-tagged"]);
    let by_name = Sort { field: Field::Name, order: SortOrder::Ascending };
    assert_eq!(find(None, vec![by_name]).await, ["a", "b-tagged", "c"]);
    assert_eq!(find(Some(Filter::equal(Field::Status, "draft")), vec![]).await, ["b-tagged"]);
    assert_eq!(find(Some(Filter::equal(Field::Tag("team".into()), "nlp")), vec![]).await, ["b-tagged"]);
    let like = Filter::Compare(Field::Name, Operator::Like, "%tag%".into());
    assert_eq!(find(Some(Filter::Not(Box::new(like))), vec![]).await, ["a", "c"]);
}
