use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;

use super::Operator::{Equal, Greater, GreaterOrEqual, ILike, Less, LessOrEqual, Like, NotEqual};
use super::*;
use crate::Validate as _;

const UUID: &str = "0192f0c1-2a3b-7c4d-8e5f-60718293a4b5";

fn param(path: &str) -> Field {
    Field::Parameter(path.into())
}

fn metric(name: &str) -> Field {
    Field::Metric(name.into(), Statistic::Last)
}

fn tag(key: &str) -> Field {
    Field::Tag(key.into())
}

fn is(field: Field, operator: Operator, value: impl Into<ParameterValue>) -> Filter {
    Filter::Compare(field, operator, value.into())
}

fn not(filter: Filter) -> Filter {
    Filter::Not(Box::new(filter))
}

#[track_caller]
fn check_read(text: &str, tree: Filter) {
    assert_eq!(Filter::parse(text), Ok(tree), "{text}");
}

#[test]
fn every_form_of_a_condition_is_read() {
    check_read("", Filter::And(vec![]));
    check_read(" \n", Filter::And(vec![]));
    check_read("status = running", is(Field::Status, Equal, "running"));
    check_read("STATUS == TIMED_OUT", is(Field::Status, Equal, "timed_out"));
    check_read("status in (failed,'cancelled')", Filter::In(Field::Status, vec!["failed".into(), "cancelled".into()]));
    check_read("status in (false, nan)", Filter::In(Field::Status, vec![false.into(), f64::NAN.into()]));
    check_read("name != 'it''s'", is(Field::Name, NotEqual, "it's"));
    check_read(r#"name <> "say ""hi""""#, is(Field::Name, NotEqual, "say \"hi\""));
    check_read("created_by='ada'", is(Field::Owner, Equal, "ada"));
    check_read("duration>60", is(Field::DurationSecs, Greater, 60));
    check_read("created_at >= '2025-01-01'", is(Field::CreatedAt, GreaterOrEqual, "2025-01-01"));
    check_read("params.lr <= 1e-3", is(param("lr"), LessOrEqual, 1e-3));
    check_read("param.model.layers < .5", is(param("model.layers"), Less, 0.5));
    check_read("config.`a ``b`` = c` = true", is(param("a `b` = c"), Equal, true));
    check_read("parameters.\"and\" = FALSE", is(param("and"), Equal, false));
    check_read("parameter.seed = -9223372036854775808", is(param("seed"), Equal, i64::MIN));
    check_read("params.sizes = [64, 32]", is(param("sizes"), Equal, vec![64, 32]));
    check_read("metric.train/loss-ä > -inf", is(metric("train/loss-ä"), Greater, f64::NEG_INFINITY));
    check_read("metrics.loss != NaN", is(metric("loss"), NotEqual, f64::NAN));
    check_read("Min( metrics.loss )<2", is(Field::Metric("loss".into(), Statistic::Min), Less, 2));
    check_read("tags.team like 'nlp%'", is(tag("team"), Like, "nlp%"));
    check_read("tag.team ILIKE 'NLP_'", is(tag("team"), ILike, "NLP_"));
    check_read("tags.baseline", Filter::Exists(tag("baseline")));
    check_read("tags.baseline exists", Filter::Exists(tag("baseline")));
    check_read("params.lr IS NOT NULL", Filter::Exists(param("lr")));
    check_read("params.lr is null", not(Filter::Exists(param("lr"))));
    check_read("id in ()", Filter::In(Field::Id, vec![]));
    check_read("metrics.a between 1 and 2.5", Filter::between(metric("a"), 1, 2.5));
    check_read(
        "tags.a not in ('x')",
        Filter::And(vec![Filter::Exists(tag("a")), not(Filter::In(tag("a"), vec!["x".into()]))]),
    );
    check_read("tags.a not like 'x'", Filter::And(vec![Filter::Exists(tag("a")), not(is(tag("a"), Like, "x"))]));
}

#[test]
fn and_binds_closer_than_or_and_parentheses_closest() {
    let [a, b, c] = ["a", "b", "c"].map(|key| Filter::Exists(tag(key)));
    check_read("tags.a or tags.b AND tags.c", Filter::Or(vec![a.clone(), Filter::And(vec![b.clone(), c.clone()])]));
    check_read(
        "not (tags.a or tags.b) and tags.c",
        Filter::And(vec![not(Filter::Or(vec![a.clone(), b.clone()])), c.clone()]),
    );
    check_read("(tags.a and (tags.b)) and tags.c", Filter::And(vec![Filter::And(vec![a.clone(), b]), c]));
    check_read("not not tags.a", not(not(a.clone())));
    check_read("not tags.a or false", Filter::Or(vec![not(a), Filter::Or(vec![])]));
    check_read(
        "metrics.x between 1 and 2 and true",
        Filter::And(vec![Filter::between(metric("x"), 1, 2), Filter::And(vec![])]),
    );
}

#[track_caller]
fn check_refused(text: &str, position: usize, problem: &str) {
    let error = Filter::parse(text).unwrap_err();
    assert_eq!((error.position, error.problem.as_str()), (position, problem), "{text}");
}

#[test]
fn a_bad_text_is_told_where_and_why() {
    const OPERATOR: &str = "an operator is expected: =, !=, <, <=, >, >=, like, ilike, in, between, is null or exists";
    check_refused("loss > 1", 0, "has no field `loss`; a metric is written `metrics.loss`, a parameter `params.loss`");
    check_refused("tags.ä and metrcs.loss > 1", 11, "has no field `metrcs.loss`; did you mean `metrics.loss`?");
    check_refused("statsu = running", 0, "has no field `statsu`; did you mean `status`?");
    check_refused("metrics > 1", 0, "has `metrics` where a dot and a name are expected after it, as `metrics.loss`");
    check_refused(
        "metrics. > 1",
        9,
        "has `>` where a name is expected, in backticks if it has other signs than _ . / -",
    );
    check_refused("metrics.loss", 12, &format!("ends where {OPERATOR}"));
    check_refused("metrics.loss ~ 1", 13, &format!("has `~` where {OPERATOR}"));
    check_refused("metrics.loss >", 14, "ends where a value is expected: 'text', a number, true or false");
    check_refused("metrics.loss > ) ", 15, "has `)` where a value is expected: 'text', a number, true or false");
    check_refused("params.opt = adamw", 13, "has `adamw` where a value is expected; text is written in quotes");
    check_refused("params.opt = 'adamw", 13, "has a ' that is never closed");
    check_refused("params.`opt = 1", 7, "has a ` that is never closed");
    check_refused("status = failed status", 16, "has `status` where `and`, `or` or the end is expected");
    check_refused(
        "status = failed and",
        19,
        "ends where a field is expected, as `status`, `metrics.loss` or `tags.team`",
    );
    check_refused("(status = failed", 16, "ends where `and`, `or` or `)` is expected");
    check_refused("status = failed)", 15, "has `)` where `and`, `or` or the end is expected");
    check_refused("id not = 'x'", 7, "has `=` where `like`, `ilike`, `in` or `between` is expected");
    check_refused("id is 'x'", 6, "has `'` where `null` or `not null` is expected");
    check_refused("id in 'x'", 6, "has `'` where `(` and the values are expected");
    check_refused("id in ('x' 'y')", 11, "has `'` where a comma or `)` is expected");
    check_refused("number between 1 or 2", 17, "has `or` where `and` and the upper bound are expected");
    check_refused(
        "median(metrics.x) > 1",
        0,
        "has `median` where a field is expected, as `status` or `min(metrics.loss)`",
    );
    check_refused("min(params.x) > 1", 4, "has `params.x` where a metric is expected, as `metrics.loss`");
    check_refused("min(metrics.x > 1", 14, "has `>` where `)` is expected");
    check_refused(
        "number = 9223372036854775808",
        9,
        "has `9223372036854775808`, which does not fit 64 bits; write it with a dot to compare with a float",
    );
    check_refused("number = 1e999", 9, "has `1e999`, which is too large for a float; write inf for infinity");
    check_refused("number = 1.2.3", 9, "has `1.2.3`, which is not a number");
    check_refused("number = 1\u{7}", 10, "has `\\u{7}` where `and`, `or` or the end is expected");
}

#[test]
fn an_error_names_the_text_and_counts_characters_from_one() {
    let error: Error = Filter::parse("ä").unwrap_err().into();
    assert_eq!(
        error.to_string(),
        "`query` has no field `ä`; a metric is written `metrics.ä`, a parameter `params.ä` (character 1)"
    );
    let error = Sort::parse_list("name up").unwrap_err();
    assert_eq!(
        error.to_string(),
        "the sort has `up` where `asc`, `desc`, a comma or the end is expected (character 6)"
    );
}

#[test]
fn the_size_of_a_text_is_bounded() {
    let nested = |depth| format!("{}tags.a{}", "(".repeat(depth), ")".repeat(depth));
    assert!(Filter::parse(&nested(64)).is_ok());
    check_refused(&nested(65), 65, "holds more than 64 parentheses and `not`s inside one another");
    assert!(Filter::parse(&"(".repeat(10_000)).is_err());
    assert!(Filter::parse(&format!("{}tags.a", "not ".repeat(2_000))).is_err());
    assert!(Filter::parse(&format!("params.a = {}", "[".repeat(9_000))).is_err());
    check_refused(&"é".repeat(10_001), 10_000, "has more than 10000 characters");
    let list = |values| format!("number in ({})", vec!["1"; values].join(","));
    assert!(Filter::parse(&list(999)).is_ok());
    assert!(Filter::parse(&list(1_000)).unwrap_err().problem.starts_with("holds more than 1000"));
}

#[test]
fn sort_orders_are_read() {
    let key = |field, order| Sort { field, order };
    use SortOrder::{Ascending, Descending};
    assert_eq!("metrics.loss".parse(), Ok(key(metric("loss"), Ascending)));
    assert_eq!("-metrics.loss".parse(), Ok(key(metric("loss"), Descending)));
    let list = [key(metric("acc"), Descending), key(Field::CreatedAt, Ascending)];
    assert_eq!(Sort::parse_list("metrics.acc DESC, created_at"), Ok(list.to_vec()));
    let least = key(Field::Metric("loss".into(), Statistic::Min), Ascending);
    assert_eq!(Sort::parse_list("min(metrics.loss) asc"), Ok(vec![least]));
    assert_eq!(Sort::parse_list(" "), Ok(vec![]));
    assert_eq!(Sort::parse_list("name,").unwrap_err().problem, "ends where another field is expected");
    assert_eq!(Sort::parse_list("-name asc").unwrap_err().position, 6);
    assert!("name, id".parse::<Sort>().is_err());
}

#[test]
fn queries_are_short_in_json_and_unknown_fields_are_refused() {
    let query: RunQuery =
        serde_json::from_str(r#"{"filter": "metrics.loss < 1", "sort": ["-number"], "page": {"limit": 5}}"#).unwrap();
    assert_eq!(
        serde_json::to_string(&query).unwrap(),
        r#"{"filter":"metrics.loss < 1","sort":["number desc"],"page":{"limit":5}}"#
    );
    assert_eq!(serde_json::from_str::<ExperimentQuery>("{}").unwrap(), ExperimentQuery::default());
    assert!(serde_json::from_str::<RunQuery>(r#"{"fliter": "tags.a"}"#).is_err());
    let error = serde_json::from_str::<RunQuery>(r#"{"filter": "tags.a ="}"#).unwrap_err().to_string();
    assert!(error.starts_with("the query ends where a value is expected"), "{error}");
}

#[track_caller]
fn check_impossible(kind: crate::Kind, text: &str, message: &str) {
    let filter = Filter::parse(text).unwrap();
    let checked = if kind == crate::Kind::Run { filter.check_for_runs() } else { filter.check_for_experiments() };
    assert_eq!(checked.map_err(|e| e.to_string()), Err(message.to_owned()), "{text}");
}

#[test]
fn a_condition_that_can_never_hold_is_refused() {
    use crate::Kind::{Experiment, Run};
    check_impossible(Run, "updated_at > '2025-01-01'", "`updated_at` is a field of experiments, not of runs");
    check_impossible(Experiment, "not metrics.a > 1", "`metrics.a` is a field of runs, not of experiments");
    check_impossible(Experiment, "params.a exists", "`params.a` is a field of runs, not of experiments");
    check_impossible(Run, "metrics.a > '1'", "`metrics.a` is a number and never '1'");
    check_impossible(Run, "metrics.a like '1'", "`metrics.a` is a number; LIKE is for text");
    check_impossible(Run, "tags.a = 8", "`tags.a` is text and never 8; write it in quotes");
    check_impossible(Run, "number in (1, true)", "`number` is a number and never true");
    check_impossible(
        Run,
        "created_at > 'monday'",
        "`created_at` is a time and never 'monday'; write '2025-01-31' or '2025-01-31T12:00:00Z'",
    );
    check_impossible(
        Run,
        "status = active",
        "`status` is never 'active'; it is pending, queued, running, completed, failed, cancelled or timed_out",
    );
    check_impossible(
        Experiment,
        "status = 'running'",
        "`status` is never 'running'; it is draft, active, paused, completed, archived or failed",
    );
    check_impossible(Run, "status < failed", "`status` has no order; use =, != or in");
    check_impossible(Run, "id > 'a'", "`id` has no order; use =, != or in");
    check_impossible(Run, "params.a < true", "`params.a` is compared with true, but a boolean has no order");
    check_impossible(Run, "params.a like 3", "`params.a` is compared with 3; a pattern is text in quotes");
    for text in
        ["params.a = [1]", "status like 'c%'", "owner = 'ada' or id like '0192%'", "ended_at = '2025-01-02 03:04'"]
    {
        Filter::parse(text).unwrap().check_for_runs().unwrap();
    }
}

#[test]
fn a_query_is_checked_whole() {
    let query = |text: &str| serde_json::from_str::<RunQuery>(text).unwrap().validate().map_err(|e| e.to_string());
    assert_eq!(query(r#"{"filter": "tags.a", "sort": ["name"]}"#), Ok(()));
    let wrong = |problem: &str| Err(problem.to_owned());
    assert_eq!(query(r#"{"filter": "number = 'x'"}"#), wrong("`filter.number` is a number and never 'x'"));
    assert_eq!(query(r#"{"sort": ["updated_at"]}"#), wrong("`sort.updated_at` is a field of experiments, not of runs"));
    assert_eq!(query(r#"{"page": {"limit": 0}}"#), wrong("`page.limit` is 0; it must be from 1 to 10000"));
}

#[test]
fn meaning_is_as_documented() {
    let run = |field: &Field| -> Option<ParameterValue> {
        Some(match field.to_string().as_str() {
            "id" => UUID.into(),
            "owner" => ParameterValue::List(vec![UUID.into(), "ada".into()]),
            "started_at" => "2025-01-02T00:00:00Z".into(),
            "params.big" => 9_007_199_254_740_993_i64.into(),
            "params.flag" => true.into(),
            "params.zero" => (-0.0).into(),
            "params.text" => "AdamW 50%".into(),
            "params.list" => ParameterValue::from(vec![1, 2]),
            "metrics.loss" => 0.5.into(),
            "metrics.nan" => f64::NAN.into(),
            _ => return None,
        })
    };
    let holds = "metrics.loss = 0.5 / metrics.loss between 0 and 1 / metrics.nan != 1 / metrics.nan != nan / params.zero = 0 \
        / params.big > 9007199254740992.0 / params.big = 9007199254740993 / params.flag = true / params.flag != false \
        / params.flag != 1 / params.text != 1 / params.text > 'AdamV' / params.text like 'A%W%' / params.text ilike 'aDAM_ 50_' \
        / params.text in (1, 'AdamW 50%') / params.text not in ('x') / params.list = [1, 2] / params.list != [1.0, 2] \
        / not params.none = 1 / params.none is null / not params.none in (1) / owner = 'ada' / owner like 'a%' \
        / owner = '0192F0C12A3B7C4D8E5F60718293A4B5' / id = '0192F0C12A3B7C4D8E5F60718293A4B5' / id like '0192f0c1-%' \
        / started_at = '2025-01-02' / started_at < '2025-01-02T01:00:00+00:30' / started_at >= '2025-01-01T23:59' / true \
        / params.text like '%' / params.big < inf / params.big > -1e300 / params.text not like 'x'";
    let does_not = "metrics.nan = nan / metrics.nan < 1 / metrics.nan in (nan) / metrics.none != 1 / params.none not in (1) \
        / params.none not like 'x' / params.big = 9007199254740992.0 / params.big < 9007199254740993.0 / params.flag = 1 \
        / params.flag <= true / params.flag = 'true' / params.text = 'adamw 50%' / params.text like 'a%' / params.text like 'AdamW' \
        / params.text > 1 / params.list <= [1, 2] / params.list = [1.0, 2] / params.list like '%' / metrics.loss like '%' \
        / owner = 'bob' / owner like '0192%' / started_at > '2025-01-02' / started_at != '2025-01-02' / params.text in () \
        / started_at < 5 / false / params.text ilike '%50' / params.big >= inf";
    for (texts, expected) in [(holds, true), (does_not, false)] {
        for text in texts.split(" / ") {
            assert_eq!(Filter::parse(text).unwrap().matches(&run), expected, "{text}");
        }
    }
}

fn arbitrary_text() -> impl Strategy<Value = String> {
    prop_oneof![".{0,12}", "[a-z'\"`%_ ./()-]{0,8}", select(vec!["and", "nan", "", "[1]"]).prop_map(String::from)]
}

fn arbitrary_value() -> impl Strategy<Value = ParameterValue> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(ParameterValue::Integer),
        any::<u64>().prop_map(|bits| ParameterValue::Float(f64::from_bits(bits))),
        select(vec![0.0, -0.0, f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e16, 5e-324, f64::MAX])
            .prop_map(ParameterValue::Float),
        arbitrary_text().prop_map(ParameterValue::String),
        any::<bool>().prop_map(ParameterValue::Boolean),
    ];
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(ParameterValue::List),
            btree_map(arbitrary_text(), inner, 0..3).prop_map(ParameterValue::Map),
        ]
    })
}

fn arbitrary_field() -> impl Strategy<Value = Field> {
    use Field::*;
    let statistic = select(vec![Statistic::Last, Statistic::Min, Statistic::Max, Statistic::Mean]);
    prop_oneof![
        select(vec![
            Id,
            Name,
            Status,
            ExperimentId,
            Number,
            Owner,
            ParentRunId,
            CreatedAt,
            UpdatedAt,
            StartedAt,
            EndedAt,
            DurationSecs,
        ]),
        arbitrary_text().prop_map(Parameter),
        arbitrary_text().prop_map(Tag),
        (arbitrary_text(), statistic).prop_map(|(name, statistic)| Metric(name, statistic)),
    ]
}

fn arbitrary_filter() -> impl Strategy<Value = Filter> {
    let operators = vec![Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual, Like, ILike];
    let leaf = prop_oneof![
        (arbitrary_field(), select(operators), arbitrary_value()).prop_map(|(f, o, v)| Filter::Compare(f, o, v)),
        (arbitrary_field(), vec(arbitrary_value(), 0..4)).prop_map(|(field, values)| Filter::In(field, values)),
        arbitrary_field().prop_map(Filter::Exists),
    ];
    leaf.prop_recursive(6, 40, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Filter::And),
            vec(inner.clone(), 0..4).prop_map(Filter::Or),
            inner.prop_map(not),
        ]
    })
}

fn arbitrary_sort() -> impl Strategy<Value = Vec<Sort>> {
    let order = select(vec![SortOrder::Ascending, SortOrder::Descending]);
    vec((arbitrary_field(), order).prop_map(|(field, order)| Sort { field, order }), 0..4)
}

/// The tree without groups of one, which text does not have.
fn without_groups_of_one(filter: Filter) -> Filter {
    let each = |members: Vec<Filter>| members.into_iter().map(without_groups_of_one).collect::<Vec<_>>();
    match filter {
        Filter::And(members) | Filter::Or(members) if members.len() == 1 => each(members).remove(0),
        Filter::And(members) => Filter::And(each(members)),
        Filter::Or(members) => Filter::Or(each(members)),
        Filter::Not(inner) => not(without_groups_of_one(*inner)),
        other => other,
    }
}

fn fits(text: &str) -> bool {
    text.chars().count() <= 10_000
}

proptest! {
    #[test]
    fn what_is_written_reads_back(filter in arbitrary_filter()) {
        let filter = without_groups_of_one(filter);
        let text = filter.to_string();
        prop_assume!(fits(&text));
        prop_assert_eq!(Filter::parse(&text), Ok(filter), "{}", text);
    }

    #[test]
    fn a_group_of_one_means_what_is_in_it(filter in arbitrary_filter(), known in any::<u64>(), value in arbitrary_value()) {
        let lookup = |field: &Field| (known >> (field.to_string().len() % 64) & 1 == 1).then(|| value.clone());
        prop_assert_eq!(filter.matches(&lookup), without_groups_of_one(filter).matches(&lookup));
    }

    #[test]
    fn queries_read_back_from_json(filter in arbitrary_filter(), sort in arbitrary_sort(), limit: u32, cursor: Option<String>) {
        prop_assume!(fits(&filter.to_string()));
        let page = Page { limit, cursor: cursor.map(Cursor) };
        let filter = Some(without_groups_of_one(filter));
        let runs = RunQuery { experiments: vec![UUID.parse().unwrap()], filter, sort, page };
        let text = serde_json::to_string(&runs).unwrap();
        prop_assert_eq!(&serde_json::from_str::<RunQuery>(&text).unwrap(), &runs);
        let RunQuery { filter, sort, page, .. } = runs;
        let experiments = ExperimentQuery { filter, sort, page };
        let text = serde_json::to_string(&experiments).unwrap();
        prop_assert_eq!(serde_json::from_str::<ExperimentQuery>(&text).unwrap(), experiments);
    }

    #[test]
    fn sort_keys_and_fields_read_back(sort in arbitrary_sort()) {
        let text = sort.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        prop_assert_eq!(Sort::parse_list(&text), Ok(sort.clone()));
        for key in sort {
            prop_assert_eq!(key.field.to_string().parse(), Ok(key.field));
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in ".*", noise in "[a-z=<>!'\"`()\\[\\]{},. 0-9é-]{0,40}") {
        for text in [text.clone(), format!("tags.{noise}"), format!("status = {noise}"), format!("{noise}{text}")] {
            if let Err(e) = Filter::parse(&text) {
                prop_assert!(e.position <= text.chars().count());
            }
            Sort::parse_list(&text).ok();
        }
    }

    #[test]
    fn checks_and_matching_take_any_tree(filter in arbitrary_filter(), value in arbitrary_value()) {
        filter.check_for_runs().ok();
        filter.check_for_experiments().ok();
        filter.matches(&|_| Some(value.clone()));
    }

    #[test]
    fn not_equal_is_the_opposite_of_equal_for_what_is_there(field in arbitrary_field(), a in arbitrary_value(), b in arbitrary_value()) {
        let compare = |operator| is(field.clone(), operator, b.clone()).matches(&|_| Some(a.clone()));
        prop_assert_ne!(compare(Equal), compare(NotEqual));
        prop_assert!(!(compare(Less) && compare(Greater)));
    }
}
