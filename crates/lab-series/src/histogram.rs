//! Histograms over the same buckets, added up.

use lab_model::Distribution;

use crate::SeriesError;

/// Adds the histogram `other` to `into`, bucket by bucket. On an error `into` is as it was.
///
/// # Errors
/// If one is not a histogram, if their boundaries differ, or if a count overflows. Percentiles cannot be merged: those of
/// the whole do not follow from those of the parts.
pub fn merge_histogram(into: &mut Distribution, other: &Distribution) -> Result<(), SeriesError> {
    let unmergeable = |problem| SeriesError::Unmergeable { problem };
    let (
        Distribution::Histogram { boundaries, counts, sum, count },
        Distribution::Histogram {
            boundaries: other_boundaries,
            counts: other_counts,
            sum: other_sum,
            count: other_count,
        },
    ) = (into, other)
    else {
        return Err(unmergeable("of percentiles cannot be merged"));
    };
    if boundaries != other_boundaries || counts.len() != other_counts.len() {
        return Err(unmergeable("have different boundaries"));
    }
    let overflow = || unmergeable("have counts that overflow together");
    let merged: Option<Vec<u64>> = counts.iter().zip(other_counts).map(|(a, b)| a.checked_add(*b)).collect();
    let merged_count = count.checked_add(*other_count).ok_or_else(overflow)?;
    *counts = merged.ok_or_else(overflow)?;
    *count = merged_count;
    *sum += other_sum;
    Ok(())
}
