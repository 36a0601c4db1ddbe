//! Rank tests.

use super::Procedure;
use super::args::Call;
use super::reply::Reply;
use crate::error::Result;
use crate::outcome::Estimate;
use crate::rank::{
    ContinuityCorrection, RankMethod, RankSumOptions, SignedRankOptions, ZeroMethod, friedman, kruskal_wallis,
    mann_whitney, paired_shift, rank_biserial_interval, shift, wilcoxon_signed_rank,
};

pub(super) const PROCEDURES: &[Procedure] = &[
    Procedure {
        name: "wilcoxon_rank_sum",
        params: &["alternative", "method", "continuity_correction", "confidence_level"],
        inputs: &["a", "b"],
        run: rank_sum,
    },
    Procedure {
        name: "wilcoxon_signed_rank",
        params: &["alternative", "method", "zero_method", "continuity_correction", "confidence_level"],
        inputs: &["a", "b"],
        run: signed_rank,
    },
    Procedure { name: "kruskal_wallis", params: &[], inputs: &["groups"], run: kruskal },
    Procedure { name: "friedman", params: &[], inputs: &["matrix"], run: friedman_test },
];

fn method(call: &Call) -> Result<RankMethod> {
    call.choice(
        "method",
        &[("auto", RankMethod::Auto), ("exact", RankMethod::Exact), ("asymptotic", RankMethod::Asymptotic)],
    )
}

fn continuity(call: &Call, default: bool) -> Result<ContinuityCorrection> {
    Ok(if call.flag("continuity_correction", default)? {
        ContinuityCorrection::Applied
    } else {
        ContinuityCorrection::Omitted
    })
}

fn method_name(method: RankMethod) -> &'static str {
    match method {
        RankMethod::Auto => "auto",
        RankMethod::Exact => "exact",
        RankMethod::Asymptotic => "asymptotic",
    }
}

fn rank_sum(call: &Call) -> Result<Reply> {
    let (a, b) = (call.sample("a")?, call.sample("b")?);
    let options =
        RankSumOptions { alternative: call.alternative()?, method: method(call)?, continuity: continuity(call, true)? };
    let result = mann_whitney(&a, &b, options)?;
    // Refused for millions of differences only, and the test itself is answered then.
    let estimate = shift(&a, &b, call.alternative()?, call.level()?).ok();
    let biserial = rank_biserial_interval(&result, call.level()?);
    Ok(shifted(Reply::new(), estimate)
        .put_interval("rank_biserial_ci_", biserial)
        .put_test(&result.test)
        .put("u1", result.u1)
        .put("u2", result.u2)
        .put("rank_biserial", result.cliffs_delta)
        .put("cliffs_delta", result.cliffs_delta)
        .put("a12", result.a12)
        .put_count("n1", a.len() as u64)
        .put_count("n2", b.len() as u64)
        .put_value("method_used", method_name(result.method_used)))
}

fn signed_rank(call: &Call) -> Result<Reply> {
    let (a, b) = call.pairs()?;
    let options = SignedRankOptions {
        alternative: call.alternative()?,
        method: method(call)?,
        zeros: call.choice(
            "zero_method",
            &[("wilcox", ZeroMethod::Wilcox), ("pratt", ZeroMethod::Pratt), ("zsplit", ZeroMethod::Zsplit)],
        )?,
        continuity: continuity(call, false)?,
    };
    let result = wilcoxon_signed_rank(&a, &b, options)?;
    let estimate = paired_shift(&a, &b, call.alternative()?, call.level()?).ok();
    Ok(shifted(Reply::new(), estimate)
        .put_interval("matched_rank_biserial_ci_", result.biserial_interval(call.level()?))
        .put_test(&result.test)
        .put("t_plus", result.t_plus)
        .put("t_minus", result.t_minus)
        .put("matched_rank_biserial", result.matched_rank_biserial)
        .put_count("n_used", result.n_used as u64)
        .put_value("method_used", method_name(result.method_used)))
}

/// The Hodges-Lehmann estimate with its interval, where there is one.
fn shifted(reply: Reply, estimate: Option<Estimate>) -> Reply {
    let Some(estimate) = estimate else { return reply };
    let reply = reply.put("hodges_lehmann", estimate.value);
    match estimate.interval {
        Some(interval) => reply.put_interval("hodges_lehmann_ci_", interval),
        None => reply,
    }
}

fn kruskal(call: &Call) -> Result<Reply> {
    let result = kruskal_wallis(&call.groups()?)?;
    Ok(Reply::new()
        .put_test(&result.test)
        .put("epsilon_squared", result.epsilon_squared)
        .put_some("eta_squared_h", result.eta_squared_h))
}

fn friedman_test(call: &Call) -> Result<Reply> {
    let result = friedman(&call.matrix("matrix")?)?;
    Ok(Reply::new()
        .put_test(&result.test)
        .put("kendalls_w", result.kendalls_w)
        .put_list("mean_ranks", result.mean_ranks.into_iter().map(Some)))
}
