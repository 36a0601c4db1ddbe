use super::{MIB, get, in_memory, noise, put, read};
use lab_model::ContentHash;

#[tokio::test]
async fn any_range_is_that_part_of_the_content() {
    let (_, objects) = in_memory();
    let content = noise(1, 10 * MIB);
    let hash = put(&objects, &content).await.unwrap().hash;
    let all = content.len();
    for range in [0..0, 0..1, 0..all, all - 1..all, all..all, 123_456..9_876_543, 4 * MIB - 1..4 * MIB + 1, 7..8] {
        let found = read(&objects, hash, Some(range.start as u64..range.end as u64)).await.unwrap();
        assert!(found == content[range.clone()], "{range:?}");
    }
    let size = all as u64;
    for (start, end) in [(0, size + 1), (size + 1, size + 1), (5, 4)] {
        let refused = objects.open(hash, Some(start..end)).await.unwrap_err();
        assert_eq!(refused.field(), Some("range"));
    }
}

#[tokio::test]
async fn a_reader_says_what_it_reads() {
    let (_, objects) = in_memory();
    let info = put(&objects, b"abcdef").await.unwrap();
    let reader = objects.open(info.hash, Some(2..4)).await.unwrap().unwrap();
    assert_eq!((reader.info, reader.range), (info, 2..4));
}

#[tokio::test]
async fn what_was_never_stored_is_not_there() {
    let (_, objects) = in_memory();
    let hash = ContentHash::of(b"absent");
    assert_eq!(objects.info(hash).await.unwrap(), None);
    assert!(objects.open(hash, None).await.unwrap().is_none());
}

#[tokio::test]
async fn nothing_at_all_is_content_too() {
    let (store, objects) = in_memory();
    let info = put(&objects, b"").await.unwrap();
    assert_eq!((info.hash, info.size_bytes), (ContentHash::of(b""), 0));
    assert!(get(&objects, info.hash).await.unwrap().is_empty());
    assert!(super::stored(&*store, "chunks").await.is_empty());
}
