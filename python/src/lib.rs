//! Thin glue between Python and `lab-client`: values in, exceptions out. Names and defaults live in Python, rules in Rust.

mod errors;
mod run;
mod values;

use pyo3::prelude::*;

/// The extension module.
#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<run::Run>()?;
    module.add_class::<run::Delivered>()?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))
}
