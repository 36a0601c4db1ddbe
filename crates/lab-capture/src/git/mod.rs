//! The state of the source code's repository, by the `git` program: it alone is right about filters, work trees,
//! submodules and trust.
//!
//! Nothing here writes to the repository or starts what its configuration names (hooks, monitors, external diffs); what
//! git itself needs to compare content, such as the filters of LFS, does run.

mod files;

use std::process::Command;
use std::thread;
use std::time::Duration;

use lab_model::GitState;
use url::Url;

use crate::CaptureOptions;
use crate::deadline::{self, Deadline, Said};
use crate::notes::Notes;
use crate::secrets::{mask_lines, mask_text};

/// Most that is read of the list of changed files, in bytes.
const MAX_STATUS_BYTES: usize = 4 * 1024 * 1024;

/// Most untracked files and folders that are listed.
const MAX_UNTRACKED: usize = 1_000;

/// Least time that is spent on looking through a diff for keys. Shorter than what a part has for handing over.
const MASKING_TIME: Duration = Duration::from_millis(50);

/// The repository that the working folder lies in, if it does.
pub(crate) fn read(options: &CaptureOptions, deadline: Deadline, notes: &mut Notes) -> Option<GitState> {
    let root = options.project_dirs().into_iter().rfind(|folder| folder.join(".git").exists())?;
    let git = Git { options, deadline, root: &root };
    let (status, diff, remotes) = thread::scope(|scope| {
        let diff = scope.spawn(|| git.diff("HEAD"));
        let remotes =
            scope.spawn(|| git.run(&["config", "-z", "--get-regexp", r"^remote\..*\.url$"], MAX_STATUS_BYTES));
        (git.status(), diff.join(), remotes.join())
    });

    let mut state = GitState { root: Some(root.display().to_string()), ..GitState::default() };
    match status {
        Ok(said) if said.succeeded() && !said.truncated => read_status(&said.output, &mut state, notes),
        failed => {
            let problem = if let Ok(said) = &failed
                && said.truncated
            {
                "`git status` lists too many files".to_owned()
            } else {
                problem("status", failed)
            };
            notes.add("git.dirty", problem);
            // The files still tell what is checked out, as where a container has a repository and no git.
            files::read(&root, &mut state, notes);
        }
    }
    let diff = match diff {
        // Before the first commit, everything differs from nothing.
        Ok(_) if state.commit.is_none() && state.dirty.is_some() => git.empty_tree().and_then(|it| git.diff(&it)),
        Ok(diff) => diff,
        Err(_) => Err("reading the diff failed by a defect of this program".to_owned()),
    };
    take_diff(diff, deadline, &mut state, notes);
    if let Ok(Ok(said)) = remotes {
        state.remote = state.remote.or_else(|| remote(&said.output, state.upstream.as_deref()));
    }
    Some(state)
}

struct Git<'a> {
    options: &'a CaptureOptions,
    deadline: Deadline,
    root: &'a std::path::Path,
}

impl Git<'_> {
    fn run(&self, arguments: &[&str], max_bytes: usize) -> Result<Said, String> {
        let program = &self.options.git_program;
        let absent = || format!("the program `{}` is not there", program.display());
        let found = self.options.programs(program).into_iter().next().ok_or_else(absent)?;
        let mut command = Command::new(found);
        // What an outer git set for its hooks would point at another repository or trace into our output.
        let is_inherited = |name: &str| !name.starts_with("GIT_") || name.starts_with("GIT_CONFIG");
        let inherited = self.options.variables.iter().filter(|(name, _)| name.to_str().is_none_or(is_inherited));
        command
            .env_clear()
            .envs(inherited.map(|(name, value)| (name, value)))
            .envs([
                ("GIT_OPTIONAL_LOCKS", "0"),
                ("GIT_TERMINAL_PROMPT", "0"),
                ("GIT_NO_LAZY_FETCH", "1"),
                ("LC_ALL", "C"),
            ])
            .args(["--no-optional-locks", "--no-pager", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"])
            .arg("-C")
            .arg(self.root)
            .args(arguments);
        deadline::run(&mut command, self.deadline, max_bytes).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => absent(),
            _ => format!("`{}` cannot be started: {error}", program.display()),
        })
    }

    fn status(&self) -> Result<Said, String> {
        self.run(&["status", "--porcelain=v2", "--branch", "-z", "--untracked-files=normal"], MAX_STATUS_BYTES)
    }

    /// Difference of the work tree from `base`, whether staged or not.
    fn diff(&self, base: &str) -> Result<Said, String> {
        let fixed = [
            "diff",
            "--no-ext-diff",
            "--no-textconv",
            "--no-color",
            "--no-renames",
            "--full-index",
            "--submodule=short",
            "--src-prefix=a/",
            "--dst-prefix=b/",
            base,
            "--",
        ];
        self.run(&fixed, self.options.max_diff_bytes)
    }

    /// The empty tree's name, which depends on the repository's kind of hash.
    fn empty_tree(&self) -> Result<String, String> {
        let said = self.run(&["hash-object", "-t", "tree", "--stdin"], 1_024)?;
        said.answer().ok_or_else(|| format!("`git hash-object` {}", said.problem()))
    }
}

