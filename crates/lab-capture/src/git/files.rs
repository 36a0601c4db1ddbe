//! What the files of a repository tell where the program cannot: the commit, the branch and the remote.

use std::fs;
use std::path::{Path, PathBuf};

use lab_model::GitState;

use super::without_password;
use crate::notes::Notes;

/// Longest chain of symbolic references that is followed.
const MAX_HOPS: usize = 5;

/// Fills in the commit, the branch and the remote.
pub(super) fn read(root: &Path, state: &mut GitState, notes: &mut Notes) {
    let Some(folder) = git_folder(root) else {
        return notes.add("git.commit", "`.git` cannot be read");
    };
    // A linked work tree keeps its own HEAD and shares the rest.
    let shared =
        fs::read_to_string(folder.join("commondir")).map_or_else(|_| folder.clone(), |it| folder.join(it.trim()));
    let head = fs::read_to_string(folder.join("HEAD")).unwrap_or_default();
    let target = head.trim().strip_prefix("ref: ").map(str::trim);
    state.branch = target.and_then(|it| it.strip_prefix("refs/heads/")).map(str::to_owned);
    state.commit = resolve(head.trim(), &folder, &shared);
    state.remote = fs::read_to_string(shared.join("config")).ok().and_then(|it| origin(&it));
    if state.commit.is_none() {
        notes.add("git.commit", "the files of the repository do not tell it");
    }
}

fn git_folder(root: &Path) -> Option<PathBuf> {
    let git = root.join(".git");
    if git.is_dir() {
        return Some(git);
    }
    let link = fs::read_to_string(git).ok()?;
    Some(root.join(link.trim().strip_prefix("gitdir:")?.trim()))
}

fn resolve(head: &str, folder: &Path, shared: &Path) -> Option<String> {
    let mut value = head.to_owned();
    for _ in 0..MAX_HOPS {
        let Some(name) = value.strip_prefix("ref: ").map(|it| it.trim().to_owned()) else {
            let is_hash = value.len() >= 40 && value.chars().all(|c| c.is_ascii_hexdigit());
            return is_hash.then_some(value);
        };
        let loose = [folder, shared].iter().find_map(|it| fs::read_to_string(it.join(&name)).ok());
        value = loose.map(|it| it.trim().to_owned()).or_else(|| packed(shared, &name))?;
    }
    None
}

fn packed(shared: &Path, name: &str) -> Option<String> {
    let packed = fs::read_to_string(shared.join("packed-refs")).ok()?;
    let mut refs = packed.lines().filter_map(|line| line.split_once(' '));
    refs.find(|(_, it)| *it == name).map(|(hash, _)| hash.to_owned())
}

fn origin(config: &str) -> Option<String> {
    let section = config.lines().map(str::trim).skip_while(|line| *line != r#"[remote "origin"]"#).skip(1);
    let mut settings = section.take_while(|line| !line.starts_with('[')).filter_map(|line| line.split_once('='));
    settings.find(|(key, _)| key.trim() == "url").map(|(_, url)| without_password(url.trim()))
}
