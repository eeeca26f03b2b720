//! Use in groups: one aggregator for events and rollup rows alike.

use crate::event::dimension::Dimension;
use crate::event::label::Label;
use crate::event::name::Name;
use crate::event::totals::Overflow;
use crate::ledger::view::Kept;
use crate::limit::scope::tool_key;
use crate::time::instant::{DAY_SECONDS, HOUR_SECONDS, Instant};
use crate::time::window::WindowKind;
use crate::usage::place::Place;
use crate::usage::roster::Roster;
use crate::usage::tally::Tally;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use core::fmt;
use core::str::FromStr;

/// What use is grouped by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GroupBy {
    /// The names of a dimension.
    Name(Dimension),
    /// The tool, by its key `server/tool`.
    Tool,
    /// The hour in UTC.
    Hour,
    /// The day in UTC.
    Day,
    /// The ISO week in UTC.
    Week,
    /// The month in UTC.
    Month,
}

/// Use in groups, agents, consumers and tasks as numbers of one [`Roster`].
/// Adding is associative and commutative.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    by: GroupBy,
    part: GroupPart,
    groups: BTreeMap<GroupKey, Tally>,
}

/// Which groups are wanted, in the order of their keys: what is kept of groups by name
/// is bounded by it.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct GroupPart {
    /// Those behind this key; `None` = from the first.
    pub after: Option<String>,
    /// The most wanted; one more tells that there are more.
    pub limit: Option<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum GroupKey {
    Name(Option<Name>),
    Number(Option<u32>),
    Tool(Option<Arc<str>>),
    Start(Instant),
}

impl GroupKey {
    /// The key as text, which sorts as the keys themselves do; `None` where only a
    /// roster knows it, or there are few.
    fn text(&self) -> Option<&str> {
        match self {
            Self::Name(name) => Some(name.as_ref().map_or(NO_KEY, Name::as_str)),
            Self::Tool(key) => Some(key.as_deref().unwrap_or(NO_KEY)),
            Self::Number(_) | Self::Start(_) => None,
        }
    }
}

/// The key of events without the field; no name is spelt so, and each is behind it.
pub const NO_KEY: &str = "(none)";

/// From the Monday before the epoch, a Thursday.
const MONDAY_SECONDS: i64 = 3 * DAY_SECONDS;

impl GroupBy {
    /// All of them, with their names.
    pub const ALL: [(&'static str, Self); 11] = [
        ("agent", Self::Name(Dimension::Label(Label::Agent))),
        ("consumer", Self::Name(Dimension::Label(Label::Consumer))),
        ("operation", Self::Name(Dimension::Operation)),
        ("tier", Self::Name(Dimension::Tier)),
        ("session", Self::Name(Dimension::Label(Label::Session))),
        ("tool", Self::Tool),
        ("model", Self::Name(Dimension::Label(Label::Model))),
        ("hour", Self::Hour),
        ("day", Self::Day),
        ("week", Self::Week),
        ("month", Self::Month),
    ];

    /// What rows must keep for it.
    #[must_use]
    pub fn needs(self) -> Kept {
        match self {
            Self::Name(dimension) => Kept::of(dimension),
            Self::Tool => Kept::TOOL,
            Self::Hour | Self::Day | Self::Week | Self::Month => Kept::NOTHING,
        }
    }

    fn key(self, at: Instant, place: &Place) -> GroupKey {
        let tool = |label| place.name(Dimension::Label(label));
        match self {
            Self::Name(dimension) => match dimension.counted() {
                Some(counted) => GroupKey::Number(place.number(counted)),
                None => GroupKey::Name(place.name(dimension).cloned()),
            },
            Self::Tool => GroupKey::Tool(
                tool(Label::ToolServer)
                    .zip(tool(Label::ToolName))
                    .map(|(server, tool)| tool_key(server, tool)),
            ),
            Self::Hour => GroupKey::Start(at.floor_to(HOUR_SECONDS)),
            Self::Day => GroupKey::Start(at.floor_to(DAY_SECONDS)),
            Self::Week => {
                let moved = at
                    .plus_seconds(MONDAY_SECONDS)
                    .floor_to(7_i64.saturating_mul(DAY_SECONDS));
                GroupKey::Start(moved.plus_seconds(MONDAY_SECONDS.saturating_neg()))
            }
            Self::Month => GroupKey::Start(WindowKind::Month.holding(at).start),
        }
    }

    /// The name of the span that begins at `start`.
    fn span(self, start: Instant) -> String {
        match self {
            Self::Week => start.week(),
            Self::Month => start.month(),
            Self::Day => start.day(),
            _ => start.to_string(),
        }
    }
}

impl fmt::Display for GroupBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            Self::ALL
                .iter()
                .find(|(_, by)| by == self)
                .map_or("", |(name, _)| name),
        )
    }
}

impl FromStr for GroupBy {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .iter()
            .find(|(name, _)| *name == text)
            .map(|(_, by)| *by)
            .ok_or(())
    }
}

impl Aggregate {
    /// No use yet.
    #[must_use]
    pub const fn new(by: GroupBy, part: GroupPart) -> Self {
        Self {
            by,
            part,
            groups: BTreeMap::new(),
        }
    }

    /// Whether a group may be among those that are wanted. One that is not once, as
    /// enough come before it, never is.
    fn wants(&self, key: &GroupKey) -> bool {
        let Some(text) = key.text() else { return true };
        let is_behind = self.part.after.as_deref().is_none_or(|after| text > after);
        let is_full = self
            .part
            .limit
            .is_some_and(|limit| self.groups.len() > limit);
        let last = self.groups.last_key_value();
        is_behind && !(is_full && last.is_some_and(|(last, _)| key > last))
    }

    /// Adds what was used at `place` at `at`, or within the hour or day that
    /// begins there.
    ///
    /// # Errors
    /// [`Overflow`] where a total leaves its range.
    pub fn add(&mut self, at: Instant, place: &Place, tally: &Tally) -> Result<(), Overflow> {
        let key = self.by.key(at, place);
        if !self.wants(&key) {
            return Ok(());
        }
        let is_named = key.text().is_some();
        let group = self.groups.entry(key).or_default();
        group.see(place);
        group.add(tally)?;
        let most = self.part.limit.map(|limit| limit.saturating_add(1));
        if is_named && most.is_some_and(|most| self.groups.len() > most) {
            self.groups.pop_last();
        }
        Ok(())
    }

    /// The groups by their keys, those that are wanted and perhaps others; `roster`
    /// knows the names behind the numbers.
    #[must_use]
    pub fn groups(self, roster: &Roster) -> BTreeMap<String, Tally> {
        let by = self.by;
        let counted = match by {
            GroupBy::Name(dimension) => dimension.counted(),
            _ => None,
        };
        let named = |key: &GroupKey| match key {
            GroupKey::Name(name) => name.as_ref().map(ToString::to_string),
            GroupKey::Tool(key) => key.as_deref().map(String::from),
            GroupKey::Number(number) => counted
                .zip(*number)
                .and_then(|(of, number)| roster.name(of, number))
                .map(ToString::to_string),
            GroupKey::Start(start) => Some(by.span(*start)),
        };
        self.groups
            .into_iter()
            .map(|(key, tally)| (named(&key).unwrap_or_else(|| NO_KEY.to_string()), tally))
            .collect()
    }
}
