//! Versions of what programs run on. Files are asked before programs.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;

use serde::Deserialize;

use crate::CaptureOptions;
use crate::deadline::{self, Deadline};
use crate::interpreter::Interpreter;
use crate::notes::Notes;
use crate::secrets::mask_text;

/// Versions take a line.
const MAX_ANSWER_BYTES: usize = 1_024;

/// Version of each runtime that is there, by its name.
pub(crate) fn read(
    options: &CaptureOptions,
    interpreter: Option<&Interpreter>,
    deadline: Deadline,
    notes: &mut Notes,
) -> BTreeMap<String, String> {
    let known = interpreter.and_then(|it| it.version.clone());
    let is_whole = known.as_ref().is_some_and(|it| it.split('.').count() >= 3);
    let python = interpreter.and_then(|it| it.program.as_deref()).filter(|_| !is_whole);
    let (rustc, node) = (first(options, "rustc"), first(options, "node"));
    let ask = |program: Option<&Path>, argument| program.map(|it| version(options, it, argument, deadline));
    let (python, rust, node) = thread::scope(|scope| {
        let python = scope.spawn(|| ask(python, "-V"));
        let rust = scope.spawn(|| ask(rustc.as_deref(), "--version"));
        let node = ask(node.as_deref(), "--version");
        (python.join(), rust.join(), Ok(node))
    });

    let mut found = BTreeMap::new();
    for (name, answer) in [("python", python), ("rust", rust), ("node", node)] {
        match answer {
            Ok(Some(Ok(version))) => drop(found.insert(name.to_owned(), version)),
            Ok(Some(Err(problem))) => notes.add(&format!("runtimes.{name}"), problem),
            Ok(None) => {}
            Err(_) => notes.add(&format!("runtimes.{name}"), "asking for it failed by a defect of this program"),
        }
    }
    if let Some(known) = known {
        found.entry("python".to_owned()).or_insert(known);
    }
    let torch_cuda = interpreter.into_iter().flat_map(|it| &it.site_packages).find_map(|it| torch_cuda(it));
    found.extend(cuda(options).map(|it| ("cuda".to_owned(), it)));
    found.extend(torch_cuda.map(|it| ("torch_cuda".to_owned(), it)));
    found
}

fn first(options: &CaptureOptions, program: &str) -> Option<std::path::PathBuf> {
    options.programs(Path::new(program)).into_iter().next()
}

/// The version a program gives for itself, as `1.95.0` of `rustc 1.95.0 (f2d3ce0bd 2026-03-21)`.
fn version(options: &CaptureOptions, program: &Path, argument: &str, deadline: Deadline) -> Result<String, String> {
    let mut command = Command::new(program);
    command.arg(argument).current_dir(&options.working_dir).env_clear();
    // A proxy of rustup would otherwise download the toolchain that the project asks for.
    command.envs(options.variables.iter().map(|(name, value)| (name, value))).env("RUSTUP_AUTO_INSTALL", "0");
    let name = program.display();
    let said = deadline::run(&mut command, deadline, MAX_ANSWER_BYTES)
        .map_err(|error| format!("`{name}` cannot be started: {error}"))?;
    let answer = said.answer().ok_or_else(|| format!("`{name}` {}", mask_text(&said.problem())))?;
    let is_version = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.');
    let word = answer.split_whitespace().map(|it| it.trim_start_matches('v')).find(is_version);
    word.map(str::to_owned).ok_or_else(|| format!("`{name}` says no version"))
}

#[derive(Deserialize)]
struct CudaVersions {
    cuda: CudaVersion,
}

#[derive(Deserialize)]
struct CudaVersion {
    version: String,
}

