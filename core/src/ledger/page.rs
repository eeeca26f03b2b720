//! Pages: the stored form of the events of one write.

use crate::event::event::Event;
use crate::event::label::Label;
use crate::event::name::Name;
use crate::event::quantities::{Quantities, Table};
use crate::event::totals::Totals;
use crate::limit::decision::Decision;
use crate::money::amount::Amount;
use crate::money::currency::Currency;
use crate::price::catalog::CardRef;
use crate::price::draft::Draft;
use crate::price::exchange::ExchangeRate;
use crate::time::instant::Instant;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// The events that one transaction recorded. Only erasing a
/// name changes it, and only that name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page {
    /// When the service received them.
    pub received: Instant,
    /// The configuration version under which they were decided.
    pub config_version: u64,
    /// The currency of all costs.
    pub currency: Currency,
    /// The events, in the order they were admitted.
    pub events: Vec<Stored>,
}

/// An event as it was recorded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stored {
    /// What was used.
    pub event: Event,
    /// What it cost, unrounded.
    pub cost: Amount,
    /// By which card version.
    pub card: CardRef,
    /// What was decided.
    pub decision: Decision,
    /// The event that this one takes back: then all figures, which are as that
    /// event has them, count with a minus.
    pub voids: Option<Name>,
}

impl Stored {
    /// `draft` as it is recorded.
    #[must_use]
    pub fn of(draft: &Draft, decision: Decision) -> Self {
        Self {
            event: draft.event.clone(),
            cost: draft.priced.cost,
            card: draft.priced.card.clone(),
            decision,
            voids: None,
        }
    }

    /// What it adds to spending: where it voids an event, its cost with a minus.
    #[must_use]
    pub fn signed_cost(&self) -> Amount {
        if self.voids.is_some() {
            self.cost.negated()
        } else {
            self.cost
        }
    }

    /// The cost that was given with it: where it voids an event, with a minus.
    #[must_use]
    pub fn signed_override(&self) -> Option<Amount> {
        let given = self.event.cost_override;
        if self.voids.is_some() {
            given.map(Amount::negated)
        } else {
            given
        }
    }

    /// What it adds up to: where it voids an event, its figures with a minus.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let totals = Totals::of(&self.event, self.cost);
        if self.voids.is_some() {
            totals.negated()
        } else {
            totals
        }
    }
}

/// Why bytes are not a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// They begin with a format that this version does not know.
    #[error("the page has an unknown format")]
    Format,
    /// They do not follow their format.
    #[error("the page is damaged")]
    Damaged,
}

const FORMAT: u8 = 4;

/// The texts of a row.
const TEXTS: usize = 5 + Label::COUNT;

/// Format 4: each distinct text once, then rows that refer to it by number
/// (0 = none).
#[derive(Serialize, Deserialize)]
struct Body {
    received: Instant,
    config_version: u64,
    currency: Currency,
    names: Vec<Name>,
    rows: Vec<RowBody>,
}

#[derive(Serialize, Deserialize)]
struct RowBody {
    timestamp: Instant,
    names: [u16; TEXTS],
    /// The nodes that it counts in, from its leaf up; 0 = the one named as its
    /// agent is, so that no name stands there beside the agent's own.
    path: Vec<u16>,
    card_version: u32,
    exchange: Option<ExchangeRate>,
    quantities: Table<u64>,
    latency_ms: Option<Amount>,
    /// Absent = 1.
    compliance_score: Option<Amount>,
    cost: Amount,
    /// As it was given: in another currency than the cost where that was
    /// converted.
    cost_override: Option<Amount>,
    decision: Decision,
    metadata: Option<String>,
}

impl Page {
    /// Compact bytes, led by the format's number.
    ///
    /// # Errors
    /// [`PageError::Damaged`] for more texts than a page can number.
    pub fn encode(&self) -> Result<Vec<u8>, PageError> {
        let mut names = Names::default();
        let rows: Result<Vec<RowBody>, PageError> =
            self.events.iter().map(|stored| names.row(stored)).collect();
        let body = Body {
            received: self.received,
            config_version: self.config_version,
            currency: self.currency,
            rows: rows?,
            names: names.list,
        };
        let mut bytes =
            Vec::with_capacity(self.events.len().saturating_mul(96).saturating_add(256));
        bytes.push(FORMAT);
        postcard::to_extend(&body, bytes).map_err(|_| PageError::Damaged)
    }

