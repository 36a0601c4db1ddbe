//! Several processes, some of which end badly.

use std::io::{BufRead as _, BufReader, Lines, Read as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use lab_client::{Run, StartOptions, Workspace, left_behind, sync, waiting};
use lab_model::{RunId, RunStatus, Settings};

use crate::given::{Lab, counted, log, quick};

const ROOT: &str = "LAB_TEST_ROOT_OF_PARENT";
const RUN: &str = "LAB_TEST_RUN_OF_PARENT";
const MODE: &str = "LAB_TEST_MODE_OF_PARENT";

/// Does nothing by itself. Started again by the tests below it logs to a run and says how far it has come.
#[test]
fn child() {
    let Ok(root) = std::env::var(ROOT) else { return };
    let id: RunId = std::env::var(RUN).unwrap().parse().unwrap();
    let mode = std::env::var(MODE).unwrap();
    let mut workspace = quick(Workspace::find(Path::new(&root), |_| None).unwrap());
    if mode.contains("paced") {
        workspace.settings.checkpoint_interval_secs = Settings::default().checkpoint_interval_secs;
    }
    let is_offline = mode.contains("offline");
    let run =
        Run::start(&workspace, StartOptions { run_id: Some(id), is_offline, ..StartOptions::new("tiny-lm") }).unwrap();
    let mut logged = 0;
    let most = if mode.contains("forever") { u32::MAX } else { 200 };
    while logged < most {
        match run.log([("loss", f64::from(logged))], Some(i64::from(logged))) {
            Ok(_) => logged += 1,
            Err(error) => {
                println!("\nerror {error}: {}", std::error::Error::source(&error).unwrap());
                break;
            }
        }
        if mode.contains("forever") {
            println!("\nlogged {logged}");
        }
        if mode.contains("paced") {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    println!("\ndone {logged}");
    if mode.contains("close") {
        let outcome = run.deliver_within(Duration::from_secs(30), &mut || false);
        assert!(outcome.is_delivered, "{outcome:?}");
        return;
    }
    // Until it is killed, or its parent is gone.
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    std::process::exit(1);
}

struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Running {
    fn start(workspace: &Workspace, run: RunId, mode: &str) -> Self {
        Self::start_through(Command::new(std::env::current_exe().unwrap()), &workspace.root, run, mode)
    }

    fn start_through(mut command: Command, root: &Path, run: RunId, mode: &str) -> Self {
        let command = command.args(["--exact", "processes::child", "--nocapture"]).env("LAB_USER", "ada");
        let command = command.env(ROOT, root).env(RUN, run.to_string()).env(MODE, mode);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// What follows the word on the next line that begins with it.
    fn read(&mut self, word: &str) -> Option<String> {
        self.lines.find_map(|line| Some(line.unwrap().strip_prefix(word)?.trim().to_owned()))
    }

    /// As `kill -9` does.
    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn new_id() -> RunId {
    RunId::new(lab_client::now())
}

#[test]
fn what_a_killed_process_had_logged_is_delivered_exactly() {
    for mode in ["offline", "online"] {
        let lab = Lab::new();
        let id = new_id();
        let mut child = Running::start(&lab.workspace, id, mode);
        assert_eq!(child.read("done").as_deref(), Some("200"));
        assert_eq!(left_behind(&lab.workspace).unwrap(), 0);
        child.kill();
        assert_eq!(left_behind(&lab.workspace).unwrap(), 1);
        let synced = sync(&lab.workspace).unwrap();
        assert!(synced.is_complete() && synced.refused.is_empty(), "{mode}: {synced}");
        assert_eq!(lab.stored().losses(id), counted(200), "{mode}");
        assert_eq!((waiting(&lab.workspace).unwrap(), lab.left_in_spool().len()), (0, 0), "{mode}");
    }
}

#[test]
fn a_process_that_is_killed_while_it_logs_loses_nothing_that_it_was_told() {
    for mode in ["offline forever", "online forever"] {
        let lab = Lab::new();
        let id = new_id();
        let mut child = Running::start(&lab.workspace, id, mode);
        for _ in 0..300 {
            child.read("logged").unwrap();
        }
        child.kill();
        let mut told = 300;
        while let Some(logged) = child.read("logged") {
            told = logged.parse().unwrap_or(told);
        }
        let synced = sync(&lab.workspace).unwrap();
        assert!(synced.is_complete() && synced.refused.is_empty(), "{mode}: {synced}");
        let kept = lab.stored().losses(id).len() as u32;
        // The last may have been logged and not yet told of.
        assert!((told..=told + 1).contains(&kept), "{mode}: {kept} of {told}");
        assert_eq!(lab.left_in_spool(), [""; 0], "{mode}");
    }
}

#[test]
fn processes_share_a_run_and_its_end_comes_last() {
    let lab = Lab::new();
    let run = Run::start(&lab.workspace, StartOptions::new("tiny-lm")).unwrap();
    let id = run.id();
    run.log([("own", 1.0)], None).unwrap();
    let mut closing = Running::start(&lab.workspace, id, "offline");
    assert_eq!(closing.read("done").as_deref(), Some("200"));
    closing.kill();
    let outcome = run.complete().unwrap();
    assert!(outcome.is_delivered && outcome.refused.is_empty(), "{outcome:?}");
    let stored = lab.stored();
    assert_eq!((stored.losses(id), stored.points(id, "own").len()), (counted(200), 1));
    assert_eq!(stored.run(id).run.status, RunStatus::Completed);
    assert_eq!(lab.left_in_spool(), [""; 0]);
}

#[test]
fn a_process_that_shares_a_run_can_go_before_its_end() {
    let lab = Lab::new();
    let run = Run::start(&lab.workspace, StartOptions::new("tiny-lm")).unwrap();
    let mut other = Running::start(&lab.workspace, run.id(), "online close");
    assert_eq!(other.read("done").as_deref(), Some("200"));
    assert!(other.child.wait().unwrap().success());
    assert_eq!(lab.stored().run(run.id()).run.status, RunStatus::Running);
    log(&run, 200..210);
    run.complete().unwrap();
    assert_eq!(lab.stored().losses(run.id()), counted(210));
}

#[test]
fn a_full_disk_is_told_and_what_was_logged_before_is_kept() {
    for mode in ["offline forever", "online forever"] {
        let lab = Lab::new();
        let id = new_id();
        // Files end at 32 blocks, which for a spool is a disk that fills up in the middle of a record.
        let mut limited = Command::new("sh");
        limited.args(["-c", "trap '' XFSZ; ulimit -f 32; exec \"$0\" \"$@\""]).arg(std::env::current_exe().unwrap());
        let mut child = Running::start_through(limited, &lab.workspace.root, id, mode);
        let error = child.read("error").unwrap();
        assert!(error.contains("writing `") && error.contains(".spool` failed: File too large"), "{error}");
        let logged: u32 = child.read("done").unwrap().parse().unwrap();
        child.kill();
        assert!(logged > 10, "{logged}");
        let synced = sync(&lab.workspace).unwrap();
        assert!(synced.is_complete() && synced.refused.is_empty(), "{mode}: {synced}");
        assert_eq!(lab.stored().losses(id), counted(logged), "{mode}");
    }
}

/// A power cut leaves of each file what was made durable before it. Only the spool counts here: nothing is delivered.
#[test]
fn a_power_cut_takes_a_second_at_most() {
    let lab = Lab::new();
    let id = new_id();
    let scratch = tempfile::tempdir().unwrap();
    let (source, library) = (scratch.path().join("synced.c"), scratch.path().join("synced.so"));
    let list = scratch.path().join("synced");
    std::fs::write(&source, include_str!("synced.c")).unwrap();
    let built = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).arg("-ldl").status();
    assert!(built.expect("a C compiler, as SQLite needs it too").success());
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env("LD_PRELOAD", &library).env("LAB_TEST_SYNCED", &list);
    let mut child = Running::start_through(command, &lab.workspace.root, id, "offline paced forever");
    let mut told = Vec::new();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(2_950) {
        child.read("logged").unwrap();
        told.push(Instant::now());
    }
    let cut_at = Instant::now();
    child.kill();

    let synced = std::fs::read_to_string(&list).unwrap();
    let mut of_spool =
        synced.lines().filter_map(|line| line.split_once(' ')).filter(|(_, path)| path.ends_with(".spool"));
    let (size, path) = of_spool.next_back().expect("nothing was made durable");
    std::fs::OpenOptions::new().write(true).open(path).unwrap().set_len(size.parse().unwrap()).unwrap();
    let synced = sync(&lab.workspace).unwrap();
    assert!(synced.is_complete(), "{synced}");
    let kept = lab.stored().losses(id).len();
    let lost_since = told.get(kept).map_or(Duration::ZERO, |told| cut_at - *told);
    assert!(kept > 100 && lost_since <= Duration::from_secs(1), "{kept} of {}: {lost_since:?}", told.len());
}
