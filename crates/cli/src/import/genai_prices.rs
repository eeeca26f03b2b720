//! The map of Pydantic's `genai-prices`: a list of providers with their models.
//!
//! An operation is a model's id where one provider has it, else `provider/id`. Each day on
//! which a price changes makes a card that holds from its start, UTC; the first card holds
//! for all time before. `price_variants` are tiers, by what they ask for: `batch`, `flex`,
//! `fast`. What is counted beside the searches of the web is an operation of its own,
//! `model:storage_search`. Prices of hours of the day are left.

mod model;

use crate::import::cells::Cells;
use crate::import::draft::{
    CardDraft, Component, OperationDraft, Price, Prices, STANDARD, TOKENS_PER, TierDraft,
};
use crate::import::genai_prices::model::{Model, names};
use crate::import::imported::{ImportError, Imported};
use crate::import::name::{self, Pattern, is_asked_for};
use crate::import::node::{Members, Node};
use crate::import::report::{Entry, Kind};
use std::collections::{BTreeMap, BTreeSet};

type Operations = BTreeMap<String, OperationDraft>;

/// Reads the map `text`.
pub(crate) fn read(text: &str, only: Option<&Pattern>) -> Result<Imported, ImportError> {
    let form = || ImportError::Form("a list of providers with `id` and `models` is looked for");
    let mut models = Vec::new();
    for provider in Node::parse(text)?.elements().ok_or_else(form)? {
        models.extend(Model::of_provider(provider).ok_or_else(form)?);
    }
    let named = names(&models).into_iter().zip(&models);
    let mut asked: Vec<_> = named
        .filter(|(name, model)| is_asked_for(only, name) || is_asked_for(only, &model.full))
        .map(|(name, model)| (Entry::new(&name), name, model))
        .collect();
    let days: BTreeSet<&str> = asked.iter().flat_map(|asked| asked.2.days()).collect();
    let mut imported = Imported::default();
    for day in [None].into_iter().chain(days.into_iter().map(Some)) {
        let mut operations = Operations::new();
        for (entry, name, model) in &mut asked {
            operations.extend(of_day(model, name, day, entry));
        }
        let mut card = CardDraft::in_usd(operations);
        card.effective_from = day.map(|day| format!("{day}T00:00:00Z"));
        imported.cards.push(card);
    }
    for (mut entry, _, model) in asked {
        if model.is_empty() {
            entry.note("", "has no price");
        }
        if model.has_hours() {
            entry.leave("prices", "a card has no hours of the day");
        }
        imported.count(entry, kind(model));
    }
    Ok(imported)
}

fn kind(model: &Model<'_>) -> Kind {
    if model.is_token_priced() {
        return Kind::Tokens;
    }
    if model.is_priced() {
        Kind::Others
    } else {
        Kind::Unpriced
    }
}

/// The operations of a model on a day.
fn of_day(model: &Model<'_>, name: &str, day: Option<&str>, entry: &mut Entry) -> Operations {
    let mut reading = Reading {
        entry,
        cells: Cells::default(),
        beside: BTreeMap::new(),
    };
    if let Some(prices) = model.prices_on(day) {
        reading.read(STANDARD, prices, &BTreeSet::new());
    }
    let mut read = BTreeMap::<String, BTreeSet<String>>::new();
    for variant in model.variants_on(day) {
        match name::operation(&variant.kind) {
            Ok(tier) if tier != STANDARD => {
                // Of two variants of one tier, the first that has a price says it.
                let fields = read.entry(tier.clone()).or_default();
                reading.read(&tier, variant.prices(), fields);
                fields.extend(variant.prices().keys().cloned());
            }
            _ => reading
                .entry
                .leave("price_variants", "has a value that is no tier"),
        }
    }
    reading.operations(name)
}

struct Reading<'e> {
    entry: &'e mut Entry,
    cells: Cells,
    /// What is an operation of its own, by its word after the model's name.
    beside: BTreeMap<&'static str, OperationDraft>,
}