    /// Reads what [`Page::encode`] wrote.
    ///
    /// # Errors
    /// [`PageError`] for bytes of another format or none.
    pub fn decode(bytes: &[u8]) -> Result<Self, PageError> {
        let (format, body) = bytes.split_first().ok_or(PageError::Damaged)?;
        if *format != FORMAT {
            return Err(PageError::Format);
        }
        let body: Body = postcard::from_bytes(body).map_err(|_| PageError::Damaged)?;
        let Body {
            received,
            config_version,
            currency,
            names,
            rows,
        } = body;
        let events: Option<Vec<Stored>> = rows.into_iter().map(|row| row.read(&names)).collect();
        Ok(Self {
            received,
            config_version,
            currency,
            events: events.ok_or(PageError::Damaged)?,
        })
    }
}

#[derive(Default)]
struct Names {
    list: Vec<Name>,
    numbers: BTreeMap<Name, u16>,
    /// The numbers of the row before, which mostly has the same texts.
    last: [u16; TEXTS],
}

impl Names {
    fn number(&mut self, name: Option<&Name>, last: u16) -> Result<u16, PageError> {
        let Some(name) = name else { return Ok(0) };
        if self.list.get(usize::from(last).wrapping_sub(1)) == Some(name) {
            return Ok(last);
        }
        if let Some(number) = self.numbers.get(name) {
            return Ok(*number);
        }
        self.list.push(name.clone());
        let number = u16::try_from(self.list.len()).map_err(|_| PageError::Damaged)?;
        self.numbers.insert(name.clone(), number);
        Ok(number)
    }

    fn row(&mut self, stored: &Stored) -> Result<RowBody, PageError> {
        let Stored {
            event,
            cost,
            card,
            decision,
            voids,
        } = stored;
        let d = &event.dimensions;
        let own = [
            Some(&event.id),
            Some(&d.operation),
            Some(&d.tier),
            Some(&card.id),
            voids.as_ref(),
        ];
        let texts = own
            .into_iter()
            .chain(Label::ALL.map(|label| event.label(label)));
        let mut names = [0; TEXTS];
        let last = self.last;
        for ((number, text), last) in names.iter_mut().zip(texts).zip(last) {
            *number = self.number(text, last)?;
        }
        self.last = names;
        let mut number_of = |node: &Name| {
            let is_agent = d.agent.as_ref() == Some(node);
            self.number(Some(node).filter(|_| !is_agent), 0)
        };
        let path: Result<Vec<u16>, PageError> = d.path.iter().map(&mut number_of).collect();
        Ok(RowBody {
            timestamp: event.timestamp,
            names,
            path: path?,
            card_version: card.version,
            exchange: card.exchange,
            quantities: event.quantities.to_table(),
            latency_ms: event.latency_ms,
            compliance_score: Some(event.compliance_score)
                .filter(|score| Amount::whole(1) != Some(*score)),
            cost: *cost,
            cost_override: event.cost_override,
            decision: *decision,
            metadata: event.metadata.clone(),
        })
    }
}

impl RowBody {
    /// `None` where a number refers to no text.
    fn read(self, names: &[Name]) -> Option<Stored> {
        let [id, operation, tier, card, voids, labels @ ..] = self.names;
        let text = |number: u16| text(names, number);
        let mut event = Event::new(text(id)??, self.timestamp, text(operation)??);
        event.dimensions.tier = text(tier)??;
        for (label, number) in Label::ALL.into_iter().zip(labels) {
            *event.label_mut(label) = text(number)?;
        }
        event.dimensions.path = path(names, self.path, event.label(Label::Agent))?;
        event.quantities = Quantities::from_table(self.quantities);
        event.latency_ms = self.latency_ms;
        event.compliance_score = self.compliance_score.or_else(|| Amount::whole(1))?;
        event.cost_override = self.cost_override;
        event.metadata = self.metadata;
        let card = CardRef {
            id: text(card)??,
            version: self.card_version,
            exchange: self.exchange,
        };
        Some(Stored {
            event,
            cost: self.cost,
            card,
            decision: self.decision,
            voids: text(voids)?,
        })
    }
}

/// The text of this number, which may be none; `None` where there is no such.
fn text(names: &[Name], number: u16) -> Option<Option<Name>> {
    let Some(index) = usize::from(number).checked_sub(1) else {
        return Some(None);
    };
    names.get(index).cloned().map(Some)
}

/// The nodes of these numbers; `None` where one refers to no text.
fn path(names: &[Name], numbers: Vec<u16>, agent: Option<&Name>) -> Option<Vec<Name>> {
    let node = |number: u16| text(names, number)?.or_else(|| agent.cloned());
    numbers.into_iter().map(node).collect()
}
