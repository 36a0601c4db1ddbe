//! How the samples of two groups belong together.

use std::collections::{BTreeMap, BTreeSet};

use super::groups::{Condition, paired_seeds};
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

    /// The numbers of runs that belong together as the link says.
    pub(super) fn of_runs(link: &Link, [a, b]: [&[Number]; 2]) -> Self {
        match link {
            Link::Unpaired(why) => {
                let finite = |numbers: &[Number]| numbers.iter().filter_map(|number| number.finite()).collect();
                Self::Unpaired { a: finite(a), b: finite(b), why }
            }
            Link::Paired(partners) => {
                let number = |side: &[Number], index: usize| side.get(index).and_then(|number| number.finite());
                let pair = |(group, baseline): &(usize, usize)| Some((number(a, *group)?, number(b, *baseline)?));
                let pairs: Vec<(f64, f64)> = partners.iter().filter_map(pair).collect();
                Self::Paired { dropped: partners.len() - pairs.len(), pairs, by: Pairing::Seed }
            }
        }
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

/// How the runs of a group and of the baseline belong together, whatever they measured.
#[derive(Clone, Debug)]
pub(super) enum Link {
    /// Positions of the runs with the same seed, in the group and in the baseline.
    Paired(Vec<(usize, usize)>),
    /// No pairs, and why.
    Unpaired(&'static str),
}

impl Link {
    /// Pairs the runs by seed where that can be done.
    pub(super) fn of(group: &Condition, baseline: &Condition) -> Self {
        if !paired_seeds(&[group, baseline]) {
            return Self::Unpaired(why_unpaired(group, baseline));
        }
        let places: BTreeMap<u64, usize> =
            baseline.members.iter().enumerate().filter_map(|(index, member)| Some((member.seed?, index))).collect();
        let members = group.members.iter().enumerate();
        Self::Paired(members.filter_map(|(index, member)| Some((index, *places.get(&member.seed?)?))).collect())
    }

    /// Each group's with the first.
    pub(super) fn all(conditions: &[Condition]) -> Vec<Self> {
        conditions.iter().skip(1).map(|group| Self::of(group, &conditions[0])).collect()
    }
}

fn why_unpaired(group: &Condition, baseline: &Condition) -> &'static str {
    let lacks_seeds = |condition: &Condition| condition.members.iter().any(|member| member.seed.is_none());
    let has_twins = |condition: &Condition| {
        condition.members.iter().map(|member| member.seed).collect::<BTreeSet<_>>().len() < condition.members.len()
    };
    if lacks_seeds(group) || lacks_seeds(baseline) {
        "because not every run names its seed, which would pair them"
    } else if has_twins(group) || has_twins(baseline) {
        "because several runs of a group share a seed, so that seeds do not pair them"
    } else {
        "because the two sides did not run the same seeds, so that they are not paired"
    }
}