impl Reading<'_> {
    fn read(&mut self, tier: &str, prices: &Members<'_>, but: &BTreeSet<String>) {
        for (field, value) in prices {
            if !but.contains(field) && !value.is_null() {
                self.read_field(tier, field, *value, prices);
            }
        }
    }

    fn read_field(&mut self, tier: &str, field: &str, value: Node<'_>, prices: &Members<'_>) {
        if let Some((_, component, per)) = UNITS.iter().find(|(name, ..)| *name == field) {
            return self.put(tier, field, *component, *per, value);
        }
        if let Some((_, word, component, per)) = BESIDE.iter().find(|(name, ..)| *name == field) {
            if let Some(price) = self.entry.price(field, value.decimal(), *per) {
                self.put_beside(tier, word, *component, price);
            }
            return;
        }
        if field == CACHED_IMAGE && tier == STANDARD {
            return self.put(
                "cached_image",
                field,
                Component::CachedTokenIn,
                TOKENS_PER,
                value,
            );
        }
        if value.is_not_zero() && !is_implied(field, value, prices) {
            self.entry.leave(field, "no component counts it");
        }
    }

    fn put_beside(&mut self, tier: &str, word: &'static str, part: Component, price: Price) {
        let prices = Prices::from([(part, price)]);
        let operation = self.beside.entry(word).or_default();
        if tier == STANDARD {
            operation.prices = prices;
        } else {
            let over = Vec::new();
            let own = TierDraft::Prices { prices, over };
            operation.tiers.insert(tier.to_owned(), own);
        }
    }

    fn put(&mut self, tier: &str, field: &str, part: Component, per: u64, value: Node<'_>) {
        let Some(members) = value.members() else {
            return self.put_at(tier, 0, part, (field, value, per));
        };
        if let Some(base) = members.get("base") {
            self.put_at(tier, 0, part, (field, *base, per));
        }
        let longer = members.get("tiers").and_then(|tiers| tiers.elements());
        for row in longer.into_iter().flatten() {
            let row = row.members().unwrap_or_default();
            let start = row
                .get("start")
                .and_then(|start| start.decimal()?.to_whole());
            match (start, row.get("price")) {
                (Some(over), Some(price)) => self.put_at(tier, over, part, (field, *price, per)),
                _ => self
                    .entry
                    .leave(field, "has a tier without a start or a price"),
            }
        }
    }

    fn put_at(
        &mut self,
        tier: &str,
        over: u64,
        part: Component,
        (field, value, per): (&str, Node<'_>, u64),
    ) {
        let Some(price) = self.entry.price(field, value.decimal(), per) else {
            return;
        };
        match self.cells.price(tier, over, part) {
            Some(standing) if standing != price => {
                self.entry
                    .leave(field, "the same quantity has another price");
            }
            _ => self.cells.put(tier, over, part, price),
        }
    }

    fn operations(self, name: &str) -> Operations {
        let own = self.cells.rows(|_| false).fold(false);
        let beside = self.beside.into_iter();
        let mut all: Vec<_> = beside
            .map(|(word, operation)| (format!("{name}:{word}"), operation))
            .collect();
        if !own.prices.is_empty() {
            all.push((name.to_owned(), own));
        }
        let mut operations = Operations::new();
        for (name, operation) in all {
            match name::operation(&name) {
                Ok(name) => drop(operations.insert(name, operation)),
                Err(why) => self.entry.leave("", why),
            }
        }
        operations
    }
}

/// Whether tokens that no component counts cost what the card has for them.
fn is_implied(field: &str, value: Node<'_>, prices: &Members<'_>) -> bool {
    let whole = match field {
        "input_text_mtok" => "input_mtok",
        "output_text_mtok" => "output_mtok",
        "output_video_mtok" => "output_mtok",
        "cache_text_read_mtok" | CACHED_IMAGE => "cache_read_mtok",
        "cache_text_write_mtok" => "cache_write_mtok",
        _ => return false,
    };
    let price = value.decimal();
    price.is_some() && prices.get(whole).and_then(|whole| whole.decimal()) == price
}

/// Its tier is `cached_image`: an event of that tier has cached tokens of images.
const CACHED_IMAGE: &str = "cache_image_read_mtok";

const KILO: u64 = 1000;
const HOUR_MS: u64 = 3_600_000;

/// Prices by the map's key: what they price, and for how many.
const UNITS: [(&str, Component, u64); 21] = [
    ("input_mtok", Component::TokenIn, TOKENS_PER),
    ("output_mtok", Component::TokenOut, TOKENS_PER),
    ("cache_read_mtok", Component::CachedTokenIn, TOKENS_PER),
    ("cache_write_mtok", Component::CacheWriteTokenIn, TOKENS_PER),
    (
        "cache_write_5m_mtok",
        Component::CacheWriteTokenIn,
        TOKENS_PER,
    ),
    (
        "cache_write_1h_mtok",
        Component::LongCacheWriteTokenIn,
        TOKENS_PER,
    ),
    ("input_audio_mtok", Component::AudioTokenIn, TOKENS_PER),
    (
        "cache_audio_read_mtok",
        Component::CachedAudioTokenIn,
        TOKENS_PER,
    ),
    ("input_image_mtok", Component::ImageTokenIn, TOKENS_PER),
    ("input_video_mtok", Component::VideoTokenIn, TOKENS_PER),
    (
        "output_reasoning_mtok",
        Component::ReasoningTokenOut,
        TOKENS_PER,
    ),
    ("output_audio_mtok", Component::AudioTokenOut, TOKENS_PER),
    ("output_image_mtok", Component::ImageTokenOut, TOKENS_PER),
    ("web_searches_kcount", Component::Search, KILO),
    ("rerank_searches_kcount", Component::Search, KILO),
    ("requests_kcount", Component::ApiCall, KILO),
    ("input_document_kpages", Component::Page, KILO),
    ("input_mchars", Component::Character, TOKENS_PER),
    ("audio_hours", Component::DurationMs, HOUR_MS),
    ("input_audio_hours", Component::DurationMs, HOUR_MS),
    ("output_audio_hours", Component::DurationMs, HOUR_MS),
];

/// Prices that are operations of their own: the word after the model's name.
const BESIDE: [(&str, &str, Component, u64); 5] = [
    (
        "storage_searches_kcount",
        "storage_search",
        Component::Search,
        KILO,
    ),
    (
        "social_searches_kcount",
        "social_search",
        Component::Search,
        KILO,
    ),
    (
        "code_executions_kcount",
        "code_execution",
        Component::Unit,
        KILO,
    ),
    (
        "input_text_messages_kcount",
        "text_message",
        Component::Unit,
        KILO,
    ),
    (
        "input_annotated_document_kpages",
        "annotated_document",
        Component::Page,
        KILO,
    ),
];

#[cfg(test)]
mod tests;
