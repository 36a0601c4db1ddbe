//! The run's Python interpreter, found by looking at files: asking it would run whatever `sitecustomize` holds.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use crate::CaptureOptions;

/// An installation of Python or a virtual environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Interpreter {
    /// The program, if the installation has one where it belongs.
    pub(crate) program: Option<PathBuf>,
    /// The folder that `bin` and `lib` lie in.
    pub(crate) prefix: PathBuf,
    /// Its version as far as files tell it; `X.Y` alone if they tell no more.
    pub(crate) version: Option<String>,
    /// The folders it imports installed packages from, first one first.
    pub(crate) site_packages: Vec<PathBuf>,
}

/// The interpreter that the run uses, as far as can be told; see [`CaptureOptions::interpreter`] for the order.
pub(crate) fn find(options: &CaptureOptions) -> Option<Interpreter> {
    let programs = |name: &Path| options.programs(name).into_iter().find_map(|program| behind_shim(options, program));
    if let Some(interpreter) = &options.interpreter {
        return programs(interpreter).map(|program| of_program(options, &program));
    }
    let activated = [options.path_variable("VIRTUAL_ENV"), options.path_variable("CONDA_PREFIX")];
    let in_project = options.project_dirs().into_iter().map(|folder| folder.join(".venv"));
    let environment = activated
        .into_iter()
        .flatten()
        .chain(in_project)
        .find(|prefix| prefix.join("pyvenv.cfg").exists() || prefix.join("conda-meta").is_dir());
    if let Some(prefix) = environment {
        return Some(of_prefix(options, prefix, None));
    }
    ["python3", "python"].iter().find_map(|name| programs(Path::new(name))).map(|it| of_program(options, &it))
}

/// pyenv puts scripts before the interpreters on `PATH`; which one they start is written in files.
fn behind_shim(options: &CaptureOptions, program: PathBuf) -> Option<PathBuf> {
    let shims = program.parent()?;
    let versions = shims.parent()?.join("versions");
    if shims.file_name() != Some(OsStr::new("shims")) || !versions.is_dir() {
        return program.exists().then_some(program);
    }
    let chosen = options.variable("PYENV_VERSION").and_then(OsStr::to_str).map(str::to_owned).or_else(|| {
        let start = std::path::absolute(&options.working_dir).unwrap_or_else(|_| options.working_dir.clone());
        let local = start.ancestors().find_map(|folder| fs::read_to_string(folder.join(".python-version")).ok());
        local.or_else(|| fs::read_to_string(versions.with_file_name("version")).ok())
    })?;
    // `system` names no folder, so the search goes on along `PATH`.
    chosen.split([':', '\n', ' ']).map(str::trim).filter(|it| !it.is_empty()).find_map(|version| {
        let folder = newest_version(&versions, version)?;
        let file = folder.join("bin").join(program.file_name()?);
        file.exists().then_some(file)
    })
}

/// The folder named `version`, or the newest patch of it: `3.12` may mean `3.12.4`.
fn newest_version(versions: &Path, version: &str) -> Option<PathBuf> {
    if versions.join(version).is_dir() {
        return Some(versions.join(version));
    }
    let patch = |entry: &fs::DirEntry| {
        entry.file_name().to_str()?.strip_prefix(version)?.strip_prefix('.')?.parse::<u32>().ok()
    };
    let entries = fs::read_dir(versions).ok()?.flatten();
    entries.filter_map(|entry| Some((patch(&entry)?, entry.path()))).max().map(|(_, folder)| folder)
}

fn of_program(options: &CaptureOptions, program: &Path) -> Interpreter {
    let prefix_of = |program: &Path| program.parent().and_then(Path::parent).map(Path::to_owned).unwrap_or_default();
    let prefix = prefix_of(program);
    // The program of a virtual environment is a link out of it, so links are followed only from elsewhere.
    if prefix.join("pyvenv.cfg").exists() {
        return of_prefix(options, prefix, Some(program));
    }
    let program = program.canonicalize().unwrap_or_else(|_| program.to_owned());
    of_prefix(options, prefix_of(&program), Some(&program))
}

