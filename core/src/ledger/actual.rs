//! What was really used for a hold.

use crate::event::event::Event;
use crate::event::label::Label;
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

/// What a capture has as its hold has it.
const FIXED: [Label; 6] = [
    Label::Agent,
    Label::Consumer,
    Label::Session,
    Label::ToolServer,
    Label::ToolName,
    Label::Node,
];

/// What it may say for itself.
const OPEN: [Label; 3] = [Label::Model, Label::Task, Label::Provider];

impl Actual {
    /// The event to be booked for `hold`.
    ///
    /// # Errors
    /// [`Mismatch`] names the first field that must be the hold's and is not.
    pub fn of(&self, hold: &Hold) -> Result<Event, Mismatch> {
        let held = &hold.estimate.event;
        let other = |said: Option<&Name>, held: Option<&Name>| said.is_some() && said != held;
        let is_other = |label: &Label| other(self.event.label(*label), held.label(*label));
        if other(self.operation.as_ref(), Some(&held.dimensions.operation)) {
            return Err(Mismatch("operation"));
        }
        if let Some(label) = FIXED.into_iter().find(is_other) {
            return Err(Mismatch(label.field()));
        }
        if self.timestamp.is_some_and(|said| said != held.timestamp) {
            return Err(Mismatch("timestamp"));
        }
        let mut event = Event {
            id: self.id.clone().unwrap_or_else(|| held.id.clone()),
            timestamp: held.timestamp,
            dimensions: held.dimensions.clone(),
            ..self.event.clone()
        };
        event.dimensions.tier = self.tier.clone().unwrap_or(event.dimensions.tier);
        for label in OPEN {
            let said = self.event.label(label).or(held.label(label));
            *event.label_mut(label) = said.cloned();
        }
        event.metadata = event.metadata.or_else(|| held.metadata.clone());
        Ok(event)
    }
}
