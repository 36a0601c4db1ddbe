//! The program as a process: its group, its end, and what it is told on the way.

use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use lab_client::Run;
use lab_model::LogStream;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;
use rustix::process::{Pid, Signal, getpgrp, kill_process, kill_process_group};
use rustix::termios::tcgetpgrp;
use tokio::signal::unix::{SignalKind, signal};
use wait4::{ResUse, Wait4 as _};

use super::limits::Limits;
use super::output::{self, Failure, Trace};
use super::usage::{Sampler, Usage};
use crate::printer::Printer;

/// How long to listen on after the program has ended, to what it left in the background.
const LISTEN_ON: Duration = Duration::from_secs(2);

/// What happens while the program runs.
enum Event {
    Signal(Signal),
    Exited(io::Result<ResUse>),
    OutputEnded,
}

/// What this process and its threads are told.
pub(super) struct Events {
    sender: SyncSender<Event>,
    receiver: Receiver<Event>,
}

impl Events {
    /// Whether somebody asked to end since this was asked last.
    pub(super) fn was_interrupted(&self) -> bool {
        self.receiver.try_iter().any(|event| matches!(event, Event::Signal(Signal::INT | Signal::TERM)))
    }
}

/// Listens to signals, from before there is anything that they could leave half-done.
pub(super) fn listen() -> anyhow::Result<Events> {
    let (sender, receiver) = mpsc::sync_channel(64);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("the runtime could not be started")?;
    for (kind, signal_sent) in [
        (SignalKind::interrupt(), Signal::INT),
        (SignalKind::terminate(), Signal::TERM),
        (SignalKind::hangup(), Signal::HUP),
        (SignalKind::quit(), Signal::QUIT),
        (SignalKind::from_raw(Signal::TSTP.as_raw()), Signal::TSTP),
    ] {
        if is_ignored(signal_sent) {
            continue;
        }
        let mut stream = runtime.block_on(async { signal(kind) }).context("signals cannot be listened to")?;
        let sender = sender.clone();
        runtime.spawn(async move {
            while stream.recv().await.is_some() && sender.send(Event::Signal(signal_sent)).is_ok() {}
        });
    }
    let wait = move || runtime.block_on(std::future::pending::<()>());
    thread::Builder::new().name("lab-signals".to_owned()).spawn(wait).context("a thread could not be started")?;
    Ok(Events { sender, receiver })
}

/// Whether who started this process wants it to ignore a signal, as `nohup` does; the program then ignores it too.
fn is_ignored(signal: Signal) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal.as_raw() - 1) & 1 == 1)
}

/// The file that a shell would run.
pub(super) fn find_program(program: &OsStr) -> io::Result<PathBuf> {
    let is_executable = |file: &Path| {
        let metadata = file.metadata()?;
        let may_run = metadata.is_file() && metadata.permissions().mode() & 0o111 != 0;
        if may_run { Ok(()) } else { Err(io::Error::from(io::ErrorKind::PermissionDenied)) }
    };
    let path = Path::new(program);
    if path.components().count() > 1 || path.is_absolute() {
        return is_executable(path).map(|()| path.to_owned());
    }
    let mut problem = io::Error::new(io::ErrorKind::NotFound, "it is in no folder of PATH");
    for folder in std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()) {
        let file = folder.join(path);
        match is_executable(&file) {
            Ok(()) => return Ok(file),
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied => problem = e,
            Err(_) => {}
        }
    }
    Err(problem)
}

/// What a client in the program finds the run by. The machine is looked at here, once.
pub(super) fn attach_variables(run: &Run, experiment: &str, is_offline: bool) -> Vec<(String, String)> {
    let workspace = run.workspace();
    let root = std::path::absolute(&workspace.root).unwrap_or_else(|_| workspace.root.clone());
    let mut variables = vec![
        ("LAB_RUN_ID", run.id().to_string()),
        ("LAB_EXPERIMENT", experiment.to_owned()),
        ("LAB_DIR", root.display().to_string()),
        ("LAB_CAPTURE_ENVIRONMENT", "false".to_owned()),
        ("LAB_SYSTEM_METRICS_INTERVAL_SECS", "0".to_owned()),
    ];
    variables.extend(workspace.settings.server.clone().map(|server| ("LAB_SERVER", server)));
    if is_offline {
        variables.push(("LAB_MODE", "offline".to_owned()));
    }
    if std::env::var_os("PYTHONUNBUFFERED").is_none() {
        // Python keeps back what goes to a pipe, until there is much of it.
        variables.push(("PYTHONUNBUFFERED", "1".to_owned()));
    }
    variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Why the program was told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    TimedOut,
    Interrupted(i32),
}

