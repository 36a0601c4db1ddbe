//! `Cargo.lock`.

use lab_model::{Ecosystem, Package};
use serde::Deserialize;

use super::package;
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
    source: Option<String>,
    checksum: Option<String>,
}

/// The packages of `Cargo.lock`, also those of the workspace itself.
pub(super) fn packages(text: &str) -> Result<Vec<Package>, String> {
    let lock: Lock = toml::from_str(text).map_err(|error| format!("is no lock file of Cargo: {}", error.message()))?;
    Ok(lock
        .package
        .into_iter()
        .map(|entry| Package {
            source_hash: entry.checksum.map(|it| format!("sha256:{it}")),
            origin: entry.source.filter(|it| it.starts_with("git+")).map(|it| mask_text(&it).into_owned()),
            ..package(Ecosystem::Cargo, entry.name, entry.version)
        })
        .collect())
}
