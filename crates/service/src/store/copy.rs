//! Copying a store into another one, item by item, and comparing both.

use crate::store::store::{Commit, Reason, Store, StoreError};
use async_trait::async_trait;
use futures::future::try_join_all;
use std::time::Duration;
use tollgate_core::{Attrs, DAY_SECONDS, FormError, Guard, Key, Value, Write, table};

/// A store that all items can be read from.
#[async_trait]
pub trait Scan: Store {
    /// The items after `after`, in an order of the store's own, at most `limit`; none at
    /// the end.
    ///
    /// # Errors
    /// [`StoreError`] where they cannot be read.
    async fn scan(&self, after: Option<Key>, limit: usize)
    -> Result<Vec<(Key, Attrs)>, StoreError>;
}

/// Why a store is not copied or not migrated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CopyError {
    /// One of the stores fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The target holds something else there.
    #[error("the target holds another item at `{}`, `{}`", .0.pk, .0.sk)]
    Differs(Key),
    /// The target holds an item that the source does not hold.
    #[error("the target holds an item at `{}`, `{}` that the source does not hold", .0.pk, .0.sk)]
    Extra(Key),
    /// An item is damaged, or of a version that this release does not read.
    #[error("the item at `{}`, `{}` cannot be read: {}", .0.pk, .0.sk, .1)]
    Unreadable(Key, FormError),
    /// An item changes all the time.
    #[error("the item at `{}`, `{}` changes all the time: try again", .0.pk, .0.sk)]
    Busy(Key),
    /// Items are missing in the target.
    #[error("the source holds {0} items, and the target {1}")]
    Missing(u64, u64),
}

/// The items of one slice.
const SLICE: usize = 100;
/// The items that are written at once.
const AT_ONCE: usize = 25;
const TRIES_MAX: u32 = 10;
const PAUSE: Duration = Duration::from_millis(50);

/// Copies every item of `from` that has not expired by `now` (seconds since the epoch) into
/// `to`, which holds nothing else, and then reads all of `to` and compares it with `from`;
/// how many items were copied. Nobody may use either meanwhile, but for the stores' own
/// expiry. Doing it again after it broke off goes on.
///
/// # Errors
/// [`CopyError`]: then `to` is no copy.
pub async fn copy(
    from: &dyn Scan,
    to: &dyn Scan,
    now: i64,
    mut progress: impl FnMut(u64),
) -> Result<u64, CopyError> {
    let (mut copied, mut lasting, mut after) = (0, 0, None);
    loop {
        let slice = from.scan(after, SLICE).await?;
        let Some((last, _)) = slice.last() else {
            break;
        };
        after = Some(last.clone());
        let live = slice.iter().filter(|(_, attrs)| lives_at(attrs, now));
        let live: Vec<&(Key, Attrs)> = live.collect();
        for chunk in live.chunks(AT_ONCE) {
            try_join_all(chunk.iter().map(|(key, attrs)| put(to, key, attrs))).await?;
        }
        copied += count(live.len());
        lasting += count(live.iter().filter(|(_, attrs)| lasts(attrs, now)).count());
        progress(copied);
    }
    let compared = compare(from, to, now).await?;
    if compared == lasting {
        Ok(copied)
    } else {
        Err(CopyError::Missing(lasting, compared))
    }
}

/// Whether an item has not expired by `now`.
fn lives_at(attrs: &Attrs, now: i64) -> bool {
    let ttl = attrs.get(table::TTL).and_then(Value::as_number);
    ttl.is_none_or(|ttl| ttl >= i128::from(now))
}

/// Whether it does not expire while it is copied.
fn lasts(attrs: &Attrs, now: i64) -> bool {
    lives_at(attrs, now.saturating_add(DAY_SECONDS))
}

async fn put(to: &dyn Scan, key: &Key, attrs: &Attrs) -> Result<(), CopyError> {
    let write = Write::put(key.clone(), attrs.clone()).when(Guard::Absent);
    match commit_soon(to, &write).await? {
        None => Ok(()),
        // Left of a copy that broke off.
        Some(Some(standing)) if standing == *attrs => Ok(()),
        Some(_) => Err(CopyError::Differs(key.clone())),
    }
}

/// Makes one write, again for as long as the store has too much to do; the item as it
/// stands where a guard does not hold.
pub(crate) async fn commit_soon(
    to: &dyn Scan,
    write: &Write,
) -> Result<Option<Option<Attrs>>, CopyError> {
    let mut pause = PAUSE;
    for tried in 1.. {
        match to.commit(std::slice::from_ref(write)).await {
            Ok(Commit::Done { .. }) => return Ok(None),
            Ok(Commit::Refused(refusals)) => {
                for refusal in refusals {
                    if let Reason::Guard(standing) = refusal.reason {
                        return Ok(Some(standing));
                    }
                }
            }
            Err(StoreError::Unavailable(_) | StoreError::Throttled(_)) if tried < TRIES_MAX => {}
            Err(error) => return Err(error.into()),
        }
        if tried >= TRIES_MAX {
            break;
        }
        tokio::time::sleep(pause).await;
        pause = pause.saturating_mul(2);
    }
    Err(StoreError::Unavailable("the store has too much to do".to_owned()).into())
}

/// How many lasting items `to` holds, each of which is the same in `from`.
async fn compare(from: &dyn Scan, to: &dyn Scan, now: i64) -> Result<u64, CopyError> {
    let (mut compared, mut after) = (0, None);
    loop {
        let slice = to.scan(after, SLICE).await?;
        let Some((last, _)) = slice.last() else {
            return Ok(compared);
        };
        after = Some(last.clone());
        let keys: Vec<Key> = slice.iter().map(|(key, _)| key.clone()).collect();
        for ((key, attrs), source) in slice.iter().zip(from.read(&keys).await?) {
            match source {
                Some(source) if source == *attrs => {}
                Some(_) => return Err(CopyError::Differs(key.clone())),
                // The source's own expiry may have taken it.
                None if !lasts(attrs, now) => {}
                None => return Err(CopyError::Extra(key.clone())),
            }
        }
        compared += count(slice.iter().filter(|(_, attrs)| lasts(attrs, now)).count());
    }
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
