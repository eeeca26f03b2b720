//! The names that an event may carry.

/// A name that an event may carry, or lack.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Label {
    /// Who did the work.
    Agent,
    /// For whom it was done.
    Consumer,
    /// The session it belongs to.
    Session,
    /// The task it was a step of.
    Task,
    /// The server of the tool.
    ToolServer,
    /// The tool on that server.
    ToolName,
    /// The model.
    Model,
    /// Who sold it.
    Provider,
    /// The leaf of the tree of budgets.
    Node,
}

impl Label {
    /// How many there are.
    pub const COUNT: usize = 9;

    /// All of them, in the order of stored forms.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Agent,
        Self::Consumer,
        Self::Session,
        Self::Task,
        Self::ToolServer,
        Self::ToolName,
        Self::Model,
        Self::Provider,
        Self::Node,
    ];

    /// The field of an event in JSON.
    #[must_use]
    pub const fn field(self) -> &'static str {
        match self {
            Self::Agent => "agent_id",
            Self::Consumer => "consumer_id",
            Self::Session => "session_id",
            Self::Task => "task_id",
            Self::ToolServer => "tool_server",
            Self::ToolName => "tool_name",
            Self::Model => "model",
            Self::Provider => "provider",
            Self::Node => "budget_node",
        }
    }
}
