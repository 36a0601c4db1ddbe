//! Bytes written by the first release of each format must decode to the same points for ever.
//!
//! The files are never written again: a new format is a new file. To add one, run the test with `LAB_WRITE_GOLDEN=1` while
//! the file is absent.

use std::path::Path;

use lab_model::SeriesPoints;

use super::{bits, series, training};
use crate::{decode_batch, decode_chunk, encode_batch, encode_chunk};

fn golden(name: &str, encode: impl FnOnce() -> Vec<u8>) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tests/golden").join(name);
    if std::env::var_os("LAB_WRITE_GOLDEN").is_some() && !path.exists() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, encode()).unwrap();
    }
    std::fs::read(&path).unwrap()
}

/// One series per form of a column.
fn samples() -> Vec<SeriesPoints> {
    let long = training(400);
    let rounded = series("rounded".into(), long.iter().map(|(v, s, t)| (f64::from(v as f32), s, t)));
    let gaps = long.iter().enumerate().map(|(i, (v, s, t))| (v, s.filter(|_| i % 3 > 0), t));
    let gaps = series("gaps".into(), gaps);
    let jumps = long.iter().map(|(v, s, t)| (v, s.map(|s| s * s % 77), t));
    let jumps = series("jumps".into(), jumps);
    let odd = [
        (f64::from_bits(0x7ff8_0000_0000_1234), None, i64::MIN),
        (f64::NEG_INFINITY, Some(i64::MIN), 0),
        (-0.0, Some(i64::MAX), i64::MAX),
    ];
    let mut odd = series("odd".into(), odd);
    odd.key.context = [("split".to_owned(), "val".to_owned())].into();
    let short = series("short".into(), [(0.5, Some(3), 17)]);
    vec![long, rounded, gaps, jumps, odd, short, series("none".into(), [])]
}

#[test]
fn batches_of_format_1() {
    let bytes = golden("batch_1.bin", || encode_batch(&samples()));
    for (found, expected) in decode_batch(&bytes).unwrap().iter().zip(samples()) {
        assert_eq!((&found.key, bits(found)), (&expected.key, bits(&expected)));
    }
}

#[test]
fn chunks_of_format_1() {
    for sample in samples() {
        let bytes = golden(&format!("chunk_1_{}.bin", sample.key.name.replace('/', "_")), || encode_chunk(&sample));
        let found = decode_chunk(&bytes, sample.key.clone()).unwrap();
        assert_eq!(bits(&found), bits(&sample));
    }
}
