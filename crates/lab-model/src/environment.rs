//! What a run depended on and nobody wrote down: machine, runtimes, packages, source code.
//!
//! A snapshot holds facts and the list of facts that could not be had, so that an absent value is never mistaken for
//! "there was none". Runs that saw the same things share one stored snapshot: [`EnvironmentSnapshot::content_hash`]
//! leaves out when and how fast it was taken. What differs from run to run (a command line with a learning rate in it)
//! therefore costs sharing; [`EnvironmentSnapshot::command`] is optional for that reason.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{ContentHash, Timestamp};

/// The machine, runtimes, packages and source code that a run depended on, at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct EnvironmentSnapshot {
    /// When the snapshot was taken.
    pub captured_at: Timestamp,
    /// How long taking it took, in milliseconds.
    #[serde(default)]
    pub duration_millis: u64,
    /// Name of the machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// The operating system.
    #[serde(default, skip_serializing_if = "is_default")]
    pub os: OperatingSystem,
    /// Processor, memory and GPUs.
    #[serde(default, skip_serializing_if = "is_default")]
    pub hardware: Hardware,
    /// Version of each runtime by its name: `python`, `rust`, `node`, `cuda` (the toolkit), `torch_cuda` (what PyTorch
    /// was built with).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub runtimes: BTreeMap<String, String>,
    /// Path of the Python interpreter whose packages are listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub python_interpreter: Option<String>,
    /// The packages.
    #[serde(default, skip_serializing_if = "is_default")]
    pub dependencies: Dependencies,
    /// The source code's repository; absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git: Option<GitState>,
    /// The container and the limits of its control group; absent where there is neither.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<Container>,
    /// Environment variables that passed the allow and block lists; those that look like credentials never do.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, String>,
    /// How the program was started.
    #[serde(default, skip_serializing_if = "is_default")]
    pub command: CommandLine,
    /// What could not be seen, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_seen: Vec<NotSeen>,
}

/// An operating system.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct OperatingSystem {
    /// Its name, as "Debian GNU/Linux".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its version, as "12".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Release of its kernel, as "6.8.0-45-generic".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel: Option<String>,
    /// Instruction set, as "x86_64".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
}

/// The parts of a machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Hardware {
    /// The processor.
    #[serde(default, skip_serializing_if = "is_default")]
    pub cpu: Cpu,
    /// Main memory of the machine in bytes; a container may be given less ([`Container::memory_limit_bytes`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// The GPUs in the driver's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gpus: Vec<Gpu>,
}

/// The processors of a machine, which are taken to be alike.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Cpu {
    /// Its model, as its maker calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Physical cores over all sockets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cores: Option<u32>,
    /// Hardware threads over all cores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threads: Option<u32>,
}

/// One GPU.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Gpu {
    /// Its model, as "NVIDIA H100 80GB HBM3".
    pub name: String,
    /// Its memory in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Version of its driver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver_version: Option<String>,
    /// Newest CUDA version that the driver supports; the toolkit's is in [`EnvironmentSnapshot::runtimes`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cuda_version: Option<String>,
    /// What the driver calls this very device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
}

/// The packages a program can import or was built from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Dependencies {
    /// The packages, sorted by ecosystem, name and version.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<Package>,
    /// Paths of the lock files and folders that the packages were read from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
}

/// One version of one package.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Package {
    /// The registry that its name belongs to.
    pub ecosystem: Ecosystem,
    /// Its name; on PyPI in normal form (lower case, single hyphens).
    pub name: String,
    /// Its version as the registry writes it.
    pub version: String,
    /// Hash of its source as a lock file gives it, as "sha256:…".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_hash: Option<String>,
    /// Where it came from if not from its registry: a repository with its commit, or the folder of an editable install.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
}

/// Where packages are published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Ecosystem {
    /// The Python Package Index and whatever pip or uv installs.
    Pypi,
    /// Channels of conda.
    Conda,
    /// crates.io and whatever Cargo builds.
    Cargo,
    /// npm.
    Npm,
}

impl Ecosystem {
    /// The name as it is written in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pypi => "pypi",
            Self::Conda => "conda",
            Self::Cargo => "cargo",
            Self::Npm => "npm",
        }
    }
}

