//! The log of a `.wandb` file: LevelDB's, with another header and another checksum.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read};
use std::path::Path;

use anyhow::Context as _;

const BLOCK: usize = 32 << 10;
const HEAD: usize = 7;

/// The records of a file, up to where it ends or is torn.
pub(super) struct Frames {
    file: BufReader<File>,
    /// Bytes read of this block; the file's own header counts.
    at: usize,
    has_ended: bool,
}

enum Kind {
    Full,
    First,
    Middle,
    Last,
}

impl Frames {
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let file = File::open(path).with_context(|| format!("`{}` cannot be read", path.display()))?;
        let mut file = BufReader::with_capacity(BLOCK, file);
        let mut header = [0; HEAD];
        let read = file.read_exact(&mut header);
        let is_known = read.is_ok() && &header[..4] == b":W&B" && header[4..6] == [0xe1, 0xbe];
        anyhow::ensure!(is_known, "`{}` is no file of W&B", path.display());
        anyhow::ensure!(header[6] == 0, "`{}` is of version {}, which is not known", path.display(), header[6]);
        Ok(Self { file, at: HEAD, has_ended: false })
    }

    fn next_record(&mut self) -> std::io::Result<Option<Vec<u8>>> {
        let mut record = Vec::new();
        let mut is_within = false;
        loop {
            let Some((kind, data)) = self.next_part()? else { return Ok(None) };
            match kind {
                Kind::Full if !is_within => return Ok(Some(data)),
                Kind::First if !is_within => (record, is_within) = (data, true),
                Kind::Middle if is_within => record.extend(data),
                Kind::Last if is_within => {
                    record.extend(data);
                    return Ok(Some(record));
                }
                _ => return Ok(None),
            }
        }
    }

    fn next_part(&mut self) -> std::io::Result<Option<(Kind, Vec<u8>)>> {
        let left = BLOCK - self.at;
        if left < HEAD {
            if !self.fill(&mut [0; HEAD][..left])? {
                return Ok(None);
            }
            self.at = 0;
        }
        let mut head = [0; HEAD];
        if !self.fill(&mut head)? {
            return Ok(None);
        }
        let sum = u32::from_le_bytes([head[0], head[1], head[2], head[3]]);
        let length = usize::from(u16::from_le_bytes([head[4], head[5]]));
        let kind = match head[6] {
            1 => Kind::Full,
            2 => Kind::First,
            3 => Kind::Middle,
            4 => Kind::Last,
            _ => return Ok(None),
        };
        if self.at + length > BLOCK {
            return Ok(None);
        }
        let mut data = vec![0; length];
        if !self.fill(&mut data)? {
            return Ok(None);
        }
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&head[6..]);
        hasher.update(&data);
        Ok((hasher.finalize() == sum).then_some((kind, data)))
    }

    /// Fills a buffer; answers whether there was as much.
    fn fill(&mut self, buffer: &mut [u8]) -> std::io::Result<bool> {
        self.at += buffer.len();
        match self.file.read_exact(buffer) {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == ErrorKind::UnexpectedEof => Ok(false),
            Err(e) => Err(e),
        }
    }
}

impl Iterator for Frames {
    type Item = std::io::Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_ended {
            return None;
        }
        let record = self.next_record().transpose();
        self.has_ended = !matches!(record, Some(Ok(_)));
        record
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes records as LevelDB does.
    fn written(records: &[Vec<u8>]) -> Vec<u8> {
        let mut file = b":W&B\xe1\xbe\0".to_vec();
        for record in records {
            let mut rest = record.as_slice();
            let mut is_first = true;
            loop {
                let left = BLOCK - file.len() % BLOCK;
                if left < HEAD {
                    file.extend(vec![0; left]);
                    continue;
                }
                let (part, after) = rest.split_at(rest.len().min(left - HEAD));
                let kind = match (is_first, after.is_empty()) {
                    (true, true) => 1,
                    (true, false) => 2,
                    (false, false) => 3,
                    (false, true) => 4,
                };
                let mut hasher = crc32fast::Hasher::new();
                hasher.update(&[kind]);
                hasher.update(part);
                file.extend(hasher.finalize().to_le_bytes());
                file.extend((part.len() as u16).to_le_bytes());
                file.push(kind);
                file.extend(part);
                (rest, is_first) = (after, false);
                if rest.is_empty() {
                    break;
                }
            }
        }
        file
    }

    #[test]
    fn records_over_several_blocks_come_back_and_torn_ones_do_not() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("run.wandb");
        let records: Vec<Vec<u8>> =
            [1, 100, 32_740, 5, 100_000, 0, 32_755, 7].iter().map(|&size| vec![size as u8; size]).collect();
        let whole = written(&records);
        let read = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            Frames::open(&path).unwrap().map(Result::unwrap).collect::<Vec<_>>()
        };
        assert_eq!(read(&whole), records);
        for cut in [whole.len() - 1, whole.len() - 10, 40_000, 8] {
            let got = read(&whole[..cut]);
            assert!(got.len() < records.len() && records.starts_with(&got));
        }
        let mut damaged = whole;
        damaged[50_000] ^= 1;
        assert_eq!(read(&damaged), records[..4]);
        std::fs::write(&path, "something else").unwrap();
        assert!(Frames::open(&path).is_err());
    }
}
