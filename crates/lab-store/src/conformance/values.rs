//! Values that are not one number.

use lab_model::{ConfusionMatrix, Distribution, LoggedValue, SeriesKey, Value};

use super::given::{self, at};
use crate::{Store, Write};

pub(super) async fn values_read_back_in_order(store: &dyn Store) {
    let run = given::run(store).await;
    let value = |name: &str, split: Option<&str>, step, secs, value| LoggedValue {
        key: SeriesKey {
            name: name.into(),
            context: split.map(|split| ("split".to_owned(), split.to_owned())).into_iter().collect(),
        },
        step,
        time: at(secs),
        value,
    };
    let custom = |n: i64| Value::Custom { value: serde_json::json!({ "n": n, "text": "ü" }) };
    let histogram =
        Distribution::Histogram { boundaries: vec![-1.0, 0.1, 2.5], counts: vec![3, 4], sum: f64::INFINITY, count: 9 };
    let summary = Distribution::Summary { count: 2, sum: 0.3, percentiles: vec![(50.0, 0.1), (99.0, 0.2)] };
    let matrix = ConfusionMatrix { labels: vec!["a".into(), "b".into()], counts: vec![vec![1, 2], vec![3, 4]] };
    let sorted = [
        value("a", None, None, 9, Value::Distribution(histogram)),
        value("a", None, Some(-1), 3, Value::ConfusionMatrix(matrix)),
        value("a", None, Some(2), 1, Value::Distribution(summary)),
        value("a", None, Some(2), 5, custom(1)),
        value("a", Some("val"), Some(0), 0, custom(2)),
        value("b", None, None, 0, custom(3)),
    ];
    let logged = |order: &[usize]| order.iter().map(|&i| sorted[i].clone()).collect();
    for part in [&[5, 2, 4][..], &[3, 0, 1][..]] {
        given::write(store, Write::AppendValues { id: run.id, values: logged(part) }).await;
    }
    assert_eq!(store.values(run.id, None).await.expect("values"), sorted);
    let of_a = store.values(run.id, Some(&"a".into())).await.expect("values");
    assert_eq!(of_a, sorted[..4]);
    assert_eq!(store.values(run.id, Some(&"none".into())).await.expect("values"), []);
}
