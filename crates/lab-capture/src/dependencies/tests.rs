use std::time::Duration;

use super::*;
use crate::fixture::Fixture;

/// A package as one line: ecosystem, name, version, hash and origin.
fn lines(packages: &[Package]) -> Vec<String> {
    let line = |it: &Package| {
        let words = [Some(it.ecosystem.as_str()), Some(&*it.name), Some(&*it.version), it.source_hash.as_deref()];
        let origin = it.origin.as_ref().map(|it| format!("from {it}"));
        words.into_iter().flatten().map(str::to_owned).chain(origin).collect::<Vec<_>>().join(" ")
    };
    packages.iter().map(line).collect()
}

#[track_caller]
fn check_lock(name: &str, text: &str, expected: &[&str]) {
    let root = Fixture::new().file(name, text);
    let mut notes = Notes::default();
    let found = locked(&root.options(), &mut notes);
    assert_eq!(notes.into_vec(), []);
    assert_eq!(lines(&found.packages), expected);
    assert!(found.files[0].ends_with(name), "{:?}", found.files);
}

#[test]
fn uv_lock() {
    let text = r#"
version = 1
requires-python = ">=3.12"

[[package]]
name = "demo"
version = "0.1.0"
source = { virtual = "." }

[[package]]
name = "Einops"
version = "0.8.0"
source = { registry = "https://pypi.org/simple" }
sdist = { url = "https://example.org/einops-0.8.0.tar.gz", hash = "sha256:63486517", size = 55805 }
wheels = [{ url = "https://example.org/einops-0.8.0-py3-none-any.whl", hash = "sha256:9572fb63", size = 43223 }]

[[package]]
name = "nvidia-cublas-cu12"
version = "12.4.5.8"
source = { registry = "https://pypi.org/simple" }
wheels = [{ url = "https://example.org/x.whl", hash = "sha256:2fc8da60" }]

[[package]]
name = "trl"
version = "0.12.0"
source = { git = "https://me:hunter2@github.com/huggingface/trl?rev=main#abc123" }
"#;
    let expected = [
        "pypi einops 0.8.0 sha256:63486517",
        "pypi nvidia-cublas-cu12 12.4.5.8 sha256:2fc8da60",
        "pypi trl 0.12.0 from https://me:[masked]@github.com/huggingface/trl?rev=main#abc123",
    ];
    check_lock("uv.lock", text, &expected);
}

#[test]
fn poetry_lock() {
    let text = r#"
[[package]]
name = "PyYAML"
version = "6.0.2"
optional = false
files = [
    {file = "PyYAML-6.0.2-cp312-cp312-linux.whl", hash = "sha256:1111"},
    {file = "pyyaml-6.0.2.tar.gz", hash = "sha256:d584d9ec"},
]

[[package]]
name = "trl"
version = "0.12.0"
files = []
[package.source]
type = "git"
url = "https://github.com/huggingface/trl"
reference = "main"
resolved_reference = "abc123"

[metadata]
lock-version = "2.0"
"#;
    let expected =
        ["pypi pyyaml 6.0.2 sha256:d584d9ec", "pypi trl 0.12.0 from https://github.com/huggingface/trl@abc123"];
    check_lock("poetry.lock", text, &expected);
}

#[test]
fn cargo_lock() {
    let text = r#"
version = 4

[[package]]
name = "demo"
version = "0.1.0"
dependencies = ["serde"]

[[package]]
name = "serde"
version = "1.0.229"
source = "registry+https://github.com/rust-lang/crates.io-index"
checksum = "aa11"

[[package]]
name = "candle"
version = "0.9.0"
source = "git+https://github.com/huggingface/candle#abc123"
"#;
    let expected = [
        "cargo demo 0.1.0",
        "cargo serde 1.0.229 sha256:aa11",
        "cargo candle 0.9.0 from git+https://github.com/huggingface/candle#abc123",
    ];
    check_lock("Cargo.lock", text, &expected);
}