/// How the program ended, and what it used.
#[derive(Clone, Debug)]
pub(super) struct Ended {
    pub(super) stop: Option<Stop>,
    pub(super) code: Option<i32>,
    pub(super) signal: Option<i32>,
    pub(super) wall: Duration,
    pub(super) usage: Usage,
}

/// The running program.
pub(super) struct Child<'a> {
    group: Pid,
    started: Instant,
    events: &'a Events,
    limits: &'a Limits,
    sampler: Sampler,
    trace: Arc<Mutex<Trace>>,
    /// Streams that may still have something to say.
    open_streams: usize,
}

impl<'a> Child<'a> {
    /// Starts the program in a process group of its own.
    pub(super) fn start(
        command: &[OsString],
        variables: Vec<(String, String)>,
        limits: &'a Limits,
        run: &Arc<Run>,
        interval_secs: u64,
        events: &'a Events,
        out: Printer,
    ) -> io::Result<Self> {
        let (program, arguments) = limits.wrap(command)?;
        let mut command = Command::new(program);
        command.args(arguments).envs(variables).process_group(0);
        // A group in the background may not read the terminal, so what is typed is handed on.
        let is_typed = io::stdin().is_terminal();
        command.stdin(if is_typed { Stdio::piped() } else { Stdio::inherit() });
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let started = Instant::now();
        let mut child = command.spawn()?;
        let group = Pid::from_child(&child);
        if let Some(mut typed) = child.stdin.take() {
            spawn("lab-stdin", move || {
                // The program may have closed its end, or ended.
                hand_on(&mut typed).ok();
            })?;
        }
        let trace = Arc::<Mutex<Trace>>::default();
        let mut open_streams = 0;
        let mut pass_on = |from: Option<Box<dyn io::Read + Send>>, to: Box<dyn io::Write + Send>, stream| {
            let Some(from) = from else { return Ok(()) };
            open_streams += 1;
            let (run, trace, sender) = (Arc::clone(run), Arc::clone(&trace), events.sender.clone());
            spawn("lab-output", move || {
                output::pass_on(from, to, stream, &run, &trace, out);
                // Before its end is told, so that nothing is logged to a run that has ended.
                drop(run);
                sender.send(Event::OutputEnded).ok();
            })
        };
        let stdout = child.stdout.take().map(|it| Box::new(it) as Box<dyn io::Read + Send>);
        let stderr = child.stderr.take().map(|it| Box::new(it) as Box<dyn io::Read + Send>);
        // With --json what is for programs stands alone on stdout.
        let to: Box<dyn io::Write + Send> = if out.json { Box::new(io::stderr()) } else { Box::new(io::stdout()) };
        pass_on(stdout, to, LogStream::Stdout)?;
        pass_on(stderr, Box::new(io::stderr()), LogStream::Stderr)?;
        let sampler = Sampler::start(group, Arc::clone(run), interval_secs);
        let sender = events.sender.clone();
        spawn("lab-wait", move || {
            sender.send(Event::Exited(child.wait4())).ok();
        })?;
        Ok(Self { group, started, events, limits, sampler, trace, open_streams })
    }

    /// Waits for the end, which comes with the program's, with `timeout`, or with a signal to this process.
    pub(super) fn wait(&mut self, timeout: Option<Duration>, grace: Duration, out: Printer) -> Ended {
        let mut stop = None;
        let mut interrupts = 0;
        let mut deadline = timeout.map(|timeout| (self.started + timeout, Signal::TERM));
        let result = loop {
            let wait = deadline.map_or(Duration::MAX, |(at, _)| at.saturating_duration_since(Instant::now()));
            let event = match wait {
                Duration::MAX => self.events.receiver.recv().map_err(|_| RecvTimeoutError::Disconnected),
                wait => self.events.receiver.recv_timeout(wait),
            };
            match event {
                Ok(Event::Exited(result)) => break result,
                Ok(Event::OutputEnded) => self.open_streams -= 1,
                Ok(Event::Signal(Signal::TSTP)) => self.suspend(),
                Ok(Event::Signal(signal)) => {
                    interrupts += u32::from(signal == Signal::INT);
                    let signal = match interrupts {
                        0 | 1 => signal,
                        2 => Signal::TERM,
                        _ => Signal::KILL,
                    };
                    self.tell(signal);
                    stop = stop.or(Some(Stop::Interrupted(signal.as_raw())));
                    if signal == Signal::INT {
                        out.say("lab: interrupting the program; Ctrl-C again to end it");
                    } else {
                        deadline = Some((Instant::now() + grace, Signal::KILL));
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    let signal = deadline.map_or(Signal::TERM, |(_, signal)| signal);
                    stop = stop.or(Some(Stop::TimedOut));
                    self.tell(signal);
                    // What ignores even that hangs in the kernel: its end is waited for as long as it takes.
                    deadline = (signal != Signal::KILL).then(|| (Instant::now() + grace, Signal::KILL));
                }
                Err(RecvTimeoutError::Disconnected) => break Err(io::Error::other("nothing is heard of the program")),
            }
        };
        let wall = self.started.elapsed();
        if stop.is_some() {
            // What it left behind would go on without it.
            self.tell(Signal::KILL);
        }
        self.drain(out);
        let mut usage = self.sampler.stop();
        self.limits.finish(&mut usage);
        let (code, signal) = match &result {
            Ok(ended) => {
                usage.add(&ended.rusage);
                (ended.status.code(), ended.status.signal())
            }
            Err(problem) => {
                out.warn(format_args!("how the program ended is not known: {problem}"));
                (None, None)
            }
        };
        // Killed by whoever was limited with it.
        let code = code.filter(|_| signal.is_none());
        Ended { stop, code, signal, wall, usage }
    }

    /// The exception that a Python program ended with.
    pub(super) fn failure(&self) -> Option<Failure> {
        Trace::failure(&self.trace)
    }

    /// Waits until all is read that was printed; what stays in the background is not waited for long.
    fn drain(&mut self, out: Printer) {
        let deadline = Instant::now() + LISTEN_ON;
        while self.open_streams > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.events.receiver.recv_timeout(left) {
                Ok(Event::OutputEnded) => self.open_streams -= 1,
                Ok(_) => {}
                Err(_) => {
                    out.warn("the program left something running in the background; it is not listened to any more");
                    break;
                }
            }
        }
    }

