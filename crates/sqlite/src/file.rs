//! The file: how it is opened, and what is in it.

use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::fs::{File, OpenOptions};
use std::path::Path;
use std::time::Duration;
use tollgate_service::StoreError;

/// The name of the file in a folder.
pub const FILE: &str = "tollgate.db";

/// What SQLite keeps in the head of a file of ours: `TLGT`.
const APPLICATION: i64 = 0x544c_4754;
/// The version of the table.
const VERSION: i64 = 2;
/// What SQLite calls `synchronous=FULL`.
const SYNCED_FULL: i64 = 2;
/// How many pages of the log are put into the file at once.
pub(crate) const CHECKPOINT_PAGES: u32 = 4_000;
/// How long one waits for another process that has the file.
const BUSY: Duration = Duration::from_millis(1_000);

/// An item is found by its key alone. `tk` and `ts` are those of the sparse index;
/// `ttl` is when it may be removed, in seconds since the epoch.
const TABLE: &str = "
    CREATE TABLE IF NOT EXISTS items (
        pk TEXT NOT NULL,
        sk TEXT NOT NULL,
        ttl INTEGER,
        tk TEXT,
        ts TEXT,
        item BLOB NOT NULL,
        PRIMARY KEY (pk, sk)
    ) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS tasks ON items (tk, ts) WHERE tk IS NOT NULL;";

/// Opens the file for the one that writes, made if need be.
pub(crate) fn open_to_write(path: &Path, checkpoint_pages: u32) -> Result<Connection, StoreError> {
    make_private(path)
        .map_err(|error| StoreError::Broken(format!("`{}`: {error}", path.display())))?;
    let broken = |error| broken(path, &error);
    let mut connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
    .map_err(broken)?;
    connection.busy_timeout(BUSY).map_err(broken)?;
    prepare(&mut connection, checkpoint_pages).map_err(broken)?;
    let number = |name| connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0));
    let (application, version): (i64, i64) = (
        number("application_id").map_err(broken)?,
        number("user_version").map_err(broken)?,
    );
    if (application, version) != (APPLICATION, VERSION) {
        let why = format!(
            "`{}` is no database of this version of Tollgate",
            path.display()
        );
        return Err(StoreError::Broken(why));
    }
    let journal: String = connection
        .query_row("PRAGMA journal_mode", [], |row| row.get(0))
        .map_err(broken)?;
    let synced: i64 = number("synchronous").map_err(broken)?;
    if (journal.as_str(), synced) != ("wal", SYNCED_FULL) {
        let why = format!("`{}` cannot be kept safe here: {journal}", path.display());
        return Err(StoreError::Broken(why));
    }
    Ok(connection)
}

/// Opens the file for one that reads.
pub(crate) fn open_to_read(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

fn prepare(connection: &mut Connection, checkpoint_pages: u32) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(32);
    connection.pragma_update(None, "page_size", 8192)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // On a Mac a plain sync leaves it in the drive's cache.
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    connection.pragma_update(None, "cache_size", -65_536)?;
    connection.pragma_update(None, "wal_autocheckpoint", checkpoint_pages)?;
    connection.pragma_update(None, "journal_size_limit", 1_i64 << 26)?;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables == 0 {
        let new = connection.transaction()?;
        new.execute_batch(TABLE)?;
        new.pragma_update(None, "application_id", APPLICATION)?;
        new.pragma_update(None, "user_version", VERSION)?;
        new.commit()?;
    }
    Ok(())
}

/// Makes the file, if need be, for its owner alone. SQLite gives what it makes
/// beside it the same rights.
pub(crate) fn make_private(path: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path)?;
    path.parent().map_or(Ok(()), sync_folder)
}

/// Makes what was made or renamed in a folder last.
pub(crate) fn sync_folder(folder: &Path) -> std::io::Result<()> {
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    File::open(folder)?.sync_all()
}

fn broken(path: &Path, error: &rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            StoreError::Damaged(format!("`{}` is no whole SQLite file", path.display()))
        }
        _ => StoreError::Broken(format!("`{}`: {error}", path.display())),
    }
}

/// What a failure of SQLite is to the service.
pub(crate) fn failed(error: &rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            StoreError::Damaged(format!("the file ({error})"))
        }
        _ => StoreError::Unavailable(error.to_string()),
    }
}
