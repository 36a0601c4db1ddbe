//! Errors as the exceptions of `llm_research_lab.errors`.

use lab_model::{Error, Result};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

/// Makes the exception for a code.
static OF: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// The exception for an error, with its causes in the text.
pub(crate) fn exception(py: Python<'_>, error: &Error) -> PyErr {
    let causes = std::iter::successors(std::error::Error::source(error), |e| e.source());
    let text = causes.fold(error.to_string(), |text, cause| {
        let cause = cause.to_string();
        // Some errors say what caused them themselves.
        if text.contains(&cause) { text } else { format!("{text}: {cause}") }
    });
    let of = OF.get_or_try_init(py, || PyResult::Ok(py.import("llm_research_lab.errors")?.getattr("of")?.unbind()));
    let made = of.and_then(|of| of.call1(py, (error.code().as_str(), text, error.field(), error.is_retryable())));
    made.map_or_else(|failed| failed, |made| PyErr::from_value(made.into_bound(py)))
}

/// The exception for a value that is refused here.
pub(crate) fn invalid(py: Python<'_>, field: &str, problem: &str) -> PyErr {
    exception(py, &Error::invalid(field, problem))
}

/// Works while other threads of Python go on.
pub(crate) fn without_interpreter<T: Send>(py: Python<'_>, work: impl FnOnce() -> Result<T> + Send) -> PyResult<T> {
    py.detach(work).map_err(|error| exception(py, &error))
}
