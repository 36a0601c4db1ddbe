use std::fs;

use lab_model::{Record, RunId, SeriesPoints, Timestamp, WriterId};
use proptest::prelude::*;
use tempfile::TempDir;

use super::{SpoolReader, SpoolWriter};

fn record(i: u64) -> Record {
    let mut points = SeriesPoints::new("loss".into());
    points.push(if i.is_multiple_of(3) { f64::INFINITY } else { i as f64 }, Some(i as i64), 1_000_000 + i as i64);
    Record::metrics(vec![points])
}

fn spool(records: u64) -> (TempDir, std::path::PathBuf) {
    let folder = TempDir::new().unwrap();
    let at = Timestamp::UNIX_EPOCH;
    let mut writer = SpoolWriter::create(folder.path(), RunId::new(at), WriterId::new(at)).unwrap();
    for i in 1..=records {
        assert_eq!(writer.append(&record(i)).unwrap(), i);
    }
    let path = writer.path().to_owned();
    (folder, path)
}

#[test]
fn what_was_appended_is_read_in_parts_and_from_anywhere() {
    let (_folder, path) = spool(10);
    let mut reader = SpoolReader::open(&path).unwrap().unwrap();
    let (first, records) = reader.read(3, 1, 10).unwrap();
    assert_eq!((first, records), (4, vec![record(4)]));
    let (first, records) = reader.read(3, usize::MAX, 10).unwrap();
    assert_eq!((first, records.len()), (5, 6));
    assert_eq!(reader.read(3, usize::MAX, 10).unwrap().1, []);
}

#[test]
fn a_spool_is_abandoned_once_its_writer_is_gone() {
    let folder = TempDir::new().unwrap();
    let at = Timestamp::UNIX_EPOCH;
    let writer = SpoolWriter::create(folder.path(), RunId::new(at), WriterId::new(at)).unwrap();
    let path = writer.path().to_owned();
    assert!(!super::is_abandoned(&path));
    drop(writer);
    assert!(super::is_abandoned(&path));
    assert_eq!(super::all(folder.path()).unwrap(), [path]);
}

#[test]
fn a_spool_that_can_be_seen_is_begun_and_locked() {
    let folder = TempDir::new().unwrap();
    let at = Timestamp::UNIX_EPOCH;
    let run = RunId::new(at);
    let (sender, receiver) = std::sync::mpsc::sync_channel(200);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..200 {
                sender.send(SpoolWriter::create(folder.path(), run, WriterId::new(at)).unwrap()).unwrap();
            }
        });
        let mut writers = Vec::new();
        while writers.len() < 200 {
            for path in super::all(folder.path()).unwrap().iter().rev().take(3) {
                assert!(SpoolReader::open(path).unwrap().is_some() && !super::is_abandoned(path));
            }
            writers.extend(receiver.try_recv());
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn damage_anywhere_leaves_a_true_beginning_and_never_a_wrong_record(cut in 0usize..2_000, flip in any::<Option<(usize, u8)>>()) {
        let (_folder, path) = spool(8);
        let mut bytes = fs::read(&path).unwrap();
        bytes.truncate(bytes.len().saturating_sub(cut % bytes.len()));
        if let Some((at, mask)) = flip {
            let at = at % bytes.len();
            bytes[at] ^= mask | 1;
        }
        fs::write(&path, &bytes).unwrap();
        // A damaged header is an error or no spool at all.
        let Ok(Some(mut reader)) = SpoolReader::open(&path) else { return Ok(()) };
        let (first, records) = reader.read(0, usize::MAX, 10).unwrap();
        prop_assert_eq!(first, 1);
        for (record_read, i) in records.iter().zip(1..) {
            prop_assert_eq!(record_read, &record(i));
        }
    }
}
