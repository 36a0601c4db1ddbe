//! Processor and memory.

use std::collections::BTreeSet;
use std::fs;

use lab_model::Cpu;
use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

use crate::CaptureOptions;
use crate::notes::Notes;

/// The processor and the size of the memory in bytes.
pub(crate) fn read(options: &CaptureOptions, notes: &mut Notes) -> (Cpu, Option<u64>) {
    let text = |file: &str| fs::read_to_string(options.system_file(file)).unwrap_or_default();
    let mut cpu = cpu(&text("/proc/cpuinfo"));
    let mut memory_bytes = memory_bytes(&text("/proc/meminfo"));
    let is_complete = cpu.model.is_some() && cpu.cores.is_some() && cpu.threads.is_some() && memory_bytes.is_some();
    if !is_complete && options.reads_this_system() {
        let wanted = RefreshKind::nothing()
            .with_cpu(CpuRefreshKind::nothing())
            .with_memory(MemoryRefreshKind::nothing().with_ram());
        if let Ok(system) = System::new_with_specifics(wanted) {
            let brand = system.cpus().first().map(|it| it.brand().trim().to_owned());
            cpu.model = cpu.model.or(brand.filter(|it| !it.is_empty()));
            cpu.threads = cpu.threads.or(u32::try_from(system.cpus().len()).ok().filter(|&it| it > 0));
            memory_bytes = memory_bytes.or(Some(system.total_memory()).filter(|&it| it > 0));
        }
        let cores = || System::physical_core_count().ok().and_then(|it| u32::try_from(it).ok());
        cpu.cores = cpu.cores.or_else(cores);
    }
    for (field, is_absent) in [
        ("hardware.cpu.model", cpu.model.is_none()),
        ("hardware.cpu.cores", cpu.cores.is_none()),
        ("hardware.cpu.threads", cpu.threads.is_none()),
        ("hardware.memory_bytes", memory_bytes.is_none()),
    ] {
        if is_absent {
            notes.add(field, "the system does not say");
        }
    }
    (cpu, memory_bytes)
}

/// Reads `/proc/cpuinfo`, whose blocks describe one hardware thread each.
fn cpu(info: &str) -> Cpu {
    let field = |block: &str, name: &str| {
        let fields = block.lines().filter_map(|line| line.split_once(':'));
        fields.map(|(key, value)| (key.trim(), value.trim())).find(|(key, _)| *key == name).map(|(_, it)| it.to_owned())
    };
    let threads: Vec<&str> = info.split("\n\n").filter(|block| field(block, "processor").is_some()).collect();
    // Without core numbers (many ARM machines) threads cannot be told from cores.
    let cores: Option<BTreeSet<_>> = threads
        .iter()
        .map(|block| Some((field(block, "physical id").unwrap_or_default(), field(block, "core id")?)))
        .collect();
    let count = |n: usize| u32::try_from(n).ok().filter(|&it| it > 0);
    Cpu { model: field(info, "model name"), cores: cores.and_then(|it| count(it.len())), threads: count(threads.len()) }
}

fn memory_bytes(info: &str) -> Option<u64> {
    let total = info.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = total.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Fixture;

    const TWO_SOCKETS: &str = "processor\t: 0\nmodel name\t: AMD EPYC 9654\nphysical id\t: 0\ncore id\t\t: 0\n\n\
        processor\t: 1\nmodel name\t: AMD EPYC 9654\nphysical id\t: 0\ncore id\t\t: 0\n\n\
        processor\t: 2\nmodel name\t: AMD EPYC 9654\nphysical id\t: 1\ncore id\t\t: 0\n\n";

    #[test]
    fn cores_are_told_from_threads_and_sockets() {
        let root = Fixture::new().file("proc/cpuinfo", TWO_SOCKETS).file("proc/meminfo", "MemTotal:  1024 kB\n");
        let mut notes = Notes::default();
        let (cpu, memory_bytes) = read(&root.options(), &mut notes);
        assert_eq!(cpu, Cpu { model: Some("AMD EPYC 9654".to_owned()), cores: Some(2), threads: Some(3) });
        assert_eq!(memory_bytes, Some(1_048_576));
        assert_eq!(notes.into_vec(), []);
    }

    #[test]
    fn an_arm_machine_names_neither_model_nor_cores() {
        let found = cpu("processor\t: 0\nBogoMIPS\t: 50.00\n\nprocessor\t: 1\nBogoMIPS\t: 50.00\n");
        assert_eq!(found, Cpu { model: None, cores: None, threads: Some(2) });
    }

    #[test]
    fn an_empty_system_is_noted_field_by_field() {
        let mut notes = Notes::default();
        read(&Fixture::new().options(), &mut notes);
        assert_eq!(notes.into_vec().len(), 4);
    }
}
