//! Filters mean what [`Filter::matches`] says.

use std::collections::{BTreeMap, BTreeSet};

use lab_model::{
    Code, ExperimentRun, Field, Filter, Operator, Page, ParameterValue, RunId, RunQuery, RunStatus, SeriesSummary,
    Statistic, Timestamp, User, UserId, Validate as _,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use super::given::{self, append, at, stepped};
use crate::{Store, Write};

const OPERATORS: [Operator; 8] = [
    Operator::Equal,
    Operator::NotEqual,
    Operator::Less,
    Operator::LessOrEqual,
    Operator::Greater,
    Operator::GreaterOrEqual,
    Operator::Like,
    Operator::ILike,
];

/// A run as a filter sees it.
struct Seen {
    run: ExperimentRun,
    summaries: BTreeMap<String, SeriesSummary>,
    users: BTreeMap<UserId, String>,
}

impl Seen {
    fn lookup(&self, field: &Field) -> Option<ParameterValue> {
        let run = &self.run;
        let time = |at: Timestamp| ParameterValue::from(at.to_string());
        match field {
            Field::Id => Some(run.id.to_string().into()),
            Field::Name => Some(run.name.as_str().into()),
            Field::Status => Some(run.status.as_str().into()),
            Field::ExperimentId => Some(run.experiment_id.to_string().into()),
            Field::Number => Some(i64::try_from(run.number).expect("a small number").into()),
            Field::Owner => {
                let id = run.created_by?;
                Some(vec![ParameterValue::from(id.to_string()), self.users[&id].as_str().into()].into())
            }
            Field::ParentRunId => run.parent_run_id.map(|id| id.to_string().into()),
            Field::CreatedAt => Some(time(run.created_at)),
            Field::UpdatedAt => None,
            Field::StartedAt => run.started_at.map(time),
            Field::EndedAt => run.ended_at.map(time),
            Field::DurationSecs => run.duration_secs(run.ended_at?).map(Into::into),
            Field::Parameter(path) => ParameterValue::flatten(&run.parameters).get(path).map(|value| (*value).clone()),
            Field::Tag(key) => run.tags.0.get(key).map(|value| value.as_str().into()),
            Field::Metric(name, statistic) => {
                let summary = self.summaries.get(name)?;
                let value = match statistic {
                    Statistic::Last => Some(summary.last),
                    Statistic::Min => summary.min,
                    Statistic::Max => summary.max,
                    Statistic::Mean => summary.mean,
                };
                value.map(Into::into)
            }
        }
    }
}

async fn found(store: &dyn Store, filter: Filter) -> BTreeSet<RunId> {
    let page = Page { limit: Page::MAX_LIMIT, cursor: None };
    let page = store.find_runs(&RunQuery { filter: Some(filter), page, ..RunQuery::default() }).await.expect("runs");
    assert_eq!(page.total_count, page.items.len() as u64);
    page.items.into_iter().map(|run| run.id).collect()
}

fn sample<T>(runner: &mut TestRunner, strategy: &impl Strategy<Value = T>) -> T {
    strategy.new_tree(runner).expect("a value").current()
}

fn text() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "",
        "a",
        "A",
        "ab",
        "aB",
        "b*[?]",
        "ä",
        "Ä",
        "run-1",
        "1",
        "true",
        "a%b",
        "a_b",
        "axb",
        "\u{1f642}",
    ])
    .prop_map(str::to_owned)
}

fn pattern() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(vec!["%", "_", "a", "B", "*", "?", "[", "]", "ä", "1", "-", "r"]), 0..5)
        .prop_map(|parts| parts.concat())
}

fn number() -> impl Strategy<Value = f64> {
    prop::sample::select(vec![
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        0.0,
        -0.0,
        1.0,
        1.5,
        -2.0,
        9_007_199_254_740_992.0,
        9.3e18,
        2.0,
        0.25,
    ])
}

fn value() -> impl Strategy<Value = ParameterValue> {
    let whole = prop::sample::select(vec![0, 1, 2, -2, 9_007_199_254_740_993, i64::MAX, i64::MIN]);
    let leaf = prop_oneof![
        whole.prop_map(ParameterValue::from),
        number().prop_map(ParameterValue::from),
        text().prop_map(ParameterValue::from),
        any::<bool>().prop_map(ParameterValue::from),
    ];
    leaf.prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(ParameterValue::from),
            prop::collection::btree_map("[ab$.]", inner, 0..3).prop_map(ParameterValue::from),
        ]
    })
}

