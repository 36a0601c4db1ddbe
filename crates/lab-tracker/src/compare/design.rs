//! How the samples of two groups belong together.

use std::collections::{BTreeMap, BTreeSet};

use super::groups::{Condition, Member, Seeds, paired_seeds};
use super::reduce::Number;

/// How the samples of a group and of the baseline belong together.
#[derive(Clone, Debug)]
pub(super) enum Design {
    /// Pairs: the group's number and the baseline's.
    Paired { pairs: Vec<(f64, f64)>, dropped: usize, by: Pairing },
    /// No pairs, and why.
    Unpaired { a: Vec<f64>, b: Vec<f64>, why: &'static str },
    /// The values of one series each.
    Series { a: Vec<f64>, b: Vec<f64> },
}

/// What makes two samples a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pairing {
    /// The same seed.
    Seed,
    /// The same example.
    Example,
}

impl Design {
    /// The numbers that are compared: the group's and the baseline's.
    pub(super) fn sides(&self) -> (Vec<f64>, Vec<f64>) {
        match self {
            Self::Paired { pairs, .. } => pairs.iter().copied().unzip(),
            Self::Unpaired { a, b, .. } | Self::Series { a, b } => (a.clone(), b.clone()),
        }
    }

    /// Pairs the runs by seed where that can be done.
    pub(super) fn of_runs([group, baseline]: [&Condition; 2], [a, b]: [&[Number]; 2]) -> Self {
        if !paired_seeds(&[group, baseline]) {
            let finite = |numbers: &[Number]| numbers.iter().filter_map(|number| number.finite()).collect();
            return Self::Unpaired { a: finite(a), b: finite(b), why: why_unpaired(group, baseline) };
        }
        let of_baseline: BTreeMap<Seeds, Number> =
            baseline.members.iter().map(Member::seeds).zip(b.iter().copied()).collect();
        let of_group: BTreeMap<Seeds, Number> =
            group.members.iter().map(Member::seeds).zip(a.iter().copied()).collect();
        let pairs: Vec<(f64, f64)> = of_group
            .iter()
            .filter_map(|(seeds, number)| Some((number.finite()?, of_baseline.get(seeds)?.finite()?)))
            .collect();
        let dropped = of_group.len() - pairs.len();
        Self::Paired { pairs, dropped, by: Pairing::Seed }
    }

    /// Pairs the examples that both sides have; without two of them all are compared as they are.
    pub(super) fn of_examples(a: &BTreeMap<i64, f64>, b: &BTreeMap<i64, f64>) -> Self {
        let pairs: Vec<(f64, f64)> = a.iter().filter_map(|(example, x)| Some((*x, *b.get(example)?))).collect();
        if pairs.len() < 2 {
            let values = |side: &BTreeMap<i64, f64>| side.values().copied().collect();
            let why = "because the two sides share no examples, so that they are not paired";
            return Self::Unpaired { a: values(a), b: values(b), why };
        }
        let all: BTreeSet<&i64> = a.keys().chain(b.keys()).collect();
        Self::Paired { dropped: all.len() - pairs.len(), pairs, by: Pairing::Example }
    }
}

fn why_unpaired(group: &Condition, baseline: &Condition) -> &'static str {
    let seeds = |condition: &Condition| condition.members.iter().map(Member::seeds).collect::<Vec<_>>();
    let (a, b) = (seeds(group), seeds(baseline));
    let has_twins = |seeds: &[Seeds]| seeds.iter().collect::<BTreeSet<_>>().len() < seeds.len();
    if a.iter().chain(&b).any(Seeds::is_empty) {
        "because not every run names its seed, which would pair them"
    } else if has_twins(&a) || has_twins(&b) {
        "because several runs of a group share a seed, so that seeds do not pair them"
    } else {
        "because the two sides did not run the same seeds, so that they are not paired"
    }
}
