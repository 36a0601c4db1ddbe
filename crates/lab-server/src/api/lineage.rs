//! Lineage.

use axum::extract::State;
use lab_model::{EdgeType, Error, LineageGraph, NodeId, NodeType};
use lab_store::{Direction, LineageSearch};

use super::types::{GetLineage, LineageDirection};
use crate::AppState;
use crate::extract::{Path, Query};
use crate::problem::{ApiResult, Problem};

/// Most nodes of one answer.
const MAX_NODES: u32 = 10_000;

pub(super) fn limit(asked: Option<u32>) -> ApiResult<u32> {
    let limit = asked.unwrap_or(1_000);
    if (1..=MAX_NODES).contains(&limit) {
        return Ok(limit);
    }
    Err(Error::invalid("limit", format!("is {limit}; it must be from 1 to {MAX_NODES}")).into())
}

fn list<T>(text: Option<&str>, parse: impl Fn(&str) -> Result<T, Error>) -> Result<Vec<T>, Error> {
    text.unwrap_or_default().split(',').map(str::trim).filter(|part| !part.is_empty()).map(parse).collect()
}

/// Follow lineage from a node, up, down or both.
#[utoipa::path(get, path = "/api/v1/lineage/{node}", tag = "lineage",
    params(("node" = String, Path, description = "TYPE:ID, as run:0192f0c1-… or model:gpt2"), GetLineage),
    responses((status = OK, body = LineageGraph), (status = NOT_FOUND, body = Problem),
              (status = UNPROCESSABLE_ENTITY, body = Problem)))]
pub(super) async fn get_lineage(
    State(state): State<AppState>,
    Path(node): Path<String>,
    Query(walk): Query<GetLineage>,
) -> ApiResult<axum::Json<LineageGraph>> {
    let search = LineageSearch {
        from: node.parse::<NodeId>()?,
        direction: match walk.direction {
            LineageDirection::Ancestors => Direction::Ancestors,
            LineageDirection::Descendants => Direction::Descendants,
            LineageDirection::Both => Direction::Both,
        },
        depth: walk.depth.unwrap_or(3),
        node_types: list(walk.node_types.as_deref(), |name| {
            let found = NodeType::ALL.into_iter().find(|t| t.as_str() == name);
            found.ok_or_else(|| Error::invalid("node_types", format!("names `{name}`, which is not known")))
        })?,
        edge_types: list(walk.edge_types.as_deref(), |name| name.parse::<EdgeType>())?,
        limit: limit(walk.limit)?,
    };
    Ok(axum::Json(state.tracker.lineage(&search).await?))
}
