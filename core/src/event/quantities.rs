//! How much was used, and the component that prices each figure.

use crate::words::words;
use alloc::vec::Vec;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The largest quantity: 2^53 - 1, which every JSON reader holds exactly.
pub const QUANTITY_MAX: u64 = 9_007_199_254_740_991;

/// Declares the quantities of an event, each with the component that prices it: the
/// one place where a quantity is spelt.
macro_rules! quantities {
    ($($(#[$about:meta])* $field:ident, $(#[$of:meta])* $component:ident = $word:literal;)+) => {
        /// What one event used, each from 0 to [`QUANTITY_MAX`].
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub struct Quantities {
            $($(#[$about])* pub $field: u64),+
        }

        impl Quantities {
            /// Nothing of anything.
            pub const NONE: Self = Self { $($field: 0),+ };

            /// Each of them, in the order of [`Component::ALL`].
            #[must_use]
            pub const fn to_table(self) -> Table<u64> {
                Table([$(self.$field),+])
            }

            /// Those of a table.
            #[must_use]
            pub const fn from_table(Table([$($field),+]): Table<u64>) -> Self {
                Self { $($field),+ }
            }
        }

        impl<T: Copy> Table<T> {
            /// The figure of `component`.
            #[must_use]
            pub const fn of(&self, component: Component) -> T {
                let Self([$($field),+]) = self;
                match component {
                    $(Component::$component => *$field),+
                }
            }

            /// Sets the figure of `component`.
            pub const fn set(&mut self, component: Component, figure: T) {
                let Self([$($field),+]) = self;
                match component {
                    $(Component::$component => *$field = figure),+
                }
            }
        }

        words! {
            /// What a price is for.
            pub enum Component {
                $($(#[$of])* $component = $word),+
            }
        }

        impl Component {
            /// The field of an event that says how much of it was used.
            #[must_use]
            pub const fn quantity(self) -> &'static str {
                match self {
                    $(Self::$component => stringify!($field)),+
                }
            }
        }
    };
}

quantities! {
    /// The operation's own unit.
    units,
    /// The operation's own unit.
    Unit = "unit";
    /// Input tokens, all parts included.
    tokens_in,
    /// An input token; of those parts that have no price of their own, too.
    TokenIn = "token_in";
    /// The part of `tokens_in` that was read from a cache.
    cached_tokens_in,
    /// An input token read from a cache.
    CachedTokenIn = "cached_token_in";
    /// The part of `tokens_in` that was written to a cache.
    cache_write_tokens_in,
    /// An input token written to a cache.
    CacheWriteTokenIn = "cache_write_token_in";
    /// The part of `tokens_in` that was written to a cache for an hour.
    cache_write_1h_tokens_in,
    /// An input token written to a cache for an hour.
    CacheWrite1hTokenIn = "cache_write_1h_token_in";
    /// The part of `tokens_in` that is sound.
    audio_tokens_in,
    /// An input token of sound.
    AudioTokenIn = "audio_token_in";
    /// The part of `tokens_in` that is sound and was read from a cache.
    cached_audio_tokens_in,
    /// An input token of sound read from a cache.
    CachedAudioTokenIn = "cached_audio_token_in";
    /// The part of `tokens_in` that is images.
    image_tokens_in,
    /// An input token of an image.
    ImageTokenIn = "image_token_in";
    /// The part of `tokens_in` that is films.
    video_tokens_in,
    /// An input token of a film.
    VideoTokenIn = "video_token_in";
    /// Output tokens, all parts included.
    tokens_out,
    /// An output token; of those parts that have no price of their own, too.
    TokenOut = "token_out";
    /// The part of `tokens_out` that was thought and not said.
    reasoning_tokens_out,
    /// An output token of reasoning.
    ReasoningTokenOut = "reasoning_token_out";
    /// The part of `tokens_out` that is sound.
    audio_tokens_out,
    /// An output token of sound.
    AudioTokenOut = "audio_token_out";
    /// The part of `tokens_out` that is images.
    image_tokens_out,
    /// An output token of an image.
    ImageTokenOut = "image_token_out";
    /// Tokens that are neither input nor output.
    tokens_processed,
    /// Another token.
    TokenProcessed = "token_processed";
    /// Calls made to other APIs.
    api_calls,
    /// A call.
    ApiCall = "api_call";
    /// Searches made.
    searches,
    /// A search.
    Search = "search";
    /// Images made or read.
    images,
    /// An image.
    Image = "image";
    /// Pages read or written.
    pages,
    /// A page.
    Page = "page";
    /// Characters read or spoken.
    characters,
    /// A character.
    Character = "character";
    /// Bytes moved.
    data_bytes,
    /// A byte moved.
    DataByte = "data_byte";
    /// Time worked, in milliseconds.
    duration_ms,
    /// A millisecond worked.
    DurationMs = "duration_ms";
}

/// One unit of its operation.
impl Default for Quantities {
    fn default() -> Self {
        Self {
            units: 1,
            ..Self::NONE
        }
    }
}

impl Quantities {
    /// The same with no more of the parts of tokens than of the tokens that they are
    /// parts of; the first ones stay.
    #[must_use]
    pub fn with_parts_that_fit(self) -> Self {
        let mut table = self.to_table();
        for whole in [Component::TokenIn, Component::TokenOut] {
            let mut left = table.of(whole);
            for part in Component::ALL {
                if part.whole() == Some(whole) {
                    let held = table.of(part).min(left);
                    table.set(part, held);
                    left = left.saturating_sub(held);
                }
            }
        }
        Self::from_table(table)
    }

    /// `tokens_in + tokens_out + tokens_processed`.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.tokens_in
            .saturating_add(self.tokens_out)
            .saturating_add(self.tokens_processed)
    }

    /// How much of what `component` prices.
    #[must_use]
    pub fn priced_by(&self, component: Component) -> u64 {
        self.to_table().of(component)
    }

    /// The whole whose parts add up to more than it.
    #[must_use]
    pub fn overfull(&self) -> Option<Component> {
        let used = self.to_table();
        let exceeds = |whole: &Component| {
            let parts = used.iter().filter(|(part, _)| part.whole() == Some(*whole));
            let sum = parts.fold(0_u64, |sum, (_, part)| sum.saturating_add(part));
            sum > used.of(*whole)
        };
        [Component::TokenIn, Component::TokenOut]
            .into_iter()
            .find(exceeds)
    }
}

impl Component {
    /// What it is a part of. The parts of a whole are disjoint.
    #[must_use]
    pub const fn whole(self) -> Option<Self> {
        match self {
            Self::CachedTokenIn
            | Self::CacheWriteTokenIn
            | Self::CacheWrite1hTokenIn
            | Self::AudioTokenIn
            | Self::CachedAudioTokenIn
            | Self::ImageTokenIn
            | Self::VideoTokenIn => Some(Self::TokenIn),
            Self::ReasoningTokenOut | Self::AudioTokenOut | Self::ImageTokenOut => {
                Some(Self::TokenOut)
            }
            Self::Unit
            | Self::TokenIn
            | Self::TokenOut
            | Self::TokenProcessed
            | Self::ApiCall
            | Self::Search
            | Self::Image
            | Self::Page
            | Self::Character
            | Self::DataByte
            | Self::DurationMs => None,
        }
    }

    /// What it costs the same as, where it has no price of its own.
    #[must_use]
    pub const fn priced_as(self) -> Option<Self> {
        match self {
            Self::CacheWrite1hTokenIn => Some(Self::CacheWriteTokenIn),
            Self::CachedAudioTokenIn => Some(Self::AudioTokenIn),
            _ => self.whole(),
        }
    }
}

/// A figure of each component, in the order of [`Component::ALL`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Table<T>(pub [T; Component::COUNT]);

impl<T: Copy> Table<T> {
    /// Each component and its figure.
    pub fn iter(&self) -> impl Iterator<Item = (Component, T)> + '_ {
        Component::ALL.into_iter().zip(self.0)
    }

    /// What `figure` makes of each.
    pub fn map<U>(self, figure: impl FnMut(T) -> U) -> Table<U> {
        Table(self.0.map(figure))
    }
}

/// Those that are not 0, each with its place: most are.
impl<T: Copy + Default + PartialEq + Serialize> Serialize for Table<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let places = (0_u8..).zip(self.0);
        let some = places.filter(|(_, figure)| *figure != T::default());
        to.collect_seq(some.collect::<Vec<_>>())
    }
}

impl<'de, T: Copy + Default + Deserialize<'de>> Deserialize<'de> for Table<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let mut table = Self::default();
        for (place, figure) in Vec::<(u8, T)>::deserialize(from)? {
            let place = table.0.get_mut(usize::from(place));
            *place.ok_or_else(|| serde::de::Error::custom("no such quantity"))? = figure;
        }
        Ok(table)
    }
}
