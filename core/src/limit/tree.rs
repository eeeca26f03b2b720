//! Trees of budgets: an organisation, its teams, their agents. Use counts in a
//! node and in all nodes above it, in the one transaction.

use crate::event::dimensions::Dimensions;
use crate::event::name::Name;
use crate::limit::limit::{Layer, Limit, OnUnavailable, SoftMode, limit_id};
use crate::limit::measure::Measure;
use crate::limit::scope::Scope;
use crate::money::currency::Currency;
use crate::time::window::WindowKind;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// The most nodes from a leaf to its root.
pub const TREE_DEPTH_MAX: usize = 10;

/// Budgets that lie within each other.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Tree {
    /// The currency of all of its spend limits.
    pub currency: Currency,
    /// Its nodes; several may have no parent.
    pub nodes: BTreeMap<Name, Node>,
}

/// One node of a [`Tree`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Node {
    /// The node that it lies within.
    pub parent: Option<Name>,
    /// Whether anything may be used in it and in what lies within it.
    pub enabled: bool,
    /// Its caps.
    pub limits: Vec<NodeLimit>,
}

/// One cap of a node.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NodeLimit {
    /// What it counts.
    pub measure: Measure,
    /// When it starts anew.
    pub window: WindowKind,
    /// Past it: refuse. In units of the measure.
    pub hard: i128,
}

/// Why nodes are no tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// The parent of this node is not among them.
    #[error("its parent is no node")]
    MissingParent(Name),
    /// This node lies within itself.
    #[error("lies within itself")]
    Cycle(Name),
    /// This node lies too deep.
    #[error("lies more than 10 deep")]
    Depth(Name),
}

impl Tree {
    /// Whether it is one: every parent is there and no node lies within itself.
    ///
    /// # Errors
    /// [`TreeError`] names the first node at fault.
    pub fn verify(&self) -> Result<(), TreeError> {
        for (id, node) in &self.nodes {
            if node
                .parent
                .as_ref()
                .is_some_and(|parent| !self.nodes.contains_key(parent))
            {
                return Err(TreeError::MissingParent(id.clone()));
            }
            let mut seen = BTreeSet::new();
            let mut at = Some(id);
            while let Some(id) = at {
                if !seen.insert(id) {
                    return Err(TreeError::Cycle(id.clone()));
                }
                at = self.nodes.get(id).and_then(|node| node.parent.as_ref());
            }
            if seen.len() > TREE_DEPTH_MAX {
                return Err(TreeError::Depth(id.clone()));
            }
        }
        Ok(())
    }

    /// The leaf of use at `at`: the node that it names, else the one named as
    /// its agent.
    #[must_use]
    pub fn leaf(&self, at: &Dimensions) -> Option<&Name> {
        let named = at.node.as_ref().or(at.agent.as_ref())?;
        self.nodes.get_key_value(named).map(|(id, _)| id)
    }

    /// The node `leaf` and all that it lies within, from it to the root.
    pub fn path<'a>(
        &'a self,
        leaf: Option<&'a Name>,
    ) -> impl Iterator<Item = (&'a Name, &'a Node)> {
        let found = |id: &Name| self.nodes.get_key_value(id);
        let up = move |(_, node): &(&'a Name, &'a Node)| found(node.parent.as_ref()?);
        core::iter::successors(leaf.and_then(found), up).take(TREE_DEPTH_MAX)
    }

    /// The first node from the leaf of use at `at` upwards that is disabled.
    #[must_use]
    pub fn disabled(&self, at: &Dimensions) -> Option<&Name> {
        self.path(self.leaf(at))
            .find(|(_, node)| !node.enabled)
            .map(|(id, _)| id)
    }

    /// The names of the nodes that use at `at` counts in, from its leaf up.
    #[must_use]
    pub fn path_of(&self, at: &Dimensions) -> Vec<Name> {
        self.path(self.leaf(at)).map(|(id, _)| id.clone()).collect()
    }

    /// The most counters that one event can touch of it.
    #[must_use]
    pub fn most_touched(&self) -> usize {
        let windows = |node: &Node| {
            node.limits
                .iter()
                .map(|limit| limit.window)
                .collect::<BTreeSet<_>>()
                .len()
        };
        self.nodes
            .keys()
            .map(|leaf| self.path(Some(leaf)).map(|(_, node)| windows(node)).sum())
            .max()
            .unwrap_or(0)
    }

    /// The limits that it stands for.
    #[must_use]
    pub fn limits(&self) -> Vec<Limit> {
        let all = self
            .nodes
            .iter()
            .flat_map(|(id, node)| node.limits.iter().map(move |limit| (id, limit)));
        all.filter_map(|(id, limit)| self.limit(id, limit))
            .collect()
    }

    fn limit(&self, id: &Name, limit: &NodeLimit) -> Option<Limit> {
        Some(Limit {
            id: limit_id(&format!(
                "tree:{id}:{}:{}",
                limit.measure,
                limit.window.as_str()
            ))?,
            layer: Layer::Tree,
            scope: Scope::Node,
            scope_id: Some(id.shared()),
            measure: limit.measure.clone(),
            window: limit.window,
            soft: None,
            hard: Some(limit.hard),
            currency: (limit.measure == Measure::Spend).then_some(self.currency),
            soft_mode: SoftMode::Warn,
            on_unavailable: OnUnavailable::Deny,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::{String, ToString};

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    fn tree(nodes: &[(&str, Option<&str>)]) -> Tree {
        let node = |parent: &Option<&str>| Node {
            parent: parent.map(name),
            enabled: true,
            limits: Vec::new(),
        };
        Tree {
            currency: Currency::USD,
            nodes: nodes
                .iter()
                .map(|(id, parent)| (name(id), node(parent)))
                .collect(),
        }
    }

    #[test]
    fn use_counts_in_its_leaf_and_in_all_above() {
        let tree = tree(&[
            ("org", None),
            ("team", Some("org")),
            ("a1", Some("team")),
            ("other", Some("org")),
        ]);
        let path = |at: &Dimensions| {
            tree.path(tree.leaf(at))
                .map(|(id, _)| id.to_string())
                .collect::<Vec<String>>()
                .join(" ")
        };
        let mut at = Dimensions::of(name("x"));
        assert_eq!(path(&at), "");
        at.agent = Some(name("a1"));
        assert_eq!(path(&at), "a1 team org");
        at.node = Some(name("other"));
        assert_eq!(
            path(&at),
            "other org",
            "the node that is named goes before the agent's"
        );
        at.node = Some(name("gone"));
        assert_eq!(path(&at), "");
    }

    #[test]
    fn nodes_that_are_no_tree_are_refused() {
        let deep: Vec<(String, Option<String>)> = (0..11)
            .map(|n| {
                (
                    std::format!("n{n}"),
                    (n > 0).then(|| std::format!("n{}", n - 1)),
                )
            })
            .collect();
        let deep: Vec<(&str, Option<&str>)> = deep
            .iter()
            .map(|(id, parent)| (id.as_str(), parent.as_deref()))
            .collect();
        assert_eq!(tree(&deep[..10]).verify(), Ok(()));
        assert!(matches!(tree(&deep).verify(), Err(TreeError::Depth(_))));
        assert_eq!(
            tree(&[("a", Some("b"))]).verify(),
            Err(TreeError::MissingParent(name("a")))
        );
        assert!(matches!(
            tree(&[("a", Some("b")), ("b", Some("a"))]).verify(),
            Err(TreeError::Cycle(_))
        ));
        assert!(matches!(
            tree(&[("a", Some("a"))]).verify(),
            Err(TreeError::Cycle(_))
        ));
    }
}
