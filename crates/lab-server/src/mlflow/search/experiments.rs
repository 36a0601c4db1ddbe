//! Searching experiments.

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use lab_model::{ExperimentQuery, Field, Filter, Sort, SortOrder};
use serde_json::{Value, json};

use super::keys::Asked;
use super::page::collect;
use super::parser::{self, Clause, Key};
use super::{DEFAULT_RESULTS, MAX_RESULTS, view};
use crate::AppState;
use crate::mlflow::entities::Experiment;
use crate::mlflow::failure::{Failure, Reply};
use crate::mlflow::wire::Args;

pub(in crate::mlflow) fn routes() -> Router<AppState> {
    Router::new().route("/experiments/search", post(search).get(search))
}

async fn search(State(state): State<AppState>, args: Args) -> Reply<Json<Value>> {
    let fields = args.fields();
    let most = fields.max_results(DEFAULT_RESULTS, MAX_RESULTS)?;
    let mut all = Vec::from_iter(view(fields, "view_type")?);
    for clause in parser::filter(fields.text("filter")?.unwrap_or_default())? {
        all.push(condition(&clause)?);
    }
    let (filter, sort) = (Filter::And(all), sort(&fields.texts("order_by")?)?);
    let token = fields.filled("page_token")?;
    let find = |page| {
        let query = ExperimentQuery { filter: Some(filter.clone()), sort: sort.clone(), page };
        let tracker = state.tracker.clone();
        async move { tracker.find_experiments(&query).await }
    };
    let found = collect(token, most, find, None).await?;
    let experiments: Vec<Experiment> = found.items.into_iter().map(Experiment::from).collect();
    let mut reply = json!({});
    if !experiments.is_empty() {
        reply["experiments"] = json!(experiments);
    }
    if let Some(token) = found.next {
        reply["next_page_token"] = token.into();
    }
    Ok(Json(reply))
}

fn condition(clause: &Clause) -> Reply<Filter> {
    let asked = Asked { key: &clause.key, test: &clause.test };
    let key = &clause.key;
    match key.entity.as_deref() {
        Some("tags" | "tag") => asked.text_field(Field::Tag(key.name.clone())),
        _ => match attribute(key)? {
            Field::Id => asked.experiment_id(),
            Field::Name => {
                let (operator, text) = asked.text()?;
                Ok(Filter::Compare(Field::Name, operator, text.into()))
            }
            time => asked.moment(time),
        },
    }
}

fn attribute(key: &Key) -> Reply<Field> {
    let is_attribute = matches!(key.entity.as_deref(), None | Some("attribute" | "attributes" | "attr"));
    match key.name.as_str() {
        "name" if is_attribute => Ok(Field::Name),
        "experiment_id" if is_attribute => Ok(Field::Id),
        "creation_time" if is_attribute => Ok(Field::CreatedAt),
        "last_update_time" if is_attribute => Ok(Field::UpdatedAt),
        _ => Err(Failure::invalid(format!(
            "Invalid attribute key '{key}' specified. Valid keys are 'name', 'experiment_id', 'creation_time' and \
             'last_update_time', and 'tags.KEY' in filters."
        ))),
    }
}

fn sort(order_by: &[String]) -> Reply<Vec<Sort>> {
    let mut sort: Vec<Sort> = Vec::new();
    for text in order_by {
        let (key, order) = parser::order(text)?;
        sort.push(Sort { field: attribute(&key)?, order: order.unwrap_or_default() });
    }
    let is_ordered = !sort.is_empty();
    if !is_ordered {
        sort.push(Sort { field: Field::CreatedAt, order: SortOrder::Descending });
    }
    if !sort.iter().any(|key| key.field == Field::Id) {
        let order = if is_ordered { SortOrder::Descending } else { SortOrder::Ascending };
        sort.push(Sort { field: Field::Id, order });
    }
    Ok(sort)
}
