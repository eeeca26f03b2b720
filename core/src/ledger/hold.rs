//! Holds: money and quantity set aside before a call whose cost is unknown.

use crate::event::event::Event;
use crate::event::fingerprint::Fingerprint;
use crate::event::name::Name;
use crate::ledger::item::{Attrs, Value};
use crate::ledger::marker::Marker;
use crate::ledger::page::{Page, PageError, Stored};
use crate::ledger::table;
use crate::limit::counter::CounterKey;
use crate::limit::measure::Measure;
use crate::money::currency::Currency;
use crate::price::catalog::Priced;
use crate::price::draft::Draft;
use crate::time::instant::Instant;
use alloc::boxed::Box;
use alloc::format;
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
    /// What it took of each series, one for each attribute of a counter.
    pub parts: Vec<Part>,
    /// How it ended; `None` = it is open.
    pub closing: Option<Closing>,
    /// The configuration version that it was taken under.
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

/// What a hold took of one series.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Part {
    counter: CounterKey,
    measure: Measure,
    since: u64,
    amount: i128,
}

/// How a hold ended. Exactly one of these ever happens to it.
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
    },
    /// It was given back.
    Released(Instant),
    /// Its time was over.
    Expired(Instant),
}

/// Where a hold is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HoldState {
    /// It counts against limits.
    Open,
    /// What was used is booked.
    Captured,
    /// It was given back.
    Released,
    /// Its time is over.
    Expired,
}

/// What was really used, as a client says it of a hold. What it leaves out of
/// whom, what and where is the hold's; its quantities are its own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Actual {
    /// The event's id; absent = the hold's.
    pub id: Option<Name>,
    /// The event's time; absent = the hold's, and no other is taken.
    pub timestamp: Option<Instant>,
    /// The operation; absent = the hold's, and no other is taken.
    pub operation: Option<Name>,
    /// The price class; absent = the hold's.
    pub tier: Option<Name>,
    /// All else. Its id, timestamp, operation and tier mean nothing.
    pub event: Event,
}

/// A field that a capture must have as its hold has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the hold's")]
pub struct Mismatch(pub &'static str);

const FORMAT: u8 = 2;

const OPEN: &str = "open";

/// Format 2: the estimate as a page of one event, and the rest.
#[derive(Serialize, Deserialize)]
struct Body {
    estimate: Vec<u8>,
    asked: Asked,
    expires: Instant,
    max_tokens_out: Option<u64>,
    parts: Vec<Part>,
    closing: Option<Closing>,
}

impl HoldState {
    /// Its name in JSON and in the table.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => OPEN,
            Self::Captured => "captured",
            Self::Released => "released",
            Self::Expired => "expired",
        }
    }
}

impl Part {
    pub(crate) fn new(counter: CounterKey, measure: Measure, since: u64, amount: i128) -> Self {
        Self {
            counter,
            measure,
            since,
            amount,
        }
    }

    /// The counter that it was taken of.
    #[must_use]
    pub fn counter(&self) -> &CounterKey {
        &self.counter
    }

    /// The attribute that holds used and held together.
    pub(crate) fn taken_attribute(&self) -> Arc<str> {
        Arc::from(format!("u:{}:{}", self.measure, self.since))
    }

    /// The attribute that holds the held part.
    pub(crate) fn held_attribute(&self) -> Arc<str> {
        Arc::from(format!("h:{}:{}", self.measure, self.since))
    }

    /// What it counts.
    #[must_use]
    pub fn measure(&self) -> &Measure {
        &self.measure
    }

