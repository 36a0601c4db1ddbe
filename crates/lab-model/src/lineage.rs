//! What came from what.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Error, ExperimentId, Metadata, Result, RunId, Timestamp};

/// What a node of the graph stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum NodeType {
    /// An experiment.
    Experiment,
    /// A run.
    Run,
    /// A dataset over all its versions.
    Dataset,
    /// One version of a dataset.
    DatasetVersion,
    /// A model that runs use.
    Model,
    /// A file that a run logged.
    Artifact,
    /// A metric of an experiment.
    Metric,
    /// A step that makes data from data.
    Transformation,
}

impl NodeType {
    /// Every type.
    pub const ALL: [Self; 8] = [
        Self::Experiment,
        Self::Run,
        Self::Dataset,
        Self::DatasetVersion,
        Self::Model,
        Self::Artifact,
        Self::Metric,
        Self::Transformation,
    ];

    /// The name in JSON and in node ids.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Experiment => "experiment",
            Self::Run => "run",
            Self::Dataset => "dataset",
            Self::DatasetVersion => "dataset_version",
            Self::Model => "model",
            Self::Artifact => "artifact",
            Self::Metric => "metric",
            Self::Transformation => "transformation",
        }
    }
}

/// Identity of a node, written `type:key`, as `run:0192f0c1-…` or `model:meta-llama/Llama-3.1-8B`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct NodeId {
    /// What it stands for.
    pub node_type: NodeType,
    /// Id or name of what it stands for, unique within the type.
    pub key: String,
}

impl NodeId {
    /// The node of `node_type` with that key.
    pub fn new(node_type: NodeType, key: impl fmt::Display) -> Self {
        Self { node_type, key: key.to_string() }
    }

    /// The node of an experiment.
    #[must_use]
    pub fn experiment(id: ExperimentId) -> Self {
        Self::new(NodeType::Experiment, id)
    }

    /// The node of a run.
    #[must_use]
    pub fn run(id: RunId) -> Self {
        Self::new(NodeType::Run, id)
    }

    /// The node of a metric, which belongs to an experiment.
    #[must_use]
    pub fn metric(experiment: ExperimentId, name: &str) -> Self {
        Self::new(NodeType::Metric, format_args!("{experiment}/{name}"))
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.node_type.as_str(), self.key)
    }
}

impl FromStr for NodeId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        text.split_once(':')
            .and_then(|(node_type, key)| {
                let node_type = NodeType::ALL.into_iter().find(|t| t.as_str() == node_type)?;
                (!key.is_empty()).then(|| Self { node_type, key: key.to_owned() })
            })
            .ok_or_else(|| {
                let types = crate::experiment::or_nothing(NodeType::ALL.iter().map(|t| t.as_str()));
                Error::invalid("node", format!("is `{}`; write `TYPE:ID` with {types}", text.escape_debug()))
            })
    }
}

impl From<NodeId> for String {
    fn from(id: NodeId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for NodeId {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

/// A node of the graph.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LineageNode {
    /// Identity.
    pub id: NodeId,
    /// What people call it.
    pub label: String,
    /// Free JSON, as a dataset's split or a model's provider.
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    #[cfg_attr(feature = "schema", schema(value_type = Object))]
    pub metadata: Metadata,
    /// When it was first seen.
    pub created_at: Timestamp,
}

/// How two nodes relate: read `from`, the type, `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum EdgeType {
    /// An experiment contains a run; a run contains a nested run.
    Contains,
    /// A run uses a dataset.
    UsesDataset,
    /// A run uses a model.
    UsesModel,
    /// A run produces an artifact.
    Produces,
    /// An artifact or a dataset version is derived from another.
    DerivedFrom,
    /// A run evaluates a metric.
    Evaluates,
    /// A transformation makes its target from its source.
    Transforms,
}

impl EdgeType {
    /// Every type.
    pub const ALL: [Self; 7] = [
        Self::Contains,
        Self::UsesDataset,
        Self::UsesModel,
        Self::Produces,
        Self::DerivedFrom,
        Self::Evaluates,
        Self::Transforms,
    ];

    /// The name in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Contains => "contains",
            Self::UsesDataset => "uses_dataset",
            Self::UsesModel => "uses_model",
            Self::Produces => "produces",
            Self::DerivedFrom => "derived_from",
            Self::Evaluates => "evaluates",
            Self::Transforms => "transforms",
        }
    }

    /// Whether influence flows against the edge: a run that uses a dataset is the dataset's descendant.
    #[must_use]
    pub const fn flows_backward(self) -> bool {
        matches!(self, Self::UsesDataset | Self::UsesModel | Self::DerivedFrom)
    }
}

impl FromStr for EdgeType {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|t| t.as_str() == text)
            .ok_or_else(|| Error::invalid("edge_type", format!("is `{}`, which is not known", text.escape_debug())))
    }
}

/// An edge of the graph. The same edge twice is one edge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LineageEdge {
    /// Subject.
    pub from: NodeId,
    /// Relation.
    #[serde(rename = "type")]
    pub edge_type: EdgeType,
    /// Object.
    pub to: NodeId,
    /// Free JSON.
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    #[cfg_attr(feature = "schema", schema(value_type = Object))]
    pub metadata: Metadata,
    /// When it was first seen.
    pub created_at: Timestamp,
}

impl LineageEdge {
    /// The node that the other end depends on.
    #[must_use]
    pub fn upstream(&self) -> &NodeId {
        if self.edge_type.flows_backward() { &self.to } else { &self.from }
    }

    /// The node that depends on the other end.
    #[must_use]
    pub fn downstream(&self) -> &NodeId {
        if self.edge_type.flows_backward() { &self.from } else { &self.to }
    }
}

/// A part of the graph.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LineageGraph {
    /// Nodes, nearest to where the search began first.
    pub nodes: Vec<LineageNode>,
    /// Edges between them.
    pub edges: Vec<LineageEdge>,
    /// Whether there was more than the limit on nodes or the depth let through.
    pub truncated: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_ids_read_back_whatever_the_key_holds() {
        let id = NodeId::new(NodeType::Model, "ollama:llama3:8b");
        assert_eq!(id.to_string().parse::<NodeId>().unwrap(), id);
        for bad in ["run", "run:", "city:berlin", ""] {
            assert_eq!(bad.parse::<NodeId>().unwrap_err().field(), Some("node"));
        }
    }

    #[test]
    fn a_run_is_downstream_of_what_it_uses_and_upstream_of_what_it_makes() {
        let edge = |edge_type| LineageEdge {
            from: NodeId::new(NodeType::Run, "r"),
            edge_type,
            to: NodeId::new(NodeType::Dataset, "d"),
            metadata: Metadata::new(),
            created_at: Timestamp::UNIX_EPOCH,
        };
        assert_eq!(edge(EdgeType::UsesDataset).downstream().key, "r");
        assert_eq!(edge(EdgeType::Produces).upstream().key, "r");
    }
}
