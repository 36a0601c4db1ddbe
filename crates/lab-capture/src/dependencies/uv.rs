//! `uv.lock`.

use lab_model::{Ecosystem, Package};
use serde::Deserialize;

use super::{normal_name, package};
use crate::secrets::mask_text;

#[derive(Deserialize)]
struct Lock {
    #[serde(default)]
    package: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    version: Option<String>,
    #[serde(default)]
    source: Source,
    sdist: Option<File>,
    #[serde(default)]
    wheels: Vec<File>,
}

#[derive(Default, Deserialize)]
struct Source {
    git: Option<String>,
    url: Option<String>,
    editable: Option<String>,
    directory: Option<String>,
    path: Option<String>,
    r#virtual: Option<String>,
}

#[derive(Deserialize)]
struct File {
    hash: Option<String>,
}

/// The packages of `uv.lock`, each with the hash of its source distribution or else of its only wheel. The project
/// itself is left out if it is not installed.
pub(super) fn packages(text: &str) -> Result<Vec<Package>, String> {
    let lock: Lock = toml::from_str(text).map_err(|error| format!("is no lock file of uv: {}", error.message()))?;
    let packages = lock.package.into_iter().filter(|entry| entry.source.r#virtual.is_none());
    Ok(packages
        .filter_map(|entry| {
            let only_wheel = || if entry.wheels.len() == 1 { entry.wheels[0].hash.clone() } else { None };
            let source = entry.source;
            let origin = source.git.or(source.url).or(source.editable).or(source.directory).or(source.path);
            Some(Package {
                source_hash: entry.sdist.and_then(|it| it.hash).or_else(only_wheel),
                origin: origin.map(|it| mask_text(&it).into_owned()),
                ..package(Ecosystem::Pypi, normal_name(&entry.name), entry.version?)
            })
        })
        .collect())
}
