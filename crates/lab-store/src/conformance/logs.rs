//! Logs.

use lab_model::{LogLevel, LogLine, RunId};

use super::given::{self, at};
use crate::{Store, StoreExt as _, Write};

fn lines(range: std::ops::Range<i64>) -> Vec<LogLine> {
    let level = |n| if n % 10 == 0 { LogLevel::Error } else { LogLevel::Info };
    range.map(|n| LogLine { level: level(n), time: at(n), text: format!("line {n} ü"), stream: None }).collect()
}

pub(super) async fn lines_are_read_from_any_line(store: &dyn Store) {
    let run = given::run(store).await;
    for part in [1..2, 2..31, 31..31, 31..36] {
        given::write(store, Write::AppendLog { id: run.id, lines: lines(part) }).await;
    }
    let cases = [
        (1, 100, 1..36),
        (0, 2, 1..3),
        (1, 1, 1..2),
        (2, 3, 2..5),
        (29, 4, 29..33),
        (35, 10, 35..36),
        (36, 10, 1..1),
        (u64::MAX, 10, 1..1),
        (1, 0, 1..1),
    ];
    for (first, limit, expected) in cases {
        let found = store.log_lines(run.id, first, limit).await.expect("lines");
        assert_eq!(found, lines(expected), "{limit} from {first}");
    }
    assert_eq!(store.log_lines(RunId::new(at(0)), 1, 10).await.expect("lines"), []);
}

pub(super) async fn lines_are_counted_and_highlighted(store: &dyn Store) {
    let run = given::run(store).await;
    for part in [1..16, 16..41] {
        given::write(store, Write::AppendLog { id: run.id, lines: lines(part) }).await;
    }
    let logs = store.require_run(run.id).await.expect("the run").logs;
    assert_eq!((logs.lines, logs.errors, logs.warnings), (40, 4, 0));
    assert_eq!(logs.highlights.iter().map(|h| h.line).collect::<Vec<u64>>(), [10, 20, 30, 40]);
}