fn of_prefix(options: &CaptureOptions, prefix: PathBuf, program: Option<&Path>) -> Interpreter {
    let places = ["bin/python3", "bin/python", "python.exe", "Scripts/python.exe"];
    let program =
        program.map(Path::to_owned).or_else(|| places.iter().map(|it| prefix.join(it)).find(|it| it.exists()));
    let config = fs::read_to_string(prefix.join("pyvenv.cfg")).ok();
    let setting = |name: &str| {
        let settings = config.as_deref().unwrap_or_default().lines().filter_map(|line| line.split_once('='));
        settings.map(|(key, it)| (key.trim(), it.trim())).find(|(key, _)| *key == name).map(|(_, it)| it.to_owned())
    };
    let configured = setting("version_info").or_else(|| setting("version")).map(|it| plain_version(&it));
    let mut own = library_folders(&prefix);
    if let Some(minor) = program.as_deref().and_then(minor_by_name) {
        own.retain(|(it, _)| *it == minor || *it == "3");
    } else if let Some(version) = &configured {
        own.retain(|(it, _)| version.starts_with(&format!("{it}.")) || it == "3");
    }
    let minor = own.iter().map(|(minor, _)| minor.clone()).find(|it| it.contains('.'));
    let mut site_packages: Vec<PathBuf> = Vec::new();
    if config.is_none() && options.variable("PYTHONNOUSERSITE").is_none() {
        let home = options.path_variable("HOME");
        let by_user =
            home.zip(minor.as_ref()).map(|(home, it)| home.join(format!(".local/lib/python{it}/site-packages")));
        site_packages.extend(by_user.filter(|it| it.is_dir()));
    }
    site_packages.extend(own.into_iter().map(|(_, folder)| folder));
    if setting("include-system-site-packages").is_some_and(|it| it.eq_ignore_ascii_case("true"))
        && let Some(base) = setting("home").and_then(|bin| Path::new(&bin).parent().map(Path::to_owned))
    {
        let same = library_folders(&base).into_iter().filter(|(it, _)| minor.as_ref() == Some(it) || it == "3");
        site_packages.extend(same.map(|(_, folder)| folder));
    }
    let version = configured.or_else(|| version_of_header(&prefix, minor.as_deref()?)).or(minor);
    Interpreter { program, prefix, version, site_packages }
}

/// Folders of installed packages below a prefix, each with the `X.Y` or, on Debian, the `3` of its Python.
fn library_folders(prefix: &Path) -> Vec<(String, PathBuf)> {
    let mut found = Vec::<(String, PathBuf)>::new();
    for library in ["lib", "lib64", "local/lib"] {
        let mut folders: Vec<_> = fs::read_dir(prefix.join(library)).into_iter().flatten().flatten().collect();
        // The newest first, for an installation whose program's name does not say which one it is.
        folders.sort_by_key(|it| std::cmp::Reverse(minor_by_name(&it.path()).as_deref().and_then(minor_number)));
        for folder in folders {
            let Some(minor) = minor_by_name(&folder.path()) else { continue };
            for packages in ["site-packages", "dist-packages"] {
                let packages = folder.path().join(packages);
                let is_new = || !found.iter().any(|(_, it)| it.canonicalize().ok() == packages.canonicalize().ok());
                if packages.is_dir() && is_new() {
                    found.push((minor.clone(), packages));
                }
            }
        }
    }
    let on_windows = prefix.join("Lib").join("site-packages");
    if found.is_empty() && on_windows.is_dir() {
        found.push(("3".to_owned(), on_windows));
    }
    found
}

/// The `3.12` of `python3.12`; also the `3` of Debian's `python3` folder.
fn minor_by_name(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?.strip_prefix("python")?;
    let is_program = path.parent().and_then(Path::file_name) == Some(OsStr::new("bin"));
    let is_version =
        name.starts_with(|c: char| c.is_ascii_digit()) && name.chars().all(|c| c.is_ascii_digit() || c == '.');
    (is_version && (name.contains('.') || !is_program)).then(|| name.to_owned())
}

fn minor_number(version: &str) -> Option<u32> {
    version.split('.').nth(1)?.parse().ok()
}

/// `3.12.4` of `3.12.4.final.0`.
fn plain_version(version: &str) -> String {
    let numbers = version.split('.').take_while(|it| it.starts_with(|c: char| c.is_ascii_digit())).take(3);
    numbers.collect::<Vec<_>>().join(".")
}

fn version_of_header(prefix: &Path, minor: &str) -> Option<String> {
    let header = fs::read_to_string(prefix.join(format!("include/python{minor}/patchlevel.h"))).ok()?;
    let line = header.lines().find_map(|line| line.trim().strip_prefix("#define PY_VERSION "))?;
    Some(line.trim().trim_matches('"').to_owned())
}

#[cfg(test)]
mod tests;
