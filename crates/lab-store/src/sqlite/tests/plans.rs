//! Statements that must not read a whole table, however many rows it has.

use rusqlite::Connection;

use super::place;
use crate::sqlite::SqliteStore;

#[test]
fn frequent_statements_use_their_index() {
    let (_folder, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    let conn = Connection::open(&path).unwrap();
    let statements = [
        "SELECT id FROM runs WHERE status = 'running' AND coalesce(heartbeat_at, created_at) < ?1
         ORDER BY coalesce(heartbeat_at, created_at) LIMIT ?2",
        "SELECT id FROM runs WHERE finalised = 0 AND status IN ('completed', 'failed', 'cancelled', 'timed_out')
         ORDER BY ended_at LIMIT ?1",
        "SELECT id FROM runs WHERE runs.experiment_id IN (?) ORDER BY runs.created_at DESC, runs.id DESC LIMIT 11",
        "SELECT id FROM runs WHERE 1 ORDER BY runs.created_at DESC, runs.id DESC LIMIT 11",
        "SELECT id FROM experiments WHERE 1 ORDER BY experiments.created_at DESC, experiments.id DESC LIMIT 11",
        "SELECT body FROM batch_series JOIN metric_batches ON id = batch_id WHERE run_id = ?1 AND series_id IN (?2, ?3)",
        "SELECT body FROM chunks WHERE run_id = ?1 AND series_id = ?2 ORDER BY number",
        "SELECT count(*) FROM runs WHERE runs.id IN (SELECT beside.run_id FROM run_parameters AS beside
         WHERE beside.key = ? AND (beside.kind = 1 AND beside.value IS NOT NULL AND (beside.value) = ?))",
        "SELECT 1 FROM runs WHERE parent_run_id = ?",
        "SELECT status, count(*) FROM runs WHERE experiment_id = ?1 GROUP BY status",
    ];
    for sql in statements {
        let mut plan = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let unset = vec![None::<i64>; plan.parameter_count()];
        let steps: Vec<String> =
            plan.query_map(rusqlite::params_from_iter(unset), |row| row.get(3)).unwrap().map(Result::unwrap).collect();
        let steps = steps.join("; ");
        let is_whole = steps.contains("SCAN") && !steps.contains("USING INDEX") && !steps.contains("COVERING INDEX");
        assert!(!is_whole && !steps.contains("TEMP B-TREE"), "{sql}: {steps}");
    }
    drop(store);
}
