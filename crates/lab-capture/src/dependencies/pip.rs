//! `*.dist-info` and `*.egg-info`, in which Python's installers describe what they installed.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use lab_model::{Dependencies, Ecosystem, Package};
use serde::Deserialize;

use super::{normal_name, package};
use crate::deadline::Deadline;
use crate::notes::Notes;
use crate::secrets::mask_text;

/// Name and version stand at the head of a description that may be long.
const HEAD_BYTES: u64 = 4 * 1024;

#[derive(Deserialize)]
struct DirectUrl {
    url: String,
    vcs_info: Option<VcsInfo>,
    dir_info: Option<DirInfo>,
}

#[derive(Deserialize)]
struct VcsInfo {
    commit_id: String,
}

#[derive(Deserialize)]
struct DirInfo {
    #[serde(default)]
    editable: bool,
}

/// Adds the packages of the folders; of one that lies in several, the first one counts, as it does for Python. In a conda
/// environment those that conda put there are its own and left out.
pub(super) fn collect(
    folders: &[PathBuf],
    is_conda: bool,
    deadline: Deadline,
    found: &mut Dependencies,
    notes: &mut Notes,
) {
    let mut seen = BTreeSet::new();
    let mut unread = 0_usize;
    for folder in folders {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => {
                notes.add("dependencies", format!("`{}` cannot be read: {error}", folder.display()));
                continue;
            }
        };
        let mut infos: Vec<_> = entries.flatten().map(|it| it.path()).filter(|it| is_info(it)).collect();
        infos.sort();
        for info in infos {
            let is_late = deadline.has_passed();
            if is_conda && !is_late && is_from_conda(&info) {
                continue;
            }
            let described = if is_late { None } else { described(&info) };
            unread += usize::from(described.is_none());
            if let Some(package) = described.or_else(|| by_file_name(&info))
                && seen.insert(package.name.clone())
            {
                found.packages.push(package);
            }
        }
        found.files.push(folder.display().to_string());
    }
    if unread > 0 {
        notes.add("dependencies", format!("{unread} Python packages are listed by folder name alone"));
    }
}

fn is_info(path: &Path) -> bool {
    let is_hidden = path.file_name().is_some_and(|it| it.as_encoded_bytes().starts_with(b"~"));
    // pip renames what it is about to remove to `~…`.
    !is_hidden && path.extension().is_some_and(|it| it == "dist-info" || it == "egg-info")
}

fn is_from_conda(info: &Path) -> bool {
    fs::read_to_string(info.join("INSTALLER")).is_ok_and(|it| it.trim() == "conda")
}

fn described(info: &Path) -> Option<Package> {
    let places = [info.join("METADATA"), info.join("PKG-INFO"), info.to_owned()];
    let mut head = Vec::new();
    let file = places.iter().find(|it| it.is_file())?;
    fs::File::open(file).ok()?.take(HEAD_BYTES).read_to_end(&mut head).ok()?;
    let head = String::from_utf8_lossy(&head);
    let field = |name: &str| {
        let headers = head.lines().take_while(|line| !line.trim().is_empty());
        headers.filter_map(|line| line.split_once(':')).find(|(key, _)| key.eq_ignore_ascii_case(name))
    };
    let (name, version) = (field("Name")?.1.trim(), field("Version")?.1.trim());
    Some(Package { origin: origin(info), ..package(Ecosystem::Pypi, normal_name(name), version) })
}

/// Where a package came from that no index served (PEP 610).
fn origin(info: &Path) -> Option<String> {
    let direct: DirectUrl = serde_json::from_str(&fs::read_to_string(info.join("direct_url.json")).ok()?).ok()?;
    let url = mask_text(&direct.url).into_owned();
    Some(match (direct.vcs_info, direct.dir_info) {
        (Some(vcs), _) => format!("{url}@{}", vcs.commit_id),
        (None, Some(folder)) if folder.editable => format!("{url} (editable)"),
        _ => url,
    })
}

/// `torch-2.5.0.dist-info` and `PyYAML-6.0-py3.12.egg-info`.
fn by_file_name(info: &Path) -> Option<Package> {
    let mut parts = info.file_stem()?.to_str()?.split('-');
    Some(package(Ecosystem::Pypi, normal_name(parts.next()?), parts.next()?))
}
