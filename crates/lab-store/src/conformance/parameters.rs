//! Parameters never change.

use std::collections::BTreeMap;

use lab_model::{Code, ParameterValue, Parameters};

use super::given::{self, now};
use crate::{Change, Store, StoreExt as _, Write};

fn one(name: &str, value: impl Into<ParameterValue>) -> Parameters {
    [(name.to_owned(), value.into())].into()
}

pub(super) async fn a_parameter_never_changes(store: &dyn Store) {
    let run = given::run(store).await;
    let set = async |parameters| {
        store.commit(Change::new(now()).writing(Write::SetParameters { id: run.id, parameters })).await
    };
    let nested = |value: i64| one("model", BTreeMap::from([("layers".to_owned(), value)]));
    set(one("lr", 0.5)).await.expect("a new one");
    set(one("lr", 0.5)).await.expect("the same");
    set(nested(3)).await.expect("a new one");
    let others: [Parameters; 5] = [one("lr", 0.25), one("lr", "0.5"), one("lr", vec![0.5]), nested(4), one("model", 3)];
    for other in others {
        let mut with_new = other.clone();
        with_new.insert("new".into(), 1.into());
        for parameters in [other, with_new] {
            let error = set(parameters).await.expect_err("another value");
            assert_eq!(error.code(), Code::Conflict, "{error}");
        }
    }
    let error = set(one("lr", 0.25)).await.expect_err("another value").to_string();
    assert_eq!(error, format!("parameter `lr` of run `{}` is `0.5` already and does not change", run.id));
    let stored = store.require_run(run.id).await.expect("the run").parameters;
    assert_eq!(stored, one("lr", 0.5).into_iter().chain(nested(3)).collect::<Parameters>());
}

pub(super) async fn nan_is_the_same_as_nan(store: &dyn Store) {
    let run = given::run(store).await;
    for _ in 0..2 {
        given::write(store, Write::SetParameters { id: run.id, parameters: one("x", f64::NAN) }).await;
    }
    let stored = store.require_run(run.id).await.expect("the run");
    assert_eq!((stored.parameters, stored.revision), (one("x", f64::NAN), 2));
}

pub(super) async fn values_are_kept_bit_by_bit(store: &dyn Store) {
    let values: Vec<ParameterValue> = vec![
        i64::MIN.into(),
        i64::MAX.into(),
        3.into(),
        3.0.into(),
        0.0.into(),
        (-0.0).into(),
        0.1.into(),
        5e-324.into(),
        f64::MAX.into(),
        f64::INFINITY.into(),
        f64::NEG_INFINITY.into(),
        f64::from_bits(0x7ff8_0000_0000_0001).into(),
        "".into(),
        "ü \" \u{1f642} \\ \n".into(),
        true.into(),
        Vec::<i64>::new().into(),
        vec![ParameterValue::from(1), ParameterValue::from("a"), ParameterValue::from(f64::NAN)].into(),
        BTreeMap::<String, i64>::new().into(),
        BTreeMap::from([("$float".to_owned(), "NaN")]).into(),
    ];
    let parameters: Parameters = values.into_iter().enumerate().map(|(i, value)| (format!("p{i}"), value)).collect();
    let run = given::run(store).await;
    given::write(store, Write::SetParameters { id: run.id, parameters: parameters.clone() }).await;
    assert_eq!(store.require_run(run.id).await.expect("the run").parameters, parameters);
}
