//! Puter's cost maps: microcents, 1e-8 US dollars, for each unit of a usage type.
//!
//! `{"aws-polly:standard:character": 400}`, or such maps one in another, or a list of
//! `{"usageType": …, "ucentsPerUnit": …}`. Each usage type is an operation with a price
//! of its `unit`.

use crate::import::draft::{CardDraft, Component, OperationDraft};
use crate::import::imported::{ImportError, Imported};
use crate::import::name::{self, Pattern, is_asked_for};
use crate::import::node::Node;
use crate::import::report::{Entry, Kind};
use std::collections::BTreeMap;

/// Reads the map `text`.
pub(crate) fn read(text: &str, only: Option<&Pattern>) -> Result<Imported, ImportError> {
    let mut costs = Vec::new();
    let node = Node::parse(text)?;
    let found = match node.elements() {
        Some(lines) => lines
            .into_iter()
            .try_for_each(|line| collect_line(line, &mut costs)),
        None => collect(node, &mut costs, DEPTH_MAX),
    };
    found.ok_or(ImportError::Form(
        "usage types with a number of microcents are looked for",
    ))?;
    let mut operations = BTreeMap::new();
    let mut imported = Imported::default();
    for (usage_type, cost) in costs {
        if is_asked_for(only, &usage_type) {
            add(&usage_type, cost, &mut operations, &mut imported);
        }
    }
    imported.cards.push(CardDraft::in_usd(operations));
    Ok(imported)
}

fn collect<'a>(node: Node<'a>, costs: &mut Vec<(String, Node<'a>)>, depth: u32) -> Option<()> {
    let deeper = depth.checked_sub(1)?;
    for (key, value) in node.members()? {
        if value.members().is_some() {
            collect(value, costs, deeper)?;
        } else {
            costs.push((key, value));
        }
    }
    Some(())
}

fn collect_line<'a>(line: Node<'a>, costs: &mut Vec<(String, Node<'a>)>) -> Option<()> {
    let mut members = line.members()?;
    let usage_type = members.remove("usageType")?.text()?;
    costs.push((usage_type, members.remove("ucentsPerUnit")?));
    Some(())
}

fn add(
    usage_type: &str,
    cost: Node<'_>,
    operations: &mut BTreeMap<String, OperationDraft>,
    imported: &mut Imported,
) {
    let mut entry = Entry::new(usage_type);
    let microcents = cost.decimal();
    let price = entry.price("", microcents.and_then(|cost| cost.shifted(-8)), 1);
    match name::operation(usage_type) {
        Ok(name) => {
            let operation = price.map(|price| OperationDraft::with(Component::Unit, price));
            operations.extend(operation.map(|operation| (name, operation)));
        }
        Err(why) => entry.leave("", why),
    }
    let is_free = microcents.is_some_and(|cost| cost.is_zero());
    let kind = if is_free {
        Kind::Unpriced
    } else {
        Kind::Others
    };
    imported.count(entry, kind);
}

const DEPTH_MAX: u32 = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn microcents_are_1e_8_dollars() {
        let text = r#"{"aws-polly:standard:character": 400, "kv": {"kv:read": 63.5},
            "free:call": 0, "odd": "x", "-odd": 1}"#;
        let imported = read(text, None).unwrap();
        let card = &imported.cards[0];
        let price = |name: &str| {
            let price = card.operations[name].prices[&Component::Unit];
            price.amount.to_string()
        };
        assert_eq!(price("aws-polly:standard:character"), "0.000004");
        assert_eq!(price("kv:read"), "0.000000635");
        assert_eq!(price("free:call"), "0");
        assert_eq!(card.operations.len(), 3);
        assert_eq!((imported.priced.entries, imported.priced.complete), (4, 2));
        let left: Vec<_> = imported
            .left
            .iter()
            .map(|left| left.entry.as_str())
            .collect();
        assert_eq!(left, ["-odd", "odd"]);
    }

    #[test]
    fn a_cost_report_is_read_too() {
        let text = r#"[{"usageType": "aws-polly:neural:character", "ucentsPerUnit": 1600,
            "unit": "character", "source": "driver"}]"#;
        let imported = read(text, None).unwrap();
        let operation = &imported.cards[0].operations["aws-polly:neural:character"];
        let price = operation.prices[&Component::Unit].amount;
        assert_eq!(price.to_string(), "0.000016");
    }
}
