use lab_model::*;
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

use super::{finite, name, text, texts, time};

fn hardware() -> impl Strategy<Value = Hardware> {
    let cpu = (of(text()), of(any::<u32>()), of(any::<u32>())).prop_map(|(model, cores, threads)| Cpu {
        model,
        cores,
        threads,
    });
    let gpu = (text(), of(any::<u64>()), of(text()), of(text()), of(text())).prop_map(
        |(name, memory_bytes, driver_version, cuda_version, uuid)| Gpu {
            name,
            memory_bytes,
            driver_version,
            cuda_version,
            uuid,
        },
    );
    (cpu, of(any::<u64>()), vec(gpu, 0..3)).prop_map(|(cpu, memory_bytes, gpus)| Hardware { cpu, memory_bytes, gpus })
}

fn dependencies() -> impl Strategy<Value = Dependencies> {
    let ecosystem = prop::sample::select(vec![Ecosystem::Pypi, Ecosystem::Conda, Ecosystem::Cargo, Ecosystem::Npm]);
    let package = (ecosystem, name(), text(), of(text()), of(text())).prop_map(
        |(ecosystem, name, version, source_hash, origin)| Package { ecosystem, name, version, source_hash, origin },
    );
    (vec(package, 0..4), vec(text(), 0..2)).prop_map(|(packages, files)| Dependencies { packages, files })
}

fn git() -> impl Strategy<Value = GitState> {
    let place = (of(text()), of(text()), of(text()), of(text()), of(text()));
    (place, of(any::<bool>()), of(text()), any::<bool>(), vec(text(), 0..2)).prop_map(
        |((root, commit, branch, upstream, remote), dirty, diff, diff_truncated, untracked)| GitState {
            root,
            commit,
            branch,
            upstream,
            remote,
            dirty,
            diff,
            diff_truncated,
            untracked,
        },
    )
}

fn container() -> impl Strategy<Value = Container> {
    (of(text()), of(text()), of(any::<u8>()), of(finite()), of(any::<u64>())).prop_map(
        |(image, runtime, cgroup_version, cpu_limit, memory_limit_bytes)| Container {
            image,
            runtime,
            cgroup_version,
            cpu_limit,
            memory_limit_bytes,
        },
    )
}

pub(crate) fn environment() -> impl Strategy<Value = EnvironmentSnapshot> {
    let os = (of(text()), of(text()), of(text()), of(text()))
        .prop_map(|(name, version, kernel, architecture)| OperatingSystem { name, version, kernel, architecture });
    let command = (vec(text(), 0..3), of(text()), of(text()))
        .prop_map(|(arguments, working_dir, entry_point)| CommandLine { arguments, working_dir, entry_point });
    let not_seen = (text(), text()).prop_map(|(field, reason)| NotSeen { field, reason });
    let taken = (time(), any::<u64>(), of(text()), vec(not_seen, 0..2));
    let machine = (os, hardware(), of(container()), texts());
    let software = (texts(), of(text()), dependencies(), of(git()), command);
    (taken, machine, software).prop_map(|(taken, machine, software)| EnvironmentSnapshot {
        captured_at: taken.0,
        duration_millis: taken.1,
        hostname: taken.2,
        not_seen: taken.3,
        os: machine.0,
        hardware: machine.1,
        container: machine.2,
        variables: machine.3,
        runtimes: software.0,
        python_interpreter: software.1,
        dependencies: software.2,
        git: software.3,
        command: software.4,
    })
}
