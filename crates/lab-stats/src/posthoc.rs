//! Which groups differ, after a test of several has said that some do.
//!
//! Pairs come in the order (0,1), (0,2), ..., (1,2), ...; differences are first minus second.

use serde::Serialize;

use crate::anova::WithinGroups;
use crate::correction::{self, Correction};
use crate::dist::{normal_sf, studentized_range};
use crate::error::{Result, StatsError};
use crate::options::{Alternative, ConfidenceLevel};
use crate::outcome::Interval;
use crate::rank;
use crate::sample::{self, Moments};

/// One pair of groups.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PairComparison {
    /// Index of the first group.
    pub first: usize,
    /// Index of the second group.
    pub second: usize,
    /// First minus second: means for Tukey and Games-Howell, mean ranks for Dunn and Nemenyi.
    pub difference: f64,
    /// Standard error of the difference.
    pub standard_error: f64,
    /// q of the studentised range, or z for Dunn.
    pub statistic: f64,
    /// Degrees of freedom; absent for rank comparisons.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub df: Option<f64>,
    /// p-value before adjustment, for Dunn only; the others adjust by their distribution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p_unadjusted: Option<f64>,
    /// p-value adjusted for all pairs.
    pub p_value: f64,
    /// Simultaneous interval of the difference; absent for rank comparisons.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
}

fn pairs(count: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..count).flat_map(move |first| (first + 1..count).map(move |second| (first, second)))
}

/// Tukey's honestly significant differences, with Kramer's standard error for unequal sizes.
///
/// Assumes independent, about normal values of equal variance. Follows SciPy's `tukey_hsd`.
///
/// # Errors
/// As [`crate::anova::one_way`].
pub fn tukey_hsd<G: AsRef<[f64]>>(groups: &[G], level: ConfidenceLevel) -> Result<Vec<PairComparison>> {
    sample::check_groups(groups, 2, 1)?;
    let within = WithinGroups::of(groups)?;
    let critical = studentized_range::upper_quantile(level.tail(Alternative::Less), groups.len(), within.df);
    Ok(pairs(groups.len())
        .map(|(first, second)| {
            let (one, two) = (&within.moments[first], &within.moments[second]);
            let scale = (within.mean_square / 2.0 * (1.0 / one.count() + 1.0 / two.count())).sqrt();
            range_comparison((first, second), (one, two), scale, within.df, groups.len(), (critical, level))
        })
        .collect())
}

/// Games and Howell's comparisons: as [`tukey_hsd`], without assuming equal variances.
///
/// Follows pingouin's `pairwise_gameshowell`.
///
/// # Errors
/// Fewer than two groups, a group with fewer than two values, values that are not finite, or two groups that do not vary.
pub fn games_howell<G: AsRef<[f64]>>(groups: &[G], level: ConfidenceLevel) -> Result<Vec<PairComparison>> {
    sample::check_groups(groups, 2, 2)?;
    let moments: Vec<Moments> = groups.iter().map(|group| Moments::of(group.as_ref())).collect();
    pairs(groups.len())
        .map(|(first, second)| {
            let (one, two) = (&moments[first], &moments[second]);
            let standard_error = one.standard_error().hypot(two.standard_error());
            if standard_error == 0.0 {
                return Err(StatsError::undefined("Games and Howell's comparison", "two of the groups do not vary"));
            }
            let part = |group: &Moments| (group.standard_error() / standard_error).powi(4) / (group.count() - 1.0);
            let df = 1.0 / (part(one) + part(two));
            let critical = studentized_range::upper_quantile(level.tail(Alternative::Less), groups.len(), df);
            let scale = standard_error / std::f64::consts::SQRT_2;
            Ok(range_comparison((first, second), (one, two), scale, df, groups.len(), (critical, level)))
        })
        .collect()
}

