//! What else is not the same in all groups: parameters, configurations, environments.
//!
//! A path is listed where the set of values differs between groups. What varies alike within every group, as seeds do,
//! explains no difference between them.

use std::collections::{BTreeMap, BTreeSet};

use lab_model::{ContentHash, EnvironmentSnapshot, Experiment, ExperimentId, ParameterValue};
use serde_json::Value;

use super::groups::{Condition, Member, compare, is_seed, representatives};
use super::types::Difference;

/// Most values of a group that are shown.
const MAX_VALUES: usize = 20;

/// Parts of an environment that tell nothing: they differ wherever parameters do, or name one device of many alike.
fn is_beside_the_point(path: &str) -> bool {
    path == "command.arguments" || (path.starts_with("hardware.gpus[") && path.ends_with("].uuid"))
}

/// Facts by path.
type Facts = BTreeMap<String, String>;

/// Parameters that differ between groups.
pub(super) fn parameters(conditions: &[Condition]) -> Vec<Difference> {
    // Beside seeds, one of the runs that differ in nothing else says what all of them have.
    let few: Vec<Vec<&Member>> = conditions.iter().map(|condition| representatives(&condition.members)).collect();
    let seeds = conditions.iter().flat_map(|c| &c.members).flat_map(|member| member.seeds.keys());
    let paths: BTreeSet<&String> = few.iter().flatten().flat_map(|m| m.parameters.keys()).chain(seeds).collect();
    let difference = |path: &String| {
        let values: Vec<Vec<Option<&ParameterValue>>> = conditions
            .iter()
            .zip(&few)
            .map(|(condition, few)| {
                let mut values: Vec<Option<&ParameterValue>> = if is_seed(path) {
                    condition.members.iter().map(|member| member.parameters.get(path)).collect()
                } else {
                    few.iter().map(|member| member.parameters.get(path)).collect()
                };
                values.sort_by(|a, b| match (a, b) {
                    (Some(a), Some(b)) => compare(a, b),
                    (a, b) => b.is_some().cmp(&a.is_some()),
                });
                values.dedup();
                values
            })
            .collect();
        let differs = values.iter().any(|group| *group != values[0]);
        let show =
            |group: Vec<Option<&ParameterValue>>| cut(group.into_iter().flatten().map(ToString::to_string).collect());
        differs.then(|| Difference { path: path.clone(), values: values.into_iter().map(show).collect() })
    };
    paths.into_iter().filter_map(difference).collect()
}

/// What differs in the configurations of the groups' experiments.
pub(super) fn configuration(
    conditions: &[Condition],
    experiments: &BTreeMap<ExperimentId, Experiment>,
) -> Vec<Difference> {
    if experiments.len() < 2 {
        return Vec::new();
    }
    let facts: BTreeMap<ExperimentId, Facts> = experiments
        .iter()
        .map(|(id, experiment)| {
            let mut facts = Facts::new();
            let config = &experiment.config;
            for (part, value) in [
                ("models", serde_json::to_value(&config.models)),
                ("datasets", serde_json::to_value(&config.datasets)),
                ("metrics", serde_json::to_value(&config.metrics)),
                ("parameters", serde_json::to_value(&config.parameters)),
                ("resources", serde_json::to_value(&config.resources)),
                ("reproducibility", serde_json::to_value(&config.reproducibility)),
            ] {
                // Part by part, because the whole leaves out parts that say nothing beyond the default, and then each
                // of their fields would differ. Writing cannot fail: a configuration has text keys only.
                flatten(part, &value.unwrap_or(Value::Null), &mut facts);
            }
            (*id, facts)
        })
        .collect();
    between(conditions, |member| facts.get(&member.run.experiment_id))
}

/// What differs in where the groups ran. Runs without a snapshot say nothing.
pub(super) fn environment(
    conditions: &[Condition],
    snapshots: &BTreeMap<ContentHash, EnvironmentSnapshot>,
) -> Vec<Difference> {
    let facts = environment_facts(snapshots);
    between(conditions, |member| facts.get(&member.run.environment?))
}

/// The facts of each snapshot in which not all are the same.
fn environment_facts(snapshots: &BTreeMap<ContentHash, EnvironmentSnapshot>) -> BTreeMap<ContentHash, Facts> {
    let Some((first_hash, first)) = snapshots.first_key_value() else { return BTreeMap::new() };
    let mut of_first: BTreeMap<String, Option<String>> = BTreeMap::new();
    let mut changes: BTreeMap<ContentHash, BTreeMap<String, Option<String>>> = BTreeMap::new();
    for (hash, snapshot) in snapshots {
        let differences = first.diff(snapshot).into_iter().filter(|found| !is_beside_the_point(&found.path));
        for found in differences {
            of_first.entry(found.path.clone()).or_insert(found.left);
            changes.entry(*hash).or_default().insert(found.path, found.right);
        }
    }
    debug_assert!(!changes.contains_key(first_hash), "a snapshot does not differ from itself");
    let facts = |hash: &ContentHash| {
        let mut all = of_first.clone();
        all.extend(changes.remove(hash).unwrap_or_default());
        all.into_iter().filter_map(|(path, fact)| Some((path, fact?))).collect()
    };
    let mut facts = facts;
    snapshots.keys().map(|hash| (*hash, facts(hash))).collect()
}

/// Paths whose sets of values differ between groups; runs without facts are left out.
fn between<'a>(conditions: &[Condition], facts: impl Fn(&Member) -> Option<&'a Facts>) -> Vec<Difference> {
    let groups: Vec<BTreeSet<&Facts>> =
        conditions.iter().map(|condition| condition.members.iter().filter_map(&facts).collect()).collect();
    let known: Vec<&BTreeSet<&Facts>> = groups.iter().filter(|group| !group.is_empty()).collect();
    let paths: BTreeSet<&String> = known.iter().flat_map(|group| group.iter().flat_map(|facts| facts.keys())).collect();
    let values = |group: &BTreeSet<&'a Facts>, path: &String| -> BTreeSet<Option<&'a String>> {
        group.iter().map(|facts| facts.get(path)).collect()
    };
    let differs = |path: &&String| known.iter().any(|group| values(group, path) != values(known[0], path));
    let difference = |path: &String| Difference {
        path: path.clone(),
        values: groups.iter().map(|g| cut(values(g, path).into_iter().flatten().cloned().collect())).collect(),
    };
    paths.into_iter().filter(differs).map(difference).collect()
}

fn cut(mut values: Vec<String>) -> Vec<String> {
    if values.len() > MAX_VALUES {
        let more = values.len() - MAX_VALUES;
        values.truncate(MAX_VALUES);
        values.push(format!("… {more} more"));
    }
    values
}

fn flatten(path: &str, value: &Value, facts: &mut Facts) {
    match value {
        Value::Null => {}
        Value::Object(fields) => {
            for (name, value) in fields {
                let dot = if path.is_empty() { "" } else { "." };
                flatten(&format!("{path}{dot}{name}"), value, facts);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                flatten(&format!("{path}[{index}]"), item, facts);
            }
        }
        Value::String(text) => _ = facts.insert(path.to_owned(), text.clone()),
        other => _ = facts.insert(path.to_owned(), other.to_string()),
    }
}
