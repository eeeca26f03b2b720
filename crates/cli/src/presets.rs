//! What a plan meters, and the limits that a new one may begin with.

use crate::artifact::Feature;
use serde::Serialize;
use tollgate_core::Measure;

/// What the guardrails of a plan count for each period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Dimension {
    /// One for each request.
    Messages,
    /// Tokens that go to a model.
    InputTokens,
    /// Tokens that come from it.
    OutputTokens,
}

/// The values of one feature; none is no limit, and 0 allows nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Limits {
    /// From here on there is a warning, or a refusal where soft limits block.
    pub(crate) soft: Option<u64>,
    /// More than this is refused.
    pub(crate) hard: Option<u64>,
}

/// Limits to begin with.
#[derive(Debug)]
pub(crate) struct Preset {
    /// The plan's code.
    pub(crate) code: &'static str,
    /// Whom it suits.
    pub(crate) hint: &'static str,
    limits: [(Dimension, u64, u64); 3],
}

/// What a plan has room for. It is shown to clients, and counted by nobody.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Capacity {
    /// The feature's key.
    pub(crate) key: &'static str,
    /// What the limit counts.
    pub(crate) unit: &'static str,
    /// How much there may be.
    pub(crate) limit: u64,
}

/// All presets as JSON has them, and the capacity of every plan.
#[derive(Serialize)]
pub(crate) struct Offer {
    presets: Vec<OfferedPreset>,
    capacity: Vec<OfferedCapacity>,
}

#[derive(Serialize)]
struct OfferedPreset {
    plan_code: &'static str,
    hint: &'static str,
    features: Vec<Feature>,
}

#[derive(Serialize)]
struct OfferedCapacity {
    feature_key: &'static str,
    unit: &'static str,
    is_metered: bool,
    hard_limit: u64,
}

/// All presets, the smallest first.
pub(crate) const PRESETS: [Preset; 2] = [
    Preset {
        code: "starter",
        hint: "a trial or one small team; it warns at about three quarters",
        limits: [
            (Dimension::Messages, 150, 200),
            (Dimension::InputTokens, 200_000, 250_000),
            (Dimension::OutputTokens, 75_000, 100_000),
        ],
    },
    Preset {
        code: "pro",
        hint: "daily use by a team; it warns at two thirds",
        limits: [
            (Dimension::Messages, 1000, 1500),
            (Dimension::InputTokens, 1_000_000, 1_500_000),
            (Dimension::OutputTokens, 400_000, 600_000),
        ],
    },
];

/// The capacity features of every plan.
pub(crate) const CAPACITY: [Capacity; 3] = [
    Capacity {
        key: "vector.max_file_bytes",
        unit: "bytes",
        limit: 512 * 1024 * 1024,
    },
    Capacity {
        key: "vector.files_per_store",
        unit: "count",
        limit: 5000,
    },
    Capacity {
        key: "vector.stores_per_tenant",
        unit: "count",
        limit: 10,
    },
];

impl Dimension {
    /// All of them, in the order in which they are asked for.
    pub(crate) const ALL: [Self; 3] = [Self::Messages, Self::InputTokens, Self::OutputTokens];

    /// The feature's key.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::InputTokens => "input_tokens",
            Self::OutputTokens => "output_tokens",
        }
    }

    /// The feature's name for people.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Messages => "Messages",
            Self::InputTokens => "Input tokens",
            Self::OutputTokens => "Output tokens",
        }
    }

    /// What is counted.
    pub(crate) fn unit(self) -> &'static str {
        match self {
            Self::Messages => "requests",
            Self::InputTokens | Self::OutputTokens => "tokens",
        }
    }

    /// The measure that counts it.
    pub(crate) fn measure(self) -> Measure {
        match self {
            Self::Messages => Measure::Events,
            Self::InputTokens => Measure::TokensIn,
            Self::OutputTokens => Measure::TokensOut,
        }
    }

    /// The feature that limits it so.
    pub(crate) fn feature(self, limits: Limits) -> Feature {
        Feature {
            feature_key: self.key().to_string(),
            display_name: Some(self.label().to_string()),
            unit: Some(self.unit().to_string()),
            is_metered: true,
            soft_limit: limits.soft,
            hard_limit: limits.hard,
        }
    }

    /// The dimension of this key.
    pub(crate) fn of(key: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|dimension| dimension.key() == key)
    }
}

impl Preset {
    /// The preset of this code.
    pub(crate) fn of(code: &str) -> Option<&'static Self> {
        PRESETS.iter().find(|preset| preset.code == code)
    }

    /// Its values for `dimension`.
    pub(crate) fn limits(&self, dimension: Dimension) -> Limits {
        let found = self.limits.iter().find(|(of, ..)| *of == dimension);
        found
            .map(|(_, soft, hard)| Limits {
                soft: Some(*soft),
                hard: Some(*hard),
            })
            .unwrap_or_default()
    }
}

/// All presets, and the capacity of every plan.
pub(crate) fn offer() -> Offer {
    let preset = |preset: &Preset| OfferedPreset {
        plan_code: preset.code,
        hint: preset.hint,
        features: Dimension::ALL
            .map(|dimension| dimension.feature(preset.limits(dimension)))
            .into(),
    };
    let capacity = |room: &Capacity| OfferedCapacity {
        feature_key: room.key,
        unit: room.unit,
        is_metered: false,
        hard_limit: room.limit,
    };
    Offer {
        presets: PRESETS.iter().map(preset).collect(),
        capacity: CAPACITY.iter().map(capacity).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_limits_every_dimension_and_warns_before_it_refuses() {
        for preset in &PRESETS {
            for dimension in Dimension::ALL {
                let Limits { soft, hard } = preset.limits(dimension);
                assert!(
                    soft.is_some() && soft < hard,
                    "{} {dimension:?}",
                    preset.code
                );
            }
        }
        assert_eq!(
            Preset::of("starter").unwrap().limits(Dimension::Messages),
            Limits {
                soft: Some(150),
                hard: Some(200)
            }
        );
        assert_eq!(
            Preset::of("pro").unwrap().limits(Dimension::OutputTokens),
            Limits {
                soft: Some(400_000),
                hard: Some(600_000)
            }
        );
    }
}
