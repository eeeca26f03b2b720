//! Where use belongs.

use crate::event::name::Name;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// Where use belongs: what totals are kept by and limits are scoped to.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Dimensions {
    /// What was used.
    pub operation: Name,
    /// Its price class.
    pub tier: Name,
    /// Who did the work.
    pub agent: Option<Name>,
    /// For whom it was done.
    pub consumer: Option<Name>,
    /// The session it belongs to.
    pub session: Option<Name>,
    /// The server of the tool.
    pub tool_server: Option<Name>,
    /// The tool on that server.
    pub tool_name: Option<Name>,
    /// The model.
    pub model: Option<Name>,
    /// The leaf of the tenant's tree of budgets; JSON calls it `budget_node`.
    pub node: Option<Name>,
    /// The nodes that it counts in, from its leaf to the root of the tree as it
    /// stood when it was decided; empty outside of a tree.
    pub path: Vec<Name>,
}

impl Dimensions {
    /// `operation` at tier `standard`, nothing else named.
    #[must_use]
    pub fn of(operation: Name) -> Self {
        let tier = Name::standard();
        Self {
            operation,
            tier,
            agent: None,
            consumer: None,
            session: None,
            tool_server: None,
            tool_name: None,
            model: None,
            node: None,
            path: Vec::new(),
        }
    }
}
