use std::collections::BTreeMap;

use lab_model::{ContentHash, Metadata, SemanticVersion, Tags, Timestamp};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use uuid::Uuid;

/// An id of any type: `id(RunId::from_uuid)`.
pub(crate) fn id<T: std::fmt::Debug>(make: fn(Uuid) -> T) -> impl Strategy<Value = T> {
    any::<u128>().prop_map(move |bits| make(Uuid::from_u128(bits)))
}

/// A name that every type accepts.
pub(crate) fn name() -> impl Strategy<Value = String> {
    prop_oneof![4 => "[a-zA-Z0-9_./äß🙂'\"`-]{1,12}", 1 => "[a-z]{250}"]
}

/// Any text, also with control characters, but short.
pub(crate) fn text() -> impl Strategy<Value = String> {
    ".{0,12}|[\\x00-\\x1f\"\\\\]{1,4}"
}

/// A float that is finite.
pub(crate) fn finite() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>().prop_filter("finite", |x| x.is_finite()),
        prop::sample::select(vec![0.0, -0.0, 0.1, 1.0, f64::MIN_POSITIVE, 5e-324, f64::MAX, f64::MIN, 2f64.powi(63)]),
    ]
}

/// A float above zero.
pub(crate) fn positive() -> impl Strategy<Value = f64> {
    finite().prop_map(|x| if x == 0.0 { 1.0 } else { x.abs() })
}

/// Any float, NaN and the infinities among them.
pub(crate) fn float() -> impl Strategy<Value = f64> {
    prop_oneof![3 => finite(), 1 => prop::sample::select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY])]
}

/// A number of things, at least one.
pub(crate) fn count() -> impl Strategy<Value = u64> {
    prop_oneof![1..100u64, 1..=u64::MAX, Just(u64::MAX)]
}

/// Any moment that a count of microseconds can give; `Timestamp::MAX` is a fraction of a second beyond the last of them.
pub(crate) fn time() -> impl Strategy<Value = Timestamp> {
    let (first, last) = (Timestamp::MIN.as_microsecond(), Timestamp::MAX.as_second() * 1_000_000);
    let edges = prop::sample::select(vec![first, -1, 0, 1, last]);
    prop_oneof![9 => first..=last, 1 => edges].prop_map(|micros| Timestamp::from_microsecond(micros).unwrap())
}

pub(crate) fn hash() -> impl Strategy<Value = ContentHash> {
    any::<[u8; 32]>().prop_map(ContentHash::from_bytes)
}

pub(crate) fn version() -> impl Strategy<Value = SemanticVersion> {
    let parts = (any::<u64>(), any::<u64>(), any::<u64>(), "|rc\\.[1-9]|alpha", "|sha\\.[0-9a-f]{7}");
    parts.prop_map(|(major, minor, patch, pre, build)| {
        let version = SemanticVersion::new(major, minor, patch);
        version.with_pre_release(&pre).unwrap().with_build_metadata(&build).unwrap()
    })
}

/// Texts by name.
pub(crate) fn texts() -> impl Strategy<Value = BTreeMap<String, String>> {
    btree_map(name(), text(), 0..4)
}

pub(crate) fn tags() -> impl Strategy<Value = Tags> {
    texts().prop_map(Tags)
}

/// Any JSON.
pub(crate) fn json() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        finite().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(text(), inner, 0..4).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

pub(crate) fn metadata() -> impl Strategy<Value = Metadata> {
    btree_map(text(), json(), 0..3).prop_map(|map| map.into_iter().collect())
}
