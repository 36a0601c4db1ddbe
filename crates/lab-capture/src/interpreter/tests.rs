use super::*;
use crate::fixture::Fixture;

#[track_caller]
fn check(root: &Fixture, version: &str, program: &str, site_packages: &[&str]) {
    check_with(root, root.options(), version, program, site_packages);
}

#[track_caller]
fn check_with(root: &Fixture, options: CaptureOptions, version: &str, program: &str, site_packages: &[&str]) {
    let found = find(&options).unwrap();
    let root = root.path().canonicalize().unwrap();
    let inside = |path: &Path| {
        let name = path.file_name().unwrap_or_default();
        let folder = path.parent().unwrap().canonicalize().unwrap();
        folder.strip_prefix(&root).unwrap().join(name).to_str().unwrap().to_owned()
    };
    assert_eq!(found.version.as_deref(), Some(version));
    assert_eq!(found.program.as_deref().map(inside).as_deref(), Some(program));
    assert_eq!(found.site_packages.iter().map(|it| inside(it)).collect::<Vec<_>>(), site_packages);
}

fn venv(prefix: &str, config: &str) -> Fixture {
    Fixture::new()
        .file(&format!("{prefix}/pyvenv.cfg"), config)
        .file(&format!("{prefix}/bin/python3"), "")
        .file(&format!("{prefix}/lib/python3.12/site-packages/x.py"), "")
}

#[test]
fn an_activated_environment_comes_first() {
    let root = venv("envs/a", "home = /usr/bin\nversion_info = 3.12.4.final.0\n").file(".venv/pyvenv.cfg", "");
    let place = root.path().join("envs/a");
    let root = root.variable("VIRTUAL_ENV", place);
    check(&root, "3.12.4", "envs/a/bin/python3", &["envs/a/lib/python3.12/site-packages"]);
}

#[test]
fn the_projects_environment_is_found_from_a_folder_below() {
    let root = venv(".venv", "version = 3.12.1\n").file(".git/HEAD", "").file("src/deep/x.py", "");
    let options = CaptureOptions { working_dir: root.path().join("src/deep"), ..root.options() };
    check_with(&root, options, "3.12.1", ".venv/bin/python3", &[".venv/lib/python3.12/site-packages"]);
}

#[test]
fn an_environment_may_see_the_packages_of_its_base() {
    let root = venv(".venv", "").file("base/bin/python3.12", "").file("base/lib/python3.12/site-packages/y.py", "");
    let base = root.path().join("base/bin");
    let config = format!("home = {}\ninclude-system-site-packages = true\nversion = 3.12.1\n", base.display());
    let root = root.file(".venv/pyvenv.cfg", &config);
    let folders = [".venv/lib/python3.12/site-packages", "base/lib/python3.12/site-packages"];
    check(&root, "3.12.1", ".venv/bin/python3", &folders);
}

#[test]
fn a_shim_of_pyenv_is_resolved_by_its_files() {
    let root = Fixture::new()
        .file(".python-version", "3.11\n")
        .file("pyenv/versions/3.11.2/bin/python3", "")
        .file("pyenv/versions/3.11.10/bin/python3", "")
        .file("pyenv/versions/3.11.10/lib/python3.11/site-packages/x.py", "")
        .file("pyenv/versions/3.11.10/include/python3.11/patchlevel.h", "#define PY_VERSION  \t\"3.11.10\"\n");
    root.script("pyenv/shims/python3", "exit 1");
    let shims = root.path().join("pyenv/shims");
    let root = root.variable("PATH", shims);
    let program = "pyenv/versions/3.11.10/bin/python3";
    check(&root, "3.11.10", program, &["pyenv/versions/3.11.10/lib/python3.11/site-packages"]);
}

#[cfg(unix)]
#[test]
fn a_system_interpreter_on_debian_sees_user_local_and_system_packages() {
    let root = Fixture::new()
        .file("usr/lib/python3/dist-packages/x.py", "")
        .file("usr/lib/python3.9/site-packages/x.py", "")
        .file("usr/local/lib/python3.11/dist-packages/x.py", "")
        .file("home/.local/lib/python3.11/site-packages/x.py", "");
    root.script("usr/bin/python3.11", "exit 1");
    std::os::unix::fs::symlink("python3.11", root.path().join("usr/bin/python3")).unwrap();
    let (bin, home) = (root.path().join("usr/bin"), root.path().join("home"));
    let root = root.variable("PATH", bin).variable("HOME", home);
    let folders = [
        "home/.local/lib/python3.11/site-packages",
        "usr/lib/python3/dist-packages",
        "usr/local/lib/python3.11/dist-packages",
    ];
    check(&root, "3.11", "usr/bin/python3.11", &folders);
}

#[test]
fn the_interpreter_that_is_given_wins() {
    let root = venv("mine", "version = 3.12.7\n").file(".venv/pyvenv.cfg", "");
    let options = CaptureOptions { interpreter: Some(PathBuf::from("mine/bin/python3")), ..root.options() };
    check_with(&root, options, "3.12.7", "mine/bin/python3", &["mine/lib/python3.12/site-packages"]);
}

#[test]
fn no_python_is_none() {
    assert_eq!(find(&Fixture::new().options()), None);
}
