//! What a run came from and what came from it, as nodes and edges that travel with the change that makes them.

use std::collections::{BTreeMap, BTreeSet};

use lab_model::{
    DatasetVersionSelector, EdgeType, Error, Experiment, ExperimentId, ExperimentRun, Kind, LineageEdge, LineageGraph,
    LineageNode, Metadata, NodeId, NodeType, Result, RunId,
};
use lab_store::{Change, Direction, LineageSearch};
use serde_json::json;

use crate::Tracker;

/// Most metrics of a run that get an edge when it completes. A run may have a hundred thousand; a graph of that many nodes
/// says nothing.
pub(crate) const MAX_EVALUATED: usize = 1_000;

impl Tracker {
    /// Walks the graph from a node.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such node.
    pub async fn lineage(&self, search: &LineageSearch) -> Result<LineageGraph> {
        let found = self.store().lineage(search).await?;
        let mut graph = found.ok_or_else(|| Error::not_found(Kind::LineageNode, &search.from))?;
        // A run gets its number after its node is made, and may be renamed.
        for node in &mut graph.nodes {
            if node.id.node_type == NodeType::Run
                && let Ok(id) = node.id.key.parse()
                && let Some(run) = self.store().run(id).await?
            {
                node.label = run.name;
            }
        }
        Ok(graph)
    }

    /// What an experiment contains, used and produced; not what others did with the same data and models.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such experiment.
    pub async fn experiment_lineage(&self, id: ExperimentId, limit: u32) -> Result<LineageGraph> {
        // Down to runs, nested runs and what they made; from there one step to what they used.
        let search = LineageSearch {
            from: NodeId::experiment(id),
            direction: Direction::Both,
            depth: 3,
            node_types: Vec::new(),
            edge_types: Vec::new(),
            limit,
        };
        let mut graph = self.lineage(&search).await?;
        graph.truncated &= graph.nodes.len() >= limit as usize;
        keep_reached(&mut graph, &search.from);
        Ok(graph)
    }
}

/// Keeps what edges lead to from a node, each read from its subject to its object.
fn keep_reached(graph: &mut LineageGraph, from: &NodeId) {
    let mut objects: BTreeMap<&NodeId, Vec<&NodeId>> = BTreeMap::new();
    for edge in &graph.edges {
        objects.entry(&edge.from).or_default().push(&edge.to);
    }
    let mut reached = BTreeSet::from([from.clone()]);
    let mut waiting = vec![from];
    while let Some(node) = waiting.pop() {
        for object in objects.get(node).into_iter().flatten() {
            if reached.insert((*object).clone()) {
                waiting.push(object);
            }
        }
    }
    graph.nodes.retain(|node| reached.contains(&node.id));
    graph.edges.retain(|edge| reached.contains(&edge.from) && reached.contains(&edge.to));
}

/// Adds a node; it stays as it is where it exists.
fn node(change: &mut Change, id: NodeId, label: impl Into<String>, metadata: Metadata) {
    let created_at = change.at;
    change.nodes.push(LineageNode { id, label: label.into(), metadata, created_at });
}

fn edge(change: &mut Change, from: NodeId, edge_type: EdgeType, to: NodeId, metadata: Metadata) {
    let created_at = change.at;
    change.edges.push(LineageEdge { from, edge_type, to, metadata, created_at });
}

/// A new run: contained in its experiment and in its parent, using what the experiment is set up with.
pub(crate) fn add_run(change: &mut Change, run: &ExperimentRun, experiment: &Experiment) {
    let id = NodeId::run(run.id);
    node(change, id.clone(), run.id.to_string(), Metadata::new());
    edge(change, NodeId::experiment(experiment.id), EdgeType::Contains, id.clone(), Metadata::new());
    if let Some(parent) = run.parent_run_id {
        edge(change, NodeId::run(parent), EdgeType::Contains, id, Metadata::new());
    }
    for dataset in &experiment.config.datasets {
        let mut metadata = Metadata::new();
        if let Some(split) = &dataset.split {
            metadata.insert("split".to_owned(), json!(split));
        }
        metadata.insert("version".to_owned(), json!(dataset.version));
        let key = dataset.dataset_id.to_string();
        use_input(change, run.id, NodeType::Dataset, EdgeType::UsesDataset, &key, metadata.clone());
        if let DatasetVersionSelector::Id(version) = &dataset.version {
            let key = version.to_string();
            use_input(change, run.id, NodeType::DatasetVersion, EdgeType::UsesDataset, &key, metadata);
        }
    }
    for model in &experiment.config.models {
        let metadata = Metadata::from_iter([("provider".to_owned(), json!(model.provider))]);
        use_input(change, run.id, NodeType::Model, EdgeType::UsesModel, &model.model_id, metadata);
    }
}

/// A run that uses a dataset or a model.
pub(crate) fn use_input(
    change: &mut Change,
    run: RunId,
    node_type: NodeType,
    edge_type: EdgeType,
    key: &str,
    metadata: Metadata,
) {
    let id = NodeId::new(node_type, key);
    node(change, id.clone(), key, Metadata::new());
    edge(change, NodeId::run(run), edge_type, id, metadata);
}

/// A run that made a file.
pub(crate) fn produce(change: &mut Change, artifact: &lab_model::ArtifactRef) {
    let id = NodeId::new(NodeType::Artifact, artifact.id);
    let metadata = Metadata::from_iter([
        ("type".to_owned(), json!(artifact.artifact_type)),
        ("content_hash".to_owned(), json!(artifact.content_hash)),
    ]);
    node(change, id.clone(), artifact.name.as_str(), metadata);
    edge(change, NodeId::run(artifact.run_id), EdgeType::Produces, id, Metadata::new());
}

/// A run that measured metrics: at most [`MAX_EVALUATED`] of them, by name.
pub(crate) fn evaluate<'a>(
    change: &mut Change,
    experiment: ExperimentId,
    run: RunId,
    names: impl IntoIterator<Item = &'a str>,
) {
    let names: BTreeSet<&str> = names.into_iter().collect();
    for name in names.into_iter().take(MAX_EVALUATED) {
        let id = NodeId::metric(experiment, name);
        node(change, id.clone(), name, Metadata::new());
        edge(change, NodeId::run(run), EdgeType::Evaluates, id, Metadata::new());
    }
}
