//! How much was used, and the component that prices each figure.

use crate::words::words;
use serde::{Deserialize, Serialize};

/// The largest quantity: 2^53 - 1, which every JSON reader holds exactly.
pub const QUANTITY_MAX: u64 = 9_007_199_254_740_991;

/// What one event used, each from 0 to [`QUANTITY_MAX`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Quantities {
    /// The operation's own unit.
    pub units: u64,
    /// Input tokens, cached ones included.
    pub tokens_in: u64,
    /// Output tokens.
    pub tokens_out: u64,
    /// The part of `tokens_in` that came from a cache; never more than it.
    pub cached_tokens_in: u64,
    /// Tokens that are neither input nor output.
    pub tokens_processed: u64,
    /// Calls made to other APIs.
    pub api_calls: u64,
    /// Time worked, in milliseconds.
    pub duration_ms: u64,
    /// Bytes moved.
    pub data_bytes: u64,
}

impl Default for Quantities {
    fn default() -> Self {
        Self {
            units: 1,
            tokens_in: 0,
            tokens_out: 0,
            cached_tokens_in: 0,
            tokens_processed: 0,
            api_calls: 0,
            duration_ms: 0,
            data_bytes: 0,
        }
    }
}

impl Quantities {
    /// `tokens_in + tokens_out + tokens_processed`.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.tokens_in
            .saturating_add(self.tokens_out)
            .saturating_add(self.tokens_processed)
    }

    /// Each of them, in the order of [`Component::ALL`].
    #[must_use]
    pub fn to_table(self) -> Table<u64> {
        Table([
            self.units,
            self.tokens_in,
            self.cached_tokens_in,
            self.tokens_out,
            self.tokens_processed,
            self.api_calls,
            self.duration_ms,
            self.data_bytes,
        ])
    }

    /// Those of a table.
    #[must_use]
    pub fn from_table(table: Table<u64>) -> Self {
        let Table(
            [
                units,
                tokens_in,
                cached_tokens_in,
                tokens_out,
                tokens_processed,
                api_calls,
                duration_ms,
                data_bytes,
            ],
        ) = table;
        Self {
            units,
            tokens_in,
            tokens_out,
            cached_tokens_in,
            tokens_processed,
            api_calls,
            duration_ms,
            data_bytes,
        }
    }

    /// How much of what `component` prices.
    #[must_use]
    pub fn priced_by(&self, component: Component) -> u64 {
        self.to_table().of(component)
    }
}

/// A figure of each component, in the order of [`Component::ALL`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Table<T>(pub [T; Component::COUNT]);

impl<T: Copy + Default> Table<T> {
    /// The figure of `component`.
    #[must_use]
    pub fn of(&self, component: Component) -> T {
        self.0.get(component.place()).copied().unwrap_or_default()
    }

    /// Sets the figure of `component`.
    pub fn set(&mut self, component: Component, figure: T) {
        if let Some(place) = self.0.get_mut(component.place()) {
            *place = figure;
        }
    }

    /// Each component and its figure.
    pub fn iter(&self) -> impl Iterator<Item = (Component, T)> + '_ {
        Component::ALL.into_iter().zip(self.0)
    }

    /// What `figure` makes of each.
    pub fn map<U>(self, figure: impl FnMut(T) -> U) -> Table<U> {
        Table(self.0.map(figure))
    }
}

words! {
    /// What a price is for.
    pub enum Component {
        /// The operation's own unit.
        Unit = "unit",
        /// An input token, cached ones excepted where those have a price.
        TokenIn = "token_in",
        /// An input token read from a cache.
        CachedTokenIn = "cached_token_in",
        /// An output token.
        TokenOut = "token_out",
        /// Another token.
        TokenProcessed = "token_processed",
        /// A call.
        ApiCall = "api_call",
        /// A millisecond worked.
        DurationMs = "duration_ms",
        /// A byte moved.
        DataByte = "data_byte",
    }
}

impl Component {
    /// Its place among all.
    fn place(self) -> usize {
        let places = Self::ALL.into_iter();
        places.take_while(|component| *component != self).count()
    }

    /// The field of an event that says how much of it was used.
    #[must_use]
    pub fn quantity(self) -> &'static str {
        match self {
            Self::Unit => "units",
            Self::TokenIn => "tokens_in",
            Self::CachedTokenIn => "cached_tokens_in",
            Self::TokenOut => "tokens_out",
            Self::TokenProcessed => "tokens_processed",
            Self::ApiCall => "api_calls",
            Self::DurationMs => "duration_ms",
            Self::DataByte => "data_bytes",
        }
    }
}
