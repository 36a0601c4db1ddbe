//! Evaluations of language models.

use super::Procedure;
use super::args::Call;
use super::reply::Reply;
use crate::error::{Result, StatsError};
use crate::evaluation;

pub(super) const PROCEDURES: &[Procedure] = &[
    Procedure {
        name: "clustered_mean",
        params: &["confidence_level"],
        inputs: &["scores", "clusters"],
        run: clustered_mean,
    },
    Procedure {
        name: "clustered_paired_difference",
        params: &["confidence_level", "alternative"],
        inputs: &["a", "b", "clusters"],
        run: clustered_paired_difference,
    },
    Procedure { name: "resampled_mean", params: &["confidence_level"], inputs: &["matrix"], run: resampled_mean },
    Procedure { name: "pass_at_k", params: &["k"], inputs: &["n", "c", "k"], run: pass_at_k },
];

/// Clusters of the values that are there; the first list decides which those are.
fn clusters_of(call: &Call, columns: &[Vec<Option<f64>>]) -> Result<(Vec<Vec<f64>>, Vec<String>)> {
    let labels = call.labels("clusters")?;
    for column in columns {
        if column.len() != labels.len() {
            return Err(StatsError::UnequalLengths {
                first: "scores".to_owned(),
                first_len: column.len(),
                second: "clusters".to_owned(),
                second_len: labels.len(),
            });
        }
        let count = column.iter().filter(|value| value.is_none()).count();
        if count > 0 && !call.omits_missing()? {
            return Err(StatsError::Missing { name: "scores".to_owned(), count });
        }
    }
    let is_whole: Vec<bool> =
        (0..labels.len()).map(|index| columns.iter().all(|column| column[index].is_some())).collect();
    let kept = |column: &Vec<Option<f64>>| -> Vec<f64> {
        column.iter().zip(&is_whole).filter(|(_, is_whole)| **is_whole).filter_map(|(value, _)| *value).collect()
    };
    let values = columns.iter().map(kept).collect();
    let labels = labels.into_iter().zip(&is_whole).filter(|(_, is_whole)| **is_whole).map(|(label, _)| label).collect();
    Ok((values, labels))
}

fn clustered_mean(call: &Call) -> Result<Reply> {
    let (columns, clusters) = clusters_of(call, &[call.vector("scores")?])?;
    let result = evaluation::clustered_mean(&columns[0], &clusters, call.level()?)?;
    Ok(Reply::new()
        .put_count("n", result.n as u64)
        .put_count("n_clusters", result.n_clusters as u64)
        .put("mean", result.mean)
        .put("se_clt", result.se_clt)
        .put("se_cluster_cr0", result.se_cluster_cr0)
        .put("se_cluster_cr1", result.se_cluster_cr1)
        .put_some("se_cluster_miller", result.se_cluster_miller)
        .put_interval("ci_", result.interval))
}

fn clustered_paired_difference(call: &Call) -> Result<Reply> {
    let (columns, clusters) = clusters_of(call, &[call.vector("a")?, call.vector("b")?])?;
    let result = evaluation::clustered_paired_difference(
        &columns[0],
        &columns[1],
        &clusters,
        call.alternative()?,
        call.level()?,
    )?;
    Ok(Reply::new()
        .put("mean_difference", result.mean_difference)
        .put("se_paired", result.se_paired)
        .put("se_paired_cluster_cr0", result.se_paired_cluster_cr0)
        .put("se_paired_cluster_cr1", result.se_paired_cluster_cr1)
        .put("se_unpaired", result.se_unpaired)
        .put_some("correlation", result.correlation)
        .put("z", result.z)
        .put("p_value", result.p_value)
        .put_interval("ci_", result.interval))
}

fn resampled_mean(call: &Call) -> Result<Reply> {
    let result = evaluation::resampled_mean(&call.matrix("matrix")?, call.level()?)?;
    Ok(Reply::new()
        .put("mean", result.mean)
        .put("se", result.se)
        .put("se_naive", result.se_naive)
        .put_some("within_variance", result.within_variance)
        .put("between_variance", result.between_variance)
        .put_interval("ci_", result.interval))
}

fn pass_at_k(call: &Call) -> Result<Reply> {
    let (n, c, k) = (call.need_count("n")?, call.need_count("c")?, call.need_count("k")?);
    Ok(Reply::new()
        .put("pass_at_k", evaluation::pass_at_k(n, c, k)?)
        .put("pass_hat_k", evaluation::pass_hat_k(n, c, k)?))
}
