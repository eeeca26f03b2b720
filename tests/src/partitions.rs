//! A store with DynamoDB's own limits: so many units a second and partition key, and of
//! the table in all; a transaction takes its time, and is cancelled where it meets
//! another. As AWS documents it; nothing here met the real one.

use crate::meter::{UNIT_BYTES, size};
use async_trait::async_trait;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tollgate_core::{Attrs, Change, Key, Write};
use tollgate_service::{
    Commit, Memory, Query, Reason, Refusal, Slice, Store, StoreError, Together,
};

/// A write unit is up to so many bytes.
const WRITE_BYTES: u64 = 1024;
/// What a partition key gives in a second.
const KEY_WRITES: f64 = 1000.0;
const KEY_READS: f64 = 3000.0;
/// What calls take.
const READ: Duration = Duration::from_millis(5);
const WRITE: Duration = Duration::from_millis(6);
const TRANSACTION: Duration = Duration::from_millis(10);
/// How often the SDK sends a throttled call, and keys that were left out.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(25);

/// Units that come in at a steady rate and are kept for a second.
#[derive(Debug)]
struct Bucket {
    units: f64,
    at: Instant,
}

impl Bucket {
    /// Takes `units` if they are there.
    fn take(&mut self, units: f64, rate: f64) -> bool {
        let now = Instant::now();
        let came = now.duration_since(self.at).as_secs_f64() * rate;
        (self.units, self.at) = ((self.units + came).min(rate), now);
        let is_there = self.units >= units;
        if is_there {
            self.units -= units;
        }
        is_there
    }
}

#[derive(Default)]
struct Table {
    reads: BTreeMap<String, Bucket>,
    writes: BTreeMap<String, Bucket>,
    all_writes: Option<Bucket>,
    /// Items at which a transaction is.
    busy: BTreeSet<Key>,
    commits: Commits,
}

/// What became of commits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Commits {
    /// Done, or refused by a guard.
    pub served: u64,
    /// Cancelled, because another was at an item.
    pub cancelled: u64,
    /// Refused, because a key or the table had no units left.
    pub throttled: u64,
}

/// A [`Store`] in memory that has only so much to give.
pub struct Partitions {
    inner: Memory,
    table_writes: f64,
    table: Mutex<Table>,
}

fn full(rate: f64) -> Bucket {
    Bucket {
        units: rate,
        at: Instant::now(),
    }
}

impl Partitions {
    /// An empty one whose table takes so many write units a second.
    #[must_use]
    pub fn new(table_writes: u32) -> Arc<Self> {
        Arc::new(Self {
            inner: Memory::default(),
            table_writes: f64::from(table_writes),
            table: Mutex::default(),
        })
    }

    /// What became of commits since the last look.
    pub fn take(&self) -> Commits {
        std::mem::take(&mut self.lock().commits)
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().expect("a table")
    }

    fn takes_read(&self, pk: &str, units: u64) -> bool {
        let mut table = self.lock();
        let bucket = table.reads.entry(pk.to_owned());
        bucket
            .or_insert_with(|| full(KEY_READS))
            .take(units as f64, KEY_READS)
    }

    /// The units of a write, of the larger of what stands and what is to be.
    async fn units(&self, write: &Write) -> Result<u64, StoreError> {
        let key = &write.key;
        let stands = self.inner.read(std::slice::from_ref(key)).await?;
        let stands = stands.into_iter().flatten().next();
        let put = match &write.change {
            Change::Put(attrs) => size(&key.pk, &key.sk, attrs),
            _ => 1,
        };
        let bytes = stands.map_or(1, |attrs| size(&key.pk, &key.sk, &attrs));
        Ok(bytes.max(put).div_ceil(WRITE_BYTES))
    }

    /// Takes the units of writes; which find none. Where the table has none, all do.
    fn take_writes(&self, writes: &[Write], units: &[u64]) -> Vec<usize> {
        let mut table = self.lock();
        let table = &mut *table;
        let all = table
            .all_writes
            .get_or_insert_with(|| full(self.table_writes));
        if !all.take(units.iter().sum::<u64>() as f64, self.table_writes) {
            return (0..writes.len()).collect();
        }
        let mut without = Vec::new();
        for (index, (write, units)) in writes.iter().zip(units).enumerate() {
            let bucket = table.writes.entry(write.key.pk.clone());
            let bucket = bucket.or_insert_with(|| full(KEY_WRITES));
            if !bucket.take(*units as f64, KEY_WRITES) {
                without.push(index);
            }
        }
        without
    }

