//! The operating system: from its files on Linux, from sysinfo elsewhere.

use std::fs;

use lab_model::OperatingSystem;
use sysinfo::System;

use crate::CaptureOptions;
use crate::notes::Notes;

/// The operating system and the name of the machine.
pub(crate) fn read(options: &CaptureOptions, notes: &mut Notes) -> (OperatingSystem, Option<String>) {
    let release = ["/etc/os-release", "/usr/lib/os-release"]
        .iter()
        .find_map(|file| fs::read_to_string(options.system_file(file)).ok())
        .unwrap_or_default();
    let one_line = |file: &str| {
        let text = fs::read_to_string(options.system_file(file)).ok()?;
        Some(text.trim().to_owned()).filter(|it| !it.is_empty())
    };
    let mut os = OperatingSystem {
        name: release_field(&release, "NAME"),
        version: release_field(&release, "VERSION_ID").or_else(|| release_field(&release, "BUILD_ID")),
        kernel: one_line("/proc/sys/kernel/osrelease"),
        architecture: None,
    };
    let mut hostname = one_line("/proc/sys/kernel/hostname");
    if options.reads_this_system() {
        os.name = os.name.or_else(|| System::name().ok());
        os.version = os.version.or_else(|| System::os_version().ok());
        os.kernel = os.kernel.or_else(|| System::kernel_version().ok());
        os.architecture = Some(System::cpu_arch()).filter(|it| !it.is_empty());
        hostname = hostname.or_else(|| System::host_name().ok());
    }
    for (field, is_absent) in
        [("os.name", os.name.is_none()), ("os.kernel", os.kernel.is_none()), ("hostname", hostname.is_none())]
    {
        if is_absent {
            notes.add(field, "the system does not say");
        }
    }
    (os, hostname)
}

fn release_field(release: &str, name: &str) -> Option<String> {
    let value = release.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix('='))?;
    Some(value.trim_matches(['"', '\'']).to_owned()).filter(|it| !it.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Fixture;

    #[test]
    fn linux_describes_itself_in_files() {
        let root = Fixture::new()
            .file(
                "etc/os-release",
                "PRETTY_NAME=\"Debian GNU/Linux 12\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\n",
            )
            .file("proc/sys/kernel/osrelease", "6.1.0-28-amd64\n")
            .file("proc/sys/kernel/hostname", "node-7\n");
        let mut notes = Notes::default();
        let (os, hostname) = read(&root.options(), &mut notes);
        assert_eq!(os.name.as_deref(), Some("Debian GNU/Linux"));
        assert_eq!(os.version.as_deref(), Some("12"));
        assert_eq!(os.kernel.as_deref(), Some("6.1.0-28-amd64"));
        assert_eq!(hostname.as_deref(), Some("node-7"));
        assert_eq!(notes.into_vec(), []);
    }

    #[test]
    fn a_rolling_release_and_a_mute_system_are_described_as_far_as_they_go() {
        let root = Fixture::new().file("usr/lib/os-release", "NAME='Arch Linux'\nBUILD_ID=rolling\n");
        let mut notes = Notes::default();
        let (os, hostname) = read(&root.options(), &mut notes);
        assert_eq!((os.name.as_deref(), os.version.as_deref()), (Some("Arch Linux"), Some("rolling")));
        assert_eq!(hostname, None);
        let fields: Vec<_> = notes.into_vec().into_iter().map(|it| it.field).collect();
        assert_eq!(fields, ["os.kernel", "hostname"]);
    }
}
