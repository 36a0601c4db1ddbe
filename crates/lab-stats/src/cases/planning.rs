//! Power and corrections for several tests.

use super::Procedure;
use super::args::Call;
use super::reply::Reply;
use crate::correction::{self, Correction};
use crate::error::{Result, StatsError};
use crate::power::{self, AnovaDesign, EvaluationDesign, ProportionDesign, SampleSize, Samples, TDesign};
use crate::proportions::cohen_h;

pub(super) const PROCEDURES: &[Procedure] = &[
    Procedure { name: "adjust_p_values", params: &["method", "alpha"], inputs: &["p_values"], run: adjust },
    Procedure {
        name: "power_t_independent",
        params: &["solve_for", "effect_size", "n1", "n", "power", "ratio", "alpha", "alternative"],
        inputs: &[],
        run: t_independent,
    },
    Procedure {
        name: "power_t_paired",
        params: &["solve_for", "effect_size", "n", "power", "alpha", "alternative"],
        inputs: &[],
        run: t_paired,
    },
    Procedure {
        name: "power_anova",
        params: &["solve_for", "effect_size_f", "effect_size", "n_total", "n", "k_groups", "power", "alpha"],
        inputs: &[],
        run: anova,
    },
    Procedure {
        name: "power_proportions",
        params: &["solve_for", "p1", "p2", "n1", "n", "power", "ratio", "alpha", "alternative"],
        inputs: &[],
        run: proportions,
    },
    Procedure {
        name: "power_eval_paired",
        params: &[
            "solve_for",
            "omega2",
            "sigma2_a",
            "sigma2_b",
            "k_a",
            "k_b",
            "delta",
            "alpha",
            "power",
            "n_questions",
        ],
        inputs: &[],
        run: evaluation,
    },
];

const CORRECTIONS: [(&str, Correction); 12] = [
    ("bonferroni", Correction::Bonferroni),
    ("sidak", Correction::Sidak),
    ("holm", Correction::Holm),
    ("holm_sidak", Correction::HolmSidak),
    ("hochberg", Correction::Hochberg),
    ("hommel", Correction::Hommel),
    ("benjamini_hochberg", Correction::BenjaminiHochberg),
    ("benjamini_yekutieli", Correction::BenjaminiYekutieli),
    ("fdr_bh", Correction::BenjaminiHochberg),
    ("fdr_by", Correction::BenjaminiYekutieli),
    ("bh", Correction::BenjaminiHochberg),
    ("by", Correction::BenjaminiYekutieli),
];

/// The `method` parameter, or the named default.
pub(super) fn correction(call: &Call, default: &str) -> Result<Correction> {
    let mut options = CORRECTIONS;
    options.sort_by_key(|(name, _)| *name != default);
    call.choice("method", &options)
}

fn adjust(call: &Call) -> Result<Reply> {
    let adjusted = correction::adjust(&call.vector("p_values")?, correction(call, "holm")?)?;
    let reject = correction::reject(&adjusted, call.number_or("alpha", 0.05)?)?;
    Ok(Reply::new().put_list("adjusted", adjusted).put_value("reject", reject))
}

#[derive(Clone, Copy, PartialEq)]
enum Unknown {
    Power,
    Size,
    Effect,
}

/// What `solve_for` names, or, without it, what no number was given for.
fn unknown(call: &Call) -> Result<Unknown> {
    if !call.has("solve_for") {
        let lacks = |names: &[&str]| call.has("power") && !names.iter().any(|name| call.has(name));
        return Ok(if lacks(&["n", "n1", "n_total"]) {
            Unknown::Size
        } else if lacks(&["effect_size", "effect_size_f", "p1"]) {
            Unknown::Effect
        } else {
            Unknown::Power
        });
    }
    call.choice(
        "solve_for",
        &[
            ("power", Unknown::Power),
            ("n", Unknown::Size),
            ("n1", Unknown::Size),
            ("n_total", Unknown::Size),
            ("effect_size", Unknown::Effect),
            ("effect_size_f", Unknown::Effect),
            ("mde", Unknown::Effect),
        ],
    )
}

/// The first of these parameters that is there.
fn either(call: &Call, first: &str, second: &str) -> Result<f64> {
    call.number(first)?.map_or_else(|| call.need_number(second), Ok)
}

fn put_size(reply: Reply, name: &str, size: SampleSize) -> Reply {
    reply.put(name, size.n).put_count(&format!("{name}_ceil"), size.ceiling)
}

fn t_independent(call: &Call) -> Result<Reply> {
    let ratio = call.number_or("ratio", 1.0)?;
    t_power(call, Samples::Two { ratio }, "n1")
}

