//! What the catalogue's head and its lists say of versions, without their bodies.

use crate::store::body::body_attrs;
use crate::store::failure::Failure;
use serde::{Deserialize, Serialize};
use tollgate_core::{Attrs, Guard, Instant, Key, Value, Write, table};

/// What the catalogue's head says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Head {
    /// The last sequence number of versions; 0 where there is none.
    pub(crate) sequence: u64,
    /// Every version that was in force then or later is listed; `None` = every one.
    /// What is not listed is in the past.
    pub(crate) since: Option<Instant>,
}

/// An entry of the list of versions, or of their past.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Listed {
    /// Its place among all versions.
    pub(crate) sequence: u64,
    /// What it is a version of.
    pub(crate) kind: Kind,
    /// The first instant that it prices.
    pub(crate) from: Instant,
    /// How many items its body takes.
    pub(crate) parts: usize,
}

/// What a version is of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// A rate card.
    Card,
    /// The exchange rates.
    Exchange,
    /// What holds for tenants that name nothing of their own.
    Defaults,
}

impl Head {
    pub(crate) fn of(attrs: Option<&Attrs>) -> Self {
        let sequence = attrs.and_then(|attrs| attrs.get(table::VERSION)?.as_number());
        let since = attrs.and_then(|attrs| attrs.get(table::SINCE)?.as_text()?.parse().ok());
        Self {
            sequence: sequence
                .and_then(|number| u64::try_from(number).ok())
                .unwrap_or(0),
            since,
        }
    }

    /// The write that puts it in the place of the head of one version less.
    pub(crate) fn write(self) -> Write {
        let sequence = i128::from(self.sequence);
        let guard = match sequence.saturating_sub(1) {
            0 => Guard::Absent,
            before => Guard::Equals(table::VERSION.into(), Value::N(before)),
        };
        let since = self.since.map(|since| since.sortable());
        let since = since.map(|since| (table::SINCE.into(), Value::S(since)));
        let mut head = Attrs::from([(table::VERSION.into(), Value::N(sequence))]);
        head.extend(since);
        Write::put(table::catalog_head(), head).when(guard)
    }
}

impl Listed {
    /// The items of its body, in order.
    pub(crate) fn body_keys(&self) -> impl Iterator<Item = Key> {
        let sequence = self.sequence;
        (0..self.parts).map(move |part| table::version_body(sequence, part))
    }

    /// The entry at `key`.
    pub(crate) fn put(&self, key: Key) -> Result<Write, Failure> {
        Ok(Write::put(key, body_attrs(self)?).when(Guard::Absent))
    }
}
