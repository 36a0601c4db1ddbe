use lab_model::{Code, ContentHash};
use object_store::ObjectStoreExt as _;
use object_store::path::Path;

use super::{MIB, alter, get, in_memory, noise, put, read, stored, text};

/// The error names the object and says what is wrong.
#[track_caller]
fn says(found: lab_model::Result<Vec<u8>>, hash: ContentHash, problem: &str) {
    let error = found.unwrap_err();
    assert_eq!((error.code(), error.is_retryable()), (Code::StorageError, false));
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains(&hash.to_string()) && cause.contains(problem), "{cause}");
}

async fn damage(content: &[u8], problem: &str, change: impl FnOnce(&mut Vec<u8>)) {
    let (store, objects) = in_memory();
    let hash = put(&objects, content).await.unwrap().hash;
    let (path, _) = stored(&*store, "chunks").await.swap_remove(0);
    alter(&*store, &path, change).await;
    says(get(&objects, hash).await, hash, problem);
    // A part that needs the chunk is no better than the whole.
    says(read(&objects, hash, Some(0..content.len() as u64)).await, hash, problem);
}

#[tokio::test]
async fn a_damaged_chunk_is_never_handed_out() {
    let (plain, packed) = (noise(1, MIB / 8), text(MIB / 8));
    damage(&plain, "another hash", |bytes| bytes[1000] ^= 1).await;
    damage(&plain, "another length", |bytes| bytes.truncate(1000)).await;
    damage(&plain, "longer", |bytes| bytes.push(0)).await;
    damage(&plain, "is empty", Vec::clear).await;
    damage(&plain, "a form that this program does not know", |bytes| bytes[0] = 9).await;
    damage(&packed, "cannot be decompressed", |bytes| bytes.truncate(1000)).await;
    damage(&packed, "its chunk", |bytes| bytes[2000] ^= 1).await;
}

#[tokio::test]
async fn a_missing_chunk_is_named_and_put_again_mends_it() {
    let (store, objects) = in_memory();
    let content = noise(2, 6 * MIB);
    let hash = put(&objects, &content).await.unwrap().hash;
    let (path, _) = stored(&*store, "chunks").await.swap_remove(1);
    store.delete(&path).await.unwrap();
    says(get(&objects, hash).await, hash, "is missing");
    put(&objects, &content).await.unwrap();
    assert!(get(&objects, hash).await.unwrap() == content);
}

#[tokio::test]
async fn a_manifest_that_was_altered_is_noticed_and_put_again_mends_it() {
    let (store, objects) = in_memory();
    let content = [noise(3, MIB), noise(4, MIB), noise(5, MIB), noise(6, MIB)].concat();
    let hash = put(&objects, &content).await.unwrap().hash;
    let path = Path::from(format!("manifests/{}/{hash}", &hash.to_string()[..2]));
    let original: serde_json::Value =
        serde_json::from_slice(&store.get(&path).await.unwrap().bytes().await.unwrap()).unwrap();
    let rewrite = async |change: fn(&mut serde_json::Value)| {
        let mut manifest = original.clone();
        change(&mut manifest);
        store.put(&path, serde_json::to_vec(&manifest).unwrap().into()).await.unwrap();
    };
    rewrite(|manifest| manifest["chunks"].as_array_mut().unwrap().reverse()).await;
    says(get(&objects, hash).await, hash, "make up other content");
    rewrite(|manifest| manifest["chunks"].as_array_mut().unwrap().truncate(1)).await;
    says(get(&objects, hash).await, hash, "contradicts itself");
    rewrite(|manifest| manifest["chunks"][0]["size_bytes"] = u64::MAX.into()).await;
    says(get(&objects, hash).await, hash, "contradicts itself");
    rewrite(|manifest| manifest["version"] = 2.into()).await;
    says(get(&objects, hash).await, hash, "has version 2");
    store.put(&path, "{".into()).await.unwrap();
    says(get(&objects, hash).await, hash, "cannot be read");
    put(&objects, &content).await.unwrap();
    assert!(get(&objects, hash).await.unwrap() == content);
}
