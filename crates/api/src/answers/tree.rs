//! Trees of budgets.

use crate::answers::limit::{LimitStatus, statuses};
use serde::{Deserialize, Serialize};
use tollgate_core::{Config, Currency, Name, Resource, Standpoint};

/// A tenant's tree of budgets, and where its limits stand; without nodes where there is
/// none.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Tree {
    /// Whose it is.
    pub tenant_id: Name,
    /// The currency of all of it.
    pub currency: Option<Currency>,
    /// Its nodes, by id.
    pub nodes: Vec<TreeNode>,
    /// Of these settings alone, as `ETag` has it; 0 where they were never set.
    pub version: u64,
}

/// A node of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TreeNode {
    /// Its id.
    pub id: Name,
    /// The node that it lies within.
    pub parent: Option<Name>,
    /// Whether anything may be used in it and in what lies within it.
    pub enabled: bool,
    /// Where its caps stand.
    pub limits: Vec<LimitStatus>,
}

impl Tree {
    /// The tree of `config`, its limits standing as `at` says.
    #[must_use]
    pub fn new(tenant: &Name, config: &Config, at: &[Standpoint]) -> Self {
        let nodes = config.tree.iter().flat_map(|tree| &tree.nodes);
        let shown = nodes.map(|(id, node)| TreeNode {
            id: id.clone(),
            parent: node.parent.clone(),
            enabled: node.enabled,
            limits: statuses(at.iter().filter(|at| *at.scope_id == *id.as_str())),
        });
        Self {
            tenant_id: tenant.clone(),
            currency: config.tree.as_ref().map(|tree| tree.currency),
            nodes: shown.collect(),
            version: config.revision(Resource::Tree),
        }
    }
}
