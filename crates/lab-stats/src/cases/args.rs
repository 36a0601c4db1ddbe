//! Reading parameters and data.

use serde_json::{Map, Value};

use super::{COMMON_PARAMS, Procedure};
use crate::error::{Result, StatsError};
use crate::options::{Alternative, ConfidenceLevel};

/// Longest vector a formula may stand for.
const MAX_FORMULA_LENGTH: f64 = 2e7;

/// A question: which procedure, its parameters and its data.
pub(super) struct Call<'a> {
    params: Object<'a>,
    input: Object<'a>,
}

#[derive(Clone, Copy)]
struct Object<'a>(Option<&'a Map<String, Value>>);

impl<'a> Object<'a> {
    /// An object whose fields are all known.
    fn checked(procedure: &Procedure, kind: &'static str, value: &'a Value, known: &[&str]) -> Result<Self> {
        let map = match value {
            Value::Null => return Ok(Self(None)),
            Value::Object(map) => map,
            _ => return Err(StatsError::invalid(kind, "must be an object")),
        };
        match map.keys().find(|key| !known.contains(&key.as_str())) {
            Some(name) => Err(StatsError::UnknownField {
                test: procedure.name.to_owned(),
                kind,
                name: name.clone(),
                known: if known.is_empty() { "none".to_owned() } else { known.join(", ") },
            }),
            None => Ok(Self(Some(map))),
        }
    }

    /// A field that is there and not null.
    fn get(self, name: &str) -> Option<&'a Value> {
        self.0.and_then(|map| map.get(name)).filter(|value| !value.is_null())
    }

    fn need(self, name: &str) -> Result<&'a Value> {
        self.get(name).ok_or_else(|| StatsError::invalid(name, "is missing"))
    }
}

impl<'a> Call<'a> {
    pub(super) fn new(procedure: &Procedure, params: &'a Value, input: &'a Value) -> Result<Self> {
        let known_params = [procedure.params, &COMMON_PARAMS].concat();
        Ok(Self {
            params: Object::checked(procedure, "parameter", params, &known_params)?,
            input: Object::checked(procedure, "input", input, procedure.inputs)?,
        })
    }

    pub(super) fn level(&self) -> Result<ConfidenceLevel> {
        self.number("confidence_level")?.map_or(Ok(ConfidenceLevel::NINETY_FIVE), ConfidenceLevel::try_new)
    }

    pub(super) fn alternative(&self) -> Result<Alternative> {
        self.choice(
            "alternative",
            &[
                ("two-sided", Alternative::TwoSided),
                ("less", Alternative::Less),
                ("greater", Alternative::Greater),
                ("two_sided", Alternative::TwoSided),
            ],
        )
    }

    /// A parameter that is one of these words; the first is the default.
    pub(super) fn choice<T: Copy>(&self, name: &str, options: &[(&str, T)]) -> Result<T> {
        let Some(value) = self.params.get(name) else { return Ok(options[0].1) };
        let found = value.as_str().and_then(|word| options.iter().find(|(option, _)| *option == word));
        found.map(|(_, option)| *option).ok_or_else(|| {
            let words: Vec<&str> = options.iter().map(|(word, _)| *word).collect();
            StatsError::out_of_range(name, value, &format!("one of {}", words.join(", ")))
        })
    }

    pub(super) fn flag(&self, name: &str, default: bool) -> Result<bool> {
        match self.params.get(name) {
            None => Ok(default),
            Some(value) => value.as_bool().ok_or_else(|| StatsError::invalid(name, "must be true or false")),
        }
    }

    /// A number among the parameters, or among the inputs.
    pub(super) fn number(&self, name: &str) -> Result<Option<f64>> {
        let Some(value) = self.params.get(name).or_else(|| self.input.get(name)) else { return Ok(None) };
        value.as_f64().map(Some).ok_or_else(|| StatsError::invalid(name, "must be a number"))
    }

    pub(super) fn need_number(&self, name: &str) -> Result<f64> {
        self.number(name)?.ok_or_else(|| StatsError::invalid(name, "is missing"))
    }

