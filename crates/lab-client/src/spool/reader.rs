//! Reading what was appended, while it is appended to.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use lab_model::{Error, Record, Result, RunId, WriterId};

use super::frame::{self, HEADER, PREFIX};
use super::payload;

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
        Ok(Some(Self { file, path: path.to_owned(), run, writer, offset: HEADER as u64, last_seq: 0 }))
    }

    /// The records from the next one on, with their first number: at most `max_bytes` of frames, but at least one where
    /// there is one. Those up to number `after` are passed over. Empty at the end of what is whole.
    pub(crate) fn read(&mut self, after: u64, max_bytes: usize) -> Result<(u64, Vec<Record>)> {
        let mut records = Vec::new();
        let mut first = self.last_seq + 1;
        let mut taken = 0;
        while taken < max_bytes {
            let Some((seq, payload)) = self.frame()? else { break };
            self.offset += (PREFIX + payload.len()) as u64;
            self.last_seq = seq;
            if seq <= after {
                first = seq + 1;
                continue;
            }
            taken += PREFIX + payload.len();
            let record = payload::read(&payload).map_err(|source| Error::Serialization {
                what: format!("record {seq} of `{}`", self.path.display()),
                source,
            })?;
            records.push(record);
        }
        Ok((first, records))
    }

    /// Bytes that follow the last frame read: none at the end of a spool that is whole.
    pub(crate) fn remaining(&self) -> Result<u64> {
        let length = self.file.metadata().map(|metadata| metadata.len());
        let length = length.map_err(|e| Error::io(format!("reading `{}`", self.path.display()), e))?;
        Ok(length.saturating_sub(self.offset))
    }

    /// The frame at the offset, if all of it is there and right.
    fn frame(&mut self) -> Result<Option<(u64, Vec<u8>)>> {
        let outcome = (|| {
            self.file.seek(SeekFrom::Start(self.offset))?;
            let mut prefix = [0; PREFIX];
            self.file.read_exact(&mut prefix)?;
            let torn = || io::Error::from(ErrorKind::UnexpectedEof);
            let (length, seq, checksum) = frame::parse_prefix(&prefix).ok_or_else(torn)?;
            let remaining = self.file.metadata()?.len().saturating_sub(self.offset + PREFIX as u64);
            if seq != self.last_seq + 1 || length as u64 > remaining {
                return Err(torn());
            }
            let mut payload = vec![0; length];
            self.file.read_exact(&mut payload)?;
            if frame::checksum(seq, &payload) != checksum {
                return Err(torn());
            }
            Ok((seq, payload))
        })();
        match outcome {
            Ok(frame) => Ok(Some(frame)),
            Err(e) if e.kind() == ErrorKind::UnexpectedEof => Ok(None),
            Err(e) => Err(Error::io(format!("reading `{}`", self.path.display()), e)),
        }
    }
}
