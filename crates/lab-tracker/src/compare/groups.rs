//! Which runs stand for one condition.
//!
//! A seed is no condition: runs that differ in nothing else are repetitions of one experiment, and how much they vary is
//! what a difference is measured against. So seeds are never part of a group's key, unless somebody groups by one.

use std::cmp::Ordering;
use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};
use std::hash::{Hash as _, Hasher as _};

use lab_model::{Error, ExperimentRun, Field, ParameterValue, Parameters, Result};

/// Most parameters that a label is made of; with more, runs are called by their names.
const MAX_LABEL_PARTS: usize = 4;

/// A run with what it was given, by dotted path.
#[derive(Clone, Debug)]
pub(super) struct Member {
    /// Without its parameters, which are below.
    pub(super) run: ExperimentRun,
    pub(super) experiment_name: String,
    pub(super) parameters: BTreeMap<String, ParameterValue>,
    /// Values of the parameters that seed it; empty where it has none.
    pub(super) seeds: Seeds,
    /// Hash of those, by which runs are paired; none where there are none.
    pub(super) seed: Option<u64>,
    /// Hash of the other parameters and of the experiment: the same for runs that differ only in their seed.
    pub(super) condition: u64,
}

/// Runs that stand for one condition.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    pub(super) label: String,
    pub(super) members: Vec<Member>,
}

/// Values of the parameters that seed a run; empty where it has none.
pub(super) type Seeds = BTreeMap<String, String>;

/// What a group is told by: a value, or nothing, for each field.
type Key = Vec<Option<ParameterValue>>;

impl Member {
    pub(super) fn new(mut run: ExperimentRun, experiment_name: String) -> Self {
        let flat = ParameterValue::flatten(&run.parameters);
        let parameters: BTreeMap<String, ParameterValue> =
            flat.into_iter().map(|(path, value)| (path, plain(value))).collect();
        run.parameters = Parameters::new();
        let mut seeds = Seeds::new();
        let (mut seed, mut condition) = (Fingerprint::default(), Fingerprint::default());
        write!(condition, "{}", run.experiment_id).ok();
        for (path, value) in &parameters {
            if is_seed(path) {
                seed.add(path, value);
                seeds.insert(path.clone(), value.to_string());
            } else {
                condition.add(path, value);
            }
        }
        let seed = (!seeds.is_empty()).then(|| seed.0.finish());
        Self { run, experiment_name, seeds, seed, condition: condition.0.finish(), parameters }
    }

    /// As `tiny-lm#3`.
    pub(super) fn address(&self) -> String {
        format!("{}#{}", self.experiment_name, self.run.number)
    }

    fn value(&self, field: &Field) -> Option<ParameterValue> {
        match field {
            Field::Parameter(path) => self.parameters.get(path).cloned(),
            Field::Tag(key) => self.run.tags.0.get(key).map(|value| value.as_str().into()),
            Field::Name => Some(self.run.name.as_str().into()),
            Field::Status => Some(self.run.status.as_str().into()),
            Field::ExperimentId => Some(self.experiment_name.as_str().into()),
            Field::Owner => self.run.created_by.map(|id| id.to_string().into()),
            Field::ParentRunId => self.run.parent_run_id.map(|id| id.to_string().into()),
            _ => None,
        }
    }
}

/// A hash of parameters, without texts in between: there can be thousands of runs.
#[derive(Default)]
struct Fingerprint(DefaultHasher);

impl fmt::Write for Fingerprint {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}

impl Fingerprint {
    fn add(&mut self, path: &str, value: &ParameterValue) {
        path.hash(&mut self.0);
        value.type_name().hash(&mut self.0);
        write!(self, "{value}").ok();
        self.0.write_u8(0xff);
    }
}

/// Whether a parameter only chooses the random numbers, by its name.
pub(super) fn is_seed(path: &str) -> bool {
    let name = path.rsplit('.').next().unwrap_or(path).as_bytes();
    let is = |name: &[u8], word: &[u8]| {
        let plain = |byte: &u8| if *byte == b'-' { b'_' } else { byte.to_ascii_lowercase() };
        name.len() == word.len() && name.iter().map(plain).eq(word.iter().copied())
    };
    let end = |length: usize| name.get(name.len().saturating_sub(length)..).unwrap_or_default();
    is(name, b"seed") || is(end(5), b"_seed") || is(name, b"random_state")
}

