//! `poetry.lock`.

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
    version: String,
    #[serde(default)]
    files: Vec<File>,
    source: Option<Source>,
}

#[derive(Deserialize)]
struct File {
    file: String,
    hash: String,
}

#[derive(Deserialize)]
struct Source {
    r#type: String,
    url: String,
    resolved_reference: Option<String>,
}

/// The packages of `poetry.lock`, each with the hash of its source distribution or else of its only file.
pub(super) fn packages(text: &str) -> Result<Vec<Package>, String> {
    let lock: Lock = toml::from_str(text).map_err(|error| format!("is no lock file of Poetry: {}", error.message()))?;
    Ok(lock
        .package
        .into_iter()
        .map(|entry| {
            let is_source = |file: &&File| file.file.ends_with(".tar.gz") || file.file.ends_with(".zip");
            let file =
                entry.files.iter().find(is_source).or(if entry.files.len() == 1 { entry.files.first() } else { None });
            // `legacy` is another index, and what it serves goes by the same names.
            let origin = entry.source.filter(|it| it.r#type != "legacy").map(|it| {
                let url = mask_text(&it.url).into_owned();
                it.resolved_reference.map_or(url.clone(), |commit| format!("{url}@{commit}"))
            });
            Package {
                source_hash: file.map(|it| it.hash.clone()),
                origin,
                ..package(Ecosystem::Pypi, normal_name(&entry.name), entry.version)
            }
        })
        .collect())
}
