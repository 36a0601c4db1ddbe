//! An MLflow server that runs.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use futures_util::{StreamExt as _, TryStreamExt as _};
use lab_model::Record;
use reqwest::{RequestBuilder, Url};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::runtime::Handle;

use super::super::json::number;
use super::super::source::{Download, Found, Item, Items, Stream, artifact_name, point};
use super::{Row, millis};
use crate::commands::run::type_of;

/// Runs, experiments and points asked for at a time.
const PAGE: u32 = 1_000;
const PAGE_OF_POINTS: u32 = 25_000;
/// Deepest folders of artifacts that are looked into.
const MOST_FOLDERS: usize = 100_000;

/// The runs of a server. Called on a thread that may wait.
pub(super) fn find(address: &str, with_artifacts: bool) -> anyhow::Result<Vec<Found>> {
    let server = Arc::new(Server::new(address)?);
    let mut found = Vec::new();
    for experiment in server.experiments()? {
        for run in server.runs(&experiment.experiment_id)? {
            found.push(server.found(run, &experiment.name, with_artifacts)?);
        }
    }
    Ok(found)
}

#[derive(Deserialize)]
struct Experiment {
    experiment_id: String,
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct Run {
    info: Info,
    #[serde(default)]
    data: Data,
}

#[derive(Deserialize)]
struct Info {
    run_id: String,
    #[serde(default)]
    run_name: Option<String>,
    #[serde(default)]
    user_id: Option<String>,
    #[serde(default)]
    status: String,
    #[serde(default)]
    start_time: Option<Millis>,
    #[serde(default)]
    end_time: Option<Millis>,
    #[serde(default)]
    artifact_uri: String,
}

#[derive(Default, Deserialize)]
struct Data {
    #[serde(default)]
    metrics: Vec<Named>,
    #[serde(default)]
    params: Vec<Pair>,
    #[serde(default)]
    tags: Vec<Pair>,
}

#[derive(Deserialize)]
struct Named {
    key: String,
}

#[derive(Deserialize)]
struct Pair {
    key: String,
    #[serde(default)]
    value: String,
}

/// Old servers write whole numbers as texts.
#[derive(Deserialize)]
#[serde(untagged)]
enum Millis {
    Number(i64),
    Text(String),
}

impl Millis {
    fn get(&self) -> Option<i64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.parse().ok(),
        }
    }
}

struct Server {
    client: reqwest::Client,
    base: Url,
    user: Option<(String, Option<String>)>,
    token: Option<String>,
    runtime: Handle,
}

impl Server {
    /// Credentials are where MLflow's own clients look for them.
    fn new(address: &str) -> anyhow::Result<Self> {
        let base = Url::parse(address.trim_end_matches('/')).with_context(|| format!("`{address}` is no address"))?;
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let user = variable("MLFLOW_TRACKING_USERNAME").map(|user| (user, variable("MLFLOW_TRACKING_PASSWORD")));
        let client = reqwest::Client::builder().build().context("the HTTP client could not be set up")?;
        Ok(Self { client, base, user, token: variable("MLFLOW_TRACKING_TOKEN"), runtime: Handle::current() })
    }

