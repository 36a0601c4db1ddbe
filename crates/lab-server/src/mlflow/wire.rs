//! Requests as MLflow's clients send them: JSON of protocol buffers, or a query string.
//!
//! A field is read under its name and under its lowerCamelCase one; unknown fields are passed over. Integers and floats may
//! be texts. Some clients encode the object twice, and some write a bare `NaN`.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{Method, header};
use axum::response::{IntoResponse as _, Response};
use lab_model::Error;
use serde::Serialize;
use serde_json::{Map, Value};

use super::failure::{Failure, Reply};
use super::numbers::{double_of, integer_of};

/// The fields of a request.
#[derive(Debug, Default)]
pub(super) struct Args(Map<String, Value>);

impl Args {
    pub(super) fn fields(&self) -> Fields<'_> {
        Fields(&self.0)
    }

    /// The fields of a JSON body.
    pub(super) fn of_body(body: &[u8]) -> Reply<Self> {
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self::default());
        }
        let value = parse(body)?;
        let value = match value {
            // Encoded twice.
            Value::String(text) => parse(text.as_bytes())?,
            other => other,
        };
        match value {
            Value::Object(map) => Ok(Self(map)),
            Value::Null => Ok(Self::default()),
            _ => Err(Failure::malformed("Bad Request. The body must be a JSON object.")),
        }
    }
}

fn parse(body: &[u8]) -> Reply<Value> {
    serde_json::from_slice(body)
        .or_else(|_| serde_json::from_str(&quote_numbers(&String::from_utf8_lossy(body))))
        .map_err(|e| Failure::malformed(format!("Bad Request. The body is not JSON: {e}")))
}

/// Puts quotes around the numbers that JSON cannot write and Python does.
pub(super) fn quote_numbers(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 16);
    let mut rest = text;
    let mut is_text = false;
    while let Some(first) = rest.chars().next() {
        let number = ["-Infinity", "Infinity", "NaN"].into_iter().find(|number| !is_text && rest.starts_with(number));
        let length = match (number, first) {
            (Some(number), _) => {
                quoted.push('"');
                quoted.push_str(number);
                quoted.push('"');
                rest = &rest[number.len()..];
                continue;
            }
            (None, '\\') if is_text => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
            (None, '"') => {
                is_text = !is_text;
                1
            }
            (None, other) => other.len_utf8(),
        };
        quoted.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    quoted
}

/// Checks that a body says it is JSON.
pub(super) fn require_json(request: &Request) -> Reply<()> {
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let is_json = content_type.is_some_and(|text| {
        let essence = text.split(';').next().unwrap_or_default().trim();
        essence.eq_ignore_ascii_case("application/json")
    });
    if is_json {
        return Ok(());
    }
    Err(Failure::malformed("Bad Request. Content-Type must be in ['application/json']."))
}

/// Reads a body within the server's limit.
pub(super) async fn body_of<S: Send + Sync>(request: Request, state: &S) -> Reply<Bytes> {
    Bytes::from_request(request, state)
        .await
        .map_err(|_| Failure::malformed("Bad Request. The body is larger than this server takes; send it in parts."))
}

impl<S: Send + Sync> FromRequest<S> for Args {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Reply<Self> {
        if matches!(*request.method(), Method::GET | Method::HEAD) {
            return Ok(Self::of_query(request.uri().query().unwrap_or_default()));
        }
        Self::of_body(&JsonBody::from_request(request, state).await?.0)
    }
}

/// A body that says it is JSON, as it came.
#[derive(Debug)]
pub(super) struct JsonBody(pub(super) Bytes);

impl<S: Send + Sync> FromRequest<S> for JsonBody {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Reply<Self> {
        if request.headers().get(header::CONTENT_LENGTH).is_none_or(|length| length != "0") {
            require_json(&request)?;
        }
        body_of(request, state).await.map(Self)
    }
}

/// Reads a body straight into the type that it is of, and makes something of it.
pub(super) fn parse_as<U>(body: &[u8], make: impl Fn(&[u8]) -> Result<Reply<U>, serde_json::Error>) -> Reply<U> {
    if let Ok(made) = make(body) {
        return made;
    }
    // Encoded twice, or with numbers that JSON does not have.
    let unwrapped = serde_json::from_slice::<String>(body);
    let text = unwrapped.unwrap_or_else(|_| String::from_utf8_lossy(body).into_owned());
    make(quote_numbers(&text).as_bytes())
        .map_err(|e| Failure::invalid(format!("Invalid value in the request: {e}. See the API docs for its fields.")))?
}

