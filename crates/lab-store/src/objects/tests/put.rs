use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use lab_model::{BoxError, Code, Compression, ContentHash, Error};
use proptest::prelude::*;

use super::store::Gate;
use super::{MIB, get, in_memory, noise, put, put_up_to, stored, stored_bytes, text};
use crate::objects::Objects;
use crate::objects::chunk::CHUNKING;

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// Lengths about the least, mean and greatest chunk and the block, and any other.
fn len() -> impl Strategy<Value = usize> {
    let edges = vec![0, 1, CHUNKING.min_bytes, CHUNKING.average_bytes, CHUNKING.max_bytes, 2 * CHUNKING.max_bytes];
    let near = (prop::sample::select(edges), 0..5usize).prop_map(|(edge, by)| (edge + by).saturating_sub(2));
    prop_oneof![3 => near, 1 => 0..3 * MIB]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn content_comes_back_as_it_was(len in len(), seed: u64, compresses: bool) {
        let content = if compresses { text(len) } else { noise(seed, len) };
        run(async {
            let (_, objects) = in_memory();
            let info = put(&objects, &content).await.unwrap();
            assert_eq!((info.hash, info.size_bytes), (ContentHash::of(&content), len as u64));
            assert_eq!(objects.info(info.hash).await.unwrap(), Some(info));
            assert!(get(&objects, info.hash).await.unwrap() == content);
        });
    }
}

#[tokio::test]
async fn the_same_content_is_stored_once() {
    let (store, objects) = in_memory();
    let content = noise(1, 6 * MIB);
    let first = put(&objects, &content).await.unwrap();
    let (chunks, manifests) = (stored(&*store, "chunks").await, stored(&*store, "manifests").await);
    assert_eq!(put(&objects, &content).await.unwrap(), first);
    assert_eq!((stored(&*store, "chunks").await, stored(&*store, "manifests").await), (chunks, manifests));
}

#[tokio::test]
async fn a_small_change_costs_little() {
    let (store, objects) = in_memory();
    let mut content = noise(2, 32 * MIB);
    put(&objects, &content).await.unwrap();
    let before = stored_bytes(&*store).await;
    let at = 17 * MIB;
    content[at..at + 320 * 1024].copy_from_slice(&noise(3, 320 * 1024));
    content.splice(5 * MIB..5 * MIB, *b"inserted");
    let info = put(&objects, &content).await.unwrap();
    let more = stored_bytes(&*store).await - before;
    assert!(more < before / 4, "{more} of {before}");
    assert!(get(&objects, info.hash).await.unwrap() == content);
}

#[tokio::test]
async fn what_compresses_is_compressed_and_what_does_not_is_left() {
    let (store, objects) = in_memory();
    let content = text(3 * MIB);
    put(&objects, &content).await.unwrap();
    assert!(stored_bytes(&*store).await < content.len() as u64 / 2);

    let (store, objects) = in_memory();
    put(&objects, &noise(4, 3 * MIB)).await.unwrap();
    let overhead = stored_bytes(&*store).await - 3 * MIB as u64;
    assert_eq!(overhead, stored(&*store, "chunks").await.len() as u64);
}

#[tokio::test]
async fn content_stored_without_compression_is_found_with_it() {
    let (store, objects) = in_memory();
    let off = Objects::new(Arc::<object_store::memory::InMemory>::clone(&store), Compression::Off);
    let content = text(2 * MIB);
    let info = put(&off, &content).await.unwrap();
    assert!(stored_bytes(&*store).await > content.len() as u64);
    assert_eq!(put(&objects, &content).await.unwrap(), info);
    assert!(get(&objects, info.hash).await.unwrap() == content);
}

#[tokio::test]
async fn more_than_the_limit_is_refused_and_not_listed() {
    let (store, objects) = in_memory();
    let content = noise(5, 9 * MIB);
    let limit = content.len() as u64;
    let refused = put_up_to(&objects, &content, limit - 1).await.unwrap_err();
    assert!(
        matches!(&refused, Error::ArtifactTooLarge { name, limit_bytes } if name == "model.bin" && *limit_bytes == limit - 1)
    );
    assert!(stored(&*store, "manifests").await.is_empty());
    put_up_to(&objects, &content, limit).await.unwrap();
}

