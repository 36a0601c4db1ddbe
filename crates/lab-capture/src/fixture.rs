//! A folder that stands for the root of a system, and the programs in it.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::CaptureOptions;

pub(crate) struct Fixture {
    folder: TempDir,
    variables: Vec<(OsString, OsString)>,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self { folder: TempDir::new().unwrap(), variables: Vec::new() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn file(self, path: &str, content: &str) -> Self {
        let file = self.path().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content).unwrap();
        self
    }

    pub(crate) fn variable(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// An executable shell script. A process of its own writes it: if this one did, another test's `fork` could hold
    /// the file open for writing at the moment it is to be executed.
    pub(crate) fn script(&self, path: &str, body: &str) -> PathBuf {
        let file = self.path().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        let write = r#"printf '#!/bin/sh\n%s\n' "$2" > "$1" && chmod +x "$1""#;
        let status = Command::new("/bin/sh").args(["-c", write, "sh"]).arg(&file).arg(body).status().unwrap();
        assert!(status.success());
        file
    }

    /// Options that see this folder as the whole system.
    pub(crate) fn options(&self) -> CaptureOptions {
        CaptureOptions {
            root: self.path().to_owned(),
            working_dir: self.path().to_owned(),
            variables: self.variables.clone(),
            git_program: PathBuf::from("/nonexistent/git"),
            ..CaptureOptions::default()
        }
    }
}
