//! Copying the file while it is written to.

use crate::file::{failed, make_private, open_to_read, sync_folder};
use crate::item::decode;
use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};
use std::path::{Path, PathBuf};
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
/// how many there are. The copy has its name only once it is whole.
///
/// # Errors
/// [`StoreError::Broken`] where either file cannot be used,
/// [`StoreError::Damaged`] where the copy is not sound.
pub fn copy(from: &Path, to: &Path, progress: impl FnMut(Progress)) -> Result<u64, StoreError> {
    if to.exists() {
        return Err(StoreError::Broken(format!("`{}` exists", to.display())));
    }
    let mut part = to.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let io = |error: std::io::Error| StoreError::Broken(format!("`{}`: {error}", part.display()));
    if part.exists() {
        std::fs::remove_file(&part).map_err(io)?;
    }
    make_private(&part).map_err(io)?;
    let items = copy_pages(from, &part, progress)?;
    std::fs::File::open(&part)
        .and_then(|file| file.sync_all())
        .and_then(|()| std::fs::rename(&part, to))
        .and_then(|()| to.parent().map_or(Ok(()), sync_folder))
        .map_err(io)?;
    Ok(items)
}

fn copy_pages(
    from: &Path,
    to: &Path,
    mut progress: impl FnMut(Progress),
) -> Result<u64, StoreError> {
    let wrong = |error: rusqlite::Error| failed(&error);
    let broken = |error: rusqlite::Error| StoreError::Broken(error.to_string());
    let source = open_to_read(from).map_err(broken)?;
    // What this sees from here on is what it sees now.
    source.execute_batch("BEGIN").map_err(broken)?;
    let counted = count(&source).map_err(wrong)?;
    let mut target = Connection::open(to).map_err(broken)?;
    {
        let backup = Backup::new(&source, &mut target).map_err(broken)?;
        loop {
            let step = backup.step(STEP_PAGES).map_err(wrong)?;
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
    drop(source);
    // One plain file, which can be read where nothing can be written.
    target
        .pragma_update(None, "journal_mode", "DELETE")
        .map_err(wrong)?;
    let sound: String = target
        .query_row("PRAGMA quick_check", [], |row| row.get(0))
        .map_err(wrong)?;
    let items = check(&target)?;
    if sound != "ok" || items != counted {
        return Err(StoreError::Damaged(format!(
            "the copy: {sound}, {items} of {counted} items"
        )));
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
