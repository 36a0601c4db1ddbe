//! Tables of counts: independence, and paired yes/no outcomes.

use serde::Serialize;

use crate::dist::special::ln_choose;
use crate::dist::{binomial_cdf_pmf, chi_squared_tails, normal_upper_quantile};
use crate::error::{Result, StatsError};
use crate::options::{Alternative, ConfidenceLevel};
use crate::outcome::{Estimate, Interval, TestResult};
use crate::rank;

/// Whether a 2 x 2 table is corrected for continuity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Yates {
    /// Each deviation shrinks by up to one half, at one degree of freedom only.
    Applied,
    /// Not corrected.
    #[default]
    Omitted,
}

/// What the chi-squared test of independence found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChiSquareResult {
    /// The test; its effect is Cramer's V.
    #[serde(flatten)]
    pub test: TestResult,
    /// `sqrt(chi2 / (n min(r-1, c-1)))`, from the uncorrected statistic.
    pub cramers_v: f64,
    /// Smallest expected count; the approximation wants 5.
    pub smallest_expected: f64,
}

/// Pearson's chi-squared test: whether rows and columns of a table of counts are independent.
///
/// Assumes independent observations and expected counts of about five. Follows SciPy's `chi2_contingency`.
///
/// # Errors
/// Fewer than two rows or columns, rows of different lengths, or a row or column of zeros.
pub fn chi_square<R: AsRef<[u64]>>(table: &[R], yates: Yates) -> Result<ChiSquareResult> {
    let rows: Vec<Vec<f64>> =
        table.iter().map(|row| row.as_ref().iter().map(|&count| count as f64).collect()).collect();
    let columns = rank::check_blocks(&rows)?;
    let row_sums: Vec<f64> = rows.iter().map(|row| row.iter().sum()).collect();
    let column_sums: Vec<f64> = (0..columns).map(|column| rows.iter().map(|row| row[column]).sum()).collect();
    if row_sums.iter().chain(&column_sums).any(|&sum| sum == 0.0) {
        return Err(StatsError::undefined(
            "the chi-squared test",
            "a row or a column sums to zero, so an expected count is zero; leave it out",
        ));
    }
    let total: f64 = row_sums.iter().sum();
    let df = ((rows.len() - 1) * (columns - 1)) as f64;
    let (mut plain, mut corrected, mut smallest_expected) = (0.0, 0.0, f64::INFINITY);
    for (row, row_sum) in rows.iter().zip(&row_sums) {
        for (count, column_sum) in row.iter().zip(&column_sums) {
            let expected = row_sum / total * column_sum;
            let deviation = (count - expected).abs();
            let shrunk = if yates == Yates::Applied && df == 1.0 { deviation - deviation.min(0.5) } else { deviation };
            plain += deviation * deviation / expected;
            corrected += shrunk * shrunk / expected;
            smallest_expected = smallest_expected.min(expected);
        }
    }
    let cramers_v = (plain / (total * (rows.len().min(columns) - 1) as f64)).sqrt();
    let mut test =
        TestResult::new("chi-squared test of independence", Alternative::TwoSided, chi_squared_tails(corrected, df).1)
            .statistic(corrected)
            .df(df)
            .effect(Estimate::new("Cramer's V", cramers_v))
            .sizes([total as usize]);
    if smallest_expected < 5.0 {
        test = test.note("an expected count is below 5, where the approximation is poor");
    }
    Ok(ChiSquareResult { test, cramers_v, smallest_expected })
}