fn problem(command: &str, outcome: Result<Said, String>) -> String {
    match outcome {
        Ok(said) => format!("`git {command}` {}", mask_text(&said.problem())),
        Err(problem) => problem,
    }
}

/// Reads `git status --porcelain=v2 --branch -z`.
fn read_status(output: &[u8], state: &mut GitState, notes: &mut Notes) {
    let text = String::from_utf8_lossy(output);
    let mut entries = text.split('\0').filter(|it| !it.is_empty());
    let (mut is_dirty, mut unlisted) = (false, 0_usize);
    while let Some(entry) = entries.next() {
        let known = |value: &str| Some(value.to_owned()).filter(|it| it != "(initial)" && it != "(detached)");
        if let Some(header) = entry.strip_prefix("# ") {
            match header.split_once(' ') {
                Some(("branch.oid", commit)) => state.commit = known(commit),
                Some(("branch.head", branch)) => state.branch = known(branch),
                Some(("branch.upstream", upstream)) => state.upstream = known(upstream),
                _ => {}
            }
            continue;
        }
        is_dirty = true;
        match entry.split_once(' ') {
            Some(("?", _)) if state.untracked.len() >= MAX_UNTRACKED => unlisted += 1,
            Some(("?", path)) => state.untracked.push(path.to_owned()),
            // The former path of a renamed file follows.
            Some(("2", _)) => drop(entries.next()),
            _ => {}
        }
    }
    state.dirty = Some(is_dirty);
    state.untracked.sort();
    if unlisted > 0 {
        notes.add("git.untracked", format!("{unlisted} further untracked files are not listed"));
    }
}

fn take_diff(diff: Result<Said, String>, deadline: Deadline, state: &mut GitState, notes: &mut Notes) {
    let said = match diff {
        Ok(said) if said.succeeded() || said.truncated || (said.timed_out && !said.output.is_empty()) => said,
        failed => return notes.add("git.diff", problem("diff", failed)),
    };
    if said.output.is_empty() {
        return;
    }
    let text = match String::from_utf8(said.output) {
        Ok(text) => text,
        Err(error) => {
            // A cut in the middle of a character is mended below, where the last line goes.
            if error.utf8_error().error_len().is_some() {
                notes.add("git.diff", "bytes that are not UTF-8 are replaced");
            }
            String::from_utf8_lossy(error.as_bytes()).into_owned()
        }
    };
    let is_cut = said.truncated || said.timed_out;
    let whole = if is_cut { &text[..text.rfind('\n').map_or(0, |it| it + 1)] } else { &text };
    // What could not be looked through for keys in time may not be shown. Reading that took all the time still leaves a
    // moment for looking.
    let looked_long_enough = Deadline::after(deadline.remaining().max(MASKING_TIME));
    let masked = mask_lines(whole, || !looked_long_enough.has_passed());
    let is_late = said.timed_out || masked.lines().count() < whole.lines().count();
    if said.truncated {
        notes.add("git.diff", "the rest of the diff is left out at the size limit");
    } else if is_late {
        notes.add("git.diff", "the rest of the diff is left out at the time limit");
    }
    if !whole.starts_with(&masked) {
        notes.add("git.diff", "what looks like a key is masked, so the diff cannot be applied there");
    }
    state.diff_truncated = is_cut || is_late;
    state.diff = Some(masked);
}

/// The URL of the remote that `upstream` belongs to, else of `origin`, else of the first.
fn remote(output: &[u8], upstream: Option<&str>) -> Option<String> {
    let text = String::from_utf8_lossy(output);
    let remotes: Vec<(&str, &str)> = text
        .split('\0')
        .filter_map(|entry| entry.split_once('\n'))
        .filter_map(|(key, url)| Some((key.strip_prefix("remote.")?.strip_suffix(".url")?, url)))
        .collect();
    let is_followed =
        |name: &str| upstream.is_some_and(|it| it.strip_prefix(name).is_some_and(|it| it.starts_with('/')));
    let followed = remotes.iter().find(|(name, _)| is_followed(name));
    let chosen = followed.or_else(|| remotes.iter().find(|(name, _)| *name == "origin")).or(remotes.first());
    chosen.map(|(_, url)| without_password(url))
}

/// The URL without its password; on the web without the user too, for many tokens are given as one.
fn without_password(remote: &str) -> String {
    if let Ok(mut url) = Url::parse(remote)
        && url.has_host()
        && (url.password().is_some() || !url.username().is_empty())
    {
        let is_web = matches!(url.scheme(), "http" | "https");
        // Both fail only for URLs that cannot have them, which these do.
        url.set_password(None).ok();
        if is_web {
            url.set_username("").ok();
        }
        return mask_text(url.as_str()).into_owned();
    }
    mask_text(remote).into_owned()
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
