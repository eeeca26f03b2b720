//! Rate cards as `PUT /rate-cards/{id}` takes them.

use crate::import::decimal::Decimal;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;

/// The tier of events that name none.
pub(crate) const STANDARD: &str = "standard";

/// A card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct CardDraft {
    /// The currency of all of its prices.
    pub(crate) currency: &'static str,
    /// The first instant that it prices; from the start of time where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) effective_from: Option<String>,
    /// The factors of tiers that operations do not have.
    pub(crate) tiers: BTreeMap<String, Decimal>,
    /// What becomes of an operation that it does not name.
    pub(crate) unpriced: &'static str,
    /// Prices by operation.
    pub(crate) operations: BTreeMap<String, OperationDraft>,
    /// The map that it was made from; who read the file says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source: Option<SourceDraft>,
}

/// A file that a card was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct SourceDraft {
    /// The name of the map.
    pub(crate) map: String,
    /// The digest of the file.
    pub(crate) digest: String,
}

impl CardDraft {
    /// A card in US dollars with the tier `standard` alone.
    pub(crate) fn in_usd(operations: BTreeMap<String, OperationDraft>) -> Self {
        Self {
            currency: "USD",
            effective_from: None,
            tiers: BTreeMap::from([(STANDARD.to_owned(), Decimal::ONE)]),
            unpriced: "reject",
            operations,
            source: None,
        }
    }
}

/// The prices of one operation.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub(crate) struct OperationDraft {
    /// Prices by component.
    #[serde(flatten)]
    pub(crate) prices: Prices,
    /// Prices of long prompts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) over: Vec<OverDraft>,
    /// Its own tiers.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) tiers: BTreeMap<String, TierDraft>,
}

impl OperationDraft {
    /// An operation with one price.
    pub(crate) fn with(component: Component, price: Price) -> Self {
        Self {
            prices: Prices::from([(component, price)]),
            ..Self::default()
        }
    }
}

/// Prices that take the place of others where an event's `tokens_in` is greater.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct OverDraft {
    /// How many tokens are not over yet.
    pub(crate) tokens_in: u64,
    /// Whether that many are over.
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) inclusive: bool,
    /// Prices by component.
    #[serde(flatten)]
    pub(crate) prices: Prices,
}

/// What a tier of an operation costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(crate) enum TierDraft {
    /// Everything times a factor.
    Factor(Decimal),
    /// Prices that take the place of the operation's, component by component.
    Prices {
        /// Prices by component.
        #[serde(flatten)]
        prices: Prices,
        /// Prices of long prompts.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        over: Vec<OverDraft>,
    },
}

/// Prices by component.
pub(crate) type Prices = BTreeMap<Component, Price>;

/// An amount for `per` of a quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Price {
    /// The amount.
    pub(crate) amount: Decimal,
    /// How many it pays for.
    pub(crate) per: u64,
}

impl Serialize for Price {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.per == 1 {
            return self.amount.serialize(serializer);
        }
        let mut fields = serializer.serialize_struct("Price", 2)?;
        fields.serialize_field("amount", &self.amount)?;
        fields.serialize_field("per", &self.per)?;
        fields.end()
    }
}

/// What has a price: the quantity of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Component {
    Unit,
    TokenIn,
    CachedTokenIn,
    CacheWriteTokenIn,
    #[serde(rename = "cache_write_1h_token_in")]
    LongCacheWriteTokenIn,
    AudioTokenIn,
    CachedAudioTokenIn,
    ImageTokenIn,
    VideoTokenIn,
    TokenOut,
    ReasoningTokenOut,
    AudioTokenOut,
    ImageTokenOut,
    ApiCall,
    Search,
    Image,
    Page,
    Character,
    DurationMs,
}

impl Component {
    /// Whether it counts tokens.
    pub(crate) fn is_token(self) -> bool {
        match self {
            Self::TokenIn
            | Self::CachedTokenIn
            | Self::CacheWriteTokenIn
            | Self::LongCacheWriteTokenIn
            | Self::AudioTokenIn
            | Self::CachedAudioTokenIn
            | Self::ImageTokenIn
            | Self::VideoTokenIn
            | Self::TokenOut
            | Self::ReasoningTokenOut
            | Self::AudioTokenOut
            | Self::ImageTokenOut => true,
            Self::Unit
            | Self::ApiCall
            | Self::Search
            | Self::Image
            | Self::Page
            | Self::Character
            | Self::DurationMs => false,
        }
    }
}

/// How many tokens a price of tokens is for.
pub(crate) const TOKENS_PER: u64 = 1_000_000;

fn is_false(value: &bool) -> bool {
    !value
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn price(amount: &str, per: u64) -> Price {
        Price {
            amount: Decimal::exact(amount).unwrap(),
            per,
        }
    }

    #[test]
    fn a_card_is_written_as_the_route_takes_it() {
        let over = OverDraft {
            tokens_in: 200_000,
            inclusive: true,
            prices: Prices::from([(Component::TokenIn, price("6", 1_000_000))]),
        };
        let prices = Prices::from([
            (Component::LongCacheWriteTokenIn, price("6", 1_000_000)),
            (Component::Image, price("0.04", 1)),
        ]);
        let own = TierDraft::Prices {
            prices: prices.clone(),
            over: vec![over.clone()],
        };
        let operation = OperationDraft {
            prices,
            over: vec![over],
            tiers: BTreeMap::from([
                ("batch".to_owned(), TierDraft::Factor(Decimal::HALF)),
                ("priority".to_owned(), own),
            ]),
        };
        let mut card = CardDraft::in_usd(BTreeMap::from([("a".to_owned(), operation)]));
        card.source = Some(SourceDraft {
            map: "litellm".to_owned(),
            digest: "0f".to_owned(),
        });
        let six = json!({"amount": "6", "per": 1_000_000});
        let over = json!([{"tokens_in": 200_000, "inclusive": true, "token_in": six}]);
        let expected = json!({
            "currency": "USD", "tiers": {"standard": "1"}, "unpriced": "reject",
            "source": {"map": "litellm", "digest": "0f"}, "operations": {"a": {
                "cache_write_1h_token_in": six, "image": "0.04", "over": over,
                "tiers": {"batch": "0.5", "priority": {
                    "cache_write_1h_token_in": six, "image": "0.04", "over": over}}}}});
        assert_eq!(serde_json::to_value(card).unwrap(), expected);
    }
}
