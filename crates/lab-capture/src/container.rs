//! The container and the limits of its control group.

use std::fs;
use std::path::{Path, PathBuf};

use lab_model::Container;

use crate::CaptureOptions;
use crate::notes::Notes;
use crate::secrets::mask_text;

/// Kernels write "no limit" in version 1 as the largest multiple of the page size; nothing real comes near.
const UNLIMITED_BYTES: u64 = 1 << 60;

/// The container and its limits, if there is either.
pub(crate) fn read(options: &CaptureOptions, notes: &mut Notes) -> Option<Container> {
    let groups = fs::read_to_string(options.system_file("/proc/self/cgroup")).unwrap_or_default();
    let runtime = runtime(options, &groups);
    let image = image(options).map(|it| mask_text(&it).into_owned());
    if runtime.is_some() && image.is_none() {
        notes.add("container.image", "the container does not know its image; `LAB_CONTAINER_IMAGE` can tell");
    }
    let tree = options.system_file("/sys/fs/cgroup");
    let limits = if tree.join("cgroup.controllers").exists() { unified(&tree, &groups) } else { split(&tree, &groups) };
    let container = Container { image, runtime, ..limits };
    // On a bare machine the version alone says nothing about a run.
    let says_something = container.image.is_some()
        || container.runtime.is_some()
        || container.cpu_limit.is_some()
        || container.memory_limit_bytes.is_some();
    says_something.then_some(container)
}

fn runtime(options: &CaptureOptions, groups: &str) -> Option<String> {
    let exists = |file: &str| options.system_file(file).exists();
    let is_set = |name: &str| options.variable(name).is_some();
    let in_group = |part: &str| groups.contains(part);
    let name = if is_set("APPTAINER_CONTAINER") || is_set("APPTAINER_NAME") {
        "apptainer"
    } else if is_set("SINGULARITY_CONTAINER") || exists("/.singularity.d") {
        "singularity"
    } else if is_set("KUBERNETES_SERVICE_HOST") || in_group("kubepods") {
        "kubernetes"
    } else if exists("/run/.containerenv") || in_group("libpod") {
        "podman"
    } else if exists("/.dockerenv") || in_group("/docker") {
        "docker"
    } else if in_group("containerd") {
        "containerd"
    } else if in_group("/lxc") {
        "lxc"
    } else {
        return None;
    };
    Some(name.to_owned())
}

fn image(options: &CaptureOptions) -> Option<String> {
    let by_variable = ["LAB_CONTAINER_IMAGE", "APPTAINER_CONTAINER", "SINGULARITY_CONTAINER"]
        .iter()
        .find_map(|name| options.variable(name)?.to_str().map(str::to_owned));
    by_variable.or_else(|| {
        let podman = fs::read_to_string(options.system_file("/run/.containerenv")).ok()?;
        let image = podman.lines().find_map(|line| line.strip_prefix("image="))?;
        Some(image.trim_matches('"').to_owned()).filter(|it| !it.is_empty())
    })
}

/// Version 2: one tree, in which every ancestor's limit holds as well.
fn unified(tree: &Path, groups: &str) -> Container {
    let group = groups.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or("/");
    let mut limits = Container { cgroup_version: Some(2), ..Container::default() };
    for folder in with_ancestors(tree, group) {
        let cpu = read_word(&folder, "cpu.max").and_then(|it| {
            let (quota, period) = it.split_once(' ')?;
            Some(quota.parse::<f64>().ok()? / period.trim().parse::<f64>().ok()?)
        });
        let memory = read_word(&folder, "memory.max").and_then(|it| it.parse().ok());
        tighten(&mut limits, cpu, memory);
    }
    limits
}

/// Version 1: a tree for each controller.
fn split(tree: &Path, groups: &str) -> Container {
    let mut limits = Container { cgroup_version: (!groups.is_empty()).then_some(1), ..Container::default() };
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(group)) = (parts.next(), parts.next()) else { continue };
        let has = |name: &str| controllers.split(',').any(|it| it == name);
        if has("cpu") {
            let named_by_one = tree.join("cpu");
            let tree = if named_by_one.exists() { named_by_one } else { tree.join(controllers) };
            for folder in with_ancestors(&tree, group) {
                let number = |file: &str| read_word(&folder, file)?.parse::<f64>().ok();
                let cpu = number("cpu.cfs_quota_us").zip(number("cpu.cfs_period_us")).map(|(a, b)| a / b);
                tighten(&mut limits, cpu, None);
            }
        }
        if has("memory") {
            for folder in with_ancestors(&tree.join("memory"), group) {
                tighten(&mut limits, None, read_word(&folder, "memory.limit_in_bytes").and_then(|it| it.parse().ok()));
            }
        }
    }
    limits
}

