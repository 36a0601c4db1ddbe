use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::*;
use crate::fixture::Fixture;

/// A repository with one commit of `train.py`, under a configuration of its own.
fn repository() -> Fixture {
    let path = std::env::var_os("PATH").unwrap();
    let root = empty_repository().variable("PATH", path).file("train.py", "lr = 0.1\n");
    git(&root, &["add", "."]);
    commit(&root);
    root
}

fn empty_repository() -> Fixture {
    let root = Fixture::new();
    git(&root, &["init", "--quiet", "--initial-branch=main"]);
    root
}

fn commit(root: &Fixture) {
    git(root, &["-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "--no-verify", "-m", "x"]);
}

#[track_caller]
fn git(root: &Fixture, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(arguments)
        .current_dir(root.path())
        .envs([("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1")])
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn options(root: &Fixture) -> CaptureOptions {
    let mut options = CaptureOptions { git_program: PathBuf::from("git"), ..root.options() };
    let hermetic = [
        ("PATH", std::env::var_os("PATH").unwrap()),
        ("GIT_CONFIG_GLOBAL", "/dev/null".into()),
        ("GIT_CONFIG_NOSYSTEM", "1".into()),
    ];
    options.variables.extend(hermetic.map(|(name, value)| (name.into(), value)));
    options
}

const AMPLE: Duration = Duration::from_secs(60);

fn see_with(options: &CaptureOptions, budget: Duration) -> (GitState, Vec<String>) {
    let mut notes = Notes::default();
    let state = read(options, Deadline::after(budget), &mut notes).unwrap();
    (state, notes.into_vec().into_iter().map(|it| format!("{}: {}", it.field, it.reason)).collect())
}

fn see(root: &Fixture) -> (GitState, Vec<String>) {
    see_with(&options(root), AMPLE)
}

#[test]
fn a_clean_repository() {
    let root = repository();
    git(&root, &["remote", "add", "origin", "https://me:hunter2@github.com/o/r.git"]);
    git(&root, &["remote", "add", "fork", "https://other@example.org/o/r.git"]);
    let (state, notes) = see(&root);
    let expected = GitState {
        root: Some(root.path().display().to_string()),
        commit: Some(git(&root, &["rev-parse", "HEAD"])),
        branch: Some("main".to_owned()),
        remote: Some("https://github.com/o/r.git".to_owned()),
        dirty: Some(false),
        ..GitState::default()
    };
    assert_eq!((state, notes), (expected, vec![]));
}

#[test]
fn staged_changed_and_untracked_files_are_all_seen() {
    let root = repository().file("staged.py", "x = 1\n");
    git(&root, &["add", "."]);
    let key = format!("hf_{}", "a8Kd93mZq0Xw7Tb2Rv5Lp1Jc6Ng4");
    let root = root
        .file("train.py", &format!("lr = 0.2\nlogin(\"{key}\")\n"))
        .file("new/a.py", "")
        .file("new/b.py", "")
        .file("note.md", "");
    let (state, notes) = see(&root);
    assert_eq!((state.dirty, state.diff_truncated), (Some(true), false));
    assert_eq!(state.untracked, ["new/", "note.md"]);
    let diff = state.diff.unwrap();
    for part in ["diff --git a/staged.py b/staged.py", "+x = 1", "-lr = 0.1", "+lr = 0.2", "+login(\"[masked]\")"] {
        assert!(diff.contains(part), "{part} in {diff}");
    }
    assert!(!diff.contains(&key));
    assert_eq!(notes, ["git.diff: what looks like a key is masked, so the diff cannot be applied there"]);
}

#[test]
fn renamed_files_and_odd_names_do_not_confuse_the_list() {
    let root = repository();
    git(&root, &["mv", "train.py", "# branch.oid x"]);
    let root = root.file("? odd\nname", "");
    let (state, _) = see(&root);
    assert_eq!(state.commit, Some(git(&root, &["rev-parse", "HEAD"])));
    assert_eq!(state.untracked, ["? odd\nname"]);
}

#[test]
fn the_followed_branch_decides_about_the_remote() {
    let root = repository();
    git(&root, &["remote", "add", "origin", "git@github.com:o/r.git"]);
    git(&root, &["remote", "add", "fork/mine", "ssh://git:hunter2@example.org/o/r.git"]);
    git(&root, &["update-ref", "refs/remotes/fork/mine/main", "HEAD"]);
    git(&root, &["config", "branch.main.remote", "fork/mine"]);
    git(&root, &["config", "branch.main.merge", "refs/heads/main"]);
    let (state, _) = see(&root);
    assert_eq!(state.upstream.as_deref(), Some("fork/mine/main"));
    assert_eq!(state.remote.as_deref(), Some("ssh://git@example.org/o/r.git"));
}

#[test]
fn a_commit_checked_out_by_itself_has_no_branch() {
    let root = repository();
    git(&root, &["checkout", "--quiet", "--detach"]);
    let (state, notes) = see(&root);
    assert_eq!((state.branch, notes), (None, vec![]));
    assert_eq!(state.commit, Some(git(&root, &["rev-parse", "HEAD"])));
}

#[test]
fn before_the_first_commit_everything_is_a_difference() {
    let root = empty_repository().file("train.py", "lr = 0.1\n");
    git(&root, &["add", "."]);
    let (state, notes) = see(&root);
    assert_eq!((state.commit, state.dirty, notes), (None, Some(true), vec![]));
    assert!(state.diff.unwrap().contains("+lr = 0.1"));
}

#[test]
fn a_diff_over_the_limit_is_cut_at_a_line() {
    let root = repository().file("train.py", &"é = 1\n".repeat(1_000));
    let options = CaptureOptions { max_diff_bytes: 1_000, ..options(&root) };
    let (state, notes) = see_with(&options, AMPLE);
    let diff = state.diff.unwrap();
    assert!(state.diff_truncated && diff.ends_with("+é = 1\n") && diff.len() <= 1_000, "{diff}");
    assert_eq!(notes, ["git.diff: the rest of the diff is left out at the size limit"]);
}

#[test]
fn what_the_configuration_names_is_not_started_and_nothing_is_written() {
    let root = repository();
    let trap = root.script(".git/trap", "touch \"$(dirname \"$0\")/sprung\"");
    for name in ["core.fsmonitor", "diff.external", "diff.trap.textconv", "core.pager"] {
        git(&root, &["config", name, trap.to_str().unwrap()]);
    }
    let root = root.file(".git/info/attributes", "*.py diff=trap\n").file("train.py", "lr = 0.2\n");
    let index = std::fs::read(root.path().join(".git/index")).unwrap();
    let (state, notes) = see(&root);
    assert!(state.diff.unwrap().contains("+lr = 0.2") && notes.is_empty(), "{notes:?}");
    assert!(!root.path().join(".git/sprung").exists());
    assert_eq!(std::fs::read(root.path().join(".git/index")).unwrap(), index);
}

#[test]
fn without_the_program_the_files_tell_the_commit() {
    let root = repository();
    git(&root, &["remote", "add", "origin", "https://me:hunter2@github.com/o/r.git"]);
    let expected = git(&root, &["rev-parse", "HEAD"]);
    for packed in [false, true] {
        if packed {
            git(&root, &["pack-refs", "--all"]);
        }
        let (state, notes) = see_with(&root.options(), AMPLE);
        assert_eq!((state.commit.as_ref(), state.branch.as_deref()), (Some(&expected), Some("main")));
        assert_eq!((state.remote.as_deref(), state.dirty), (Some("https://github.com/o/r.git"), None));
        let absent = "the program `/nonexistent/git` is not there";
        assert_eq!(notes, [format!("git.dirty: {absent}"), format!("git.diff: {absent}")]);
    }
}

#[test]
fn a_git_that_hangs_is_ended_in_time() {
    let root = repository();
    let slow = root.script("slow-git", "sleep 600");
    let started = Instant::now();
    let (state, notes) = see_with(&CaptureOptions { git_program: slow, ..options(&root) }, Duration::from_millis(200));
    assert!(started.elapsed() < AMPLE);
    assert_eq!((state.branch.as_deref(), state.dirty, state.diff), (Some("main"), None, None));
    assert_eq!(
        notes,
        ["git.dirty: `git status` took longer than it was given", "git.diff: `git diff` took longer than it was given"]
    );
}

#[test]
fn outside_a_repository_there_is_none() {
    let mut notes = Notes::default();
    let root = Fixture::new();
    assert_eq!(read(&options(&root), Deadline::after(AMPLE), &mut notes), None);
    assert_eq!(notes.into_vec(), []);
}
