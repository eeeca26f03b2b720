//! Which use a question is about.

use crate::event::dimensions::Dimensions;
use crate::event::event::Event;
use crate::event::name::Name;
use crate::event::totals::Overflow;
use crate::ledger::view::Kept;
use crate::usage::place::Place;
use crate::usage::roster::Roster;

/// Conditions on events; all that are given must hold.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Filter {
    /// Who did the work.
    pub agent: Option<Name>,
    /// For whom.
    pub consumer: Option<Name>,
    /// The session.
    pub session: Option<Name>,
    /// The task.
    pub task: Option<Name>,
    /// What was used.
    pub operation: Option<Name>,
    /// Its price class.
    pub tier: Option<Name>,
    /// The server of the tool.
    pub tool_server: Option<Name>,
    /// The tool.
    pub tool_name: Option<Name>,
    /// The model.
    pub model: Option<Name>,
    /// The event itself.
    pub id: Option<Name>,
}

/// A filter of rows, in the numbers of a roster.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RowFilter {
    names: Filter,
    agent: Option<u32>,
    consumer: Option<u32>,
    task: Option<u32>,
}

impl Filter {
    /// Whether `event` meets every condition.
    #[must_use]
    pub fn matches(&self, event: &Event) -> bool {
        let d: &Dimensions = &event.dimensions;
        let names = [
            (&self.agent, d.agent.as_ref()),
            (&self.consumer, d.consumer.as_ref()),
            (&self.session, d.session.as_ref()),
            (&self.task, event.task.as_ref()),
            (&self.operation, Some(&d.operation)),
            (&self.tier, Some(&d.tier)),
            (&self.tool_server, d.tool_server.as_ref()),
            (&self.tool_name, d.tool_name.as_ref()),
            (&self.model, d.model.as_ref()),
            (&self.id, Some(&event.id)),
        ];
        names.into_iter().all(meets)
    }

    /// What rows must keep for it to be tested on them.
    #[must_use]
    pub fn needs(&self) -> Kept {
        let needs = [
            (&self.agent, Kept::AGENT),
            (&self.consumer, Kept::CONSUMER),
            (&self.session, Kept::SESSION),
            (&self.task, Kept::TASK),
            (&self.operation, Kept::OPERATION),
            (&self.tier, Kept::TIER),
            (&self.tool_server, Kept::TOOL),
            (&self.tool_name, Kept::TOOL),
            (&self.model, Kept::MODEL),
        ];
        needs
            .into_iter()
            .filter(|(wanted, _)| wanted.is_some())
            .fold(Kept::NOTHING, |all, (_, kept)| all.and(kept))
    }

    /// The same for rows in the numbers of `roster`, which those it names join.
    /// Rows know no event ids, so a condition on the id is left out.
    ///
    /// # Errors
    /// [`Overflow`] for a roster that is full.
    pub fn of_rows(&self, roster: &mut Roster) -> Result<RowFilter, Overflow> {
        let agent = self
            .agent
            .as_ref()
            .map(|agent| roster.agent(agent))
            .transpose()?;
        let consumer = self
            .consumer
            .as_ref()
            .map(|consumer| roster.consumer(consumer))
            .transpose()?;
        let task = self
            .task
            .as_ref()
            .map(|task| roster.task(task))
            .transpose()?;
        Ok(RowFilter {
            names: self.clone(),
            agent,
            consumer,
            task,
        })
    }
}

impl RowFilter {
    /// Whether use at `place` meets every condition.
    #[must_use]
    pub fn matches(&self, place: &Place) -> bool {
        let numbers = [
            (self.agent, place.agent),
            (self.consumer, place.consumer),
            (self.task, place.task),
        ];
        let names = [
            (&self.names.session, place.session.as_ref()),
            (&self.names.operation, place.operation.as_ref()),
            (&self.names.tier, place.tier.as_ref()),
            (&self.names.tool_server, place.tool_server.as_ref()),
            (&self.names.tool_name, place.tool_name.as_ref()),
            (&self.names.model, place.model.as_ref()),
        ];
        numbers
            .into_iter()
            .all(|(wanted, found)| wanted.is_none() || wanted == found)
            && names.into_iter().all(meets)
    }
}

fn meets((wanted, found): (&Option<Name>, Option<&Name>)) -> bool {
    wanted.is_none() || wanted.as_ref() == found
}
