//! The rules of the tracker: what may happen to experiments and runs, and what each act leaves behind.
//!
//! Every act has one shape: read what it depends on, decide, and commit one [`Change`](lab_store::Change) that names the
//! state it was decided upon. Where another got there first the store refuses the change, and the act is decided again on
//! what is there now. Faces (HTTP, command line, importers) translate into these calls and own no rule.

mod artifacts;
mod clock;
pub mod compare;
mod deliver;
mod experiments;
mod external;
mod lifecycle;
mod lineage;
mod links;
mod logging;
mod read;
mod references;
mod runs;
mod thresholds;
mod upkeep;

use std::path::Path;
use std::sync::Arc;

use lab_model::{Error, Result, Settings, Timestamp};
use lab_store::sqlite::SqliteStore;
use lab_store::{Objects, Store};

pub use artifacts::NewArtifact;
pub use clock::Clock;
pub use experiments::ExperimentOverview;
pub use external::{Amendment, DELETED, UNATTENDED, is_deleted};
pub use links::{Dataset, DatasetUse, RunLinks};
pub use read::{RunDetail, RunRow, SeriesView};
pub use runs::NewRun;

/// Races lost in a row after which it is no race.
const TRIES: usize = 8;

/// Keeps experiments by the rules. Cheap to clone; all clones are one tracker.
#[derive(Clone, Debug)]
pub struct Tracker {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    store: Arc<dyn Store>,
    objects: Objects,
    settings: Settings,
    clock: Clock,
}

impl Tracker {
    /// A tracker over a store and the artifacts beside it.
    pub fn new(store: Arc<dyn Store>, objects: Objects, settings: Settings, clock: Clock) -> Self {
        Self { inner: Arc::new(Inner { store, objects, settings, clock }) }
    }

    /// The tracker over the embedded store in a `.lab` folder, which is made where it is missing.
    ///
    /// # Errors
    /// [`Error::Io`] where the folder cannot be made; [`Error::Storage`] where the store cannot be opened, or was written by
    /// a newer program.
    pub async fn open(root: &Path, settings: Settings) -> Result<Self> {
        let root = root.to_owned();
        let compression = settings.compression;
        let opened = tokio::task::spawn_blocking(move || {
            std::fs::create_dir_all(&root).map_err(|e| Error::io(format!("creating `{}`", root.display()), e))?;
            let store = SqliteStore::open(&root.join("lab.db"))?;
            let objects = Objects::local(&root.join("objects"), compression)?;
            Ok::<_, Error>((store, objects))
        });
        let (store, objects) = opened.await.map_err(|e| Error::Internal { problem: e.to_string() })??;
        Ok(Self::new(Arc::new(store), objects, settings, Clock::system()))
    }

    /// The time by this tracker's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// The settings it was opened with.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// Whether the store can be read and written now.
    ///
    /// # Errors
    /// Why not.
    pub async fn check(&self) -> Result<()> {
        self.inner.store.check().await
    }

    /// Finishes what was accepted and closes the store. Later calls fail.
    pub async fn close(&self) {
        self.inner.store.close().await;
    }

    fn store(&self) -> &dyn Store {
        &*self.inner.store
    }
}
