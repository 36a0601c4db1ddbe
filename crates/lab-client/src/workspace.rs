//! Where things are kept, and what is set.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use lab_model::{Error, Result, Settings, Validate as _};

/// Name of the folder, found upwards from the working directory like `.git`.
const FOLDER: &str = ".lab";

/// A store's folder, and the settings in force there.
#[derive(Clone, Debug)]
pub struct Workspace {
    /// The folder: database, artifacts, spools and `config.toml`.
    pub root: PathBuf,
    /// Variables over `config.toml` over defaults.
    pub settings: Settings,
}

impl Workspace {
    /// The workspace for whoever works in `start`: `LAB_DIR`; else `.lab/` there or above; else one for this user, in
    /// `$XDG_DATA_HOME/lab` or `~/.local/share/lab`. `variable` looks up environment variables.
    ///
    /// # Errors
    /// [`Error::Toml`] or [`Error::Invalid`] where `config.toml` or a variable is wrong; [`Error::NotFound`] where this
    /// user has no home.
    pub fn find(start: &Path, variable: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let above = || start.ancestors().map(|folder| folder.join(FOLDER)).find(|root| root.is_dir());
        let of_user = || {
            let data = set("XDG_DATA_HOME").map(PathBuf::from);
            data.or_else(|| Some(Path::new(&set("HOME")?).join(".local/share"))).map(|data| data.join("lab"))
        };
        let root = set("LAB_DIR").map(PathBuf::from).or_else(above).or_else(of_user).ok_or_else(|| {
            Error::invalid("LAB_DIR", "is not set, and there is neither a `.lab` folder nor a home: run `lab init`")
        })?;
        Self::open(root, variable)
    }

    /// Makes a workspace in a folder; one that is there stays as it is.
    ///
    /// # Errors
    /// [`Error::Io`] where the folder cannot be made; what [`Workspace::find`] says of the settings.
    pub fn init(folder: &Path) -> Result<Self> {
        let root = folder.join(FOLDER);
        fs::create_dir_all(&root).map_err(|e| Error::io(format!("creating `{}`", root.display()), e))?;
        let root = root.canonicalize().map_err(|e| Error::io(format!("finding `{}`", root.display()), e))?;
        // What is kept here is data, not source.
        let ignore = root.join(".gitignore");
        if !ignore.exists() {
            fs::write(&ignore, "*\n").map_err(|e| Error::io(format!("writing `{}`", ignore.display()), e))?;
        }
        Self::open(root, |_| None)
    }

    fn open(root: PathBuf, variable: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let file = root.join("config.toml");
        let settings = match fs::read_to_string(&file) {
            Ok(text) => parse(&file, &text)?,
            Err(e) if e.kind() == ErrorKind::NotFound => Settings::default(),
            Err(e) => return Err(Error::io(format!("reading `{}`", file.display()), e)),
        };
        Ok(Self { root, settings: settings.with_variables(variable)? })
    }

    pub(crate) fn spool(&self) -> PathBuf {
        self.root.join("spool")
    }
}

fn parse(file: &Path, text: &str) -> Result<Settings> {
    let settings: Settings = toml::from_str(text).map_err(|e| Error::Toml {
        file: file.display().to_string(),
        source: e.to_string().trim_end().to_owned().into(),
    })?;
    settings.validate().map_err(|e| e.within(&file.display().to_string()))?;
    Ok(settings)
}

/// Login name of whoever runs this process, where the system tells it.
#[must_use]
pub fn login_name() -> Option<String> {
    let named = ["LAB_USER", "USER", "LOGNAME", "USERNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    named.filter(|name| !name.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use lab_model::Compression;
    use tempfile::TempDir;

    #[test]
    fn a_folder_above_is_found_before_the_users_own_and_after_the_variable() {
        let home = TempDir::new().unwrap();
        let project = TempDir::new().unwrap();
        let deep = project.path().join("a/b");
        fs::create_dir_all(&deep).unwrap();
        let variable = |name: &str| (name == "HOME").then(|| home.path().display().to_string());
        assert_eq!(Workspace::find(&deep, variable).unwrap().root, home.path().join(".local/share/lab"));

        let made = Workspace::init(project.path()).unwrap();
        assert_eq!(Workspace::find(&deep, variable).unwrap().root.canonicalize().unwrap(), made.root);
        let named = |name: &str| (name == "LAB_DIR").then(|| "/data/lab".to_owned());
        assert_eq!(Workspace::find(&deep, named).unwrap().root, Path::new("/data/lab"));
    }

    #[test]
    fn variables_win_over_the_file_and_a_bad_file_is_named() {
        let project = TempDir::new().unwrap();
        let root = Workspace::init(project.path()).unwrap().root;
        fs::write(root.join("config.toml"), "compression = \"off\"\nheartbeat_timeout_secs = 60\n").unwrap();
        let variable = |name: &str| (name == "LAB_HEARTBEAT_TIMEOUT_SECS").then(|| "90".to_owned());
        let settings = Workspace::find(project.path(), variable).unwrap().settings;
        assert_eq!((settings.compression, settings.heartbeat_timeout_secs), (Compression::Off, 90));

        fs::write(root.join("config.toml"), "compresion = \"off\"\n").unwrap();
        let error = Workspace::find(project.path(), |_| None).unwrap_err();
        assert!(error.to_string().contains("config.toml"), "{error}");
    }
}
