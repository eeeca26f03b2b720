//! A store in memory: the executable specification of [`Store`].

use crate::store::copy::Scan;
use crate::store::store::{
    Commit, Query, Reason, Refusal, Slice, Store, StoreError, Together, check_together,
    check_writes,
};
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tollgate_core::{Attrs, Key, Value, Write, table};

/// Items in a map under one lock: a specification, for tests, and for what needs no
/// file.
#[derive(Debug, Default)]
pub struct Memory {
    items: Mutex<BTreeMap<Key, Attrs>>,
}

impl Memory {
    fn items(&self) -> MutexGuard<'_, BTreeMap<Key, Attrs>> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes every item that expired before `now`, in seconds since the epoch; how
    /// many there were.
    pub fn sweep(&self, now: i64) -> usize {
        let mut items = self.items();
        let before = items.len();
        let ttl = |attrs: &Attrs| attrs.get(table::TTL).and_then(Value::as_number);
        items.retain(|_, attrs| ttl(attrs).is_none_or(|ttl| ttl >= i128::from(now)));
        before.saturating_sub(items.len())
    }

    /// A copy of every item, for tests that look at all of it.
    #[must_use]
    pub fn dump(&self) -> BTreeMap<Key, Attrs> {
        self.items().clone()
    }
}

#[async_trait]
impl Store for Memory {
    async fn read(&self, keys: &[Key]) -> Result<Vec<Option<Attrs>>, StoreError> {
        // Key by key: between two of them anything may be committed.
        Ok(keys
            .iter()
            .map(|key| self.items().get(key).cloned())
            .collect())
    }

    async fn read_together(&self, keys: &[Key]) -> Result<Together, StoreError> {
        check_together(keys)?;
        let items = self.items();
        Ok(Some(
            keys.iter().map(|key| items.get(key).cloned()).collect(),
        ))
    }

    async fn query(&self, query: &Query) -> Result<Slice, StoreError> {
        let items = self.items();
        let mut found: Vec<(String, Attrs)> = if query.by_task {
            items
                .values()
                .filter_map(|attrs| task_entry(query, attrs))
                .collect()
        } else {
            items
                .range(Key::new(query.pk.as_str(), query.from.as_str())..)
                .take_while(|(key, _)| key.pk == query.pk)
                .map(|(key, attrs)| (key.sk.clone(), attrs.clone()))
                .collect()
        };
        found.retain(|(sk, _)| *sk >= query.from && query.to.as_ref().is_none_or(|to| sk < to));
        found.sort_by(|a, b| a.0.cmp(&b.0));
        if query.descending {
            found.reverse();
        }
        let limit = query.limit.min(Query::LIMIT_MAX);
        let more = found.len() > limit;
        found.truncate(limit);
        Ok(Slice { items: found, more })
    }

    async fn commit(&self, writes: &[Write]) -> Result<Commit, StoreError> {
        let mut items = self.items();
        check_writes(writes)?;
        let refused = |write: &Write| {
            !write
                .guards
                .iter()
                .all(|guard| guard.holds(items.get(&write.key)))
        };
        let refusals: Vec<Refusal> = writes
            .iter()
            .enumerate()
            .filter(|(_, write)| refused(write))
            .map(|(index, write)| Refusal {
                index,
                reason: Reason::Guard(items.get(&write.key).cloned()),
            })
            .collect();
        if !refusals.is_empty() {
            return Ok(Commit::Refused(refusals));
        }
        for write in writes {
            match write.change.applied(items.get(&write.key)) {
                Some(attrs) => items.insert(write.key.clone(), attrs),
                None => items.remove(&write.key),
            };
        }
        Ok(Commit::Done { write_units: 0 })
    }
}

#[async_trait]
impl Scan for Memory {
    async fn scan(
        &self,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Vec<(Key, Attrs)>, StoreError> {
        let items = self.items();
        let first = after.map_or(Bound::Unbounded, Bound::Excluded);
        let rest = items.range((first, Bound::Unbounded)).take(limit);
        Ok(rest
            .map(|(key, attrs)| (key.clone(), attrs.clone()))
            .collect())
    }
}

/// The index entry of an item: its sort key there and its page.
fn task_entry(query: &Query, attrs: &Attrs) -> Option<(String, Attrs)> {
    let text = |name: &str| attrs.get(name).and_then(Value::as_text);
    if text(table::TASK_KEY)? != query.pk {
        return None;
    }
    let sort = text(table::TASK_SORT)?.to_owned();
    let page = attrs.get(table::PAGE)?.clone();
    Some((sort, Attrs::from([(table::PAGE.into(), page)])))
}