#[test]
fn package_lock_of_each_version() {
    let expected = ["npm @types/node 22.1.0 sha512-bb", "npm left-pad 1.2.0", "npm left-pad 1.3.0 sha512-aa"];
    let with_folders = |version: u8| {
        format!(
            r#"{{"lockfileVersion": {version}, "packages": {{
                "": {{"name": "demo", "version": "0.1.0", "dependencies": {{"left-pad": "^1.3.0"}}}},
                "packages/own": {{"name": "own", "version": "0.1.0"}},
                "node_modules/own": {{"resolved": "packages/own", "link": true}},
                "node_modules/left-pad": {{"version": "1.3.0", "integrity": "sha512-aa", "dependencies": {{"x": "1"}}}},
                "node_modules/@types/node": {{"version": "22.1.0", "integrity": "sha512-bb"}},
                "node_modules/a/node_modules/left-pad": {{"version": "1.2.0"}}
            }}, "dependencies": {{"left-pad": {{"version": "1.3.0"}}}}}}"#
        )
    };
    check_lock("package-lock.json", &with_folders(2), &expected);
    check_lock("package-lock.json", &with_folders(3), &expected);
    let by_name = r#"{"lockfileVersion": 1, "dependencies": {
        "left-pad": {"version": "1.3.0", "integrity": "sha512-aa", "dependencies": {"left-pad": {"version": "1.2.0"}}},
        "@types/node": {"version": "22.1.0", "integrity": "sha512-bb"}}}"#;
    check_lock("package-lock.json", by_name, &expected);
}

#[test]
fn a_broken_lock_file_is_noted_and_the_others_are_read() {
    let root = Fixture::new()
        .file("uv.lock", "version = \n")
        .file("package-lock.json", "[]")
        .file("Cargo.lock", "[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n");
    let mut notes = Notes::default();
    let found = locked(&root.options(), &mut notes);
    assert_eq!(lines(&found.packages), ["cargo a 1.0.0"]);
    let notes = notes.into_vec();
    assert_eq!(notes.len(), 2);
    assert!(notes[0].reason.contains("uv.lock` is no lock file of uv"), "{notes:?}");
}

fn environment() -> Fixture {
    Fixture::new()
        .file(
            "env/lib/PyYAML-6.0.2.dist-info/METADATA",
            "Metadata-Version: 2.1\nName: PyYAML\nVersion: 6.0.2\n\nName: x\n",
        )
        .file("env/lib/trl-0.12.0.dist-info/METADATA", "Name: trl\nVersion: 0.12.0\n")
        .file(
            "env/lib/trl-0.12.0.dist-info/direct_url.json",
            r#"{"url": "https://github.com/huggingface/trl", "vcs_info": {"vcs": "git", "commit_id": "abc123"}}"#,
        )
        .file("env/lib/mine-0.1.0.dist-info/METADATA", "Name: mine\nVersion: 0.1.0\n")
        .file(
            "env/lib/mine-0.1.0.dist-info/direct_url.json",
            r#"{"url": "file:///src", "dir_info": {"editable": true}}"#,
        )
        .file("env/lib/torch-2.5.0+cu124.dist-info/RECORD", "")
        .file("env/lib/old-1.0-py3.12.egg-info", "Metadata-Version: 1.0\nName: old\nVersion: 1.0\n")
        .file("env/lib/~rl-0.1.dist-info/METADATA", "Name: trl\nVersion: 0.1\n")
        .file("env/lib/numpy-2.1.0.dist-info/METADATA", "Name: numpy\nVersion: 2.1.0\n")
        .file("env/lib/numpy-2.1.0.dist-info/INSTALLER", "conda\n")
        .file("second/trl-0.1.0.dist-info/METADATA", "Name: trl\nVersion: 0.1.0\n")
}