fn time() -> impl Strategy<Value = Timestamp> {
    (0..6i64).prop_map(|n| Timestamp::from_microsecond(at(0).as_microsecond() + n * 333_333).expect("a time"))
}

fn moment() -> impl Strategy<Value = ParameterValue> {
    prop_oneof![
        time().prop_map(|at| at.to_string().into()),
        (0..6i64).prop_map(|n| {
            let nanos = i128::from(at(0).as_microsecond()) * 1000 + i128::from(n) * 333_333_000 + 400;
            Timestamp::from_nanosecond(nanos).expect("a time").to_string().into()
        }),
        Just("2025-10-09".into()),
        Just("2025-10-09T08:53:20".into()),
    ]
}

async fn random_store(store: &dyn Store, runner: &mut TestRunner) -> Vec<Seen> {
    let mut experiments = Vec::new();
    let mut users = BTreeMap::new();
    for name in ["ada", "Bob", "0192f0c1-2a3b-7c4d-8e5f-60718293a4b5"] {
        experiments.push(given::experiment(store, name).await.id);
        let user = User { id: UserId::new(given::now()), name: name.into(), created_at: at(0) };
        users.insert(user.id, user.name.clone());
        given::write(store, Write::CreateUser(user)).await;
    }
    let ids: Vec<UserId> = users.keys().copied().collect();
    let shape = (
        (0..3usize, text(), prop::sample::select(RunStatus::ALL.to_vec()), prop::option::of(0..3usize)),
        (time(), prop::option::of(time()), prop::option::of(time()), any::<bool>()),
        prop::collection::btree_map(
            prop::sample::select(vec!["p", "q", "p.a", "n"]).prop_map(str::to_owned),
            value(),
            0..4,
        ),
        prop::collection::btree_map(prop::sample::select(vec!["t", "u"]).prop_map(str::to_owned), text(), 0..3),
        prop::collection::btree_map(
            prop::sample::select(vec!["m", "n"]).prop_map(str::to_owned),
            prop::collection::vec(number(), 1..4),
            0..3,
        ),
    );
    let mut seen: Vec<Seen> = Vec::new();
    for _ in 0..40 {
        let ((experiment, name, status, owner), (created, started, ended, is_nested), parameters, tags, metrics) =
            sample(runner, &shape);
        let mut run = given::new_run(experiments[experiment]);
        run.name = name;
        run.status = status;
        run.created_by = owner.map(|owner| ids[owner]);
        run.created_at = created;
        run.started_at = started;
        run.ended_at = ended;
        run.parent_run_id = seen.last().filter(|_| is_nested).map(|parent| parent.run.id);
        run.parameters = parameters;
        run.tags.0 = tags;
        let run = given::created(store, &run).await;
        append(store, run.id, metrics.iter().map(|(name, values)| stepped(name.as_str(), values)).collect()).await;
        let summaries = store.summaries(&[run.id], None).await.expect("summaries");
        let summaries = summaries.into_iter().map(|(_, summary)| (summary.key.name.clone(), summary)).collect();
        seen.push(Seen { run, summaries, users: users.clone() });
    }
    seen
}

