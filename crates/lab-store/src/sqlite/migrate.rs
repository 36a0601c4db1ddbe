//! Brings the file to the schema that this program knows.

use lab_model::{Error, Result};
use rusqlite::{Connection, TransactionBehavior};

use super::error::While as _;

/// The steps, numbered from 1. Rules for them are in `migrations/README.md`.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_init.sql"),
    include_str!("migrations/0002_documents.sql"),
    include_str!("migrations/0003_chunks.sql"),
    include_str!("migrations/0004_search.sql"),
];

const DOING: &str = "preparing the database";

/// Marks the file as one of ours (`Lab1`), for `file(1)` and against opening another program's database.
const APPLICATION_ID: i32 = 0x4c61_6231;

/// Runs the steps that the file has not seen.
///
/// Two processes may do this at once: each step takes the write lock first and then looks where the file stands.
pub(super) fn migrate(conn: &mut Connection) -> Result<()> {
    while pending(conn)?.is_some() {
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate).while_doing(DOING)?;
        if let Some((number, sql)) = pending(&tx)? {
            tx.execute_batch(sql).while_doing(DOING)?;
            tx.pragma_update(None, "user_version", number as i64).while_doing(DOING)?;
            tx.pragma_update(None, "application_id", APPLICATION_ID).while_doing(DOING)?;
        }
        tx.commit().while_doing(DOING)?;
    }
    Ok(())
}

fn pending(conn: &Connection) -> Result<Option<(usize, &'static str)>> {
    let number_of = |name| conn.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).while_doing(DOING);
    let found = number_of("user_version")?;
    let known = MIGRATIONS.len();
    let is_ours = number_of("application_id")? == i64::from(APPLICATION_ID);
    if !is_ours {
        let tables: i64 =
            conn.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0)).while_doing(DOING)?;
        if tables > 0 || found != 0 {
            return Err(Error::storage("opening the database", "the file is a database of another program"));
        }
    }
    match usize::try_from(found) {
        Ok(found) if found <= known => Ok(MIGRATIONS.get(found).map(|sql| (found + 1, *sql))),
        _ => Err(Error::storage(
            "opening the database",
            format!("this store was written by a newer lab (schema {found}, this one knows {known}): upgrade lab"),
        )),
    }
}
