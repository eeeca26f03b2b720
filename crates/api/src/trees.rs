//! Trees of budgets as operators send them, and in answers.

use crate::json::{Errors, Node as Json, Object, scalar};
use crate::limits::WINDOWS;
use crate::problem::Problem;
use std::collections::BTreeMap;
use tollgate_core::{Currency, LIMITS_MAX, Measure, Name, Node, NodeLimit, Tree, TreeError};

/// Reads `PUT /budgets/{tenant_id}/tree`: the tree, or `None` where it has no
/// node, which removes it.
///
/// # Errors
/// 422 `too_many_limits` for more caps or nodes than a tenant may have limits,
/// else as [`crate::parse_event`].
pub fn parse_tree(body: &[u8]) -> Result<Option<Tree>, Problem> {
    let parsed = Json::root(body).and_then(|node| node.object(tree));
    let (currency, nodes) = parsed.map_err(Errors::into_problem)?;
    let order: Vec<Name> = nodes.iter().map(|(id, _)| id.clone()).collect();
    let tree = Tree {
        currency,
        nodes: BTreeMap::from_iter(nodes),
    };
    if tree.nodes.len() > LIMITS_MAX || tree.limits().len() > LIMITS_MAX {
        return Err(Problem::too_many_limits());
    }
    if let Err(error) = tree.verify() {
        let (TreeError::MissingParent(id) | TreeError::Cycle(id) | TreeError::Depth(id)) = &error;
        let place = order.iter().position(|node| node == id).unwrap_or(0);
        return Err(Problem::invalid_value(
            format!("/nodes/{place}/parent"),
            error.to_string(),
        ));
    }
    Ok(Some(tree).filter(|tree| !tree.nodes.is_empty()))
}

fn tree(object: &mut Object<'_>) -> Option<(Currency, Vec<(Name, Node)>)> {
    let currency = object.need("currency", scalar::currency);
    object.require("nodes");
    let nodes = object
        .take("nodes")
        .map(|node| node.elements(0, LIMITS_MAX));
    let nodes = nodes
        .and_then(|nodes| object.keep(nodes))
        .unwrap_or_default();
    let mut ids = std::collections::BTreeSet::new();
    let nodes = Errors::gather(nodes.iter().map(|json| {
        json.object(|object| {
            let id = object.need("id", scalar::name);
            let repeated = id.as_ref().is_some_and(|id| !ids.insert(id.clone()));
            object.forbid(repeated, "id", "is the id of another node too");
            Some((id, node(object)))
        })
    }));
    let nodes = object.keep(nodes)?;
    Some((
        currency?,
        nodes
            .into_iter()
            .filter_map(|(id, node)| Some((id?, node?)))
            .collect(),
    ))
}

fn node(object: &mut Object<'_>) -> Option<Node> {
    let parent = object.read("parent", scalar::name);
    let enabled = object.read("enabled", scalar::flag).unwrap_or(true);
    let limits = object
        .take("limits")
        .map(|node| node.elements(0, LIMITS_MAX));
    let limits = limits
        .and_then(|limits| object.keep(limits))
        .unwrap_or_default();
    let limits = Errors::gather(limits.iter().map(|json| json.object(limit)));
    Some(Node {
        parent,
        enabled,
        limits: object.keep(limits)?,
    })
}

fn limit(object: &mut Object<'_>) -> Option<NodeLimit> {
    let measure = object.need("measure", scalar::measure);
    let window = object.need("window", scalar::one_of(WINDOWS));
    object.require("hard");
    let hard = match &measure {
        Some(Measure::Spend) => object
            .read("hard", scalar::decimal)
            .map(|amount| amount.units()),
        Some(_) => object.read("hard", scalar::quantity).map(i128::from),
        None => object.take("hard").and(None),
    };
    Some(NodeLimit {
        measure: measure?,
        window: window?,
        hard: hard?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusals::refusal;

    #[test]
    fn a_bad_tree_is_refused_by_field() {
        let with = |nodes: &str| format!(r#"{{"currency":"USD","nodes":[{nodes}]}}"#);
        for (body, status, pointers) in [
            ("{}".to_owned(), 400, "/currency /nodes"),
            (with("{}"), 400, "/nodes/0/id"),
            (with(r#"{"id":"a"},{"id":"a"}"#), 422, "/nodes/1/id"),
            (
                with(r#"{"id":"a"},{"id":"b","parent":"c"}"#),
                422,
                "/nodes/1/parent",
            ),
            (with(r#"{"id":"a","parent":"a"}"#), 422, "/nodes/0/parent"),
            (with(r#"{"id":"a","enabled":1}"#), 400, "/nodes/0/enabled"),
            (
                with(r#"{"id":"a","limits":[{"measure":"spend","window":"total"}]}"#),
                400,
                "/nodes/0/limits/0/hard",
            ),
            (
                with(r#"{"id":"a","limits":[{"measure":"spend","window":"fortnight","hard":1}]}"#),
                422,
                "/nodes/0/limits/0/window",
            ),
            (
                with(r#"{"id":"a","limits":[{"measure":"events","window":"day","hard":"1"}]}"#),
                400,
                "/nodes/0/limits/0/hard",
            ),
            (with(r#"{"id":"a","cap":1}"#), 400, "/nodes/0/cap"),
        ] {
            assert_eq!(
                refusal(parse_tree(body.as_bytes())),
                (status, pointers.to_owned()),
                "{body}"
            );
        }
        assert_eq!(parse_tree(with("").as_bytes()).unwrap(), None);
    }
}
