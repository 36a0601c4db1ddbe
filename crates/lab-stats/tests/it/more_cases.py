"""Writes more_cases.json: reference answers for the options that cases.json leaves out.

Needs SciPy 1.17, statsmodels 0.15, pingouin and mpmath. Run it again only to add cases; the random stream is seeded.
"""

import json
import math
import sys

import mpmath
import numpy as np
import pandas as pd
import pingouin
from scipy import optimize, stats
from statsmodels.stats import multitest, power, proportion

rng = np.random.default_rng(20250611)
cases = []


def clean(value):
    if isinstance(value, (list, tuple, np.ndarray)):
        return [clean(item) for item in value]
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, str) or value is None:
        return value
    value = float(value)
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    assert not math.isnan(value)
    return value


def case(test, params, data, tolerance=None, **expected):
    cases.append({
        "id": f"more-{len(cases) + 1:03d}", "test": test, "params": params,
        "input": {key: clean(value) for key, value in data.items()},
        "expected": {"status": "ok", **{key: clean(value) for key, value in expected.items()}},
        "tolerance": tolerance or {},
    })


def undefined(test, params, data):
    cases.append({"id": f"more-{len(cases) + 1:03d}", "test": test, "params": params, "input": data,
                  "expected": {"status": "undefined"}, "tolerance": {}})


def normal(n, mean=0.0, sd=1.0, digits=3):
    return np.round(rng.normal(mean, sd, n), digits)


ALTERNATIVES = ["two-sided", "less", "greater"]

for alternative in ALTERNATIVES:
    for equal in (True, False):
        a, b = normal(7, 0.4), normal(11, 0, 2.5)
        r = stats.ttest_ind(a, b, equal_var=equal, alternative=alternative)
        ci = r.confidence_interval(0.9)
        case("t_test_independent", {"variant": "student" if equal else "welch", "alternative": alternative,
             "confidence_level": 0.9}, {"a": a, "b": b}, statistic=r.statistic, df=r.df, p_value=r.pvalue,
             ci_low=ci.low, ci_high=ci.high)
    a = normal(9, 0.3)
    r = stats.ttest_1samp(a, 0.1, alternative=alternative)
    ci = r.confidence_interval(0.95)
    case("t_test_one_sample", {"popmean": 0.1, "alternative": alternative}, {"a": a}, statistic=r.statistic, df=r.df,
         p_value=r.pvalue, ci_low=ci.low - 0.1, ci_high=ci.high - 0.1)

r = stats.ttest_ind([1.5], [2.0, 2.5, 3.5], equal_var=True)
case("t_test_independent", {"variant": "student"}, {"a": [1.5], "b": [2.0, 2.5, 3.5]}, statistic=r.statistic, df=r.df,
     p_value=r.pvalue)

for shift in (3, 10, 60):
    a, b = normal(12), normal(14, shift)
    r = stats.ttest_ind(a, b, equal_var=True)
    mpmath.mp.dps = 60
    df = mpmath.mpf(24)
    t = mpmath.mpf(float(r.statistic))
    p = mpmath.betainc(df / 2, mpmath.mpf(1) / 2, 0, df / (df + t * t), regularized=True)
    case("t_test_independent", {"variant": "student"}, {"a": a, "b": b}, {"p_value": {"rel": 1e-9, "abs": 0}},
         p_value=float(p))

for alternative in ALTERNATIVES:
    for method in ("exact", "asymptotic"):
        for correction in (True, False):
            a, b = normal(6), normal(9, 0.5)
            r = stats.mannwhitneyu(a, b, alternative=alternative, method=method, use_continuity=correction)
            case("wilcoxon_rank_sum", {"alternative": alternative, "method": method,
                 "continuity_correction": correction}, {"a": a, "b": b}, statistic=r.statistic, p_value=r.pvalue)
    a, b = normal(12, digits=0), normal(15, digits=0)
    r = stats.mannwhitneyu(a, b, alternative=alternative, method="auto")
    case("wilcoxon_rank_sum", {"alternative": alternative, "method": "auto"}, {"a": a, "b": b}, statistic=r.statistic,
         p_value=r.pvalue, method_used="asymptotic")
for n1, n2 in ((3, 1500), (40, 35), (8, 700)):
    a, b = rng.normal(size=n1).round(9), rng.normal(0.2, size=n2).round(9)
    r = stats.mannwhitneyu(a, b, method="exact")
    case("wilcoxon_rank_sum", {"method": "exact"}, {"a": a, "b": b}, p_value=r.pvalue)
