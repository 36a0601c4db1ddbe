//! The packages of a run: those installed for its interpreter and those its lock files pin.
//!
//! What is installed is what a Python program imports, so a lock file of Python adds only hashes to it, and lists
//! packages itself only where nothing is installed: it also names packages for other systems.

mod cargo;
mod conda;
mod npm;
mod pip;
mod poetry;
mod uv;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::Path;

use lab_model::{Dependencies, Ecosystem, Package};

use crate::CaptureOptions;
use crate::deadline::Deadline;
use crate::interpreter::Interpreter;
use crate::notes::Notes;

/// Largest lock file that is read, in bytes.
const MAX_FILE_BYTES: u64 = 32 * 1024 * 1024;

/// Reads the packages out of the text of a lock file.
type Parse = fn(&str) -> Result<Vec<Package>, String>;

const LOCK_FILES: &[(&str, Parse)] = &[
    ("uv.lock", uv::packages),
    ("poetry.lock", poetry::packages),
    ("Cargo.lock", cargo::packages),
    ("package-lock.json", npm::packages),
];

/// The packages that the interpreter can import, and those of its conda environment.
pub(crate) fn installed(interpreter: &Interpreter, deadline: Deadline, notes: &mut Notes) -> Dependencies {
    let mut found = Dependencies::default();
    let is_conda = conda::collect(&interpreter.prefix, deadline, &mut found, notes);
    pip::collect(&interpreter.site_packages, is_conda, deadline, &mut found, notes);
    found
}

/// The packages that the project's lock files pin.
pub(crate) fn locked(options: &CaptureOptions, notes: &mut Notes) -> Dependencies {
    let mut found = Dependencies::default();
    for (name, parse) in LOCK_FILES {
        let Some(file) = options.project_dirs().into_iter().map(|it| it.join(name)).find(|it| it.is_file()) else {
            continue;
        };
        match read(&file).and_then(|text| parse(&text)) {
            Ok(packages) => {
                found.packages.extend(packages);
                found.files.push(file.display().to_string());
            }
            Err(problem) => notes.add("dependencies", format!("`{}` {problem}", file.display())),
        }
    }
    found
}

/// One list of what is installed and what is locked, sorted and without doubles.
pub(crate) fn merge(installed: Dependencies, locked: Dependencies) -> Dependencies {
    let has_python = installed.packages.iter().any(|it| it.ecosystem == Ecosystem::Pypi);
    let (locked_python, mut packages): (Vec<_>, Vec<_>) =
        locked.packages.into_iter().partition(|it| has_python && it.ecosystem == Ecosystem::Pypi);
    let hashes: BTreeMap<_, _> = locked_python.into_iter().map(|it| ((it.name, it.version), it.source_hash)).collect();
    for mut package in installed.packages {
        if package.ecosystem == Ecosystem::Pypi && package.origin.is_none() {
            let known = hashes.get(&(package.name.clone(), package.version.clone()));
            package.source_hash = package.source_hash.or_else(|| known.cloned().flatten());
        }
        packages.push(package);
    }
    packages.sort();
    packages.dedup();
    let mut files = installed.files;
    files.extend(locked.files);
    Dependencies { packages, files }
}

fn read(file: &Path) -> Result<String, String> {
    let mut text = String::new();
    let open = fs::File::open(file).and_then(|it| it.take(MAX_FILE_BYTES + 1).read_to_string(&mut text));
    match open {
        Err(error) => Err(format!("cannot be read: {error}")),
        Ok(_) if text.len() as u64 > MAX_FILE_BYTES => Err(format!("is larger than {MAX_FILE_BYTES} bytes")),
        Ok(_) => Ok(text),
    }
}

fn package(ecosystem: Ecosystem, name: impl Into<String>, version: impl Into<String>) -> Package {
    Package { ecosystem, name: name.into(), version: version.into(), source_hash: None, origin: None }
}

/// The name of a PyPI package in normal form: lower case, runs of `-`, `_` and `.` as one hyphen (PEP 503).
fn normal_name(name: &str) -> String {
    let words = name.split(['-', '_', '.']).filter(|it| !it.is_empty());
    words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests;
