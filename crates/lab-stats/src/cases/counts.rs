//! Proportions and tables of counts.

use super::Procedure;
use super::args::Call;
use super::reply::Reply;
use crate::contingency::{self, Yates};
use crate::error::{Result, StatsError};
use crate::proportions::{self, ProportionMethod, Rate};

pub(super) const PROCEDURES: &[Procedure] = &[
    Procedure {
        name: "proportion_ci",
        params: &["confidence_level"],
        inputs: &["successes", "trials"],
        run: proportion_ci,
    },
    Procedure {
        name: "proportion_two_sample",
        params: &["alternative", "confidence_level"],
        inputs: &["successes", "trials"],
        run: two_sample,
    },
    Procedure { name: "mcnemar", params: &["alternative", "confidence_level"], inputs: &["table"], run: mcnemar },
    Procedure { name: "chi_square", params: &["correction"], inputs: &["table"], run: chi_square },
    Procedure { name: "fisher_exact", params: &["alternative"], inputs: &["table"], run: fisher_exact },
    Procedure { name: "cochrans_q", params: &[], inputs: &["matrix"], run: cochrans_q },
];

fn proportion_ci(call: &Call) -> Result<Reply> {
    let rate = Rate::try_new(call.need_count("successes")?, call.need_count("trials")?)?;
    let level = call.level()?;
    let methods = [
        ("wilson_", ProportionMethod::Wilson),
        ("clopper_pearson_", ProportionMethod::ClopperPearson),
        ("agresti_coull_", ProportionMethod::AgrestiCoull),
        ("jeffreys_", ProportionMethod::Jeffreys),
        ("wald_", ProportionMethod::Wald),
    ];
    let reply = Reply::new().put("estimate", rate.estimate());
    Ok(methods
        .into_iter()
        .fold(reply, |reply, (prefix, method)| reply.put_interval(prefix, proportions::interval(rate, method, level))))
}

fn two_sample(call: &Call) -> Result<Reply> {
    let (successes, trials) = (call.counts("successes")?, call.counts("trials")?);
    let ([s1, s2], [n1, n2]) = (successes.as_slice(), trials.as_slice()) else {
        return Err(StatsError::invalid("successes, trials", "must each hold two counts"));
    };
    let (first, second) = (Rate::try_new(*s1, *n1)?, Rate::try_new(*s2, *n2)?);
    let result = proportions::two_sample(first, second, call.alternative()?, call.level()?)?;
    Ok(Reply::new()
        .put_test(&result.test)
        .put("difference", first.estimate() - second.estimate())
        .put_interval("newcombe_", proportions::newcombe(first, second, call.level()?))
        .put("fisher_p", result.fisher_p)
        .put("cohen_h", result.cohen_h))
}

fn two_by_two(call: &Call) -> Result<[[u64; 2]; 2]> {
    let rows: Option<Vec<[u64; 2]>> = call.table()?.into_iter().map(|row| row.try_into().ok()).collect();
    let table = rows.and_then(|rows| rows.try_into().ok());
    table.ok_or_else(|| StatsError::invalid("table", "must have two rows of two counts"))
}

fn mcnemar(call: &Call) -> Result<Reply> {
    let table = two_by_two(call)?;
    let result = contingency::mcnemar(table);
    let (p_exact, p_midp) = contingency::mcnemar_p_values(table, call.alternative()?);
    let mut reply = Reply::new();
    // An empty table has no proportions; its test is answered all the same.
    if let Ok(difference) = contingency::paired_proportions(table, call.alternative()?, call.level()?) {
        reply = reply.put("difference", difference.value);
        if let Some(interval) = difference.interval {
            reply = reply.put_interval("difference_ci_", interval);
        }
    }
    Ok(reply
        .put("p_exact", p_exact)
        .put("p_midp", p_midp)
        .put_count("n_discordant", result.n_discordant)
        .put_some("chi2", result.chi2)
        .put_some("p_chi2", result.p_chi2)
        .put_some("odds_ratio", result.odds_ratio)
        .put_some("chi2_cc", result.chi2_corrected)
        .put_some("p_chi2_cc", result.p_chi2_corrected))
}

fn chi_square(call: &Call) -> Result<Reply> {
    let yates = if call.flag("correction", false)? { Yates::Applied } else { Yates::Omitted };
    let result = contingency::chi_square(&call.table()?, yates)?;
    Ok(Reply::new()
        .put_test(&result.test)
        .put("cramers_v", result.cramers_v)
        .put("smallest_expected", result.smallest_expected))
}

fn fisher_exact(call: &Call) -> Result<Reply> {
    let test = contingency::fisher_exact(two_by_two(call)?, call.alternative()?)?;
    Ok(Reply::new().put_test(&test).put_some("odds_ratio", test.effect.as_ref().map(|effect| effect.value)))
}

fn cochrans_q(call: &Call) -> Result<Reply> {
    Ok(Reply::new().put_test(&contingency::cochrans_q(&call.matrix("matrix")?)?))
}