/// Conditions with values that the fields may have.
fn condition(seen: &[Seen]) -> impl Strategy<Value = Filter> + use<> {
    let operator = || prop::sample::select(OPERATORS.to_vec());
    let ids: Vec<String> = seen
        .iter()
        .flat_map(|seen| {
            let run = &seen.run;
            let owner = run.created_by.map(|id| id.to_string());
            [
                Some(run.id.as_uuid().simple().to_string()),
                Some(run.id.to_string()),
                Some(run.experiment_id.to_string()),
                owner,
            ]
        })
        .flatten()
        .chain(seen[0].users.values().cloned())
        .chain(["nobody".to_owned()])
        .collect();
    let ids = || prop::sample::select(ids.clone()).prop_map(ParameterValue::from);
    let texts = || prop_oneof![text(), pattern()].prop_map(ParameterValue::from);
    let numbers = || prop_oneof![number().prop_map(ParameterValue::from), (0..4i64).prop_map(ParameterValue::from)];
    let statistic = prop::sample::select(vec![Statistic::Last, Statistic::Min, Statistic::Max, Statistic::Mean]);
    let metric =
        (prop::sample::select(vec!["m", "n"]), statistic).prop_map(|(n, s)| Field::Metric(n.into(), s)).boxed();
    let parameter = prop::sample::select(vec!["p", "q", "p.a", "p.b", "n", "p.a.a"])
        .prop_map(|p| Field::Parameter(p.into()))
        .boxed();
    let tag = prop::sample::select(vec!["t", "u", "none"]).prop_map(|key| Field::Tag(key.into())).boxed();
    let status = || prop::sample::select(RunStatus::ALL.to_vec()).prop_map(|s| ParameterValue::from(s.as_str()));
    let of = |fields: Vec<Field>| prop::sample::select(fields).boxed();
    let kinds: Vec<(BoxedStrategy<Field>, BoxedStrategy<ParameterValue>)> = vec![
        (
            of(vec![Field::Id, Field::ExperimentId, Field::ParentRunId, Field::Owner]),
            prop_oneof![ids(), texts()].boxed(),
        ),
        (of(vec![Field::Name]), texts().boxed()),
        (of(vec![Field::Status]), prop_oneof![status(), texts()].boxed()),
        (
            of(vec![Field::Number, Field::DurationSecs]),
            prop_oneof![numbers(), Just(ParameterValue::from(0.333_333))].boxed(),
        ),
        (of(vec![Field::CreatedAt, Field::StartedAt, Field::EndedAt]), moment().boxed()),
        (metric, numbers().boxed()),
        (parameter, prop_oneof![3 => value(), 1 => texts()].boxed()),
        (tag, texts().boxed()),
    ];
    prop::sample::select((0..kinds.len()).collect::<Vec<usize>>()).prop_flat_map(move |kind| {
        let (field, value) = kinds[kind].clone();
        let values = prop::collection::vec(value.clone(), 0..4);
        prop_oneof![
            6 => (field.clone(), operator(), value).prop_map(|(f, o, v)| Filter::Compare(f, o, v)),
            2 => (field.clone(), values).prop_map(|(f, v)| Filter::In(f, v)),
            1 => field.prop_map(Filter::Exists),
        ]
    })
}

pub(super) async fn random_filters_agree_with_the_model(store: &dyn Store) {
    let mut runner = TestRunner::deterministic();
    let seen = random_store(store, &mut runner).await;
    let filter = condition(&seen).prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Filter::And),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Filter::Or),
            inner.prop_map(|inner| Filter::Not(Box::new(inner))),
        ]
    });
    let (mut asked, mut some) = (0, 0);
    while asked < 1_500 {
        let filter = sample(&mut runner, &filter);
        let query = RunQuery { filter: Some(filter.clone()), ..RunQuery::default() };
        if query.validate().is_err() {
            continue;
        }
        asked += 1;
        let matching = seen.iter().filter(|seen| filter.matches(&|field: &Field| seen.lookup(field)));
        let expected: BTreeSet<RunId> = matching.map(|seen| seen.run.id).collect();
        some += usize::from(!expected.is_empty() && expected.len() < seen.len());
        assert_eq!(found(store, filter.clone()).await, expected, "{filter:?}");
    }
    assert!(some > 300, "only {some} of {asked} filters told runs apart");
}

pub(super) async fn every_operator_means_what_the_model_says(store: &dyn Store) {
    let run = given::run(store).await;
    let parameters =
        [("i", 3.into()), ("f", 0.5.into()), ("s", "AdamW".into()), ("b", true.into()), ("l", vec![1, 2].into())];
    let parameters = parameters.map(|(name, value): (&str, ParameterValue)| (name.to_owned(), value)).into();
    given::write(store, Write::SetParameters { id: run.id, parameters }).await;
    let compare = |name: &str, operator, value| Filter::Compare(Field::Parameter(name.into()), operator, value);
    use Operator::{Equal, Greater, GreaterOrEqual, ILike, Less, LessOrEqual, Like, NotEqual};
    let cases = [
        ("i", Equal, 3.into(), true),
        ("i", Equal, 3.0.into(), true),
        ("i", Equal, "3".into(), false),
        ("i", NotEqual, "3".into(), true),
        ("i", NotEqual, 3.0.into(), false),
        ("f", Less, 1.into(), true),
        ("f", Less, 0.5.into(), false),
        ("f", LessOrEqual, 0.5.into(), true),
        ("f", Greater, f64::NEG_INFINITY.into(), true),
        ("f", GreaterOrEqual, 0.6.into(), false),
        ("f", Greater, "".into(), false),
        ("s", Greater, "Adam".into(), true),
        ("s", Like, "Adam_".into(), true),
        ("s", Like, "adam_".into(), false),
        ("s", ILike, "%MW".into(), true),
        ("s", Like, "%[W]".into(), false),
        ("b", Equal, true.into(), true),
        ("b", Equal, 1.into(), false),
        ("i", Equal, true.into(), false),
        ("l", Equal, vec![1, 2].into(), true),
        ("l", NotEqual, vec![2, 1].into(), true),
        ("l", Like, "%1%".into(), false),
    ];
    for (name, operator, value, expected) in cases {
        let filter = compare(name, operator, value);
        assert_eq!(found(store, filter.clone()).await.contains(&run.id), expected, "{filter:?}");
    }
}

