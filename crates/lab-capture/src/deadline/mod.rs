//! Work that may take no longer than it is given.
//!
//! A thread cannot be stopped from outside, so a part of the capture that hangs in a system call is left behind and its
//! result is not waited for. A program can be stopped: it runs in a process group of its own, which is killed as a
//! whole, because a killed shell would leave its children behind with our pipe in their hands.

use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

/// Most that is kept of what a program says about its failure.
const MAX_COMPLAINT_BYTES: usize = 4 * 1024;

/// The moment by which something must be done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    pub(crate) fn after(budget: Duration) -> Self {
        Self(Instant::now() + budget)
    }

    pub(crate) fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    pub(crate) fn has_passed(self) -> bool {
        self.remaining().is_zero()
    }
}

/// What a program said before it ended or was ended.
#[derive(Debug, Default)]
pub(crate) struct Said {
    /// Its standard output, cut at the limit.
    pub(crate) output: Vec<u8>,
    /// Whether output was left unread because of the limit.
    pub(crate) truncated: bool,
    /// Whether it was killed because its time was up.
    pub(crate) timed_out: bool,
    /// The beginning of its standard error.
    pub(crate) complaint: String,
    /// How it ended; absent if it was killed.
    pub(crate) status: Option<ExitStatus>,
}

impl Said {
    pub(crate) fn succeeded(&self) -> bool {
        self.status.is_some_and(|status| status.success())
    }

    /// Its output as text without white space around it, if it succeeded and said something.
    pub(crate) fn answer(&self) -> Option<String> {
        let text = String::from_utf8_lossy(&self.output).trim().to_owned();
        (self.succeeded() && !text.is_empty()).then_some(text)
    }

    fn complain(&mut self, bytes: &[u8]) {
        let room = MAX_COMPLAINT_BYTES.saturating_sub(self.complaint.len());
        self.complaint.push_str(&String::from_utf8_lossy(&bytes[..bytes.len().min(room)]));
    }

    /// Why there is no answer, to follow the name of the program.
    pub(crate) fn problem(&self) -> String {
        if self.timed_out {
            return "took longer than it was given".to_owned();
        }
        match self.complaint.lines().next().map(str::trim) {
            Some(line) if !line.is_empty() => format!("failed: {line}"),
            _ => "failed without saying why".to_owned(),
        }
    }
}

enum Heard {
    Output(Vec<u8>),
    OutputEnded,
    Complaint(Vec<u8>),
}

/// Runs `command` until it ends, says more than `max_bytes`, or `deadline` passes; in the latter cases it is killed.
///
/// # Errors
/// If the program cannot be started.
pub(crate) fn run(command: &mut Command, deadline: Deadline, max_bytes: usize) -> io::Result<Said> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    let mut child = command.spawn()?;

    // The bound keeps a program that talks faster than it is heard from filling the memory.
    let (heard, hearing) = mpsc::sync_channel(4);
    let listening = [
        child.stdout.take().map(|pipe| listen(pipe, heard.clone(), Heard::Output, Some(Heard::OutputEnded))),
        child.stderr.take().map(|pipe| listen(pipe, heard, Heard::Complaint, None)),
    ];
    if let Some(error) = listening.into_iter().flatten().find_map(Result::err) {
        kill(child);
        return Err(error);
    }

    let mut said = Said::default();
    loop {
        match hearing.recv_timeout(deadline.remaining()) {
            Ok(Heard::Output(bytes)) => {
                let room = max_bytes - said.output.len();
                said.truncated = bytes.len() > room;
                said.output.extend_from_slice(&bytes[..bytes.len().min(room)]);
                if said.truncated {
                    break;
                }
            }
            Ok(Heard::Complaint(bytes)) => said.complain(&bytes),
            // Standard error may stay open in a process that was left in the background: the program's own end counts.
            Ok(Heard::OutputEnded) | Err(RecvTimeoutError::Disconnected) => {
                said.status = wait(&mut child, deadline);
                said.timed_out = said.status.is_none();
                while let Ok(Heard::Complaint(bytes)) = hearing.recv_timeout(Duration::from_millis(5)) {
                    said.complain(&bytes);
                }
                break;
            }
            Err(RecvTimeoutError::Timeout) => {
                said.timed_out = true;
                break;
            }
        }
    }
    if said.status.is_none() {
        kill(child);
    }
    Ok(said)
}

fn listen(
    mut pipe: impl Read + Send + 'static,
    heard: SyncSender<Heard>,
    wrap: fn(Vec<u8>) -> Heard,
    end: Option<Heard>,
) -> io::Result<()> {
    let listener = move || {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match pipe.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) if heard.send(wrap(buffer[..n].to_vec())).is_err() => return,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        if let Some(end) = end {
            heard.send(end).ok();
        }
    };
    thread::Builder::new().name("lab-capture-pipe".to_owned()).spawn(listener).map(drop)
}

/// Waits for a program whose output has ended, which is a matter of microseconds unless it closed its output early.
fn wait(child: &mut Child, deadline: Deadline) -> Option<ExitStatus> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if !deadline.has_passed() => thread::sleep(Duration::from_millis(1)),
            _ => return None,
        }
    }
}

fn kill(mut child: Child) {
    // The group's number is the child's, which stays taken until the child is waited for. The shell's own `kill` is
    // used because the system call is out of reach of safe code and not every container has the program.
    #[cfg(unix)]
    let group = Command::new("/bin/sh")
        .args(["-c", r#"kill -s KILL -- "-$1""#, "sh", &child.id().to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    #[cfg(not(unix))]
    let group = io::Result::<Child>::Err(io::ErrorKind::Unsupported.into());
    // A process in an uninterruptible sleep outlives its killing; it must not hold up the capture.
    let reaper = move || {
        if let Ok(mut killer) = group {
            killer.wait().ok();
        }
        child.kill().ok();
        child.wait().ok();
    };
    thread::Builder::new().name("lab-capture-reaper".to_owned()).spawn(reaper).ok();
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
