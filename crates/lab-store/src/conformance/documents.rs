//! Documents, and the removal of artifacts.

use lab_model::{
    ArtifactId, ArtifactRef, ArtifactType, Code, ContentHash, LineageNode, Metadata, NodeId, NodeType, Timestamp,
};
use serde_json::json;

use super::given::{self, at, now};
use crate::{Change, Direction, Document, DocumentKind, DocumentQuery, Expect, LineageSearch, Store, Write};

fn document(key: &str, scope: &str, created_at: Timestamp) -> Document {
    Document {
        kind: DocumentKind::ModelVersion,
        key: key.to_owned(),
        scope: scope.to_owned(),
        created_at,
        updated_at: at(9),
        revision: 1,
        content: None,
        body: json!({"key": key, "ü": [1, null]}),
    }
}

async fn put(store: &dyn Store, document: Document) {
    given::write(store, Write::PutDocument(Box::new(document))).await;
}

pub(super) async fn a_document_reads_back_whole(store: &dyn Store) {
    let kept = Document { content: Some(ContentHash::of(b"x")), ..document("a/1", "a", at(1)) };
    put(store, kept.clone()).await;
    put(store, Document { kind: DocumentKind::LoggedModel, ..kept.clone() }).await;
    assert_eq!(store.document(DocumentKind::ModelVersion, "a/1").await.expect("an answer"), Some(kept));
    assert_eq!(store.document(DocumentKind::ModelVersion, "a/2").await.expect("an answer"), None);
    let (kind, key) = (DocumentKind::ModelVersion, "a/1".to_owned());
    given::write(store, Write::DeleteDocument { kind, key }).await;
    assert_eq!(store.document(DocumentKind::ModelVersion, "a/1").await.expect("an answer"), None);
    assert!(store.document(DocumentKind::LoggedModel, "a/1").await.expect("an answer").is_some());
}

pub(super) async fn a_document_is_replaced_only_at_the_revision_expected(store: &dyn Store) {
    let writing = |revision, expected| {
        let document = Document { revision, ..document("a/1", "a", at(1)) };
        let (kind, key) = (document.kind, document.key.clone());
        Change::new(now())
            .expecting(Expect::DocumentAt { kind, key, revision: expected })
            .writing(Write::PutDocument(Box::new(document)))
    };
    store.commit(writing(1, 0)).await.expect("a new document");
    assert_eq!(store.commit(writing(1, 0)).await.expect_err("it exists").code(), Code::Conflict);
    store.commit(writing(2, 1)).await.expect("the next revision");
    assert_eq!(store.commit(writing(2, 1)).await.expect_err("it moved").code(), Code::Conflict);
    let kept = store.document(DocumentKind::ModelVersion, "a/1").await.expect("an answer").expect("the document");
    assert_eq!(kept.revision, 2);
}

pub(super) async fn documents_are_found_by_scope_and_by_beginning(store: &dyn Store) {
    for (key, scope, secs) in [("a/1", "a", 1), ("a/2", "a", 2), ("a0", "b", 3), ("a/10", "b", 3), ("ä/1", "c", 0)] {
        put(store, document(key, scope, at(secs))).await;
    }
    let kind = DocumentKind::ModelVersion;
    let keys = async |query: DocumentQuery| {
        let found = store.documents(&query).await.expect("documents");
        found.into_iter().map(|document| document.key).collect::<Vec<_>>()
    };
    assert_eq!(keys(DocumentQuery::all(kind)).await, ["a/10", "a0", "a/2", "a/1", "ä/1"]);
    assert_eq!(keys(DocumentQuery::of(kind, "a")).await, ["a/2", "a/1"]);
    assert_eq!(keys(DocumentQuery::under(kind, "a/")).await, ["a/10", "a/2", "a/1"]);
    assert_eq!(keys(DocumentQuery::all(DocumentKind::Trace)).await, [""; 0]);
    let some = DocumentQuery { scopes: Some(vec!["b".into(), "c".into()]), limit: Some(2), ..DocumentQuery::all(kind) };
    assert_eq!(keys(some).await, ["a/10", "a0"]);
    let none = DocumentQuery { scopes: Some(Vec::new()), ..DocumentQuery::all(kind) };
    assert_eq!(keys(none).await, [""; 0]);
}

pub(super) async fn artifacts_are_removed_with_their_nodes(store: &dyn Store) {
    let run = given::run(store).await;
    let artifact = |name: &str| ArtifactRef {
        id: ArtifactId::new(now()),
        run_id: run.id,
        name: name.parse().expect("a name"),
        artifact_type: ArtifactType::File,
        content_hash: ContentHash::of(name.as_bytes()),
        size_bytes: 1,
        storage_uri: "lab-object:x".into(),
        metadata: Metadata::new(),
        created_at: at(1),
    };
    let (kept, removed) = (artifact("kept"), artifact("removed"));
    let node = |artifact: &ArtifactRef| NodeId::new(NodeType::Artifact, artifact.id);
    for artifact in [&kept, &removed] {
        let mut change = Change::new(now()).writing(Write::AddArtifact(Box::new(artifact.clone())));
        let (id, label) = (node(artifact), artifact.name.to_string());
        change.nodes.push(LineageNode { id, label, metadata: Metadata::new(), created_at: at(1) });
        store.commit(change).await.expect("an artifact");
    }
    let ids = vec![removed.id, ArtifactId::new(now())];
    given::write(store, Write::RemoveArtifacts { run: run.id, ids }).await;
    assert_eq!(store.artifacts(run.id).await.expect("artifacts"), std::slice::from_ref(&kept));
    for (artifact, is_there) in [(&kept, true), (&removed, false)] {
        let search = LineageSearch {
            from: node(artifact),
            direction: Direction::Both,
            depth: 1,
            node_types: Vec::new(),
            edge_types: Vec::new(),
            limit: 10,
        };
        assert_eq!(store.lineage(&search).await.expect("an answer").is_some(), is_there);
    }
}
