//! Public price maps, read into rate cards.
//!
//! Reading is pure: text in, cards and a report out. What a map says and a card cannot
//! say is left and named; nothing is guessed.

mod cells;
mod decimal;
mod draft;
mod genai_prices;
mod litellm;
mod models_dev;
mod name;
mod node;
mod puter;
mod report;

use clap::ValueEnum;
pub(crate) use draft::{CardDraft, SourceDraft};
pub(crate) use name::Pattern;
pub(crate) use report::{Left, Tally};
use std::fmt;

/// A price map that others keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PriceMap {
    /// LiteLLM's `model_prices_and_context_window.json`.
    Litellm,
    /// The JSON of Pydantic's `genai-prices`.
    GenaiPrices,
    /// The JSON of models.dev.
    ModelsDev,
    /// Puter's usage types, in microcents.
    Puter,
}

/// The cards that a map makes, and what it says beyond them.
#[derive(Debug, Default)]
pub(crate) struct Imported {
    /// Full cards, the earliest first; all but the first have an `effective_from`.
    pub(crate) cards: Vec<CardDraft>,
    /// The entries with a price that is not 0.
    pub(crate) priced: Tally,
    /// Those of them that price tokens.
    pub(crate) token_priced: Tally,
    /// What was left, and why.
    pub(crate) left: Vec<Left>,
    /// The prices that were rounded to what a card can hold.
    pub(crate) rounded: Vec<Left>,
}

/// Why a text is no such map.
#[derive(Debug)]
pub(crate) enum ImportError {
    /// It is not JSON.
    Json(serde_json::Error),
    /// It is JSON of another form; what was looked for.
    Form(&'static str),
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => write!(f, "it is not JSON: {error}"),
            Self::Form(sought) => write!(f, "it is another form of JSON: {sought}"),
        }
    }
}

impl std::error::Error for ImportError {}

impl From<serde_json::Error> for ImportError {
    fn from(error: serde_json::Error) -> Self {
        Self::Json(error)
    }
}

/// Reads the entries of `text` whose name matches `only`, or all of them.
pub(crate) fn read(
    map: PriceMap,
    text: &str,
    only: Option<&Pattern>,
) -> Result<Imported, ImportError> {
    match map {
        PriceMap::Litellm => litellm::read(text, only),
        PriceMap::GenaiPrices => genai_prices::read(text, only),
        PriceMap::ModelsDev => models_dev::read(text, only),
        PriceMap::Puter => puter::read(text, only),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_is_no_map_is_refused() {
        let maps = [
            PriceMap::Litellm,
            PriceMap::GenaiPrices,
            PriceMap::ModelsDev,
            PriceMap::Puter,
        ];
        for map in maps {
            for text in ["", "{", "7", "\"a\"", "null", "[1]"] {
                assert!(read(map, text, None).is_err(), "{map:?} {text}");
            }
        }
    }

    #[test]
    fn a_pattern_leaves_out_the_rest() {
        let text = r#"{"a:read": 1, "b:read": 2}"#;
        let only = Pattern::new("b*");
        let imported = read(PriceMap::Puter, text, Some(&only)).unwrap();
        let operations = &imported.cards[0].operations;
        assert_eq!(operations.keys().collect::<Vec<_>>(), ["b:read"]);
        assert_eq!(imported.priced.entries, 1);
    }
}
