//! Several groups: analysis of variance, variances, normality and post-hoc comparisons.

use serde_json::Value;

use super::Procedure;
use super::args::Call;
use super::planning::correction;
use super::reply::Reply;
use crate::anova::{self, Center};
use crate::error::Result;
use crate::normality;
use crate::outcome::TestResult;
use crate::posthoc::{self, PairComparison};

pub(super) const PROCEDURES: &[Procedure] = &[
    Procedure { name: "anova_one_way", params: &["confidence_level"], inputs: &["groups"], run: one_way },
    Procedure { name: "anova_welch", params: &[], inputs: &["groups"], run: welch },
    Procedure { name: "levene", params: &["center"], inputs: &["groups"], run: levene },
    Procedure { name: "bartlett", params: &[], inputs: &["groups"], run: bartlett },
    Procedure { name: "shapiro_wilk", params: &[], inputs: &["a"], run: shapiro_wilk },
    Procedure { name: "tukey_hsd", params: &["confidence_level"], inputs: &["groups"], run: tukey },
    Procedure { name: "games_howell", params: &["confidence_level"], inputs: &["groups"], run: games_howell },
    Procedure { name: "dunn", params: &["method"], inputs: &["groups"], run: dunn },
    Procedure { name: "nemenyi", params: &[], inputs: &["matrix"], run: nemenyi },
];

fn f_reply(test: &TestResult) -> Reply {
    Reply::new()
        .put_some("statistic", test.statistic)
        .put_some("df_between", test.df)
        .put_some("df_within", test.df_within)
        .put("p_value", test.p_value)
}

fn one_way(call: &Call) -> Result<Reply> {
    let result = anova::one_way(&call.groups()?)?;
    let interval = result.eta_squared_interval(call.level()?);
    Ok(f_reply(&result.test)
        .put_some("eta_squared_ci_low", interval.map(|interval| interval.low))
        .put_some("eta_squared_ci_high", interval.map(|interval| interval.high))
        .put("ss_between", result.ss_between)
        .put("ss_within", result.ss_within)
        .put("eta_squared", result.eta_squared)
        .put("omega_squared", result.omega_squared)
        .put("epsilon_squared", result.epsilon_squared)
        .put("cohen_f", result.cohen_f))
}

fn welch(call: &Call) -> Result<Reply> {
    Ok(f_reply(&anova::welch(&call.groups()?)?))
}

fn levene(call: &Call) -> Result<Reply> {
    let center =
        call.choice("center", &[("median", Center::Median), ("mean", Center::Mean), ("trimmed", Center::Trimmed)])?;
    Ok(f_reply(&anova::levene(&call.groups()?, center)?))
}

fn bartlett(call: &Call) -> Result<Reply> {
    Ok(Reply::new().put_test(&anova::bartlett(&call.groups()?)?))
}

fn shapiro_wilk(call: &Call) -> Result<Reply> {
    Ok(Reply::new().put_test(&normality::shapiro_wilk(&call.sample("a")?)?))
}

fn pairs_reply(pairs: &[PairComparison], difference: &str) -> Reply {
    let list = |of: fn(&PairComparison) -> Option<f64>| pairs.iter().map(of).collect::<Vec<_>>();
    let names: Vec<Value> = pairs.iter().map(|pair| vec![pair.first, pair.second].into()).collect();
    let mut reply = Reply::new()
        .put_value("pairs", names)
        .put_list(difference, list(|pair| Some(pair.difference)))
        .put_list("se", list(|pair| Some(pair.standard_error)))
        .put_list("statistic", list(|pair| Some(pair.statistic)))
        .put_list("p_value", list(|pair| Some(pair.p_value)));
    if pairs.iter().all(|pair| pair.df.is_some()) {
        reply = reply.put_list("df", list(|pair| pair.df));
    }
    if pairs.iter().all(|pair| pair.p_unadjusted.is_some()) {
        reply = reply.put_list("p_unadjusted", list(|pair| pair.p_unadjusted));
    }
    if pairs.iter().all(|pair| pair.interval.is_some()) {
        reply = reply
            .put_list("ci_low", list(|pair| pair.interval.map(|interval| interval.low)))
            .put_list("ci_high", list(|pair| pair.interval.map(|interval| interval.high)));
    }
    reply
}

fn tukey(call: &Call) -> Result<Reply> {
    Ok(pairs_reply(&posthoc::tukey_hsd(&call.groups()?, call.level()?)?, "mean_difference"))
}

fn games_howell(call: &Call) -> Result<Reply> {
    Ok(pairs_reply(&posthoc::games_howell(&call.groups()?, call.level()?)?, "mean_difference"))
}

fn dunn(call: &Call) -> Result<Reply> {
    Ok(pairs_reply(&posthoc::dunn(&call.groups()?, correction(call, "holm")?)?, "mean_rank_difference"))
}

fn nemenyi(call: &Call) -> Result<Reply> {
    Ok(pairs_reply(&posthoc::nemenyi(&call.matrix("matrix")?)?, "mean_rank_difference"))
}
