//! How much the program may use: a control group for all of its processes where one can be made, else limits of each.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::LaunchArgs;
use super::usage::Usage;
use crate::printer::Printer;

/// Over how long processor time is shared out, in microseconds.
const PERIOD_MICROS: f64 = 100_000.0;

/// Reads a size, as `512MiB`, `16GB` or a number of bytes.
pub(super) fn parse_size(text: &str) -> Result<u64, String> {
    let number_end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, unit) = text.split_at(number_end);
    let number: f64 = number.parse().map_err(|_| "must be a size, as 512MiB or 16GB".to_owned())?;
    let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "t" | "tib" => 1 << 40,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        _ => return Err(format!("has the unit `{}`; it must be KiB, MiB, GiB, KB, MB or GB", unit.trim())),
    };
    let bytes = number * factor as f64;
    if bytes >= (1 << 20) as f64 { Ok(bytes as u64) } else { Err("must be at least 1MiB".to_owned()) }
}

/// Reads a number of processors.
pub(super) fn parse_cpus(text: &str) -> Result<f64, String> {
    let cpus: f64 = text.parse().map_err(|_| "must be a number, as 4 or 0.5".to_owned())?;
    if cpus.is_finite() && cpus >= 0.01 { Ok(cpus) } else { Err("must be at least 0.01".to_owned()) }
}

/// What the program may use.
#[derive(Debug)]
pub(super) struct Limits {
    group: Option<Group>,
    /// What no group looks after.
    launch: Option<Vec<OsString>>,
}

impl Limits {
    pub(super) fn new(
        memory: Option<u64>,
        cpus: Option<f64>,
        cpu_time: Option<Duration>,
        out: Printer,
    ) -> anyhow::Result<Self> {
        let group = if memory.is_some() || cpus.is_some() { Group::make(memory, cpus) } else { None };
        if group.is_none() && (memory.is_some() || cpus.is_some()) {
            let memory = if memory.is_some() { "; the memory limit holds for each process by itself" } else { "" };
            let cpus = if cpus.is_some() { "; it is kept to whole processors" } else { "" };
            out.say(format_args!("lab: no control group can be made for the program here{memory}{cpus}"));
        }
        let cpu_secs = cpu_time.map(|time| time.as_secs_f64().ceil() as u64);
        let folder = group.as_ref().map(|group| group.folder.clone());
        let (memory, cpus) = if group.is_some() { (None, None) } else { (memory, cpus) };
        let processors = cpus.map(|cpus| cpus.ceil() as usize);
        let is_needed = folder.is_some() || memory.is_some() || cpu_secs.is_some() || processors.is_some();
        let launch = is_needed.then(|| LaunchArgs::arguments(folder, memory, cpu_secs, processors));
        Ok(Self { group, launch })
    }

    /// The command that runs a command within the limits.
    pub(super) fn wrap(&self, command: &[OsString]) -> io::Result<(OsString, Vec<OsString>)> {
        match &self.launch {
            None => Ok((command[0].clone(), command[1..].to_vec())),
            Some(launch) => {
                let this = std::env::current_exe()?;
                Ok((this.into_os_string(), launch.iter().chain(command).cloned().collect()))
            }
        }
    }

    /// Kills what is in the group, also what has left the program's process group.
    pub(super) fn kill(&self) {
        if let Some(group) = &self.group {
            fs::write(group.folder.join("cgroup.kill"), "1").ok();
        }
    }

    /// Takes in what the group has used.
    pub(super) fn finish(&self, usage: &mut Usage) {
        let Some(group) = &self.group else { return };
        let peak = group.read("memory.peak").and_then(|text| text.trim().parse().ok()).unwrap_or(0);
        usage.peak_memory_bytes = usage.peak_memory_bytes.max(peak);
        let secs = |name| Some(group.entry("cpu.stat", name)? as f64 / 1e6);
        usage.user_secs = secs("user_usec").unwrap_or(0.0);
        usage.system_secs = secs("system_usec").unwrap_or(0.0);
        usage.oom_killed = group.entry("memory.events", "oom_kill").is_some_and(|count| count > 0);
    }
}

/// A control group of this program's making, removed with it.
#[derive(Debug)]
struct Group {
    folder: PathBuf,
}

