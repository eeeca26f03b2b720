//! What the names of LiteLLM's fields say.

use crate::import::draft::{Component, STANDARD};
use crate::import::node::Node;

/// The name of a field per token, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Field<'a> {
    /// The name without what follows.
    pub(super) stem: &'a str,
    /// The tokens of input that it is over; 0 for the price of all others.
    pub(super) over: u64,
    /// The tier.
    pub(super) tier: &'static str,
}

impl<'a> Field<'a> {
    /// Takes `name` apart.
    pub(super) fn of(name: &'a str) -> Self {
        let found = TIERS.iter().find_map(|(suffix, tier)| {
            let rest = name.strip_suffix(suffix)?.strip_suffix('_')?;
            Some((rest, *tier))
        });
        let (rest, tier) = found.unwrap_or((name, STANDARD));
        let (stem, over) = split_length(rest).unwrap_or((rest, 0));
        Self { stem, over, tier }
    }

    /// What it prices, if that is tokens.
    pub(super) fn tokens(&self) -> Option<Component> {
        let found = TOKENS.iter().find(|(stem, _)| *stem == self.stem);
        found.map(|(_, component)| *component)
    }
}

fn split_length(name: &str) -> Option<(&str, u64)> {
    let (stem, length) = name.strip_suffix("_tokens")?.rsplit_once("_above_")?;
    let (digits, times) = match length.strip_suffix('k') {
        Some(digits) => (digits, 1000_u64),
        None => (length, 1),
    };
    Some((stem, digits.parse::<u64>().ok()?.checked_mul(times)?))
}

/// Whether `value` is a price in `field` that is not 0.
pub(super) fn is_price(field: &str, value: Node<'_>) -> bool {
    if is_dbu(field) || !PRICE_WORDS.iter().any(|word| field.contains(word)) {
        return false;
    }
    value.is_not_zero()
}

/// Whether a price in `field` is one of tokens.
pub(super) fn is_token_price(field: &str, value: Node<'_>) -> bool {
    let in_text = || {
        value
            .elements()
            .is_some_and(|rows| rows.iter().any(has_token_price))
    };
    field.contains("token") || (field == TIERED && in_text())
}

fn has_token_price(row: &Node<'_>) -> bool {
    let fields = row.members().unwrap_or_default();
    fields
        .iter()
        .any(|(field, value)| field.contains("token") && value.is_not_zero())
}

/// Whether it is in units of Databricks, not in money.
pub(super) fn is_dbu(field: &str) -> bool {
    field.contains("dbu")
}

/// The member of an entry that has rows of prices by length.
pub(super) const TIERED: &str = "tiered_pricing";

/// The member of an entry that has the prices of quiet hours, and the hours.
pub(super) const OFF_PEAK_PRICING: &str = "off_peak_pricing";
/// Cached tokens of another price, and the tier in which an event's are such: those of a
/// cache that the client made, and those of images.
pub(super) const CACHES: [(&str, &str); 2] = [
    ("explicit_cache_read_input_token_cost", "explicit_cache"),
    ("cache_read_input_image_token_cost", "cached_image"),
];

/// What batches cost.
pub(super) const BATCH: &str = "batch";
/// What a provider's quiet hours cost.
pub(super) const OFF_PEAK: &str = "off_peak";

/// How the name of a field ends, and the tier that it is then of.
const TIERS: [(&str, &str); 6] = [
    ("batches", BATCH),
    ("priority", "priority"),
    ("flex", "flex"),
    ("balanced", "balanced"),
    ("ultrafast", "ultrafast"),
    ("decisions", "decisions"),
];

/// Prices per token. Writes to a cache that last 12 hours stand for those of 1 hour:
/// no provider has both.
pub(super) const TOKENS: [(&str, Component); 13] = [
    ("input_cost_per_token", Component::TokenIn),
    ("output_cost_per_token", Component::TokenOut),
    ("cache_read_input_token_cost", Component::CachedTokenIn),
    (
        "cache_creation_input_token_cost",
        Component::CacheWriteTokenIn,
    ),
    (LONG_WRITE, Component::LongCacheWriteTokenIn),
    (LONGER_WRITE, Component::LongCacheWriteTokenIn),
    ("input_cost_per_audio_token", Component::AudioTokenIn),
    (
        "cache_read_input_audio_token_cost",
        Component::CachedAudioTokenIn,
    ),
    ("input_cost_per_image_token", Component::ImageTokenIn),
    ("input_cost_per_video_token", Component::VideoTokenIn),
    (
        "output_cost_per_reasoning_token",
        Component::ReasoningTokenOut,
    ),
    ("output_cost_per_audio_token", Component::AudioTokenOut),
    ("output_cost_per_image_token", Component::ImageTokenOut),
];

/// Writes to a cache that last 1 hour.
pub(super) const LONG_WRITE: &str = "cache_creation_input_token_cost_above_1hr";
/// Writes to a cache that last 12 hours.
pub(super) const LONGER_WRITE: &str = "cache_creation_input_token_cost_above_12hr";

/// What the name of each price has in it.
const PRICE_WORDS: [&str; 2] = ["cost", "pricing"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        let cases = [
            ("input_cost_per_token", "input_cost_per_token", 0, STANDARD),
            (
                "input_cost_per_token_batches",
                "input_cost_per_token",
                0,
                BATCH,
            ),
            (
                "output_cost_per_token_above_272k_tokens_flex",
                "output_cost_per_token",
                272_000,
                "flex",
            ),
            (
                "cache_creation_input_token_cost_above_1hr_above_200k_tokens",
                LONG_WRITE,
                200_000,
                STANDARD,
            ),
            (
                "input_cost_per_token_above_128_tokens",
                "input_cost_per_token",
                128,
                STANDARD,
            ),
            (
                "input_cost_per_video_per_second_above_15s_interval",
                "input_cost_per_video_per_second_above_15s_interval",
                0,
                STANDARD,
            ),
        ];
        for (name, stem, over, tier) in cases {
            assert_eq!(Field::of(name), Field { stem, over, tier });
        }
    }

    #[test]
    fn prices_are_known_by_their_names() {
        let one = Node::parse("1").unwrap();
        let zero = Node::parse("0.0").unwrap();
        let cases = [
            ("input_cost_per_token", one, true),
            ("input_cost_per_token", zero, false),
            ("input_dbu_cost_per_token", one, false),
            ("max_tokens", one, false),
            ("output_vector_size", one, false),
        ];
        for (field, value, expected) in cases {
            assert_eq!(is_price(field, value), expected, "{field}");
        }
        let search = Node::parse(r#"{"low": 0, "high": 0.01}"#).unwrap();
        assert!(is_price("search_context_cost_per_query", search));
    }
}
