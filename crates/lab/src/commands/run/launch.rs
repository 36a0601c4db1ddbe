//! `lab launch`, hidden: limits itself, and becomes the program.
//!
//! What a program may use has to be said between the beginning of its process and its own first instruction. This is that
//! moment, without `unsafe`: a process of this program that limits itself and is replaced by the other.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context as _;
use clap::Args;
use rustix::process::{Resource, Rlimit, setrlimit};

use super::{NOT_EXECUTABLE, NOT_FOUND};
use crate::exit::Exit;

/// Limit this process and become a program.
#[derive(Debug, Args)]
#[command(hide = true, after_help = "Example:\n  lab launch --memory 1073741824 -- python train.py")]
pub(crate) struct LaunchArgs {
    /// The control group to be in
    #[arg(long)]
    cgroup: Option<PathBuf>,
    /// Most bytes of data of each process
    #[arg(long)]
    memory: Option<u64>,
    /// Most seconds of processor time of each process
    #[arg(long)]
    cpu_secs: Option<u64>,
    /// Number of processors to run on
    #[arg(long)]
    processors: Option<usize>,
    /// The program and its arguments
    #[arg(last = true, required = true)]
    command: Vec<OsString>,
}

impl LaunchArgs {
    /// As arguments of this program.
    pub(super) fn arguments(
        cgroup: Option<PathBuf>,
        memory: Option<u64>,
        cpu_secs: Option<u64>,
        processors: Option<usize>,
    ) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = vec!["launch".into()];
        let mut add = |option: &str, value: Option<OsString>| {
            arguments.extend(value.map(|value| [OsString::from(option), value]).into_iter().flatten());
        };
        add("--cgroup", cgroup.map(PathBuf::into_os_string));
        add("--memory", memory.map(|bytes| bytes.to_string().into()));
        add("--cpu-secs", cpu_secs.map(|secs| secs.to_string().into()));
        add("--processors", processors.map(|count| count.to_string().into()));
        arguments.push("--".into());
        arguments
    }
}

pub(crate) fn launch(args: LaunchArgs) -> anyhow::Result<Exit> {
    if let Some(group) = &args.cgroup {
        std::fs::write(group.join("cgroup.procs"), "0").context("the control group cannot be entered")?;
    }
    let limit = |resource, most: Option<u64>| match most {
        Some(most) => setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) }),
        None => Ok(()),
    };
    limit(Resource::Data, args.memory).context("the memory cannot be limited")?;
    // The hard limit comes a little later, so that a program can tell what it died of.
    if let Some(secs) = args.cpu_secs {
        let limits = Rlimit { current: Some(secs), maximum: Some(secs + 5) };
        setrlimit(Resource::Cpu, limits).context("the processor time cannot be limited")?;
    }
    if let Some(count) = args.processors {
        keep_to(count).context("the processors cannot be limited")?;
    }
    let error = Command::new(&args.command[0]).args(&args.command[1..]).exec();
    let is_absent = error.kind() == std::io::ErrorKind::NotFound;
    crate::exit::report(&anyhow::Error::from(error).context(format!("`{}` cannot be run", args.command[0].display())));
    Ok(Exit::Program(if is_absent { NOT_FOUND } else { NOT_EXECUTABLE }))
}

/// Keeps this process to the first so many of the processors that it may run on.
#[cfg(target_os = "linux")]
fn keep_to(count: usize) -> std::io::Result<()> {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
    let allowed = sched_getaffinity(None)?;
    let mut kept = CpuSet::new();
    (0..CpuSet::MAX_CPU).filter(|cpu| allowed.is_set(*cpu)).take(count).for_each(|cpu| kept.set(cpu));
    Ok(sched_setaffinity(None, &kept)?)
}

#[cfg(not(target_os = "linux"))]
fn keep_to(_count: usize) -> std::io::Result<()> {
    Err(std::io::Error::from(std::io::ErrorKind::Unsupported))
}