/// Version of the CUDA toolkit.
fn cuda(options: &CaptureOptions) -> Option<String> {
    let named = ["CUDA_HOME", "CUDA_PATH"].into_iter().filter_map(|name| options.path_variable(name));
    named.chain([options.system_file("/usr/local/cuda")]).find_map(|toolkit| {
        let by_json = || {
            let text = fs::read_to_string(toolkit.join("version.json")).ok()?;
            Some(serde_json::from_str::<CudaVersions>(&text).ok()?.cuda.version)
        };
        // Until CUDA 11.0.
        let by_text = || {
            let text = fs::read_to_string(toolkit.join("version.txt")).ok()?;
            Some(text.trim().strip_prefix("CUDA Version ")?.to_owned())
        };
        by_json().or_else(by_text)
    })
}

/// The CUDA that PyTorch was built with and brings along.
fn torch_cuda(site_packages: &Path) -> Option<String> {
    let text = fs::read_to_string(site_packages.join("torch/version.py")).ok()?;
    let line = text.lines().find(|line| line.starts_with("cuda") && line.contains('='))?;
    let value = line.rsplit_once('=')?.1.trim();
    value.starts_with(['\'', '"']).then(|| value.trim_matches(['\'', '"']).to_owned())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::fixture::Fixture;

    fn see(
        root: &Fixture,
        interpreter: Option<&Interpreter>,
        budget: Duration,
    ) -> (Vec<(String, String)>, Vec<String>) {
        let mut notes = Notes::default();
        let found = read(&root.options(), interpreter, Deadline::after(budget), &mut notes);
        (found.into_iter().collect(), notes.into_vec().into_iter().map(|it| it.reason).collect())
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|&(a, b)| (a.to_owned(), b.to_owned())).collect()
    }

    const AMPLE: Duration = Duration::from_secs(60);

    #[test]
    fn programs_are_asked_where_files_say_too_little() {
        let root = Fixture::new()
            .file("usr/local/cuda/version.json", r#"{"cuda": {"name": "CUDA SDK", "version": "12.4.1"}}"#)
            .file("site/torch/version.py", "__version__ = '2.5.0+cu124'\ncuda: Optional[str] = '12.4'\n");
        let python = root.script("bin/python3", "echo Python 3.11.2");
        root.script("bin/rustc", "echo 'rustc 1.95.0 (f2d3ce0bd 2026-03-21)'");
        root.script("bin/node", "echo v22.1.0");
        let bin = root.path().join("bin");
        let root = root.variable("PATH", bin);
        let interpreter = Interpreter {
            program: Some(python),
            version: Some("3.11".to_owned()),
            site_packages: vec![root.path().join("site")],
            ..Interpreter::default()
        };
        let expected =
            [("cuda", "12.4.1"), ("node", "22.1.0"), ("python", "3.11.2"), ("rust", "1.95.0"), ("torch_cuda", "12.4")];
        assert_eq!(see(&root, Some(&interpreter), AMPLE), (pairs(&expected), vec![]));
    }

    #[test]
    fn a_known_version_is_not_asked_for() {
        let root = Fixture::new();
        let python = root.script("python3", "exit 1");
        let interpreter =
            Interpreter { program: Some(python), version: Some("3.12.4".to_owned()), ..Interpreter::default() };
        assert_eq!(see(&root, Some(&interpreter), AMPLE), (pairs(&[("python", "3.12.4")]), vec![]));
    }

    #[test]
    fn a_program_that_hangs_or_fails_is_noted() {
        let root = Fixture::new().file("usr/local/cuda/version.txt", "CUDA Version 10.2.89\n");
        root.script("bin/rustc", "sleep 600");
        root.script("bin/node", "echo broken >&2; exit 1");
        let bin = root.path().join("bin");
        let root = root.variable("PATH", std::env::join_paths([bin.as_path(), Path::new("/bin")]).unwrap());
        let (found, mut notes) = see(&root, None, Duration::from_secs(1));
        notes.sort();
        assert_eq!(found, pairs(&[("cuda", "10.2.89")]));
        assert!(notes[0].ends_with("/bin/node` failed: broken"), "{notes:?}");
        assert!(notes[1].ends_with("/bin/rustc` took longer than it was given"), "{notes:?}");
    }
}
