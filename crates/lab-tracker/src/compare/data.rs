//! Which data the groups' runs noted, and in which version.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use lab_model::{EdgeType, NodeId, NodeType, RunId};
use lab_store::{Direction, LineageSearch};

use super::groups::Condition;
use super::types::Difference;
use super::{Result, Tracker};

/// Most runs whose inputs are read.
pub(super) const MAX_RUNS: usize = 400;
/// Readings under way at one time.
const CONCURRENT: usize = 8;

/// Dataset versions by name, for each run.
type Inputs = BTreeMap<RunId, BTreeMap<String, BTreeSet<String>>>;

/// Datasets whose versions are not the same in all groups. Of more than [`MAX_RUNS`] runs the first ones are read.
pub(super) async fn datasets(tracker: &Tracker, conditions: &[Condition]) -> Result<Vec<Difference>> {
    let share = (MAX_RUNS / conditions.len().max(1)).max(1);
    let runs: Vec<RunId> =
        conditions.iter().flat_map(|c| c.members.iter().take(share)).map(|m| m.run.id).take(MAX_RUNS).collect();
    let inputs: Inputs = stream::iter(runs)
        .map(|run| async move { Ok::<_, lab_model::Error>((run, inputs(tracker, run).await?)) })
        .buffered(CONCURRENT)
        .try_collect()
        .await?;
    let names: BTreeSet<&String> = inputs.values().flat_map(BTreeMap::keys).collect();
    let of = |name: &String| {
        let versions = |condition: &Condition| -> BTreeSet<String> {
            let runs = condition.members.iter().filter_map(|member| inputs.get(&member.run.id)?.get(name));
            runs.flatten().cloned().collect()
        };
        let values: Vec<BTreeSet<String>> = conditions.iter().map(versions).collect();
        let differs = values.iter().any(|versions| *versions != values[0]);
        let values = values.into_iter().map(|versions| versions.into_iter().collect()).collect();
        differs.then(|| Difference { path: name.clone(), values })
    };
    Ok(names.into_iter().filter_map(of).collect())
}

async fn inputs(tracker: &Tracker, run: RunId) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let search = LineageSearch {
        from: NodeId::run(run),
        direction: Direction::Ancestors,
        depth: 1,
        node_types: vec![NodeType::Dataset],
        edge_types: vec![EdgeType::UsesDataset],
        limit: 1_000,
    };
    let Some(graph) = tracker.store().lineage(&search).await? else { return Ok(BTreeMap::new()) };
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for edge in &graph.edges {
        let node = edge.upstream();
        let label = graph.nodes.iter().find(|other| other.id == *node).map_or(node.key.as_str(), |node| &node.label);
        // As `wikitext@v2`, or with the version noted beside it.
        let (name, version) = label.rsplit_once('@').map_or((label, None), |(name, version)| (name, Some(version)));
        let noted = ["version", "tag", "content_hash", "hash"].into_iter().find_map(|key| edge.metadata.get(key));
        let noted = noted.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        let version = noted.or_else(|| version.map(str::to_owned)).unwrap_or_else(|| "used".to_owned());
        found.entry(name.to_owned()).or_default().insert(version);
    }
    Ok(found)
}
