//! A workspace in a folder of its own, and a look into its store.

use lab_client::{StartOptions, Workspace};
use tempfile::TempDir;

pub(crate) struct Lab {
    pub(crate) workspace: Workspace,
    _folder: TempDir,
}

impl Lab {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { workspace: quick(Workspace::init(folder.path()).unwrap()), _folder: folder }
    }
}

/// The same workspace for clients that wait for nothing.
pub(crate) fn quick(mut workspace: Workspace) -> Workspace {
    workspace.settings.capture_environment = false;
    workspace.settings.system_metrics_interval_secs = 0;
    workspace.settings.checkpoint_interval_secs = 0.02;
    workspace
}

pub(crate) fn offline() -> StartOptions {
    StartOptions { is_offline: true, ..StartOptions::new("tiny-lm") }
}

#[cfg(feature = "embedded")]
mod stored {
    use std::time::{Duration, Instant};

    use lab_client::Run;
    use lab_model::{RunId, SeriesPoints, Settings};
    use lab_tracker::Tracker;
    use tokio::runtime::Runtime;

    use super::Lab;

    /// The store of a workspace, opened by somebody else.
    pub(crate) struct Stored {
        pub(crate) runtime: Runtime,
        pub(crate) tracker: Tracker,
    }

    impl Lab {
        pub(crate) fn stored(&self) -> Stored {
            let runtime = Runtime::new().unwrap();
            let tracker = runtime.block_on(Tracker::open(&self.workspace.root, Settings::default())).unwrap();
            Stored { runtime, tracker }
        }

        /// Files and folders below the spool.
        pub(crate) fn left_in_spool(&self) -> Vec<String> {
            let mut left = Vec::new();
            let mut folders = vec![self.workspace.root.join("spool")];
            while let Some(folder) = folders.pop() {
                for entry in std::fs::read_dir(folder).into_iter().flatten() {
                    let path = entry.unwrap().path();
                    left.push(path.file_name().unwrap().to_string_lossy().into_owned());
                    if path.is_dir() {
                        folders.push(path);
                    }
                }
            }
            left.sort();
            left
        }
    }

    impl Stored {
        pub(crate) fn run(&self, id: RunId) -> lab_tracker::RunDetail {
            self.runtime.block_on(self.tracker.run_detail(id)).unwrap()
        }

        pub(crate) fn points(&self, id: RunId, name: &str) -> SeriesPoints {
            let (key, range) = (name.into(), Default::default());
            self.runtime.block_on(self.tracker.points(id, &key, &range, None)).unwrap().points
        }

        /// Values of `loss`, which must be at steps 0, 1, 2 …
        pub(crate) fn losses(&self, id: RunId) -> Vec<f64> {
            let points = self.points(id, "loss");
            let steps: Vec<_> = points.steps.iter().flatten().copied().collect();
            assert_eq!(steps, (0..).take(points.len()).collect::<Vec<i64>>(), "lost, doubled or of another series");
            points.values
        }
    }

    /// Logs the numbers of a range as `loss`, each at the step of its value.
    pub(crate) fn log(run: &Run, range: std::ops::Range<u32>) {
        for i in range {
            run.log([("loss", f64::from(i))], Some(i64::from(i))).unwrap();
        }
    }

    pub(crate) fn counted(count: u32) -> Vec<f64> {
        (0..count).map(f64::from).collect()
    }

    /// Waits for what another thread does, which tells nobody.
    pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            if let Some(seen) = look() {
                return seen;
            }
            assert!(Instant::now() < deadline, "{what} did not happen");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

#[cfg(feature = "embedded")]
pub(crate) use stored::*;