fn tighten(limits: &mut Container, cpu: Option<f64>, memory: Option<u64>) {
    // A quota of -1 is no limit.
    if let Some(cpu) = cpu.filter(|it| it.is_finite() && *it > 0.0) {
        limits.cpu_limit = Some(limits.cpu_limit.map_or(cpu, |it| it.min(cpu)));
    }
    if let Some(memory) = memory.filter(|&it| it < UNLIMITED_BYTES) {
        limits.memory_limit_bytes = Some(limits.memory_limit_bytes.map_or(memory, |it| it.min(memory)));
    }
}

/// The group's folder and those above it. A container sees its own group mounted as the root of the tree while the
/// kernel may still name it by its path on the host; folders that do not exist have no files and so no limits.
fn with_ancestors(tree: &Path, group: &str) -> Vec<PathBuf> {
    let group = Path::new(group.trim_start_matches('/'));
    let is_inside = !group.components().any(|it| it.as_os_str() == "..");
    let group = if is_inside { group } else { Path::new("") };
    group.ancestors().map(|part| tree.join(part)).collect()
}

fn read_word(folder: &Path, file: &str) -> Option<String> {
    fs::read_to_string(folder.join(file)).ok().map(|it| it.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Fixture;

    fn see(root: &Fixture) -> (Option<Container>, Vec<String>) {
        let mut notes = Notes::default();
        let container = read(&root.options(), &mut notes);
        (container, notes.into_vec().into_iter().map(|it| it.field).collect())
    }

    #[test]
    fn version_2_takes_the_tightest_limit_of_the_path() {
        let root = Fixture::new()
            .file("proc/self/cgroup", "0::/slurm/job_7/step_0\n")
            .file("sys/fs/cgroup/cgroup.controllers", "cpu memory\n")
            .file("sys/fs/cgroup/slurm/job_7/memory.max", "1073741824\n")
            .file("sys/fs/cgroup/slurm/job_7/step_0/memory.max", "max\n")
            .file("sys/fs/cgroup/slurm/job_7/step_0/cpu.max", "150000 100000\n");
        let expected = Container {
            cgroup_version: Some(2),
            cpu_limit: Some(1.5),
            memory_limit_bytes: Some(1 << 30),
            ..Container::default()
        };
        assert_eq!(see(&root), (Some(expected), vec![]));
    }

    #[test]
    fn version_1_in_docker_finds_its_limits_at_the_root_of_the_mount() {
        let root = Fixture::new()
            .file(".dockerenv", "")
            .file("proc/self/cgroup", "5:memory:/docker/0123\n3:cpu,cpuacct:/docker/0123\n")
            .file("sys/fs/cgroup/memory/memory.limit_in_bytes", "2147483648\n")
            .file("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "200000\n")
            .file("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
        let expected = Container {
            image: None,
            runtime: Some("docker".to_owned()),
            cgroup_version: Some(1),
            cpu_limit: Some(2.0),
            memory_limit_bytes: Some(1 << 31),
        };
        assert_eq!(see(&root), (Some(expected), vec!["container.image".to_owned()]));
    }

    #[test]
    fn no_limit_is_no_limit_in_both_versions() {
        let one = Fixture::new()
            .file("proc/self/cgroup", "5:memory:/\n3:cpu:/\n")
            .file("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n")
            .file("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n")
            .file("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
        let two = Fixture::new()
            .file("proc/self/cgroup", "0::/../other\n")
            .file("sys/fs/cgroup/cgroup.controllers", "cpu memory\n")
            .file("sys/fs/cgroup/cpu.max", "max 100000\n");
        assert_eq!((see(&one).0, see(&two).0, see(&Fixture::new()).0), (None, None, None));
    }

    #[test]
    fn each_runtime_leaves_its_mark() {
        let podman =
            Fixture::new().file("run/.containerenv", "engine=\"podman-4.9\"\nimage=\"docker.io/library/x:1\"\n");
        let apptainer = Fixture::new().variable("APPTAINER_CONTAINER", "/images/torch.sif");
        let kubernetes = Fixture::new()
            .file(".dockerenv", "")
            .variable("KUBERNETES_SERVICE_HOST", "10.0.0.1")
            .variable("LAB_CONTAINER_IMAGE", "registry/torch:2.5");
        for (root, runtime, image) in [
            (podman, "podman", "docker.io/library/x:1"),
            (apptainer, "apptainer", "/images/torch.sif"),
            (kubernetes, "kubernetes", "registry/torch:2.5"),
        ] {
            let container = see(&root).0.unwrap();
            assert_eq!((container.runtime.as_deref(), container.image.as_deref()), (Some(runtime), Some(image)));
        }
    }
}
