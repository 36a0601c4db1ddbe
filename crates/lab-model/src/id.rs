//! Identifiers: a UUID each, in a type of its own, so that a run's id cannot be passed for an experiment's.

use std::fmt;
use std::str::FromStr;
use std::sync::Mutex;

use serde::{Deserialize, Serialize};
use uuid::{ContextV7, Uuid};

use crate::{Error, Timestamp};

/// Orders ids that are made within one millisecond of each other by this process.
static ORDER: Mutex<ContextV7> = Mutex::new(ContextV7::new());

fn v7(at: Timestamp) -> Uuid {
    let since_epoch = at.as_duration();
    let secs = u64::try_from(since_epoch.as_secs()).unwrap_or(0);
    let nanos = u32::try_from(since_epoch.subsec_nanos()).unwrap_or(0);
    Uuid::new_v7(uuid::Timestamp::from_unix(&ORDER, secs, nanos))
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident $field:literal),+ $(,)?) => { $(
        $(#[$doc])*
        ///
        /// Parsed with or without hyphens; written with them.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id (UUID v7) that sorts by `at`, and after the ids made before it in the same millisecond.
            #[must_use]
            pub fn new(at: Timestamp) -> Self {
                Self(v7(at))
            }

            /// Takes any UUID, whoever made it.
            #[must_use]
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID itself.
            #[must_use]
            pub const fn as_uuid(&self) -> &Uuid {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                Uuid::try_parse(text).map(Self).map_err(|_| {
                    Error::invalid($field, format!("is `{}`, which is not a UUID", text.escape_debug()))
                })
            }
        }
    )+ };
}

ids! {
    /// Identifies an experiment.
    ExperimentId "experiment_id",
    /// Identifies a run.
    RunId "run_id",
    /// Identifies a dataset over all its versions.
    DatasetId "dataset_id",
    /// Identifies one version of a dataset.
    DatasetVersionId "dataset_version_id",
    /// Identifies the definition of a metric.
    MetricId "metric_id",
    /// Identifies one artifact that was logged.
    ArtifactId "artifact_id",
    /// Identifies a person or a service account.
    UserId "user_id",
    /// Identifies a workflow.
    WorkflowId "workflow_id",
    /// Identifies one execution of a workflow.
    WorkflowRunId "workflow_run_id",
    /// Identifies a writer: one spool file, the unit of exactly-once delivery.
    WriterId "writer_id",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_parse_with_and_without_hyphens() {
        let id: RunId = "0192f0c1-2a3b-7c4d-8e5f-60718293a4b5".parse().unwrap();
        assert_eq!("0192f0c12a3b7c4d8e5f60718293a4b5".parse::<RunId>().unwrap(), id);
        assert_eq!(id.to_string(), "0192f0c1-2a3b-7c4d-8e5f-60718293a4b5");
        assert_eq!(serde_json::from_str::<RunId>("\"0192f0c12a3b7c4d8e5f60718293a4b5\"").unwrap(), id);
        assert_eq!("run-1".parse::<RunId>().unwrap_err().field(), Some("run_id"));
    }

    #[test]
    fn new_ids_are_version_7_and_sort_in_the_order_they_were_made() {
        let at = Timestamp::from_second(1_700_000_000).unwrap();
        let ids: Vec<RunId> = (0..1000).map(|_| RunId::new(at)).collect();
        assert!(ids.is_sorted());
        assert!(ids.iter().all(|id| id.as_uuid().get_version_num() == 7));
        assert!(RunId::new(at + jiff::SignedDuration::from_millis(1)) > ids[999]);
    }
}