fn list(root: &Fixture, budget: Duration) -> (Dependencies, Vec<String>) {
    let interpreter = Interpreter {
        prefix: root.path().join("env"),
        site_packages: vec![root.path().join("env/lib"), root.path().join("second")],
        ..Interpreter::default()
    };
    let mut notes = Notes::default();
    let mut found = installed(&interpreter, Deadline::after(budget), &mut notes);
    found.packages.sort();
    (found, notes.into_vec().into_iter().map(|it| it.reason).collect())
}

const AMPLE: Duration = Duration::from_secs(60);

#[test]
fn installed_packages_are_read_from_their_descriptions() {
    let (found, notes) = list(&environment(), AMPLE);
    assert_eq!(
        lines(&found.packages),
        [
            "pypi mine 0.1.0 from file:///src (editable)",
            "pypi numpy 2.1.0",
            "pypi old 1.0",
            "pypi pyyaml 6.0.2",
            "pypi torch 2.5.0+cu124",
            "pypi trl 0.12.0 from https://github.com/huggingface/trl@abc123",
        ]
    );
    assert_eq!(notes, ["1 Python packages are listed by folder name alone"]);
    assert_eq!(found.files.len(), 2);
}

#[test]
fn conda_lists_its_own_packages() {
    let root = environment()
        .file("env/conda-meta/history", "")
        .file(
            "env/conda-meta/numpy-2.1.0-py312_0.json",
            r#"{"name": "numpy", "version": "2.1.0", "build": "py312_0", "sha256": "aa11", "files": ["x"]}"#,
        )
        .file("env/conda-meta/ca-certificates-2024.7.2-h06a4308_0.json", "not json");
    let (found, notes) = list(&root, AMPLE);
    let conda: Vec<_> = found.packages.iter().filter(|it| it.ecosystem == Ecosystem::Conda).cloned().collect();
    assert_eq!(lines(&conda), ["conda ca-certificates 2024.7.2=h06a4308_0", "conda numpy 2.1.0=py312_0 sha256:aa11"]);
    assert!(!lines(&found.packages).contains(&"pypi numpy 2.1.0".to_owned()), "conda's numpy is listed once");
    assert_eq!(notes.len(), 2);
}

#[test]
fn out_of_time_packages_are_listed_by_name() {
    let (found, notes) = list(&environment(), Duration::ZERO);
    assert!(lines(&found.packages).contains(&"pypi pyyaml 6.0.2".to_owned()));
    assert_eq!(notes.len(), 1);
}

#[test]
fn a_lock_file_gives_installed_packages_their_hash_and_adds_none() {
    let with_hash = |name: &str, version: &str| Package {
        source_hash: Some("sha256:aa".to_owned()),
        ..package(Ecosystem::Pypi, name, version)
    };
    let locked = || Dependencies {
        packages: vec![
            with_hash("a", "1.0"),
            with_hash("b", "2.0"),
            with_hash("only-windows", "1.0"),
            package(Ecosystem::Cargo, "c", "1.0.0"),
        ],
        files: vec!["uv.lock".to_owned()],
    };
    let installed = Dependencies {
        packages: vec![package(Ecosystem::Pypi, "b", "2.1"), package(Ecosystem::Pypi, "a", "1.0")],
        files: vec!["site-packages".to_owned()],
    };
    let merged = merge(installed, locked());
    assert_eq!(lines(&merged.packages), ["pypi a 1.0 sha256:aa", "pypi b 2.1", "cargo c 1.0.0"]);
    assert_eq!(merged.files, ["site-packages", "uv.lock"]);
    assert_eq!(merge(Dependencies::default(), locked()).packages.len(), 4);
}

#[test]
fn names_are_normal() {
    for (name, normal) in [("PyYAML", "pyyaml"), ("ruamel.yaml", "ruamel-yaml"), ("flash__attn-.x", "flash-attn-x")] {
        assert_eq!(normal_name(name), normal);
    }
}
