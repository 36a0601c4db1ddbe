//! Python values as numbers and parameters.

use lab_model::{ParameterValue, Parameters, SeriesKey};
use pyo3::exceptions::{PyOverflowError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyMapping, PyString};

use crate::errors::invalid;

/// Most mappings inside one another in one call, so that one that holds itself is told rather than followed.
const MAX_DEPTH: usize = 64;

/// The numbers of a mapping by series, those of mappings within under names joined by `/`. Nothing is kept unless all of
/// it can be.
pub(crate) fn numbers(values: &Bound<'_, PyAny>) -> PyResult<Vec<(SeriesKey, f64)>> {
    let mut numbers = Vec::with_capacity(values.len().unwrap_or(0));
    flatten(values, "", MAX_DEPTH, &mut numbers)?;
    Ok(numbers)
}

fn flatten(values: &Bound<'_, PyAny>, prefix: &str, depth: usize, into: &mut Vec<(SeriesKey, f64)>) -> PyResult<()> {
    if depth == 0 {
        let problem = format!("holds more than {MAX_DEPTH} mappings inside one another");
        return Err(invalid(values.py(), &prefix.chars().take(40).collect::<String>(), &problem));
    }
    let mut each = |key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>| {
        let Ok(key) = key.cast::<PyString>() else {
            let place = if prefix.is_empty() { String::new() } else { format!(" in `{prefix}`") };
            let message = format!("names of metrics must be texts{place}; {} is a {}", key.repr()?, type_name(key));
            return Err(PyTypeError::new_err(message));
        };
        let key = key.to_cow()?;
        let name = if prefix.is_empty() { key.into_owned() } else { format!("{prefix}/{key}") };
        if !value.is_instance_of::<PyFloat>() && is_mapping(value) {
            return flatten(value, &name, depth - 1, into);
        }
        let number = number(&name, value)?;
        into.push((SeriesKey::named(name), number));
        Ok(())
    };
    if let Ok(dict) = values.cast_exact::<PyDict>() {
        return dict.iter().try_for_each(|(key, value)| each(&key, &value));
    }
    for item in values.cast::<PyMapping>()?.items()?.iter() {
        let (key, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = item.extract()?;
        each(&key, &value)?;
    }
    Ok(())
}

fn is_mapping(value: &Bound<'_, PyAny>) -> bool {
    value.is_instance_of::<PyDict>() || value.cast::<PyMapping>().is_ok()
}

/// One number: a float, an integer (rounded beyond 2^53), a boolean, or whatever holds exactly one of them, as a tensor of
/// one element.
fn number(name: &str, value: &Bound<'_, PyAny>) -> PyResult<f64> {
    if let Ok(float) = value.cast::<PyFloat>() {
        return Ok(float.value());
    }
    if let Ok(boolean) = value.cast::<PyBool>() {
        return Ok(f64::from(u8::from(boolean.is_true())));
    }
    if value.is_instance_of::<PyInt>() {
        return value.extract().map_err(|e: PyErr| {
            if e.is_instance_of::<PyOverflowError>(value.py()) {
                invalid(value.py(), name, "is an integer too large for a float")
            } else {
                e
            }
        });
    }
    let refused = |cause: Option<PyErr>| {
        let message = format!("metric `{name}` must be one number, not {}{}", described(value), advice(value));
        let error = PyTypeError::new_err(message);
        error.set_cause(value.py(), cause);
        error
    };
    if value.is_instance_of::<PyString>() || value.is_none() {
        return Err(refused(None));
    }
    // Arrays and tensors hand out a Python number if they hold one; `float()` of an array of one element is deprecated.
    let item = match value.getattr_opt("item")? {
        Some(item) if item.is_callable() => item.call0().map_err(|e| refused(Some(e)))?,
        _ => value.clone(),
    };
    if item.is_instance_of::<PyString>() {
        return Err(refused(None));
    }
    item.extract::<f64>().map_err(|e| refused(Some(e)))
}

fn type_name(value: &Bound<'_, PyAny>) -> String {
    value.get_type().name().map_or_else(|_| "value".to_owned(), |name| name.to_string())
}

fn described(value: &Bound<'_, PyAny>) -> String {
    if value.is_none() {
        return "None".to_owned();
    }
    let shape = value.getattr("shape").and_then(|shape| shape.str()).map(|shape| format!(" of shape {shape}"));
    format!("{}{}", type_name(value), shape.unwrap_or_default())
}

fn advice(value: &Bound<'_, PyAny>) -> &'static str {
    if value.is_instance_of::<PyString>() {
        "; texts belong into `run.config` or `run.tags`"
    } else if value.is_none() {
        "; leave it out where there is no value"
    } else if value.hasattr("shape").unwrap_or(false) || value.is_instance_of::<PyList>() {
        "; log a mean, or each value under a name of its own"
    } else {
        ""
    }
}

/// Parameters made of plain values, as `_values.py` makes them.
pub(crate) fn parameters(values: &Bound<'_, PyDict>) -> PyResult<Parameters> {
    let entry = |(name, value): (Bound<'_, PyAny>, Bound<'_, PyAny>)| {
        let name: String = name.extract()?;
        let value = parameter(&name, &value, MAX_DEPTH)?;
        Ok((name, value))
    };
    values.iter().map(entry).collect()
}

fn parameter(name: &str, value: &Bound<'_, PyAny>, depth: usize) -> PyResult<ParameterValue> {
    if depth == 0 {
        let problem = format!("holds more than {MAX_DEPTH} lists and maps inside one another");
        return Err(invalid(value.py(), name, &problem));
    }
    if let Ok(boolean) = value.cast::<PyBool>() {
        return Ok(boolean.is_true().into());
    }
    if value.is_instance_of::<PyInt>() {
        // One that needs more than 64 bits keeps its digits as text.
        return Ok(value.extract::<i64>().map_or_else(|_| value.to_string().into(), Into::into));
    }
    if let Ok(float) = value.cast::<PyFloat>() {
        return Ok(float.value().into());
    }
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(text.to_cow()?.into_owned().into());
    }
    if let Ok(list) = value.cast::<PyList>() {
        return list
            .iter()
            .map(|item| parameter(name, &item, depth - 1))
            .collect::<PyResult<_>>()
            .map(ParameterValue::List);
    }
    if let Ok(map) = value.cast::<PyDict>() {
        let entry = |(key, value): (Bound<'_, PyAny>, Bound<'_, PyAny>)| {
            let key: String = key.extract()?;
            let value = parameter(name, &value, depth - 1)?;
            Ok((key, value))
        };
        return map.iter().map(entry).collect::<PyResult<_>>().map(ParameterValue::Map);
    }
    Err(PyTypeError::new_err(format!("parameter `{name}` holds a {}, which is no plain value", type_name(value))))
}