fn range_comparison(
    (first, second): (usize, usize),
    (one, two): (&Moments, &Moments),
    scale: f64,
    df: f64,
    groups: usize,
    (critical, level): (f64, ConfidenceLevel),
) -> PairComparison {
    let difference = one.mean - two.mean;
    let statistic = difference.abs() / scale;
    PairComparison {
        first,
        second,
        difference,
        standard_error: scale * std::f64::consts::SQRT_2,
        statistic,
        df: Some(df),
        p_unadjusted: None,
        p_value: studentized_range::sf(statistic, groups, df),
        interval: Some(Interval::around(difference, critical * scale, Alternative::TwoSided, level)),
    }
}

/// Dunn's comparisons of mean ranks, after Kruskal and Wallis's test, adjusted by `correction`.
///
/// Assumes independent values. Corrected for ties. Follows R's `dunn.test` with two-sided p-values and scikit-posthocs'
/// `posthoc_dunn`.
///
/// # Errors
/// Fewer than two groups, an empty group, values that are not finite, or all values equal.
pub fn dunn<G: AsRef<[f64]>>(groups: &[G], correction: Correction) -> Result<Vec<PairComparison>> {
    sample::check_groups(groups, 2, 1)?;
    let pooled: Vec<f64> = groups.iter().flat_map(|group| group.as_ref().iter().copied()).collect();
    let (ranks, ties) = sample::average_ranks(&pooled);
    if ties.len() == 1 {
        return Err(StatsError::undefined("Dunn's comparison", "all values are equal, so ranks do not vary"));
    }
    let n = pooled.len() as f64;
    let variance = n * (n + 1.0) / 12.0 - sample::tie_term(&ties) / (12.0 * (n - 1.0));
    let mut rest = ranks.as_slice();
    let mean_ranks: Vec<(f64, f64)> = groups
        .iter()
        .map(|group| {
            let (own, others) = rest.split_at(group.as_ref().len());
            rest = others;
            (own.iter().sum::<f64>() / own.len() as f64, own.len() as f64)
        })
        .collect();
    let mut comparisons: Vec<PairComparison> = pairs(groups.len())
        .map(|(first, second)| {
            let ((one, n1), (two, n2)) = (mean_ranks[first], mean_ranks[second]);
            let standard_error = (variance * (1.0 / n1 + 1.0 / n2)).sqrt();
            rank_comparison((first, second), one - two, standard_error)
        })
        .collect();
    let unadjusted: Vec<f64> = comparisons.iter().map(|pair| pair.p_value).collect();
    for (pair, adjusted) in comparisons.iter_mut().zip(correction::adjust_all(&unadjusted, correction)?) {
        pair.p_value = adjusted;
    }
    Ok(comparisons)
}

fn rank_comparison((first, second): (usize, usize), difference: f64, standard_error: f64) -> PairComparison {
    let statistic = difference / standard_error;
    let p_value = (2.0 * normal_sf(statistic.abs())).min(1.0);
    PairComparison {
        first,
        second,
        difference,
        standard_error,
        statistic,
        df: None,
        p_unadjusted: Some(p_value),
        p_value,
        interval: None,
    }
}

/// Nemenyi's comparisons of mean ranks, after Friedman's test (Demsar 2006).
///
/// Two treatments differ where their mean ranks are more than the critical difference apart. Follows scikit-posthocs'
/// `posthoc_nemenyi_friedman`.
///
/// # Errors
/// As [`crate::rank::friedman`].
pub fn nemenyi<R: AsRef<[f64]>>(blocks: &[R]) -> Result<Vec<PairComparison>> {
    let columns = rank::check_blocks(blocks)?;
    let (mean_ranks, _) = rank::block_ranks(blocks, columns);
    let (n, k) = (blocks.len() as f64, columns as f64);
    let standard_error = (k * (k + 1.0) / (6.0 * n)).sqrt();
    Ok(pairs(columns)
        .map(|(first, second)| {
            let mut pair = rank_comparison((first, second), mean_ranks[first] - mean_ranks[second], standard_error);
            pair.statistic = pair.statistic.abs() * std::f64::consts::SQRT_2;
            pair.p_unadjusted = None;
            pair.p_value = studentized_range::sf(pair.statistic, columns, f64::INFINITY);
            pair
        })
        .collect())
}
