use lab_model::*;
use serde_json::json;

use super::{lines, time};

fn validation_loss() -> SeriesKey {
    SeriesKey { name: "loss".into(), context: [("split".to_owned(), "val".to_owned())].into() }
}

#[test]
fn a_point() {
    insta::assert_json_snapshot!(Point { value: f64::NEG_INFINITY, step: Some(-1), time: time() }, @r#"
    {
      "value": "-Infinity",
      "step": -1,
      "time": "2025-01-02T03:04:05.678901Z"
    }
    "#);
}

#[test]
fn points_of_a_series() {
    let mut points = SeriesPoints::new(validation_loss());
    points.push(0.5, Some(1), time().as_microsecond());
    points.push(f64::NAN, None, time().as_microsecond());
    insta::assert_json_snapshot!(points, @r#"
    {
      "name": "loss",
      "context": {
        "split": "val"
      },
      "values": [
        0.5,
        "NaN"
      ],
      "steps": [
        1,
        null
      ],
      "times_micros": [
        1735787045678901,
        1735787045678901
      ]
    }
    "#);
}

#[test]
fn a_summary() {
    let summary = SeriesSummary {
        key: validation_loss(),
        count: 3,
        nan_count: 1,
        infinite_count: 0,
        last: f64::NAN,
        last_step: Some(3),
        last_time: time(),
        first_time: time(),
        min: Some(0.25),
        max: Some(0.75),
        mean: Some(0.5),
        std_dev: Some(0.25),
        median: Some(0.5),
        p95: Some(0.725),
        p99: None,
    };
    insta::assert_json_snapshot!(summary, @r#"
    {
      "name": "loss",
      "context": {
        "split": "val"
      },
      "count": 3,
      "nan_count": 1,
      "last": "NaN",
      "last_step": 3,
      "last_time": "2025-01-02T03:04:05.678901Z",
      "first_time": "2025-01-02T03:04:05.678901Z",
      "min": 0.25,
      "max": 0.75,
      "mean": 0.5,
      "std_dev": 0.25,
      "median": 0.5,
      "p95": 0.725
    }
    "#);
}

#[test]
fn values_that_are_not_one_number() {
    let histogram =
        Distribution::Histogram { boundaries: vec![0.0, 0.5, 1.0], counts: vec![2, 1], sum: f64::INFINITY, count: 4 };
    let summary = Distribution::Summary { count: 3, sum: 1.5, percentiles: vec![(50.0, 0.5), (99.0, 0.75)] };
    let matrix = ConfusionMatrix { labels: vec!["no".into(), "yes".into()], counts: vec![vec![3, 1], vec![0, 4]] };
    let values = [
        Value::Distribution(histogram),
        Value::Distribution(summary),
        Value::ConfusionMatrix(matrix),
        Value::Custom { value: json!({"bleu": [1, 2]}) },
    ];
    let logged = values.map(|value| LoggedValue { key: "eval".into(), step: Some(3), time: time(), value });
    insta::assert_snapshot!(lines(&logged), @r#"
    {"name":"eval","step":3,"time":"2025-01-02T03:04:05.678901Z","value":{"kind":"distribution","form":"histogram","boundaries":[0.0,0.5,1.0],"counts":[2,1],"sum":"Infinity","count":4}}
    {"name":"eval","step":3,"time":"2025-01-02T03:04:05.678901Z","value":{"kind":"distribution","form":"summary","count":3,"sum":1.5,"percentiles":[[50.0,0.5],[99.0,0.75]]}}
    {"name":"eval","step":3,"time":"2025-01-02T03:04:05.678901Z","value":{"kind":"confusion_matrix","labels":["no","yes"],"counts":[[3,1],[0,4]]}}
    {"name":"eval","step":3,"time":"2025-01-02T03:04:05.678901Z","value":{"kind":"custom","value":{"bleu":[1,2]}}}
    "#);
}
