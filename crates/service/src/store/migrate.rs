//! Bringing all that a store holds to one version of its forms.

use crate::store::copy::{CopyError, Scan, commit_soon};
use futures::future::try_join_all;
use tollgate_core::{Attrs, FormVersion, Key, renew};

/// What came of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Migrated {
    /// The items that were read.
    pub items: u64,
    /// Those that were rewritten.
    pub rewritten: u64,
}

/// The items of one slice.
const SLICE: usize = 100;
/// The items that are written at once.
const AT_ONCE: usize = 25;
/// How often an item is read again because it had changed.
const CHANGES_MAX: u32 = 50;

/// Rewrites every item of `store` whose forms are of another version than `to`, and reads
/// all others, checksums too. Others may use the store meanwhile, if they write `to`.
/// Doing it again goes on, and finds nothing to do once it is done.
///
/// # Errors
/// [`CopyError::Unreadable`] at the first item that this release cannot read.
pub async fn migrate(
    store: &dyn Scan,
    to: FormVersion,
    mut progress: impl FnMut(Migrated),
) -> Result<Migrated, CopyError> {
    let (mut done, mut after) = (Migrated::default(), None);
    loop {
        let slice = store.scan(after, SLICE).await?;
        let Some((last, _)) = slice.last() else {
            return Ok(done);
        };
        after = Some(last.clone());
        for chunk in slice.chunks(AT_ONCE) {
            let items = chunk.iter().map(|item| migrate_item(store, to, item));
            for is_rewritten in try_join_all(items).await? {
                done.items += 1;
                done.rewritten += u64::from(is_rewritten);
            }
        }
        progress(done);
    }
}

async fn migrate_item(
    store: &dyn Scan,
    to: FormVersion,
    (key, attrs): &(Key, Attrs),
) -> Result<bool, CopyError> {
    let mut standing = attrs.clone();
    for _ in 0..CHANGES_MAX {
        let unreadable = |why| CopyError::Unreadable(key.clone(), why);
        let Some(write) = renew(key, &standing, to).map_err(unreadable)? else {
            return Ok(false);
        };
        match commit_soon(store, &write).await? {
            None => return Ok(true),
            Some(None) => return Ok(false),
            Some(Some(now)) => standing = now,
        }
    }
    Err(CopyError::Busy(key.clone()))
}
