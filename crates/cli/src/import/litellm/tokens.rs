//! Prices of tokens, looked up as LiteLLM does.

use crate::import::decimal::Decimal;
use crate::import::draft::Component::{
    AudioTokenIn, AudioTokenOut, CacheWriteTokenIn, CachedAudioTokenIn, CachedTokenIn,
    ImageTokenIn, ImageTokenOut, LongCacheWriteTokenIn, ReasoningTokenOut, TokenIn, TokenOut,
    VideoTokenIn,
};
use crate::import::draft::{Component, Price, Prices, STANDARD, TOKENS_PER};
use crate::import::litellm::field::{
    BATCH, CACHES, Field, LONG_WRITE, LONGER_WRITE, OFF_PEAK, OFF_PEAK_PRICING, TIERED,
};
use crate::import::litellm::{Change, Model, Rows};
use crate::import::node::{Members, Node};

impl Model<'_, '_> {
    /// Reads all fields per token.
    pub(super) fn read_tokens(&mut self) {
        for (name, value) in self.fields {
            let field = Field::of(name);
            let Some(component) = field.tokens().filter(|_| !value.is_null()) else {
                continue;
            };
            if field.stem == LONGER_WRITE && self.fields.contains_key(LONG_WRITE) {
                self.entry
                    .leave(name, "writes that last 1 hour have a price already");
            } else {
                self.put_tokens(field.tier, field.over, component, name, *value);
            }
        }
        self.read_off_peak();
        for (field, tier) in CACHES {
            if let Some(value) = self.fields.get(field) {
                self.put_tokens(tier, 0, CachedTokenIn, field, *value);
            }
        }
    }

    fn put_tokens(&mut self, tier: &str, over: u64, part: Component, field: &str, value: Node<'_>) {
        if let Some(price) = self.token_price(field, value) {
            self.cells.put(tier, over, part, price);
        }
    }

    fn token_price(&mut self, field: &str, value: Node<'_>) -> Option<Price> {
        let each = value.decimal();
        let amount = each.and_then(|amount| amount.shifted(TOKENS_SHIFT));
        self.entry.price(field, amount, TOKENS_PER)
    }

    fn read_off_peak(&mut self) {
        let Some(off_peak) = self.fields.get(OFF_PEAK_PRICING) else {
            return;
        };
        for (name, value) in off_peak.members().unwrap_or_default() {
            if let Some(part) = Field::of(&name).tokens() {
                self.put_tokens(OFF_PEAK, 0, part, &name, value);
            }
        }
        let why = "a card has no hours: name the tier `off_peak` in events of these hours";
        self.entry.leave(OFF_PEAK_PRICING, why);
    }

    /// Rows by length of prompt. They stand for all prices of text; what a row has not
    /// costs what its input does, but output what the model's does.
    pub(super) fn read_tiered(&mut self) {
        let rows = self.fields.get(TIERED).and_then(|rows| rows.elements());
        let rows: Vec<_> = rows
            .into_iter()
            .flatten()
            .filter_map(Node::members)
            .collect();
        let has_tokens = rows.iter().any(|row| row.contains_key(INPUT));
        let are_ranges = rows
            .iter()
            .all(|row| start(row).is_some() && row.contains_key(INPUT));
        if rows.is_empty() {
            return;
        }
        if !has_tokens || !are_ranges {
            let why = "its rows are not by the length of the prompt";
            self.entry.leave(TIERED, why);
            return;
        }
        let named = |part: &str| {
            self.fields.contains_key(part) || rows.iter().any(|row| row.contains_key(part))
        };
        let wanted: Vec<_> = TIERED_PARTS
            .iter()
            .filter(|(part, ..)| named(part))
            .collect();
        let least = rows.iter().filter_map(start).min();
        for row in &rows {
            let Some(over) = start(row) else { continue };
            // Shorter prompts than the first row's do not come up, or cost the same.
            let over = if Some(over) == least { 0 } else { over };
            for (part, component, other) in &wanted {
                if let Some(value) = row.get(*part).or_else(|| row.get(*other)) {
                    self.put_tokens(STANDARD, over, *component, TIERED, *value);
                }
            }
            self.leave_of_row(row);
        }
    }

    fn leave_of_row(&mut self, row: &Members<'_>) {
        for (field, value) in row {
            let is_read = field == "range" || TIERED_PARTS.iter().any(|(part, ..)| part == field);
            if !is_read && value.is_not_zero() {
                self.entry
                    .leave(&format!("{TIERED}: {field}"), "no component counts it");
            }
        }
    }

    /// All prices of each tier at each length.
    pub(super) fn rows(&mut self) -> Rows {
        self.halve_for_batch();
        let takes_standard = |tier: &str| tier != BATCH && tier != OFF_PEAK;
        let mut rows = self.cells.rows(takes_standard);
        let standard = rows.standard();
        for (tier, length, row) in rows.each_mut() {
            follow(tier, |part| self.cells.has(tier, part), row);
            if let Some(standard) = standard.get(&length).filter(|_| tier == BATCH) {
                self.scale(standard, row);
            }
        }
        rows
    }