/// A whole float as the integer it equals, because `lr=1` and `lr=1.0` are one condition.
fn plain(value: &ParameterValue) -> ParameterValue {
    /// 2⁵³: whole floats up to it are exact.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        ParameterValue::Float(v) if v.fract() == 0.0 && v.abs() <= EXACT => ParameterValue::Integer(*v as i64),
        other => other.clone(),
    }
}

/// Reads the fields that make groups.
pub(super) fn parse_fields(texts: &[String]) -> Result<Vec<Field>> {
    let parse = |(index, text): (usize, &String)| {
        let at = format!("group_by[{index}]");
        let field = match text.trim() {
            "experiment" | "experiment_name" => Field::ExperimentId,
            text => text.parse().map_err(|error: lab_model::ParseError| Error::invalid(&at, error.problem))?,
        };
        let is_condition = matches!(
            field,
            Field::Parameter(_)
                | Field::Tag(_)
                | Field::Name
                | Field::Status
                | Field::ExperimentId
                | Field::Owner
                | Field::ParentRunId
        );
        if is_condition {
            return Ok(field);
        }
        Err(Error::invalid(at, format!("is `{text}`; group by a parameter, a tag, `name` or `experiment`")))
    };
    texts.iter().enumerate().map(parse).collect()
}

/// Groups by the values of fields, in the order of those values: numbers by size, and what lacks the field last.
pub(super) fn by_fields(members: Vec<Member>, fields: &[Field]) -> Vec<Condition> {
    let names = short_names(fields);
    let mut groups: Vec<(Key, Vec<Member>)> = Vec::new();
    let mut index: BTreeMap<Vec<Option<String>>, usize> = BTreeMap::new();
    for member in members {
        let key: Key = fields.iter().map(|field| member.value(field)).collect();
        // The type is a part of the text, so that the text `3` and the number 3 stay apart.
        let text = key.iter().map(|v| v.as_ref().map(|v| format!("{} {v}", v.type_name()))).collect();
        let at = *index.entry(text).or_insert(groups.len());
        if at == groups.len() {
            groups.push((key, Vec::new()));
        }
        groups[at].1.push(member);
    }
    groups.sort_by(|a, b| compare_keys(&a.0, &b.0));
    let label = |key: &Key| {
        let parts: Vec<String> = names.iter().zip(key).map(|(name, value)| part(name, value.as_ref())).collect();
        parts.join(", ")
    };
    distinct(groups.into_iter().map(|(key, members)| Condition { label: label(&key), members }).collect())
}

/// One group for each set of runs that differ in nothing but their seeds.
///
/// They are in the order in which their first runs were given where `keeps_order`, and else sorted by what differs.
pub(super) fn by_all_but_seed(members: Vec<Member>, keeps_order: bool) -> Vec<Condition> {
    let differing = differing_paths(&members);
    let several_experiments = members.iter().any(|m| m.run.experiment_id != members[0].run.experiment_id);
    let experiment = several_experiments.then_some(Field::ExperimentId);
    let fields: Vec<Field> = experiment.into_iter().chain(differing.into_iter().map(Field::Parameter)).collect();
    let rank: BTreeMap<_, usize> = members.iter().enumerate().map(|(i, m)| (m.run.id, i)).collect();
    let mut conditions = by_fields(members, &fields);
    if fields.len() > MAX_LABEL_PARTS || fields.is_empty() {
        for condition in &mut conditions {
            condition.label = condition.members.first().map(|m| m.run.name.clone()).unwrap_or_default();
        }
        conditions = distinct(conditions);
    }
    if keeps_order {
        let first = |c: &Condition| c.members.first().and_then(|m| rank.get(&m.run.id)).copied();
        conditions.sort_by_key(first);
    }
    conditions
}

/// Each run by itself, called by its name.
pub(super) fn single(members: Vec<Member>) -> Vec<Condition> {
    let alone = |member: Member| Condition { label: member.run.name.clone(), members: vec![member] };
    distinct(members.into_iter().map(alone).collect())
}

/// The first run of each set that differs in nothing but its seed: of thousands of runs there are a few.
pub(super) fn representatives(members: &[Member]) -> Vec<&Member> {
    let mut seen = BTreeSet::new();
    members.iter().filter(|member| seen.insert(member.condition)).collect()
}

