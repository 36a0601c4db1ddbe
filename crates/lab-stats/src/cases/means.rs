//! t tests, equivalence and effect sizes.

use super::args::Call;
use super::reply::Reply;
use super::{Procedure, args};
use crate::effect::{self, hedges_correction_approximate};
use crate::equivalence::{self, EquivalenceResult, Margin};
use crate::error::Result;
use crate::outcome::TestResult;
use crate::ttest::{self, Variances};

pub(super) const PROCEDURES: &[Procedure] = &[
    Procedure {
        name: "t_test_independent",
        params: &["variant", "alternative", "confidence_level"],
        inputs: &["a", "b"],
        run: t_independent,
    },
    Procedure {
        name: "t_test_paired",
        params: &["alternative", "confidence_level"],
        inputs: &["a", "b"],
        run: t_paired,
    },
    Procedure {
        name: "t_test_one_sample",
        params: &["alternative", "confidence_level", "popmean", "mu"],
        inputs: &["a"],
        run: t_one_sample,
    },
    Procedure { name: "effect_size", params: &["confidence_level", "paired"], inputs: &["a", "b"], run: effect_size },
    Procedure {
        name: "tost_independent",
        params: &["low", "high", "variant"],
        inputs: &["a", "b"],
        run: tost_independent,
    },
    Procedure { name: "tost_paired", params: &["low", "high"], inputs: &["a", "b"], run: tost_paired },
    Procedure { name: "tost_one_sample", params: &["low", "high"], inputs: &["a"], run: tost_one_sample },
];

fn variances(call: &args::Call) -> Result<Variances> {
    call.choice("variant", &[("welch", Variances::Unequal), ("student", Variances::Equal)])
}

/// The test with its mean difference.
fn t_reply(test: &TestResult) -> Reply {
    let mut reply = Reply::new().put_test(test);
    if let Some(estimate) = &test.estimate {
        reply = reply.put("mean_difference", estimate.value).put_some("se", estimate.standard_error);
        if let Some(interval) = estimate.interval {
            reply = reply.put_interval("ci_", interval);
        }
    }
    reply
}

fn t_independent(call: &Call) -> Result<Reply> {
    let (a, b) = (call.sample("a")?, call.sample("b")?);
    let test = ttest::independent(&a, &b, variances(call)?, call.alternative()?, call.level()?)?;
    let effects = effect::two_sample(&a, &b, call.level()?)?;
    Ok(t_reply(&test)
        .put("cohen_d", effects.cohen_d.value)
        .put_some("hedges_g", effects.hedges_g.map(|g| g.value))
        .put("hedges_g_approx", effects.hedges_g_approx)
        .put_count("n1", a.len() as u64)
        .put_count("n2", b.len() as u64))
}

fn t_paired(call: &Call) -> Result<Reply> {
    let (a, b) = call.pairs()?;
    let test = ttest::paired(&a, &b, call.alternative()?, call.level()?)?;
    Ok(paired_effects(t_reply(&test), &a, &b, call)?.put_count("n", a.len() as u64))
}

fn paired_effects(reply: Reply, a: &[f64], b: &[f64], call: &Call) -> Result<Reply> {
    let effects = effect::paired(a, b, call.level()?)?;
    let interval = effects.cohen_dz.interval;
    Ok(reply
        .put("cohen_dz", effects.cohen_dz.value)
        .put_some("cohen_dz_ci_low", interval.map(|interval| interval.low))
        .put_some("cohen_dz_ci_high", interval.map(|interval| interval.high))
        .put_some("hedges_gz", effects.hedges_gz.map(|g| g.value))
        .put_some("cohen_dav", effects.cohen_dav)
        .put_some("cohen_d_avg_rms", effects.cohen_d_avg_rms)
        .put_some("pearson_r", effects.pearson_r))
}

fn t_one_sample(call: &Call) -> Result<Reply> {
    let a = call.sample("a")?;
    let mean = call.number("popmean")?.or(call.number("mu")?).unwrap_or(0.0);
    let test = ttest::one_sample(&a, mean, call.alternative()?, call.level()?)?;
    let d = test.effect.as_ref().map(|effect| effect.value);
    Ok(t_reply(&test).put_some("cohen_d", d).put_count("n", a.len() as u64))
}

fn effect_size(call: &Call) -> Result<Reply> {
    if call.flag("paired", false)? {
        let (a, b) = call.pairs()?;
        return paired_effects(Reply::new(), &a, &b, call);
    }
    let (a, b) = (call.sample("a")?, call.sample("b")?);
    let effects = effect::two_sample(&a, &b, call.level()?)?;
    let mut reply = Reply::new()
        .put("cohen_d", effects.cohen_d.value)
        .put("hedges_g_approx", effects.cohen_d.value * hedges_correction_approximate((a.len() + b.len() - 2) as f64))
        .put_interval("cohen_d_ci_normal_", effects.cohen_d_normal_interval)
        .put_some("glass_delta_a", effects.glass_delta_a)
        .put_some("glass_delta_b", effects.glass_delta_b)
        .put("cliffs_delta", effects.cliffs_delta)
        .put("rank_biserial", effects.cliffs_delta)
        .put("a12", effects.a12)
        .put_some("log_ratio_of_means", effects.log_ratio_of_means);
    if let Some(interval) = effects.cohen_d.interval {
        reply = reply.put_interval("cohen_d_ci_", interval);
    }
    if let Some(g) = effects.hedges_g {
        reply = reply.put("hedges_g", g.value);
        if let Some(interval) = g.interval {
            reply = reply.put_interval("hedges_g_ci_", interval);
        }
    }
    Ok(reply)
}

fn margin(call: &Call) -> Result<Margin> {
    Margin::try_new(call.need_number("low")?, call.need_number("high")?)
}

fn tost_reply(result: &EquivalenceResult) -> Reply {
    let mut reply = Reply::new()
        .put("p_value", result.p_value)
        .put("p_lower", result.p_lower)
        .put("p_upper", result.p_upper)
        .put("statistic_lower", result.statistic_lower)
        .put("statistic_upper", result.statistic_upper)
        .put("df", result.df)
        .put("mean_difference", result.estimate.value);
    if let Some(interval) = result.estimate.interval {
        reply = reply.put_interval("ci_", interval);
    }
    reply
}

fn tost_independent(call: &Call) -> Result<Reply> {
    let (a, b) = (call.sample("a")?, call.sample("b")?);
    Ok(tost_reply(&equivalence::tost_independent(&a, &b, margin(call)?, variances(call)?)?))
}

fn tost_paired(call: &Call) -> Result<Reply> {
    let (a, b) = call.pairs()?;
    Ok(tost_reply(&equivalence::tost_paired(&a, &b, margin(call)?)?))
}

fn tost_one_sample(call: &Call) -> Result<Reply> {
    Ok(tost_reply(&equivalence::tost_one_sample(&call.sample("a")?, margin(call)?)?))
}
