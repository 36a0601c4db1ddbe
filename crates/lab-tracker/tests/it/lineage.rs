//! What came from what.

use lab_model::{
    DatasetId, DatasetRef, DatasetSplit, DatasetVersionId, DatasetVersionSelector, EdgeType, Experiment,
    ExperimentConfig, ExperimentRun, ExperimentStatus, LineageGraph, Metadata, NewExperiment, NodeId, NodeType,
};
use lab_store::{Direction, LineageSearch};
use lab_tracker::NewRun;

use crate::given::{BEGIN, Lab, new_run, points};

/// `type label` of each node, sorted.
fn nodes(graph: &LineageGraph) -> Vec<String> {
    let mut nodes: Vec<_> = graph.nodes.iter().map(|n| format!("{} {}", n.id.node_type.as_str(), n.label)).collect();
    nodes.sort();
    nodes
}

/// `label relation label` of each edge, sorted.
fn edges(graph: &LineageGraph) -> Vec<String> {
    let label = |id: &NodeId| graph.nodes.iter().find(|node| node.id == *id).unwrap().label.as_str();
    let edge = |edge: &lab_model::LineageEdge| {
        format!("{} {} {}", label(&edge.from), edge.edge_type.as_str(), label(&edge.to))
    };
    let mut edges: Vec<_> = graph.edges.iter().map(edge).collect();
    edges.sort();
    edges
}

async fn walk(lab: &Lab, from: NodeId, direction: Direction, depth: u32) -> LineageGraph {
    let search = LineageSearch { from, direction, depth, node_types: Vec::new(), edge_types: Vec::new(), limit: 1_000 };
    lab.tracker.lineage(&search).await.unwrap()
}

async fn named(lab: &Lab, experiment: &Experiment, name: &str, parent: Option<&ExperimentRun>) -> ExperimentRun {
    let parent_run_id = parent.map(|run| run.id);
    let new = NewRun { name: Some(name.to_owned()), parent_run_id, ..new_run(experiment) };
    lab.tracker.create_run(new).await.unwrap()
}

/// A sweep with two trials, one of which made a model that another experiment evaluates.
async fn given() -> (Lab, Experiment, ExperimentRun, ExperimentRun) {
    let lab = Lab::new();
    let experiment = lab.experiment("tiny-lm").await;
    let sweep = named(&lab, &experiment, "sweep", None).await;
    let trial = named(&lab, &experiment, "trial", Some(&sweep)).await;
    lab.tracker.use_dataset(trial.id, "c4", Metadata::new()).await.unwrap();
    lab.tracker.use_model(trial.id, "llama", Metadata::new()).await.unwrap();
    lab.log_artifact(trial.id, "model.bin", b"weights").await.unwrap();
    lab.tracker.complete_run(trial.id, vec![points("loss", &[1.0]), points("accuracy", &[0.5])]).await.unwrap();
    let other = lab.experiment("other").await;
    let stranger = named(&lab, &other, "stranger", None).await;
    lab.tracker.use_model(stranger.id, "llama", Metadata::new()).await.unwrap();
    (lab, experiment, sweep, trial)
}

#[tokio::test]
async fn an_experiment_shows_what_it_contains_used_produced_and_measured_and_nothing_of_others() {
    let (lab, experiment, ..) = given().await;
    let graph = lab.tracker.experiment_lineage(experiment.id, 1_000).await.unwrap();
    assert_eq!(
        nodes(&graph),
        [
            "artifact model.bin",
            "dataset c4",
            "experiment tiny-lm",
            "metric accuracy",
            "metric loss",
            "model llama",
            "run sweep",
            "run trial"
        ]
    );
    assert_eq!(
        edges(&graph),
        [
            "sweep contains trial",
            "tiny-lm contains sweep",
            "tiny-lm contains trial",
            "trial evaluates accuracy",
            "trial evaluates loss",
            "trial produces model.bin",
            "trial uses_dataset c4",
            "trial uses_model llama"
        ]
    );
    assert!(!graph.truncated, "what others did with the same model is not missing from it");
    let small = lab.tracker.experiment_lineage(experiment.id, 3).await.unwrap();
    assert!(small.truncated && small.nodes.len() == 3);
}

