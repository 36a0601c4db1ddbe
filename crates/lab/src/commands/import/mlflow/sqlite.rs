//! MLflow's database.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use lab_model::Record;
use rusqlite::{Connection, OpenFlags, Row as SqlRow};

use super::super::source::{Found, Item, Items, Stream, point};
use super::{Row, local_folder, millis};

/// What stands for infinity, in a column that takes none.
const INFINITE: f64 = 1.797_693_134_862_315_7e308;
/// Points read at a time.
const PAGE: i64 = 10_000;

pub(super) fn find(path: &Path) -> anyhow::Result<Vec<Found>> {
    let database = open(path)?;
    let rows = runs(&database, path).with_context(|| format!("`{}` is no database of MLflow", path.display()))?;
    rows.into_iter()
        .map(|row| {
            let (id, file) = (row.id.clone(), path.to_owned());
            let streams = vec![Stream::new("metrics", move || points(&file, &id))];
            Ok(row.found(streams))
        })
        .collect()
}

/// Opens it for reading, so that nothing of it changes and a server may go on.
fn open(path: &Path) -> anyhow::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let database =
        Connection::open_with_flags(path, flags).with_context(|| format!("`{}` cannot be opened", path.display()))?;
    database.busy_timeout(std::time::Duration::from_secs(10))?;
    Ok(database)
}

fn runs(database: &Connection, path: &Path) -> rusqlite::Result<Vec<Row>> {
    let mut statement = database.prepare(
        "SELECT r.run_uuid, r.name, e.name, r.user_id, r.status, r.start_time, r.end_time, r.artifact_uri
         FROM runs r JOIN experiments e ON e.experiment_id = r.experiment_id
         WHERE r.lifecycle_stage = 'active' AND e.lifecycle_stage = 'active'
         ORDER BY r.start_time, r.run_uuid",
    )?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let rows = statement.query_map([], |row| {
        let artifacts: Option<String> = row.get(7)?;
        Ok(Row {
            id: row.get(0)?,
            name: row.get(1)?,
            experiment: row.get::<_, Option<String>>(2)?.unwrap_or_else(|| "mlflow".to_owned()),
            user: row.get(3)?,
            status: row.get::<_, Option<String>>(4)?.unwrap_or_default(),
            started_millis: row.get(5)?,
            ended_millis: row.get(6)?,
            parameters: Vec::new(),
            tags: Vec::new(),
            place: PathBuf::from(path),
            artifacts: artifacts.and_then(|uri| local_folder(&uri, folder)),
        })
    })?;
    let mut rows = rows.collect::<rusqlite::Result<Vec<Row>>>()?;
    let mut parameters = database.prepare("SELECT key, value FROM params WHERE run_uuid = ?1 ORDER BY key")?;
    let mut tags = database.prepare("SELECT key, value FROM tags WHERE run_uuid = ?1 ORDER BY key")?;
    let pair = |row: &SqlRow<'_>| Ok((row.get(0)?, row.get::<_, Option<String>>(1)?.unwrap_or_default()));
    for row in &mut rows {
        row.parameters = parameters.query_map([&row.id], pair)?.collect::<rusqlite::Result<_>>()?;
        row.tags = tags.query_map([&row.id], pair)?.collect::<rusqlite::Result<_>>()?;
    }
    Ok(rows)
}

/// A record for each point, in the order in which they were inserted.
fn points(path: &Path, run: &str) -> anyhow::Result<Items> {
    let database = open(path)?;
    let run = run.to_owned();
    let mut after = i64::MIN;
    let mut page = Vec::new().into_iter();
    Ok(Box::new(std::iter::from_fn(move || {
        if page.len() == 0 {
            match read_page(&database, &run, after) {
                Ok(points) => page = points.into_iter(),
                Err(error) => return Some(Err(anyhow::Error::from(error).context("metrics cannot be read"))),
            }
        }
        let (row, record) = page.next()?;
        after = row;
        Some(Ok(Item::Record(record)))
    })))
}

fn read_page(database: &Connection, run: &str, after: i64) -> rusqlite::Result<Vec<(i64, Record)>> {
    let mut statement = database.prepare_cached(
        "SELECT rowid, key, value, timestamp, step, is_nan FROM metrics
         WHERE run_uuid = ?1 AND rowid > ?2 ORDER BY rowid LIMIT ?3",
    )?;
    let points = statement.query_map((run, after, PAGE), |row| {
        let (key, value): (String, f64) = (row.get(1)?, row.get(2)?);
        let value = match value {
            _ if row.get::<_, Option<bool>>(5)?.unwrap_or(false) => f64::NAN,
            value if value >= INFINITE => f64::INFINITY,
            value if value <= -INFINITE => f64::NEG_INFINITY,
            value => value,
        };
        let points = point(&key, value, Some(row.get(4)?), millis(row.get(3)?));
        Ok((row.get(0)?, Record::metrics(vec![points])))
    })?;
    points.collect()
}
