//! What LiteLLM prices beside tokens: seconds, images, pages, searches, and factors.

use crate::import::decimal::Decimal;
use crate::import::draft::Component::{
    ApiCall, AudioTokenIn, AudioTokenOut, Character, DurationMs, Image, ImageTokenIn,
    ImageTokenOut, Page, Search, TokenIn, TokenOut, Unit, VideoTokenIn,
};
use crate::import::draft::{
    Component, OperationDraft, Price, Prices, STANDARD, TOKENS_PER, TierDraft,
};
use crate::import::litellm::field::{
    BATCH, CACHES, Field, OFF_PEAK_PRICING, TIERED, is_dbu, is_price,
};
use crate::import::litellm::{Change, Model};
use crate::import::node::Node;

/// A field with a price of something else than tokens.
struct Meter {
    field: &'static str,
    component: Component,
    /// Its tier where it is counted instead of tokens; what follows the model's name
    /// where the same quantity has another price.
    label: &'static str,
    /// It is counted instead of tokens if one of these has a price.
    if_priced: &'static [Component],
    /// The tokens that are then free.
    instead_of: &'static [Component],
}

impl Model<'_, '_> {
    /// Reads what is priced beside tokens.
    pub(super) fn read_meters(&mut self) {
        for meter in &METERS {
            let Some(value) = self.fields.get(meter.field) else {
                continue;
            };
            if is_price(meter.field, *value)
                && let Some(price) = self.meter_price(meter.component, meter.field, *value)
            {
                self.place(meter, price);
            }
        }
        for (name, value) in self.fields {
            self.read_variant(name, *value);
        }
    }

    fn meter_price(&mut self, part: Component, field: &str, value: Node<'_>) -> Option<Price> {
        let (shift, per) = match part {
            Search => (3, 1000),
            Character => (6, 1_000_000),
            // The map has seconds.
            DurationMs => (0, 1000),
            _ => (0, 1),
        };
        let each = value.decimal();
        self.entry
            .price(field, each.and_then(|each| each.shifted(shift)), per)
    }

    fn place(&mut self, meter: &Meter, price: Price) {
        let free = self.replaced(meter);
        if !free.is_empty() {
            let zero = Price {
                amount: Decimal::ZERO,
                per: TOKENS_PER,
            };
            let mut prices: Prices = free.iter().map(|part| (*part, zero)).collect();
            prices.insert(meter.component, price);
            let tier = meter.label.to_owned();
            return self.changes.push((tier, Change::Instead(prices)));
        }
        let name = format!("{}{BATCHES}", meter.field);
        let batch = self.fields.get(&name).copied();
        let batch = batch.and_then(|value| self.meter_price(meter.component, &name, value));
        self.place_beside(meter.label, meter.component, price, batch);
    }

