//! What was really used for a hold.

use crate::event::event::Event;
use crate::event::name::Name;
use crate::ledger::hold::Hold;
use crate::time::instant::Instant;

/// What was really used, as a client says it of a hold. What it leaves out of
/// whom, what and where is the hold's; its quantities are its own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Actual {
    /// The event's id; absent = the hold's.
    pub id: Option<Name>,
    /// The event's time; absent = the hold's, and no other is taken.
    pub timestamp: Option<Instant>,
    /// The operation; absent = the hold's, and no other is taken.
    pub operation: Option<Name>,
    /// The price class; absent = the hold's.
    pub tier: Option<Name>,
    /// All else. Its id, timestamp, operation and tier mean nothing.
    pub event: Event,
}

/// A field that a capture must have as its hold has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the hold's")]
pub struct Mismatch(pub &'static str);

impl Actual {
    /// The event to be booked for `hold`.
    ///
    /// # Errors
    /// [`Mismatch`] names the first field that must be the hold's and is not.
    pub fn of(&self, hold: &Hold) -> Result<Event, Mismatch> {
        let held = &hold.estimate.event;
        let (at, asked) = (&held.dimensions, &self.event.dimensions);
        let other = |said: Option<&Name>, held: Option<&Name>| said.is_some() && said != held;
        let fields = [
            (
                "operation",
                other(self.operation.as_ref(), Some(&at.operation)),
            ),
            ("agent_id", other(asked.agent.as_ref(), at.agent.as_ref())),
            (
                "consumer_id",
                other(asked.consumer.as_ref(), at.consumer.as_ref()),
            ),
            (
                "session_id",
                other(asked.session.as_ref(), at.session.as_ref()),
            ),
            (
                "tool_server",
                other(asked.tool_server.as_ref(), at.tool_server.as_ref()),
            ),
            (
                "tool_name",
                other(asked.tool_name.as_ref(), at.tool_name.as_ref()),
            ),
            ("budget_node", other(asked.node.as_ref(), at.node.as_ref())),
            (
                "timestamp",
                self.timestamp.is_some_and(|said| said != held.timestamp),
            ),
        ];
        if let Some((field, _)) = fields.into_iter().find(|(_, differs)| *differs) {
            return Err(Mismatch(field));
        }
        let mut dimensions = at.clone();
        dimensions.tier = self.tier.clone().unwrap_or(dimensions.tier);
        dimensions.model = asked.model.clone().or(dimensions.model);
        Ok(Event {
            id: self.id.clone().unwrap_or_else(|| held.id.clone()),
            timestamp: held.timestamp,
            dimensions,
            task: self.event.task.clone().or_else(|| held.task.clone()),
            provider: self
                .event
                .provider
                .clone()
                .or_else(|| held.provider.clone()),
            metadata: self
                .event
                .metadata
                .clone()
                .or_else(|| held.metadata.clone()),
            ..self.event.clone()
        })
    }
}