pub(super) async fn absent_is_neither_equal_nor_different(store: &dyn Store) {
    given::run(store).await;
    for field in [Field::Parameter("p".into()), Field::Tag("p".into()), Field::Owner, Field::ParentRunId] {
        for operator in [Operator::Equal, Operator::NotEqual, Operator::Like] {
            let filter = Filter::Compare(field.clone(), operator, "x".into());
            assert!(found(store, filter.clone()).await.is_empty(), "{filter:?}");
            assert_eq!(found(store, Filter::Not(Box::new(filter))).await.len(), 1);
        }
        assert!(found(store, Filter::Exists(field)).await.is_empty());
    }
}

pub(super) async fn nan_satisfies_only_not_equal(store: &dyn Store) {
    let (nan, one) = (given::run(store).await.id, given::run(store).await.id);
    append(store, nan, vec![stepped("loss", &[f64::NAN])]).await;
    append(store, one, vec![stepped("loss", &[1.0])]).await;
    let loss = || Field::Metric("loss".into(), Statistic::Last);
    for operator in OPERATORS.into_iter().filter(|o| !matches!(o, Operator::Like | Operator::ILike)) {
        for wanted in [f64::NAN, 1.0, f64::INFINITY] {
            let found = found(store, Filter::Compare(loss(), operator, wanted.into())).await;
            assert_eq!(found.contains(&nan), operator == Operator::NotEqual, "{operator:?} {wanted}");
            if wanted.is_nan() {
                assert_eq!(found.contains(&one), operator == Operator::NotEqual, "{operator:?}");
            }
        }
    }
    assert_eq!(found(store, Filter::Exists(loss())).await.len(), 2);
    assert_eq!(found(store, Filter::Exists(Field::Metric("loss".into(), Statistic::Mean))).await, [one].into());
    assert!(found(store, Filter::In(loss(), vec![f64::NAN.into(), 2.0.into()])).await.is_empty());
}

pub(super) async fn owners_are_found_by_name_and_by_id(store: &dyn Store) {
    let experiment = given::experiment(store, "owned").await.id;
    let user = User { id: UserId::new(at(0)), name: "Ada".into(), created_at: at(0) };
    given::write(store, Write::CreateUser(user.clone())).await;
    let mut run = given::new_run(experiment);
    run.created_by = Some(user.id);
    let run = given::created(store, &run).await;
    given::created(store, &given::new_run(experiment)).await;
    let simple = user.id.as_uuid().simple().to_string();
    for wanted in ["Ada", &user.id.to_string(), &simple, &simple.to_uppercase()] {
        assert_eq!(found(store, Filter::equal(Field::Owner, wanted)).await, [run.id].into(), "{wanted}");
    }
    let like = |pattern: &str, operator| Filter::Compare(Field::Owner, operator, pattern.into());
    assert_eq!(found(store, like("ad_", Operator::ILike)).await, [run.id].into());
    assert!(found(store, like("ad_", Operator::Like)).await.is_empty());
    assert_eq!(found(store, like("Bob", Operator::NotEqual)).await, [run.id].into());
}

pub(super) async fn deep_and_long_filters_are_answered_or_refused(store: &dyn Store) {
    let run = given::run(store).await;
    let one = || Filter::equal(Field::Parameter("p".into()), 1);
    let many = Filter::Or((0..5_000).map(|_| one()).chain([Filter::Exists(Field::Id)]).collect());
    assert_eq!(found(store, many).await, [run.id].into());
    let long =
        Filter::In(Field::Name, (0..20_000).map(|i| i.to_string().into()).chain([run.name.as_str().into()]).collect());
    assert_eq!(found(store, long).await, [run.id].into());
    let deep = |levels| (0..levels).fold(one(), |inner, _| Filter::Not(Box::new(inner)));
    assert_eq!(found(store, deep(101)).await, [run.id].into());
    let beyond = [
        deep(2_000),
        Filter::In(Field::Name, (0..40_000).map(|i| i.to_string().into()).collect()),
        Filter::Compare(Field::Name, Operator::Like, "%a".repeat(6_000).into()),
    ];
    for filter in beyond {
        let query = RunQuery { filter: Some(filter), ..RunQuery::default() };
        assert_eq!(store.find_runs(&query).await.expect_err("too much").code(), Code::ValidationError);
    }
}