    /// The tokens that the meter is counted instead of.
    fn replaced(&self, meter: &Meter) -> &'static [Component] {
        let is_priced = |part: &Component| self.cells.price(STANDARD, 0, *part).is_some();
        let mode = self.text("mode").unwrap_or_default();
        if meter.component == DurationMs && SPEECH.contains(&mode.as_str()) {
            return if SPEECH_TOKENS.iter().any(is_priced) {
                &SPEECH_TOKENS
            } else {
                &[]
            };
        }
        // Of an embedding, text, images and video are apart.
        let is_apart = mode == "embedding" && meter.component != Character;
        let only = if is_apart {
            meter.instead_of
        } else {
            meter.if_priced
        };
        if only.iter().any(is_priced) {
            meter.instead_of
        } else {
            &[]
        }
    }

    /// Puts a price where there is none; what has another is an operation of its own.
    fn place_beside(
        &mut self,
        label: &'static str,
        component: Component,
        price: Price,
        batch: Option<Price>,
    ) {
        match self.cells.price(STANDARD, 0, component) {
            None => {
                self.cells.put(STANDARD, 0, component, price);
                if let Some(batch) = batch {
                    self.cells.put(BATCH, 0, component, batch);
                }
            }
            Some(standing) if standing == price && batch.is_none() => {}
            Some(_) => {
                let mut operation = OperationDraft::with(component, price);
                operation.tiers.extend(batch.map(|price| {
                    let prices = Prices::from([(component, price)]);
                    let over = Vec::new();
                    (BATCH.to_owned(), TierDraft::Prices { prices, over })
                }));
                self.beside.push((label, operation));
            }
        }
    }

    /// A price of a resolution, `output_cost_per_second_720p`: its tier.
    fn read_variant(&mut self, name: &str, value: Node<'_>) {
        let found = variant(name);
        let Some((variant, component)) = found.filter(|_| is_price(name, value)) else {
            return;
        };
        if let Some(price) = self.meter_price(component, name, value) {
            self.cells.put(variant, 0, component, price);
        }
    }

    /// Searches of the web and of maps. The price of a search of medium context is the
    /// one, that of another size a tier.
    pub(super) fn read_searches(&mut self) {
        let context = self.fields.get(SEARCH).and_then(|value| value.members());
        let sizes = context.unwrap_or_default();
        let mut of_size = |size: &str| {
            let value = *sizes.get(&format!("search_context_size_{size}"))?;
            self.meter_price(Search, SEARCH, value)
        };
        let (low, medium, high) = (of_size("low"), of_size("medium"), of_size("high"));
        if let Some(medium) = medium.filter(|price| !price.amount.is_zero()) {
            self.place_beside("search", Search, medium, None);
        }
        for (tier, price) in [("search_low", low), ("search_high", high)] {
            if let Some(price) = price.filter(|_| price != medium) {
                self.cells.put(tier, 0, Search, price);
            }
        }
        if let Some(value) = self.fields.get(MAPS)
            && is_price(MAPS, *value)
            && let Some(price) = self.meter_price(Search, MAPS, *value)
        {
            self.place_beside("google_maps", Search, price, None);
        }
    }

    /// Factors of region and speed: tiers in which tokens cost that much more.
    pub(super) fn read_multipliers(&mut self) {
        for (name, value) in self.fields {
            let region = name.strip_prefix("regional_processing_uplift_multiplier_");
            let tier = match (name.as_str(), region) {
                (_, Some(region)) => region,
                ("regional_endpoint_uplift_multiplier", _) => "regional",
                ("fedramp_uplift_multiplier", _) => "fedramp",
                _ => continue,
            };
            self.multiply(tier, name, *value);
        }
        let own = self.fields.get("provider_specific_entry");
        let own = own.and_then(|own| own.members()).unwrap_or_default();
        for (name, value) in own.iter().filter(|(_, value)| value.is_number()) {
            if name.contains("free") {
                self.entry
                    .note(&format!("provider_specific_entry: {name}"), ALLOWANCE);
            } else {
                self.multiply(name, name, *value);
            }
        }
    }

    fn multiply(&mut self, tier: &str, field: &str, value: Node<'_>) {
        match value.decimal() {
            Some(factor) => {
                let change = Change::Times(factor);
                self.changes.push((tier.to_owned(), change));
            }
            None => self.entry.leave(field, "is no factor"),
        }
    }

    /// Leaves what no other part of the import has read.
    pub(super) fn leave_others(&mut self) {
        for (name, value) in self.fields {
            if is_dbu(name) {
                self.entry
                    .note(name, "is in units of Databricks, not in money");
            } else if name == "search_free_requests" {
                self.entry.note(name, ALLOWANCE);
            } else if name == HIT {
                self.leave_hit(*value);
            } else if is_price(name, *value) && !is_read(name) && !self.is_implied(name, *value) {
                self.entry.leave(name, "no component counts it");
            }
        }
    }

    /// An older name of the price of cached tokens.
    fn leave_hit(&mut self, value: Node<'_>) {
        let cached = self.fields.get("cache_read_input_token_cost");
        if cached.and_then(|cached| cached.decimal()) != value.decimal() {
            self.entry.leave(HIT, "cached tokens have another price");
        }
    }

    /// Whether tokens that no component counts cost what the card has for them.
    fn is_implied(&self, name: &str, value: Node<'_>) -> bool {
        let whole = match name {
            "cache_creation_input_audio_token_cost" => "input_cost_per_audio_token",
            "output_cost_per_video_token" => "output_cost_per_token",
            _ => return false,
        };
        let whole = self.fields.get(whole).and_then(|whole| whole.decimal());
        whole == value.decimal()
    }
}