# All n1 relabelings of tied values, by enumeration.
a, b = np.array([1, 2, 2, 3.0]), np.array([2, 3, 4, 4, 4, 5.0])
r = stats.permutation_test((a, b), lambda x, y: stats.mannwhitneyu(x, y).statistic, n_resamples=np.inf)
case("wilcoxon_rank_sum", {"method": "exact"}, {"a": a, "b": b}, p_value=r.pvalue)

for alternative in ALTERNATIVES:
    for zeros in ("wilcox", "pratt", "zsplit"):
        for correction in (True, False):
            a, b = normal(14, 0.3, digits=1), normal(14, digits=1)
            a[3] = b[3]
            a[7] = b[7]
            d = np.round(a - b, 9)
            r = stats.wilcoxon(d, alternative=alternative, zero_method=zeros, correction=correction,
                               method="asymptotic")
            case("wilcoxon_signed_rank", {"alternative": alternative, "zero_method": zeros, "method": "asymptotic",
                 "continuity_correction": correction}, {"a": a, "b": b}, statistic=r.statistic, p_value=r.pvalue)
    for n in (5, 20, 50, 51):
        a, b = rng.normal(0.3, 1, n).round(6), rng.normal(0, 1, n).round(6)
        r = stats.wilcoxon(np.round(a - b, 9), alternative=alternative, method="auto")
        case("wilcoxon_signed_rank", {"alternative": alternative}, {"a": a, "b": b}, statistic=r.statistic,
             p_value=r.pvalue, method_used="exact" if n <= 50 else "asymptotic")

groups = [normal(9), normal(14, 0.5, 2), normal(11, 1, 0.5), normal(30, 0.2)]
data = {"groups": [list(group) for group in groups]}
for center in ("median", "mean", "trimmed"):
    r = stats.levene(*groups, center=center)
    case("levene", {"center": center}, data, statistic=r.statistic, p_value=r.pvalue)
r = stats.bartlett(*groups)
case("bartlett", {}, data, statistic=r.statistic, p_value=r.pvalue)
r = stats.tukey_hsd(*groups)
ci = r.confidence_interval(0.99)
pairs = [(i, j) for i in range(4) for j in range(i + 1, 4)]
loose = {"p_value": {"rel": 1e-6, "abs": 1e-9}, "ci_low": {"rel": 1e-6, "abs": 1e-7},
         "ci_high": {"rel": 1e-6, "abs": 1e-7}}
case("tukey_hsd", {"confidence_level": 0.99}, data, loose, p_value=[r.pvalue[p] for p in pairs],
     ci_low=[ci.low[p] for p in pairs], ci_high=[ci.high[p] for p in pairs], pairs=pairs)
r = stats.tukey_hsd(*groups, equal_var=False)
ci = r.confidence_interval(0.95)
case("games_howell", {}, data, loose, p_value=[r.pvalue[p] for p in pairs],
     ci_low=[ci.low[p] for p in pairs], ci_high=[ci.high[p] for p in pairs], pairs=pairs)
frame = pd.DataFrame({"y": np.concatenate(groups), "g": np.repeat(range(4), [len(g) for g in groups])})
w = pingouin.welch_anova(data=frame, dv="y", between="g").iloc[0]
case("anova_welch", {}, data, statistic=w["F"], df_within=w["ddof2"], p_value=w["p_unc"] if "p_unc" in w else w["p-unc"])
two = [groups[0], groups[1]]
w = stats.ttest_ind(*two, equal_var=False)
case("anova_welch", {}, {"groups": [list(g) for g in two]}, statistic=w.statistic**2, df_within=w.df, p_value=w.pvalue)

blocks = normal(24, digits=1).reshape(6, 4)
r = stats.friedmanchisquare(*blocks.T)
case("friedman", {}, {"matrix": blocks}, statistic=r.statistic, p_value=r.pvalue)

for n in (3, 4, 5, 6, 11, 12, 50, 700):
    for x in (normal(n, 5, 2), np.round(rng.exponential(size=n), 3)):
        r = stats.shapiro(x)
        case("shapiro_wilk", {}, {"a": x}, {"statistic": {"rel": 1e-6, "abs": 0}, "p_value": {"rel": 1e-4, "abs": 1e-9}},
             statistic=r.statistic, p_value=r.pvalue)

