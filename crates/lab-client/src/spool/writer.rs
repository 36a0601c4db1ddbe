//! Appending.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lab_model::{Error, Record, Result, RunId, WriterId};

use super::frame;

/// The one appender of a spool.
#[derive(Debug)]
pub(crate) struct SpoolWriter {
    file: Arc<File>,
    path: PathBuf,
    run: RunId,
    /// Bytes of the header and of the whole frames.
    length: u64,
    last_seq: u64,
    /// A write failed half-way: the file ends in a torn frame, and nothing may follow it.
    torn: bool,
}

impl SpoolWriter {
    /// A new spool of a new writer.
    pub(crate) fn create(folder: &Path, run: RunId, writer: WriterId) -> Result<Self> {
        let path = super::path(folder, run, writer);
        let failed = |e| Error::io(format!("creating `{}`", path.display()), e);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(failed)?;
        }
        // Locked and begun before it has its name: a spool without either looks like one that was left behind.
        let unnamed = path.with_extension("new");
        let mut file = OpenOptions::new().append(true).create_new(true).open(&unnamed).map_err(failed)?;
        // Without locks `sync` leaves the file alone, which does no harm.
        file.try_lock().ok();
        let named = file.write_all(&frame::header(run, writer)).and_then(|()| fs::rename(&unnamed, &path));
        named.map_err(|e| {
            fs::remove_file(&unnamed).ok();
            failed(e)
        })?;
        Ok(Self { file: Arc::new(file), path, run, length: frame::HEADER as u64, last_seq: 0, torn: false })
    }

    /// Appends a record and answers with its number. The operating system has it when this returns.
    pub(crate) fn append(&mut self, record: &Record) -> Result<u64> {
        let payload = serde_json::to_vec(record)
            .map_err(|e| Error::Serialization { what: "a record".to_owned(), source: e.into() })?;
        if payload.len() > frame::MAX_PAYLOAD {
            let problem = format!("has {} bytes; at most {} are allowed", payload.len(), frame::MAX_PAYLOAD);
            return Err(Error::invalid("record", problem));
        }
        if self.torn {
            let problem = "the spool ends in a record that was cut off; start the run again to go on";
            return Err(Error::Internal { problem: problem.to_owned() });
        }
        let seq = self.last_seq + 1;
        let frame = frame::encode(seq, &payload);
        if let Err(e) = (&*self.file).write_all(&frame) {
            // A full disk may have taken half a frame: take it back, so that later ones can follow.
            self.torn = self.file.set_len(self.length).is_err();
            return Err(Error::io(format!("writing `{}`", self.path.display()), e));
        }
        self.length += frame.len() as u64;
        self.last_seq = seq;
        Ok(seq)
    }

    /// Leaves the spool to whoever delivers it.
    pub(crate) fn release(&self) {
        self.file.unlock().ok();
    }

    /// The file, for whoever makes it durable.
    pub(crate) fn file(&self) -> Arc<File> {
        Arc::clone(&self.file)
    }

    /// The run it is about.
    pub(crate) fn run(&self) -> RunId {
        self.run
    }

    /// Where the spool is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}
