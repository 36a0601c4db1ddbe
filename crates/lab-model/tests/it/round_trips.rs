//! Every value that is valid reads back from its JSON as it was.

use std::fmt::Debug;

use lab_model::*;
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::arbitrary as a;

/// Writes and reads `value`, as text and as a JSON tree, which the documents that carry it are read through.
///
/// The text must be the same again: that also shows for NaN, which is not equal to itself.
fn check<T: Serialize + DeserializeOwned + PartialEq + Clone + Debug>(value: &T) -> Result<T, TestCaseError> {
    let text = serde_json::to_string(value).unwrap();
    let read: T = serde_json::from_str(&text).map_err(|e| TestCaseError::fail(format!("{e}: {text}")))?;
    prop_assert_eq!(&serde_json::to_string(&read).unwrap(), &text);
    let copy = value.clone();
    if *value == copy {
        prop_assert_eq!(&read, value);
    }
    let tree: T = serde_json::from_value(serde_json::to_value(value).unwrap())
        .map_err(|e| TestCaseError::fail(format!("{e}: {text}")))?;
    prop_assert_eq!(serde_json::to_string(&tree).unwrap(), text);
    Ok(read)
}

/// The same for what has limits, all of which hold before and after.
fn check_valid<T: Serialize + DeserializeOwned + PartialEq + Clone + Debug + Validate>(
    value: &T,
) -> Result<(), TestCaseError> {
    for value in [value, &check(value)?] {
        value.validate().map_err(|e| TestCaseError::fail(format!("{e}: {value:?}")))?;
    }
    Ok(())
}

/// A quarter of the usual number of cases for what is put together from types that are tested by themselves.
fn config(is_composed: bool) -> Config {
    let usual = Config { failure_persistence: None, ..Config::default() };
    Config { cases: if is_composed { usual.cases / 4 } else { usual.cases }, ..usual }
}

fn compression() -> impl Strategy<Value = Compression> {
    prop_oneof![Just(Compression::Off), (1..=19u8).prop_map(Compression::Zstd)]
}

fn any_settings() -> impl Strategy<Value = Settings> {
    (of(a::name()), any::<bool>(), a::positive(), any::<u32>(), any::<[u64; 3]>(), compression()).prop_map(
        |(
            server,
            capture_environment,
            checkpoint_interval_secs,
            metric_buffer_size,
            [interval, limit, timeout],
            compression,
        )| {
            Settings {
                server,
                capture_environment,
                system_metrics_interval_secs: interval,
                checkpoint_interval_secs,
                metric_buffer_size,
                artifact_limit_bytes: limit,
                compression,
                heartbeat_timeout_secs: timeout,
            }
        },
    )
}

macro_rules! round_trips {
    ($check:ident, composed: $is_composed:literal, $($test:ident: $strategy:expr),+ $(,)?) => {
        proptest! {
            #![proptest_config(config($is_composed))]
            $(#[test] fn $test(value in $strategy) { $check(&value)?; })+
        }
    };
}

round_trips! { check_valid, composed: false,
    parameter_values: a::parameter(),
    model_providers: a::provider(),
    credential_references: a::credential(),
    model_configs: a::model(),
    samplings: a::sampling(),
    dataset_references: a::dataset(),
    thresholds: a::threshold(),
    metric_configs: a::metric_config(),
    parameter_distributions: a::parameter_distribution(),
    optimization_targets: a::optimization_target(),
    resource_requirements: a::resources(),
    tags: a::tags(),
    series_keys: a::series_key(),
    series_points: a::series_points(),
    distributions: a::distribution(),
    confusion_matrices: a::confusion_matrix(),
    logged_values: a::logged_value(),
    records: a::record(),
}

round_trips! { check_valid, composed: true,
    parameters: a::parameters(),
    search_spaces: a::search_space(),
    parameter_configs: a::search_settings(),
    experiment_configs: a::config(),
    experiments: a::experiment(),
    runs: a::run(),
    deliveries: a::delivery(),
}

round_trips! { check, composed: false,
    reproducibility_settings: a::reproducibility(),
    points: a::point(),
    series_summaries: a::series_summary(),
    artifacts: a::artifact(),
    events: a::event(),
    versions: a::version(),
    hashes: a::hash(),
    times: a::time(),
    run_errors: a::run_error(),
    users: a::user(),
    acknowledgements: (any::<u64>(), vec((any::<u64>(), a::text()), 0..3)).prop_map(|(seq, refused)| Acknowledged {
        seq,
        refused: refused.into_iter().map(|(seq, problem)| Refused { seq, problem }).collect(),
    }),
    statuses: (a::status(), a::experiment_status(), prop::sample::select(RunAction::ALL.to_vec())),
    compressions: compression(),
    settings: any_settings(),
    statistics: prop::sample::select(vec![Statistic::Last, Statistic::Min, Statistic::Max, Statistic::Mean]),
}

round_trips! { check, composed: true,
    new_experiments: a::new_experiment(),
    environments: a::environment(),
    lineage_graphs: a::lineage_graph(),
    pages: (vec(a::artifact(), 0..2), any::<u64>(), any::<bool>(), of(a::text().prop_map(Cursor))).prop_map(
        |(items, total_count, has_more, next_cursor)| Paged { items, total_count, has_more, next_cursor }
    ),
}

proptest! {
    #![proptest_config(config(false))]

    #[test]
    fn equal_parameters_are_those_written_alike(a in a::parameter(), b in a::parameter()) {
        let text = |value| serde_json::to_string(value).unwrap();
        prop_assert_eq!(a == b, text(&a) == text(&b));
    }

    #[test]
    fn the_parts_of_a_version_read_back(version in a::version()) {
        let read: SemanticVersion = version.to_string().parse().unwrap();
        prop_assert_eq!(read.pre_release(), version.pre_release());
        prop_assert_eq!(read.build_metadata(), version.build_metadata());
    }

    #[test]
    fn an_environment_is_known_by_what_was_seen(snapshot in a::environment(), at in a::time(), millis: u64) {
        let later = EnvironmentSnapshot { captured_at: at, duration_millis: millis, ..check(&snapshot)? };
        prop_assert_eq!(later.content_hash(), snapshot.content_hash());
        prop_assert_eq!(snapshot.diff(&later), vec![]);
    }

    #[test]
    fn flattened_parameters_hold_every_leaf_once(parameters in a::parameters()) {
        fn leaves(map: &Parameters) -> usize {
            map.values().map(|value| match value {
                ParameterValue::Map(inner) if !inner.is_empty() => leaves(inner),
                _ => 1,
            }).sum()
        }
        let flat = ParameterValue::flatten(&parameters);
        let has_dot = |map: &Parameters| format!("{map:?}").contains('.');
        prop_assert!(flat.len() == leaves(&parameters) || (has_dot(&parameters) && flat.len() < leaves(&parameters)));
        prop_assert!(flat.values().all(|leaf| !matches!(leaf, ParameterValue::Map(inner) if !inner.is_empty())));
    }
}
