//! `lab lineage`

use std::collections::BTreeMap;

use clap::{Args, ValueEnum};
use lab_model::{LineageGraph, NodeId};
use lab_server::types::{GetLineage, LineageDirection};

use super::Session;
use crate::api::segment;
use crate::exit::Exit;
use crate::table::table;

/// Show what something came from and what came from it.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lab lineage experiment:tiny-lm\n  lab lineage run:tiny-lm#3 --direction ancestors\n  \
                        lab lineage model:gpt2 --depth 2 --json"
)]
pub(crate) struct LineageArgs {
    /// TYPE:ID with experiment, run, dataset, dataset_version, model, artifact, metric or transformation; experiments and
    /// runs also by name
    node: String,
    /// Which way to follow
    #[arg(long, value_enum, default_value_t = Way::Both)]
    direction: Way,
    /// Most edges from the node
    #[arg(long, default_value_t = 3)]
    depth: u32,
    /// Most nodes
    #[arg(long, default_value_t = 1_000)]
    limit: u32,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Way {
    /// What it came from
    Ancestors,
    /// What came from it
    Descendants,
    /// Both
    Both,
}

pub(crate) async fn lineage(args: LineageArgs, session: &Session) -> anyhow::Result<Exit> {
    let node = resolve(&args.node, session).await?;
    let walk = GetLineage {
        direction: match args.direction {
            Way::Ancestors => LineageDirection::Ancestors,
            Way::Descendants => LineageDirection::Descendants,
            Way::Both => LineageDirection::Both,
        },
        depth: Some(args.depth),
        limit: Some(args.limit),
        node_types: None,
        edge_types: None,
    };
    let graph: LineageGraph =
        session.api.get(&format!("/api/v1/lineage/{}", segment(&node.to_string())), &walk).await?;
    if session.out.json {
        session.out.json(&graph)?;
        return Ok(Exit::Success);
    }
    let labels: BTreeMap<&NodeId, String> =
        graph.nodes.iter().map(|node| (&node.id, format!("{} {}", node.id.node_type.as_str(), node.label))).collect();
    let label = |id: &NodeId| labels.get(id).cloned().unwrap_or_else(|| id.to_string());
    if graph.edges.is_empty() {
        session.out.line(label(&node))?;
        session.out.say("Nothing is connected to it.");
        return Ok(Exit::Success);
    }
    let rows = graph
        .edges
        .iter()
        .map(|edge| vec![label(&edge.from), edge.edge_type.as_str().replace('_', " "), label(&edge.to)]);
    session.out.line(table(&["FROM", "", "TO"], rows))?;
    if graph.truncated {
        session.out.say("There is more: raise --depth or --limit.");
    }
    Ok(Exit::Success)
}

/// The node that was meant, where an experiment or a run was given by name.
async fn resolve(text: &str, session: &Session) -> anyhow::Result<NodeId> {
    let node: NodeId = text.parse()?;
    let path = match node.node_type {
        lab_model::NodeType::Experiment => format!("/api/v1/experiments/{}", segment(&node.key)),
        lab_model::NodeType::Run => format!("/api/v1/runs/{}", segment(&node.key)),
        _ => return Ok(node),
    };
    let found: serde_json::Value = session.api.get(&path, &()).await?;
    Ok(NodeId::new(node.node_type, found["id"].as_str().unwrap_or(&node.key)))
}
