//! `lab backup` and `lab restore`: a whole store as one file.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read as _};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use lab_client::Workspace;
use lab_store::sqlite;
use serde::Serialize;
use walkdir::WalkDir;

use crate::exit::Exit;
use crate::printer::Printer;

/// The database in a store's folder, and in a backup.
const DATABASE: &str = "lab.db";
/// What is still to be delivered to it.
const SPOOL: &str = "spool";
/// What else of a store's folder is kept: the settings and the bytes of artifacts.
const REST: [&str; 2] = ["config.toml", "objects"];

/// Copy the whole store into one file, also while it is used: runs, metrics, artifacts, and what waits to be delivered.
///
/// The file is a tar archive with a copy of the database as it is at one moment.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lab backup lab-2026-11-23.tar\n  lab backup /mnt/backup/lab.tar --force")]
pub(crate) struct BackupArgs {
    /// The file to write
    file: PathBuf,
    /// Replace the file if there is one
    #[arg(long)]
    force: bool,
}

/// Make a store of a backup, in a folder of its own.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lab restore lab-2026-11-23.tar --to restored\n  \
                        lab runs list --dir restored")]
pub(crate) struct RestoreArgs {
    /// A file that `lab backup` has written
    file: PathBuf,
    /// Folder of the new store, which must not exist or be empty
    #[arg(long, value_name = "FOLDER", default_value = ".lab")]
    to: PathBuf,
}

/// What was copied.
#[derive(Debug, Serialize)]
struct Copied {
    path: PathBuf,
    files: u64,
    bytes: u64,
}

pub(crate) fn backup(args: BackupArgs, workspace: &Workspace, out: Printer) -> anyhow::Result<Exit> {
    let BackupArgs { file, force } = args;
    let root = &workspace.root;
    if !root.join(DATABASE).is_file() {
        bail!("there is no store in `{}`: name its folder with --dir", root.display());
    }
    if file.exists() && !force {
        bail!("`{}` exists: name another file, or replace it with --force", file.display());
    }
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Beside the target: complete, or under another name.
    let unfinished = tempfile::Builder::new().prefix(".lab-backup-").tempdir_in(folder);
    let unfinished = unfinished.with_context(|| format!("nothing can be written in `{}`", folder.display()))?;
    let mut archive = Archive::create(root, unfinished.path().join("archive"))?;
    // What is delivered meanwhile is in the database, and known there should it be delivered again.
    archive.add_all(&[SPOOL], out)?;
    let database = unfinished.path().join(DATABASE);
    let spinner = out.spinner("copying the database");
    sqlite::copy(&root.join(DATABASE), &database)?;
    spinner.finish_and_clear();
    archive.add(&database, Path::new(DATABASE))?;
    // Artifacts that the copy names were stored before it was made, and are never changed.
    archive.add_all(&REST, out)?;
    let mut copied = archive.finish()?;
    fs::rename(&copied.path, &file).with_context(|| format!("`{}` cannot be written", file.display()))?;
    File::open(folder).and_then(|folder| folder.sync_all()).ok();
    copied.path = file;
    tell(&copied, out, |it| {
        format!("Copied the store to {}: {} files. Make a store of it with: lab restore", it.path.display(), it.files)
    })
}

/// A backup being written.
struct Archive<'a> {
    /// The folder of the store.
    root: &'a Path,
    tar: tar::Builder<BufWriter<File>>,
    copied: Copied,
}

impl<'a> Archive<'a> {
    fn create(root: &'a Path, path: PathBuf) -> anyhow::Result<Self> {
        let file = File::create(&path).with_context(|| format!("`{}` cannot be written", path.display()))?;
        Ok(Self { root, tar: tar::Builder::new(BufWriter::new(file)), copied: Copied { path, files: 0, bytes: 0 } })
    }

    /// Every file below these names of the store's folder.
    fn add_all(&mut self, names: &[&str], out: Printer) -> anyhow::Result<()> {
        let paths: Vec<PathBuf> = names
            .iter()
            .flat_map(|name| WalkDir::new(self.root.join(name)))
            .filter_map(Result::ok)
            .filter(|entry| entry.file_type().is_file())
            .map(walkdir::DirEntry::into_path)
            .collect();
        let bar = out.count_bar(paths.len() as u64, "files");
        for path in paths {
            bar.inc(1);
            self.add(&path, path.strip_prefix(self.root)?)?;
        }
        bar.finish_and_clear();
        Ok(())
    }

