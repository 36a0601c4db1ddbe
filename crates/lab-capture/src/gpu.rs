//! GPUs, as NVIDIA's management library (NVML) tells them. The library is loaded while running, if the machine has it.

use lab_model::Gpu;
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::{Nvml, cuda_driver_version_major, cuda_driver_version_minor};

use crate::CaptureOptions;
use crate::notes::Notes;

/// Device nodes that show that a GPU is there: NVIDIA's own, and the one through which Windows lends its GPU to Linux.
const NVIDIA_NODES: &[&str] = &["/dev/nvidia0", "/dev/nvidiactl", "/dev/dxg"];

/// The GPUs in the driver's order. A machine without one is no failure.
pub(crate) fn read(options: &CaptureOptions, notes: &mut Notes) -> Vec<Gpu> {
    if options.system_file("/dev/kfd").exists() {
        notes.add("hardware.gpus", "AMD GPUs are not read");
    }
    if !options.reads_this_system() && options.nvml_library.is_none() {
        return Vec::new();
    }
    match nvidia(options, notes) {
        Ok(gpus) => gpus,
        Err(error) => {
            let node = NVIDIA_NODES.iter().find(|node| options.system_file(node).exists());
            if let Some(node) = node {
                notes.add("hardware.gpus", format!("`{node}` exists but NVML failed: {error}"));
            }
            Vec::new()
        }
    }
}

fn nvidia(options: &CaptureOptions, notes: &mut Notes) -> Result<Vec<Gpu>, NvmlError> {
    let nvml = match &options.nvml_library {
        Some(library) => Nvml::builder().lib_path(library.as_os_str()).init()?,
        None => Nvml::init()?,
    };
    let driver_version = nvml.sys_driver_version().ok();
    let cuda_version = nvml
        .sys_cuda_driver_version()
        .map(|it| format!("{}.{}", cuda_driver_version_major(it), cuda_driver_version_minor(it)))
        .ok();
    let mut gpus = Vec::new();
    for index in 0..nvml.device_count()? {
        match nvml.device_by_index(index).and_then(|device| Ok((device.name()?, device))) {
            Ok((name, device)) => gpus.push(Gpu {
                name,
                memory_bytes: device.memory_info().ok().map(|it| it.total),
                driver_version: driver_version.clone(),
                cuda_version: cuda_version.clone(),
                uuid: device.uuid().ok(),
            }),
            Err(error) => notes.add(&format!("hardware.gpus[{index}]"), format!("NVML failed: {error}")),
        }
    }
    Ok(gpus)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Fixture;

    fn without_library(root: &Fixture) -> (Vec<Gpu>, Vec<lab_model::NotSeen>) {
        let options = CaptureOptions { nvml_library: Some("/nonexistent/libnvidia-ml.so".into()), ..root.options() };
        let mut notes = Notes::default();
        (read(&options, &mut notes), notes.into_vec())
    }

    #[test]
    fn a_machine_without_gpu_has_an_empty_list_and_no_note() {
        assert_eq!(without_library(&Fixture::new()), (vec![], vec![]));
    }

    #[test]
    fn a_gpu_that_cannot_be_asked_is_noted() {
        let (gpus, notes) = without_library(&Fixture::new().file("dev/nvidia0", ""));
        assert_eq!(gpus, []);
        assert_eq!(notes.len(), 1);
        assert_eq!(notes[0].field, "hardware.gpus");
        assert!(notes[0].reason.starts_with("`/dev/nvidia0` exists but NVML failed: "), "{notes:?}");
    }
}
