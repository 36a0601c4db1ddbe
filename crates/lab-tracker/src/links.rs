//! What a run read, beside its artifacts: datasets, kept once for an experiment however many runs read them.

use std::collections::{BTreeMap, HashMap};

use lab_model::{EdgeType, Error, ExperimentId, ExperimentRun, Metadata, NodeType, Result, RunId};
use lab_store::{Change, Document, DocumentKind, DocumentQuery, Expect, StoreExt as _, Write};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::external::require_kept;
use crate::{TRIES, Tracker, lineage};

/// Most runs whose links are asked for one by one; above it all of their experiments are read.
const MOST_SINGLE: usize = 32;

/// A dataset: within an experiment, the same name and digest are the same data.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dataset {
    /// Its name.
    pub name: String,
    /// What tells its versions apart.
    pub digest: String,
    /// What kind of place it is from.
    pub source_type: String,
    /// Where it is from, as its client writes it.
    pub source: String,
    /// Its columns, as its client writes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Its statistics, as its client writes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
}

/// A dataset as a run used it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetUse {
    /// The dataset's name.
    pub name: String,
    /// The dataset's digest.
    pub digest: String,
    /// What the run used it for, among other things.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// What is tied to a run beside its artifacts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunLinks {
    /// The datasets it read, in the order they were told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub datasets: Vec<DatasetUse>,
}

impl Tracker {
    /// Notes that a run read these datasets. One that is noted already stays as it is.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::WrongState`] if the run was deleted.
    pub async fn use_datasets(&self, id: RunId, used: Vec<(Dataset, BTreeMap<String, String>)>) -> Result<()> {
        let mut tries = 1;
        loop {
            let run = self.store().require_run(id).await?;
            require_kept(&run)?;
            let change = self.using(&run, &used).await?;
            if change.writes.is_empty() {
                return Ok(());
            }
            match self.store().commit(change).await {
                Ok(_) => return Ok(()),
                // Another told of a dataset of the same run meanwhile.
                Err(Error::Conflict { .. }) if tries < TRIES => tries += 1,
                Err(error) => return Err(error),
            }
        }
    }

    async fn using(&self, run: &ExperimentRun, used: &[(Dataset, BTreeMap<String, String>)]) -> Result<Change> {
        let at = self.now();
        let mut change = Change::new(at);
        let scope = run.experiment_id.to_string();
        let kept = self.store().document(DocumentKind::RunLinks, &run.id.to_string()).await?;
        let mut links: RunLinks = kept.as_ref().map(body).transpose()?.unwrap_or_default();
        let before = links.datasets.len();
        for (dataset, tags) in used {
            let (name, digest) = (&dataset.name, &dataset.digest);
            if links.datasets.iter().any(|known| known.name == *name && known.digest == *digest) {
                continue;
            }
            let key = dataset_key(run.experiment_id, name, digest);
            if self.store().document(DocumentKind::RunDataset, &key).await?.is_none() {
                let document = document(DocumentKind::RunDataset, key, &scope, dataset, None, at)?;
                change.writes.push(Write::PutDocument(Box::new(document)));
            }
            links.datasets.push(DatasetUse { name: name.clone(), digest: digest.clone(), tags: tags.clone() });
            let metadata =
                Metadata::from_iter([("digest".to_owned(), json!(digest)), ("tags".to_owned(), json!(tags))]);
            let node = format!("{name}@{digest}");
            lineage::use_input(&mut change, run.id, NodeType::Dataset, EdgeType::UsesDataset, &node, metadata);
        }
        if links.datasets.len() > before {
            let key = run.id.to_string();
            let revision = kept.as_ref().map_or(0, |kept| kept.revision);
            change.expect.push(Expect::DocumentAt { kind: DocumentKind::RunLinks, key: key.clone(), revision });
            let document = document(DocumentKind::RunLinks, key, &scope, &links, kept.as_ref(), at)?;
            change.writes.push(Write::PutDocument(Box::new(document)));
        }
        Ok(change)
    }

    /// What is tied to these runs; runs with nothing are left out.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn run_links(&self, runs: &[ExperimentRun]) -> Result<HashMap<RunId, RunLinks>> {
        let mut links = HashMap::new();
        if runs.len() <= MOST_SINGLE {
            for run in runs {
                if let Some(found) = self.store().document(DocumentKind::RunLinks, &run.id.to_string()).await? {
                    links.insert(run.id, body(&found)?);
                }
            }
            return Ok(links);
        }
        let experiments: Vec<ExperimentId> = runs.iter().map(|run| run.experiment_id).collect();
        self.links_of(experiments).await
    }

    /// What is tied to the runs of these experiments; runs with nothing are left out.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn links_of(&self, experiments: Vec<ExperimentId>) -> Result<HashMap<RunId, RunLinks>> {
        let scopes = Some(scopes(experiments));
        let query = DocumentQuery { scopes, ..DocumentQuery::all(DocumentKind::RunLinks) };
        let found = self.store().documents(&query).await?;
        found.iter().map(|document| Ok((document.key.parse()?, body(document)?))).collect()
    }

    /// The datasets of these experiments, by experiment, name and digest.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn datasets_of(&self, experiments: Vec<ExperimentId>) -> Result<Vec<(ExperimentId, Dataset)>> {
        let scopes = Some(scopes(experiments));
        let query = DocumentQuery { scopes, ..DocumentQuery::all(DocumentKind::RunDataset) };
        let found = self.store().documents(&query).await?;
        found.iter().map(|document| Ok((document.scope.parse()?, body(document)?))).collect()
    }

    /// One dataset of an experiment.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn dataset(&self, experiment: ExperimentId, name: &str, digest: &str) -> Result<Option<Dataset>> {
        let key = dataset_key(experiment, name, digest);
        let found = self.store().document(DocumentKind::RunDataset, &key).await?;
        found.as_ref().map(body).transpose()
    }
}

fn scopes(mut experiments: Vec<ExperimentId>) -> Vec<String> {
    experiments.sort_unstable();
    experiments.dedup();
    experiments.iter().map(ToString::to_string).collect()
}

/// A digest has no slash in its first part that could make two keys one: it comes with its length.
fn dataset_key(experiment: ExperimentId, name: &str, digest: &str) -> String {
    format!("{experiment}/{}/{digest}/{name}", digest.len())
}

/// The record in a document.
fn body<T: DeserializeOwned>(document: &Document) -> Result<T> {
    T::deserialize(&document.body).map_err(|e| Error::storage("reading a document", e))
}

/// A document with a record in it, one revision after `before`.
fn document<T: Serialize>(
    kind: DocumentKind,
    key: String,
    scope: &str,
    record: &T,
    before: Option<&Document>,
    at: lab_model::Timestamp,
) -> Result<Document> {
    let body = serde_json::to_value(record).map_err(|e| Error::invalid(kind.as_str(), e.to_string()))?;
    Ok(Document {
        kind,
        key,
        scope: scope.to_owned(),
        created_at: before.map_or(at, |before| before.created_at),
        updated_at: at,
        revision: before.map_or(0, |before| before.revision) + 1,
        content: None,
        body,
    })
}
