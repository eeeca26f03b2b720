//! Totals in groups.

use crate::answers::totals::{Asked, Totals};
use serde::{Deserialize, Serialize};
use tollgate_core::{Currency, Dimension, GroupBy, Label, Tally};

/// Totals of one group: its key, the field that it is of, and its totals.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GroupRow {
    /// What the events of the group have in common; `(none)` of those that lack the
    /// field.
    pub key: String,
    /// The same under its own name.
    #[serde(flatten)]
    pub named: GroupName,
    /// The totals.
    #[serde(flatten)]
    pub totals: Totals,
}

/// The key of a group under the name of what it is of: one of these is there.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GroupName {
    /// Of groups by agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// Of groups by consumer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consumer_id: Option<String>,
    /// Of groups by session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// Of groups by operation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// Of groups by tier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<String>,
    /// Of groups by tool: `server/tool`, with `/` inside a part written `%2F` and `%`
    /// `%25`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// Of groups by model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Of groups by hour, day, week or month.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period: Option<String>,
}

impl GroupName {
    fn new(by: GroupBy, key: &str) -> Self {
        let mut named = Self::default();
        let of_label = |label: Label, named: &mut Self| match label {
            Label::Agent => named.agent_id = Some(key.to_owned()),
            Label::Consumer => named.consumer_id = Some(key.to_owned()),
            Label::Session => named.session_id = Some(key.to_owned()),
            Label::Model => named.model = Some(key.to_owned()),
            Label::Task | Label::ToolServer | Label::ToolName | Label::Provider | Label::Node => {}
        };
        match by {
            GroupBy::Name(Dimension::Label(label)) => of_label(label, &mut named),
            GroupBy::Name(Dimension::Operation) => named.operation = Some(key.to_owned()),
            GroupBy::Name(Dimension::Tier) => named.tier = Some(key.to_owned()),
            GroupBy::Tool => named.tool = Some(key.to_owned()),
            GroupBy::Hour | GroupBy::Day | GroupBy::Week | GroupBy::Month => {
                named.period = Some(key.to_owned());
            }
        }
        named
    }
}

impl GroupRow {
    /// The group `key` of groups `by` something.
    #[must_use]
    pub fn new(by: GroupBy, key: &str, tally: &Tally, currency: Currency) -> Self {
        Self {
            key: key.to_owned(),
            named: GroupName::new(by, key),
            totals: Totals::new(tally, currency),
        }
    }
}

/// Totals in groups, sorted by key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Groups {
    /// Whose, and of when.
    #[serde(flatten)]
    pub asked: Asked,
    /// What they are grouped by.
    pub group_by: String,
    /// The groups on this page.
    pub data: Vec<GroupRow>,
    /// How many are on this page.
    pub count: usize,
    /// Goes to `cursor` for the next page; null on the last.
    pub next_cursor: Option<String>,
}

/// Totals of one agent or consumer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PersonRow {
    /// The agent, in a list of agents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// The consumer, in a list of consumers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consumer_id: Option<String>,
    /// The totals.
    #[serde(flatten)]
    pub totals: Totals,
}

/// A list of agents or consumers, and their totals.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct People {
    /// Whose, and of when.
    #[serde(flatten)]
    pub asked: Asked,
    /// Those on this page.
    pub data: Vec<PersonRow>,
    /// How many are on this page.
    pub count: usize,
    /// Goes to `cursor` for the next page; null on the last.
    pub next_cursor: Option<String>,
}

impl People {
    /// The people of `groups`.
    #[must_use]
    pub fn new(groups: Groups) -> Self {
        let row = |row: GroupRow| PersonRow {
            agent_id: row.named.agent_id,
            consumer_id: row.named.consumer_id,
            totals: row.totals,
        };
        Self {
            asked: groups.asked,
            data: groups.data.into_iter().map(row).collect(),
            count: groups.count,
            next_cursor: groups.next_cursor,
        }
    }
}