/// Fisher's exact test of a 2 x 2 table.
///
/// Two-sided adds all tables that are no more probable than the one seen. Follows SciPy's `fisher_exact`. The effect is
/// the sample odds ratio. A table with an empty row or column has a p-value of 1.
///
/// # Errors
/// An empty table, or margins above 10^8.
pub fn fisher_exact(table: [[u64; 2]; 2], alternative: Alternative) -> Result<TestResult> {
    let [[a, b], [c, d]] = table;
    let total = a + b + c + d;
    if total == 0 {
        return Err(StatsError::TooFew { name: "table".to_owned(), needed: 1, got: 0 });
    }
    if total > 100_000_000 {
        return Err(StatsError::TooLarge {
            procedure: "Fisher's exact test",
            cost: format!("{total}"),
            instead: "use the chi-squared test",
        });
    }
    let (row, column) = (a + b, a + c);
    let (smallest, largest) = ((row + column).saturating_sub(total), row.min(column));
    let all = ln_choose(total, column);
    let probability = |x: u64| (ln_choose(row, x) + ln_choose(total - row, column - x) - all).exp();
    let p_value = match alternative {
        Alternative::Less => (smallest..=a).map(probability).sum::<f64>(),
        Alternative::Greater => (a..=largest).map(probability).sum(),
        Alternative::TwoSided => {
            // Equally probable tables differ by rounding only.
            let limit = probability(a) * (1.0 + 1e-7);
            (smallest..=largest).map(probability).filter(|&p| p <= limit).sum()
        }
    };
    let mut test = TestResult::new("Fisher's exact test", alternative, p_value.min(1.0)).sizes([total as usize]);
    if b * c > 0 || a * d > 0 {
        test = test.effect(Estimate::new("odds ratio", (a as f64 * d as f64) / (b as f64 * c as f64)));
    }
    Ok(test)
}

/// What McNemar's test found, in all its forms.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct McNemarResult {
    /// Examples on which exactly one of the two was right.
    pub n_discordant: u64,
    /// Exact binomial p-value, `min(1, 2 P(X <= min(b, c)))`.
    pub p_exact: f64,
    /// Exact p-value less `P(X = min(b, c))`: closer to its level, the one to prefer (Fagerland 2013).
    pub p_midp: f64,
    /// `(b - c)^2 / (b + c)`; absent without discordant pairs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chi2: Option<f64>,
    /// p-value of `chi2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p_chi2: Option<f64>,
    /// `(|b - c| - 1)^2 / (b + c)` (Edwards), also where b = c; absent without discordant pairs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chi2_corrected: Option<f64>,
    /// p-value of `chi2_corrected`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p_chi2_corrected: Option<f64>,
    /// `b / c`, infinite where c = 0; absent without discordant pairs.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "odds")]
    pub odds_ratio: Option<f64>,
}

#[expect(clippy::ref_option, reason = "serde calls it with a reference")]
fn odds<S: serde::Serializer>(value: &Option<f64>, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    crate::outcome::number(&value.unwrap_or(f64::INFINITY), serializer)
}

/// McNemar's test: whether A and B are right equally often on the same examples.
///
/// The table is `[[both right, only A right], [only B right, both wrong]]`. Assumes independent examples. Follows
/// statsmodels' `mcnemar`. Without discordant pairs both exact p-values are 1 and the rest is absent.
pub fn mcnemar(table: [[u64; 2]; 2]) -> McNemarResult {
    let (b, c) = (table[0][1], table[1][0]);
    let n = b + c;
    if n == 0 {
        return McNemarResult {
            n_discordant: 0,
            p_exact: 1.0,
            p_midp: 1.0,
            chi2: None,
            p_chi2: None,
            chi2_corrected: None,
            p_chi2_corrected: None,
            odds_ratio: None,
        };
    }
    let (cdf, pmf) = binomial_cdf_pmf(b.min(c), n, 0.5);
    let p_exact = (2.0 * cdf).min(1.0);
    let gap = b.abs_diff(c) as f64;
    let chi2 = gap * gap / n as f64;
    let chi2_corrected = (gap - 1.0).powi(2) / n as f64;
    McNemarResult {
        n_discordant: n,
        p_exact,
        p_midp: (p_exact - pmf).max(0.0),
        chi2: Some(chi2),
        p_chi2: Some(chi_squared_tails(chi2, 1.0).1),
        chi2_corrected: Some(chi2_corrected),
        p_chi2_corrected: Some(chi_squared_tails(chi2_corrected, 1.0).1),
        odds_ratio: Some(b as f64 / c as f64),
    }
}

