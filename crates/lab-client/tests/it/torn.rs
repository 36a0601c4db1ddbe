//! Spools cut off anywhere, as by a machine that loses power.

use std::path::PathBuf;

use lab_client::{Run, sync};
use lab_model::RunId;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::given::{Lab, counted, log, offline};

/// Bytes before the first frame, and before the payload of each; see the spool's format.
const HEADER: usize = 44;
const PREFIX: usize = 16;

/// A spool with a start and these records, and where each frame ends.
fn spool(lab: &Lab, records: u32) -> (RunId, PathBuf, Vec<usize>) {
    let run = Run::start(&lab.workspace, offline()).unwrap();
    log(&run, 0..records);
    let id = run.id();
    run.abandon();
    let folder = lab.workspace.root.join("spool").join(id.to_string());
    let path = std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    let bytes = std::fs::read(&path).unwrap();
    let mut ends = vec![HEADER];
    while let Some(length) = bytes.get(ends[ends.len() - 1]..).and_then(<[u8]>::first_chunk) {
        ends.push(ends[ends.len() - 1] + PREFIX + u32::from_le_bytes(*length) as usize);
    }
    assert_eq!((ends.len() as u32, ends.last()), (records + 2, Some(&bytes.len())));
    (id, path, ends)
}

fn check(lab: &Lab, records: u32, cut_at: impl FnOnce(&[usize]) -> usize) -> Result<(), TestCaseError> {
    let (id, path, ends) = spool(lab, records);
    let cut = cut_at(&ends);
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..cut]).unwrap();
    let whole = ends.iter().filter(|end| **end <= cut).count().saturating_sub(1) as u32;
    let is_torn = cut > HEADER && !ends.contains(&cut);

    let synced = sync(&lab.workspace).unwrap();
    prop_assert!(synced.is_complete(), "{}", synced);
    prop_assert_eq!(synced.records, u64::from(whole), "cut at {} of {:?}", cut, ends);
    prop_assert_eq!(synced.refused.len(), usize::from(is_torn), "{}", synced);
    prop_assert!(!path.exists());
    let damaged = path.with_extension("damaged");
    prop_assert_eq!(damaged.exists(), is_torn);
    if is_torn {
        prop_assert_eq!(std::fs::read(&damaged).unwrap(), &bytes[..cut], "what is damaged is kept as it is");
    }
    if whole > 0 {
        prop_assert_eq!(lab.stored().losses(id), counted(whole - 1));
    }
    prop_assert_eq!(sync(&lab.workspace).unwrap().records, 0);
    Ok(())
}

#[test]
fn whole_frames_are_delivered_and_a_torn_one_is_never_misread() {
    // One workspace for all cases: making a store takes longer than a case.
    let lab = Lab::new();
    let index = any::<prop::sample::Index>;
    let cases = (0..5u32, index(), prop::option::of((index(), -2..=2isize)));
    let config = ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() };
    let outcome = TestRunner::new(config).run(&cases, |(records, at, near)| {
        // Anywhere, or about where a frame ends.
        check(&lab, records, |ends| {
            let length = ends[ends.len() - 1];
            match near {
                Some((end, by)) => end.get(ends).saturating_add_signed(by).min(length),
                None => at.index(length + 1),
            }
        })
    });
    outcome.unwrap();
}