    /// What has no price for batches costs as much less there as its whole does; where
    /// that is no plain factor, what its whole costs there, as LiteLLM has it.
    fn scale(&mut self, standard: &Prices, row: &mut Prices) {
        for (part, whole) in BATCH_PARTS {
            let found = standard.get(&part).zip(standard.get(&whole));
            let Some(((own, all), now)) = found.zip(row.get(&whole).copied()) else {
                continue;
            };
            if self.cells.has(BATCH, part) {
                continue;
            }
            let factor = now.amount.factor_of(all.amount);
            let scaled = factor.and_then(|factor| own.amount.times(factor));
            let amount = Some(scaled.unwrap_or(now.amount));
            if let Some(price) = self.entry.price(BATCH, amount, now.per) {
                row.insert(part, price);
            }
        }
    }

    /// LiteLLM halves the output of batches where the map has a price of batches for
    /// input alone, and the other way round.
    fn halve_for_batch(&mut self) {
        if !self.cells.has_tier(BATCH) {
            return;
        }
        for part in [TokenIn, TokenOut, ImageTokenOut] {
            let standard = self.cells.price(STANDARD, 0, part);
            let Some(standard) = standard.filter(|_| self.cells.price(BATCH, 0, part).is_none())
            else {
                continue;
            };
            let half = standard.amount.times(Decimal::HALF);
            if let Some(price) = self.entry.price(BATCH, half, standard.per) {
                self.cells.put(BATCH, 0, part, price);
            }
        }
    }

    /// Makes a row of a tier of a standard one.
    pub(super) fn change(&mut self, tier: &str, change: &Change, row: &mut Prices) {
        match change {
            Change::Instead(prices) => row.extend(prices),
            Change::Times(factor) => {
                let tokens = row.iter_mut().filter(|(part, _)| part.is_token());
                for (_, price) in tokens {
                    let amount = price.amount.times(*factor);
                    if let Some(product) = self.entry.price(tier, amount, price.per) {
                        *price = product;
                    }
                }
            }
        }
    }
}

/// What follows from other prices of the row.
fn follow(tier: &str, has_own: impl Fn(Component) -> bool, row: &mut Prices) {
    let follows = |row: &mut Prices, part: Component, other: Component| {
        if let Some(price) = row.get(&other).copied() {
            row.insert(part, price);
        }
    };
    // Output without a price is that of a model that makes images alone.
    if row
        .get(&TokenOut)
        .is_none_or(|price| price.amount.is_zero())
    {
        follows(row, TokenOut, ImageTokenOut);
    }
    let is_without = tier != STANDARD && has_own(TokenOut) && !has_own(ReasoningTokenOut);
    if is_without && row.contains_key(&ReasoningTokenOut) {
        follows(row, ReasoningTokenOut, TokenOut);
    }
    // A card takes audio out of a cache for audio first, LiteLLM for cached.
    let is_own = has_own(CachedTokenIn) && !has_own(CachedAudioTokenIn) && tier == BATCH;
    if row.contains_key(&AudioTokenIn) && (is_own || !row.contains_key(&CachedAudioTokenIn)) {
        follows(row, CachedAudioTokenIn, CachedTokenIn);
    }
}

fn start(row: &Members<'_>) -> Option<u64> {
    let range = row.get("range")?.elements()?;
    range.first()?.decimal()?.to_whole()
}

const TOKENS_SHIFT: i32 = 6;
const INPUT: &str = "input_cost_per_token";
const OUTPUT: &str = "output_cost_per_token";

/// What rows by length price, and whose price stands in for one that is missing.
const TIERED_PARTS: [(&str, Component, &str); 6] = [
    (INPUT, TokenIn, INPUT),
    (OUTPUT, TokenOut, OUTPUT),
    ("cache_read_input_token_cost", CachedTokenIn, INPUT),
    ("cache_creation_input_token_cost", CacheWriteTokenIn, INPUT),
    (
        LONG_WRITE,
        LongCacheWriteTokenIn,
        "cache_creation_input_token_cost",
    ),
    ("output_cost_per_reasoning_token", ReasoningTokenOut, OUTPUT),
];

/// What costs less in batches as its whole does, unless it has a price for batches.
const BATCH_PARTS: [(Component, Component); 6] = [
    (CacheWriteTokenIn, TokenIn),
    (LongCacheWriteTokenIn, CacheWriteTokenIn),
    (AudioTokenIn, TokenIn),
    (ImageTokenIn, TokenIn),
    (VideoTokenIn, TokenIn),
    (AudioTokenOut, TokenOut),
];
