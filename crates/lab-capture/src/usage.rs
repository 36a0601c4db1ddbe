//! How much of the machine is in use, again and again.

use std::time::Instant;

use nvml_wrapper::Nvml;
use nvml_wrapper::enum_wrappers::device::TemperatureSensor;
use sysinfo::{Disks, Networks, Pid, ProcessRefreshKind, ProcessesToUpdate, System, get_current_pid};

/// Reads what is in use. Rates are means since the last reading.
#[derive(Debug)]
pub struct UsageSampler {
    system: System,
    process: Option<Pid>,
    disks: Disks,
    networks: Networks,
    /// Absent where there is no NVIDIA driver.
    nvml: Option<Nvml>,
    read_at: Instant,
}

impl UsageSampler {
    /// Begins to watch the machine, and this process; `None` on a system that cannot be watched.
    #[must_use]
    pub fn start() -> Option<Self> {
        let mut sampler = Self {
            system: System::new().ok()?,
            process: get_current_pid().ok(),
            disks: Disks::new_with_refreshed_list().ok()?,
            networks: Networks::new_with_refreshed_list().ok()?,
            nvml: Nvml::init().ok(),
            read_at: Instant::now(),
        };
        sampler.refresh();
        Some(sampler)
    }

    /// What is in use now, by name: shares in percent (of one core for the process), sizes in bytes, rates in bytes a
    /// second, power in watts, temperature in degrees Celsius.
    pub fn sample(&mut self) -> Vec<(String, f64)> {
        let secs = self.read_at.elapsed().as_secs_f64().max(1e-3);
        self.refresh();
        let mut values = Vec::with_capacity(16);
        let mut add = |name: &str, value: f64| values.push((format!("system/{name}"), value));
        add("cpu_percent", f64::from(self.system.global_cpu_usage()));
        add("memory_bytes", self.system.used_memory() as f64);
        if let Some(process) = self.process.and_then(|pid| self.system.process(pid)) {
            let disk = process.disk_usage();
            add("process/cpu_percent", f64::from(process.cpu_usage()));
            add("process/memory_bytes", process.memory() as f64);
            add("process/disk_read_bytes_per_sec", disk.read_bytes as f64 / secs);
            add("process/disk_written_bytes_per_sec", disk.written_bytes as f64 / secs);
        }
        let root = self.disks.iter().find(|disk| disk.mount_point() == std::path::Path::new("/"));
        if let Some(disk) = root {
            add("disk_free_bytes", disk.available_space() as f64);
        }
        // The loopback is this machine talking to itself.
        let links = || self.networks.iter().filter(|(name, _)| *name != "lo").map(|(_, link)| link);
        add("network_received_bytes_per_sec", links().map(|link| link.received()).sum::<u64>() as f64 / secs);
        add("network_sent_bytes_per_sec", links().map(|link| link.transmitted()).sum::<u64>() as f64 / secs);
        if let Some(nvml) = &self.nvml {
            add_gpus(nvml, &mut values);
        }
        values
    }

    fn refresh(&mut self) {
        self.system.refresh_cpu_usage();
        self.system.refresh_memory();
        if let Some(pid) = self.process {
            let what = ProcessRefreshKind::nothing().with_cpu().with_memory().with_disk_usage();
            self.system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), false, what);
        }
        self.disks.refresh(false);
        self.networks.refresh(false);
        self.read_at = Instant::now();
    }
}

fn add_gpus(nvml: &Nvml, values: &mut Vec<(String, f64)>) {
    for index in 0..nvml.device_count().unwrap_or(0) {
        let Ok(device) = nvml.device_by_index(index) else { continue };
        // What a device does not tell is left out.
        let told = [
            ("utilization_percent", device.utilization_rates().ok().map(|used| f64::from(used.gpu))),
            ("memory_bytes", device.memory_info().ok().map(|memory| memory.used as f64)),
            ("power_watts", device.power_usage().ok().map(|milliwatts| f64::from(milliwatts) / 1_000.0)),
            ("temperature_celsius", device.temperature(TemperatureSensor::Gpu).ok().map(f64::from)),
        ];
        let told = told.into_iter().filter_map(|(name, value)| Some((name, value?)));
        values.extend(told.map(|(name, value)| (format!("system/gpu{index}/{name}"), value)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_use_is_a_number_within_bounds() {
        let mut sampler = UsageSampler::start().unwrap();
        let block = vec![1u8; 8 << 20];
        let values: std::collections::BTreeMap<String, f64> = sampler.sample().into_iter().collect();
        assert!(values.values().all(|value| value.is_finite() && *value >= 0.0), "{values:?}");
        assert!(values["system/cpu_percent"] <= 100.0);
        assert!(values["system/process/memory_bytes"] >= block.len() as f64);
        assert!(values["system/memory_bytes"] > values["system/process/memory_bytes"]);
    }
}
