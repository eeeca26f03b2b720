//! The embedded store: in a folder, or in this process's memory.

use crate::failure::Failure;
use crate::folder::Folder;
use std::sync::Arc;
use tollgate_core::Instant;
use tollgate_service::{Memory, Store, StoreError};
use tollgate_sqlite::Sqlite;

/// Where everything is kept.
#[derive(Clone)]
pub(crate) enum Embedded {
    Memory(Arc<Memory>),
    File(Arc<Sqlite>),
}

impl Embedded {
    /// The store of `folder`, or one that ends with this process.
    pub(crate) fn open(folder: Option<&Folder>) -> Result<Self, Failure> {
        let Some(folder) = folder else {
            return Ok(Self::Memory(Arc::default()));
        };
        let file = Sqlite::open(folder.database());
        let file = file.map_err(|error| Failure::to("open the store", error))?;
        Ok(Self::File(Arc::new(file)))
    }

    pub(crate) fn store(&self) -> Arc<dyn Store> {
        match self {
            Self::Memory(store) => Arc::clone(store) as Arc<dyn Store>,
            Self::File(store) => Arc::clone(store) as Arc<dyn Store>,
        }
    }

    /// Removes what expired before `now`; how many items that were.
    pub(crate) async fn sweep(&self, now: Instant) -> Result<usize, StoreError> {
        match self {
            Self::Memory(store) => Ok(store.sweep(now.unix_seconds())),
            Self::File(store) => store.sweep(now.unix_seconds()).await,
        }
    }
}
