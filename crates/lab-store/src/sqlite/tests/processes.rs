//! Several processes, one of which is killed.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use lab_model::{Page, RunQuery};

use super::place;
use crate::conformance::given;
use crate::sqlite::SqliteStore;
use crate::{Experiments as _, Runs as _, Store as _};

const STORE: &str = "LAB_TEST_STORE_OF_PARENT";
const EXPERIMENT: &str = "shared by processes";
const ACKNOWLEDGED: &str = "acknowledged ";

/// Does nothing by itself. Started again by the tests below, with a store to write to, it creates runs until it is killed
/// and prints the number of each when the commit is acknowledged.
#[tokio::test]
async fn child() {
    let Ok(path) = std::env::var(STORE) else { return };
    let store = SqliteStore::open(Path::new(&path)).unwrap();
    let experiment = store.experiment_named(EXPERIMENT).await.unwrap().unwrap();
    loop {
        let committed = store.commit(given::creating(&given::new_run(experiment.id))).await.unwrap();
        println!("\n{ACKNOWLEDGED}{}", committed.run_numbers[0]);
    }
}

fn start(path: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "sqlite::tests::processes::child", "--nocapture"])
        .env(STORE, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[tokio::test]
async fn what_a_killed_process_acknowledged_is_kept_and_numbers_go_on() {
    let (_folder, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    given::experiment(&store, EXPERIMENT).await;
    let mut children = [start(&path), start(&path)];
    let mut acknowledged = BTreeSet::new();
    let mut lines = children.each_mut().map(|child| BufReader::new(child.stdout.take().unwrap()).lines());
    let mut note = |line: String| {
        if let Some(number) = line.strip_prefix(ACKNOWLEDGED) {
            assert!(acknowledged.insert(number.parse::<u64>().unwrap()), "two runs have number {number}");
            return true;
        }
        false
    };
    for lines in &mut lines {
        let mut read = 0;
        while read < 30 {
            read += usize::from(note(lines.next().unwrap().unwrap()));
        }
    }
    for child in &mut children {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    // The last line may have been cut short: a number without its end is not an acknowledgement.
    for lines in lines {
        let rest: Vec<String> = lines.map_while(Result::ok).collect();
        rest.split_last().map_or(&[][..], |(_, whole)| whole).iter().for_each(|line| {
            note(line.clone());
        });
    }
    let page = Page { limit: Page::MAX_LIMIT, cursor: None };
    let stored = store.find_runs(&RunQuery { page, ..RunQuery::default() }).await.unwrap().items;
    let numbers: BTreeSet<u64> = stored.iter().map(|run| run.number).collect();
    assert_eq!(numbers, (1..=stored.len() as u64).collect(), "a number is missing");
    assert!(numbers.is_superset(&acknowledged) && acknowledged.len() >= 60);
    let next = given::created(&store, &given::new_run(stored[0].experiment_id)).await;
    assert_eq!(next.number, stored.len() as u64 + 1);
}
