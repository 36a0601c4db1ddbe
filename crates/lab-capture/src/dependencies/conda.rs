//! `conda-meta/*.json`, in which conda describes what it installed.

use std::fs;
use std::path::Path;

use lab_model::{Dependencies, Ecosystem, Package};
use serde::Deserialize;

use super::{package, read};
use crate::deadline::Deadline;
use crate::notes::Notes;

#[derive(Deserialize)]
struct Meta {
    name: String,
    version: String,
    build: Option<String>,
    sha256: Option<String>,
    md5: Option<String>,
}

/// Adds the packages of a conda environment, and says whether `prefix` is one.
pub(super) fn collect(prefix: &Path, deadline: Deadline, found: &mut Dependencies, notes: &mut Notes) -> bool {
    let folder = prefix.join("conda-meta");
    let Ok(entries) = fs::read_dir(&folder) else { return false };
    let mut files: Vec<_> = entries.flatten().map(|it| it.path()).collect();
    files.sort();
    let mut unread = 0_usize;
    for file in files.iter().filter(|it| it.extension().is_some_and(|it| it == "json")) {
        let meta = if deadline.has_passed() { None } else { read(file).ok().and_then(|it| described(&it)) };
        let named = || file.file_stem()?.to_str().and_then(by_file_name);
        unread += usize::from(meta.is_none());
        found.packages.extend(meta.or_else(named));
    }
    if unread > 0 {
        notes.add("dependencies", format!("{unread} conda packages are listed by file name alone, without hash"));
    }
    found.files.push(folder.display().to_string());
    true
}

fn described(text: &str) -> Option<Package> {
    let meta: Meta = serde_json::from_str(text).ok()?;
    let hash = meta.sha256.map(|it| format!("sha256:{it}")).or(meta.md5.map(|it| format!("md5:{it}")));
    Some(Package { source_hash: hash, ..package(Ecosystem::Conda, meta.name, versioned(&meta.version, meta.build)) })
}

/// Conda builds one version many times, for CUDA and without it, so the build is part of the version.
fn versioned(version: &str, build: Option<String>) -> String {
    build.map_or_else(|| version.to_owned(), |build| format!("{version}={build}"))
}

fn by_file_name(stem: &str) -> Option<Package> {
    let mut parts = stem.rsplitn(3, '-');
    let (build, version, name) = (parts.next()?, parts.next()?, parts.next()?);
    Some(package(Ecosystem::Conda, name, versioned(version, Some(build.to_owned()))))
}
