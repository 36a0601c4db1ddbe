//! What is asked of a comparison, and what it answers.

use std::collections::BTreeMap;

use lab_model::{MetricName, Reduction, RunId, RunStatus, number};
use serde::{Deserialize, Serialize};

/// Which way a metric is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// Less is better.
    Lower,
    /// More is better.
    Higher,
}

/// What counts as one sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// A run: what another seed gives.
    #[default]
    Run,
    /// An evaluated example: the metric was logged once an example, with the example's number as its step. Says whether the
    /// models differ on such examples, and nothing about other seeds.
    Example,
    /// A step within single runs, counted as the independent values that its series is worth by its autocorrelation. For
    /// who insists: it says nothing about what another run gives. Needs the reduction `mean` or `mean_of_last`.
    Step,
}

/// How a difference is tested.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TestChoice {
    /// A t test, paired where the samples are; McNemar's test and two proportions for examples that are right or wrong.
    #[default]
    Auto,
    /// The paired t test, or Welch's.
    T,
    /// Wilcoxon's signed-rank test, or Mann and Whitney's: for outliers and ordinal scores.
    Rank,
    /// A permutation test of the mean difference, exact where that can be done.
    Permutation,
    /// The BCa bootstrap of the mean difference, 10,000 seeded resamples.
    Bootstrap,
}

/// How p-values are corrected for the groups of a metric.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CorrectionChoice {
    /// Holm: no more than alpha for any false alarm.
    #[default]
    Holm,
    /// Bonferroni: as Holm, and weaker.
    Bonferroni,
    /// Benjamini and Hochberg: no more than alpha of the alarms false, on average.
    BenjaminiHochberg,
    /// Benjamini and Yekutieli: the same under any dependence.
    BenjaminiYekutieli,
    /// None.
    None,
}

/// Runs that stand for one condition.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct GroupRequest {
    /// What to call it.
    pub label: String,
    /// Ids, beginnings of ids, `EXPERIMENT#NUMBER` or unique names.
    pub runs: Vec<String>,
}

/// What is to be compared. Either `groups` are given, or runs are found and grouped by `group_by`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct CompareRequest {
    /// Groups given run by run.
    pub groups: Vec<GroupRequest>,
    /// Single runs. Without `group_by` those that differ only in their seed are one group, unless that leaves one group
    /// only: then each is a group of its own.
    pub runs: Vec<String>,
    /// All runs of these experiments, by name or id.
    pub experiments: Vec<String>,
    /// Only those that this filter finds.
    pub query: Option<String>,
    /// What makes the groups: `params.layers`, `tags.team`, `name`, `experiment`. Runs that agree in all of them are one
    /// group, whatever else differs. Where empty and no groups are given, runs that differ only in their seed are one
    /// group.
    pub group_by: Vec<String>,
    /// Which metrics; all scalar ones that every group has where empty.
    pub metrics: Vec<MetricName>,
    /// How a run becomes one number.
    pub reduction: Reduction,
    /// What counts as one sample.
    pub unit: Unit,
    /// How a difference is tested.
    pub test: TestChoice,
    /// How p-values are corrected for the groups of a metric.
    pub correction: CorrectionChoice,
    /// Label of the group that the others are set against, the value in it, or one of its runs; the first group where
    /// absent.
    pub baseline: Option<String>,
    /// Which way metrics are better, where the experiment's configuration does not say.
    pub better: BTreeMap<MetricName, Better>,
    /// Chance of calling a difference real that is not, over the whole comparison of a metric: 0.05 where absent.
    pub alpha: f64,
}

impl Default for CompareRequest {
    fn default() -> Self {
        Self {
            groups: Vec::new(),
            runs: Vec::new(),
            experiments: Vec::new(),
            query: None,
            group_by: Vec::new(),
            metrics: Vec::new(),
            reduction: Reduction::default(),
            unit: Unit::default(),
            test: TestChoice::default(),
            correction: CorrectionChoice::default(),
            baseline: None,
            better: BTreeMap::new(),
            alpha: 0.05,
        }
    }
}