/// McNemar's test one way: the exact and the mid-p p-value for the claim about A against B.
///
/// `Greater` claims that A is right more often: `P(X >= b)` for X of Binomial(b + c, 1/2). Two-sided it is what [`mcnemar`]
/// answers.
pub fn mcnemar_p_values(table: [[u64; 2]; 2], alternative: Alternative) -> (f64, f64) {
    let (b, c) = (table[0][1], table[1][0]);
    let count = match alternative {
        Alternative::TwoSided => {
            let both = mcnemar(table);
            return (both.p_exact, both.p_midp);
        }
        Alternative::Less => b,
        Alternative::Greater => c,
    };
    if b + c == 0 {
        return (1.0, 1.0);
    }
    // P(X >= b) is P(X <= c), because both signs are as probable.
    let (cdf, pmf) = binomial_cdf_pmf(count, b + c, 0.5);
    (cdf, (cdf - pmf / 2.0).max(0.0))
}

/// How much more often A is right than B on the same examples, `(b - c) / n`, with Bonett & Price's (2012) interval.
///
/// The interval adds one to each discordant count, keeps its level from n = 10 on, and exists without discordant pairs too.
///
/// # Errors
/// An empty table.
pub fn paired_proportions(table: [[u64; 2]; 2], alternative: Alternative, level: ConfidenceLevel) -> Result<Estimate> {
    let n: u64 = table.iter().flatten().sum();
    if n == 0 {
        return Err(StatsError::TooFew { name: "table".to_owned(), needed: 1, got: 0 });
    }
    let (b, c, n) = (table[0][1] as f64, table[1][0] as f64, n as f64);
    let (first, second) = ((b + 1.0) / (n + 2.0), (c + 1.0) / (n + 2.0));
    let standard_error = ((first + second - (first - second).powi(2)) / (n + 2.0)).sqrt();
    let half_width = normal_upper_quantile(level.tail(alternative)) * standard_error;
    let around = Interval::around(first - second, half_width, alternative, level);
    let clamped = |end: f64| if end.is_finite() { end.clamp(-1.0, 1.0) } else { end };
    let interval = Interval { low: clamped(around.low), high: clamped(around.high), level };
    Ok(Estimate::new("difference in proportions", (b - c) / n).standard_error(standard_error).interval(interval))
}

/// [`mcnemar`] from the outcomes themselves, example by example.
///
/// # Errors
/// Lists of different lengths.
pub fn mcnemar_outcomes(a: &[bool], b: &[bool]) -> Result<McNemarResult> {
    if a.len() != b.len() {
        return Err(StatsError::UnequalLengths {
            first: "a".to_owned(),
            first_len: a.len(),
            second: "b".to_owned(),
            second_len: b.len(),
        });
    }
    let mut table = [[0, 0], [0, 0]];
    for (&first, &second) in a.iter().zip(b) {
        table[usize::from(!first)][usize::from(!second)] += 1;
    }
    Ok(mcnemar(table))
}

/// Cochran's Q test: whether several models are right equally often on the same examples.
///
/// Rows are examples, columns models. With two columns it is McNemar's chi-squared without correction. Assumes
/// independent examples. Follows statsmodels' `cochrans_q`.
///
/// # Errors
/// Fewer than two rows or columns, rows of different lengths, values other than 0 and 1, or no row on which models differ.
pub fn cochrans_q<R: AsRef<[f64]>>(outcomes: &[R]) -> Result<TestResult> {
    let columns = rank::check_blocks(outcomes)?;
    if let Some(value) = outcomes.iter().flat_map(|row| row.as_ref()).find(|&&value| value != 0.0 && value != 1.0) {
        return Err(StatsError::out_of_range("matrix", value, "0 or 1 throughout"));
    }
    let k = columns as f64;
    let column_sums: Vec<f64> =
        (0..columns).map(|column| outcomes.iter().map(|row| row.as_ref()[column]).sum()).collect();
    let total: f64 = column_sums.iter().sum();
    let disagreement: f64 =
        outcomes.iter().map(|row| row.as_ref().iter().sum::<f64>()).map(|right| right * (k - right)).sum();
    if disagreement == 0.0 {
        return Err(StatsError::undefined("Cochran's Q test", "no row has both a 0 and a 1"));
    }
    let spread: f64 = column_sums.iter().map(|sum| (sum - total / k).powi(2)).sum();
    let statistic = k * (k - 1.0) * spread / disagreement;
    Ok(TestResult::new("Cochran's Q test", Alternative::TwoSided, chi_squared_tails(statistic, k - 1.0).1)
        .statistic(statistic)
        .df(k - 1.0)
        .sizes([outcomes.len()]))
}