def iqm(x, axis=-1):
    return stats.trim_mean(x, 0.25, axis=axis)


FUNCTIONS = {"mean": np.mean, "median": np.median, "iqm": iqm, "std": lambda x, axis=-1: np.std(x, axis=axis, ddof=1)}
for name, function in FUNCTIONS.items():
    for method in ("percentile", "basic", "bca"):
        for design in ("one_sample", "two_sample", "paired"):
            a, b = np.round(rng.exponential(size=24), 3), np.round(rng.exponential(size=24), 3)
            runs = []
            for seed in range(8):
                if design == "one_sample":
                    sets, f = (a,), function
                elif design == "two_sample":
                    sets, f = (a, b), lambda x, y, axis=-1: function(x, axis=axis) - function(y, axis=axis)
                else:
                    sets, f = (a - b,), function
                r = stats.bootstrap(sets, f, n_resamples=10000, method=method, confidence_level=0.9,
                                    rng=np.random.default_rng(seed), vectorized=True)
                runs.append([r.confidence_interval.low, r.confidence_interval.high, r.standard_error])
            low, high, se = np.mean(runs, axis=0)
            # Medians of small samples take few values, so quantiles jump between neighbours.
            slack = 6 * np.std(runs, axis=0, ddof=1) * math.sqrt(1 + 1 / 8) + (0.06 if name == "median" else 0.004) * se
            data = {"a": a} if design == "one_sample" else {"a": a, "b": b}
            case("bootstrap_ci", {"statistic": name, "design": design, "method": method, "confidence_level": 0.9,
                 "n_resamples": 10000, "seed": 7}, data,
                 {key: {"rel": 0, "abs": s} for key, s in zip(("ci_low", "ci_high", "se"), slack)},
                 ci_low=low, ci_high=high, se=se)

for alternative in ALTERNATIVES:
    a, b = normal(6, digits=1), normal(5, digits=1)
    mean = lambda x, y: np.mean(x) - np.mean(y)
    median = lambda x, y: np.median(x) - np.median(y)
    for name, f in (("mean_difference", mean), ("median_difference", median)):
        r = stats.permutation_test((a, b), f, alternative=alternative, n_resamples=np.inf)
        case("permutation_test", {"design": "two_sample", "statistic": name, "alternative": alternative,
             "method": "exact"}, {"a": a, "b": b}, statistic=r.statistic, p_value=r.pvalue)
        x, y = a[:5], b
        r = stats.permutation_test((x - y,), lambda d, axis=-1: (np.mean if f is mean else np.median)(d, axis=axis),
                                   permutation_type="samples", alternative=alternative, n_resamples=np.inf)
        case("permutation_test", {"design": "paired", "statistic": name, "alternative": alternative,
             "method": "exact"}, {"a": x, "b": y}, statistic=r.statistic, p_value=r.pvalue)
    a, b = normal(30, 0.4), normal(40)
    exact = stats.permutation_test((a, b), mean, alternative=alternative, n_resamples=99999, rng=1).pvalue
    case("permutation_test", {"alternative": alternative, "method": "monte_carlo", "n_resamples": 20000, "seed": 3},
         {"a": a, "b": b}, {"p_value": {"rel": 0, "abs": 0.02}}, p_value=exact)

METHODS = {"bonferroni": "bonferroni", "sidak": "sidak", "holm": "holm", "holm_sidak": "holm-sidak",
           "hochberg": "simes-hochberg", "hommel": "hommel", "benjamini_hochberg": "fdr_bh",
           "benjamini_yekutieli": "fdr_by"}
for ours, theirs in METHODS.items():
    for n in (1, 2, 9, 40):
        p = np.round(rng.beta(0.6, 3, n), 6)
        if n == 9:
            p[4] = p[2]
        reject, adjusted, _, _ = multitest.multipletests(p, 0.05, theirs)
        case("adjust_p_values", {"method": ours}, {"p_values": p}, adjusted=adjusted, reject=adjusted <= 0.05)
p = [0.01, None, 0.04, 0.03, None]
case("adjust_p_values", {"method": "holm"}, {"p_values": p}, adjusted=[0.03, None, 0.06, 0.06, None],
     reject=[True, None, False, False, None])

