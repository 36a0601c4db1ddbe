//! The run, as the Python package holds it.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lab_client::{Outcome, StartOptions};
use lab_model::{Error, LogLine, LoggedValue, Metadata, Result, RunStatus, SeriesKey, Tags};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::{exception, invalid, without_interpreter};
use crate::values;

/// Type, message and stack trace of what ended a run.
type Failure = (String, String, Option<String>);

/// A run of this process.
#[pyclass(module = "llm_research_lab._core", frozen)]
pub(crate) struct Run {
    run: lab_client::Run,
    /// What was logged last under each name.
    last: Mutex<HashMap<String, f64>>,
}

/// What came of the end of a run.
#[pyclass(module = "llm_research_lab._core", frozen, get_all)]
pub(crate) struct Delivered {
    /// Whether everything is delivered.
    complete: bool,
    /// What kept it from being delivered.
    problem: Option<String>,
    /// Whether Ctrl-C ended the waiting.
    interrupted: bool,
    /// Why each record was refused that was.
    refused: Vec<String>,
}

#[pymethods]
impl Run {
    #[staticmethod]
    #[pyo3(signature = (*, experiment, name, parameters, tags, parent, id, resume, attached, user, dir, server, offline,
        interpreter, entry_point, arguments))]
    #[expect(clippy::too_many_arguments, reason = "each is a keyword, and the package above gives all of them")]
    fn start(
        py: Python<'_>,
        experiment: String,
        name: Option<String>,
        parameters: &Bound<'_, PyDict>,
        tags: BTreeMap<String, String>,
        parent: Option<&str>,
        id: Option<&str>,
        resume: bool,
        attached: bool,
        user: Option<String>,
        dir: Option<String>,
        server: Option<String>,
        offline: bool,
        interpreter: Option<PathBuf>,
        entry_point: Option<String>,
        arguments: Vec<String>,
    ) -> PyResult<Self> {
        let options = StartOptions {
            experiment,
            name,
            parameters: values::parameters(parameters)?,
            tags: Tags(tags),
            parent_run_id: parent.map(str::parse).transpose().map_err(|e: Error| exception(py, &e.within("parent")))?,
            run_id: id.map(str::parse).transpose().map_err(|e: Error| exception(py, &e.within("id")))?,
            resume,
            is_attached: attached,
            user,
            is_offline: offline,
            interpreter,
            entry_point,
            arguments,
            variables: Vec::new(),
        };
        without_interpreter(py, || {
            let workspace = crate::workspace(dir, server)?;
            Ok(Self { run: lab_client::Run::start(&workspace, options)?, last: Mutex::default() })
        })
    }

    #[getter]
    fn id(&self) -> String {
        self.run.id().to_string()
    }

    #[getter]
    fn server(&self) -> Option<String> {
        self.run.workspace().settings.server.clone()
    }

    #[getter]
    fn root(&self) -> PathBuf {
        self.run.workspace().root.clone()
    }

    /// Logs numbers.
    fn log(
        &self,
        py: Python<'_>,
        values: &Bound<'_, PyAny>,
        step: Option<i64>,
        context: Option<BTreeMap<String, String>>,
    ) -> PyResult<()> {
        let mut numbers = values::numbers(values)?;
        if let Some(context) = context {
            for (key, _) in &mut numbers {
                key.context.clone_from(&context);
            }
        }
        without_interpreter(py, || {
            let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            for (key, value) in &numbers {
                match last.get_mut(key.name.as_str()) {
                    Some(there) => *there = *value,
                    None => {
                        last.insert(key.name.clone(), *value);
                    }
                }
            }
            drop(last);
            self.run.log(numbers, step)
        })
    }

    /// The number that was logged last under each name.
    fn last_numbers(&self) -> HashMap<String, f64> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Step of the next numbers that come without one.
    fn next_step(&self, py: Python<'_>) -> i64 {
        py.detach(|| self.run.next_step())
    }

    /// Logs what is not one number: pairs of a name and a value as JSON.
    fn log_values(&self, py: Python<'_>, values: Vec<(String, String)>, step: i64) -> PyResult<()> {
        without_interpreter(py, || {
            let time = lab_client::now();
            let logged = |(name, json): (String, String)| {
                let value = serde_json::from_str(&json).map_err(|e| Error::invalid(&name, e.to_string()))?;
                Ok(LoggedValue { key: SeriesKey::named(name), step: Some(step), time, value })
            };
            self.run.log_values(values.into_iter().map(logged).collect::<Result<_>>()?)
        })
    }

    /// Adds lines to the log, each with its level.
    fn log_lines(&self, py: Python<'_>, lines: Vec<(String, String)>) -> PyResult<()> {
        without_interpreter(py, || {
            let time = lab_client::now();
            let line = |(level, text): (String, String)| {
                let level = serde_json::from_value(level.into()).map_err(|e| Error::invalid("level", e.to_string()))?;
                Ok(LogLine { level, time, text, stream: None })
            };
            self.run.log_lines(lines.into_iter().map(line).collect::<Result<_>>()?)
        })
    }

    fn log_parameters(&self, py: Python<'_>, parameters: &Bound<'_, PyDict>) -> PyResult<()> {
        let parameters = values::parameters(parameters)?;
        without_interpreter(py, || self.run.log_parameters(parameters))
    }

    fn set_tags(&self, py: Python<'_>, tags: BTreeMap<String, String>) -> PyResult<()> {
        without_interpreter(py, || self.run.set_tags(Tags(tags)))
    }

    fn use_dataset(&self, py: Python<'_>, name: String, metadata: &str) -> PyResult<()> {
        without_interpreter(py, || self.run.use_dataset(name, object("metadata", metadata)?))
    }

    fn use_model(&self, py: Python<'_>, name: String, metadata: &str) -> PyResult<()> {
        without_interpreter(py, || self.run.use_model(name, object("metadata", metadata)?))
    }

    fn log_artifact(
        &self,
        py: Python<'_>,
        file: PathBuf,
        name: &str,
        artifact_type: &str,
        metadata: &str,
    ) -> PyResult<()> {
        without_interpreter(py, || {
            self.run.log_artifact(&file, name.parse()?, artifact_type.parse()?, object("metadata", metadata)?)
        })
    }

    /// Ends the run, unless another process does, and waits for its delivery. Ctrl-C ends the waiting; what is not delivered
    /// then stays in the spool.
    fn finish(&self, py: Python<'_>, status: &str, error: Option<Failure>, patience_secs: f64) -> PyResult<Delivered> {
        let patience = Duration::try_from_secs_f64(patience_secs);
        let patience = patience.map_err(|_| invalid(py, "timeout", "must be seconds, 0 or more"))?;
        let error = error.map(|(kind, message, trace)| lab_client::Run::error(&kind, &message, trace));
        let mut interrupted = false;
        let Outcome { is_delivered: complete, mut problem, refused } = without_interpreter(py, || {
            let status: RunStatus = status.parse()?;
            let mut ask = || {
                interrupted = Python::attach(|py| py.check_signals()).is_err();
                interrupted
            };
            self.run.finish_within(status, error, patience, &mut ask)
        })?;
        if !complete && problem.is_none() {
            problem = Some(if interrupted { "interrupted" } else { "it takes too long" }.to_owned());
        }
        let refused = refused.into_iter().map(|refused| refused.problem).collect();
        Ok(Delivered { complete, problem, interrupted, refused })
    }
}

fn object(field: &str, json: &str) -> Result<Metadata> {
    serde_json::from_str(json).map_err(|e| Error::invalid(field, format!("is no JSON object: {e}")))
}