    fn refuse(&self, of: impl IntoIterator<Item = usize>, reason: &Reason) -> Commit {
        let commits = &mut self.lock().commits;
        match reason {
            Reason::Conflict => commits.cancelled += 1,
            _ => commits.throttled += 1,
        }
        let refusal = |index| Refusal {
            index,
            reason: reason.clone(),
        };
        Commit::Refused(of.into_iter().map(refusal).collect())
    }
}

fn throttled() -> StoreError {
    StoreError::Throttled("a partition key has no units left".to_owned())
}

/// Marks items as those of a transaction under way.
struct UnderWay<'a> {
    store: &'a Partitions,
    keys: Vec<Key>,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut table = self.store.lock();
        for key in &self.keys {
            table.busy.remove(key);
        }
    }
}

#[async_trait]
impl Store for Partitions {
    async fn read(&self, keys: &[Key]) -> Result<Vec<Option<Attrs>>, StoreError> {
        let mut wanted: Vec<&Key> = keys.iter().collect();
        let mut pause = PAUSE;
        for _ in 0..TRIES {
            sleep(READ).await;
            let items = self.inner.read(keys).await?;
            let mut left = Vec::new();
            for (key, item) in keys.iter().zip(&items) {
                let bytes = item.as_ref().map_or(1, |of| size(&key.pk, &key.sk, of));
                let asked = wanted.contains(&key);
                if asked && !self.takes_read(&key.pk, bytes.div_ceil(UNIT_BYTES)) {
                    left.push(key);
                }
            }
            if left.is_empty() {
                return Ok(items);
            }
            wanted = left;
            sleep(pause).await;
            pause *= 2;
        }
        Err(throttled())
    }

    async fn read_together(&self, keys: &[Key]) -> Result<Together, StoreError> {
        sleep(READ).await;
        let items = self.inner.read(keys).await?;
        for (key, item) in keys.iter().zip(&items) {
            let bytes = item.as_ref().map_or(1, |of| size(&key.pk, &key.sk, of));
            if !self.takes_read(&key.pk, 2 * bytes.div_ceil(UNIT_BYTES)) {
                return Ok(None);
            }
        }
        let meets = keys.iter().any(|key| self.lock().busy.contains(key));
        Ok(if meets { None } else { Some(items) })
    }

    async fn query(&self, query: &Query) -> Result<Slice, StoreError> {
        let mut pause = PAUSE;
        for _ in 0..TRIES {
            sleep(READ).await;
            let slice = self.inner.query(query).await?;
            let sizes = slice.items.iter().map(|(sk, of)| size(&query.pk, sk, of));
            let bytes: u64 = sizes.sum();
            if self.takes_read(&query.pk, bytes.div_ceil(UNIT_BYTES).max(1)) {
                return Ok(slice);
            }
            sleep(pause).await;
            pause *= 2;
        }
        Err(throttled())
    }

    async fn commit(&self, writes: &[Write]) -> Result<Commit, StoreError> {
        let each = if writes.len() == 1 { 1 } else { 2 };
        let mut units = Vec::new();
        for write in writes {
            units.push(each * self.units(write).await?);
        }
        let without = self.take_writes(writes, &units);
        if !without.is_empty() {
            sleep(READ).await;
            return Ok(self.refuse(without, &Reason::Throttled));
        }
        let meets = writes
            .iter()
            .position(|write| self.lock().busy.contains(&write.key));
        if let Some(index) = meets {
            sleep(READ).await;
            return Ok(self.refuse([index], &Reason::Conflict));
        }
        let keys: Vec<Key> = match writes.len() {
            1 => Vec::new(),
            _ => writes.iter().map(|write| write.key.clone()).collect(),
        };
        self.lock().busy.extend(keys.iter().cloned());
        let under_way = UnderWay { store: self, keys };
        sleep(if writes.len() == 1 {
            WRITE
        } else {
            TRANSACTION
        })
        .await;
        let committed = self.inner.commit(writes).await;
        drop(under_way);
        self.lock().commits.served += 1;
        committed
    }
}