#[tokio::test]
async fn a_sender_that_fails_adds_nothing() {
    let (store, objects) = in_memory();
    let pieces =
        [Ok(Bytes::from_static(b"half")), Err(BoxError::from(std::io::Error::from(std::io::ErrorKind::BrokenPipe)))];
    let failed = objects.put("model.bin", stream::iter(pieces), u64::MAX).await.unwrap_err();
    assert_eq!((failed.code(), failed.is_retryable()), (Code::IoError, true));
    assert!(stored(&*store, "manifests").await.is_empty());
}

#[tokio::test]
async fn a_full_disk_adds_nothing_and_can_be_tried_again() {
    let content = noise(6, 5 * MIB);
    // Every write may be the one that fails, the manifest's last of all.
    let (store, objects) = in_memory();
    put(&objects, &content).await.unwrap();
    let writes = stored(&*store, "").await.len();
    for fails_at in 0..writes {
        let gate = Gate::of(fails_at);
        let objects = Objects::new(Arc::<Gate>::clone(&gate), Compression::default());
        let mut putting = Box::pin(put(&objects, &content));
        while gate.writes.available_permits() > 0 {
            assert!(tokio::time::timeout(Duration::from_millis(1), &mut putting).await.is_err());
        }
        gate.writes.close();
        let failed = putting.await.unwrap_err();
        assert_eq!((failed.code(), failed.is_retryable()), (Code::StorageError, true));
        assert_eq!(objects.info(ContentHash::of(&content)).await.unwrap(), None, "failing at write {fails_at}");

        let again = Objects::new(Arc::<object_store::memory::InMemory>::clone(&gate.inner), Compression::default());
        put(&again, &content).await.unwrap();
    }
}

#[tokio::test]
async fn a_slow_store_slows_the_sender_down() {
    let gate = Gate::of(0);
    let objects = Objects::new(Arc::<Gate>::clone(&gate), Compression::default());
    let sent = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&sent);
    let pieces = stream::iter(0..256u64).map(move |i| {
        counted.fetch_add(MIB, Ordering::Relaxed);
        Ok::<_, BoxError>(noise(i, MIB).into())
    });
    let mut putting = Box::pin(objects.put("model.bin", pieces, u64::MAX));
    let mut before = usize::MAX;
    while before != sent.load(Ordering::Relaxed) {
        before = sent.load(Ordering::Relaxed);
        assert!(tokio::time::timeout(Duration::from_millis(300), &mut putting).await.is_err());
    }
    assert!((4 * MIB..=32 * MIB).contains(&before), "{before} bytes were taken while nothing was written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_may_put_the_same_content_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let objects = Objects::local(&folder.path().join("a/b/objects"), Compression::default()).unwrap();
    let content = Arc::new(text(5 * MIB));
    let puts = (0..8).map(|_| {
        let (objects, content) = (objects.clone(), Arc::clone(&content));
        tokio::spawn(async move { put(&objects, &content).await.unwrap() })
    });
    let stored: Vec<_> = futures_util::future::join_all(puts).await.into_iter().map(Result::unwrap).collect();
    assert!(stored.iter().all(|info| *info == stored[0]));
    assert!(get(&objects, stored[0].hash).await.unwrap() == *content);
    // What one process stored, the next one finds.
    let reopened = Objects::local(&folder.path().join("a/b/objects"), Compression::Off).unwrap();
    assert_eq!(reopened.info(stored[0].hash).await.unwrap(), Some(stored[0]));
}

#[tokio::test]
async fn a_put_that_is_dropped_adds_nothing() {
    let gate = Gate::of(2);
    let objects = Objects::new(Arc::<Gate>::clone(&gate), Compression::default());
    let content = noise(8, 9 * MIB);
    let mut putting = Box::pin(put(&objects, &content));
    assert!((&mut putting).now_or_never().is_none());
    drop(putting);
    gate.writes.add_permits(100);
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(objects.info(ContentHash::of(&content)).await.unwrap(), None);
}
