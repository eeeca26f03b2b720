//! Answers about events: what was decided of them, and what they cost.

use crate::answers::limit::{LimitStatus, statuses};
use serde::{Deserialize, Serialize};
use tollgate_core::{
    Amount, Answer, Currency, Decision, Event, ExchangeRate, Instant, Name, ObjectionReason,
    Priced, Ruling, Standpoint,
};

/// The version of a rate card that priced something.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CardRef {
    /// The card.
    pub id: Name,
    /// Its version.
    pub version: u32,
}

impl From<&tollgate_core::CardRef> for CardRef {
    fn from(card: &tollgate_core::CardRef) -> Self {
        Self {
            id: card.id.clone(),
            version: card.version,
        }
    }
}

/// What an answer warns of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum WarningCode {
    /// A limit is passed: a soft one, or in observe mode any.
    LimitPassed,
    /// The card version that priced the hold lacks the tier: it was priced as the
    /// hold's.
    UnknownTier,
    /// Nothing had a price for it: it is recorded at a cost of 0.
    Unpriced,
}

/// Something that an answer warns of.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Warning {
    /// What kind it is.
    pub code: WarningCode,
    /// The limit that is passed, as it stood before the event.
    pub limit: Option<LimitStatus>,
    /// The tier that is not known.
    pub tier: Option<Name>,
}

impl Warning {
    fn passed(at: &Standpoint) -> Self {
        Self {
            code: WarningCode::LimitPassed,
            limit: Some(at.into()),
            tier: None,
        }
    }

    fn unpriced() -> Self {
        Self {
            code: WarningCode::Unpriced,
            limit: None,
            tier: None,
        }
    }

    pub(crate) fn unknown_tier(tier: &Name) -> Self {
        Self {
            code: WarningCode::UnknownTier,
            limit: None,
            tier: Some(tier.clone()),
        }
    }
}

/// Whether an event is told of for the first time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Telling {
    /// It was recorded by this request.
    First,
    /// It had been recorded before.
    Again {
        /// Whether it was taken back since.
        voided: bool,
    },
}

/// The answer to a recorded event, or to its replay.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Recorded {
    /// The event's id.
    pub event_id: Name,
    /// Always true.
    pub recorded: bool,
    /// Whether it had been recorded before.
    pub replayed: bool,
    /// Whether it was taken back since.
    pub voided: bool,
    /// When it happened.
    pub timestamp: Instant,
    /// What was used.
    pub operation: Name,
    /// Its price class.
    pub tier: Name,
    /// What it cost, exact.
    pub cost: Amount,
    /// The currency of the cost.
    pub currency: Currency,
    /// The version that priced it; null where nothing had a price for it.
    pub rate_card: Option<CardRef>,
    /// The rate that converted the card's currency; null where it is the tenant's.
    pub exchange_rate: Option<ExchangeRate>,
    /// What was decided of it.
    pub decision: Decision,
    /// What to know about it.
    pub warnings: Vec<Warning>,
    /// The deployment's; null where it has none.
    pub constitutional_hash: Option<String>,
}

impl Recorded {
    /// The answer about `event`; `passed` are the limits that it passes.
    #[must_use]
    pub fn new(
        event: &Event,
        answer: &Answer,
        telling: Telling,
        passed: &[Standpoint],
        hash: Option<&str>,
    ) -> Self {
        let unpriced = answer.card.is_none().then(Warning::unpriced);
        Self {
            event_id: event.id.clone(),
            recorded: true,
            replayed: telling != Telling::First,
            voided: telling == Telling::Again { voided: true },
            timestamp: answer.timestamp,
            operation: event.dimensions.operation.clone(),
            tier: event.dimensions.tier.clone(),
            cost: answer.cost,
            currency: answer.currency,
            rate_card: answer.card.as_ref().map(Into::into),
            exchange_rate: answer.card.as_ref().and_then(|card| card.exchange),
            decision: answer.decision,
            warnings: passed.iter().map(Warning::passed).chain(unpriced).collect(),
            constitutional_hash: hash.map(str::to_owned),
        }
    }
}

impl Recorded {
    /// Warns of what the card of a hold lacks: its tier, or a price of tokens that were
    /// used.
    pub fn warn_of_price(&mut self, lacks_tier: Option<&Name>, unpriced: bool) {
        self.warnings.extend(lacks_tier.map(Warning::unknown_tier));
        self.warnings.extend(unpriced.then(Warning::unpriced));
    }
}

