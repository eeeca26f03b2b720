//! A store that keeps a ledger of heat: which partition key takes how much of what
//! DynamoDB gives to each.

use crate::meter::{UNIT_BYTES, size};
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tollgate_core::{Attrs, Key, Write};
use tollgate_service::{Commit, Query, Slice, Store, StoreError, Together};

/// A write unit is up to so many bytes.
const WRITE_BYTES: u64 = 1024;

/// Units that went to one partition key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Units {
    /// Of strongly consistent reads.
    pub read: u64,
    /// Of writes; twice as many in a transaction.
    pub written: u64,
}

/// A [`Store`] around another one.
pub struct HeatLedger {
    inner: Arc<dyn Store>,
    keys: Mutex<BTreeMap<String, Units>>,
}

impl HeatLedger {
    /// Nothing is hot yet.
    #[must_use]
    pub fn around(inner: Arc<dyn Store>) -> Arc<Self> {
        let keys = Mutex::default();
        Arc::new(Self { inner, keys })
    }

    /// What each partition key took since the last look.
    pub fn take(&self) -> BTreeMap<String, Units> {
        std::mem::take(&mut *self.keys.lock().expect("keys"))
    }

    fn note(&self, pk: &str, change: impl FnOnce(&mut Units)) {
        change(
            self.keys
                .lock()
                .expect("keys")
                .entry(pk.to_owned())
                .or_default(),
        );
    }

    fn note_items(&self, keys: &[Key], items: &[Option<Attrs>], each: u64) {
        for (key, item) in keys.iter().zip(items) {
            let bytes = item
                .as_ref()
                .map_or(1, |attrs| size(&key.pk, &key.sk, attrs));
            self.note(&key.pk, |units| {
                units.read += each * bytes.div_ceil(UNIT_BYTES)
            });
        }
    }
}

#[async_trait]
impl Store for HeatLedger {
    async fn read(&self, keys: &[Key]) -> Result<Vec<Option<Attrs>>, StoreError> {
        let items = self.inner.read(keys).await?;
        self.note_items(keys, &items, 1);
        Ok(items)
    }

    async fn read_together(&self, keys: &[Key]) -> Result<Together, StoreError> {
        let items = self.inner.read_together(keys).await?;
        self.note_items(keys, items.as_deref().unwrap_or_default(), 2);
        Ok(items)
    }

    async fn query(&self, query: &Query) -> Result<Slice, StoreError> {
        let slice = self.inner.query(query).await?;
        let sizes = slice
            .items
            .iter()
            .map(|(sk, attrs)| size(&query.pk, sk, attrs));
        let bytes: u64 = sizes.sum();
        self.note(&query.pk, |units| {
            units.read += bytes.div_ceil(UNIT_BYTES).max(1)
        });
        Ok(slice)
    }

    async fn commit(&self, writes: &[Write]) -> Result<Commit, StoreError> {
        let committed = self.inner.commit(writes).await?;
        let keys: Vec<Key> = writes.iter().map(|write| write.key.clone()).collect();
        let stored = self.inner.read(&keys).await?;
        let each = if writes.len() == 1 { 1 } else { 2 };
        for (key, item) in keys.iter().zip(stored) {
            let bytes = item.map_or(1, |attrs| size(&key.pk, &key.sk, &attrs));
            self.note(&key.pk, |units| {
                units.written += each * bytes.div_ceil(WRITE_BYTES)
            });
        }
        Ok(committed)
    }
}
