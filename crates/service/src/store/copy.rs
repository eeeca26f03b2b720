//! Copying a store into another one, item by item, and comparing both.

use crate::store::store::{Commit, Reason, Store, StoreError};
use async_trait::async_trait;
use futures::future::try_join_all;
use std::time::Duration;
use tollgate_core::{Attrs, Guard, Key, Write};

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

/// Why a copy is not one.
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

/// Copies every item of `from` into `to`, which holds nothing else, and then reads all of
/// `to` and compares it with `from`; how many items there are. Nobody may use either
/// meanwhile. Doing it again after it broke off goes on.
///
/// # Errors
/// [`CopyError`]: then `to` is no copy.
pub async fn copy(
    from: &dyn Scan,
    to: &dyn Scan,
    mut progress: impl FnMut(u64),
) -> Result<u64, CopyError> {
    let (mut copied, mut after) = (0, None);
    loop {
        let slice = from.scan(after, SLICE).await?;
        let Some((last, _)) = slice.last() else {
            break;
        };
        after = Some(last.clone());
        for chunk in slice.chunks(AT_ONCE) {
            try_join_all(chunk.iter().map(|(key, attrs)| put(to, key, attrs))).await?;
        }
        copied += count(&slice);
        progress(copied);
    }
    let compared = compare(from, to).await?;
    if compared == copied {
        Ok(copied)
    } else {
        Err(CopyError::Missing(copied, compared))
    }
}

async fn put(to: &dyn Scan, key: &Key, attrs: &Attrs) -> Result<(), CopyError> {
    let write = Write::put(key.clone(), attrs.clone()).when(Guard::Absent);
    let mut pause = PAUSE;
    for tried in 1.. {
        match to.commit(std::slice::from_ref(&write)).await {
            Ok(Commit::Done { .. }) => return Ok(()),
            Ok(Commit::Refused(refusals)) => {
                for refusal in refusals {
                    if let Reason::Guard(standing) = refusal.reason {
                        // Left of a copy that broke off.
                        let is_same = standing.as_ref() == Some(attrs);
                        let differs = CopyError::Differs(key.clone());
                        return if is_same { Ok(()) } else { Err(differs) };
                    }
                }
            }
            Err(StoreError::Unavailable(_)) if tried < TRIES_MAX => {}
            Err(error) => return Err(error.into()),
        }
        if tried >= TRIES_MAX {
            break;
        }
        tokio::time::sleep(pause).await;
        pause = pause.saturating_mul(2);
    }
    Err(StoreError::Unavailable("the target has too much to do".to_owned()).into())
}

/// How many items `to` holds, each of which is the same in `from`.
async fn compare(from: &dyn Scan, to: &dyn Scan) -> Result<u64, CopyError> {
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
                None => return Err(CopyError::Extra(key.clone())),
            }
        }
        compared += count(&slice);
    }
}

fn count(slice: &[(Key, Attrs)]) -> u64 {
    u64::try_from(slice.len()).unwrap_or(u64::MAX)
}
