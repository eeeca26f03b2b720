//! Connections that read, beside the one that writes.

use crate::file::{failed, open_to_read};
use crate::item::decode;
use rusqlite::{Connection, OptionalExtension, params};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};
use tollgate_core::{Attrs, Key, table};
use tollgate_service::{Query, Slice, StoreError};

/// The most connections that are kept open.
const KEPT_MAX: usize = 16;
/// The most bytes of a slice, as on DynamoDB.
const SLICE_BYTES: usize = 1 << 20;

/// Open connections that nobody uses just now.
pub(crate) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    /// Held by each that reads; by the writer, where nobody may.
    turn: RwLock<()>,
}

impl Readers {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self {
            path,
            idle: Mutex::default(),
            turn: RwLock::default(),
        }
    }

    fn with<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let _reading = self.turn.read().unwrap_or_else(PoisonError::into_inner);
        let kept = self.idle().pop();
        let connection = match kept {
            Some(connection) => connection,
            None => open_to_read(&self.path).map_err(|error| failed(&error))?,
        };
        let found = read(&connection);
        self.keep(connection, found.is_ok());
        found
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a connection for the next. One that failed may still stand in an old
    /// state of the file.
    fn keep(&self, connection: Connection, is_sound: bool) {
        let mut idle = self.idle();
        if is_sound && connection.is_autocommit() && idle.len() < KEPT_MAX {
            idle.push(connection);
        }
    }

    /// Does something while nobody reads.
    pub(crate) fn hold<T>(&self, work: impl FnOnce() -> T) -> T {
        let _alone = self.turn.write().unwrap_or_else(PoisonError::into_inner);
        work()
    }

    /// Closes connections that nobody uses.
    pub(crate) fn close(&self) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.clear();
    }

    /// The items at `keys`, all as they stood at one instant.
    pub(crate) fn read(&self, keys: &[Key]) -> Result<Vec<Option<Attrs>>, StoreError> {
        self.with(|connection| read(connection, keys))
    }

    /// The same where nothing has to be waited for but the file itself; `None` where
    /// a connection would have to be opened, or readers stand back.
    pub(crate) fn read_at_once(
        &self,
        keys: &[Key],
    ) -> Option<Result<Vec<Option<Attrs>>, StoreError>> {
        let _reading = self.turn.try_read().ok()?;
        let connection = self.idle().pop()?;
        let found = read(&connection, keys);
        self.keep(connection, found.is_ok());
        Some(found)
    }

    /// The items after `after` in the order of keys, at most `limit`.
    pub(crate) fn scan(
        &self,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<(Key, Attrs)>, StoreError> {
        self.with(|connection| scan(connection, after, limit).map_err(|error| failed(&error))?)
    }

    /// A part of one partition.
    pub(crate) fn query(&self, query: &Query) -> Result<Slice, StoreError> {
        self.with(|connection| slice(connection, query))
    }
}

fn read(connection: &Connection, keys: &[Key]) -> Result<Vec<Option<Attrs>>, StoreError> {
    let snapshot = connection
        .unchecked_transaction()
        .map_err(|error| failed(&error))?;
    let find = |key| find(connection, key).map_err(|error| failed(&error))?;
    let found = keys.iter().map(find).collect();
    snapshot.finish().map_err(|error| failed(&error))?;
    found
}

/// The item at `key`, as this connection sees it. The outer error is SQLite's.
pub(crate) fn find(
    connection: &Connection,
    key: &Key,
) -> rusqlite::Result<Result<Option<Attrs>, StoreError>> {
    let mut statement =
        connection.prepare_cached("SELECT item FROM items WHERE pk = ? AND sk = ?")?;
    let found = statement
        .query_row(params![key.pk, key.sk], |row| {
            Ok(decode(&key.pk, &key.sk, row.get_ref(0)?.as_blob()?))
        })
        .optional()?;
    Ok(found.transpose())
}

type Items = Result<Vec<(Key, Attrs)>, StoreError>;

fn scan(connection: &Connection, after: Option<&Key>, limit: usize) -> rusqlite::Result<Items> {
    let (pk, sk) = after.map_or(("", ""), |key| (key.pk.as_str(), key.sk.as_str()));
    let mut statement = connection.prepare_cached(
        "SELECT pk, sk, item FROM items WHERE (pk, sk) > (?, ?) ORDER BY pk, sk LIMIT ?",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = statement.query(params![pk, sk, limit])?;
    let mut items = Vec::new();
    while let Some(row) = rows.next()? {
        let (pk, sk): (String, String) = (row.get(0)?, row.get(1)?);
        match decode(&pk, &sk, row.get_ref(2)?.as_blob()?) {
            Ok(attrs) => items.push((Key { pk, sk }, attrs)),
            Err(error) => return Ok(Err(error)),
        }
    }
    Ok(Ok(items))
}

fn slice(connection: &Connection, query: &Query) -> Result<Slice, StoreError> {
    let order = if query.descending { "DESC" } else { "ASC" };
    let (partition, sort) = if query.by_task {
        ("tk", "ts")
    } else {
        ("pk", "sk")
    };
    let text = format!(
        "SELECT pk, sk, item, {sort} FROM items WHERE {partition} = ?1 AND {sort} >= ?2 \
         AND (?3 IS NULL OR {sort} < ?3) ORDER BY {sort} {order}"
    );
    let wrong = |error: rusqlite::Error| failed(&error);
    let mut statement = connection.prepare_cached(&text).map_err(wrong)?;
    let mut rows = statement
        .query(params![query.pk, query.from, query.to])
        .map_err(wrong)?;
    let mut found = Slice::default();
    let (limit, mut bytes) = (query.limit.min(Query::LIMIT_MAX), 0);
    while let Some(row) = rows.next().map_err(wrong)? {
        if found.items.len() >= limit || bytes >= SLICE_BYTES {
            found.more = true;
            break;
        }
        let text = |place| row.get_ref(place).and_then(|of| Ok(of.as_str()?));
        let (pk, sk, at) = (
            text(0).map_err(wrong)?,
            text(1).map_err(wrong)?,
            text(3).map_err(wrong)?,
        );
        let item = row
            .get_ref(2)
            .and_then(|of| Ok(of.as_blob()?))
            .map_err(wrong)?;
        bytes = usize::saturating_add(bytes, item.len());
        let mut attrs = decode(pk, sk, item)?;
        if query.by_task {
            attrs.retain(|name, _| **name == *table::PAGE);
        }
        found.items.push((at.to_owned(), attrs));
    }
    Ok(found)
}
