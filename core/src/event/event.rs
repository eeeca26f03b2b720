//! One measured use.

use crate::event::dimensions::Dimensions;
use crate::event::label::Label;
use crate::event::name::Name;
use crate::event::quantities::Quantities;
use crate::money::amount::Amount;
use crate::time::instant::Instant;
use alloc::string::String;

/// One measured use. Its `id` makes it count once, however often it is sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// Made by the client; unique in its tenant.
    pub id: Name,
    /// When it happened: the instant whose windows it counts in.
    pub timestamp: Instant,
    /// Where it belongs: operation, tier, agent and so on.
    pub dimensions: Dimensions,
    /// How much was used.
    pub quantities: Quantities,
    /// The task it was a step of.
    pub task: Option<Name>,
    /// Who sold it, such as `openai`; kept, not aggregated.
    pub provider: Option<Name>,
    /// How long the caller waited, in milliseconds.
    pub latency_ms: Option<Amount>,
    /// 0 to 1.
    pub compliance_score: Amount,
    /// The price of the whole event, in place of the rate card's.
    pub cost_override: Option<Amount>,
    /// Canonical JSON of at most 2 KiB, kept as it is.
    pub metadata: Option<String>,
}

impl Event {
    /// One unit of `operation`, tier `standard`, everything else at its default.
    #[must_use]
    pub fn new(id: Name, timestamp: Instant, operation: Name) -> Self {
        Self {
            id,
            timestamp,
            dimensions: Dimensions::of(operation),
            quantities: Quantities::default(),
            task: None,
            provider: None,
            latency_ms: None,
            compliance_score: Amount::whole(1).unwrap_or_default(),
            cost_override: None,
            metadata: None,
        }
    }

    /// The name that it carries as `label`.
    #[must_use]
    pub fn label(&self, label: Label) -> Option<&Name> {
        let d = &self.dimensions;
        let name = match label {
            Label::Agent => &d.agent,
            Label::Consumer => &d.consumer,
            Label::Session => &d.session,
            Label::Task => &self.task,
            Label::ToolServer => &d.tool_server,
            Label::ToolName => &d.tool_name,
            Label::Model => &d.model,
            Label::Provider => &self.provider,
            Label::Node => &d.node,
        };
        name.as_ref()
    }

    /// The same, to be changed.
    pub fn label_mut(&mut self, label: Label) -> &mut Option<Name> {
        let d = &mut self.dimensions;
        match label {
            Label::Agent => &mut d.agent,
            Label::Consumer => &mut d.consumer,
            Label::Session => &mut d.session,
            Label::Task => &mut self.task,
            Label::ToolServer => &mut d.tool_server,
            Label::ToolName => &mut d.tool_name,
            Label::Model => &mut d.model,
            Label::Provider => &mut self.provider,
            Label::Node => &mut d.node,
        }
    }
}
