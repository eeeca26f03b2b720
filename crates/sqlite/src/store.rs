//! The store.

use crate::file::{CHECKPOINT_PAGES, open_to_write};
use crate::readers::Readers;
use crate::writer::{LOG_BYTES_MAX, Order, Sweep, WAITING_MAX, Writer};
use async_trait::async_trait;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tollgate_core::{Attrs, Key, Write};
use tollgate_service::{
    Commit, Query, Scan, Slice, Store, StoreError, Together, check_together, check_writes,
};

/// The most reads of items, and of partitions, at once: others wait.
const READS_MAX: usize = 32;
const QUERIES_MAX: usize = 8;
/// The most items that are read on the caller's own thread.
const AT_ONCE_MAX: usize = 8;

/// A table in one SQLite file.
pub struct Sqlite {
    path: PathBuf,
    readers: Arc<Readers>,
    reads: Arc<Semaphore>,
    queries: Arc<Semaphore>,
    orders: Option<mpsc::Sender<Order>>,
    writer: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sqlite")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Sqlite {
    /// Opens the file at `path`, made if need be.
    ///
    /// # Errors
    /// [`StoreError::Broken`] where it cannot be opened or is of another kind,
    /// [`StoreError::Damaged`] where it is no whole SQLite file.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::open_tuned(path.as_ref(), CHECKPOINT_PAGES, LOG_BYTES_MAX)
    }

    /// The same, where so many pages of the log are put into the file at once, and
    /// readers have to wait where the log is longer than so many bytes: for tests.
    ///
    /// # Errors
    /// As [`Sqlite::open`].
    #[doc(hidden)]
    pub fn open_tuned(
        path: &Path,
        checkpoint_pages: u32,
        log_bytes_max: u64,
    ) -> Result<Self, StoreError> {
        let path = path.to_owned();
        let connection = open_to_write(&path, checkpoint_pages)?;
        let readers = Arc::new(Readers::new(path.clone()));
        let (orders, ordered) = mpsc::channel(WAITING_MAX);
        let mut log = path.clone().into_os_string();
        log.push("-wal");
        let writer = Writer {
            connection,
            readers: Arc::clone(&readers),
            log: log.into(),
            log_bytes_max,
            tried_at: 0,
        };
        let writer = std::thread::Builder::new()
            .name("tollgate-writer".to_owned())
            .spawn(move || writer.run(ordered))
            .map_err(|error| StoreError::Broken(error.to_string()))?;
        Ok(Self {
            readers,
            path,
            reads: Arc::new(Semaphore::new(READS_MAX)),
            queries: Arc::new(Semaphore::new(QUERIES_MAX)),
            orders: Some(orders),
            writer: Some(writer),
        })
    }

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes every item that expired before `now`, in seconds since the epoch, in
    /// small steps between which others write; how many there were.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where the file cannot be written.
    pub async fn sweep(&self, now: i64) -> Result<usize, StoreError> {
        let mut removed = 0_usize;
        let mut after = Some((String::new(), String::new()));
        while let Some(place) = after {
            let (answer, answered) = oneshot::channel();
            let step = Sweep {
                after: place,
                now,
                answer,
            };
            self.order(Order::Sweep(Box::new(step))).await?;
            let step = answered.await.map_err(|_| gone())??;
            removed = removed.saturating_add(step.removed);
            after = step.next;
        }
        Ok(removed)
    }

    async fn order(&self, order: Order) -> Result<(), StoreError> {
        let orders = self.orders.as_ref().ok_or_else(gone)?;
        orders.send(order).await.map_err(|_| gone())
    }

    async fn blocking<T: Send + 'static>(
        &self,
        turns: &Arc<Semaphore>,
        read: impl FnOnce(&Readers) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        // Kept until it is done, however long the caller waits.
        let turn = Arc::clone(turns).acquire_owned().await;
        let turn = turn.map_err(|_| gone())?;
        let readers = Arc::clone(&self.readers);
        let read = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            read(&readers)
        });
        read.await
            .map_err(|error| StoreError::Unavailable(error.to_string()))?
    }
}

#[async_trait]
impl Scan for Sqlite {
    async fn scan(
        &self,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Vec<(Key, Attrs)>, StoreError> {
        let queries = &self.queries;
        self.blocking(queries, move |readers| readers.scan(after.as_ref(), limit))
            .await
    }
}

#[async_trait]
impl Store for Sqlite {
    async fn read(&self, keys: &[Key]) -> Result<Vec<Option<Attrs>>, StoreError> {
        // To hand so little over to another thread costs more than to read it.
        if keys.len() <= AT_ONCE_MAX
            && let Some(found) = self.readers.read_at_once(keys)
        {
            return found;
        }
        let keys = keys.to_vec();
        self.blocking(&self.reads, move |readers| readers.read(&keys))
            .await
    }

    async fn read_together(&self, keys: &[Key]) -> Result<Together, StoreError> {
        check_together(keys)?;
        self.read(keys).await.map(Some)
    }

    async fn query(&self, query: &Query) -> Result<Slice, StoreError> {
        let query = query.clone();
        self.blocking(&self.queries, move |readers| readers.query(&query))
            .await
    }

    async fn commit(&self, writes: &[Write]) -> Result<Commit, StoreError> {
        check_writes(writes)?;
        let (answer, answered) = oneshot::channel();
        self.order(Order::Commit(writes.to_vec(), answer)).await?;
        answered.await.map_err(|_| gone())?
    }
}

impl Drop for Sqlite {
    /// Waits until what was ordered is done. The writer is the last to close the
    /// file, since it alone can put all into it.
    fn drop(&mut self) {
        self.readers.close();
        self.orders = None;
        if let Some(writer) = self.writer.take() {
            writer.join().ok();
        }
    }
}

fn gone() -> StoreError {
    StoreError::Unavailable("the store is closed".to_owned())
}