    pub(super) fn number_or(&self, name: &str, default: f64) -> Result<f64> {
        Ok(self.number(name)?.unwrap_or(default))
    }

    pub(super) fn count(&self, name: &str) -> Result<Option<u64>> {
        self.params.get(name).or_else(|| self.input.get(name)).map(|value| whole(name, value)).transpose()
    }

    pub(super) fn need_count(&self, name: &str) -> Result<u64> {
        self.count(name)?.ok_or_else(|| StatsError::invalid(name, "is missing"))
    }

    pub(super) fn resamples(&self, default: u64) -> Result<usize> {
        Ok(usize::try_from(self.count("n_resamples")?.unwrap_or(default)).unwrap_or(usize::MAX))
    }

    /// Whether a parameter is given.
    pub(super) fn has(&self, name: &str) -> bool {
        self.params.get(name).is_some_and(|value| !value.is_null())
    }

    pub(super) fn has_input(&self, name: &str) -> bool {
        self.input.get(name).is_some()
    }

    /// One sample, missing values dropped or refused.
    pub(super) fn sample(&self, name: &str) -> Result<Vec<f64>> {
        let values = vector(name, self.input.need(name)?)?;
        self.refuse_missing(name, [values.as_slice()])?;
        Ok(values.into_iter().flatten().collect())
    }

    /// Two samples of pairs; a pair with a missing side is dropped or refused.
    pub(super) fn pairs(&self) -> Result<(Vec<f64>, Vec<f64>)> {
        let (a, b) = (self.vector("a")?, self.vector("b")?);
        if a.len() != b.len() {
            return Err(StatsError::UnequalLengths {
                first: "a".to_owned(),
                first_len: a.len(),
                second: "b".to_owned(),
                second_len: b.len(),
            });
        }
        self.refuse_missing("a", [a.as_slice()])?;
        self.refuse_missing("b", [b.as_slice()])?;
        Ok(a.into_iter().zip(b).filter_map(|(x, y)| x.zip(y)).unzip())
    }

    /// A vector as it stands, missing values included.
    pub(super) fn vector(&self, name: &str) -> Result<Vec<Option<f64>>> {
        vector(name, self.input.need(name)?)
    }

    /// Several samples, missing values dropped or refused.
    pub(super) fn groups(&self) -> Result<Vec<Vec<f64>>> {
        let groups = self.rows("groups")?;
        self.refuse_missing("groups", groups.iter().map(Vec::as_slice))?;
        Ok(groups.into_iter().map(|group| group.into_iter().flatten().collect()).collect())
    }

    /// A table; a row with a missing value is dropped or refused.
    pub(super) fn matrix(&self, name: &str) -> Result<Vec<Vec<f64>>> {
        let rows = self.rows(name)?;
        self.refuse_missing(name, rows.iter().map(Vec::as_slice))?;
        Ok(rows.into_iter().filter_map(|row| row.into_iter().collect()).collect())
    }

    fn rows(&self, name: &str) -> Result<Vec<Vec<Option<f64>>>> {
        let rows = self.input.need(name)?.as_array();
        let rows = rows.ok_or_else(|| StatsError::invalid(name, "must be a list of lists of numbers"))?;
        rows.iter().enumerate().map(|(index, row)| vector(&format!("{name}[{index}]"), row)).collect()
    }

    pub(super) fn counts(&self, name: &str) -> Result<Vec<u64>> {
        let list = self.input.need(name)?.as_array();
        list.ok_or_else(|| StatsError::invalid(name, "must be a list of counts"))?
            .iter()
            .map(|value| whole(name, value))
            .collect()
    }

    /// A table of counts.
    pub(super) fn table(&self) -> Result<Vec<Vec<u64>>> {
        let problem = || StatsError::invalid("table", "must be a list of lists of counts");
        let rows = self.input.need("table")?.as_array().ok_or_else(problem)?;
        rows.iter()
            .map(|row| row.as_array().ok_or_else(problem)?.iter().map(|value| whole("table", value)).collect())
            .collect()
    }

