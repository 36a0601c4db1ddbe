use lab_model::*;
use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;

use super::{direction, finite, name, parameter, parameters, positive};

pub(crate) fn parameter_distribution() -> impl Strategy<Value = ParameterDistribution> {
    let distinct = |mut values: Vec<ParameterValue>| {
        let mut seen = Vec::new();
        values.retain(|value| {
            !seen.contains(value) && {
                seen.push(value.clone());
                true
            }
        });
        values
    };
    let ordered = |a: f64, b: f64| (a < b).then_some((a, b)).or((b < a).then_some((b, a)));
    prop_oneof![
        vec(parameter(), 1..5).prop_map(move |values| ParameterDistribution::Categorical { values: distinct(values) }),
        (finite(), finite())
            .prop_filter_map("distinct", move |(a, b)| ordered(a, b))
            .prop_map(|(low, high)| ParameterDistribution::Uniform { low, high }),
        (positive(), positive())
            .prop_filter_map("distinct", move |(a, b)| ordered(a, b))
            .prop_map(|(low, high)| ParameterDistribution::LogUniform { low, high }),
        (any::<i64>(), any::<i64>())
            .prop_filter("distinct", |(a, b)| a != b)
            .prop_map(|(a, b)| ParameterDistribution::IntUniform { low: a.min(b), high: a.max(b) }),
        (finite(), positive()).prop_map(|(mean, std_dev)| ParameterDistribution::Normal { mean, std_dev }),
    ]
}

pub(crate) fn search_space() -> impl Strategy<Value = SearchSpace> {
    use SearchStrategy::{Bayesian, Grid, Hyperband, PopulationBased, Random};
    let strategy = prop::sample::select(vec![Grid, Random, Bayesian, Hyperband, PopulationBased]);
    let early_stopping = (name(), 1..=u32::MAX, positive(), direction())
        .prop_map(|(metric, patience, min_delta, mode)| EarlyStopping { metric, patience, min_delta, mode });
    (btree_map(name(), parameter_distribution(), 1..4), strategy, of(1..=u32::MAX), of(early_stopping)).prop_map(
        |(parameters, strategy, max_trials, early_stopping)| SearchSpace {
            parameters,
            strategy,
            max_trials,
            early_stopping,
        },
    )
}

pub(crate) fn optimization_target() -> impl Strategy<Value = OptimizationTarget> {
    use ConstraintOperator::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual};
    let operator = prop::sample::select(vec![Less, LessOrEqual, Greater, GreaterOrEqual, Equal]);
    let constraint =
        (name(), operator, finite()).prop_map(|(metric, operator, value)| Constraint { metric, operator, value });
    (name(), direction(), vec(constraint, 0..3)).prop_map(|(metric, direction, constraints)| OptimizationTarget {
        metric,
        direction,
        constraints,
    })
}

pub(crate) fn search_settings() -> impl Strategy<Value = ParameterConfig> {
    (parameters(), of(search_space()), of(optimization_target())).prop_map(
        |(hyperparameters, search_space, optimization_target)| ParameterConfig {
            hyperparameters,
            search_space,
            optimization_target,
        },
    )
}
