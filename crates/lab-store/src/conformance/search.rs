//! Order and pages of searches.

use std::collections::BTreeSet;

use lab_model::{
    Code, Cursor, ExperimentId, ExperimentRun, Field, Filter, Page, Paged, RunId, RunQuery, Sort, SortOrder, Statistic,
};

use super::given::{self, append, stepped};
use crate::{Store, Write};

fn by(field: Field, order: SortOrder) -> Vec<Sort> {
    vec![Sort { field, order }]
}

async fn find(store: &dyn Store, query: &RunQuery) -> Paged<ExperimentRun> {
    store.find_runs(query).await.expect("runs")
}

async fn names(store: &dyn Store, sort: Vec<Sort>) -> Vec<String> {
    let found = find(store, &RunQuery { sort, ..RunQuery::default() }).await;
    found.items.into_iter().map(|run| run.name).collect()
}

async fn named(store: &dyn Store, experiment: ExperimentId, name: &str) -> ExperimentRun {
    let mut run = given::new_run(experiment);
    run.name = name.into();
    given::created(store, &run).await
}

pub(super) async fn runs_come_newest_first(store: &dyn Store) {
    let experiment = given::experiment(store, "e").await.id;
    for name in ["a", "b", "c"] {
        named(store, experiment, name).await;
    }
    assert_eq!(names(store, vec![]).await, ["c", "b", "a"]);
    // Of runs that were created at the same moment the one with the greater id is the newer.
    let mut twins = [given::new_run(experiment), given::new_run(experiment)];
    twins[0].created_at = twins[1].created_at;
    twins[0].name = "d".into();
    twins[1].name = "e".into();
    for twin in &twins {
        given::created(store, twin).await;
    }
    assert_eq!(names(store, vec![]).await, ["e", "d", "c", "b", "a"]);
}

pub(super) async fn runs_are_searched_within_experiments(store: &dyn Store) {
    let mut ids = Vec::new();
    for i in 0..3 {
        let experiment = given::experiment(store, &format!("e{i}")).await.id;
        named(store, experiment, &format!("r{i}")).await;
        ids.push(experiment);
    }
    let within = async |experiments: &[ExperimentId]| {
        let found = find(store, &RunQuery { experiments: experiments.to_vec(), ..RunQuery::default() }).await;
        assert_eq!(found.total_count, found.items.len() as u64);
        found.items.into_iter().map(|run| run.name).collect::<Vec<String>>()
    };
    assert_eq!(within(&[]).await, ["r2", "r1", "r0"]);
    assert_eq!(within(&ids[..1]).await, ["r0"]);
    assert_eq!(within(&[ids[2], ids[0], ids[2]]).await, ["r2", "r0"]);
    assert_eq!(within(&[ExperimentId::new(given::now())]).await, Vec::<String>::new());
}

pub(super) async fn missing_comes_last_both_ways(store: &dyn Store) {
    use SortOrder::{Ascending, Descending};
    let experiment = given::experiment(store, "e").await.id;
    let with = async |name: &str, loss: Option<f64>, parameter: Option<lab_model::ParameterValue>| {
        let id = named(store, experiment, name).await.id;
        if let Some(loss) = loss {
            append(store, id, vec![stepped("loss", &[loss])]).await;
        }
        let parameters = parameter.map(|value| ("p".to_owned(), value)).into_iter().collect();
        given::write(store, Write::SetParameters { id, parameters }).await;
    };
    with("two", Some(2.0), Some(2.into())).await;
    with("none", None, None).await;
    with("nan", Some(f64::NAN), Some(f64::NAN.into())).await;
    with("one", Some(1.0), Some(1.5.into())).await;
    with("low", Some(f64::NEG_INFINITY), Some(f64::NEG_INFINITY.into())).await;
    with("high", Some(f64::INFINITY), Some(i64::MAX.into())).await;
    let metric = |statistic| Field::Metric("loss".into(), statistic);
    let parameter = || Field::Parameter("p".into());
    for field in [metric(Statistic::Last), parameter()] {
        let rising = names(store, by(field.clone(), Ascending)).await;
        assert_eq!(rising, ["low", "one", "two", "high", "nan", "none"]);
        let falling = names(store, by(field, Descending)).await;
        assert_eq!(falling, ["high", "two", "one", "low", "nan", "none"]);
    }
    // No finite value, no least one; ties are settled by creation.
    assert_eq!(names(store, by(metric(Statistic::Min), Ascending)).await, ["one", "two", "high", "low", "nan", "none"]);
    assert_eq!(
        names(store, by(metric(Statistic::Max), Descending)).await,
        ["two", "one", "high", "low", "nan", "none"]
    );
    let tag = Field::Tag("t".into());
    let first = find(store, &RunQuery::default()).await.items.pop().expect("the oldest");
    let tags = [("t".to_owned(), Some(String::new()))].into();
    given::write(store, Write::SetTags { id: first.id, tags }).await;
    for order in [Ascending, Descending] {
        assert_eq!(names(store, by(tag.clone(), order)).await, ["two", "high", "low", "one", "nan", "none"]);
    }
    for order in [Ascending, Descending] {
        assert_eq!(names(store, by(Field::EndedAt, order)).await.len(), 6);
    }
    let two_keys = [by(tag, Descending), by(parameter(), Ascending)].concat();
    assert_eq!(names(store, two_keys).await, ["two", "low", "one", "high", "nan", "none"]);
}

