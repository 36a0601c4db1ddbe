//! One broken field at a time: the error names its path.

use lab_model::*;
use serde_json::{Value, json};

use crate::published_formats::full_config;

/// Path of the field at fault after `bad` was put at `pointer` of a config that is right.
fn path_of_fault(pointer: &str, bad: Value) -> String {
    let mut config = serde_json::to_value(full_config()).unwrap();
    *config.pointer_mut(pointer).unwrap_or_else(|| panic!("the full config has no {pointer}")) = bad.clone();
    let config: ExperimentConfig = serde_json::from_value(config).unwrap_or_else(|e| panic!("{pointer} = {bad}: {e}"));
    match config.validate() {
        Ok(()) => panic!("{pointer} = {bad} is accepted"),
        Err(error) => {
            let outside = error.within("config");
            outside.field().unwrap().strip_prefix("config.").unwrap().to_owned()
        }
    }
}

/// `/models/0/top_p` as `models[0].top_p`.
fn path_of(pointer: &str) -> String {
    let mut path = String::new();
    for part in pointer.split('/').skip(1) {
        match part.parse::<usize>() {
            Ok(index) => path.push_str(&format!("[{index}]")),
            Err(_) if path.is_empty() => path.push_str(part),
            Err(_) => path.push_str(&format!(".{part}")),
        }
    }
    path
}

#[track_caller]
fn check(pointer: &str, bad_values: &[Value]) {
    for bad in bad_values {
        assert_eq!(path_of_fault(pointer, bad.clone()), path_of(pointer), "{bad}");
    }
}

fn bad_names() -> Vec<Value> {
    vec![json!(""), json!("  "), json!("a\nb"), json!("x".repeat(251))]
}

#[test]
fn the_full_config_is_right() {
    full_config().validate().unwrap();
}

#[test]
fn names() {
    for pointer in [
        "/models/0/model_id",
        "/models/0/variant",
        "/models/1/provider/custom/name",
        "/datasets/0/version/tag",
        "/datasets/0/split/custom/name",
        "/datasets/0/sampling/method/stratified/column",
        "/metrics/0/name",
        "/parameters/search_space/early_stopping/metric",
        "/parameters/optimization_target/metric",
        "/parameters/optimization_target/constraints/0/metric",
        "/resources/gpus/gpu_type",
        "/resources/tolerations/0/key",
    ] {
        check(pointer, &bad_names());
    }
}

#[test]
fn models() {
    check("/models/0/endpoint", &[json!("api.openai.com"), json!("https://me:pass@host/v1")]);
    check("/models/0/temperature", &[json!(-0.1), json!(-1)]);
    check("/models/0/max_tokens", &[json!(0)]);
    check("/models/0/top_p", &[json!(0), json!(1.01), json!(-0.5)]);
    check("/models/0/top_k", &[json!(0)]);
    check("/models/0/frequency_penalty", &[json!(-2.1), json!(2.1)]);
    check("/models/0/presence_penalty", &[json!(-2.1), json!(2.1)]);
    check("/models/0/stop_sequences/1", &[json!("")]);
    check("/models/0/credential/env", &[json!("sk-abc"), json!("1X"), json!("")]);
    check("/models/0/custom/reasoning/effort", &[json!("sk-abc"), json!("x".repeat(65_537))]);
}

#[test]
fn datasets() {
    check("/datasets/0/sampling/size/percentage", &[json!(0), json!(100.1), json!(-1)]);
    check("/datasets/1/sampling/method/systematic/interval", &[json!(0)]);
    check("/datasets/1/sampling/size/count", &[json!(0)]);
}

#[test]
fn metrics() {
    check("/metrics/0/weight", &[json!(-0.1)]);
    check("/metrics/0/parameters/n", &[json!("x".repeat(65_537))]);
}

#[test]
fn search_spaces() {
    let parameters = "/parameters/search_space/parameters";
    check(&format!("{parameters}/optimizer/values"), &[json!([])]);
    assert_eq!(
        path_of_fault(&format!("{parameters}/optimizer/values"), json!([1, "a", 1])),
        "parameters.search_space.parameters.optimizer.values[2]"
    );
    check(&format!("{parameters}/dropout/high"), &[json!(0.0), json!(-1)]);
    check(&format!("{parameters}/lr/low"), &[json!(0), json!(-1e-5)]);
    check(&format!("{parameters}/lr/high"), &[json!(1e-6), json!(1e-5)]);
    check(&format!("{parameters}/layers/high"), &[json!(2), json!(-3)]);
    check(&format!("{parameters}/noise/std_dev"), &[json!(0), json!(-1)]);
    check(parameters, &[json!({}), json!({"": {"type": "uniform", "low": 0, "high": 1}})]);
    check("/parameters/search_space/max_trials", &[json!(0)]);
    check("/parameters/search_space/early_stopping/patience", &[json!(0)]);
    check("/parameters/search_space/early_stopping/min_delta", &[json!(-0.001)]);
    check("/parameters/hyperparameters/model/layers", &[json!("x".repeat(65_537))]);
}

#[test]
fn resources() {
    check("/resources/cpu_cores", &[json!(0), json!(-1)]);
    check("/resources/memory_bytes", &[json!(0)]);
    check("/resources/gpus/count", &[json!(0)]);
    check("/resources/gpus/memory_bytes", &[json!(0)]);
    check("/resources/node_selector/zone", &[json!("a\nb"), json!("x".repeat(251))]);
    check("/resources/node_selector", &[json!({"": "a"})]);
    check("/resources/tolerations/0/value", &[json!("x".repeat(251))]);
    check("/resources/scratch_bytes", &[json!(0)]);
    check("/resources/retention_days", &[json!(0), json!(36_526)]);
    check("/resources/checkpoint_interval_secs", &[json!(0), json!(u64::MAX)]);
    check("/resources/timeout_secs", &[json!(0), json!(3_155_760_001u64)]);
}

/// JSON cannot say it, but a program can.
#[test]
fn numbers_that_are_not_finite() {
    #[track_caller]
    fn check(value: &impl Validate, path: &str) {
        assert_eq!(value.validate().unwrap_err().field(), Some(path));
    }
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let model = |change: fn(&mut ModelConfig, f64)| {
            let mut model = ModelConfig::new("m", ModelProvider::Google);
            change(&mut model, bad);
            model
        };
        check(&model(|m, x| m.temperature = Some(x)), "temperature");
        check(&model(|m, x| m.top_p = Some(x)), "top_p");
        check(&model(|m, x| m.presence_penalty = Some(x)), "presence_penalty");
        check(&Threshold { value: bad, direction: ThresholdDirection::Above }, "value");
        check(&MetricConfig { weight: Some(bad), ..MetricConfig::new("m") }, "weight");
        check(&Constraint { metric: "m".into(), operator: ConstraintOperator::Less, value: bad }, "value");
        check(&ParameterDistribution::Uniform { low: bad, high: 1.0 }, "low");
        check(&ParameterDistribution::Uniform { low: 0.0, high: bad }, "high");
        check(&ParameterDistribution::LogUniform { low: 1.0, high: bad }, "high");
        check(&ParameterDistribution::Normal { mean: bad, std_dev: 1.0 }, "mean");
        check(&ParameterDistribution::Normal { mean: 0.0, std_dev: bad }, "std_dev");
        check(&ResourceRequirements { cpu_cores: Some(bad), ..Default::default() }, "cpu_cores");
        let sampling = Sampling { size: SampleSize::Percentage(bad), ..Default::default() };
        check(&sampling, "size.percentage");
    }
}
