//! Records of artifacts.

use lab_model::{ArtifactId, ArtifactRef, ArtifactType, Code, ContentHash, Metadata, RunId};

use super::given::{self, at, now};
use crate::{Change, Store, Write};

fn artifact(run_id: RunId, name: &str, secs: i64) -> ArtifactRef {
    let mut metadata = Metadata::new();
    metadata.insert("k".into(), serde_json::json!([1, {"a": null}]));
    ArtifactRef {
        id: ArtifactId::new(now()),
        run_id,
        name: name.parse().expect("a name"),
        artifact_type: ArtifactType::Custom("tokenizer".into()),
        content_hash: ContentHash::of(name.as_bytes()),
        size_bytes: 1 << 40,
        storage_uri: "lab-object:x".into(),
        metadata,
        created_at: at(secs),
    }
}

async fn add(store: &dyn Store, artifact: &ArtifactRef) {
    given::write(store, Write::AddArtifact(Box::new(artifact.clone()))).await;
}

pub(super) async fn an_artifact_is_found_by_id_and_by_run(store: &dyn Store) {
    let run = given::run(store).await;
    let artifact = artifact(run.id, "plots/löss.svg", 1);
    add(store, &artifact).await;
    assert_eq!(store.artifact(artifact.id).await.expect("an answer"), Some(artifact.clone()));
    assert_eq!(store.artifacts(run.id).await.expect("artifacts"), [artifact]);
    assert_eq!(store.artifact(ArtifactId::new(now())).await.expect("an answer"), None);
    assert_eq!(store.artifacts(RunId::new(now())).await.expect("artifacts"), []);
}

pub(super) async fn of_one_name_the_latest_comes_first(store: &dyn Store) {
    let run = given::run(store).await;
    let all = [artifact(run.id, "b", 1), artifact(run.id, "a", 2), artifact(run.id, "b", 3), artifact(run.id, "b", 3)];
    for artifact in &all {
        add(store, artifact).await;
    }
    let [b1, a, b2, b3] = all;
    assert_eq!(store.artifacts(run.id).await.expect("artifacts"), [a, b3, b2, b1]);
}

pub(super) async fn an_artifact_of_no_run_or_with_a_taken_id_is_refused(store: &dyn Store) {
    let run = given::run(store).await;
    let first = artifact(run.id, "a", 1);
    add(store, &first).await;
    let mut twin = artifact(run.id, "b", 1);
    twin.id = first.id;
    let answer = store.commit(Change::new(now()).writing(Write::AddArtifact(Box::new(twin)))).await;
    assert_eq!(answer.expect_err("the id is taken").code(), Code::Conflict);
    assert_eq!(store.artifacts(run.id).await.expect("artifacts"), [first]);
}
