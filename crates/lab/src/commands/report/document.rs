//! What a report says, whatever it is written in.

use std::collections::BTreeSet;

use lab_tracker::compare::{
    Against, Comparison, CorrectionChoice, Difference, MetricComparison, Pair, Sample, Verdict,
};

use super::super::compare::p_value;
use crate::table::number;

/// Most rows of a table of differences.
const MAX_DIFFERENCES: usize = 30;

/// A report.
pub(super) struct Document {
    pub(super) title: String,
    /// Names of the metrics, each with an arrow for the way that is better.
    pub(super) metrics: Vec<String>,
    pub(super) rows: Vec<Row>,
    pub(super) caption: String,
    pub(super) tests: Vec<[String; 7]>,
    /// Verdicts in words, and what could fool a reader.
    pub(super) sentences: Vec<String>,
    pub(super) warnings: Vec<String>,
    pub(super) differences: Vec<DifferenceTable>,
    pub(super) figures: Vec<Figure>,
}

/// Headers of the table of tests.
pub(super) const TESTS: [&str; 7] =
    ["Metric", "Against the baseline", "Difference", "Interval", "Test", "p", "Effect size"];

/// A group.
pub(super) struct Row {
    pub(super) label: String,
    pub(super) runs: String,
    pub(super) cells: Vec<Cell>,
}

/// What a group measured.
#[derive(Default)]
pub(super) struct Cell {
    pub(super) mean: String,
    /// Half of the interval, where there is one.
    pub(super) half: Option<String>,
    pub(super) is_best: bool,
    /// Stars, one for each level that is reached.
    pub(super) stars: usize,
    /// Runs that counted, where that is not all of them.
    pub(super) of: Option<String>,
}

/// Something that is not the same in all groups.
pub(super) struct DifferenceTable {
    pub(super) title: &'static str,
    pub(super) headers: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
}

/// A plot.
pub(super) struct Figure {
    /// Name of its file, without extension.
    pub(super) name: String,
    pub(super) caption: String,
    pub(super) svg: String,
}

impl Document {
    pub(super) fn new(comparison: &Comparison, title: Option<String>) -> Self {
        let arrow = |metric: &MetricComparison| match metric.better {
            Some(lab_tracker::compare::Better::Lower) => format!("{} ↓", metric.name),
            Some(lab_tracker::compare::Better::Higher) => format!("{} ↑", metric.name),
            None => metric.name.clone(),
        };
        let experiments: BTreeSet<&str> =
            comparison.groups.iter().flat_map(|g| &g.runs).map(|run| run.experiment_name.as_str()).collect();
        let named: Vec<&str> = experiments.into_iter().collect();
        let all = || comparison.metrics.iter().chain(comparison.score.as_ref().map(|score| &score.comparison));
        let row = |(index, group): (usize, &lab_tracker::compare::Group)| {
            let is_baseline = group.label == comparison.baseline;
            let label = if is_baseline { format!("{} (baseline)", group.label) } else { group.label.clone() };
            let seeds: BTreeSet<_> =
                group.runs.iter().map(|run| &run.seeds).filter(|seeds| !seeds.is_empty()).collect();
            let runs = match (group.runs.len(), seeds.len()) {
                (runs, 0) => runs.to_string(),
                (runs, seeds) => format!("{runs} ({seeds} seed{})", if seeds == 1 { "" } else { "s" }),
            };
            Row { label, runs, cells: all().map(|metric| cell(metric, index)).collect() }
        };
        let differences = [
            ("Parameters that differ", &comparison.parameters),
            ("Datasets that differ", &comparison.datasets),
            ("Configuration that differs", &comparison.configuration),
            ("Environment that differs", &comparison.environment),
        ];
        Self {
            title: title.unwrap_or_else(|| format!("Comparison of {}", named.join(", "))),
            metrics: all().map(arrow).collect(),
            rows: comparison.groups.iter().enumerate().map(row).collect(),
            caption: caption(comparison),
            tests: all().flat_map(|m| m.pairs.iter().map(|pair| test(comparison, m, pair))).collect(),
            sentences: all().flat_map(|metric| &metric.pairs).map(said).collect(),
            warnings: comparison.warnings.iter().map(|warning| warning.sentence.clone()).collect(),
            differences: differences
                .into_iter()
                .filter(|(_, found)| !found.is_empty())
                .map(|(title, found)| difference_table(title, found, comparison))
                .collect(),
            figures: Vec::new(),
        }
    }
}

fn said(pair: &Pair) -> String {
    match &pair.planned {
        Some(name) => format!("{} (Planned as {name}.)", pair.sentence),
        None => format!("{} (Exploratory.)", pair.sentence),
    }
}

fn cell(metric: &MetricComparison, index: usize) -> Cell {
    let Some(sample) = metric.samples.get(index) else { return Cell::default() };
    let Some(mean) = sample.mean else { return Cell { mean: "–".to_owned(), ..Cell::default() } };
    let pair = index.checked_sub(1).and_then(|index| metric.pairs.get(index));
    let (mean, half) = rounded(mean, half(sample));
    Cell {
        mean,
        half,
        is_best: metric.best.as_deref() == Some(sample.label.as_str()),
        stars: pair.map(stars).unwrap_or_default(),
        of: (sample.excluded > 0).then(|| format!("{} of {}", sample.n, sample.n + sample.excluded)),
    }
}

fn half(sample: &Sample) -> Option<f64> {
    sample.interval.map(|(low, high)| (high - low) / 2.0)
}

