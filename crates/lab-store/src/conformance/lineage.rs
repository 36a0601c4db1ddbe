//! The lineage graph.

use lab_model::{Code, EdgeType, LineageEdge, LineageGraph, LineageNode, Metadata, NodeId, NodeType};

use super::given::at;
use crate::{Change, Direction, LineageSearch, Store};

fn id(text: &str) -> NodeId {
    text.parse().expect("a node")
}

fn node(text: &str) -> LineageNode {
    let mut metadata = Metadata::new();
    metadata.insert("of".into(), text.into());
    LineageNode { id: id(text), label: text.into(), metadata, created_at: at(1) }
}

fn edge(from: &str, edge_type: EdgeType, to: &str) -> LineageEdge {
    LineageEdge { from: id(from), edge_type, to: id(to), metadata: Metadata::new(), created_at: at(2) }
}

fn adding(nodes: &[&str], edges: Vec<LineageEdge>) -> Change {
    let mut change = Change::new(at(0));
    change.nodes = nodes.iter().map(|text| node(text)).collect();
    change.edges = edges;
    change
}

/// A run that uses a dataset and a model and makes an artifact, from which another is derived, which a second run uses.
async fn graph(store: &dyn Store) {
    let nodes =
        ["experiment:e", "run:r1", "run:r2", "dataset:d", "model:base", "artifact:a1", "artifact:a2", "metric:e/loss"];
    let edges = vec![
        edge("experiment:e", EdgeType::Contains, "run:r1"),
        edge("run:r1", EdgeType::UsesDataset, "dataset:d"),
        edge("run:r1", EdgeType::UsesModel, "model:base"),
        edge("run:r1", EdgeType::Produces, "artifact:a1"),
        edge("artifact:a2", EdgeType::DerivedFrom, "artifact:a1"),
        edge("run:r2", EdgeType::UsesModel, "artifact:a2"),
        edge("run:r2", EdgeType::Evaluates, "metric:e/loss"),
    ];
    store.commit(adding(&nodes, edges)).await.expect("a graph");
}

fn search(from: &str, direction: Direction) -> LineageSearch {
    LineageSearch { from: id(from), direction, depth: 10, node_types: vec![], edge_types: vec![], limit: 100 }
}

async fn walk(store: &dyn Store, search: &LineageSearch) -> LineageGraph {
    store.lineage(search).await.expect("an answer").expect("the first node")
}

/// The names found, those at one distance sorted.
fn names(graph: &LineageGraph) -> Vec<String> {
    graph.nodes.iter().map(|node| node.id.to_string()).collect()
}

fn sorted(graph: &LineageGraph) -> Vec<String> {
    let mut names = names(graph);
    names.sort();
    names
}

pub(super) async fn a_walk_goes_up_down_or_both_ways(store: &dyn Store) {
    graph(store).await;
    let up = walk(store, &search("artifact:a1", Direction::Ancestors)).await;
    assert_eq!(names(&up)[..2], ["artifact:a1", "run:r1"]);
    assert_eq!(sorted(&up), ["artifact:a1", "dataset:d", "experiment:e", "model:base", "run:r1"]);
    assert_eq!((up.edges.len(), up.truncated), (4, false));
    let down = walk(store, &search("artifact:a1", Direction::Descendants)).await;
    assert_eq!(names(&down), ["artifact:a1", "artifact:a2", "run:r2", "metric:e/loss"]);
    assert_eq!(down.edges.len(), 3);
    let both = walk(store, &search("artifact:a1", Direction::Both)).await;
    assert_eq!((both.nodes.len(), both.edges.len(), both.truncated), (8, 7, false));
    assert_eq!(both.nodes[0], node("artifact:a1"));
    assert!(both.edges.contains(&edge("run:r1", EdgeType::UsesDataset, "dataset:d")));
    assert_eq!(store.lineage(&search("run:none", Direction::Both)).await.expect("an answer"), None);
}

