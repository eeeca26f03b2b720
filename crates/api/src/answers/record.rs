//! Events as they are shown once they are recorded.

use crate::answers::event::CardRef;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tollgate_core::{
    Amount, Component, Currency, Decision, ExchangeRate, Instant, Label, Name, Stored,
};

/// An event as it was recorded, and its answer. Quantities that are 0 and names that it
/// lacks are left out; the figures of an event that voids another have a minus.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StoredEvent {
    /// The client's, or `<batch_id>~<index>` of an event of a sealed batch.
    pub id: Name,
    /// Whose it is.
    pub tenant_id: Name,
    /// When it happened.
    pub timestamp: Instant,
    /// What was used.
    pub operation: Name,
    /// Its price class.
    pub tier: Name,
    /// The operation's own unit; there even where it is 0, since 1 is meant where it is
    /// left out.
    pub units: i128,
    /// Input tokens.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub tokens_in: i128,
    /// Of them, those from a cache.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cached_tokens_in: i128,
    /// Of them, those written to a cache.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cache_write_tokens_in: i128,
    /// Of them, those written to a cache for an hour.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cache_write_1h_tokens_in: i128,
    /// Of them, those of sound.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub audio_tokens_in: i128,
    /// Of them, those of sound from a cache.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cached_audio_tokens_in: i128,
    /// Of them, those of images.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub image_tokens_in: i128,
    /// Of them, those of films.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub video_tokens_in: i128,
    /// Output tokens.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub tokens_out: i128,
    /// Of them, those thought and not said.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reasoning_tokens_out: i128,
    /// Of them, those of sound.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub audio_tokens_out: i128,
    /// Of them, those of images.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub image_tokens_out: i128,
    /// Other tokens.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub tokens_processed: i128,
    /// Calls.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub api_calls: i128,
    /// Searches.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub searches: i128,
    /// Images.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub images: i128,
    /// Pages.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub pages: i128,
    /// Characters.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub characters: i128,
    /// Milliseconds worked.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub duration_ms: i128,
    /// Bytes moved.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub data_bytes: i128,
    /// How long it took, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<Amount>,
    /// From 0 to 1.
    pub compliance_score: Amount,
    /// Who did the work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<Name>,
    /// For whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consumer_id: Option<Name>,
    /// In which session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<Name>,
    /// As a step of which task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_id: Option<Name>,
    /// The server of the tool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_server: Option<Name>,
    /// The tool on that server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_name: Option<Name>,
    /// The model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<Name>,
    /// Who sold it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<Name>,
    /// The leaf of the tree of budgets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget_node: Option<Name>,
    /// The price that was given with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_override: Option<Amount>,
    /// Whatever was sent, its numbers as they were written.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<serde_json::Value>"))]
    pub metadata: Option<Box<RawValue>>,
    /// What it cost, exact.
    pub cost: Amount,
    /// The currency of the cost.
    pub currency: Currency,
    /// The version that priced it; null where nothing had a price for it.
    pub rate_card: Option<CardRef>,
    /// The rate that converted the card's currency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exchange_rate: Option<ExchangeRate>,
    /// What was decided of it.
    pub decision: Decision,
    /// When it came.
    pub received_at: Instant,
    /// The event that it takes back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voids: Option<Name>,
    /// Whether it was taken back; said of an event that is asked for alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voided: Option<bool>,
}

fn is_zero(figure: &i128) -> bool {
    *figure == 0
}