    /// Sends a signal to every process of the group.
    fn tell(&self, signal: Signal) {
        // All of it may be gone.
        kill_process_group(self.group, signal).ok();
        if signal != Signal::KILL {
            // One that is stopped hears nothing.
            kill_process_group(self.group, Signal::CONT).ok();
        } else {
            self.limits.kill();
        }
    }

    /// Ctrl-Z: stops the group and this process, until both go on.
    fn suspend(&self) {
        kill_process_group(self.group, Signal::STOP).ok();
        kill_process(rustix::process::getpid(), Signal::STOP).ok();
        kill_process_group(self.group, Signal::CONT).ok();
    }
}

/// Hands on what is typed, for as long as it is typed to this process: reading the terminal from the background would
/// stop it.
fn hand_on(to: &mut impl io::Write) -> io::Result<()> {
    let stdin = io::stdin();
    let interval = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };
    let mut buffer = [0; 4096];
    loop {
        let is_ready = retry_on_intr(|| poll(&mut [PollFd::new(&stdin, PollFlags::IN)], Some(&interval)))? > 0;
        if !is_in_front(&stdin) {
            thread::sleep(Duration::from_millis(200));
        } else if is_ready {
            match retry_on_intr(|| rustix::io::read(&stdin, &mut buffer))? {
                0 => return Ok(()),
                count => to.write_all(&buffer[..count])?,
            }
        }
    }
}

/// Whether the terminal is this process's to read.
fn is_in_front(stdin: &io::Stdin) -> bool {
    tcgetpgrp(stdin).is_ok_and(|group| group == getpgrp())
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name(name.to_owned()).spawn(work).map(drop)
}

/// The name of a signal, as `SIGKILL`.
pub(super) fn signal_name(signal: i32) -> String {
    let names = [
        (Signal::HUP, "SIGHUP"),
        (Signal::INT, "SIGINT"),
        (Signal::QUIT, "SIGQUIT"),
        (Signal::ILL, "SIGILL"),
        (Signal::TRAP, "SIGTRAP"),
        (Signal::ABORT, "SIGABRT"),
        (Signal::BUS, "SIGBUS"),
        (Signal::FPE, "SIGFPE"),
        (Signal::KILL, "SIGKILL"),
        (Signal::USR1, "SIGUSR1"),
        (Signal::SEGV, "SIGSEGV"),
        (Signal::USR2, "SIGUSR2"),
        (Signal::PIPE, "SIGPIPE"),
        (Signal::ALARM, "SIGALRM"),
        (Signal::TERM, "SIGTERM"),
        (Signal::XCPU, "SIGXCPU"),
        (Signal::XFSZ, "SIGXFSZ"),
        (Signal::SYS, "SIGSYS"),
    ];
    let found = names.iter().find(|(known, _)| known.as_raw() == signal);
    found.map_or_else(|| format!("signal {signal}"), |(_, name)| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_as_a_shell_finds_them() {
        assert!(find_program(OsStr::new("sh")).unwrap().is_absolute());
        assert_eq!(find_program(OsStr::new("no-such-program")).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(find_program(OsStr::new("/etc/passwd")).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        assert_eq!(find_program(OsStr::new("/nowhere/x")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