SIDES = {"two-sided": "two-sided", "greater": "larger", "less": "smaller"}
for alternative, side in SIDES.items():
    sign = -1 if alternative == "less" else 1
    for d, n, ratio, alpha in ((0.5, 20, 1, 0.05), (0.2, 150, 2, 0.01), (1.4, 4, 0.5, 0.1), (3.0, 3, 1, 0.05)):
        value = power.TTestIndPower().power(sign * d, n, alpha, ratio, alternative=side)
        case("power_t_independent", {"solve_for": "power", "effect_size": sign * d, "n1": n, "ratio": ratio,
             "alpha": alpha, "alternative": alternative}, {}, power=value)
        needed = power.TTestIndPower().solve_power(sign * 0.3, None, alpha, 0.9, ratio, side)
        case("power_t_independent", {"solve_for": "n", "effect_size": sign * 0.3, "power": 0.9, "ratio": ratio,
             "alpha": alpha, "alternative": alternative}, {}, {"n1": {"rel": 1e-6, "abs": 0}}, n1=needed)
    value = power.TTestPower().power(sign * 0.6, 8, 0.05, alternative=side)
    case("power_t_paired", {"solve_for": "power", "effect_size": sign * 0.6, "n": 8, "alternative": alternative}, {},
         power=value)
    needed = power.TTestPower().solve_power(sign * 0.45, None, 0.05, 0.8, side)
    case("power_t_paired", {"solve_for": "n", "effect_size": sign * 0.45, "power": 0.8, "alternative": alternative},
         {}, {"n": {"rel": 1e-6, "abs": 0}}, n=needed, n_ceil=math.ceil(needed))
for f, n, k, alpha in ((0.25, 90, 3, 0.05), (0.1, 2000, 5, 0.01), (1.2, 12, 4, 0.05)):
    case("power_anova", {"solve_for": "power", "effect_size_f": f, "n_total": n, "k_groups": k, "alpha": alpha}, {},
         power=power.FTestAnovaPower().power(f, n, alpha, k))
n = power.FTestAnovaPower().solve_power(0.3, None, 0.05, 0.8, 4)
case("power_anova", {"solve_for": "n", "effect_size_f": 0.3, "k_groups": 4, "alpha": 0.05, "power": 0.8}, {},
     {"n_total": {"rel": 1e-6, "abs": 0}}, n_total=n)
h = 2 * math.asin(math.sqrt(0.7)) - 2 * math.asin(math.sqrt(0.55))
case("power_proportions", {"solve_for": "n", "p1": 0.7, "p2": 0.55, "power": 0.9, "alpha": 0.05}, {},
     {"n1": {"rel": 1e-6, "abs": 0}}, n1=power.NormalIndPower().solve_power(h, None, 0.05, 0.9), cohen_h=h)
case("power_proportions", {"solve_for": "power", "p1": 0.7, "p2": 0.55, "n1": 60, "alpha": 0.05}, {},
     power=power.NormalIndPower().power(h, 60, 0.05))

NAMES = {"wilson": "wilson", "clopper_pearson": "beta", "agresti_coull": "agresti_coull", "jeffreys": "jeffreys",
         "wald": "normal"}
for c, n, level in ((1, 3, 0.95), (0, 1, 0.9), (250, 1000, 0.99), (99999, 100000, 0.95), (1, 1, 0.95)):
    expected = {}
    for ours, theirs in NAMES.items():
        low, high = proportion.proportion_confint(c, n, 1 - level, theirs)
        expected[f"{ours}_low"], expected[f"{ours}_high"] = max(low, 0), min(high, 1)
    case("proportion_ci", {"confidence_level": level}, {"successes": c, "trials": n},
         {key: {"rel": 1e-7, "abs": 1e-12} for key in expected}, **expected)
for alternative in ALTERNATIVES:
    for (c1, n1), (c2, n2) in (((7, 20), (15, 22)), ((900, 1000), (870, 1000)), ((0, 12), (4, 9))):
        z, p = proportion.proportions_ztest([c1, c2], [n1, n2], alternative=SIDES[alternative])
        low, high = proportion.confint_proportions_2indep(c1, n1, c2, n2, method="newcomb", compare="diff", alpha=0.1)
        fisher = stats.fisher_exact([[c1, n1 - c1], [c2, n2 - c2]], alternative=alternative).pvalue
        case("proportion_two_sample", {"alternative": alternative, "confidence_level": 0.9},
             {"successes": [c1, c2], "trials": [n1, n2]}, statistic=z, p_value=p, newcombe_low=low,
             newcombe_high=high, fisher_p=fisher)
