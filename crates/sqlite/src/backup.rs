//! Copying the file while it is written to.

use crate::file::{failed, make_private, open_to_read};
use crate::item::decode;
use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};
use std::path::Path;
use std::time::Duration;
use tollgate_service::StoreError;

/// How many pages are copied between two looks at the progress.
const STEP_PAGES: i32 = 2_000;
const PAUSE: Duration = Duration::from_millis(20);

/// How far a copy is, in pages of the file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    /// Copied.
    pub done: u64,
    /// In all.
    pub total: u64,
}

/// Copies the file at `from`, as it stands now, to `to`, where there must be none;
/// others write to it meanwhile. Every item of the copy is then read and checked;
/// how many there are.
///
/// # Errors
/// [`StoreError::Broken`] where either file cannot be used,
/// [`StoreError::Damaged`] where an item is not as it was written.
pub fn copy(from: &Path, to: &Path, mut progress: impl FnMut(Progress)) -> Result<u64, StoreError> {
    if to.exists() {
        return Err(StoreError::Broken(format!("`{}` exists", to.display())));
    }
    let broken = |error: rusqlite::Error| StoreError::Broken(error.to_string());
    let source = open_to_read(from).map_err(broken)?;
    // What this sees from here on is what it sees now.
    source.execute_batch("BEGIN").map_err(broken)?;
    count(&source).map_err(|error| failed(&error))?;
    make_private(to).map_err(|error| StoreError::Broken(format!("`{}`: {error}", to.display())))?;
    let mut target = Connection::open(to).map_err(broken)?;
    {
        let backup = Backup::new(&source, &mut target).map_err(broken)?;
        loop {
            let step = backup.step(STEP_PAGES).map_err(|error| failed(&error))?;
            let pages = backup.progress();
            let [left, total] =
                [pages.remaining, pages.pagecount].map(|pages| u64::try_from(pages).unwrap_or(0));
            progress(Progress {
                done: total.saturating_sub(left),
                total,
            });
            match step {
                StepResult::Done => break,
                StepResult::More => {}
                _ => std::thread::sleep(PAUSE),
            }
        }
    }
    let items = check(&target)?;
    if items != count(&source).map_err(|error| failed(&error))? {
        return Err(StoreError::Damaged("the copy lacks items".to_owned()));
    }
    Ok(items)
}

fn count(connection: &Connection) -> rusqlite::Result<u64> {
    connection.query_row("SELECT count(*) FROM items", [], |row| row.get(0))
}

/// Reads every item; how many there are.
fn check(connection: &Connection) -> Result<u64, StoreError> {
    let wrong = |error: rusqlite::Error| failed(&error);
    let mut statement = connection
        .prepare("SELECT pk, sk, item FROM items")
        .map_err(wrong)?;
    let mut rows = statement.query([]).map_err(wrong)?;
    let mut items = 0_u64;
    while let Some(row) = rows.next().map_err(wrong)? {
        let (pk, sk): (String, String) = (row.get(0).map_err(wrong)?, row.get(1).map_err(wrong)?);
        let item = row
            .get_ref(2)
            .and_then(|of| Ok(of.as_blob()?))
            .map_err(wrong)?;
        decode(&pk, &sk, item)?;
        items = items.saturating_add(1);
    }
    Ok(items)
}
