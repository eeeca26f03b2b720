//! A store that counts what is read of it, in DynamoDB's units.

use async_trait::async_trait;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tollgate_core::{Attrs, Key, Value, Write};
use tollgate_service::{Commit, Query, Slice, Store, StoreError, Together};

/// A strongly consistent read unit is up to so many bytes.
pub(crate) const UNIT_BYTES: u64 = 4096;

/// A [`Store`] around another one.
pub struct Meter {
    inner: Arc<dyn Store>,
    units: AtomicU64,
    calls: AtomicU64,
    pages: AtomicU64,
}

/// What was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    /// Strongly consistent read units: of a query, those of all its items
    /// together; of single reads, those of each.
    pub units: u64,
    /// Calls of the store.
    pub calls: u64,
    /// Pages of events.
    pub pages: u64,
}

impl Meter {
    /// Nothing read yet.
    #[must_use]
    pub fn around(inner: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self {
            inner,
            units: AtomicU64::new(0),
            calls: AtomicU64::new(0),
            pages: AtomicU64::new(0),
        })
    }

    /// What was read since the last look.
    pub fn take(&self) -> Reads {
        let [units, calls, pages] =
            [&self.units, &self.calls, &self.pages].map(|count| count.swap(0, Ordering::Relaxed));
        Reads {
            units,
            calls,
            pages,
        }
    }

    fn count(&self, units: u64) {
        self.units.fetch_add(units, Ordering::Relaxed);
        self.calls.fetch_add(1, Ordering::Relaxed);
    }
}

/// The size of an item as DynamoDB counts it: names and values.
pub(crate) fn size(pk: &str, sk: &str, attrs: &Attrs) -> u64 {
    let value = |value: &Value| match value {
        Value::S(text) => text.len(),
        Value::B(bytes) => bytes.len(),
        Value::N(number) => number.to_string().len() / 2 + 2,
    };
    let attributes: usize = attrs.iter().map(|(name, of)| name.len() + value(of)).sum();
    u64::try_from(4 + pk.len() + sk.len() + attributes).expect("a size")
}

#[async_trait]
impl Store for Meter {
    async fn read(&self, keys: &[Key]) -> Result<Vec<Option<Attrs>>, StoreError> {
        let items = self.inner.read(keys).await?;
        let found = keys.iter().zip(&items).map(|(key, item)| {
            item.as_ref()
                .map_or(1, |attrs| size(&key.pk, &key.sk, attrs))
        });
        self.count(found.map(|bytes| bytes.div_ceil(UNIT_BYTES)).sum());
        Ok(items)
    }

    async fn read_together(&self, keys: &[Key]) -> Result<Together, StoreError> {
        let read = self.inner.read_together(keys).await?;
        let items = read.iter().flatten();
        let found = keys.iter().zip(items).map(|(key, item)| {
            item.as_ref()
                .map_or(1, |attrs| size(&key.pk, &key.sk, attrs))
        });
        // Each is read twice.
        self.count(2 * found.map(|bytes| bytes.div_ceil(UNIT_BYTES)).sum::<u64>());
        Ok(read)
    }

    async fn query(&self, query: &Query) -> Result<Slice, StoreError> {
        let slice = self.inner.query(query).await?;
        let bytes: u64 = slice
            .items
            .iter()
            .map(|(sk, attrs)| size(&query.pk, sk, attrs))
            .sum();
        self.count(bytes.div_ceil(UNIT_BYTES).max(1));
        if query.pk.contains("|E|") {
            self.pages.fetch_add(
                u64::try_from(slice.items.len()).expect("a count"),
                Ordering::Relaxed,
            );
        }
        Ok(slice)
    }

    async fn commit(&self, writes: &[Write]) -> Result<Commit, StoreError> {
        self.inner.commit(writes).await
    }
}
