//! Artifacts: limits, identity, and bytes that come back as they went in.

use bytes::Bytes;
use futures_util::{TryStreamExt as _, stream};
use jiff::SignedDuration;
use lab_model::{Code, ContentHash, EventBody, RunId, Settings};
use lab_tracker::NewArtifact;

use crate::given::{BEGIN, Lab, artifact, pieces};

/// Bytes that do not repeat.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    std::iter::repeat_with(next).take(len).collect()
}

#[tokio::test]
async fn what_is_too_large_is_refused_before_a_byte_is_kept() {
    let lab = Lab::with(Settings { artifact_limit_bytes: 1_000, ..Settings::default() });
    let id = lab.run().await.id;
    let before = lab.everything().await;
    let declared = NewArtifact { declared_bytes: Some(1_001), ..artifact("big.bin") };
    let untouched = stream::poll_fn(|_| -> std::task::Poll<Option<std::io::Result<Bytes>>> {
        panic!("nothing is read of what is too large")
    });
    let declared = lab.tracker.log_artifact(id, declared, untouched).await.unwrap_err();
    let undeclared = lab.tracker.log_artifact(id, artifact("big.bin"), pieces(&noise(1_001))).await.unwrap_err();
    let loose = lab.tracker.put_object(Some(1_001), "big.bin", pieces(&[])).await.unwrap_err();
    for error in [declared, undeclared, loose] {
        assert_eq!(error.code(), Code::ArtifactTooLarge);
        let told = error.to_string();
        assert!(told.contains("`big.bin`") && told.contains("1000") && told.contains("artifact_limit_bytes"), "{told}");
    }
    assert!(lab.object_files().is_empty(), "{:?}", lab.object_files());
    assert_eq!(lab.everything().await, before);
    assert_eq!(lab.log_artifact(id, "fits.bin", &noise(1_000)).await.unwrap().size_bytes, 1_000);
}

#[tokio::test]
async fn what_comes_back_is_what_went_in() {
    let lab = Lab::new();
    let id = lab.run().await.id;
    let text = "the same line again\n".repeat(100_000).into_bytes();
    for (name, content) in [("empty", Vec::new()), ("noise.bin", noise(5_000_000)), ("logs/train.txt", text)] {
        let last = lab.last_event().await;
        let made = lab.log_artifact(id, name, &content).await.unwrap();
        assert_eq!((made.content_hash, made.size_bytes), (ContentHash::of(&content), content.len() as u64));
        assert!(lab.download(&made).await.unwrap() == content, "{name} came back another");
        assert_eq!(lab.tracker.find_artifact(id, &made.name).await.unwrap(), made);
        let event = lab.tracker.events(last, 10).await.unwrap().pop().unwrap();
        let (artifact_id, size_bytes) = (made.id, made.size_bytes);
        assert_eq!(event.body, EventBody::ArtifactLogged { artifact_id, name: made.name.clone(), size_bytes });
        if content.len() > 1_000 {
            let (_, part) = lab.tracker.open_artifact(made.id, Some(7..999)).await.unwrap();
            let part: Vec<Bytes> = part.stream.try_collect().await.unwrap();
            assert!(part.concat() == content[7..999], "{name}");
        }
    }
    assert_eq!(lab.tracker.run_detail(id).await.unwrap().artifacts.len(), 3);
}

#[tokio::test]
async fn the_same_content_is_stored_once_and_under_the_same_name_is_the_same_artifact() {
    let lab = Lab::new();
    let experiment = lab.experiment("tiny-lm").await;
    let (one, two) = (lab.run_of(&experiment).await.id, lab.run_of(&experiment).await.id);
    let content = noise(100_000);
    let first = lab.log_artifact(one, "model.bin", &content).await.unwrap();
    let (files, last) = (lab.object_files(), lab.last_event().await);
    assert_eq!(lab.log_artifact(one, "model.bin", &content).await.unwrap(), first);
    assert_eq!(lab.last_event().await, last);
    let elsewhere = lab.log_artifact(one, "copy.bin", &content).await.unwrap();
    let of_another = lab.log_artifact(two, "model.bin", &content).await.unwrap();
    assert!(elsewhere.id != first.id && of_another.id != first.id);
    assert_eq!(lab.object_files(), files, "the bytes are there already");

    lab.clock.advance(SignedDuration::from_secs(1));
    let newer = lab.log_artifact(one, "model.bin", b"better").await.unwrap();
    assert_eq!(lab.tracker.find_artifact(one, &newer.name).await.unwrap(), newer, "the latest of a name counts");
    lab.clock.advance(SignedDuration::from_secs(1));
    let back = lab.log_artifact(one, "model.bin", &content).await.unwrap();
    assert_eq!(lab.tracker.find_artifact(one, &back.name).await.unwrap(), back);
    let named: Vec<_> = lab.tracker.artifacts(one).await.unwrap().into_iter().map(|a| a.id).collect();
    assert_eq!(named, [elsewhere.id, back.id, newer.id, first.id]);
}

#[tokio::test]
async fn altered_bytes_are_noticed() {
    let lab = Lab::new();
    let id = lab.run().await.id;
    let made = lab.log_artifact(id, "model.bin", &noise(100_000)).await.unwrap();
    let chunk = lab.object_files().into_iter().find(|path| path.components().any(|c| c.as_os_str() == "chunks"));
    let chunk = chunk.unwrap();
    let mut bytes = std::fs::read(&chunk).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&chunk, bytes).unwrap();
    assert_eq!(lab.download(&made).await.unwrap_err().code(), Code::StorageError);
    std::fs::remove_file(&chunk).unwrap();
    assert_eq!(lab.download(&made).await.unwrap_err().code(), Code::StorageError);
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_no_artifact() {
    let lab = Lab::new();
    let id = lab.run().await.id;
    let before = lab.everything().await;
    let broken = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    let content = stream::iter([Ok(Bytes::from(noise(1_000))), Err(broken)]);
    let error = lab.tracker.log_artifact(id, artifact("model.bin"), content).await.unwrap_err();
    assert!(error.is_retryable() && error.to_string().contains("`model.bin`"), "{error}");
    assert_eq!(lab.everything().await, before);
}

#[tokio::test]
async fn what_is_not_there_says_so() {
    let lab = Lab::new();
    let id = lab.run().await.id;
    let missing = lab.tracker.find_artifact(id, &"model.bin".parse().unwrap()).await.unwrap_err();
    assert_eq!(missing.to_string(), "no artifact `model.bin`");
    let unknown = RunId::new(BEGIN);
    assert_eq!(lab.tracker.artifacts(unknown).await.unwrap_err().code(), Code::NotFound);
}
