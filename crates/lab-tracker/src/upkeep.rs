//! What is done without being asked: failing runs whose client has vanished, and finishing what a crash cut off.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::SignedDuration;
use lab_model::{Error, Result, RunAction, RunError, RunId};
use lab_store::{Change, Expect, Write};

use crate::deliver::CLIENT_VANISHED;
use crate::lifecycle::End;
use crate::{Tracker, UNATTENDED};

/// How often the upkeep looks.
const INTERVAL: Duration = Duration::from_secs(10);
/// Most runs taken up at a time.
const BATCH: u32 = 1_000;
/// Batches from which on a run's points are folded. A reader of a series decodes all that may hold it, some microseconds
/// each; a fold of few batches would write more rows than it removes.
const FOLDED_WHILE_RUNNING: u32 = 64;
/// The same for a run that has ended: nothing will be added to its batches any more.
pub(crate) const FOLDED_AT_END: u32 = 8;

impl Tracker {
    /// Fails running runs that were not heard of for longer than the settings allow. A sign of life that comes in between
    /// wins. Such a run can be resumed by its client. A run whose client never sends a sign of life is taken to be alive.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn fail_silent_runs(&self) -> Result<Vec<RunId>> {
        let timeout_secs = self.settings().heartbeat_timeout_secs;
        let now = self.now();
        let timeout = SignedDuration::from_secs(i64::try_from(timeout_secs).unwrap_or(i64::MAX));
        let Ok(since) = now.checked_sub(timeout) else { return Ok(Vec::new()) };
        let mut failed = Vec::new();
        let mut unattended = Change::new(now);
        for id in self.store().silent_runs(since, BATCH).await? {
            let Some(run) = self.store().run(id).await? else { continue };
            if run.tags.0.contains_key(UNATTENDED) {
                unattended.writes.push(Write::Heartbeat { id, at: now });
                continue;
            }
            let heard_at = run.heartbeat_at.unwrap_or(run.created_at);
            let error = RunError {
                error_type: CLIENT_VANISHED.to_owned(),
                message: format!(
                    "the client was last heard of at {heard_at}, more than {timeout_secs} seconds ago; if it still runs, \
                     or starts again with this run's id, the run goes on"
                ),
                stack_trace: None,
                time: now,
                recoverable: true,
                context: BTreeMap::from([("last_heartbeat".to_owned(), heard_at.to_string())]),
            };
            let end = End { action: RunAction::Fail, at: now, error: Some(error) };
            let Ok(change) = end.change(&run, &[]) else { continue };
            match self.store().commit(change.expecting(Expect::RunSilentSince { id, at: since })).await {
                Ok(_) => {
                    self.finalise(id).await;
                    failed.push(id);
                }
                // It was heard of, ended or deleted in between.
                Err(Error::Conflict { .. } | Error::WrongState { .. } | Error::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        if !unattended.writes.is_empty() {
            match self.store().commit(unattended).await {
                // One of them was deleted in between; the others come up again.
                Ok(_) | Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(failed)
    }

    /// Computes the final aggregations of ended runs that lack them, as after a crash. Answers for how many.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn finalise_ended_runs(&self) -> Result<u64> {
        let mut done = 0;
        for id in self.store().unfinalised(BATCH).await? {
            match self.settle(id).await {
                Ok(()) => done += 1,
                Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    /// Folds the points of runs that have many batches.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn fold_runs(&self) -> Result<()> {
        for id in self.store().unfolded(FOLDED_WHILE_RUNNING, BATCH).await? {
            match self.fold(id, FOLDED_WHILE_RUNNING).await {
                Ok(()) | Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Folds a run until it has fewer than so many batches.
    pub(crate) async fn fold(&self, id: RunId, least_batches: u32) -> Result<()> {
        while self.store().fold(id, least_batches).await? {}
        Ok(())
    }

    /// Does all of it again and again, until `until` is ready.
    pub async fn upkeep(&self, until: impl Future<Output = ()>) {
        let mut until = std::pin::pin!(until);
        loop {
            match self.fail_silent_runs().await {
                Ok(failed) => {
                    for id in failed {
                        tracing::warn!(run.id = %id, "failed a run whose client has vanished");
                    }
                }
                Err(error) => tracing::error!("looking for runs whose client has vanished: {error}"),
            }
            if let Err(error) = self.finalise_ended_runs().await {
                tracing::error!("computing final aggregations: {error}");
            }
            if let Err(error) = self.fold_runs().await {
                tracing::error!("folding points: {error}");
            }
            tokio::select! {
                () = &mut until => return,
                () = tokio::time::sleep(INTERVAL) => {}
            }
        }
    }
}
