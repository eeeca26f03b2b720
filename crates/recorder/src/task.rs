//! What a call is, known before it is made.

use serde_json::{Map, Value};
use tollgate_core::Name;

/// What a call is: whose, for whom, where it belongs. Everything may be left
/// out.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Task {
    /// The event's id, where a repetition of the whole task must count once;
    /// else a new one is made.
    pub id: Option<Name>,
    /// What is used and priced.
    pub operation: Option<Name>,
    /// Its price class; `standard` where none is named.
    pub tier: Option<Name>,
    /// Who does the work.
    pub agent: Option<Name>,
    /// For whom.
    pub consumer: Option<Name>,
    /// The session it belongs to.
    pub session: Option<Name>,
    /// The task it is a step of.
    pub task: Option<Name>,
    /// The server of the tool.
    pub tool_server: Option<Name>,
    /// The tool on that server.
    pub tool_name: Option<Name>,
    /// The model.
    pub model: Option<Name>,
    /// Who sells it.
    pub provider: Option<Name>,
    /// The leaf of the tenant's tree of budgets that pays.
    pub budget_node: Option<Name>,
    /// Kept with the event, with `outcome` added to it. Where that makes more
    /// than 2 KiB of JSON, `outcome` alone is kept, so the use still counts.
    pub metadata: Map<String, Value>,
}

/// How a call ended; an event has it in `metadata.outcome`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It gave what was asked.
    Success,
    /// It failed or panicked.
    Error,
    /// It was dropped before its end.
    Cancelled,
}

impl Outcome {
    /// Its word in the event: `success`, `error` or `cancelled`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Error => "error",
            Self::Cancelled => "cancelled",
        }
    }
}