    /// Labels of any kind, such as cluster names; a number and a text never name the same.
    pub(super) fn labels(&self, name: &str) -> Result<Vec<String>> {
        let list = self.input.need(name)?.as_array();
        list.ok_or_else(|| StatsError::invalid(name, "must be a list of names"))?
            .iter()
            .map(|value| match value {
                Value::String(_) | Value::Number(_) | Value::Bool(_) => Ok(value.to_string()),
                _ => Err(StatsError::invalid(name, "must hold texts or numbers")),
            })
            .collect()
    }

    /// Whether missing values are dropped.
    pub(super) fn omits_missing(&self) -> Result<bool> {
        self.choice("nan_policy", &[("raise", false), ("propagate", false), ("omit", true)])
    }

    fn refuse_missing<'v>(&self, name: &str, rows: impl IntoIterator<Item = &'v [Option<f64>]>) -> Result<()> {
        let count = rows.into_iter().flatten().filter(|value| value.is_none()).count();
        if count > 0 && !self.omits_missing()? {
            return Err(StatsError::Missing { name: name.to_owned(), count });
        }
        Ok(())
    }
}

fn whole(name: &str, value: &Value) -> Result<u64> {
    let number = value.as_f64().filter(|number| number.fract() == 0.0 && (0.0..9e15).contains(number));
    number.map(|number| number as u64).ok_or_else(|| StatsError::out_of_range(name, value, "a count, 0 or more"))
}

fn vector(name: &str, value: &Value) -> Result<Vec<Option<f64>>> {
    match value {
        Value::Array(values) => values.iter().map(|value| element(name, value)).collect(),
        Value::Object(formula) => mod_linear(name, formula),
        _ => Err(StatsError::invalid(name, "must be a list of numbers or a formula")),
    }
}

fn element(name: &str, value: &Value) -> Result<Option<f64>> {
    match value {
        Value::Null => Ok(None),
        Value::Bool(is_true) => Ok(Some(f64::from(u8::from(*is_true)))),
        Value::Number(number) => Ok(number.as_f64()),
        Value::String(word) => match word.as_str() {
            "NaN" => Ok(None),
            "Infinity" => Ok(Some(f64::INFINITY)),
            "-Infinity" => Ok(Some(f64::NEG_INFINITY)),
            _ => Err(StatsError::invalid(name, format!("holds the text `{word}`; give numbers"))),
        },
        Value::Array(_) | Value::Object(_) => Err(StatsError::invalid(name, "must hold numbers only")),
    }
}

fn mod_linear(name: &str, formula: &Map<String, Value>) -> Result<Vec<Option<f64>>> {
    if formula.get("formula").and_then(Value::as_str) != Some("mod_linear") {
        return Err(StatsError::invalid(name, "has a formula other than `mod_linear`"));
    }
    let field = |key: &str| formula.get(key).and_then(Value::as_f64).filter(|number| number.is_finite());
    let need = |key: &str| field(key).ok_or_else(|| StatsError::invalid(name, format!("needs the number `{key}`")));
    let whole = |key: &str| {
        let number = need(key)?;
        if number.fract() == 0.0 && (0.0..=9e15).contains(&number) {
            Ok(number as u128)
        } else {
            Err(StatsError::invalid(name, format!("needs a count as `{key}`")))
        }
    };
    let (n, mul, add, modulus) = (whole("n")?, whole("mul")?, whole("add")?, whole("mod")?);
    let (scale, shift) = (field("scale").unwrap_or(1.0), field("shift").unwrap_or(0.0));
    if modulus == 0 || n as f64 > MAX_FORMULA_LENGTH {
        return Err(StatsError::invalid(name, "needs `mod` above 0 and `n` of at most 20 million"));
    }
    Ok((0..n).map(|i| Some(((i * mul + add) % modulus) as f64 / modulus as f64 * scale + shift)).collect())
}
