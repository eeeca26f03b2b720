//! Holds: money and quantity set aside before a call whose cost is unknown.

use crate::event::event::Event;
use crate::event::fingerprint::Fingerprint;
use crate::event::name::Name;
use crate::ledger::form::{Form, FormError};
use crate::ledger::item::{Attrs, Guard, Role, Value, Write};
use crate::ledger::marker::Marker;
use crate::ledger::page::page::{Page, Stored};
use crate::ledger::posting::Posting;
use crate::ledger::table;
use crate::limit::measure::Measure;
use crate::money::currency::Currency;
use crate::price::draft::Draft;
use crate::price::priced::Priced;
use crate::time::instant::Instant;
use crate::words::words;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// The longest that a hold lives however often it is extended: 30 days, less
/// than any counter that it counts in.
pub const HOLD_SECONDS_MAX: i64 = 30 * 86_400;

/// A hold: an estimate that counts against limits as if it were used, until it
/// is captured, released or expires.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hold {
    /// The event that is expected, under the hold's own id; its price, and
    /// what was decided of it.
    pub estimate: Stored,
    /// The currency of its cost.
    pub currency: Currency,
    /// What was asked, to know it again.
    pub asked: Asked,
    /// When it was taken.
    pub created: Instant,
    /// The first instant at which it counts no more.
    pub expires: Instant,
    /// The most output tokens that the money left paid for when it was taken,
    /// where that was asked and money bounds it.
    pub max_tokens_out: Option<u64>,
    /// What it holds: of each figure, then of credit in the order that it was
    /// drawn.
    pub postings: Vec<Posting>,
    /// How it ended; `None` = it is open.
    pub closing: Option<Closing>,
    /// The configuration version that it was taken under, or that it was last
    /// counted anew for.
    pub config_version: u64,
    /// 1 when it is taken, one more with each change.
    pub version: u64,
}

/// What a client asked for, as far as a repeat has to be the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Asked {
    /// Of the estimate as it was sent.
    pub fingerprint: Fingerprint,
    /// Whether the client named the timestamp.
    pub timestamp_given: bool,
    /// For how long, in seconds.
    pub ttl_seconds: u32,
    /// Whether the hold may be cut to what the money left pays for.
    pub max_affordable: bool,
}

/// How a hold ended. Only one that expired may still be captured.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Closing {
    /// What was used is booked as an event.
    Captured {
        /// When.
        at: Instant,
        /// The event's id.
        event: Name,
        /// The event's marker.
        marker: Box<Marker>,
        /// Whether its time was over by then.
        late: bool,
    },
    /// It was given back.
    Released(Instant),
    /// Its time was over.
    Expired(Instant),
}

words! {
    /// Where a hold is in its life.
    pub enum HoldState {
        /// It counts against limits.
        Open = "open",
        /// What was used is booked.
        Captured = "captured",
        /// It was given back.
        Released = "released",
        /// Its time is over.
        Expired = "expired",
    }
}

/// The estimate as a page of one event, and the rest.
#[derive(Serialize, Deserialize)]
struct Body {
    estimate: Vec<u8>,
    asked: Asked,
    expires: Instant,
    max_tokens_out: Option<u64>,
    postings: Vec<Posting>,
}

impl Asked {
    /// What `event` is asked to be held for.
    #[must_use]
    pub fn new(
        event: &Event,
        timestamp_given: bool,
        ttl_seconds: u32,
        max_affordable: bool,
    ) -> Self {
        Self {
            fingerprint: Fingerprint::of(event),
            timestamp_given,
            ttl_seconds,
            max_affordable,
        }
    }
}

impl Closing {
    fn state(&self) -> HoldState {
        match self {
            Self::Captured { .. } => HoldState::Captured,
            Self::Released(_) => HoldState::Released,
            Self::Expired(_) => HoldState::Expired,
        }
    }
}

impl Hold {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> &Name {
        &self.estimate.event.id
    }

    /// Whether `asked`, of an estimate at `timestamp`, is the request that it
    /// was taken for. A timestamp that was left out, now or then, is not
    /// compared.
    #[must_use]
    pub fn answers(&self, asked: &Asked, timestamp: Instant) -> bool {
        let compared = asked.timestamp_given && self.asked.timestamp_given;
        let same_time = !compared || timestamp == self.estimate.event.timestamp;
        same_time
            && Asked {
                timestamp_given: self.asked.timestamp_given,
                ..*asked
            } == self.asked
    }

    /// Where it is at `now`: from its expiry on it is expired, whether or not
    /// anyone has written so.
    #[must_use]
    pub fn state(&self, now: Instant) -> HoldState {
        match self.stored_state() {
            HoldState::Open if self.expires <= now => HoldState::Expired,
            state => state,
        }
    }

    /// Where it is as far as it is written.
    fn stored_state(&self) -> HoldState {
        self.closing
            .as_ref()
            .map_or(HoldState::Open, Closing::state)
    }

    /// Whether its time is over at `now` and nobody has written so.
    #[must_use]
    pub fn is_due(&self, now: Instant) -> bool {
        self.closing.is_none() && self.expires <= now
    }