    /// How much was taken, in units of the measure.
    #[must_use]
    pub fn amount(&self) -> i128 {
        self.amount
    }
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
        match &self.closing {
            Some(Closing::Captured { .. }) => HoldState::Captured,
            Some(Closing::Released(_)) => HoldState::Released,
            Some(Closing::Expired(_)) => HoldState::Expired,
            None if self.expires <= now => HoldState::Expired,
            None => HoldState::Open,
        }
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
        let (format, body) = attrs.get(table::BODY)?.as_bytes()?.split_first()?;
        if *format != FORMAT {
            return None;
        }
        let Body {
            estimate,
            asked,
            expires,
            max_tokens_out,
            parts,
            closing,
        } = postcard::from_bytes(body).ok()?;
        let Page {
            received,
            config_version,
            currency,
            events,
        } = Page::decode(&estimate).ok()?;
        let version = u64::try_from(attrs.get(table::VERSION)?.as_number()?).ok()?;
        Some(Self {
            estimate: events.into_iter().next()?,
            currency,
            asked,
            created: received,
            expires,
            max_tokens_out,
            parts,
            closing,
            config_version,
            version,
        })
    }

    /// Its stored form; an open one has no `ttl`, since only its stored time
    /// ends it.
    ///
    /// # Errors
    /// [`PageError`] for an estimate that no page holds.
    pub(crate) fn attrs(&self, ttl: Option<Instant>) -> Result<Attrs, PageError> {
        let page = Page {
            received: self.created,
            config_version: self.config_version,
            currency: self.currency,
            events: alloc::vec![self.estimate.clone()],
        };
        let body = Body {
            estimate: page.encode()?,
            asked: self.asked,
            expires: self.expires,
            max_tokens_out: self.max_tokens_out,
            parts: self.parts.clone(),
            closing: self.closing.clone(),
        };
        let bytes =
            postcard::to_extend(&body, alloc::vec![FORMAT]).map_err(|_| PageError::Damaged)?;
        // Stored is what happened, whatever the time.
        let state = if self.closing.is_none() {
            HoldState::Open
        } else {
            self.state(self.created)
        };
        let mut attrs = Attrs::from([
            (Arc::from(table::BODY), Value::B(bytes)),
            (
                Arc::from(table::STATE),
                Value::S(String::from(state.as_str())),
            ),
            (
                Arc::from(table::VERSION),
                Value::N(i128::from(self.version)),
            ),
        ]);
        attrs.extend(ttl.map(|ttl| {
            (
                Arc::from(table::TTL),
                Value::N(i128::from(ttl.unix_seconds())),
            )
        }));
        Ok(attrs)
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

impl Actual {
    /// The event to be booked for `hold`.
    ///
    /// # Errors
    /// [`Mismatch`] names the first field that must be the hold's and is not.
    pub fn of(&self, hold: &Hold) -> Result<Event, Mismatch> {
        let held = &hold.estimate.event;
        let (at, asked) = (&held.dimensions, &self.event.dimensions);
        let other = |said: Option<&Name>, held: Option<&Name>| said.is_some() && said != held;
        let fields = [
            (
                "operation",
                other(self.operation.as_ref(), Some(&at.operation)),
            ),
            ("agent_id", other(asked.agent.as_ref(), at.agent.as_ref())),
            (
                "consumer_id",
                other(asked.consumer.as_ref(), at.consumer.as_ref()),
            ),
            (
                "session_id",
                other(asked.session.as_ref(), at.session.as_ref()),
            ),
            (
                "tool_server",
                other(asked.tool_server.as_ref(), at.tool_server.as_ref()),
            ),
            (
                "tool_name",
                other(asked.tool_name.as_ref(), at.tool_name.as_ref()),
            ),
            ("budget_node", other(asked.node.as_ref(), at.node.as_ref())),
            (
                "timestamp",
                self.timestamp.is_some_and(|said| said != held.timestamp),
            ),
        ];
        if let Some((field, _)) = fields.into_iter().find(|(_, differs)| *differs) {
            return Err(Mismatch(field));
        }
        let mut dimensions = at.clone();
        dimensions.tier = self.tier.clone().unwrap_or(dimensions.tier);
        dimensions.model = asked.model.clone().or(dimensions.model);
        Ok(Event {
            id: self.id.clone().unwrap_or_else(|| held.id.clone()),
            timestamp: held.timestamp,
            dimensions,
            task: self.event.task.clone().or_else(|| held.task.clone()),
            provider: self
                .event
                .provider
                .clone()
                .or_else(|| held.provider.clone()),
            metadata: self
                .event
                .metadata
                .clone()
                .or_else(|| held.metadata.clone()),
            ..self.event.clone()
        })
    }
}