    fn url(&self, parts: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(parts);
        }
        url
    }

    fn api(&self, resource: &str, act: &str) -> Url {
        self.url(&["api", "2.0", "mlflow", resource, act])
    }

    fn signed(&self, request: RequestBuilder) -> RequestBuilder {
        match (&self.token, &self.user) {
            (Some(token), _) => request.bearer_auth(token),
            (None, Some((user, password))) => request.basic_auth(user, password.as_deref()),
            (None, None) => request,
        }
    }

    /// Waits for an answer, on a thread that may.
    fn ask(&self, request: RequestBuilder) -> anyhow::Result<Value> {
        let request = self.signed(request);
        let asking = async {
            let answer = request.send().await?;
            let status = answer.status();
            anyhow::Ok((status, answer.bytes().await?))
        };
        let asked = tokio::task::block_in_place(|| self.runtime.block_on(asking));
        let (status, body) = asked.with_context(|| format!("the server at {} does not answer", shown(&self.base)))?;
        let answer: Option<Value> = serde_json::from_slice(&body).ok();
        if status.is_success() {
            return answer.with_context(|| format!("what answers at {} is no MLflow server", shown(&self.base)));
        }
        let message = answer.as_ref().and_then(|answer| answer.get("message")).and_then(Value::as_str);
        anyhow::bail!("the server at {} refused with {status}: {}", shown(&self.base), message.unwrap_or_default())
    }

    /// Everything of a list that comes in pages.
    fn all<T: for<'de> Deserialize<'de>>(&self, url: Url, name: &str, mut body: Value) -> anyhow::Result<Vec<T>> {
        let mut all = Vec::new();
        loop {
            let mut answer = self.ask(self.client.post(url.clone()).json(&body))?;
            if let Some(items) = answer.get_mut(name).map(Value::take) {
                let items: Vec<T> = serde_json::from_value(items).with_context(|| format!("{name} cannot be read"))?;
                all.extend(items);
            }
            match answer["next_page_token"].as_str().filter(|token| !token.is_empty()) {
                Some(token) => body["page_token"] = token.into(),
                None => return Ok(all),
            }
        }
    }

    fn experiments(&self) -> anyhow::Result<Vec<Experiment>> {
        let body = json!({ "max_results": PAGE, "view_type": "ACTIVE_ONLY" });
        self.all(self.api("experiments", "search"), "experiments", body)
    }

    fn runs(&self, experiment: &str) -> anyhow::Result<Vec<Run>> {
        let body =
            json!({ "max_results": PAGE, "experiment_ids": [experiment], "order_by": ["attributes.start_time ASC"] });
        self.all(self.api("runs", "search"), "runs", body)
    }

    fn found(self: &Arc<Self>, run: Run, experiment: &str, with_artifacts: bool) -> anyhow::Result<Found> {
        let id = run.info.run_id.clone();
        let mut streams: Vec<Stream> = Vec::new();
        for Named { key } in run.data.metrics {
            let (server, run) = (Arc::clone(self), id.clone());
            streams.push(Stream::new(format!("metric {key}"), move || Ok(server.points(&run, &key))));
        }
        let mut left_out = None;
        match artifact_path(&run.info.artifact_uri) {
            Some(path) if with_artifacts => streams.extend(self.files(&id, &path)?),
            Some(_) => {}
            None => {
                left_out = Some(format!("artifacts in {}, which this server does not hand out", run.info.artifact_uri))
            }
        }
        let pairs = |pairs: Vec<Pair>| pairs.into_iter().map(|pair| (pair.key, pair.value)).collect();
        let row = Row {
            place: PathBuf::from(format!("{} run {id}", shown(&self.base))),
            id,
            name: run.info.run_name,
            experiment: experiment.to_owned(),
            user: run.info.user_id,
            status: run.info.status,
            started_millis: run.info.start_time.as_ref().and_then(Millis::get),
            ended_millis: run.info.end_time.as_ref().and_then(Millis::get).filter(|at| *at > 0),
            parameters: pairs(run.data.params),
            tags: pairs(run.data.tags),
            artifacts: None,
        };
        let mut found = row.found(streams);
        found.left_out.extend(left_out);
        Ok(found)
    }

    /// The points of a metric, in order of time, page by page.
    fn points(self: &Arc<Self>, run: &str, key: &str) -> Items {
        let (server, run, key) = (Arc::clone(self), run.to_owned(), key.to_owned());
        let mut page: VecDeque<Record> = VecDeque::new();
        let mut token = Some(String::new());
        Box::new(std::iter::from_fn(move || {
            while page.is_empty() {
                let answer = server.history(&run, &key, &token.take()?);
                match answer {
                    Ok((points, next)) => (page, token) = (points, next),
                    Err(error) => return Some(Err(error.context(format!("the metric {key} cannot be read")))),
                }
            }
            page.pop_front().map(|record| Ok(Item::Record(record)))
        }))
    }

    fn history(&self, run: &str, key: &str, token: &str) -> anyhow::Result<(VecDeque<Record>, Option<String>)> {
        let most = PAGE_OF_POINTS.to_string();
        let mut query = vec![("run_id", run), ("metric_key", key), ("max_results", &most)];
        if !token.is_empty() {
            query.push(("page_token", token));
        }
        let answer = self.ask(self.client.get(self.api("metrics", "get-history")).query(&query))?;
        let points = answer["metrics"].as_array().map(Vec::as_slice).unwrap_or_default();
        let points = points.iter().map(|point_of| record(key, point_of)).collect::<anyhow::Result<_>>()?;
        let next = answer["next_page_token"].as_str().filter(|next| !next.is_empty() && *next != token);
        Ok((points, next.map(str::to_owned)))
    }

    /// The files of a run, each as a stream.
    fn files(self: &Arc<Self>, run: &str, root: &str) -> anyhow::Result<Vec<Stream>> {
        let mut files = BTreeMap::new();
        let mut folders = vec![String::new()];
        let mut looked = 0;
        while let Some(folder) = folders.pop() {
            looked += 1;
            anyhow::ensure!(looked <= MOST_FOLDERS, "the run {run} has more than {MOST_FOLDERS} folders of artifacts");
            let query = [("run_id", run), ("path", &folder)];
            let query = if folder.is_empty() { &query[..1] } else { &query[..] };
            let answer = self.ask(self.client.get(self.api("artifacts", "list")).query(query))?;
            for file in answer["files"].as_array().into_iter().flatten() {
                let Some(path) = file["path"].as_str() else { continue };
                if file["is_dir"].as_bool() == Some(true) {
                    // A folder that lists itself would never end.
                    if path.len() > folder.len() {
                        folders.push(path.to_owned());
                    }
                } else {
                    let size = file["file_size"].as_u64().or_else(|| file["file_size"].as_str()?.parse().ok());
                    files.insert(path.to_owned(), size.unwrap_or(0));
                }
            }
        }
        Ok(files.into_iter().filter_map(|(path, size)| self.file(root, path, size)).collect())
    }

    fn file(self: &Arc<Self>, root: &str, path: String, size: u64) -> Option<Stream> {
        let name = artifact_name(&path)?;
        let (server, root) = (Arc::clone(self), root.to_owned());
        Some(Stream::new(format!("file {name} {size}"), move || {
            let (server, parts) = (Arc::clone(&server), format!("{root}/{path}"));
            let download = Download {
                artifact_type: type_of(path.as_ref()),
                name: name.clone(),
                at: lab_client::now(),
                open: Box::new(move || Box::pin(async move { server.content(&parts, size).await })),
            };
            Ok(Box::new(std::iter::once(Ok(Item::Download(download)))))
        }))
    }

    async fn content(&self, path: &str, size: u64) -> anyhow::Result<(u64, crate::api::Content)> {
        let mut parts = vec!["api", "2.0", "mlflow-artifacts", "artifacts"];
        parts.extend(path.split('/').filter(|part| !part.is_empty()));
        let answer = self.signed(self.client.get(self.url(&parts))).send().await?.error_for_status()?;
        let size = answer.content_length().unwrap_or(size);
        Ok((size, answer.bytes_stream().map_err(anyhow::Error::from).boxed()))
    }
}