    fn add(&mut self, path: &Path, name: &Path) -> anyhow::Result<()> {
        let file = match File::open(path) {
            Ok(file) => file,
            // A spool that was delivered meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error).with_context(|| format!("`{}` cannot be read", path.display())),
        };
        let metadata = file.metadata()?;
        let mut header = tar::Header::new_gnu();
        header.set_metadata(&metadata);
        self.copied.bytes += metadata.len();
        self.copied.files += 1;
        // A spool may grow meanwhile.
        let content = file.take(metadata.len());
        self.tar
            .append_data(&mut header, name, content)
            .with_context(|| format!("`{}` cannot be copied", path.display()))
    }

    /// Makes it durable.
    fn finish(self) -> anyhow::Result<Copied> {
        let written = self.tar.into_inner().and_then(|buffer| buffer.into_inner().map_err(io::Error::from));
        written
            .and_then(|file| file.sync_all())
            .with_context(|| format!("`{}` cannot be written", self.copied.path.display()))?;
        Ok(self.copied)
    }
}

pub(crate) fn restore(args: RestoreArgs, out: Printer) -> anyhow::Result<Exit> {
    let RestoreArgs { file, to } = args;
    let is_taken = fs::read_dir(&to).is_ok_and(|mut entries| entries.next().is_some()) || to.is_file();
    if is_taken {
        bail!("`{}` is not empty: name another folder with --to", to.display());
    }
    let archive = File::open(&file).with_context(|| format!("`{}` cannot be read", file.display()))?;
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder).with_context(|| format!("`{}` cannot be made", folder.display()))?;
    let unfinished = tempfile::Builder::new().prefix(".lab-restore-").tempdir_in(folder)?;
    let mut copied = read_archive(archive, unfinished.path(), out)
        .with_context(|| format!("`{}` is no whole backup of a store", file.display()))?;
    sqlite::verify(&unfinished.path().join(DATABASE))?;
    fs::remove_dir(&to).ok();
    fs::rename(unfinished.path(), &to).with_context(|| format!("`{}` cannot be made", to.display()))?;
    copied.path = to;
    tell(&copied, out, |it| {
        format!("The store is in {}: {} files. See it with: lab serve --dir {0}", it.path.display(), it.files)
    })
}

fn read_archive(archive: File, target: &Path, out: Printer) -> anyhow::Result<Copied> {
    let bar = out.bytes_bar(archive.metadata()?.len());
    let mut tar = tar::Archive::new(bar.wrap_read(BufReader::new(archive)));
    let mut copied = Copied { path: target.to_owned(), files: 0, bytes: 0 };
    for entry in tar.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        if !entry.header().entry_type().is_file() || !is_of_store(&path) {
            bail!("it holds `{}`, which no backup does", path.display());
        }
        let place = target.join(&path);
        if let Some(folder) = place.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = File::create_new(&place).with_context(|| format!("`{}`", path.display()))?;
        copied.bytes += io::copy(&mut entry, &mut file)?;
        file.sync_all()?;
        copied.files += 1;
    }
    bar.finish_and_clear();
    if !target.join(DATABASE).is_file() {
        bail!("it has no database");
    }
    Ok(copied)
}

/// Whether a backup can hold this path: below the names it is made of, and nowhere else.
fn is_of_store(path: &Path) -> bool {
    let mut parts = path.components();
    let first = match parts.next() {
        Some(Component::Normal(first)) => first,
        _ => return false,
    };
    let is_known = [DATABASE, SPOOL].iter().chain(&REST).any(|name| first == OsStr::new(name));
    is_known && parts.all(|part| matches!(part, Component::Normal(_)))
}

fn tell(copied: &Copied, out: Printer, sentence: impl Fn(&Copied) -> String) -> anyhow::Result<Exit> {
    if out.json {
        out.json(copied)?;
    } else {
        out.say(sentence(copied));
    }
    Ok(Exit::Success)
}