/// What an event would cost and how it would be decided.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Checked {
    /// What would be decided of it.
    pub decision: Decision,
    /// What refuses it apart from limits.
    pub reason: Option<ObjectionReason>,
    /// What it would cost, exact.
    pub cost: Amount,
    /// The currency of the cost.
    pub currency: Currency,
    /// The version that prices it; null where nothing has a price for it.
    pub rate_card: Option<CardRef>,
    /// The rate that converts the card's currency; null where it is the tenant's.
    pub exchange_rate: Option<ExchangeRate>,
    /// The limits that it comes under, as they stand without it.
    pub limits: Vec<LimitStatus>,
    /// Whether the store was out of reach, so that no limit was read.
    pub degraded: bool,
}

impl Checked {
    /// The answer; `degraded` = the store was out of reach.
    #[must_use]
    pub fn new(priced: &Priced, ruling: &Ruling, degraded: bool) -> Self {
        Self {
            decision: ruling.decision,
            reason: ruling
                .objections
                .first()
                .map(|objection| objection.reason()),
            cost: priced.cost,
            currency: priced.currency,
            rate_card: priced.card.as_ref().map(Into::into),
            exchange_rate: priced.card.as_ref().and_then(|card| card.exchange),
            limits: statuses(&ruling.limits),
            degraded,
        }
    }
}

/// The answer to a void.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Voided {
    /// The event that takes the other back.
    pub event_id: Name,
    /// The event that is taken back.
    pub voids: Name,
    /// Always true.
    pub voided: bool,
    /// Whether it had been voided before.
    pub replayed: bool,
    /// When the voided event happened.
    pub timestamp: Instant,
    /// What is taken back; never above 0.
    pub cost: Amount,
    /// The currency of the cost.
    pub currency: Currency,
}

impl Voided {
    /// `id` is of the event that takes `event` back.
    #[must_use]
    pub fn new(id: &Name, event: &Name, answer: &Answer, replayed: bool) -> Self {
        Self {
            event_id: id.clone(),
            voids: event.clone(),
            voided: true,
            replayed,
            timestamp: answer.timestamp,
            cost: answer.cost,
            currency: answer.currency,
        }
    }
}

/// What ASAP's form is answered with.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UsageRecorded {
    /// Always `recorded`.
    pub status: RecordedWord,
    /// The task.
    pub task_id: Option<Name>,
    /// The event's id, made of its content.
    pub event_id: Name,
}

/// What a batch of ASAP's form is answered with.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UsageBatchRecorded {
    /// Always `recorded`.
    pub status: RecordedWord,
    /// How many events.
    pub count: usize,
    /// Their tasks, in order.
    pub task_ids: Vec<Option<Name>>,
}

/// The word `recorded`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RecordedWord {
    /// It is.
    Recorded,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{json, to_value};

    #[test]
    fn a_recorded_event_is_answered_as_the_contract_says() {
        let name = |text| Name::new(text).unwrap();
        let at: Instant = "2026-11-22T10:00:00Z".parse().unwrap();
        let answer = Answer {
            timestamp: at,
            timestamp_given: true,
            cost: "0.0015".parse().unwrap(),
            currency: Currency::USD,
            card: Some(tollgate_core::CardRef {
                id: name("default"),
                version: 1,
                over: 0,
                exchange: None,
            }),
            decision: Decision::Allow,
        };
        let event = Event::new(name("e1"), at, name("x"));
        let body = to_value(Recorded::new(
            &event,
            &answer,
            Telling::First,
            &[],
            Some("cdd0"),
        ))
        .unwrap();
        let expected = json!({"event_id":"e1","recorded":true,"replayed":false,"voided":false,
            "timestamp":"2026-11-22T10:00:00Z","operation":"x","tier":"standard",
            "cost":"0.0015","currency":"USD",
            "rate_card":{"id":"default","version":1},"exchange_rate":null,"decision":"allow",
            "warnings":[],"constitutional_hash":"cdd0"});
        assert_eq!(body, expected);
        let again = Telling::Again { voided: true };
        let again = to_value(Recorded::new(&event, &answer, again, &[], None)).unwrap();
        assert_eq!(again["constitutional_hash"], json!(null));
        assert_eq!(
            (&again["replayed"], &again["voided"]),
            (&json!(true), &json!(true))
        );
    }
}
