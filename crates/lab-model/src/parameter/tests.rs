use super::*;

fn read(json: &str) -> ParameterValue {
    serde_json::from_str(json).unwrap()
}

fn write(value: &ParameterValue) -> String {
    serde_json::to_string(value).unwrap()
}

#[track_caller]
fn check(value: impl Into<ParameterValue>, json: &str) {
    let value = value.into();
    assert_eq!(write(&value), json);
    assert_eq!(read(json), value);
}

#[track_caller]
fn refused(json: &str, problem: &str) {
    let error = serde_json::from_str::<ParameterValue>(json).unwrap_err().to_string();
    assert!(error.contains(problem), "{error}");
}

fn nested(depth: usize) -> String {
    format!("{}{}", "[".repeat(depth), "]".repeat(depth))
}

fn map(entries: &[(&str, ParameterValue)]) -> Parameters {
    entries.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect()
}

#[test]
fn values_are_plain_json() {
    check(3, "3");
    check(i64::MIN, "-9223372036854775808");
    check(i64::MAX, "9223372036854775807");
    check(3.0, "3.0");
    check(-0.0, "-0.0");
    check(f64::MIN_POSITIVE / 2.0, "1.1125369292536007e-308");
    check(1e300, "1e+300");
    check("adamw", "\"adamw\"");
    check(true, "true");
    check(vec![1, 2], "[1,2]");
    check(map(&[("layers", 12.into())]), r#"{"layers":12}"#);
    check(Parameters::new(), "{}");
    assert_eq!(read("1e3"), ParameterValue::Float(1000.0));
}

#[test]
fn floats_that_json_cannot_write_survive() {
    check(f64::NAN, r#"{"$float":"NaN"}"#);
    check(f64::INFINITY, r#"{"$float":"Infinity"}"#);
    check(f64::NEG_INFINITY, r#"{"$float":"-Infinity"}"#);
    check(f64::from_bits(0x7ff8_0000_0000_0001), r#"{"$float":"0x7ff8000000000001"}"#);
    check(-f64::NAN, r#"{"$float":"0xfff8000000000000"}"#);
    for bad in [r#""nan""#, "1.5", r#""0x3ff0000000000000""#, r#""0x+ff8000000000001""#] {
        assert!(serde_json::from_str::<ParameterValue>(&format!(r#"{{"$float":{bad}}}"#)).is_err(), "{bad}");
    }
    refused(r#"{"$float":"NaN","a":1}"#, "holds other keys too");
}

#[test]
fn no_map_of_a_user_is_taken_for_a_float() {
    check(map(&[("$float", "NaN".into())]), r#"{"$$float":"NaN"}"#);
    check(map(&[("$$x", 1.into()), ("a", 2.into())]), r#"{"$$$x":1,"a":2}"#);
    refused(r##"{"$ref":"#/a"}"##, "key `$ref`: a key that begins with `$` is written with one more `$` in front");
    refused(r#"{"a":1,"$float":"NaN"}"#, "one more `$`");
}

#[test]
fn what_cannot_be_kept_is_refused() {
    refused("9223372036854775808", "9223372036854775808 does not fit an integer of 64 bits");
    refused("null", "expected an integer, a float, a string");
    refused(r#"{"a":1,"a":1}"#, "key `a` is given twice");
}

#[test]
fn depth_ends_at_64() {
    assert_eq!(write(&read(&nested(64))), nested(64));
    read(&nested(64)).validate().unwrap();
    refused(&nested(65), "more than 64");
    refused(&format!("{}{{}}{}", "[".repeat(64), "]".repeat(64)), "more than 64");
    let nan = format!("{}{{\"$float\":\"NaN\"}}{}", "[".repeat(64), "]".repeat(64));
    assert_eq!(write(&read(&nan)), nan);
    let deeper = ParameterValue::List(vec![read(&nested(64))]);
    assert!(deeper.validate().unwrap_err().to_string().contains("more than 64"));
}

#[test]
fn equality_is_of_what_was_written() {
    assert_eq!(ParameterValue::from(f64::NAN), f64::NAN.into());
    assert_ne!(ParameterValue::from(0.0), (-0.0).into());
    assert_ne!(ParameterValue::from(3), 3.0.into());
}

#[test]
fn names_and_strings_have_limits() {
    #[track_caller]
    fn check(parameters: &Parameters, field: &str) {
        assert_eq!(parameters.validate().unwrap_err().field(), Some(field));
    }
    let long = "k".repeat(251);
    check(&map(&[("", 1.into())]), "");
    check(&map(&[(&long, 1.into())]), &long[..40]);
    check(&map(&[("a\nb", 1.into())]), "a\\nb");
    check(&map(&[("prompt", "x".repeat(65 * 1024).into())]), "prompt");
    let inner = ParameterValue::List(vec![1.into(), map(&[(" ", 1.into())]).into()]);
    check(&map(&[("model", map(&[("layers", inner)]).into())]), "model.layers[1]. ");
    map(&[(&long[1..], "x".repeat(64 * 1024).into())]).validate().unwrap();
}

#[test]
fn nested_maps_flatten_to_dotted_paths() {
    let model =
        map(&[("layers", 12.into()), ("rope", map(&[("theta", 1e4.into())]).into()), ("x", Parameters::new().into())]);
    let parameters = map(&[("model", model.into()), ("sizes", vec![1, 2].into()), ("model.layers", 24.into())]);
    let flat: Vec<String> = ParameterValue::flatten(&parameters).iter().map(|(k, v)| format!("{k}={v}")).collect();
    assert_eq!(flat, ["model.layers=24", "model.rope.theta=10000.0", "model.x={}", "sizes=[1,2]"]);
}

#[test]
fn people_read_values_without_quotes() {
    let shown = |value: ParameterValue| value.to_string();
    assert_eq!(shown("adamw".into()), "adamw");
    assert_eq!(shown(0.1.into()), "0.1");
    assert_eq!(shown(1e-7.into()), "1e-7");
    assert_eq!(shown(2.0.into()), "2.0");
    assert_eq!(shown(f64::NEG_INFINITY.into()), "-Infinity");
    assert_eq!(shown(vec!["a", "b"].into()), r#"["a","b"]"#);
}
