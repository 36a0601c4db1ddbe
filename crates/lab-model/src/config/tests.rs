use serde_json::json;

use super::*;

fn model(extra: serde_json::Value) -> serde_json::Result<ModelConfig> {
    let mut model = json!({"model_id": "gpt-4o", "provider": "openai"});
    model.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    serde_json::from_value(model)
}

#[test]
fn an_empty_config_is_an_empty_object() {
    assert_eq!(serde_json::to_value(ExperimentConfig::default()).unwrap(), json!({}));
    let read: ExperimentConfig = serde_json::from_value(json!({})).unwrap();
    assert_eq!(read, ExperimentConfig::default());
    let read: ExperimentConfig = serde_json::from_value(json!({"reproducibility": {"global_seed": 7}})).unwrap();
    assert!(read.reproducibility.capture_environment);
}

#[test]
fn a_misspelt_field_is_refused_at_every_level() {
    for (config, name) in [
        (json!({"model": []}), "model"),
        (json!({"parameters": {"learning_rate": 1}}), "learning_rate"),
        (json!({"models": [{"model_id": "m", "provider": "openai", "temprature": 1}]}), "temprature"),
        (json!({"parameters": {"search_space": {"parameters": {"lr": {"type": "uniform", "lo": 0}}}}}), "lo"),
        (json!({"models": [{"model_id": "m", "provider": {"custom": {"name": "us", "url": ""}}}]}), "url"),
    ] {
        let error = serde_json::from_value::<ExperimentConfig>(config).unwrap_err().to_string();
        assert!(error.contains(&format!("unknown field `{name}`")), "{error}");
    }
}

#[test]
fn a_credential_is_refused_and_never_repeated() {
    let keys = [
        "sk-proj-abcdef0123456789",
        "Bearer sk-abcdef0123456789",
        "AKIAIOSFODNN7EXAMPLE",
        "hf_abcdefghijklmnopqrstuvwxyz01234567",
        "0123456789abcdef0123456789abcdef",
    ];
    for key in keys {
        for (place, field) in [("env", "credential.env"), ("secret", "credential.secret")] {
            let error = model(json!({"credential": {place: key}})).unwrap().validate().unwrap_err();
            assert_eq!(error.field(), Some(field), "{key}");
            assert!(error.to_string().contains("give the name of"), "{error}");
            assert!(!error.to_string().contains(key), "{error}");
        }
        for misplaced in
            [json!(key), json!({key: "x"}), json!({"env": "A", key: "x"}), json!({"env": "A", "secret": key})]
        {
            let error = model(json!({"credential": misplaced})).unwrap_err().to_string();
            assert!(error.contains(r#"{"env": the name of a variable}"#), "{error}");
            assert!(!error.contains(key), "{error}");
        }
    }
    let error = model(json!({"custom": {"headers": [{"Authorization": "Bearer sk-abc"}]}})).unwrap().validate();
    assert_eq!(error.unwrap_err().field(), Some("custom.headers[0].Authorization"));
}

#[test]
fn the_name_of_a_place_is_no_credential() {
    for name in ["OPENAI_API_KEY", "hf_token", "sk_live", "_x1", "AZURE_OPENAI_API_KEY_FOR_TEAM_42_WEST_EUROPE"] {
        model(json!({"credential": {"env": name}})).unwrap().validate().unwrap();
    }
    for name in ["team/openai", "0192f0c1-2a3b-7c4d-8e5f-60718293a4b5", "hf_token"] {
        model(json!({"credential": {"secret": name}})).unwrap().validate().unwrap();
    }
    for name in ["", "1ST", "API-KEY", "A B", "$KEY"] {
        let error = model(json!({"credential": {"env": name}})).unwrap().validate().unwrap_err();
        assert_eq!(error.field(), Some("credential.env"), "{name}");
    }
}

#[test]
fn an_endpoint_is_a_web_address_without_a_password() {
    for good in [
        "https://api.openai.com/v1",
        "http://localhost:8000",
        "HTTP://[::1]:8080/v1?api-version=2024-10-21#x",
        "https://team.openai.azure.com/openai/deployments/a@b",
    ] {
        model(json!({"endpoint": good})).unwrap().validate().unwrap();
    }
    for bad in [
        "",
        "api.openai.com",
        "ftp://host",
        "https://",
        "https:///v1",
        "https://:443",
        "http://host:99999",
        "http://host:+80",
        "http://[::1",
        "https://user:secret@host/v1",
        "https://secret@host",
        "https://host/a b",
        "https://host/v1?key=AIzaSyA0123456789abcdefghijklmnopqrstuv",
    ] {
        let error = model(json!({"endpoint": bad})).unwrap().validate().unwrap_err();
        assert_eq!(error.field(), Some("endpoint"), "{bad}");
        assert!(!error.to_string().contains("secret@") && !error.to_string().contains("AIza"), "{error}");
    }
}

#[test]
fn thresholds_and_constraints_hold_for_no_nan() {
    let above = Threshold { value: 1.0, direction: ThresholdDirection::Above };
    assert_eq!([0.5, 1.0, 1.5, f64::NAN].map(|v| above.is_crossed_by(v)), [false, false, true, false]);
    let constraint: Constraint = serde_json::from_value(json!({"metric": "m", "operator": "≤", "value": 1})).unwrap();
    assert_eq!([0.5, 1.0, 1.5, f64::NAN].map(|v| constraint.is_met_by(v)), [true, true, false, false]);
}