/// The address without a password in it.
fn shown(base: &Url) -> String {
    let mut shown = base.clone();
    shown.set_password(None).ok();
    shown.to_string()
}

/// The path that the server's proxy knows artifacts by, where it hands them out.
fn artifact_path(uri: &str) -> Option<String> {
    let rest = uri.strip_prefix("mlflow-artifacts:")?;
    let path = match rest.strip_prefix("//") {
        // With the name of a host.
        Some(rest) => rest.split_once('/').map_or("", |(_, path)| path),
        None => rest,
    };
    Some(path.trim_matches('/').to_owned())
}

fn record(key: &str, metric: &Value) -> anyhow::Result<Record> {
    let whole = |value: &Value| value.as_i64().or_else(|| value.as_str()?.parse().ok());
    let value = number(&metric["value"]).with_context(|| format!("a point of {key} has no value"))?;
    // A database takes no infinity and keeps the greatest number for it.
    let value = if value.abs() == f64::MAX { value.signum() * f64::INFINITY } else { value };
    let at = millis(whole(&metric["timestamp"]).unwrap_or_default());
    Ok(Record::metrics(vec![point(key, value, Some(whole(&metric["step"]).unwrap_or_default()), at)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_artifacts_that_the_server_hands_out_have_a_path() {
        assert_eq!(artifact_path("mlflow-artifacts:/0/r/artifacts"), Some("0/r/artifacts".into()));
        assert_eq!(artifact_path("mlflow-artifacts://host:5000/0/r/artifacts"), Some("0/r/artifacts".into()));
        assert_eq!(artifact_path("s3://bucket/0/r/artifacts"), None);
    }

    #[test]
    fn passwords_are_not_shown() {
        assert_eq!(shown(&Url::parse("http://ann:secret@host:5000").unwrap()), "http://ann@host:5000/");
    }
}