impl fmt::Display for Ecosystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// State of a git repository: enough to check out the commit and apply what was not committed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct GitState {
    /// Top folder of the work tree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// Object name of the commit that is checked out; absent before the first commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The branch; absent if a commit is checked out by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The branch that this branch follows, as "origin/main".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream: Option<String>,
    /// URL of the remote, without password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote: Option<String>,
    /// Whether tracked files differ from the commit or untracked files lie about; absent if it could not be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dirty: Option<bool>,
    /// Difference of the tracked files, staged or not, from the commit, with keys masked; absent if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff: Option<String>,
    /// Whether `diff` was cut at the size limit or the time limit.
    #[serde(default, skip_serializing_if = "is_default")]
    pub diff_truncated: bool,
    /// Files and whole folders (ending in `/`) that git does not track and does not ignore.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub untracked: Vec<String>,
}

/// A container and the limits of its control group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Container {
    /// The image it was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// What runs it: `docker`, `podman`, `kubernetes`, `apptainer`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime: Option<String>,
    /// Version of the control group interface: 1 or 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cgroup_version: Option<u8>,
    /// Most processor time it may use, in cores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_limit: Option<f64>,
    /// Most memory it may use, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_limit_bytes: Option<u64>,
}

/// How a program was started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CommandLine {
    /// The program and its arguments, with keys masked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<String>,
    /// The folder it was started in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_dir: Option<String>,
    /// The file that was asked to run, as `train.py`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry_point: Option<String>,
}

/// A fact that a snapshot lacks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct NotSeen {
    /// Dotted path of the field, as `git.diff`.
    pub field: String,
    /// Why it is absent or incomplete, in one sentence.
    pub reason: String,
}

/// A fact in which two snapshots differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct EnvironmentDifference {
    /// Dotted path of the field, as `hardware.cpu.model` or `dependencies.pypi.torch`.
    pub path: String,
    /// Its value on the left; absent if the left snapshot has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<String>,
    /// Its value on the right; absent if the right snapshot has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub right: Option<String>,
}