/// What came out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Comparison {
    /// The groups, the baseline first.
    pub groups: Vec<Group>,
    /// Label of the baseline.
    pub baseline: String,
    /// The chance of error that verdicts allow for.
    pub alpha: f64,
    /// How a run became one number.
    pub reduction: Reduction,
    /// What counts as one sample.
    #[serde(default)]
    pub unit: Unit,
    /// How p-values were corrected.
    #[serde(default)]
    pub correction: CorrectionChoice,
    /// By metric.
    pub metrics: Vec<MetricComparison>,
    /// All metrics with a weight as one number a run: the weighted mean of their improvements over the baseline's mean, each
    /// as a share of it, so that 0.02 is 2% better. Present where the experiments give weights to several metrics compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<Score>,
    /// Parameters that differ between groups, nested ones by dotted path.
    pub parameters: Vec<Difference>,
    /// What differs in the configurations of the groups' experiments, data included.
    pub configuration: Vec<Difference>,
    /// Datasets that the groups' runs noted, by name, with their versions.
    #[serde(default)]
    pub datasets: Vec<Difference>,
    /// What differs in where the groups ran: system, hardware, packages, source code.
    pub environment: Vec<Difference>,
    /// What could fool a reader.
    pub warnings: Vec<Warning>,
}

/// Runs that stand for one condition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Group {
    /// What it is called.
    pub label: String,
    /// Its runs.
    pub runs: Vec<ComparedRun>,
}

/// A run of a group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ComparedRun {
    /// Its id.
    pub id: RunId,
    /// Name of its experiment.
    pub experiment_name: String,
    /// Its number there.
    pub number: u64,
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub status: RunStatus,
    /// Its seeds: the parameters that only choose random numbers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub seeds: BTreeMap<String, String>,
    /// Metrics whose latest value is beyond a critical threshold of its experiment, as its tag `lab.critical` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub critical: Option<String>,
}

/// Several metrics as one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Score {
    /// The share of each metric; they add up to 1.
    #[cfg_attr(feature = "schema", schema(value_type = BTreeMap<String, f64>))]
    pub weights: BTreeMap<MetricName, f64>,
    /// The score, compared as a metric is.
    pub comparison: MetricComparison,
}

/// The run with the best number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct BestRun {
    /// Its id.
    pub id: RunId,
    /// As `tiny-lm#3`.
    pub address: String,
    /// Label of its group.
    pub label: String,
    /// Its number.
    pub value: f64,
}

/// How much runs of the experiments vary that differ only in their seed, or in nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct NoiseFloor {
    /// Standard deviation between such runs, pooled over all groups of them.
    pub std_dev: f64,
    /// Its 95% confidence interval, by the chi-squared distribution; absent where nothing varied.
    #[serde(default)]
    pub interval: Option<(f64, f64)>,
    /// Its degrees of freedom: runs less groups.
    pub df: u64,
    /// Completed runs that were repeated.
    pub runs: u64,
    /// Groups of them.
    pub groups: u64,
    /// The smallest difference between two single runs that is more than noise at alpha; two means of n runs need it divided
    /// by the root of n.
    pub smallest_signal: f64,
}

/// A difference set against the noise floor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Against {
    /// More than repetitions differ.
    Signal,
    /// No more than repetitions differ.
    Noise,
    /// Nothing was repeated, or repetitions never differ, so that nobody knows.
    #[default]
    Unknown,
}

/// One metric over all groups.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct MetricComparison {
    /// Name of the metric.
    pub name: MetricName,
    /// Which way it is better, where that is known.
    pub better: Option<Better>,
    /// By group, in their order.
    pub samples: Vec<Sample>,
    /// Label of the group with the best mean, where the direction is known.
    pub best: Option<String>,
    /// The run with the best number, where the direction is known. The best of many is too good.
    #[serde(default)]
    pub best_run: Option<BestRun>,
    /// How much repetitions vary, where something was repeated. Over runs only.
    #[serde(default)]
    pub noise: Option<NoiseFloor>,
    /// Each group against the baseline.
    pub pairs: Vec<Pair>,
}

