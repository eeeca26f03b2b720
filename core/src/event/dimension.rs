//! What use is told apart by.

use crate::event::event::Event;
use crate::event::label::Label;
use crate::event::name::Name;

/// What use is told apart by: filters name it, groups are made by it, rollups keep
/// it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dimension {
    /// What was used.
    Operation,
    /// Its price class.
    Tier,
    /// A name that an event may carry.
    Label(Label),
}

/// Whose distinct number is counted. Rollups keep them as numbers of a
/// [`crate::Roster`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Counted {
    /// Who did the work.
    Agent,
    /// For whom.
    Consumer,
    /// The task it was a step of.
    Task,
}

impl Dimension {
    /// Those that filters may name.
    pub const FILTERS: [Self; 9] = [
        Self::Label(Label::Agent),
        Self::Label(Label::Consumer),
        Self::Label(Label::Session),
        Self::Label(Label::Task),
        Self::Operation,
        Self::Tier,
        Self::Label(Label::ToolServer),
        Self::Label(Label::ToolName),
        Self::Label(Label::Model),
    ];

    /// Their fields.
    #[expect(clippy::indexing_slicing, reason = "computed when compiled")]
    pub const FILTER_FIELDS: [&'static str; 9] = {
        let mut fields = [""; 9];
        let mut place = 0;
        while place < fields.len() {
            fields[place] = Self::FILTERS[place].field();
            place += 1;
        }
        fields
    };

    /// How many rollups keep by name.
    pub const NAMED_COUNT: usize = 7;

    /// Those that rollups keep by name, in the order of stored forms.
    pub const NAMED: [Self; Self::NAMED_COUNT] = [
        Self::Operation,
        Self::Tier,
        Self::Label(Label::ToolServer),
        Self::Label(Label::ToolName),
        Self::Label(Label::Model),
        Self::Label(Label::Session),
        Self::Label(Label::Node),
    ];

    /// Its field in JSON, and its parameter in queries.
    #[must_use]
    pub const fn field(self) -> &'static str {
        match self {
            Self::Operation => "operation",
            Self::Tier => "tier",
            Self::Label(label) => label.field(),
        }
    }

    /// Whom it counts, if rollups keep it by number.
    #[must_use]
    pub const fn counted(self) -> Option<Counted> {
        match self {
            Self::Label(Label::Agent) => Some(Counted::Agent),
            Self::Label(Label::Consumer) => Some(Counted::Consumer),
            Self::Label(Label::Task) => Some(Counted::Task),
            _ => None,
        }
    }
}

impl Counted {
    /// How many there are.
    pub const COUNT: usize = 3;

    /// All of them, in the order of stored forms.
    pub const ALL: [Self; Self::COUNT] = [Self::Agent, Self::Consumer, Self::Task];

    /// As a dimension.
    #[must_use]
    pub const fn dimension(self) -> Dimension {
        Dimension::Label(match self {
            Self::Agent => Label::Agent,
            Self::Consumer => Label::Consumer,
            Self::Task => Label::Task,
        })
    }
}

impl Event {
    /// The name that it has in `dimension`.
    #[must_use]
    pub fn name_in(&self, dimension: Dimension) -> Option<&Name> {
        match dimension {
            Dimension::Operation => Some(&self.dimensions.operation),
            Dimension::Tier => Some(&self.dimensions.tier),
            Dimension::Label(label) => self.label(label),
        }
    }
}
