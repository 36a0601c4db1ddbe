//! Appending.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lab_model::{Error, Record, Result, RunId, SeriesKey, WriterId};

use super::{frame, payload};

/// Most bytes of a frame whose room is kept for the next.
const KEPT_ROOM: usize = 1 << 16;

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
    /// The frame that is being made; kept for its room.
    frame: Vec<u8>,
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
        Ok(Self {
            file: Arc::new(file),
            path,
            run,
            length: frame::HEADER as u64,
            last_seq: 0,
            torn: false,
            frame: Vec::new(),
        })
    }

    /// Appends a record and answers with its number. The operating system has it when this returns.
    pub(crate) fn append(&mut self, record: &Record) -> Result<u64> {
        self.append_payload(|payload| payload::write_record(record, payload))
    }

    /// Appends the numbers of one step, as [`SpoolWriter::append`] does a record.
    pub(crate) fn append_step(
        &mut self,
        step: i64,
        time_micros: i64,
        values: impl IntoIterator<Item = (SeriesKey, f64)>,
    ) -> Result<u64> {
        self.append_payload(|payload| payload::write_step(step, time_micros, values, payload))
    }

    fn append_payload(&mut self, write: impl FnOnce(&mut Vec<u8>) -> Result<()>) -> Result<u64> {
        let mut frame = std::mem::take(&mut self.frame);
        frame.clear();
        frame.extend_from_slice(&[0; frame::PREFIX]);
        let appended = write(&mut frame).and_then(|()| self.append_frame(&mut frame));
        // A record of megabytes is not to be held for the next of bytes.
        if frame.capacity() <= KEPT_ROOM {
            self.frame = frame;
        }
        appended
    }

    fn append_frame(&mut self, frame: &mut [u8]) -> Result<u64> {
        let length = frame.len() - frame::PREFIX;
        if length > frame::MAX_PAYLOAD {
            let problem = format!("has {length} bytes; at most {} are allowed", frame::MAX_PAYLOAD);
            return Err(Error::invalid("record", problem));
        }
        if self.torn {
            let problem = "the spool ends in a record that was cut off; start the run again to go on";
            return Err(Error::Internal { problem: problem.to_owned() });
        }
        let seq = self.last_seq + 1;
        frame::write_prefix(seq, frame);
        if let Err(e) = (&*self.file).write_all(frame) {
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