fn t_paired(call: &Call) -> Result<Reply> {
    t_power(call, Samples::Paired, "n")
}

fn t_power(call: &Call, samples: Samples, size_name: &str) -> Result<Reply> {
    let design = TDesign { samples, alpha: call.number_or("alpha", 0.05)?, alternative: call.alternative()? };
    Ok(match unknown(call)? {
        Unknown::Power => {
            let n = either(call, size_name, "n")?;
            Reply::new().put("power", power::t_power(call.need_number("effect_size")?, n, design)?)
        }
        Unknown::Size => {
            let goal = call.number_or("power", 0.8)?;
            let size = power::t_sample_size(call.need_number("effect_size")?, goal, design)?;
            let reply = put_size(Reply::new(), size_name, size);
            match samples {
                Samples::Two { ratio } => reply.put("n2", size.n * ratio),
                Samples::Paired => reply,
            }
        }
        Unknown::Effect => {
            let (n, goal) = (either(call, size_name, "n")?, call.number_or("power", 0.8)?);
            Reply::new().put("effect_size", power::t_detectable_effect(n, goal, design)?)
        }
    })
}

fn anova(call: &Call) -> Result<Reply> {
    let groups = call.need_count("k_groups")?;
    let groups_small = u32::try_from(groups)
        .map_err(|_| StatsError::out_of_range("k_groups", groups, "below four thousand million"))?;
    let design = AnovaDesign { groups: groups_small, alpha: call.number_or("alpha", 0.05)? };
    let effect = || either(call, "effect_size_f", "effect_size");
    let total = || either(call, "n_total", "n");
    let goal = call.number_or("power", 0.8)?;
    Ok(match unknown(call)? {
        Unknown::Power => Reply::new().put("power", power::anova_power(effect()?, total()?, design)?),
        Unknown::Size => {
            let size = power::anova_sample_size(effect()?, goal, design)?;
            let per_group = size.n / groups as f64;
            put_size(Reply::new(), "n_total", size)
                .put("n_per_group", per_group)
                .put_count("n_per_group_ceil", per_group.ceil() as u64)
        }
        Unknown::Effect => {
            let f = power::anova_detectable_effect(total()?, goal, design)?;
            Reply::new().put("effect_size_f", f).put("effect_size", f)
        }
    })
}

fn proportions(call: &Call) -> Result<Reply> {
    let design = ProportionDesign {
        ratio: call.number_or("ratio", 1.0)?,
        alpha: call.number_or("alpha", 0.05)?,
        alternative: call.alternative()?,
    };
    let goal = call.number_or("power", 0.8)?;
    let unknown = unknown(call)?;
    if unknown == Unknown::Effect {
        let h = power::proportions_detectable_effect(either(call, "n1", "n")?, goal, design)?;
        return Ok(Reply::new().put("cohen_h", h).put("effect_size", h));
    }
    let (p1, p2) = (call.need_number("p1")?, call.need_number("p2")?);
    let reply = if unknown == Unknown::Power {
        Reply::new().put("power", power::proportions_power(p1, p2, either(call, "n1", "n")?, design)?)
    } else {
        put_size(Reply::new(), "n1", power::proportions_sample_size(p1, p2, goal, design)?)
    };
    Ok(reply.put("cohen_h", cohen_h(p1, p2)))
}

fn evaluation(call: &Call) -> Result<Reply> {
    let design = EvaluationDesign {
        omega2: call.need_number("omega2")?,
        sigma2_a: call.number_or("sigma2_a", 0.0)?,
        sigma2_b: call.number_or("sigma2_b", 0.0)?,
        k_a: call.number_or("k_a", 1.0)?,
        k_b: call.number_or("k_b", 1.0)?,
        alpha: call.number_or("alpha", 0.05)?,
    };
    let goal = call.number_or("power", 0.8)?;
    let wanted = call.choice(
        "solve_for",
        &[
            ("n_and_mde", (true, true, false)),
            ("n", (true, false, false)),
            ("mde", (false, true, false)),
            ("power", (false, false, true)),
        ],
    )?;
    let mut reply = Reply::new();
    if wanted.0 {
        reply = put_size(reply, "n", power::evaluation_sample_size(call.need_number("delta")?, goal, design)?);
    }
    if wanted.1 {
        let questions = call.need_number("n_questions")?;
        reply = reply.put("mde", power::evaluation_detectable_difference(questions, goal, design)?);
    }
    if wanted.2 {
        let (delta, questions) = (call.need_number("delta")?, call.need_number("n_questions")?);
        reply = reply.put("power", power::evaluation_power(delta, questions, design)?);
    }
    Ok(reply)
}