/// Paths of the parameters, seeds aside, that are not the same in all runs.
pub(super) fn differing_paths(members: &[Member]) -> Vec<String> {
    let members = representatives(members);
    let paths: BTreeSet<&String> = members.iter().flat_map(|m| m.parameters.keys()).filter(|p| !is_seed(p)).collect();
    let differs = |path: &&String| members.iter().any(|m| m.parameters.get(*path) != members[0].parameters.get(*path));
    paths.into_iter().filter(differs).cloned().collect()
}

/// The seeds of each run, if every run of every group has its own and all groups have the same ones.
pub(super) fn paired_seeds(conditions: &[&Condition]) -> bool {
    let sets: Vec<Option<BTreeSet<u64>>> = conditions.iter().map(|condition| own_seeds(condition)).collect();
    sets.iter().all(|set| set.is_some() && *set == sets[0])
}

/// The seeds of a group, where each of its runs has one of its own.
fn own_seeds(condition: &Condition) -> Option<BTreeSet<u64>> {
    let seeds: BTreeSet<u64> = condition.members.iter().map(|member| member.seed).collect::<Option<_>>()?;
    (seeds.len() == condition.members.len()).then_some(seeds)
}

/// Names of fields without `params.` and `tags.`, unless that would make two of them one.
fn short_names(fields: &[Field]) -> Vec<String> {
    let short = |field: &Field| match field {
        Field::Parameter(name) | Field::Tag(name) => name.clone(),
        Field::ExperimentId => "experiment".to_owned(),
        other => other.to_string(),
    };
    let is_twice = |field: &&Field| fields.iter().filter(|other| short(other) == short(field)).count() > 1;
    fields.iter().map(|field| if is_twice(&field) { field.to_string() } else { short(field) }).collect()
}

fn part(name: &str, value: Option<&ParameterValue>) -> String {
    match value {
        None => format!("no {name}"),
        // A name says what it is by itself.
        Some(value) if name == "name" || name == "experiment" => shortened(&value.to_string()),
        Some(ParameterValue::String(text)) if text.is_empty() => name.to_owned(),
        Some(value) => format!("{name}={}", shortened(&value.to_string())),
    }
}

fn shortened(text: &str) -> String {
    const MAX: usize = 60;
    if text.chars().count() <= MAX { text.to_owned() } else { text.chars().take(MAX - 1).chain(['…']).collect() }
}

/// Labels made unique: first by the address of the first run, then by counting.
fn distinct(mut conditions: Vec<Condition>) -> Vec<Condition> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for condition in &conditions {
        *counts.entry(condition.label.clone()).or_default() += 1;
    }
    let mut taken = BTreeSet::new();
    for condition in &mut conditions {
        let is_shared = counts.get(&condition.label).is_some_and(|count| *count > 1);
        if is_shared && let Some(first) = condition.members.first() {
            condition.label = format!("{} ({})", condition.label, first.address());
        }
        let wanted = condition.label.clone();
        let mut count = 1;
        while !taken.insert(condition.label.clone()) {
            count += 1;
            condition.label = format!("{wanted} ({count})");
        }
    }
    conditions
}

fn compare_keys(a: &Key, b: &Key) -> Ordering {
    let parts = a.iter().zip(b).map(|(a, b)| match (a, b) {
        (Some(a), Some(b)) => compare(a, b),
        (a, b) => b.is_some().cmp(&a.is_some()),
    });
    parts.fold(Ordering::Equal, Ordering::then)
}

/// Numbers by size and before everything else, the rest by its text.
pub(super) fn compare(a: &ParameterValue, b: &ParameterValue) -> Ordering {
    let number = |value: &ParameterValue| match value {
        ParameterValue::Integer(v) => Some(*v as f64),
        ParameterValue::Float(v) => Some(*v),
        _ => None,
    };
    match (number(a), number(b)) {
        // Equal numbers are written alike, as whole floats are integers here.
        (Some(x), Some(y)) => x.total_cmp(&y).then_with(|| a.type_name().cmp(b.type_name())),
        (None, None) if a == b => Ordering::Equal,
        (x, y) => y.is_some().cmp(&x.is_some()).then_with(|| a.to_string().cmp(&b.to_string())),
    }
}