impl EnvironmentSnapshot {
    /// What a person wants to know first, a line each: system, hardware, runtimes, packages, source code.
    #[must_use]
    pub fn brief(&self) -> Vec<String> {
        let words = |parts: &[&Option<String>]| {
            let words: Vec<&str> = parts.iter().filter_map(|part| part.as_deref()).collect();
            words.join(" ")
        };
        let OperatingSystem { name, version, kernel, .. } = &self.os;
        let mut lines = vec![words(&[&self.hostname, name, version, kernel])];
        let Hardware { cpu, memory_bytes, gpus } = &self.hardware;
        let threads = cpu.threads.map(|threads| format!("{threads} threads"));
        let memory = memory_bytes.map(|bytes| format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30)));
        lines.push(words(&[&cpu.model, &threads, &memory]));
        lines.extend(gpus.iter().map(|gpu| words(&[&Some(gpu.name.clone()), &gpu.driver_version])));
        let runtimes: Vec<String> = self.runtimes.iter().map(|(name, version)| format!("{name} {version}")).collect();
        lines.push(runtimes.join(", "));
        if !self.dependencies.packages.is_empty() {
            lines.push(format!("{} packages", self.dependencies.packages.len()));
        }
        if let Some(git) = &self.git {
            let state = match git.dirty {
                Some(true) => "with changes",
                Some(false) => "clean",
                None => "state unknown",
            };
            lines.push(words(&[&Some("git".to_owned()), &git.commit, &git.branch, &Some(state.to_owned())]));
        }
        if !self.not_seen.is_empty() {
            lines.push(format!("{} things could not be seen", self.not_seen.len()));
        }
        lines.retain(|line| !line.is_empty());
        lines
    }

    /// Identity of what was seen: SHA-256 of the snapshot's JSON with sorted keys and without white space,
    /// `captured_at` and `duration_millis`.
    #[must_use]
    pub fn content_hash(&self) -> ContentHash {
        let mut value = self.to_json();
        if let Value::Object(fields) = &mut value {
            fields.remove("captured_at");
            fields.remove("duration_millis");
        }
        value.sort_all_objects();
        ContentHash::of(value.to_string().as_bytes())
    }

    /// What differs between two snapshots, sorted by path.
    ///
    /// Packages are compared by version and origin, and by source hash where both know one. A git diff is named by its
    /// length and hash instead of quoted. When the snapshots were taken and what they could not see is no difference.
    #[must_use]
    pub fn diff(&self, other: &Self) -> Vec<EnvironmentDifference> {
        let (left, right) = (self.facts(), other.facts());
        let mut differences = between(&left, &right);
        differences.extend(between(&self.package_facts(other), &other.package_facts(self)));
        differences.sort_by(|a, b| a.path.cmp(&b.path));
        differences
    }

    fn to_json(&self) -> Value {
        serde_json::to_value(self).expect("a snapshot has string keys only")
    }

    fn facts(&self) -> BTreeMap<String, String> {
        let mut value = self.to_json();
        if let Value::Object(fields) = &mut value {
            for beside_the_point in ["captured_at", "duration_millis", "not_seen"] {
                fields.remove(beside_the_point);
            }
            if let Some(Value::Object(dependencies)) = fields.get_mut("dependencies") {
                dependencies.remove("packages");
            }
            if let Some(Value::Object(git)) = fields.get_mut("git")
                && let Some(Value::String(diff)) = git.get_mut("diff")
            {
                let hash = ContentHash::of(diff.as_bytes()).to_string();
                *diff = format!("{} lines, sha256 {}", diff.lines().count(), &hash[..12]);
            }
        }
        let mut facts = BTreeMap::new();
        flatten("", &value, &mut facts);
        facts
    }

    /// Versions by `dependencies.<ecosystem>.<name>`; a source hash counts only where `other` knows one for the same
    /// version, because most ways to list packages know none.
    fn package_facts(&self, other: &Self) -> BTreeMap<String, String> {
        let hashed: BTreeMap<_, _> = other
            .dependencies
            .packages
            .iter()
            .filter(|package| package.source_hash.is_some())
            .map(|package| ((package.ecosystem, &package.name, &package.version), ()))
            .collect();
        let mut facts = BTreeMap::<String, String>::new();
        for package in &self.dependencies.packages {
            let mut fact = package.version.clone();
            if let Some(origin) = &package.origin {
                fact = format!("{fact} from {origin}");
            }
            if let Some(hash) = &package.source_hash
                && hashed.contains_key(&(package.ecosystem, &package.name, &package.version))
            {
                fact = format!("{fact} {hash}");
            }
            facts
                .entry(format!("dependencies.{}.{}", package.ecosystem, package.name))
                .and_modify(|facts| *facts = format!("{facts}, {fact}"))
                .or_insert(fact);
        }
        facts
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn between(left: &BTreeMap<String, String>, right: &BTreeMap<String, String>) -> Vec<EnvironmentDifference> {
    let only_right = right.keys().filter(|path| !left.contains_key(*path));
    left.keys()
        .chain(only_right)
        .map(|path| (path, left.get(path), right.get(path)))
        .filter(|(_, left, right)| left != right)
        .map(|(path, left, right)| EnvironmentDifference {
            path: path.clone(),
            left: left.cloned(),
            right: right.cloned(),
        })
        .collect()
}

fn flatten(path: &str, value: &Value, facts: &mut BTreeMap<String, String>) {
    match value {
        Value::Null => {}
        Value::Object(fields) => {
            for (name, value) in fields {
                let dot = if path.is_empty() { "" } else { "." };
                flatten(&format!("{path}{dot}{name}"), value, facts);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for (i, item) in items.iter().enumerate() {
                flatten(&format!("{path}[{i}]"), item, facts);
            }
        }
        Value::Array(items) => {
            let words: Vec<String> = items.iter().map(text).collect();
            facts.insert(path.to_owned(), words.join(" "));
        }
        other => {
            facts.insert(path.to_owned(), text(other));
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, version: &str) -> Package {
        Package {
            ecosystem: Ecosystem::Pypi,
            name: name.to_owned(),
            version: version.to_owned(),
            source_hash: None,
            origin: None,
        }
    }

    fn sample() -> EnvironmentSnapshot {
        EnvironmentSnapshot {
            captured_at: "2025-03-01T12:00:00Z".parse().unwrap(),
            duration_millis: 120,
            hostname: Some("node-7".to_owned()),
            os: OperatingSystem { name: Some("Debian GNU/Linux".to_owned()), ..OperatingSystem::default() },
            hardware: Hardware {
                gpus: vec![Gpu { name: "NVIDIA H100".to_owned(), memory_bytes: Some(1 << 36), ..Gpu::default() }],
                ..Hardware::default()
            },
            runtimes: BTreeMap::from([("python".to_owned(), "3.12.1".to_owned())]),
            dependencies: Dependencies {
                packages: vec![package("numpy", "2.1.0"), package("torch", "2.5.0")],
                files: vec!["/venv/lib/python3.12/site-packages".to_owned()],
            },
            git: Some(GitState {
                commit: Some("a".repeat(40)),
                diff: Some("-old\n+new\n".to_owned()),
                ..GitState::default()
            }),
            container: Some(Container { cpu_limit: Some(1.5), ..Container::default() }),
            ..EnvironmentSnapshot::default()
        }
    }

    #[track_caller]
    fn check(change: impl FnOnce(&mut EnvironmentSnapshot), expected: &[(&str, Option<&str>, Option<&str>)]) {
        let left = sample();
        let mut right = sample();
        change(&mut right);
        let found = left.diff(&right);
        let found: Vec<_> =
            found.iter().map(|it| (it.path.as_str(), it.left.as_deref(), it.right.as_deref())).collect();
        assert_eq!(found, expected);
        let shares_content = left.content_hash() == right.content_hash();
        assert!(!shares_content || expected.is_empty(), "a difference must change the hash");
    }

    #[test]
    fn json_is_snake_case_without_empty_parts() {
        let empty = serde_json::to_value(EnvironmentSnapshot::default()).unwrap();
        assert_eq!(empty, serde_json::json!({"captured_at": "1970-01-01T00:00:00Z", "duration_millis": 0}));
        let json = serde_json::to_string(&sample()).unwrap();
        assert!(json.contains(r#""ecosystem":"pypi""#) && !json.contains("null"), "{json}");
        assert_eq!(serde_json::from_str::<EnvironmentSnapshot>(&json).unwrap(), sample());
    }

    #[test]
    fn the_time_of_capture_is_no_content() {
        let mut later = sample();
        later.captured_at = "2026-01-01T00:00:00Z".parse().unwrap();
        later.duration_millis = 1_900;
        assert_eq!(later.content_hash(), sample().content_hash());
        assert_eq!(later.diff(&sample()), []);
        later.variables.insert("RANK".to_owned(), "1".to_owned());
        assert_ne!(later.content_hash(), sample().content_hash());
    }

    #[test]
    fn packages_differ_by_version_and_by_presence() {
        check(
            |it| it.dependencies.packages = vec![package("einops", "0.8.0"), package("torch", "2.6.0")],
            &[
                ("dependencies.pypi.einops", None, Some("0.8.0")),
                ("dependencies.pypi.numpy", Some("2.1.0"), None),
                ("dependencies.pypi.torch", Some("2.5.0"), Some("2.6.0")),
            ],
        );
    }

    #[test]
    fn a_source_hash_counts_only_if_both_sides_know_one() {
        check(|it| it.dependencies.packages[0].source_hash = Some("sha256:aa".to_owned()), &[]);
        let (mut left, mut right) = (sample(), sample());
        left.dependencies.packages[0].source_hash = Some("sha256:aa".to_owned());
        right.dependencies.packages[0].source_hash = Some("sha256:bb".to_owned());
        assert_eq!(left.diff(&right).len(), 1);
    }

    #[test]
    fn fields_are_named_by_their_path() {
        check(
            |it| {
                it.os.name = Some("Ubuntu".to_owned());
                it.hardware.gpus[0].name = "NVIDIA A100".to_owned();
                it.container = None;
                it.not_seen.push(NotSeen { field: "git".to_owned(), reason: "the program is absent".to_owned() });
            },
            &[
                ("container.cpu_limit", Some("1.5"), None),
                ("hardware.gpus[0].name", Some("NVIDIA H100"), Some("NVIDIA A100")),
                ("os.name", Some("Debian GNU/Linux"), Some("Ubuntu")),
            ],
        );
    }

    #[test]
    fn a_git_diff_is_named_and_not_quoted() {
        let mut right = sample();
        right.git.as_mut().unwrap().diff = Some("-old\n+newer\n".to_owned());
        let found = sample().diff(&right);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].path, "git.diff");
        assert!(found[0].left.as_ref().unwrap().starts_with("2 lines, sha256 "), "{found:?}");
    }
}
