//! Searching runs.

use std::collections::HashMap;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use lab_model::{
    ExperimentId, ExperimentRun, Field, Filter, Operator, ParameterValue, RunId, RunQuery, Sort, SortOrder, Statistic,
};
use lab_tracker::RunLinks;
use serde::Serialize;

use super::keys::{Asked, among};
use super::page::{Keep, collect};
use super::parser::{self, Clause, Key, Test};
use super::{DEFAULT_RESULTS, MAX_RESULTS, view};
use crate::AppState;
use crate::mlflow::describe::{artifact_uri, describe};
use crate::mlflow::entities::{self, PARENT, RUN_NAME, Run};
use crate::mlflow::failure::{Failure, Reply};
use crate::mlflow::ids;
use crate::mlflow::inputs::CONTEXT;
use crate::mlflow::params::{text_of, typed};
use crate::mlflow::wire::{Args, Fields, json_reply};

pub(in crate::mlflow) fn routes() -> Router<AppState> {
    Router::new().route("/runs/search", post(search))
}

#[derive(Serialize)]
struct Answer {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    runs: Vec<Run>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

async fn search(State(state): State<AppState>, args: Args) -> Reply<Response> {
    let fields = args.fields();
    let most = fields.max_results(DEFAULT_RESULTS, MAX_RESULTS)?;
    let (mut all, rest) = conditions(fields.text("filter")?.unwrap_or_default())?;
    all.extend(view(fields, "run_view_type")?);
    let sort = sort(&fields.texts("order_by")?)?;
    let experiments = experiments(fields)?;
    if experiments.is_empty() {
        return json_reply(Answer { runs: Vec::new(), next_page_token: None }).await;
    }
    let beside = Beside::of(&state, &experiments, &rest).await?;
    let filter = Filter::And(all);
    let find = |page| {
        let (experiments, filter, sort) = (experiments.clone(), Some(filter.clone()), sort.clone());
        let (tracker, query) = (state.tracker.clone(), RunQuery { experiments, filter, sort, page });
        async move { tracker.find_runs(&query).await }
    };
    let keep: Option<Keep<ExperimentRun>> = (!rest.is_empty()).then(|| {
        let holds = move |run: &ExperimentRun, (what, condition): &(Derived, Filter)| {
            what.of(run, &beside).into_iter().any(|text| condition.matches(&|_| Some(text.clone().into())))
        };
        Box::new(move |run: &ExperimentRun| rest.iter().all(|condition| holds(run, condition))) as Keep<_>
    });
    let found = collect(fields.filled("page_token")?, most, find, keep).await?;
    let runs = describe(&state.tracker, found.items).await?;
    json_reply(Answer { runs, next_page_token: found.next }).await
}

/// The experiments asked about; an id that none can have finds nothing.
fn experiments(fields: Fields<'_>) -> Reply<Vec<ExperimentId>> {
    let texts = fields.texts("experiment_ids")?;
    Ok(texts.iter().filter_map(|text| ids::parse_experiment(text).ok()).collect())
}

/// What conditions need that is not in a run.
#[derive(Default)]
struct Beside {
    locations: HashMap<ExperimentId, String>,
    links: HashMap<RunId, RunLinks>,
}

impl Beside {
    async fn of(state: &AppState, experiments: &[ExperimentId], rest: &[(Derived, Filter)]) -> Reply<Self> {
        let mut beside = Self::default();
        if rest.iter().any(|(what, _)| *what == Derived::ArtifactUri) {
            for id in experiments {
                if let Ok(experiment) = state.tracker.experiment(*id).await {
                    beside.locations.insert(*id, entities::location(&experiment));
                }
            }
        }
        if rest.iter().any(|(what, _)| matches!(what, Derived::Dataset(_))) {
            beside.links = state.tracker.links_of(experiments.to_vec()).await?;
        }
        Ok(beside)
    }
}

/// What MLflow compares as a text and the store keeps as something else.
#[derive(Clone, Debug, PartialEq)]
enum Derived {
    /// A parameter as it is written.
    Parameter(String),
    /// The id without hyphens.
    RunId,
    ArtifactUri,
    /// Of each dataset that the run read.
    Dataset(DatasetField),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum DatasetField {
    Name,
    Digest,
    Context,
}

impl Derived {
    fn of(&self, run: &ExperimentRun, beside: &Beside) -> Vec<String> {
        match self {
            Self::Parameter(name) => {
                let parameters = ParameterValue::flatten(&run.parameters);
                parameters.get(name).map(|value| text_of(value)).into_iter().collect()
            }
            Self::RunId => vec![ids::run_text(run.id)],
            Self::ArtifactUri => {
                let location = beside.locations.get(&run.experiment_id);
                location.map(|location| artifact_uri(location, run.id)).into_iter().collect()
            }
            Self::Dataset(field) => {
                let used = beside.links.get(&run.id).into_iter().flat_map(|links| &links.datasets);
                used.filter_map(|used| match field {
                    DatasetField::Name => Some(used.name.clone()),
                    DatasetField::Digest => Some(used.digest.clone()),
                    DatasetField::Context => used.tags.get(CONTEXT).cloned(),
                })
                .collect()
            }
        }
    }
}

/// What the store decides, and what is decided on what it finds: there, any field of the condition is the derived text.
type Conditions = (Vec<Filter>, Vec<(Derived, Filter)>);

fn conditions(filter: &str) -> Reply<Conditions> {
    let mut conditions = Conditions::default();
    for clause in parser::filter(filter)? {
        add(&mut conditions, &clause)?;
    }
    Ok(conditions)
}

fn add((stored, derived): &mut Conditions, Clause { key, test }: &Clause) -> Reply<()> {
    let asked = Asked { key, test };
    match about(key)? {
        About::Metric(name) => {
            let (operator, value) = asked.number()?;
            stored.push(Filter::Compare(Field::Metric(name, Statistic::Last), operator, value));
        }
        About::Parameter(name) => {
            let field = Field::Parameter(name.clone());
            let Test::Compare(..) = test else {
                stored.push(asked.text_field(field)?);
                return Ok(());
            };
            let (operator, text) = asked.text()?;
            let (wide, is_exact) = parameter(field, operator, text);
            stored.push(wide);
            if !is_exact {
                derived.push((Derived::Parameter(name), Filter::Compare(Field::Name, operator, text.into())));
            }
        }
        About::Tag(name) if name == RUN_NAME => stored.push(asked.text_field(Field::Name)?),
        About::Tag(name) => stored.push(tag(&asked, name)?),
        About::Name => {
            let (operator, text) = asked.text()?;
            stored.push(Filter::Compare(Field::Name, operator, text.into()));
        }
        About::User => {
            let (operator, text) = asked.text()?;
            stored.push(Filter::Compare(Field::Owner, operator, text.into()));
        }
        About::Status => stored.push(asked.status()?),
        About::Time(field) => stored.push(asked.moment(field)?),
        About::RunId => match test {
            Test::In(is_in, texts) => stored.push(run_among(*is_in, texts)),
            _ => {
                let (operator, text) = asked.text()?;
                match operator {
                    Operator::Equal => stored.push(run_among(true, &[text.to_owned()])),
                    Operator::NotEqual => stored.push(run_among(false, &[text.to_owned()])),
                    _ => derived.push((Derived::RunId, Filter::Compare(Field::Name, operator, text.into()))),
                }
            }
        },
        About::Dataset(field) => derived.push((Derived::Dataset(field), asked.text_or_list(Field::Name)?)),
        About::ArtifactUri => {
            let (operator, text) = asked.text()?;
            derived.push((Derived::ArtifactUri, Filter::Compare(Field::Name, operator, text.into())));
        }
    }
    Ok(())
}

/// A comparison of a parameter as the store can decide it, and whether that is all.
///
/// The store keeps numbers as numbers, and MLflow compares what is written: 3 is not 3.0, and both are like `3%`.
fn parameter(field: Field, operator: Operator, text: &str) -> (Filter, bool) {
    let value = typed(text);
    let is_text = matches!(value, ParameterValue::String(_)) && !text.starts_with(['[', '{']);
    let is_truth = matches!(value, ParameterValue::Boolean(_));
    match operator {
        Operator::Equal | Operator::NotEqual if is_text || is_truth => (Filter::Compare(field, operator, value), true),
        Operator::Equal if !matches!(value, ParameterValue::String(_)) => {
            (Filter::Compare(field, operator, value), false)
        }
        _ => (Filter::Exists(field), false),
    }
}

/// A tag. The parent that a run of ours has is a tag to MLflow.
fn tag(asked: &Asked<'_>, name: String) -> Reply<Filter> {
    let is_parent = name == PARENT;
    let filter = asked.text_field(Field::Tag(name))?;
    match &filter {
        Filter::Compare(_, Operator::Equal, text) if is_parent => {
            let field = Filter::Compare(Field::ParentRunId, Operator::Equal, text.clone());
            Ok(Filter::Or(vec![filter, field]))
        }
        _ => Ok(filter),
    }
}

fn run_among(is_in: bool, texts: &[String]) -> Filter {
    among(is_in, texts.iter().filter_map(|text| ids::parse_run(text).ok()).map(|id| *id.as_uuid()))
}

/// What of a run a key means.
#[derive(Clone, Debug, PartialEq)]
enum About {
    Metric(String),
    Parameter(String),
    Tag(String),
    RunId,
    Name,
    User,
    Status,
    ArtifactUri,
    Time(Field),
    Dataset(DatasetField),
}

fn about(key: &Key) -> Reply<About> {
    let name = || key.name.clone();
    match key.entity.as_deref() {
        Some("metric" | "metrics") => return Ok(About::Metric(name())),
        Some("param" | "params" | "parameter" | "parameters") => return Ok(About::Parameter(name())),
        Some("tag" | "tags") => return Ok(About::Tag(name())),
        Some("dataset" | "datasets") => return dataset_field(&key.name).map(About::Dataset),
        None | Some("attribute" | "attributes" | "attr" | "run") => {}
        Some(entity) => {
            return Err(Failure::invalid(format!(
                "Invalid entity type '{entity}'. Valid values are ['attribute', 'metric', 'parameter', 'tag', 'dataset']"
            )));
        }
    }
    match key.name.as_str() {
        "run_id" => Ok(About::RunId),
        "run_name" | "run name" | "Run name" | "Run Name" => Ok(About::Name),
        "user_id" => Ok(About::User),
        "status" => Ok(About::Status),
        "artifact_uri" => Ok(About::ArtifactUri),
        "start_time" | "created" | "Created" => Ok(About::Time(Field::StartedAt)),
        "end_time" => Ok(About::Time(Field::EndedAt)),
        name => Err(Failure::invalid(format!(
            "Invalid attribute key '{name}' specified. Valid keys are 'artifact_uri', 'end_time', 'run_id', 'run_name', \
             'start_time', 'status', 'user_id'"
        ))),
    }
}

fn dataset_field(name: &str) -> Reply<DatasetField> {
    match name {
        "name" => Ok(DatasetField::Name),
        "digest" => Ok(DatasetField::Digest),
        "context" => Ok(DatasetField::Context),
        _ => Err(Failure::invalid(format!(
            "Invalid attribute key '{name}' specified. Valid keys of datasets are 'context', 'digest', 'name'"
        ))),
    }
}

fn sort(order_by: &[String]) -> Reply<Vec<Sort>> {
    let mut sort: Vec<Sort> = Vec::new();
    for text in order_by {
        let (key, order) = parser::order(text)?;
        let field = match about(&key)? {
            About::Metric(name) => Field::Metric(name, Statistic::Last),
            About::Parameter(name) => Field::Parameter(name),
            About::Tag(name) if name == RUN_NAME => Field::Name,
            About::Tag(name) => Field::Tag(name),
            // The place of a run's artifacts ends with its id.
            About::RunId | About::ArtifactUri => Field::Id,
            About::Name => Field::Name,
            About::User => Field::Owner,
            About::Status => Field::Status,
            About::Time(field) => field,
            About::Dataset(_) => {
                return Err(Failure::invalid(format!("Invalid order_by key '{key}': runs have several")));
            }
        };
        if sort.iter().any(|known| known.field == field) {
            return Err(Failure::invalid(format!("`order_by` contains duplicate fields: {order_by:?}")));
        }
        sort.push(Sort { field, order: order.unwrap_or_default() });
    }
    for (field, order) in [(Field::StartedAt, SortOrder::Descending), (Field::Id, SortOrder::Ascending)] {
        if !sort.iter().any(|known| known.field == field) {
            sort.push(Sort { field, order });
        }
    }
    Ok(sort)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_those_of_every_search_here() {
        let stored =
            |text: &str| conditions(text).unwrap().0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        assert_eq!(stored("metrics.`val/acc` > 0.5"), "metrics.val/acc > 0.5");
        assert_eq!(stored("attr.status = 'KILLED'"), "status in ('cancelled', 'timed_out')");
        assert_eq!(stored("status LIKE 'F%'"), "status in ('completed', 'failed')");
        assert_eq!(stored("tags.`mlflow.runName` ILIKE 'A%'"), "name ILIKE 'A%'");
        assert_eq!(stored("params.lr = '0.1'"), "params.lr = 0.1");
        assert_eq!(stored("start_time > 1000"), "started_at >= '1970-01-01T00:00:01.001Z'");
    }

    #[test]
    fn what_is_written_decides_about_parameters() {
        for (text, is_exact) in
            [("='adam'", true), ("='True'", true), ("='3'", false), (" LIKE 'a%'", false), ("!='[1]'", false)]
        {
            assert_eq!(conditions(&format!("params.p {text}")).unwrap().1.is_empty(), is_exact, "{text}");
        }
    }

    #[test]
    fn wrong_conditions_are_refused() {
        for bad in [
            "metric.a = '1'",
            "metrics.a LIKE '1'",
            "metrics.a IN ('1')",
            "params.a > '1'",
            "params.a = 1",
            "tags.a IN ('x')",
            "status IN ('RUNNING')",
            "experiment_id = '1'",
            "lifecycle_stage = 'active'",
            "nothing.a = 'x'",
            "run_id > 'a'",
            "start_time = '5'",
            "status IS NULL",
            "Status = 'x'",
            "Metrics.a = 1",
        ] {
            assert!(conditions(bad).is_err(), "{bad}");
        }
        let twice = ["metrics.a".to_owned(), "metric.a DESC".to_owned()];
        assert!(sort(&twice).is_err());
    }
}