/// Significance, of differences that the verdict allows only.
fn stars(pair: &Pair) -> usize {
    let is_claimed = matches!(pair.verdict, Verdict::Better | Verdict::Worse | Verdict::Different);
    match pair.p_adjusted.filter(|_| is_claimed) {
        Some(p) if p < 0.001 => 3,
        Some(p) if p < 0.01 => 2,
        Some(p) if p < 0.05 => 1,
        _ => 0,
    }
}

/// The half with two significant digits, and the mean with as many decimals.
pub(super) fn rounded(mean: f64, half: Option<f64>) -> (String, Option<String>) {
    match half {
        Some(half) if half > 0.0 && half.is_finite() => {
            let decimals = (1 - half.log10().floor() as i32).clamp(0, 9) as usize;
            if mean.abs() >= 1e7 || half < 1e-8 {
                return (number(mean), Some(number(half)));
            }
            (format!("{mean:.decimals$}"), Some(format!("{half:.decimals$}")))
        }
        _ => (number(mean), None),
    }
}

fn caption(comparison: &Comparison) -> String {
    let reduction = comparison.reduction.phrase();
    let mut text = format!(
        "Mean over the runs of a group ({reduction} of each run) ± half of its 95% confidence interval by Student's t; no \
         interval where there is one run. Bold: the best mean, which need not be better beyond chance."
    );
    let correction = match comparison.correction {
        CorrectionChoice::Holm => ", corrected by Holm's method for the groups of a metric",
        CorrectionChoice::Bonferroni => ", corrected by Bonferroni's method for the groups of a metric",
        CorrectionChoice::BenjaminiHochberg => ", corrected by Benjamini and Hochberg's method",
        CorrectionChoice::BenjaminiYekutieli => ", corrected by Benjamini and Yekutieli's method",
        CorrectionChoice::None => ", not corrected",
    };
    text +=
        &format!(" Against {}: * p < 0.05, ** p < 0.01, *** p < 0.001, two-sided{correction}.", comparison.baseline);
    if let Some(score) = &comparison.score {
        let weights: Vec<String> =
            score.weights.iter().map(|(name, share)| format!("{name} {}%", number(100.0 * share))).collect();
        text += &format!(
            " Score: weighted mean of the improvements over the baseline's mean, as a share of it ({}).",
            weights.join(", ")
        );
    }
    text
}

fn test(comparison: &Comparison, metric: &MetricComparison, pair: &Pair) -> [String; 7] {
    let share = pair.relative.map(|share| format!(" ({:+.1}%)", 100.0 * share)).unwrap_or_default();
    let level = number(100.0 * (1.0 - comparison.alpha));
    let statistic = match (pair.statistic, pair.df) {
        (Some(t), Some(df)) => {
            format!(", t({}) = {}", number((df * 10.0).round() / 10.0), number((t * 100.0).round() / 100.0))
        }
        (Some(statistic), None) => format!(", statistic {}", number(statistic)),
        _ => String::new(),
    };
    let noise = match pair.noise {
        Against::Signal => "; beyond the noise",
        Against::Noise => "; within the noise",
        Against::Unknown => "",
    };
    [
        metric.name.clone(),
        pair.label.clone(),
        pair.difference.map(|difference| format!("{}{share}", number(difference))).unwrap_or_default(),
        pair.interval.map(|(low, high)| format!("{level}%: {} to {}", number(low), number(high))).unwrap_or_default(),
        match &pair.test {
            Some(test) => format!("{test}{statistic}"),
            None => "not tested".to_owned(),
        },
        pair.p_adjusted.map(p_value).unwrap_or_default(),
        match &pair.effect {
            Some(effect) => {
                let interval = effect.interval.filter(|(low, high)| low.is_finite() && high.is_finite());
                let interval =
                    interval.map(|(low, high)| format!(" ({} to {})", number(short(low)), number(short(high))));
                let value = number(short(effect.value));
                format!("{} = {value}{}{noise}", effect_name(&effect.name), interval.unwrap_or_default())
            }
            None => noise.trim_start_matches("; ").to_owned(),
        },
    ]
}

/// Two decimals.
fn short(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

fn effect_name(name: &str) -> String {
    match name {
        "hedges_g" => "Hedges' g".to_owned(),
        "hedges_gz" => "Hedges' gz".to_owned(),
        "cohen_d" => "Cohen's d".to_owned(),
        "cohen_dz" => "Cohen's dz".to_owned(),
        "cohen_h" => "Cohen's h".to_owned(),
        "cliff_delta" => "Cliff's delta".to_owned(),
        other => other.replace('_', " "),
    }
}

fn difference_table(title: &'static str, found: &[Difference], comparison: &Comparison) -> DifferenceTable {
    let headers = std::iter::once("What".to_owned()).chain(comparison.groups.iter().map(|group| group.label.clone()));
    let join = |values: &Vec<String>| if values.is_empty() { "–".to_owned() } else { values.join(", ") };
    let rows = found
        .iter()
        .take(MAX_DIFFERENCES)
        .map(|difference| std::iter::once(difference.path.clone()).chain(difference.values.iter().map(join)).collect());
    DifferenceTable { title, headers: headers.collect(), rows: rows.collect() }
}

#[cfg(test)]
mod tests {
    use super::rounded;

    #[test]
    fn a_mean_has_the_digits_that_its_interval_allows() {
        let text = |mean, half| rounded(mean, half);
        assert_eq!(text(2.393_217, Some(0.020_66)), ("2.393".to_owned(), Some("0.021".to_owned())));
        assert_eq!(text(1234.5, Some(56.7)), ("1234".to_owned(), Some("57".to_owned())));
        assert_eq!(text(0.5, None), ("0.5".to_owned(), None));
        assert_eq!(text(0.5, Some(0.0)), ("0.5".to_owned(), None));
    }
}
