//! Public price maps, read into rate cards.
//!
//! Reading is pure: text in, cards and a report out. What a map says and a card cannot
//! say is left and named; nothing is guessed.

mod cells;
mod decimal;
mod draft;
mod genai_prices;
mod imported;
mod litellm;
mod models_dev;
mod name;
mod node;
mod puter;
mod report;

use clap::ValueEnum;
pub(crate) use draft::{CardDraft, SourceDraft};
pub(crate) use imported::{ImportError, Imported};
pub(crate) use name::Pattern;
pub(crate) use report::Left;

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
