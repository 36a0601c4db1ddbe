//! The lineage graph.
//!
//! Edges are stored by the direction in which influence flows, so a walk up or down is one range of an index per node.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use lab_model::{EdgeType, Error, Kind, LineageEdge, LineageGraph, LineageNode, NodeId, Result};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::SqliteStore;
use super::error::While as _;
use super::prepare::json;
use super::rows;
use crate::{Direction, Lineage, LineageSearch};

const WRITING: &str = "writing lineage";

pub(super) fn add_node(conn: &Connection, node: &LineageNode) -> Result<()> {
    let metadata = json("lineage node", &node.metadata)?;
    conn.prepare_cached(&format!(
        "INSERT INTO lineage_nodes ({}) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (type, key) DO NOTHING",
        rows::NODE
    ))
    .and_then(|mut statement| {
        statement.execute(params![
            node.id.node_type.as_str(),
            node.id.key,
            node.label,
            metadata,
            node.created_at.as_microsecond(),
        ])
    })
    .while_doing(WRITING)
    .map(|_| ())
}

pub(super) fn add_edge(conn: &Connection, edge: &LineageEdge) -> Result<()> {
    let row_of = |node: &NodeId| {
        row_of(conn, node).while_doing(WRITING)?.ok_or_else(|| Error::not_found(Kind::LineageNode, node))
    };
    let (upstream, downstream) = (row_of(edge.upstream())?, row_of(edge.downstream())?);
    let metadata = json("lineage edge", &edge.metadata)?;
    conn.prepare_cached(
        "INSERT INTO lineage_edges (upstream, downstream, type, created_at, metadata) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT DO NOTHING",
    )
    .and_then(|mut statement| {
        let at = edge.created_at.as_microsecond();
        statement.execute(params![upstream, downstream, edge.edge_type.as_str(), at, metadata])
    })
    .while_doing(WRITING)
    .map(|_| ())
}

/// Removes a node with its edges, where it is there.
pub(super) fn remove_node(conn: &Connection, node: &NodeId) -> Result<()> {
    conn.prepare_cached("DELETE FROM lineage_nodes WHERE type = ?1 AND key = ?2")
        .and_then(|mut statement| statement.execute(params![node.node_type.as_str(), node.key]))
        .while_doing(WRITING)
        .map(|_| ())
}

fn row_of(conn: &Connection, node: &NodeId) -> rusqlite::Result<Option<i64>> {
    conn.prepare_cached("SELECT id FROM lineage_nodes WHERE type = ?1 AND key = ?2")?
        .query_row(params![node.node_type.as_str(), node.key], |row| row.get(0))
        .optional()
}

#[async_trait]
impl Lineage for SqliteStore {
    async fn lineage(&self, search: &LineageSearch) -> Result<Option<LineageGraph>> {
        let search = search.clone();
        self.readers.read("reading lineage", move |conn| walk(conn, &search)).await
    }
}

fn walk(conn: &Connection, search: &LineageSearch) -> rusqlite::Result<Option<LineageGraph>> {
    let Some(start) = row_of(conn, &search.from)? else { return Ok(None) };
    let mut graph = LineageGraph::default();
    let mut ids = HashMap::from([(start, search.from.clone())]);
    let mut edges = HashMap::new();
    let mut left_out = HashSet::new();
    graph.nodes.push(node_at(conn, start)?);
    let mut nearest = vec![start];
    // One level more than asked for: only to learn whether there is one, and which edges close a circle.
    for depth in 0..=search.depth {
        let mut next = Vec::new();
        for row in nearest {
            for edge in edges_at(conn, row, search)? {
                let other = if edge.upstream == row { edge.downstream } else { edge.upstream };
                let known = ids.contains_key(&other);
                if !known && !left_out.contains(&other) {
                    let node = node_at(conn, other)?;
                    if !search.node_types.is_empty() && !search.node_types.contains(&node.id.node_type) {
                        continue;
                    }
                    if depth == search.depth || graph.nodes.len() >= search.limit as usize {
                        left_out.insert(other);
                        graph.truncated = true;
                        continue;
                    }
                    ids.insert(other, node.id.clone());
                    graph.nodes.push(node);
                    next.push(other);
                }
                edges.insert((edge.upstream, edge.downstream, edge.edge_type), edge);
            }
        }
        if next.is_empty() {
            break;
        }
        nearest = next;
    }
    graph.edges = between(edges.into_values(), &ids);
    Ok(Some(graph))
}

fn node_at(conn: &Connection, row: i64) -> rusqlite::Result<LineageNode> {
    conn.prepare_cached(&format!("SELECT {} FROM lineage_nodes WHERE id = ?1", rows::NODE))?
        .query_row([row], rows::node)
}

/// An edge as it is stored.
struct StoredEdge {
    upstream: i64,
    downstream: i64,
    edge_type: EdgeType,
    created_at: lab_model::Timestamp,
    metadata: lab_model::Metadata,
}

fn edge(row: &Row<'_>) -> rusqlite::Result<StoredEdge> {
    Ok(StoredEdge {
        upstream: row.get(0)?,
        downstream: row.get(1)?,
        edge_type: rows::parsed(row, 2)?,
        created_at: rows::time(row, 3)?,
        metadata: rows::json(row, 4)?,
    })
}

/// The edges at a node that the search may follow, oldest first, so that a limit keeps what was there first.
fn edges_at(conn: &Connection, node: i64, search: &LineageSearch) -> rusqlite::Result<Vec<StoredEdge>> {
    let mut found: Vec<StoredEdge> = Vec::new();
    let columns = "upstream, downstream, type, created_at, metadata";
    if search.direction != Direction::Descendants {
        let sql = format!("SELECT {columns} FROM lineage_edges WHERE downstream = ?1");
        found = conn.prepare_cached(&sql)?.query_map([node], edge)?.collect::<rusqlite::Result<_>>()?;
    }
    if search.direction != Direction::Ancestors {
        let sql = format!("SELECT {columns} FROM lineage_edges WHERE upstream = ?1");
        for edge in conn.prepare_cached(&sql)?.query_map([node], edge)? {
            found.push(edge?);
        }
    }
    found.retain(|edge| search.edge_types.is_empty() || search.edge_types.contains(&edge.edge_type));
    found.sort_by_key(|edge| (edge.created_at, edge.upstream, edge.downstream));
    Ok(found)
}

/// The edges of which both ends were found, in the order of their ends' names.
fn between(edges: impl Iterator<Item = StoredEdge>, ids: &HashMap<i64, NodeId>) -> Vec<LineageEdge> {
    let mut found: Vec<LineageEdge> = edges
        .filter_map(|edge| {
            let (upstream, downstream) = (ids.get(&edge.upstream)?.clone(), ids.get(&edge.downstream)?.clone());
            let backward = edge.edge_type.flows_backward();
            let (from, to) = if backward { (downstream, upstream) } else { (upstream, downstream) };
            Some(LineageEdge {
                from,
                edge_type: edge.edge_type,
                to,
                metadata: edge.metadata,
                created_at: edge.created_at,
            })
        })
        .collect();
    found.sort_by(|a, b| (&a.from, a.edge_type, &a.to).cmp(&(&b.from, b.edge_type, &b.to)));
    found
}
