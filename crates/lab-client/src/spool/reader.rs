//! Reading what was appended, while it is appended to.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use lab_model::{Error, Record, Result, RunId, WriterId};

use super::frame::{self, HEADER, PREFIX};
use super::payload::Joined;

/// Bytes that are read from the file at a time.
const CHUNK: u64 = 256 << 10;

/// Reads a spool from its beginning to its last whole frame, again and again.
#[derive(Debug)]
pub(crate) struct SpoolReader {
    file: File,
    path: PathBuf,
    /// The run it is about.
    pub(crate) run: RunId,
    /// Who wrote it.
    pub(crate) writer: WriterId,
    /// Where the next frame begins.
    offset: u64,
    /// Number of the last frame read.
    last_seq: u64,
    /// Bytes of the file; those that are not taken begin at the offset.
    buffer: Vec<u8>,
    taken: usize,
}

impl SpoolReader {
    /// Opens a spool; `None` if the file does not even have a whole header, and so no record.
    pub(crate) fn open(path: &Path) -> Result<Option<Self>> {
        let failed = |e| Error::io(format!("reading `{}`", path.display()), e);
        let mut file = File::open(path).map_err(failed)?;
        let mut header = [0; HEADER];
        match file.read_exact(&mut header) {
            Ok(()) => {}
            Err(e) if e.kind() == ErrorKind::UnexpectedEof => return Ok(None),
            Err(e) => return Err(failed(e)),
        }
        let Some((run, writer)) = frame::parse_header(&header) else {
            return Err(Error::Serialization {
                what: format!("the header of `{}`", path.display()),
                source: "it is damaged, or of a newer version".into(),
            });
        };
        let (path, offset) = (path.to_owned(), HEADER as u64);
        Ok(Some(Self { file, path, run, writer, offset, last_seq: 0, buffer: Vec::new(), taken: 0 }))
    }

    /// The records from the next one on, with their first number: at most `max_bytes` of frames, but at least one where
    /// there is one. Those up to number `after` are passed over. Empty at the end of what is whole. Numbers of steps are
    /// joined to records of about `most_points`.
    pub(crate) fn read(&mut self, after: u64, max_bytes: usize, most_points: usize) -> Result<(u64, Vec<Record>)> {
        let mut records = Joined::default();
        let mut first = self.last_seq + 1;
        let mut taken = 0;
        while taken < max_bytes {
            let Some((seq, payload)) = self.frame()? else { break };
            let length = PREFIX + payload.len();
            self.offset += length as u64;
            self.taken += length;
            self.last_seq = seq;
            if seq <= after {
                first = seq + 1;
                continue;
            }
            taken += length;
            records.add(&self.buffer[payload], most_points).map_err(|source| Error::Serialization {
                what: format!("record {seq} of `{}`", self.path.display()),
                source,
            })?;
        }
        Ok((first, records.into_records()))
    }

    /// Bytes that follow the last frame read: none at the end of a spool that is whole.
    pub(crate) fn remaining(&self) -> Result<u64> {
        let length = self.file.metadata().map(|metadata| metadata.len());
        let length = length.map_err(|e| Error::io(format!("reading `{}`", self.path.display()), e))?;
        Ok(length.saturating_sub(self.offset))
    }

    /// Number of the next frame and where its payload is in the buffer, if all of it is there and right.
    fn frame(&mut self) -> Result<Option<(u64, Range<usize>)>> {
        let found = self.whole_frame().map_err(|e| Error::io(format!("reading `{}`", self.path.display()), e))?;
        if found.is_none() {
            // What is there of a frame may be taken back and written anew.
            self.buffer.clear();
            self.taken = 0;
        }
        Ok(found)
    }

    fn whole_frame(&mut self) -> io::Result<Option<(u64, Range<usize>)>> {
        if !self.fill(PREFIX)? {
            return Ok(None);
        }
        let prefix = self.buffer[self.taken..].first_chunk().and_then(frame::parse_prefix);
        let Some((length, seq, checksum)) = prefix else { return Ok(None) };
        if seq != self.last_seq + 1 || !self.fill(PREFIX + length)? {
            return Ok(None);
        }
        let payload = self.taken + PREFIX..self.taken + PREFIX + length;
        Ok((frame::checksum(seq, &self.buffer[payload.clone()]) == checksum).then_some((seq, payload)))
    }

    /// Reads on until the buffer holds so many bytes that are not taken; answers whether there are as many.
    fn fill(&mut self, wanted: usize) -> io::Result<bool> {
        while self.buffer.len() - self.taken < wanted {
            self.buffer.drain(..self.taken);
            self.taken = 0;
            self.file.seek(SeekFrom::Start(self.offset + self.buffer.len() as u64))?;
            if self.file.by_ref().take(CHUNK).read_to_end(&mut self.buffer)? == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
