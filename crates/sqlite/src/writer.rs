//! The one that writes: a thread that commits what waits together.

use crate::file::failed;
use crate::item::encode;
use crate::readers::{Readers, find};
use rusqlite::{Connection, ErrorCode, params};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};
use tollgate_core::{Attrs, Key, Value, Write, table};
use tollgate_service::{Commit, Reason, Refusal, StoreError};

/// The most orders that are committed together.
const TOGETHER_MAX: usize = 256;
/// The most orders that wait.
pub(crate) const WAITING_MAX: usize = 4_096;
/// The most bytes of orders that are committed together.
const BYTES_MAX: usize = 16 << 20;

/// How long the log may become before readers have to wait for it.
pub(crate) const LOG_BYTES_MAX: u64 = 128 << 20;

/// What is asked of the writer.
pub(crate) enum Order {
    /// Writes, all or none.
    Commit(Vec<Write>, oneshot::Sender<Result<Commit, StoreError>>),
    /// To remove what expired by this second, from this key on.
    Sweep(Box<Sweep>),
}

/// A step of removing what is over.
pub(crate) struct Sweep {
    /// Where to go on.
    pub(crate) after: (String, String),
    /// In seconds since the epoch.
    pub(crate) now: i64,
    pub(crate) answer: oneshot::Sender<Result<Swept, StoreError>>,
}

/// What a step found.
pub(crate) struct Swept {
    pub(crate) removed: usize,
    /// Where to go on; `None` = it was the last.
    pub(crate) next: Option<(String, String)>,
}

type Asked = (Vec<Write>, oneshot::Sender<Result<Commit, StoreError>>);

/// The one that writes.
pub(crate) struct Writer {
    pub(crate) connection: Connection,
    pub(crate) readers: Arc<Readers>,
    /// The log beside the file, and how long it may become before readers have to
    /// wait for it.
    pub(crate) log: PathBuf,
    pub(crate) log_bytes_max: u64,
    /// The same after a try that came to nothing.
    pub(crate) tried_at: u64,
}

impl Writer {
    /// Does what is ordered until nobody orders any more.
    pub(crate) fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        while let Some(first) = orders.blocking_recv() {
            let mut together = Vec::new();
            let mut bytes = 0_usize;
            let mut next = Some(first);
            while let Some(order) = next {
                match order {
                    Order::Commit(writes, answer) => {
                        bytes = bytes.saturating_add(size(&writes));
                        together.push((writes, answer));
                    }
                    Order::Sweep(sweep) => {
                        self.commit(std::mem::take(&mut together));
                        let swept = sweep_step(&self.connection, &sweep);
                        sweep.answer.send(swept).ok();
                    }
                }
                let is_full = together.len() >= TOGETHER_MAX || bytes >= BYTES_MAX;
                next = if is_full {
                    None
                } else {
                    orders.try_recv().ok()
                };
            }
            self.commit(together);
            self.shorten_log();
        }
    }

    /// Commits all of `asked` as one transaction, each applied or refused on its own.
    /// Where that fails, it may be for one of them: each is tried alone.
    fn commit(&self, mut asked: Vec<Asked>) {
        // Whoever gave up sends it again.
        asked.retain(|(_, answer)| !answer.is_closed());
        let results = match asked.is_empty() {
            true => return,
            false => self.try_commit(&asked),
        };
        let error = match results {
            Ok(results) => {
                for ((_, answer), result) in asked.into_iter().zip(results) {
                    answer.send(result).ok();
                }
                return;
            }
            Err(error) => error,
        };
        let is_busy = error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy);
        if asked.len() > 1 && !is_busy {
            return asked.into_iter().for_each(|one| self.commit(vec![one]));
        }
        let error = failed(&error);
        for (_, answer) in asked {
            answer.send(Err(error.clone())).ok();
        }
    }

    fn try_commit(&self, asked: &[Asked]) -> rusqlite::Result<Vec<Result<Commit, StoreError>>> {
        let connection = &self.connection;
        let done = commit_all(connection, asked);
        if !connection.is_autocommit() {
            connection.execute_batch("ROLLBACK")?;
        }
        done
    }

    /// Puts the whole log into the file and empties it, where readers that overlap
    /// kept that from happening for long.
    fn shorten_log(&mut self) {
        let length = || std::fs::metadata(&self.log).map_or(0, |log| log.len());
        if length() <= self.log_bytes_max.max(self.tried_at) {
            return;
        }
        let connection = &self.connection;
        let emptied = self.readers.hold(|| {
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
                row.get::<_, i64>(0)
            })
        });
        // Another process reads it: not again before it has grown as much again.
        self.tried_at = match emptied {
            Ok(0) => 0,
            _ => length().saturating_add(self.log_bytes_max),
        };
    }
}