fn is_read(name: &str) -> bool {
    let is_meter = |name| METERS.iter().any(|meter| meter.field == name);
    let others = [SEARCH, MAPS, TIERED, OFF_PEAK_PRICING];
    Field::of(name).tokens().is_some()
        || is_meter(name)
        || name.strip_suffix(BATCHES).is_some_and(is_meter)
        || others.contains(&name)
        || CACHES.iter().any(|(field, _)| *field == name)
        || variant(name).is_some()
}

/// The variant that the name of a price ends with, and what is priced.
fn variant(name: &str) -> Option<(&str, Component)> {
    VARIANTS.iter().find_map(|(before, component)| {
        let variant = name.strip_prefix(before)?;
        let is_word = variant
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'.');
        (is_word && variant != "token").then_some((variant, *component))
    })
}

const SEARCH: &str = "search_context_cost_per_query";
const MAPS: &str = "google_maps_grounding_cost_per_query";
const HIT: &str = "input_cost_per_token_cache_hit";
const ALLOWANCE: &str = "a card has no free allowance: give the tenant a credit or an allowance";

const SPEECH: [&str; 2] = ["audio_transcription", "audio_speech"];
const SPEECH_TOKENS: [Component; 4] = [TokenIn, AudioTokenIn, TokenOut, AudioTokenOut];

/// Prices of variants: what follows the name is the tier.
const VARIANTS: [(&str, Component); 2] = [
    ("output_cost_per_second_", DurationMs),
    ("output_cost_per_image_", Image),
];

/// How the name of a price of batches ends.
const BATCHES: &str = "_batches";

const fn meter(field: &'static str, component: Component, label: &'static str) -> Meter {
    Meter {
        field,
        component,
        label,
        if_priced: &[],
        instead_of: &[],
    }
}

const fn instead(
    meter: Meter,
    if_priced: &'static [Component],
    instead_of: &'static [Component],
) -> Meter {
    Meter {
        if_priced,
        instead_of,
        ..meter
    }
}

/// The first of those that price the same quantity is the model's own.
const METERS: [Meter; 17] = [
    meter("input_cost_per_query", Search, "query"),
    meter("input_cost_per_request", ApiCall, "request"),
    meter("input_cost_per_text_message", Unit, "text_message"),
    meter("code_interpreter_cost_per_session", Unit, "session"),
    meter("ocr_cost_per_credit", Unit, "credit"),
    meter("ocr_cost_per_page", Page, "page"),
    meter("annotation_cost_per_page", Page, "annotation"),
    instead(
        meter("output_cost_per_image", Image, "per_image"),
        &[ImageTokenOut, TokenOut],
        &[ImageTokenOut],
    ),
    instead(
        meter("input_cost_per_image", Image, "per_input_image"),
        &[ImageTokenIn, TokenIn],
        &[ImageTokenIn],
    ),
    instead(
        meter("output_cost_per_second", DurationMs, "per_second"),
        &[AudioTokenOut],
        &[AudioTokenOut],
    ),
    meter(
        "output_cost_per_video_per_second",
        DurationMs,
        "per_video_second",
    ),
    instead(
        meter("input_cost_per_second", DurationMs, "per_second"),
        &[AudioTokenIn],
        &[AudioTokenIn],
    ),
    meter("cost_per_second", DurationMs, "per_second"),
    instead(
        meter(
            "input_cost_per_video_per_second",
            DurationMs,
            "per_video_second",
        ),
        &[VideoTokenIn, TokenIn],
        &[VideoTokenIn],
    ),
    instead(
        meter(
            "input_cost_per_audio_per_second",
            DurationMs,
            "per_audio_second",
        ),
        &[AudioTokenIn, TokenIn],
        &[AudioTokenIn],
    ),
    instead(
        meter("input_cost_per_character", Character, "per_character"),
        &[TokenIn],
        &[TokenIn],
    ),
    instead(
        meter(
            "output_cost_per_character",
            Character,
            "per_output_character",
        ),
        &[TokenOut],
        &[TokenOut],
    ),
];
