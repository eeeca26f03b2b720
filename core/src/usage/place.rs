//! Where use belongs in rollups, and which rollups answer which question.

use crate::event::event::Event;
use crate::event::name::Name;
use crate::ledger::view::Kept;
use crate::price::catalog::CardRef;
use alloc::vec::Vec;

/// Where use belongs, agents, consumers and tasks as numbers of a
/// [`crate::Roster`]. A [`View`] leaves out what it does not keep.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Place {
    /// What was used; `None` where it is not kept.
    pub operation: Option<Name>,
    /// Its price class; `None` where it is not kept.
    pub tier: Option<Name>,
    /// The server of the tool.
    pub tool_server: Option<Name>,
    /// The tool on that server.
    pub tool_name: Option<Name>,
    /// The model.
    pub model: Option<Name>,
    /// The session.
    pub session: Option<Name>,
    /// Who did the work.
    pub agent: Option<u32>,
    /// For whom.
    pub consumer: Option<u32>,
    /// The task it was a step of.
    pub task: Option<u32>,
    /// The leaf of the tree of budgets, as it was named.
    pub node: Option<Name>,
    /// The nodes that it counted in, from its leaf up; `None` = the one named as
    /// its agent is.
    pub path: Vec<Option<Name>>,
    /// The card version and exchange rate that priced it; `None` where it is
    /// not kept.
    pub card: Option<CardRef>,
    /// Whether the cost was given with the event instead.
    pub overridden: bool,
}

impl Place {
    /// Where `event` belongs, without agent, consumer, task and price.
    #[must_use]
    pub fn of(event: &Event) -> Self {
        let d = &event.dimensions;
        Self {
            operation: Some(d.operation.clone()),
            tier: Some(d.tier.clone()),
            tool_server: d.tool_server.clone(),
            tool_name: d.tool_name.clone(),
            model: d.model.clone(),
            session: d.session.clone(),
            node: d.node.clone(),
            path: d
                .path
                .iter()
                .map(|node| other_than(node, d.agent.as_ref()))
                .collect(),
            ..Self::default()
        }
    }

    /// The same without agent, consumer and task.
    #[must_use]
    pub fn without_people(self) -> Self {
        Self {
            agent: None,
            consumer: None,
            task: None,
            ..self
        }
    }

    /// What `kept` keeps of it.
    #[must_use]
    pub fn within(&self, kept: Kept) -> Self {
        let name =
            |of: Kept, name: &Option<Name>| name.as_ref().filter(|_| kept.holds(of)).cloned();
        let number = |of: Kept, number: Option<u32>| number.filter(|_| kept.holds(of));
        Self {
            operation: name(Kept::OPERATION, &self.operation),
            tier: name(Kept::TIER, &self.tier),
            tool_server: name(Kept::TOOL, &self.tool_server),
            tool_name: name(Kept::TOOL, &self.tool_name),
            model: name(Kept::MODEL, &self.model),
            session: name(Kept::SESSION, &self.session),
            agent: number(Kept::AGENT, self.agent),
            consumer: number(Kept::CONSUMER, self.consumer),
            task: number(Kept::TASK, self.task),
            node: name(Kept::NODE, &self.node),
            path: if kept.holds(Kept::NODE) {
                self.path.clone()
            } else {
                Vec::new()
            },
            card: self
                .card
                .as_ref()
                .filter(|_| kept.holds(Kept::PRICE))
                .cloned(),
            overridden: self.overridden && kept.holds(Kept::PRICE),
        }
    }
}

fn other_than(node: &Name, agent: Option<&Name>) -> Option<Name> {
    Some(node).filter(|node| agent != Some(node)).cloned()
}