impl Args {
    /// The fields of a query string; one that is repeated is a list.
    pub(super) fn of_query(query: &str) -> Self {
        let mut map: Map<String, Value> = Map::new();
        for (name, value) in query_pairs(query) {
            match map.get_mut(&name) {
                None => _ = map.insert(name, Value::String(value)),
                Some(Value::Array(values)) => values.push(Value::String(value)),
                Some(first) => *first = Value::Array(vec![first.take(), Value::String(value)]),
            }
        }
        Self(map)
    }
}

/// An answer that may be long, written on a thread of its own.
pub(super) async fn json_reply<T: Serialize + Send + 'static>(answer: T) -> Reply<Response> {
    json_of(move || serde_json::to_vec(&answer)).await
}

/// JSON that may be long, written on a thread of its own.
pub(super) async fn json_of(write: impl FnOnce() -> serde_json::Result<Vec<u8>> + Send + 'static) -> Reply<Response> {
    let internal = |problem: String| Failure::from(Error::Internal { problem });
    let written = tokio::task::spawn_blocking(write).await.map_err(|e| internal(e.to_string()))?;
    let json = written.map_err(|e| internal(e.to_string()))?;
    Ok(([(header::CONTENT_TYPE, "application/json")], json).into_response())
}

/// The decoded pairs of a query string.
pub(super) fn query_pairs(query: &str) -> impl Iterator<Item = (String, String)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (percent_decoded(&name.replace('+', " ")), percent_decoded(&value.replace('+', " ")))
    })
}

/// Text with each `%XX` as its byte.
pub(super) fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let hex = after.get(..2).filter(|_| *first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The fields of an object, at any level of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a>(&'a Map<String, Value>);

impl<'a> Fields<'a> {
    pub(super) fn of(value: &'a Value) -> Option<Self> {
        value.as_object().map(Fields)
    }

    /// The value of a field; null is none.
    pub(super) fn get(self, name: &str) -> Option<&'a Value> {
        let value = self.0.get(name).or_else(|| self.0.get(&camel_case(name)));
        value.filter(|value| !value.is_null())
    }

    pub(super) fn text(self, name: &str) -> Reply<Option<&'a str>> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(wrong_type(name, other)),
        }
    }

    /// A text that is there and not empty.
    pub(super) fn required(self, name: &str) -> Reply<&'a str> {
        self.text(name)?.filter(|text| !text.is_empty()).ok_or_else(|| Failure::missing(name))
    }

    /// A text, or nothing where it is empty.
    pub(super) fn filled(self, name: &str) -> Reply<Option<&'a str>> {
        Ok(self.text(name)?.filter(|text| !text.is_empty()))
    }

    pub(super) fn integer(self, name: &str) -> Reply<Option<i64>> {
        self.get(name).map(|value| integer_of(value).ok_or_else(|| wrong_type(name, value))).transpose()
    }

    pub(super) fn double(self, name: &str) -> Reply<Option<f64>> {
        self.get(name).map(|value| double_of(value).ok_or_else(|| wrong_type(name, value))).transpose()
    }

    pub(super) fn array(self, name: &str) -> Reply<&'a [Value]> {
        match self.get(name) {
            None => Ok(&[]),
            Some(Value::Array(items)) => Ok(items),
            Some(other) => Err(wrong_type(name, other)),
        }
    }

    /// Objects of a list.
    pub(super) fn objects(self, name: &str) -> Reply<Vec<Fields<'a>>> {
        let items = self.array(name)?;
        items.iter().map(|item| Fields::of(item).ok_or_else(|| wrong_type(name, item))).collect()
    }

    /// An object, where it is there.
    pub(super) fn object(self, name: &str) -> Reply<Option<Fields<'a>>> {
        self.get(name).map(|value| Fields::of(value).ok_or_else(|| wrong_type(name, value))).transpose()
    }

    /// Texts of a list, or the only one.
    pub(super) fn texts(self, name: &str) -> Reply<Vec<String>> {
        match self.get(name) {
            None => Ok(Vec::new()),
            Some(Value::String(text)) => Ok(vec![text.clone()]),
            Some(Value::Array(items)) => {
                let texts = items.iter().map(|item| item.as_str().map(str::to_owned));
                texts.collect::<Option<_>>().ok_or_else(|| wrong_type(name, &Value::Array(items.clone())))
            }
            Some(other) => Err(wrong_type(name, other)),
        }
    }

    /// The pairs of a list of `{key, value}`.
    pub(super) fn pairs(self, name: &str) -> Reply<Vec<(String, String)>> {
        let pair = |item: Fields<'a>| {
            let key = item.required("key")?.to_owned();
            Ok((key, item.text("value")?.unwrap_or_default().to_owned()))
        };
        self.objects(name)?.into_iter().map(pair).collect()
    }

    /// The id of a run, which old clients send under an old name.
    pub(super) fn run_id(self) -> Reply<&'a str> {
        if let Some(id) = self.filled("run_id")? {
            return Ok(id);
        }
        self.filled("run_uuid")?.ok_or_else(|| Failure::missing("run_id"))
    }

    /// How many results are wanted.
    pub(super) fn max_results(self, default: u32, most: u32) -> Reply<u32> {
        let Some(wanted) = self.integer("max_results")? else { return Ok(default) };
        match u32::try_from(wanted) {
            Ok(wanted) if (1..=most).contains(&wanted) => Ok(wanted),
            _ => Err(Failure::invalid(format!(
                "Invalid value {wanted} for parameter 'max_results' supplied: It must be at least 1 and at most {most}"
            ))),
        }
    }
}

