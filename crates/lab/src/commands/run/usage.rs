//! What the program uses: looked at while it runs, and summed up by the system at its end.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use lab_capture::UsageSampler;
use lab_client::{Run, now};
use lab_model::SeriesPoints;
use rustix::process::Pid;
use wait4::ResourceUsage;

/// How often the memory of the program is looked at, more often at its beginning.
const INTERVALS: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// What the program has used, with all of its processes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Usage {
    pub(super) user_secs: f64,
    pub(super) system_secs: f64,
    /// The most that its processes held at once.
    pub(super) peak_memory_bytes: u64,
    /// Whether one of its processes was killed for the memory limit.
    pub(super) oom_killed: bool,
}

impl Usage {
    pub(super) fn cpu_secs(&self) -> f64 {
        self.user_secs + self.system_secs
    }

    /// Takes in what the system says of a process that ended and of those that it waited for.
    pub(super) fn add(&mut self, ended: &ResourceUsage) {
        self.user_secs = self.user_secs.max(ended.utime.as_secs_f64());
        self.system_secs = self.system_secs.max(ended.stime.as_secs_f64());
        // Up to what this process holds itself it may be what the program's had before it became the program.
        if ended.maxrss > own_peak_bytes() || self.peak_memory_bytes == 0 {
            self.peak_memory_bytes = self.peak_memory_bytes.max(ended.maxrss);
        }
    }
}

/// The most memory that this process has held.
fn own_peak_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
    peak.map_or(0, |kib: u64| kib * 1024)
}

/// Looks at the program again and again.
pub(super) struct Sampler {
    stop: SyncSender<()>,
    thread: Option<JoinHandle<u64>>,
}

impl Sampler {
    /// Begins to look at a process group, and every so many seconds to log what it and the machine use.
    pub(super) fn start(group: Pid, run: Arc<Run>, interval_secs: u64) -> Self {
        let (stop, stopped) = mpsc::sync_channel::<()>(1);
        let look = move || {
            let mut peak_bytes = 0;
            let mut machine = (interval_secs > 0).then(UsageSampler::start).flatten();
            let (mut logged, mut logged_at) = (Sample::default(), Instant::now());
            let mut interval = INTERVALS.0;
            while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(interval) {
                interval = (interval * 2).min(INTERVALS.1);
                let sample = Sample::of(group);
                peak_bytes = peak_bytes.max(sample.memory_bytes);
                if let Some(machine) = machine.as_mut().filter(|_| logged_at.elapsed().as_secs() >= interval_secs) {
                    let cpu_secs = sample.cpu_secs_since(&logged);
                    let cpu_percent = 100.0 * cpu_secs / logged_at.elapsed().as_secs_f64();
                    log(&run, machine, &sample, cpu_percent);
                    (logged, logged_at) = (sample, Instant::now());
                }
            }
            peak_bytes
        };
        Self { stop, thread: thread::Builder::new().name("lab-usage".to_owned()).spawn(look).ok() }
    }

    /// What was seen.
    pub(super) fn stop(&mut self) -> Usage {
        self.stop.send(()).ok();
        let peak_memory_bytes = self.thread.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        Usage { peak_memory_bytes, ..Usage::default() }
    }
}

/// Logs what the machine uses, and the program in the place of this process.
fn log(run: &Run, machine: &mut UsageSampler, sample: &Sample, cpu_percent: f64) {
    let time_micros = now().as_microsecond();
    let mut values = machine.sample();
    values.retain(|(name, _)| !name.starts_with("system/process/"));
    values.push(("system/process/cpu_percent".to_owned(), cpu_percent));
    values.push(("system/process/memory_bytes".to_owned(), sample.memory_bytes as f64));
    values.push(("system/process/count".to_owned(), sample.cpu_secs.len() as f64));
    let series = values.into_iter().map(|(name, value)| {
        let mut points = SeriesPoints::new(lab_model::SeriesKey::named(name));
        points.push(value, None, time_micros);
        points
    });
    // A full disk is told to whoever logs next.
    run.log_series(series.collect()).ok();
}

/// The processes of a program at one moment.
#[derive(Debug, Default)]
struct Sample {
    memory_bytes: u64,
    /// By process.
    cpu_secs: BTreeMap<i32, f64>,
}

/// A line of `/proc/PID/stat`.
struct Process {
    parent: i32,
    group: i32,
    cpu_secs: f64,
    memory_bytes: u64,
}

impl Sample {
    /// The processes of a group, and those below its first one; nothing where there is no `/proc`.
    fn of(group: Pid) -> Self {
        let Ok(entries) = fs::read_dir("/proc") else { return Self::default() };
        let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
        let processes: BTreeMap<i32, Process> = pids.filter_map(|pid| Some((pid, Process::read(pid)?))).collect();
        let root = group.as_raw_nonzero().get();
        let mut members: BTreeSet<i32> =
            processes.iter().filter(|(_, it)| it.group == root).map(|(pid, _)| *pid).collect();
        members.insert(root);
        loop {
            let is_new = |(pid, it): &(&i32, &Process)| members.contains(&it.parent) && !members.contains(*pid);
            let found: Vec<i32> = processes.iter().filter(is_new).map(|(pid, _)| *pid).collect();
            if found.is_empty() {
                break;
            }
            members.extend(found);
        }
        let mut sample = Self::default();
        for (pid, process) in processes.iter().filter(|(pid, _)| members.contains(pid)) {
            sample.memory_bytes += process.memory_bytes;
            sample.cpu_secs.insert(*pid, process.cpu_secs);
        }
        sample
    }

    fn cpu_secs_since(&self, before: &Self) -> f64 {
        let spent = |(pid, secs): (&i32, &f64)| (secs - before.cpu_secs.get(pid).unwrap_or(&0.0)).max(0.0);
        self.cpu_secs.iter().map(spent).sum()
    }
}

impl Process {
    fn read(pid: i32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name of the program stands in brackets and may hold anything.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
        let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
        let ticks = rustix::param::clock_ticks_per_second() as f64;
        Some(Self {
            parent: fields.get(1)?.parse().ok()?,
            group: fields.get(2)?.parse().ok()?,
            cpu_secs: (number(11)? + number(12)?) as f64 / ticks,
            memory_bytes: number(21)? * rustix::param::page_size() as u64,
        })
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::os::unix::process::CommandExt as _;
    use std::process::Command;

    #[test]
    fn a_group_is_seen_with_what_it_started() {
        let mut child = Command::new("sh").args(["-c", "sleep 60 & sleep 60"]).process_group(0).spawn().unwrap();
        let group = Pid::from_child(&child);
        let deadline = Instant::now() + Duration::from_secs(10);
        let sample = loop {
            let sample = Sample::of(group);
            if sample.cpu_secs.len() == 3 || Instant::now() > deadline {
                break sample;
            }
        };
        rustix::process::kill_process_group(group, rustix::process::Signal::KILL).unwrap();
        child.wait().unwrap();
        assert_eq!(sample.cpu_secs.len(), 3);
        assert!(sample.memory_bytes > 100_000, "{sample:?}");
    }
}
