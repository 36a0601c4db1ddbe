use lab_model::{SeriesKey, SeriesPoints};
use proptest::prelude::*;

use super::{bits, key, points, points_of, series, training};
use crate::{SeriesError, decode_batch, decode_chunk, decode_series, encode_batch, encode_chunk};

fn batch() -> impl Strategy<Value = Vec<SeriesPoints>> {
    let one = (key(), prop_oneof![8 => Just(2usize), 8 => Just(30), 1 => Just(1200)])
        .prop_flat_map(|(key, most)| points_of(key, most));
    prop::collection::vec(one, 0..8)
}

#[track_caller]
fn same(a: &[SeriesPoints], b: &[SeriesPoints]) {
    assert_eq!(a.len(), b.len());
    for (a, b) in a.iter().zip(b) {
        assert_eq!(a.key, b.key);
        assert_eq!(bits(a), bits(b));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_batch_comes_back_as_it_was(batch in batch()) {
        let bytes = encode_batch(&batch);
        same(&decode_batch(&bytes).unwrap(), &batch);
        for key in batch.iter().map(|s| &s.key) {
            let parts: Vec<_> = batch.iter().filter(|s| s.key == *key).flat_map(bits).collect();
            prop_assert_eq!(bits(&decode_series(&bytes, key).unwrap().unwrap()), parts);
        }
        prop_assert!(decode_series(&bytes, &"absent".into()).unwrap().is_none());
    }

    #[test]
    fn a_chunk_comes_back_as_it_was(points in points(2000)) {
        let back = decode_chunk(&encode_chunk(&points), points.key.clone()).unwrap();
        same(&[back], &[points]);
    }

    #[test]
    fn any_altered_byte_is_noticed(batch in batch(), points in points(300), at: prop::sample::Index, flip in 1..=255u8) {
        let mut bytes = encode_batch(&batch);
        let at_byte = at.index(bytes.len());
        bytes[at_byte] ^= flip;
        prop_assert!(decode_batch(&bytes).is_err() && decode_series(&bytes, &"train".into()).is_err());
        let mut bytes = encode_chunk(&points);
        let at_byte = at.index(bytes.len());
        bytes[at_byte] ^= flip;
        prop_assert!(decode_chunk(&bytes, points.key).is_err());
    }

    #[test]
    fn any_cut_is_noticed(batch in batch(), points in points(300), at: prop::sample::Index) {
        let bytes = encode_batch(&batch);
        prop_assert!(decode_batch(&bytes[..at.index(bytes.len())]).is_err());
        let bytes = encode_chunk(&points);
        prop_assert!(decode_chunk(&bytes[..at.index(bytes.len())], points.key).is_err());
    }

    /// What a checksum that happens to fit, or a defect in the writer, may present to the decoder.
    #[test]
    fn damage_behind_a_valid_checksum_ends_in_an_answer(
        batch in batch(), points in points(300), alter in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let resealed = |mut bytes: Vec<u8>| {
            for (at, byte) in &alter {
                let at = at.index(bytes.len());
                if at >= 5 {
                    bytes[at] = *byte;
                }
            }
            let format = bytes[0];
            crate::wire::seal(bytes, format)
        };
        decode_batch(&resealed(encode_batch(&batch))).ok();
        decode_series(&resealed(encode_batch(&batch)), &"train".into()).ok();
        decode_chunk(&resealed(encode_chunk(&points)), points.key).ok();
    }

    #[test]
    fn any_bytes_behind_a_valid_checksum_end_in_an_answer(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let sealed = |format| {
            let mut bytes = crate::wire::envelope();
            bytes.extend(&body);
            crate::wire::seal(bytes, format)
        };
        decode_batch(&sealed(1)).ok();
        decode_chunk(&sealed(0x81), "loss".into()).ok();
        decode_batch(&body).ok();
        decode_chunk(&body, "loss".into()).ok();
    }
}

#[test]
fn a_newer_format_is_named() {
    let mut bytes = encode_batch(&[]);
    bytes[0] = 2;
    assert_eq!(
        decode_batch(&bytes).unwrap_err().to_string(),
        "encoded batch has format 2; this program reads format 1"
    );
}

#[test]
fn a_batch_is_not_a_chunk() {
    let found = decode_chunk(&encode_batch(&[]), "loss".into());
    assert!(matches!(found, Err(SeriesError::Format { what: "chunk", .. })));
}

#[test]
fn a_length_that_no_bytes_stand_behind_takes_no_memory() {
    for form in [0b00_00_00_00, 0b01_00_00_01, 0b01_01_01_10] {
        let mut bytes = crate::wire::envelope();
        crate::wire::put_varint(&mut bytes, u64::MAX >> 2);
        bytes.extend([form, 2, 2, 2, 2, 2]);
        assert!(decode_chunk(&crate::wire::seal(bytes, 0x81), "loss".into()).is_err());
    }
}

#[test]
fn many_pages_of_the_numeric_codec_are_one_column() {
    let points = training(600_000);
    same(&[decode_chunk(&encode_chunk(&points), points.key.clone()).unwrap()], &[points]);
}

#[test]
fn one_step_of_many_series_costs_little_more_than_its_values() {
    let one = |i: usize| {
        series(SeriesKey::named(format!("layers/{i}/norm")), [(0.1 + i as f64, Some(7), 1_700_000_000_000_000)])
    };
    let batch: Vec<_> = (0..1000).map(one).collect();
    let bytes = encode_batch(&batch);
    assert!(bytes.len() < 1000 * 26, "{}", bytes.len());
}