fn commit_all(
    connection: &Connection,
    asked: &[Asked],
) -> rusqlite::Result<Vec<Result<Commit, StoreError>>> {
    connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    let mut results = Vec::new();
    let mut changes = false;
    for (writes, _) in asked {
        let result = apply(connection, writes)?;
        // SQLite ends a transaction on its own where it cannot go on.
        if connection.is_autocommit() {
            return Err(rusqlite::Error::SqliteFailure(
                rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_ABORT),
                Some("the transaction was ended".to_owned()),
            ));
        }
        changes |= matches!(result, Ok(Commit::Done { .. }));
        results.push(result);
    }
    let end = if changes { "COMMIT" } else { "ROLLBACK" };
    connection.prepare_cached(end)?.execute([])?;
    Ok(results)
}

/// Applies the writes if every guard holds.
///
/// The outer error is SQLite's, after which nothing of the transaction may stand.
fn apply(
    connection: &Connection,
    writes: &[Write],
) -> rusqlite::Result<Result<Commit, StoreError>> {
    let mut before = Vec::new();
    let mut refusals = Vec::new();
    for (index, write) in writes.iter().enumerate() {
        let found = match find(connection, &write.key)? {
            Ok(found) => found,
            // Damage is told to who asked for it.
            Err(error) => return Ok(Err(error)),
        };
        if write.guards.iter().all(|guard| guard.holds(found.as_ref())) {
            before.push(found);
        } else {
            let reason = Reason::Guard(found);
            refusals.push(Refusal { index, reason });
        }
    }
    if !refusals.is_empty() {
        return Ok(Ok(Commit::Refused(refusals)));
    }
    // All are made before the first is stored: what cannot be stored changes nothing.
    let mut rows = Vec::new();
    for (write, found) in writes.iter().zip(before) {
        let attrs = write.change.applied(found.as_ref());
        let item = attrs
            .as_ref()
            .map(|attrs| encode(&write.key.pk, &write.key.sk, attrs));
        match item.transpose() {
            Ok(item) => rows.push((&write.key, attrs, item)),
            Err(error) => return Ok(Err(error)),
        }
    }
    for (key, attrs, item) in rows {
        store(connection, key, attrs.as_ref(), item)?;
    }
    Ok(Ok(Commit::Done { write_units: 0 }))
}

fn store(
    connection: &Connection,
    key: &Key,
    attrs: Option<&Attrs>,
    item: Option<Vec<u8>>,
) -> rusqlite::Result<()> {
    let (Some(attrs), Some(item)) = (attrs, item) else {
        let text = "DELETE FROM items WHERE pk = ? AND sk = ?";
        return connection
            .prepare_cached(text)?
            .execute(params![key.pk, key.sk])
            .map(drop);
    };
    let text = |name: &str| attrs.get(name).and_then(Value::as_text);
    let ttl = attrs.get(table::TTL).and_then(Value::as_number);
    let ttl = ttl.map(|ttl| i64::try_from(ttl).unwrap_or(i64::MAX));
    connection
        .prepare_cached(
            "INSERT INTO items (pk, sk, ttl, tk, ts, item) VALUES (?, ?, ?, ?, ?, ?) \
             ON CONFLICT DO UPDATE SET ttl = excluded.ttl, tk = excluded.tk, ts = excluded.ts, \
             item = excluded.item",
        )?
        .execute(params![
            key.pk,
            key.sk,
            ttl,
            text(table::TASK_KEY),
            text(table::TASK_SORT),
            item
        ])
        .map(drop)
}

/// How many items a step looks at.
const STEP_ITEMS: i64 = 2_000;

fn sweep_step(connection: &Connection, sweep: &Sweep) -> Result<Swept, StoreError> {
    let wrong = |error: rusqlite::Error| failed(&error);
    let (pk, sk) = &sweep.after;
    let last: Option<(String, String)> = connection
        .prepare_cached(
            "SELECT pk, sk FROM items WHERE (pk, sk) > (?, ?) ORDER BY pk, sk LIMIT 1 OFFSET ?",
        )
        .and_then(|mut step| {
            use rusqlite::OptionalExtension;
            step.query_row(params![pk, sk, STEP_ITEMS - 1], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()
        })
        .map_err(wrong)?;
    let removed = match &last {
        Some((to_pk, to_sk)) => connection
            .prepare_cached(
                "DELETE FROM items WHERE (pk, sk) > (?, ?) AND (pk, sk) <= (?, ?) AND ttl < ?",
            )
            .and_then(|mut step| step.execute(params![pk, sk, to_pk, to_sk, sweep.now])),
        None => connection
            .prepare_cached("DELETE FROM items WHERE (pk, sk) > (?, ?) AND ttl < ?")
            .and_then(|mut step| step.execute(params![pk, sk, sweep.now])),
    };
    Ok(Swept {
        removed: removed.map_err(wrong)?,
        next: last,
    })
}

fn size(writes: &[Write]) -> usize {
    let bytes = |write: &Write| match &write.change {
        tollgate_core::Change::Put(attrs) => attrs.values().map(value_size).sum(),
        _ => 0,
    };
    writes.iter().map(bytes).sum()
}

fn value_size(value: &Value) -> usize {
    match value {
        Value::S(text) => text.len(),
        Value::B(bytes) => bytes.len(),
        Value::N(_) => 16,
    }
}
