//! Bootstrap, permutation tests and aggregate scores.

use super::Procedure;
use super::args::Call;
use super::reply::Reply;
use crate::error::Result;
use crate::resample::{
    AggregateOptions, BootstrapMethod, BootstrapOptions, PermutationMethod, PermutationStatistic, Statistic,
    aggregate_scores, bootstrap, bootstrap_difference, bootstrap_paired, permutation_paired, permutation_two_sample,
    probability_of_improvement,
};

pub(super) const PROCEDURES: &[Procedure] = &[
    Procedure {
        name: "bootstrap_ci",
        params: &["statistic", "design", "method", "confidence_level", "alternative", "n_resamples", "seed"],
        inputs: &["a", "b"],
        run: bootstrap_ci,
    },
    Procedure {
        name: "permutation_test",
        params: &["design", "statistic", "alternative", "method", "n_resamples", "seed"],
        inputs: &["a", "b"],
        run: permutation_test,
    },
    Procedure {
        name: "aggregate_scores",
        params: &["confidence_level", "n_resamples", "gamma", "seed"],
        inputs: &["a", "b"],
        run: aggregate,
    },
];

#[derive(Clone, Copy)]
enum Design {
    OneSample,
    TwoSample,
    Paired,
}

fn bootstrap_ci(call: &Call) -> Result<Reply> {
    let options = BootstrapOptions {
        statistic: call.choice(
            "statistic",
            &[
                ("mean", Statistic::Mean),
                ("median", Statistic::Median),
                ("iqm", Statistic::InterquartileMean),
                ("std", Statistic::StandardDeviation),
                ("var", Statistic::Variance),
                ("mean_difference", Statistic::Mean),
                ("median_difference", Statistic::Median),
            ],
        )?,
        method: call.choice(
            "method",
            &[
                ("bca", BootstrapMethod::Bca),
                ("percentile", BootstrapMethod::Percentile),
                ("basic", BootstrapMethod::Basic),
                ("BCa", BootstrapMethod::Bca),
            ],
        )?,
        level: call.level()?,
        alternative: call.alternative()?,
        resamples: call.resamples(10_000)?,
        seed: call.count("seed")?.unwrap_or(0),
    };
    let default = if call.has_input("b") { Design::TwoSample } else { Design::OneSample };
    let design = call.choice(
        "design",
        &[
            ("default", default),
            ("one_sample", Design::OneSample),
            ("two_sample", Design::TwoSample),
            ("paired", Design::Paired),
        ],
    )?;
    let result = match design {
        Design::OneSample => bootstrap(&call.sample("a")?, &options)?,
        Design::TwoSample => bootstrap_difference(&call.sample("a")?, &call.sample("b")?, &options)?,
        Design::Paired => {
            let (a, b) = call.pairs()?;
            bootstrap_paired(&a, &b, &options)?
        }
    };
    let mut reply = Reply::new()
        .put("estimate", result.estimate.value)
        .put_some("se", result.estimate.standard_error)
        .put_some("p_value", result.p_value)
        .put_count("n_resamples", result.resamples as u64)
        .put_count("seed", result.seed);
    if let Some(interval) = result.estimate.interval {
        reply = reply.put_interval("ci_", interval);
    }
    Ok(reply)
}

fn permutation_test(call: &Call) -> Result<Reply> {
    let (resamples, seed) = (call.resamples(10_000)?, call.count("seed")?.unwrap_or(0));
    let random = PermutationMethod::MonteCarlo { resamples, seed };
    let method = call.choice(
        "method",
        &[
            ("auto", PermutationMethod::Auto { resamples, seed }),
            ("exact", PermutationMethod::Exact),
            ("monte_carlo", random),
            ("montecarlo", random),
            ("random", random),
        ],
    )?;
    let statistic = call.choice(
        "statistic",
        &[
            ("mean_difference", PermutationStatistic::MeanDifference),
            ("median_difference", PermutationStatistic::MedianDifference),
            ("mean", PermutationStatistic::MeanDifference),
            ("median", PermutationStatistic::MedianDifference),
        ],
    )?;
    let alternative = call.alternative()?;
    let test = if call.choice("design", &[("two_sample", false), ("paired", true)])? {
        let (a, b) = call.pairs()?;
        permutation_paired(&a, &b, statistic, alternative, method)?
    } else {
        permutation_two_sample(&call.sample("a")?, &call.sample("b")?, statistic, alternative, method)?
    };
    Ok(Reply::new().put_test(&test).put_value("method_used", test.method))
}

fn aggregate(call: &Call) -> Result<Reply> {
    let options = AggregateOptions {
        level: call.level()?,
        resamples: call.resamples(2000)?,
        seed: call.count("seed")?.unwrap_or(0),
        gamma: call.number_or("gamma", 1.0)?,
    };
    let a = call.matrix("a")?;
    let scores = aggregate_scores(&a, &options)?;
    let improvement =
        if call.has_input("b") { Some(probability_of_improvement(&a, &call.matrix("b")?)?) } else { None };
    Ok(Reply::new()
        .put("iqm", scores.iqm)
        .put_interval("iqm_ci_", scores.iqm_interval)
        .put("mean", scores.mean)
        .put("median", scores.median)
        .put("optimality_gap", scores.optimality_gap)
        .put_some("probability_of_improvement", improvement))
}