/// What one group measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Sample {
    /// Label of the group.
    pub label: String,
    /// Samples that are finite: runs, or examples, or steps.
    pub n: usize,
    /// Samples left out, because they lack the metric or its number is not finite.
    pub excluded: usize,
    /// Mean over the runs.
    pub mean: Option<f64>,
    /// Standard deviation over the runs, with n − 1.
    pub std_dev: Option<f64>,
    /// 95% confidence interval of the mean, by Student's t.
    pub interval: Option<(f64, f64)>,
    /// Least of the runs.
    pub min: Option<f64>,
    /// Greatest of the runs.
    pub max: Option<f64>,
    /// The number of each run, in the order of the group's runs; null where there is none. Empty for other units.
    #[serde(with = "values")]
    #[cfg_attr(feature = "schema", schema(value_type = Vec<Option<f64>>))]
    pub values: Vec<Option<f64>>,
}

mod values {
    use super::number::JsonFloat;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(values: &[Option<f64>], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(values.iter().map(|value| value.map(JsonFloat)))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Option<f64>>, D::Error> {
        let values = Vec::<Option<JsonFloat>>::deserialize(deserializer)?;
        Ok(values.into_iter().map(|value| value.map(|f| f.0)).collect())
    }
}

/// What the numbers allow to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The group is better than the baseline.
    Better,
    /// The group is worse than the baseline.
    Worse,
    /// The group differs, and which way is better is not known, or the runs do not vary and nothing can be tested.
    Different,
    /// The numbers do not show a difference.
    NoEvidence,
    /// There are too few runs to say anything.
    TooFewSamples,
}

/// A group against the baseline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Pair {
    /// Label of the group.
    pub label: String,
    /// What the numbers allow to say.
    pub verdict: Verdict,
    /// The verdict in one sentence, with the numbers, the test and why it was chosen, the correction, and how many more
    /// runs would be needed.
    pub sentence: String,
    /// Mean of the group less mean of the baseline.
    pub difference: Option<f64>,
    /// Confidence interval of the difference, at 1 − alpha, for this pair alone.
    pub interval: Option<(f64, f64)>,
    /// The difference as a share of the baseline's mean.
    pub relative: Option<f64>,
    /// The same with the sign of the metric's direction: above 0 is better. Absent where that is not known.
    #[serde(default)]
    pub improvement: Option<f64>,
    /// The difference set against the noise floor, at alpha and for this pair alone.
    #[serde(default)]
    pub noise: Against,
    /// The hypothesis that asked just this before the first of these runs began. Whatever has none is exploratory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned: Option<String>,
    /// Standardised effect size, and its name.
    pub effect: Option<Effect>,
    /// Name of the test.
    pub test: Option<String>,
    /// Its statistic.
    #[serde(default)]
    pub statistic: Option<f64>,
    /// Its degrees of freedom.
    #[serde(default)]
    pub df: Option<f64>,
    /// For steps: how many independent values each side is worth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective: Option<(f64, f64)>,
    /// Its p-value, two-sided.
    pub p_value: Option<f64>,
    /// The same after the correction for comparing several groups.
    pub p_adjusted: Option<f64>,
    /// Where nothing was found: runs a group (pairs, where runs are paired) that would show an effect of this size with
    /// 80% power, at an alpha divided by the number of pairs tested.
    pub runs_needed: Option<u64>,
    /// Where nothing was found: the smallest difference that these samples would have shown with 80% power, at the same
    /// alpha.
    #[serde(default)]
    pub detectable: Option<f64>,
}

/// A standardised effect size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Effect {
    /// Which, as `hedges_g`.
    pub name: String,
    /// How large.
    pub value: f64,
    /// Its confidence interval, at 1 − alpha.
    pub interval: Option<(f64, f64)>,
}

/// Something that is not the same in all groups.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Difference {
    /// What, by dotted path.
    pub path: String,
    /// By group, in their order: the values its runs have, each once, at most 20 and then how many more there are.
    pub values: Vec<Vec<String>>,
}

/// Something that could fool a reader.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Warning {
    /// Stable name, as `unfinished_runs`.
    pub code: String,
    /// In one sentence.
    pub sentence: String,
}