    /// Of each measure what `used`, at a cost of `cost` units of 1e-18, leaves
    /// of the hold, and what it uses above it; one of the two is 0.
    #[must_use]
    pub fn settlement(&self, used: &Event, cost: i128) -> Vec<(Measure, i128, i128)> {
        let measures = [
            Measure::Spend,
            Measure::Units,
            Measure::Tokens,
            Measure::TokensIn,
            Measure::TokensOut,
            Measure::ApiCalls,
            Measure::DurationMs,
        ];
        let difference = |measure: Measure| {
            let left = measure
                .of(&self.estimate.event, self.estimate.cost.units())
                .saturating_sub(measure.of(used, cost));
            (measure, left.max(0), left.saturating_neg().max(0))
        };
        measures.into_iter().map(difference).collect()
    }

    /// Reads a stored hold.
    #[must_use]
    pub fn from_attrs(attrs: &Attrs) -> Option<Self> {
        let body = attrs.get(table::BODY)?.as_bytes()?;
        let body: Body = Form::Hold.decode(body, &[]).ok()?;
        let Page {
            received,
            config_version,
            currency,
            events,
            ..
        } = Page::decode(&body.estimate).ok()?;
        let closing = attrs
            .get(table::CLOSING)
            .and_then(Value::as_bytes)
            .map(|closing| Form::Closing.decode(closing, &[]));
        Some(Self {
            estimate: events.into_iter().next()?,
            currency,
            asked: body.asked,
            created: received,
            expires: body.expires,
            max_tokens_out: body.max_tokens_out,
            postings: body.postings,
            closing: closing.transpose().ok()?,
            config_version,
            version: u64::try_from(attrs.get(table::VERSION)?.as_number()?).ok()?,
        })
    }

    /// The write that stores it, open; an open one has no TTL, since only its
    /// stored time ends it.
    ///
    /// # Errors
    /// [`FormError`] for an estimate that no page holds.
    pub fn write(&self, tenant: &Name) -> Result<Write, FormError> {
        let page = Page {
            received: self.created,
            config_version: self.config_version,
            currency: self.currency,
            events: alloc::vec![self.estimate.clone()],
            sealed: None,
        };
        let body = Body {
            // The version of a page that a hold's own version holds.
            estimate: Form::before(&page.encode([0; 32])?).ok_or(FormError::Damaged)?,
            asked: self.asked,
            expires: self.expires,
            max_tokens_out: self.max_tokens_out,
            postings: self.postings.clone(),
        };
        let attrs = Attrs::from([
            (
                Arc::from(table::BODY),
                Value::B(Form::Hold.encode(&body, &[])?),
            ),
            (
                Arc::from(table::STATE),
                Value::S(String::from(HoldState::Open.as_str())),
            ),
            (
                Arc::from(table::VERSION),
                Value::N(i128::from(self.version)),
            ),
        ]);
        Ok(Write::put(table::hold(tenant, self.id()), attrs).in_role(Role::Hold))
    }

    /// The write that ends it by `closing`, if it stands as it was read: open, or
    /// for a capture expired. It is forgotten at `expires`.
    ///
    /// # Errors
    /// [`FormError::Damaged`] for what cannot be encoded.
    pub fn write_closing(
        &self,
        tenant: &Name,
        closing: &Closing,
        expires: Instant,
    ) -> Result<Write, FormError> {
        let key = table::hold(tenant, self.id());
        let write = write_closing(key, self.version, closing, expires)?;
        let from = match (closing, &self.closing) {
            (Closing::Captured { .. }, Some(Closing::Expired(_))) => HoldState::Expired,
            _ => HoldState::Open,
        };
        Ok(write.when(guard_state(from)).when(self.guard_version()))
    }

    /// Holds while its version is as it was read.
    pub(crate) fn guard_version(&self) -> Guard {
        Guard::Equals(
            Arc::from(table::VERSION),
            Value::N(i128::from(self.version)),
        )
    }

    /// The estimate as it would be recorded.
    #[must_use]
    pub fn draft(&self) -> Draft {
        let Stored {
            event, cost, card, ..
        } = self.estimate.clone();
        Draft::new(
            event,
            Priced {
                cost,
                currency: self.currency,
                card,
            },
            self.asked.timestamp_given,
        )
    }
}

/// Holds while the hold's state is `state`.
pub(crate) fn guard_state(state: HoldState) -> Guard {
    let state = Value::S(String::from(state.as_str()));
    Guard::Equals(Arc::from(table::STATE), state)
}

/// The write that ends the hold at `key`, of `version`, by `closing`.
pub(crate) fn write_closing(
    key: crate::ledger::item::Key,
    version: u64,
    closing: &Closing,
    expires: Instant,
) -> Result<Write, FormError> {
    let bytes = Form::Closing.encode(closing, &[])?;
    let number = |number: i128| Value::N(number);
    let set = alloc::vec![
        (Arc::from(table::CLOSING), Value::B(bytes)),
        (
            Arc::from(table::STATE),
            Value::S(String::from(closing.state().as_str()))
        ),
        (
            Arc::from(table::VERSION),
            number(i128::from(version.saturating_add(1)))
        ),
        (
            Arc::from(table::TTL),
            number(i128::from(expires.unix_seconds()))
        ),
    ];
    Ok(Write::set(key, set).in_role(Role::Hold))
}