pub(super) async fn depth_and_limit_cut_and_say_so(store: &dyn Store) {
    graph(store).await;
    let cases = [(0, 1, 0, true), (1, 2, 1, true), (2, 3, 2, true), (3, 4, 3, false), (u32::MAX, 4, 3, false)];
    for (depth, nodes, edges, truncated) in cases {
        let found = walk(store, &LineageSearch { depth, ..search("artifact:a1", Direction::Descendants) }).await;
        assert_eq!((found.nodes.len(), found.edges.len(), found.truncated), (nodes, edges, truncated), "{depth}");
    }
    for (limit, truncated) in [(1, true), (4, true), (7, true), (8, false)] {
        let found = walk(store, &LineageSearch { limit, ..search("run:r1", Direction::Both) }).await;
        assert_eq!((found.nodes.len(), found.truncated), (limit as usize, truncated));
        let names = names(&found);
        let is_found = |id: &NodeId| names.contains(&id.to_string());
        assert!(found.edges.iter().all(|edge| is_found(&edge.from) && is_found(&edge.to)));
    }
}

pub(super) async fn filters_keep_the_walk_out(store: &dyn Store) {
    graph(store).await;
    let of_types = |node_types: &[NodeType], edge_types: &[EdgeType]| LineageSearch {
        node_types: node_types.to_vec(),
        edge_types: edge_types.to_vec(),
        ..search("run:r1", Direction::Both)
    };
    let artifacts = walk(store, &of_types(&[NodeType::Artifact], &[])).await;
    assert_eq!(
        (names(&artifacts), artifacts.truncated),
        (vec!["run:r1".into(), "artifact:a1".into(), "artifact:a2".into()], false)
    );
    let runs = walk(store, &of_types(&[NodeType::Run], &[])).await;
    assert_eq!(names(&runs), ["run:r1"], "the second run lies behind artifacts");
    let uses = walk(store, &of_types(&[], &[EdgeType::UsesDataset, EdgeType::UsesModel])).await;
    assert_eq!((sorted(&uses), uses.edges.len()), (vec!["dataset:d".into(), "model:base".into(), "run:r1".into()], 2));
}

pub(super) async fn nodes_and_edges_that_exist_stay(store: &dyn Store) {
    graph(store).await;
    let mut again = adding(&["run:r1"], vec![edge("run:r1", EdgeType::Produces, "artifact:a1")]);
    again.nodes[0].label = "other".into();
    again.edges[0].created_at = at(99);
    // Another relation between the same two is another edge.
    again.edges.push(edge("run:r1", EdgeType::Transforms, "artifact:a1"));
    store.commit(again).await.expect("nothing stands against it");
    let found = walk(store, &LineageSearch { depth: 1, ..search("artifact:a1", Direction::Ancestors) }).await;
    assert_eq!(found.nodes[1], node("run:r1"));
    let edges = [EdgeType::Produces, EdgeType::Transforms].map(|kind| edge("run:r1", kind, "artifact:a1"));
    assert_eq!(found.edges, edges);
    let dangling = adding(&[], vec![edge("run:r1", EdgeType::Produces, "artifact:none")]);
    assert_eq!(store.commit(dangling).await.expect_err("no such node").code(), Code::NotFound);
}

pub(super) async fn circles_end(store: &dyn Store) {
    let nodes = ["artifact:a", "artifact:b", "artifact:c"];
    let derived = |from: &str, to: &str| edge(from, EdgeType::DerivedFrom, to);
    let edges = vec![
        derived("artifact:a", "artifact:b"),
        derived("artifact:b", "artifact:c"),
        derived("artifact:c", "artifact:a"),
        derived("artifact:a", "artifact:a"),
    ];
    store.commit(adding(&nodes, edges)).await.expect("a circle");
    for direction in [Direction::Ancestors, Direction::Descendants, Direction::Both] {
        let found = walk(store, &search("artifact:a", direction)).await;
        assert_eq!((found.nodes.len(), found.edges.len(), found.truncated), (3, 4, false));
        let found = walk(store, &LineageSearch { depth: 2, ..search("artifact:a", direction) }).await;
        assert_eq!((found.nodes.len(), found.edges.len(), found.truncated), (3, 4, false));
    }
}
