//! Which rollups there are, and what each keeps.

use crate::event::dimension::Dimension;
use crate::event::label::Label;

/// What a rollup row is kept by: a set of dimensions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Kept(u16);

impl Kept {
    /// Nothing: one row for all.
    pub const NOTHING: Self = Self(0);
    /// Operation.
    pub const OPERATION: Self = Self(1);
    /// Tier.
    pub const TIER: Self = Self(1 << 1);
    /// Tool server and name.
    pub const TOOL: Self = Self(1 << 2);
    /// Model.
    pub const MODEL: Self = Self(1 << 3);
    /// Session.
    pub const SESSION: Self = Self(1 << 4);
    /// Agent.
    pub const AGENT: Self = Self(1 << 5);
    /// Consumer.
    pub const CONSUMER: Self = Self(1 << 6);
    /// Task.
    pub const TASK: Self = Self(1 << 7);
    /// Card version and exchange rate, and whether the price was given.
    pub const PRICE: Self = Self(1 << 8);
    /// Leaf of the tree of budgets.
    pub const NODE: Self = Self(1 << 9);

    /// What keeps `dimension`.
    #[must_use]
    pub const fn of(dimension: Dimension) -> Self {
        match dimension {
            Dimension::Operation => Self::OPERATION,
            Dimension::Tier => Self::TIER,
            Dimension::Label(label) => match label {
                Label::ToolServer | Label::ToolName => Self::TOOL,
                Label::Model => Self::MODEL,
                Label::Session => Self::SESSION,
                Label::Agent => Self::AGENT,
                Label::Consumer => Self::CONSUMER,
                Label::Task => Self::TASK,
                Label::Node => Self::NODE,
                // Kept with each event alone.
                Label::Provider => Self::NOTHING,
            },
        }
    }

    /// Both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` is in it.
    #[must_use]
    pub const fn holds(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// One of the ways in which the same events are rolled up. Few rows answer
/// common questions; [`View::Full`] answers every one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum View {
    /// One row for everything.
    Totals,
    /// By operation, tier, tool, model and price: what bills are made of.
    Use,
    /// By agent.
    Agent,
    /// By consumer.
    Consumer,
    /// By session.
    Session,
    /// By all but session, task, node and price.
    Broad,
    /// By all but price.
    Full,
}

impl View {
    /// All of them, those with fewer rows first.
    pub const ALL: [Self; 7] = [
        Self::Totals,
        Self::Use,
        Self::Agent,
        Self::Consumer,
        Self::Session,
        Self::Broad,
        Self::Full,
    ];

    /// The first that keeps all of `wanted`.
    #[must_use]
    pub fn keeping(wanted: Kept) -> Self {
        Self::ALL
            .into_iter()
            .find(|view| view.kept().holds(wanted))
            .unwrap_or(Self::Full)
    }

    /// What it keeps.
    #[must_use]
    pub const fn kept(self) -> Kept {
        let used = Kept::OPERATION
            .and(Kept::TIER)
            .and(Kept::TOOL)
            .and(Kept::MODEL);
        match self {
            Self::Totals => Kept::NOTHING,
            Self::Use => used.and(Kept::PRICE),
            Self::Agent => Kept::AGENT,
            Self::Consumer => Kept::CONSUMER,
            Self::Session => Kept::SESSION,
            Self::Broad => used.and(Kept::AGENT).and(Kept::CONSUMER),
            Self::Full => used
                .and(Kept::AGENT)
                .and(Kept::CONSUMER)
                .and(Kept::SESSION)
                .and(Kept::TASK)
                .and(Kept::NODE),
        }
    }

    /// Whether days are rolled up too. A full row of a day would hardly be
    /// fewer than those of its hours.
    #[must_use]
    pub const fn has_days(self) -> bool {
        !matches!(self, Self::Full)
    }

    /// Its name in keys.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Totals => "totals",
            Self::Use => "use",
            Self::Agent => "agent",
            Self::Consumer => "consumer",
            Self::Session => "session",
            Self::Broad => "broad",
            Self::Full => "full",
        }
    }
}