impl Drop for Group {
    fn drop(&mut self) {
        // What the program left in the background keeps it.
        fs::remove_dir(&self.folder).ok();
    }
}

impl Group {
    /// A group below this process's own or one above it, where the system lets us; `None` where it does not.
    fn make(memory: Option<u64>, cpus: Option<f64>) -> Option<Self> {
        let own = own_folder(
            &fs::read_to_string("/proc/self/mountinfo").ok()?,
            &fs::read_to_string("/proc/self/cgroup").ok()?,
        )?;
        own.ancestors().find_map(|folder| Self::below(folder, memory, cpus))
    }

    fn below(folder: &Path, memory: Option<u64>, cpus: Option<f64>) -> Option<Self> {
        let controllers = fs::read_to_string(folder.join("cgroup.subtree_control")).ok()?;
        let has = |name: &str| controllers.split_ascii_whitespace().any(|it| it == name);
        if (memory.is_some() && !has("memory")) || (cpus.is_some() && !has("cpu")) {
            return None;
        }
        let group = Self { folder: folder.join(format!("lab-run-{}", std::process::id())) };
        fs::create_dir(&group.folder).ok()?;
        let set = |file: &str, value: String| fs::write(group.folder.join(file), value);
        if let Some(bytes) = memory {
            set("memory.max", bytes.to_string()).ok()?;
            // Both are absent on some systems, and neither is needed.
            set("memory.swap.max", "0".to_owned()).ok();
            set("memory.oom.group", "1".to_owned()).ok();
        }
        if let Some(cpus) = cpus {
            set("cpu.max", format!("{:.0} {PERIOD_MICROS:.0}", cpus * PERIOD_MICROS)).ok()?;
        }
        // It is of no use if the program may not be put there.
        fs::OpenOptions::new().write(true).open(group.folder.join("cgroup.procs")).ok()?;
        Some(group)
    }

    fn read(&self, file: &str) -> Option<String> {
        fs::read_to_string(self.folder.join(file)).ok()
    }

    /// One number of a file of names and numbers.
    fn entry(&self, file: &str, name: &str) -> Option<u64> {
        let text = self.read(file)?;
        text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
    }
}

/// The folder of this process's control group of version 2.
fn own_folder(mounts: &str, groups: &str) -> Option<PathBuf> {
    let mount = mounts.lines().find(|line| line.contains(" - cgroup2 "))?;
    let mut fields = mount.split(' ').skip(3);
    let (root, point) = (fields.next()?, fields.next()?);
    let path = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    let below = Path::new(path).strip_prefix(root).unwrap_or(Path::new(path).strip_prefix("/").ok()?);
    Some(Path::new(point).join(below))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_their_units() {
        assert_eq!(parse_size("512MiB"), Ok(512 << 20));
        assert_eq!(parse_size("16GB"), Ok(16_000_000_000));
        assert_eq!(parse_size("1.5 g"), Ok(3 << 29));
        assert_eq!(parse_size("2097152"), Ok(2 << 20));
        for bad in ["", "GiB", "10", "1 parsec", "-1GB"] {
            assert!(parse_size(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_own_group_is_found_below_its_mount() {
        let mounts = "30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";
        let groups = "0::/user.slice/user-1000.slice/session-3.scope\n";
        let found = own_folder(mounts, groups).unwrap();
        assert_eq!(found, Path::new("/sys/fs/cgroup/user.slice/user-1000.slice/session-3.scope"));
        let inside = "30 24 0:26 /docker/ab /sys/fs/cgroup rw - cgroup2 cgroup rw\n";
        assert_eq!(own_folder(inside, "0::/docker/ab/x\n").unwrap(), Path::new("/sys/fs/cgroup/x"));
        assert_eq!(own_folder("", groups), None);
    }

    #[test]
    fn a_group_is_made_only_where_its_controllers_are() {
        let folder = tempfile::TempDir::new().unwrap();
        fs::write(folder.path().join("cgroup.subtree_control"), "cpu io\n").unwrap();
        assert!(Group::below(folder.path(), Some(1 << 30), None).is_none());
        // A plain folder has no `cgroup.procs`: nothing is left behind of the try but what was written.
        assert!(Group::below(folder.path(), None, Some(0.5)).is_none());
    }
}
