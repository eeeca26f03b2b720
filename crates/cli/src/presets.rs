//! What a plan meters, and the limits that a new one may begin with.

use serde_json::{Value, json};

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
    pub(crate) fn measure(self) -> &'static str {
        match self {
            Self::Messages => "events",
            Self::InputTokens => "tokens_in",
            Self::OutputTokens => "tokens_out",
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

/// All presets as JSON.
pub(crate) fn presets_json() -> Value {
    let feature = |preset: &Preset, dimension: Dimension| {
        let Limits { soft, hard } = preset.limits(dimension);
        json!({
            "feature_key": dimension.key(),
            "display_name": dimension.label(),
            "unit": dimension.unit(),
            "is_metered": true,
            "soft_limit": soft,
            "hard_limit": hard,
        })
    };
    let plan = |preset: &Preset| {
        let features: Vec<Value> = Dimension::ALL
            .into_iter()
            .map(|dimension| feature(preset, dimension))
            .collect();
        json!({ "plan_code": preset.code, "hint": preset.hint, "features": features })
    };
    let capacity = |room: &Capacity| {
        json!({
            "feature_key": room.key,
            "unit": room.unit,
            "is_metered": false,
            "hard_limit": room.limit,
        })
    };
    let presets: Vec<Value> = PRESETS.iter().map(plan).collect();
    json!({ "presets": presets, "capacity": CAPACITY.iter().map(capacity).collect::<Vec<_>>() })
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
