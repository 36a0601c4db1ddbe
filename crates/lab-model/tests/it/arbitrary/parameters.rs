use lab_model::{ParameterValue, Parameters};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::{finite, name, text};

/// Any bits of a float: every NaN, both zeros, both infinities.
fn any_float() -> impl Strategy<Value = f64> {
    let nan = |payload: u64| f64::from_bits(0x7ff8_0000_0000_0000 | payload);
    let special = vec![
        f64::NAN,
        -f64::NAN,
        nan(1),
        f64::INFINITY,
        f64::NEG_INFINITY,
        -0.0,
        f64::from_bits(0x7ff0_0000_0000_0001),
    ];
    prop_oneof![any::<u64>().prop_map(f64::from_bits), finite(), prop::sample::select(special)]
}

/// A name of a parameter, often one that could be mistaken for a mark.
fn key() -> impl Strategy<Value = String> {
    let marks = vec!["$float", "$$float", "$", "$$", "$ref"];
    prop_oneof![3 => name(), 1 => prop::sample::select(marks).prop_map(str::to_owned), 1 => "[$a-c.]{1,4}"]
}

pub(crate) fn parameter() -> impl Strategy<Value = ParameterValue> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(ParameterValue::from),
        prop::sample::select(vec![i64::MIN, i64::MAX, 0, -1]).prop_map(ParameterValue::from),
        any_float().prop_map(ParameterValue::from),
        text().prop_map(ParameterValue::from),
        prop::sample::select(vec!["NaN", "Infinity", "3", "true", "null", "$float"]).prop_map(ParameterValue::from),
        any::<bool>().prop_map(ParameterValue::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(ParameterValue::List),
            btree_map(key(), inner, 0..5).prop_map(ParameterValue::Map),
        ]
    })
}

pub(crate) fn parameters() -> impl Strategy<Value = Parameters> {
    btree_map(key(), parameter(), 0..4)
}
