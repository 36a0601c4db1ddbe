//! `package-lock.json`.

use std::collections::BTreeMap;

use lab_model::{Ecosystem, Package};
use serde::Deserialize;

use super::package;
use crate::secrets::mask_text;

#[derive(Deserialize)]
struct Lock {
    /// Versions 2 and 3: packages by the folder they are put in.
    packages: Option<BTreeMap<String, Entry>>,
    /// Version 1: packages by name, each with those that it alone uses.
    #[serde(default)]
    dependencies: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
struct Entry {
    name: Option<String>,
    version: Option<String>,
    resolved: Option<String>,
    integrity: Option<String>,
    #[serde(default)]
    link: bool,
    #[serde(default)]
    dependencies: Nested,
}

/// In versions 2 and 3 the field holds version requirements instead of packages.
#[derive(Default, Deserialize)]
#[serde(untagged)]
enum Nested {
    Packages(BTreeMap<String, Entry>),
    #[default]
    #[serde(skip)]
    None,
    Requirements(serde::de::IgnoredAny),
}

/// The packages of `package-lock.json` of any version.
pub(super) fn packages(text: &str) -> Result<Vec<Package>, String> {
    let lock: Lock = serde_json::from_str(text).map_err(|error| format!("is no lock file of npm: {error}"))?;
    let mut found = Vec::new();
    match lock.packages {
        Some(packages) => {
            for (folder, entry) in packages {
                // What lies outside `node_modules` is the project itself; what is linked there lies elsewhere.
                if let Some((_, name)) = folder.rsplit_once("node_modules/").filter(|_| !entry.link) {
                    add(name, entry, &mut found);
                }
            }
        }
        None => nested(lock.dependencies, &mut found),
    }
    found.sort();
    found.dedup();
    Ok(found)
}

fn nested(packages: BTreeMap<String, Entry>, found: &mut Vec<Package>) {
    for (name, mut entry) in packages {
        if let Nested::Packages(inner) = std::mem::take(&mut entry.dependencies) {
            nested(inner, found);
        }
        add(&name, entry, found);
    }
}

fn add(name: &str, entry: Entry, found: &mut Vec<Package>) {
    let Some(version) = entry.version else { return };
    let from_elsewhere = entry.resolved.filter(|it| it.starts_with("git+") || it.starts_with("file:"));
    found.push(Package {
        source_hash: entry.integrity,
        origin: from_elsewhere.map(|it| mask_text(&it).into_owned()),
        // An alias is put in a folder of another name than its own.
        ..package(Ecosystem::Npm, entry.name.as_deref().unwrap_or(name), version)
    });
}