/// Runs with few distinct values, some missing.
async fn motley(store: &dyn Store, count: usize) -> (ExperimentId, Vec<RunId>) {
    let experiment = given::experiment(store, "motley").await.id;
    let mut ids = Vec::new();
    for i in 0..count {
        let run = named(store, experiment, &format!("n{}", i % 3)).await;
        let values = [Some(0.5), None, Some(f64::NAN), Some(-1.0), Some(f64::INFINITY)];
        if let Some(value) = values[i % 5] {
            append(store, run.id, vec![stepped("loss", &[value])]).await;
        }
        let parameter: [lab_model::ParameterValue; 4] = [1.into(), 1.0.into(), "x".into(), true.into()];
        let parameters = [("p".to_owned(), parameter[i % 4].clone())].into();
        given::write(store, Write::SetParameters { id: run.id, parameters }).await;
        ids.push(run.id);
    }
    (experiment, ids)
}

/// Every page of a search, and `between` after each.
async fn pages(store: &dyn Store, mut query: RunQuery, between: impl AsyncFn()) -> Vec<RunId> {
    let mut found = Vec::new();
    loop {
        let page = find(store, &query).await;
        assert!(page.items.len() <= query.page.limit as usize);
        assert_eq!(page.has_more, page.next_cursor.is_some());
        found.extend(page.items.iter().map(|run| run.id));
        if !page.has_more {
            return found;
        }
        assert_eq!(page.items.len(), query.page.limit as usize);
        query.page.cursor = page.next_cursor;
        between().await;
    }
}

fn orders() -> Vec<Vec<Sort>> {
    use SortOrder::{Ascending, Descending};
    let loss = || Field::Metric("loss".into(), Statistic::Last);
    let parameter = || Field::Parameter("p".into());
    vec![
        vec![],
        by(Field::Name, Ascending),
        by(loss(), Ascending),
        by(loss(), Descending),
        by(parameter(), Descending),
        by(Field::Id, Ascending),
        by(Field::Owner, Ascending),
        by(Field::DurationSecs, Ascending),
        [by(Field::Name, Descending), by(loss(), Ascending), by(parameter(), Ascending)].concat(),
        [by(loss(), Ascending), by(Field::Name, Ascending)].concat(),
        [by(Field::CreatedAt, Ascending), by(Field::Number, Ascending)].concat(),
    ]
}

pub(super) async fn pages_have_every_run_once_in_any_order(store: &dyn Store) {
    let (_, ids) = motley(store, 60).await;
    for sort in orders() {
        let whole = find(store, &RunQuery { sort: sort.clone(), ..RunQuery::default() }).await;
        assert_eq!((whole.total_count, whole.has_more), (60, false));
        let whole: Vec<RunId> = whole.items.into_iter().map(|run| run.id).collect();
        for limit in [1, 7, 60] {
            let page = Page { limit, cursor: None };
            let found = pages(store, RunQuery { sort: sort.clone(), page, ..RunQuery::default() }, async || {}).await;
            assert_eq!(found, whole, "{sort:?}");
        }
        assert_eq!(whole.into_iter().collect::<BTreeSet<RunId>>(), ids.iter().copied().collect());
    }
}

pub(super) async fn pages_are_stable_while_runs_are_added(store: &dyn Store) {
    let (experiment, ids) = motley(store, 30).await;
    let old: BTreeSet<RunId> = ids.into_iter().collect();
    for sort in orders() {
        let before = find(
            store,
            &RunQuery { sort: sort.clone(), page: Page { limit: 10_000, cursor: None }, ..RunQuery::default() },
        )
        .await;
        let before = before.items.into_iter().map(|run| run.id);
        let query = RunQuery { sort: sort.clone(), page: Page { limit: 7, cursor: None }, ..RunQuery::default() };
        let add = async || drop(named(store, experiment, "added").await);
        let found: Vec<RunId> = pages(store, query, add).await;
        let mut once = found.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), found.len(), "{sort:?}");
        let found = found.into_iter().filter(|id| old.contains(id));
        assert!(found.eq(before.filter(|id| old.contains(id))), "{sort:?}");
    }
}

pub(super) async fn a_cursor_of_another_search_is_refused(store: &dyn Store) {
    motley(store, 3).await;
    let page = |cursor| Page { limit: 1, cursor };
    let first = find(store, &RunQuery { page: page(None), ..RunQuery::default() }).await;
    let ask = async |cursor: Option<Cursor>| {
        let query = RunQuery { sort: by(Field::Name, SortOrder::Ascending), page: page(cursor), ..RunQuery::default() };
        store.find_runs(&query).await
    };
    assert!(ask(None).await.is_ok());
    let nonsense = ["", "7", "zz", "7b7d", "ffff", "ü"].map(|text| Some(Cursor(text.into())));
    for cursor in nonsense.into_iter().chain([first.next_cursor]) {
        let error = ask(cursor.clone()).await.expect_err("not a place in this order");
        assert_eq!((error.code(), error.field()), (Code::ValidationError, Some("cursor")), "{cursor:?}");
    }
}

pub(super) async fn questions_without_an_answer_are_refused(store: &dyn Store) {
    let queries = [
        RunQuery { page: Page { limit: 0, cursor: None }, ..RunQuery::default() },
        RunQuery { page: Page { limit: 10_001, cursor: None }, ..RunQuery::default() },
        RunQuery { filter: Some(Filter::Exists(Field::UpdatedAt)), ..RunQuery::default() },
        RunQuery { sort: by(Field::UpdatedAt, SortOrder::Ascending), ..RunQuery::default() },
        RunQuery { sort: vec![Sort { field: Field::Name, order: SortOrder::Ascending }; 17], ..RunQuery::default() },
    ];
    for query in queries {
        assert_eq!(store.find_runs(&query).await.expect_err("refused").code(), Code::ValidationError, "{query:?}");
    }
}