fn wrong_type(name: &str, value: &Value) -> Failure {
    let python_type = match value {
        Value::Null => "NoneType",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float",
        Value::Number(_) => "int",
        Value::String(_) => "str",
        Value::Array(_) => "list",
        Value::Object(_) => "dict",
    };
    Failure::invalid(format!(
        "Invalid value {} for parameter '{name}' supplied:  Hint: Value was of type '{python_type}'. See the API docs for \
         more information about request parameters.",
        json_text(value)
    ))
}

/// Why a value is refused, as clients match it.
pub(super) fn invalid_value(path: &str, value: &Value, problem: &str) -> Failure {
    let end = if problem.is_empty() { ".".to_owned() } else { format!(": {problem}") };
    Failure::invalid(format!("Invalid value {} for parameter '{path}' supplied{end}", json_text(value)))
}

/// JSON in ASCII.
pub(super) fn json_text(value: &Value) -> String {
    let text = value.to_string();
    if text.is_ascii() {
        return text;
    }
    let mut ascii = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii() {
            ascii.push(c);
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                use std::fmt::Write as _;
                write!(ascii, "\\u{unit:04x}").ok();
            }
        }
    }
    ascii
}

fn camel_case(name: &str) -> String {
    let mut camel = String::with_capacity(name.len());
    let mut is_upper = false;
    for c in name.chars() {
        match c {
            '_' => is_upper = true,
            c if is_upper => {
                camel.push(c.to_ascii_uppercase());
                is_upper = false;
            }
            c => camel.push(c),
        }
    }
    camel
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_under_both_names_and_numbers_as_texts() {
        let body = br#"{"runId": "r", "start_time": "17", "max_results": 5.0, "value": NaN, "text": "NaN \" NaN"}"#;
        let args = Args::of_body(body).unwrap();
        let fields = args.fields();
        assert_eq!(fields.required("run_id").unwrap(), "r");
        assert_eq!(fields.integer("start_time").unwrap(), Some(17));
        assert_eq!(fields.integer("max_results").unwrap(), Some(5));
        assert!(fields.double("value").unwrap().unwrap().is_nan());
        assert_eq!(fields.text("text").unwrap(), Some("NaN \" NaN"));
        assert!(fields.integer("text").is_err());
    }

    #[test]
    fn an_object_may_be_encoded_twice_or_be_missing() {
        let twice = serde_json::to_vec(r#"{"key": "a"}"#).unwrap();
        assert_eq!(Args::of_body(&twice).unwrap().fields().required("key").unwrap(), "a");
        assert!(Args::of_body(b"  ").unwrap().fields().required("key").is_err());
        assert!(Args::of_body(b"[1]").is_err());
    }

    #[test]
    fn repeated_keys_of_a_query_are_lists() {
        let args = Args::of_query("run_ids=a&run_ids=b%20c&name=x+y%2B");
        assert_eq!(args.fields().texts("run_ids").unwrap(), ["a", "b c"]);
        assert_eq!(args.fields().texts("name").unwrap(), ["x y+"]);
    }

    #[test]
    fn json_in_messages_is_ascii() {
        assert_eq!(json_text(&Value::String("ü🙂\"".into())), r#""\u00fc\ud83d\ude42\"""#);
    }
}