for table in ([[12, 5], [3, 9]], [[3, 2], [1, 9]], [[10, 20, 30], [6, 9, 17], [5, 8, 40]]):
    for correction in (True, False):
        r = stats.chi2_contingency(table, correction=correction)
        case("chi_square", {"correction": correction}, {"table": table}, statistic=r.statistic, p_value=r.pvalue,
             df=r.dof, cramers_v=stats.contingency.association(table, "cramer"))

for n1, n2, shift, level in ((3, 3, 5, 0.95), (10, 200, 0.2, 0.99), (2, 2, 40, 0.9), (60, 60, 8, 0.95)):
    a, b = normal(n1, shift), normal(n2)
    df, share = n1 + n2 - 2, math.sqrt(1 / n1 + 1 / n2)
    d = (a.mean() - b.mean()) / math.sqrt(((n1 - 1) * a.var(ddof=1) + (n2 - 1) * b.var(ddof=1)) / df)
    mpmath.mp.dps = 20

    def nct_cdf(t, ncp):
        # Integral over the scale, by adaptive quadrature in extended precision.
        f = lambda s: 2 * (mpmath.mpf(df) / 2) ** (mpmath.mpf(df) / 2) / mpmath.gamma(mpmath.mpf(df) / 2) \
            * s ** (df - 1) * mpmath.exp(-df * s * s / 2) * mpmath.ncdf(t * s - ncp)
        knots = sorted({0, 0.05, 0.2, 0.5, 0.8, 1, 1.2, 1.6, 2.5, 4, 8, abs(float(ncp / t))})
        return mpmath.quad(f, knots)

    t = mpmath.mpf(d / share)
    tail = (1 - level) / 2
    reach = 4 + abs(float(t))
    ends = [optimize.brentq(lambda ncp: float(nct_cdf(t, ncp) - goal), float(t) - reach, float(t) + reach, xtol=1e-11)
            for goal in (1 - tail, tail)]
    case("effect_size", {"confidence_level": level, "paired": False}, {"a": a, "b": b}, cohen_d=d,
         cohen_d_ci_low=ends[0] * share, cohen_d_ci_high=ends[1] * share)

for n, c, k in ((1000, 3, 100), (200, 200, 7), (50, 0, 3), (1000, 999, 1000)):
    case("pass_at_k", {"k": k}, {"n": n, "c": c}, pass_at_k=1 - math.comb(n - c, k) / math.comb(n, k),
         pass_hat_k=math.comb(c, k) / math.comb(n, k))

undefined("t_test_independent", {}, {"a": [1.0, 1.0, 1.0], "b": [2.0, 2.0]})
undefined("t_test_independent", {}, {"a": [1.0, None, 2.0], "b": [2.0, 3.0]})
undefined("t_test_independent", {}, {"a": [1.0, "Infinity", 2.0], "b": [2.0, 3.0]})
undefined("t_test_paired", {}, {"a": [0.3, 0.5, 0.9], "b": [0.2, 0.4, 0.8]})
undefined("wilcoxon_rank_sum", {"method": "asymptotic"}, {"a": [1, 1], "b": [1, 1, 1]})
undefined("wilcoxon_signed_rank", {}, {"a": [1, 2], "b": [1, 2]})
undefined("kruskal_wallis", {}, {"groups": [[1, 1], [1]]})
undefined("friedman", {}, {"matrix": [[1, 1], [2, 2]]})
undefined("shapiro_wilk", {}, {"a": [1, 2]})
undefined("pass_at_k", {"k": 5}, {"n": 4, "c": 1})
undefined("cochrans_q", {}, {"matrix": [[1, 1], [0, 0]]})
undefined("chi_square", {}, {"table": [[0, 0], [3, 4]]})
undefined("bootstrap_ci", {}, {"a": [2, 2, 2]})
undefined("proportion_ci", {}, {"successes": 0, "trials": 0})
undefined("tost_paired", {"low": 0.1, "high": -0.1}, {"a": [1, 2, 4], "b": [1, 3, 2]})

json.dump({"default_tolerance": {"rel": 1e-7, "abs": 1e-10}, "p_value_tolerance": {"rel": 1e-6, "abs": 1e-14},
           "cases": cases}, sys.stdout, separators=(",", ":"))