#[tokio::test]
async fn influence_is_followed_up_and_down_to_a_depth() {
    let (lab, _, sweep, trial) = given().await;
    let trial = NodeId::run(trial.id);
    let up = walk(&lab, trial.clone(), Direction::Ancestors, 1).await;
    assert_eq!(nodes(&up), ["dataset c4", "experiment tiny-lm", "model llama", "run sweep", "run trial"]);
    let down = walk(&lab, trial.clone(), Direction::Descendants, 5).await;
    assert_eq!(nodes(&down), ["artifact model.bin", "metric accuracy", "metric loss", "run trial"]);
    let alone = walk(&lab, trial, Direction::Both, 0).await;
    assert_eq!((nodes(&alone), alone.truncated), (vec!["run trial".to_owned()], true));

    let below = walk(&lab, NodeId::run(sweep.id), Direction::Descendants, 1).await;
    assert_eq!((nodes(&below), below.truncated), (vec!["run sweep".to_owned(), "run trial".to_owned()], true));
    let users = walk(&lab, NodeId::new(NodeType::Model, "llama"), Direction::Descendants, 1).await;
    assert_eq!(nodes(&users), ["model llama", "run stranger", "run trial"]);
    let made = lab.tracker.experiment_lineage(lab.tracker.resolve_experiment("tiny-lm").await.unwrap().id, 100).await;
    let artifact = made.unwrap().nodes.into_iter().find(|node| node.id.node_type == NodeType::Artifact).unwrap();
    let origin = walk(&lab, artifact.id, Direction::Ancestors, 2).await;
    assert_eq!(nodes(&origin).len(), 6, "{:?}", nodes(&origin));
}

#[tokio::test]
async fn types_narrow_a_walk_and_what_is_unknown_says_so() {
    let (lab, _, _, trial) = given().await;
    let search = LineageSearch {
        from: NodeId::run(trial.id),
        direction: Direction::Both,
        depth: 3,
        node_types: vec![NodeType::Dataset, NodeType::Model],
        edge_types: vec![EdgeType::UsesDataset],
        limit: 10,
    };
    assert_eq!(nodes(&lab.tracker.lineage(&search).await.unwrap()), ["dataset c4", "run trial"]);
    let unknown = LineageSearch { from: NodeId::new(NodeType::Dataset, "pile"), ..search };
    assert_eq!(lab.tracker.lineage(&unknown).await.unwrap_err().to_string(), "no lineage node `dataset:pile`");
}

#[tokio::test]
async fn a_run_uses_what_its_experiment_is_set_up_with() {
    let lab = Lab::new();
    let version = DatasetVersionId::new(BEGIN);
    let dataset = DatasetRef {
        version: DatasetVersionSelector::Id(version),
        split: Some(DatasetSplit::Train),
        ..DatasetRef::new(DatasetId::new(BEGIN))
    };
    let models = serde_json::from_str(r#"[{"model_id": "claude", "provider": "anthropic"}]"#).unwrap();
    let config = ExperimentConfig { datasets: vec![dataset.clone()], models, ..ExperimentConfig::default() };
    let new = NewExperiment { name: "tiny-lm".to_owned(), config, ..NewExperiment::default() };
    let draft = lab.tracker.create_experiment(new, None).await.unwrap();
    let experiment = lab.tracker.move_experiment(draft.id, ExperimentStatus::Active).await.unwrap();
    let run = lab.run_of(&experiment).await;
    let graph = walk(&lab, NodeId::run(run.id), Direction::Ancestors, 1).await;
    let id = dataset.dataset_id;
    let expected = [
        format!("dataset {id}"),
        format!("dataset_version {version}"),
        "experiment tiny-lm".into(),
        "model claude".into(),
    ];
    assert_eq!(nodes(&graph)[..4], expected);
    let used = graph.edges.iter().find(|edge| edge.to == NodeId::new(NodeType::Dataset, id)).unwrap();
    assert_eq!(used.metadata["split"], "train");
}

#[tokio::test]
async fn a_deleted_run_leaves_the_graph_with_what_it_made() {
    let (lab, experiment, _, trial) = given().await;
    lab.tracker.delete_run(trial.id).await.unwrap();
    let graph = lab.tracker.experiment_lineage(experiment.id, 1_000).await.unwrap();
    assert_eq!(nodes(&graph), ["experiment tiny-lm", "run sweep"]);
    let users = walk(&lab, NodeId::new(NodeType::Model, "llama"), Direction::Descendants, 1).await;
    assert_eq!(nodes(&users), ["model llama", "run stranger"]);
}
