//! What the program leaves behind, as artifacts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use lab_client::Run;
use lab_model::{ArtifactName, ArtifactType, Metadata};

use crate::printer::{Printer, harmless};

/// What to look for, and where.
pub(super) struct Patterns {
    patterns: Vec<String>,
    folder: PathBuf,
}

impl Patterns {
    /// Checks patterns, each of which is relative to a folder.
    pub(super) fn parse(patterns: &[String], folder: &Path) -> anyhow::Result<Self> {
        for pattern in patterns {
            glob::Pattern::new(pattern).with_context(|| format!("`{pattern}` is no pattern of files"))?;
        }
        Ok(Self { patterns: patterns.to_vec(), folder: folder.to_owned() })
    }

    /// Logs every file that is found, and answers with their names. What cannot be kept is told, and holds up nothing.
    pub(super) fn collect(&self, run: &Run, out: Printer) -> Vec<String> {
        let mut files = BTreeMap::new();
        for pattern in &self.patterns {
            let before = files.len();
            for path in self.matches(pattern) {
                self.add(&path, &mut files, out);
            }
            if files.len() == before {
                out.warn(format_args!("`{}` matches no file", harmless(pattern)));
            }
        }
        let bytes = files.values().filter_map(|file: &PathBuf| Some(file.metadata().ok()?.len())).sum();
        let bar = out.bytes_bar(bytes);
        let mut kept = Vec::new();
        for (name, file) in files {
            let size = file.metadata().map_or(0, |metadata| metadata.len());
            match run.log_artifact(&file, name.clone(), type_of(&file), Metadata::new()) {
                Ok(()) => kept.push(name.to_string()),
                Err(error) => bar.suspend(|| out.warn(format_args!("`{name}` is not kept: {error}"))),
            }
            bar.inc(size);
        }
        bar.finish_and_clear();
        kept
    }

    fn matches(&self, pattern: &str) -> Vec<PathBuf> {
        let folder = glob::Pattern::escape(&self.folder.to_string_lossy());
        let whole = if Path::new(pattern).is_absolute() { pattern.to_owned() } else { format!("{folder}/{pattern}") };
        glob::glob(&whole).map(|paths| paths.flatten().collect()).unwrap_or_default()
    }

    /// Adds a file, or the files of a folder, under the names they will have.
    fn add(&self, path: &Path, files: &mut BTreeMap<ArtifactName, PathBuf>, out: Printer) {
        if path.is_dir() {
            for entry in walkdir::WalkDir::new(path).sort_by_file_name() {
                match entry {
                    Ok(entry) if entry.file_type().is_file() => self.add(entry.path(), files, out),
                    Ok(_) => {}
                    Err(error) => out.warn(format_args!("a folder cannot be read: {error}")),
                }
            }
            return;
        }
        // `../plots/a.svg` has no name below the folder; the file's own must do.
        let relative = path.strip_prefix(&self.folder).ok().and_then(|path| path.to_str()?.parse().ok());
        let own = || path.file_name()?.to_str()?.parse::<ArtifactName>().ok();
        match relative.or_else(own) {
            Some(name) => _ = files.insert(name, path.to_owned()),
            None => out.warn(format_args!("`{}` cannot be the name of an artifact", harmless(&path.to_string_lossy()))),
        }
    }
}

/// What a file is for, by the end of its name.
pub(crate) fn type_of(file: &Path) -> ArtifactType {
    let extension = file.extension().and_then(|extension| extension.to_str()).unwrap_or_default().to_ascii_lowercase();
    match extension.as_str() {
        "safetensors" | "gguf" | "onnx" | "keras" | "tflite" => ArtifactType::Model,
        "ckpt" | "pt" | "pth" => ArtifactType::Checkpoint,
        "png" | "jpg" | "jpeg" | "gif" | "svg" | "webp" | "html" => ArtifactType::Visualization,
        "parquet" | "arrow" => ArtifactType::Dataset,
        "log" => ArtifactType::Log,
        "md" | "pdf" => ArtifactType::Report,
        _ => ArtifactType::File,
    }
}