impl StoredEvent {
    /// An event of `tenant` that came at `received`.
    #[must_use]
    pub fn new(stored: &Stored, received: Instant, tenant: &Name, currency: Currency) -> Self {
        let event = &stored.event;
        let (at, used) = (&event.dimensions, stored.totals().quantities);
        let figure = |component| used.of(component);
        let name = |label: Label| event.label(label).cloned();
        Self {
            id: event.id.clone(),
            tenant_id: tenant.clone(),
            timestamp: event.timestamp,
            operation: at.operation.clone(),
            tier: at.tier.clone(),
            units: figure(Component::Unit),
            tokens_in: figure(Component::TokenIn),
            cached_tokens_in: figure(Component::CachedTokenIn),
            cache_write_tokens_in: figure(Component::CacheWriteTokenIn),
            cache_write_1h_tokens_in: figure(Component::CacheWrite1hTokenIn),
            audio_tokens_in: figure(Component::AudioTokenIn),
            cached_audio_tokens_in: figure(Component::CachedAudioTokenIn),
            image_tokens_in: figure(Component::ImageTokenIn),
            video_tokens_in: figure(Component::VideoTokenIn),
            tokens_out: figure(Component::TokenOut),
            reasoning_tokens_out: figure(Component::ReasoningTokenOut),
            audio_tokens_out: figure(Component::AudioTokenOut),
            image_tokens_out: figure(Component::ImageTokenOut),
            tokens_processed: figure(Component::TokenProcessed),
            api_calls: figure(Component::ApiCall),
            searches: figure(Component::Search),
            images: figure(Component::Image),
            pages: figure(Component::Page),
            characters: figure(Component::Character),
            duration_ms: figure(Component::DurationMs),
            data_bytes: figure(Component::DataByte),
            latency_ms: event.latency_ms,
            compliance_score: event.compliance_score,
            agent_id: name(Label::Agent),
            consumer_id: name(Label::Consumer),
            session_id: name(Label::Session),
            task_id: name(Label::Task),
            tool_server: name(Label::ToolServer),
            tool_name: name(Label::ToolName),
            model: name(Label::Model),
            provider: name(Label::Provider),
            budget_node: name(Label::Node),
            cost_override: stored.signed_override(),
            metadata: event
                .metadata
                .as_deref()
                .and_then(|text| RawValue::from_string(text.to_owned()).ok()),
            cost: stored.signed_cost(),
            currency,
            rate_card: stored.card.as_ref().map(Into::into),
            exchange_rate: stored.card.as_ref().and_then(|card| card.exchange),
            decision: stored.decision,
            received_at: received,
            voids: stored.voids.clone(),
            voided: None,
        }
    }

    /// The same, asked for alone: whether it was taken back.
    #[must_use]
    pub fn alone(self, voided: bool) -> Self {
        Self {
            voided: Some(voided),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::parse_event;
    use tollgate_core::CardRef;

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    #[test]
    fn a_stored_event_can_be_sent_again_but_for_what_was_added() {
        let sent = r#"{"operation":"x","units":3,"latency_ms":"1.5","agent_id":"a1","budget_node":"n1","metadata":{"n":[1e400,12345678901234567890123]}}"#;
        let event = parse_event(sent.as_bytes())
            .unwrap()
            .into_event(name("e1"), Instant::EPOCH);
        let stored = Stored {
            event: event.clone(),
            cost: Amount::ZERO,
            card: Some(CardRef {
                id: name("default"),
                version: 1,
                over: 0,
                exchange: None,
            }),
            decision: Decision::Warn,
            voids: None,
        };
        let shown = StoredEvent::new(&stored, Instant::EPOCH, &name("acme"), Currency::USD);
        let shown = serde_json::to_string(&shown).unwrap();
        assert!(
            shown.contains(r#""metadata":{"n":[1e400,12345678901234567890123]}"#),
            "{shown}"
        );
        let cut = shown
            .split(r#","cost":"0","currency":"USD","rate_card":"#)
            .next()
            .unwrap();
        let again = parse_event(format!("{cut}}}").as_bytes()).unwrap();
        assert_eq!(again.id, Some(name("e1")));
        assert_eq!(again.into_event(name("e1"), Instant::EPOCH), event);
        let read: StoredEvent = serde_json::from_str(&shown).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), shown);
    }
}
