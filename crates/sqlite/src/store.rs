//! The store.

use crate::file::open_to_write;
use crate::readers::Readers;
use crate::writer::{Order, Sweep, WAITING_MAX, check, run};
use async_trait::async_trait;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tollgate_core::{Attrs, Key, Write};
use tollgate_service::{Commit, Query, Slice, Store, StoreError, Together};

/// The most keys of a read, and the most queries at once: others wait.
const TOGETHER_MAX: usize = 100;
const QUERIES_MAX: usize = 8;

/// A table in one SQLite file.
pub struct Sqlite {
    path: PathBuf,
    readers: Arc<Readers>,
    queries: Semaphore,
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
        let path = path.as_ref().to_owned();
        let connection = open_to_write(&path)?;
        let (orders, ordered) = mpsc::channel(WAITING_MAX);
        let writer = std::thread::Builder::new()
            .name("tollgate-writer".to_owned())
            .spawn(move || run(&connection, ordered))
            .map_err(|error| StoreError::Broken(error.to_string()))?;
        Ok(Self {
            readers: Arc::new(Readers::new(path.clone())),
            path,
            queries: Semaphore::new(QUERIES_MAX),
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

    /// The items after `after` in the order of keys, at most `limit`: for what goes
    /// through all of them.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] where one is not as it was written.
    pub async fn scan(
        &self,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Vec<(Key, Attrs)>, StoreError> {
        self.blocking(move |readers| readers.scan(after.as_ref(), limit))
            .await
    }

    async fn order(&self, order: Order) -> Result<(), StoreError> {
        let orders = self.orders.as_ref().ok_or_else(gone)?;
        orders.send(order).await.map_err(|_| gone())
    }

    async fn blocking<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Readers) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let _turn = self.queries.acquire().await.map_err(|_| gone())?;
        let readers = Arc::clone(&self.readers);
        let read = tokio::task::spawn_blocking(move || read(&readers));
        read.await
            .map_err(|error| StoreError::Unavailable(error.to_string()))?
    }
}

#[async_trait]
impl Store for Sqlite {
    async fn read(&self, keys: &[Key]) -> Result<Vec<Option<Attrs>>, StoreError> {
        // A few items are found sooner than a thread is.
        if keys.len() <= TOGETHER_MAX {
            return self.readers.read(keys);
        }
        let keys = keys.to_vec();
        self.blocking(move |readers| readers.read(&keys)).await
    }

    async fn read_together(&self, keys: &[Key]) -> Result<Together, StoreError> {
        if keys.is_empty() || keys.len() > TOGETHER_MAX {
            let why = "1 to 100 items are read together";
            return Err(StoreError::Broken(why.to_owned()));
        }
        self.readers.read(keys).map(Some)
    }

    async fn query(&self, query: &Query) -> Result<Slice, StoreError> {
        let query = query.clone();
        self.blocking(move |readers| readers.query(&query)).await
    }

    async fn commit(&self, writes: &[Write]) -> Result<Commit, StoreError> {
        check(writes)?;
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
