//! What the service asks of a store.

use async_trait::async_trait;
use std::collections::BTreeSet;
use tollgate_core::{ACTIONS_MAX, Attrs, Key, Write};

/// A table of items, with consistent reads and guarded transactions.
///
/// [`crate::Memory`] is its executable specification.
#[async_trait]
pub trait Store: Send + Sync {
    /// Reads items in the order of `keys` (no repeats): each as it was committed
    /// last, alone. Two of them may be of different instants, so one may show a
    /// transaction that the other does not show yet.
    async fn read(&self, keys: &[Key]) -> Result<Vec<Option<Attrs>>, StoreError>;

    /// Reads 1 to [`TOGETHER_MAX`] items as they all stood at one instant, in the
    /// order of `keys` (no repeats); `None` = a transaction was under way at one
    /// of them: nothing is known, try again.
    async fn read_together(&self, keys: &[Key]) -> Result<Together, StoreError>;

    /// Reads a part of one partition in the order of its sort keys.
    async fn query(&self, query: &Query) -> Result<Slice, StoreError>;

    /// Applies at most 100 writes on distinct keys: all, if every guard holds,
    /// else none.
    async fn commit(&self, writes: &[Write]) -> Result<Commit, StoreError>;
}

/// Items as they stood at one instant; `None` = that is not known.
pub type Together = Option<Vec<Option<Attrs>>>;

/// The most items that are read together.
pub const TOGETHER_MAX: usize = 100;

/// Refuses keys that cannot be read together.
///
/// # Errors
/// [`StoreError::Broken`] unless there are 1 to [`TOGETHER_MAX`].
pub fn check_together(keys: &[Key]) -> Result<(), StoreError> {
    if keys.is_empty() || keys.len() > TOGETHER_MAX {
        let why = "1 to 100 items are read together";
        return Err(StoreError::Broken(why.to_owned()));
    }
    Ok(())
}

/// Refuses writes that are no transaction.
///
/// # Errors
/// [`StoreError::Broken`] unless there are 1 to [`ACTIONS_MAX`], on distinct keys.
pub fn check_writes(writes: &[Write]) -> Result<(), StoreError> {
    let keys: BTreeSet<&Key> = writes.iter().map(|write| &write.key).collect();
    if writes.is_empty() || writes.len() > ACTIONS_MAX || keys.len() != writes.len() {
        let why = "a transaction takes 1 to 100 writes on distinct keys";
        return Err(StoreError::Broken(why.to_owned()));
    }
    Ok(())
}

/// A part of one partition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Query {
    /// The partition, of the table or of the index.
    pub pk: String,
    /// The first sort key; empty = from the beginning.
    pub from: String,
    /// The first sort key that is outside again; `None` = to the end.
    pub to: Option<String>,
    /// Whether to read backwards.
    pub descending: bool,
    /// The most items wanted.
    pub limit: usize,
    /// Whether to read the sparse task index, whose entries lag behind.
    pub by_task: bool,
}

/// Items of a partition, and whether there may be more behind them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Slice {
    /// The items; in the task index with its own sort key.
    pub items: Vec<(String, Attrs)>,
    /// Whether the read stopped before the end of the range.
    pub more: bool,
}

/// What became of a transaction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Commit {
    /// All of it happened.
    Done {
        /// Write capacity units it consumed; 0 where the store keeps no count.
        write_units: u64,
    },
    /// None of it happened.
    Refused(Vec<Refusal>),
}

/// Why one write of a refused transaction was refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// Which write.
    pub index: usize,
    /// Why.
    pub reason: Reason,
}

/// A reason of a refusal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reason {
    /// A guard did not hold; the item as it stood.
    Guard(Option<Attrs>),
    /// Another transaction was at the item.
    Conflict,
    /// The store or the item has too much to do.
    Throttled,
}

/// A store that could not do as asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Out of reach or overloaded. Of a commit: it may have happened or not.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// A part of it has too much to do: nothing is known of others. Of a read alone; a
    /// commit is refused.
    #[error("the store has too much to do: {0}")]
    Throttled(String),
    /// It refused the request as malformed or not permitted.
    #[error("the store refuses: {0}")]
    Broken(String),
    /// It holds what cannot be.
    #[error("the store is damaged: {0}")]
    Damaged(String),
}

impl Query {
    /// The most items of one slice.
    pub const LIMIT_MAX: usize = 1000;

    /// All of a partition, ascending.
    #[must_use]
    pub fn of(pk: impl Into<String>) -> Self {
        Self {
            pk: pk.into(),
            from: String::new(),
            to: None,
            descending: false,
            limit: Self::LIMIT_MAX,
            by_task: false,
        }
    }

    /// From the sort key `from` on.
    #[must_use]
    pub fn from(mut self, from: impl Into<String>) -> Self {
        self.from = from.into();
        self
    }

    /// Up to, without, the sort key `to`.
    #[must_use]
    pub fn to(mut self, to: impl Into<String>) -> Self {
        self.to = Some(to.into());
        self
    }

    /// The part that follows `slice`, a full part of this query.
    #[must_use]
    pub fn after(&self, slice: &Slice) -> Option<Self> {
        let (last, _) = slice.items.last().filter(|_| slice.more)?;
        let mut next = self.clone();
        if self.descending {
            next.to = Some(last.clone());
        } else {
            next.from = format!("{last}\0");
        }
        Some(next)
    }
}
