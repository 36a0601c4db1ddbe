//! Thin glue between Python and `lab-client`: values in, exceptions out. Names and defaults live in Python, rules in Rust.

mod api;
mod errors;
mod run;
mod values;

use lab_client::Workspace;
use lab_model::{Error, Result};
use pyo3::prelude::*;

/// The workspace that arguments, variables and the working directory lead to, in this order.
fn workspace(dir: Option<String>, server: Option<String>) -> Result<Workspace> {
    let here = std::env::current_dir().map_err(|e| Error::io("finding the working directory", e))?;
    Workspace::find(&here, |name| match name {
        "LAB_DIR" if dir.is_some() => dir.clone(),
        "LAB_SERVER" if server.is_some() => server.clone(),
        _ => std::env::var(name).ok(),
    })
}

/// The extension module.
#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<run::Run>()?;
    module.add_class::<run::Delivered>()?;
    module.add_function(wrap_pyfunction!(api::request, module)?)?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))
}
