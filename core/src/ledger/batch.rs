//! Markers of sealed batches: one for all of a batch's events.

use crate::event::fingerprint::Fingerprint;
use crate::event::name::Name;
use crate::ledger::form::{Form, FormError};
use crate::ledger::item::{Attrs, Guard, Key, Role, Value, Write};
use crate::ledger::table;
use crate::time::instant::{DAY_SECONDS, Instant};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// How far a sealed batch is recorded, and what became of its events that are in no
/// page. Its packs are recorded in order; each moves it from where it stood, so two
/// senders never record one event twice.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BatchMarker {
    /// Of all that was sent.
    pub fingerprint: Fingerprint,
    /// When its first sending was received: what left out a timestamp has this one.
    pub received: Instant,
    /// How many events it has, bad ones counted.
    pub count: u32,
    /// How many of the first are settled: recorded or refused.
    pub settled: u32,
    /// Its pages: the first place in the batch that each does not cover, and where it
    /// is (`stretch/ulid`).
    pub packs: Vec<(u32, String)>,
    /// The events that were refused, by their place.
    pub refused: BTreeMap<u32, Refused>,
    /// The events that were voided, by their place.
    pub voided: BTreeSet<u32>,
    /// When it is forgotten.
    pub expires: Instant,
}

/// Why an event of a sealed batch was refused: what a repeat is told.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Refused {
    /// It passes a limit: of money or not, and which.
    Limit {
        /// Whether it is one of money.
        money: bool,
        /// The limit's id.
        limit: Name,
    },
    /// No credit covers it, or its node is disabled.
    Budget,
    /// The tenant has no plan in force.
    Plan,
    /// Its time, its node or its operation is none that is accepted.
    Invalid,
    /// It cannot be priced.
    Unpriced,
    /// Its price is in another currency than the tenant's.
    Currency,
}

#[derive(Serialize, Deserialize)]
struct Body {
    fingerprint: Fingerprint,
    received: Instant,
    count: u32,
    packs: Vec<(u32, String)>,
    refused: BTreeMap<u32, Refused>,
}

impl BatchMarker {
    /// Of a batch of which nothing is recorded yet.
    #[must_use]
    pub fn new(fingerprint: Fingerprint, received: Instant, count: u32) -> Self {
        Self {
            fingerprint,
            received,
            count,
            settled: 0,
            packs: Vec::new(),
            refused: BTreeMap::new(),
            voided: BTreeSet::new(),
            expires: Instant::EPOCH,
        }
    }

    /// Whether all of its events are settled.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.settled >= self.count
    }

    /// The page (`stretch/ulid`) that holds the event at this place, if it was
    /// recorded.
    #[must_use]
    pub fn page_of(&self, index: u32) -> Option<&str> {
        if self.refused.contains_key(&index) {
            return None;
        }
        let pack = self.packs.iter().find(|(end, _)| index < *end);
        pack.map(|(_, page)| page.as_str())
    }

    /// Whether the page `ulid` is one of its.
    #[must_use]
    pub fn is_in_page(&self, ulid: &str) -> bool {
        let mut packs = self.packs.iter();
        packs.any(|(_, page)| page.rsplit('/').next() == Some(ulid))
    }

    /// Reads a stored marker.
    #[must_use]
    pub fn from_attrs(attrs: &Attrs) -> Option<Self> {
        let body = attrs.get(table::BODY)?.as_bytes()?;
        let body: Body = Form::Batch.decode(body, &[]).ok()?;
        let number = |name: &str| attrs.get(name).and_then(Value::as_number);
        let voided = attrs
            .get(table::VOIDED)
            .map_or(Some(BTreeSet::new()), |voided| {
                Form::Voided.decode(voided.as_bytes()?, &[]).ok()
            })?;
        let expires = i64::try_from(number(table::TTL)?).ok()?.checked_mul(1000)?;
        Some(Self {
            fingerprint: body.fingerprint,
            received: body.received,
            count: body.count,
            settled: u32::try_from(number(table::SETTLED_EVENTS)?).ok()?,
            packs: body.packs,
            refused: body.refused,
            voided,
            expires: Instant::from_millis(expires).ok()?,
        })
    }

    /// The write that moves it here from where `before` of its events were settled;
    /// `None` = nothing was recorded.
    ///
    /// # Errors
    /// [`FormError::Damaged`] for what cannot be encoded.
    pub fn write(&self, key: Key, before: Option<u32>) -> Result<Write, FormError> {
        let body = Body {
            fingerprint: self.fingerprint,
            received: self.received,
            count: self.count,
            packs: self.packs.clone(),
            refused: self.refused.clone(),
        };
        let settled = |count: u32| Value::N(i128::from(count));
        let name = || Arc::from(table::SETTLED_EVENTS);
        let set = alloc::vec![
            (
                Arc::from(table::BODY),
                Value::B(Form::Batch.encode(&body, &[])?)
            ),
            (name(), settled(self.settled)),
            (
                Arc::from(table::TTL),
                Value::N(i128::from(self.expires.unix_seconds())),
            ),
        ];
        let guard = match before {
            None => Guard::Absent,
            Some(before) => Guard::Equals(name(), settled(before)),
        };
        Ok(Write::set(key, set).when(guard).in_role(Role::Batch))
    }

    /// The write that notes that the event at `index` is voided too, if no other was
    /// meanwhile.
    ///
    /// # Errors
    /// [`FormError::Damaged`] for what cannot be encoded.
    pub fn write_voided(&self, key: Key, index: u32) -> Result<Write, FormError> {
        let count = |voided: &BTreeSet<u32>| {
            let count = i128::try_from(voided.len()).unwrap_or(i128::MAX);
            (Arc::from(table::VOIDED_EVENTS), Value::N(count))
        };
        let (name, known) = count(&self.voided);
        let guard = if self.voided.is_empty() {
            Guard::Lacks(name)
        } else {
            Guard::Equals(name, known)
        };
        let mut voided = self.voided.clone();
        voided.insert(index);
        let bytes = Value::B(Form::Voided.encode(&voided, &[])?);
        let set = alloc::vec![(Arc::from(table::VOIDED), bytes), count(&voided)];
        let write = Write::set(key, set);
        Ok(write.when(guard).when(Guard::Present))
    }

    /// When it is forgotten if an event that is kept until `kept` is in it.
    pub(crate) fn keep_until(&mut self, kept: Instant) {
        self.expires = self.expires.max(kept.plus_seconds(DAY_SECONDS));
    }
}
