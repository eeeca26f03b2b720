//! Markers: proof that an event was recorded, and the answer it got.

use crate::event::event::Event;
use crate::event::fingerprint::Fingerprint;
use crate::event::name::Name;
use crate::ledger::form::{Form, FormError};
use crate::ledger::item::{Attrs, Guard, Value, Write};
use crate::ledger::page::page::Stored;
use crate::ledger::posting::Posting;
use crate::ledger::table;
use crate::limit::decision::Decision;
use crate::money::amount::Amount;
use crate::money::currency::Currency;
use crate::price::priced::CardRef;
use crate::time::instant::Instant;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// What is kept of a recorded event beside its page: enough to recognise it
/// and to answer it again.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Marker {
    /// Of the recorded content.
    pub fingerprint: Fingerprint,
    /// What was answered.
    pub answer: Answer,
    /// `stretch/ulid/index` of the event in its page.
    pub page: String,
    /// What it took of credit.
    pub draws: Vec<Posting>,
}

/// The figures of an answer, the same each time it is asked for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Answer {
    /// When the event happened.
    pub timestamp: Instant,
    /// Whether the client said so.
    pub timestamp_given: bool,
    /// What it cost.
    pub cost: Amount,
    /// In which currency.
    pub currency: Currency,
    /// By which card; `None` = nothing had a price for it.
    pub card: Option<CardRef>,
    /// What was decided.
    pub decision: Decision,
}

impl Answer {
    /// The answer to an event as it stands in a page whose costs are in `currency`; its
    /// timestamp was named.
    #[must_use]
    pub fn of(stored: &Stored, currency: Currency) -> Self {
        Self {
            timestamp: stored.event.timestamp,
            timestamp_given: true,
            cost: stored.signed_cost(),
            currency,
            card: stored.card.clone(),
            decision: stored.decision,
        }
    }
}

const DRAWS: &str = "cr";

impl Marker {
    /// Whether `event` is the recorded event sent again. A timestamp that the
    /// client left out, now or then, is not compared.
    #[must_use]
    pub fn matches(&self, event: &Event, timestamp_given: bool) -> bool {
        let compared = timestamp_given && self.answer.timestamp_given;
        let same_time = !compared || event.timestamp == self.answer.timestamp;
        same_time && self.fingerprint == Fingerprint::of(event)
    }

    /// Whether the page `ulid` holds it.
    #[must_use]
    pub fn is_in_page(&self, ulid: &str) -> bool {
        self.page.split('/').nth(1) == Some(ulid)
    }

    /// The stretch and the ulid of the event's page, and its place there.
    #[must_use]
    pub fn place(page: &str) -> Option<(&str, &str, usize)> {
        let mut parts = page.split('/');
        Some((parts.next()?, parts.next()?, parts.next()?.parse().ok()?))
    }

    /// Reads a stored marker.
    #[must_use]
    pub fn from_attrs(attrs: &Attrs) -> Option<Self> {
        let answer = attrs.get(table::ANSWER)?.as_bytes()?;
        Some(Self {
            fingerprint: Fingerprint::from_bytes(attrs.get(table::FINGERPRINT)?.as_bytes()?)?,
            answer: Form::Marker.decode(answer, &beside(attrs)).ok()?,
            page: String::from(attrs.get(table::PAGE)?.as_text()?),
            draws: attrs.get(DRAWS).map_or(Some(Vec::new()), |draws| {
                postcard::from_bytes(draws.as_bytes()?).ok()
            })?,
        })
    }

    /// The write that records it of `event`: refused where that already is.
    ///
    /// # Errors
    /// [`FormError::Damaged`] for what cannot be encoded.
    pub fn write(
        &self,
        tenant: &Name,
        event: &Event,
        expires: Instant,
    ) -> Result<Write, FormError> {
        let mut attrs = Attrs::from([
            (
                Arc::from(table::FINGERPRINT),
                Value::B(self.fingerprint.to_bytes()),
            ),
            (Arc::from(table::PAGE), Value::S(self.page.clone())),
            (
                Arc::from(table::TTL),
                Value::N(i128::from(expires.unix_seconds())),
            ),
        ]);
        if !self.draws.is_empty() {
            let draws = postcard::to_allocvec(&self.draws).map_err(|_| FormError::Damaged)?;
            attrs.insert(Arc::from(DRAWS), Value::B(draws));
        }
        let answer = Form::Marker.encode(&self.answer, &beside(&attrs))?;
        attrs.insert(Arc::from(table::ANSWER), Value::B(answer));
        if let Some(task) = &event.task {
            attrs.insert(
                Arc::from(table::TASK_KEY),
                Value::S(table::task(tenant, task)),
            );
            let sort = format!("{}|{}", event.timestamp.sortable(), event.id);
            attrs.insert(Arc::from(table::TASK_SORT), Value::S(sort));
        }
        Ok(Write::put(table::marker(tenant, &event.id), attrs).when(Guard::Absent))
    }
}

/// What the checksum of the answer is of too.
pub(crate) fn beside(attrs: &Attrs) -> [&[u8]; 3] {
    [table::FINGERPRINT, table::PAGE, DRAWS].map(|name| match attrs.get(name) {
        Some(Value::B(bytes)) => bytes.as_slice(),
        Some(Value::S(text)) => text.as_bytes(),
        Some(Value::N(_)) | None => &[],
    })
}
