//! LiteLLM's price map: an object of model to fields, most of them floats per token.
//!
//! An operation is a key of the map. An entry counts as priced if a price of it is not 0,
//! and as complete if each such price is on the card:
//! - `_batches`, `_priority`, `_flex` and the like are tiers, by name; so are factors of
//!   region and speed, resolutions, sizes of search contexts and off-peak prices. An
//!   event has one tier: what several of them cost together no tier says.
//! - `_above_…k_tokens` and `tiered_pricing` are prices `over` a length, and what a tier
//!   has not there is looked up as LiteLLM does.
//! - What is counted instead of tokens (seconds of speech, images) is a tier in which
//!   those tokens are free. What is counted beside the same quantity at another price
//!   (a search of maps) is an operation of its own, `model:google_maps`.
//!
//! DBU, free allowances and the hours of off-peak prices are named. The hours leave an
//! entry incomplete; DBU and allowances do not, as they are no prices in money.

mod field;
mod meters;
mod tokens;

use crate::import::cells::{Cells, Rows};
use crate::import::decimal::Decimal;
use crate::import::draft::{CardDraft, OperationDraft, Prices};
use crate::import::imported::{ImportError, Imported};
use crate::import::litellm::field::{is_price, is_token_price};
use crate::import::name::{self, Pattern, is_asked_for};
use crate::import::node::{Members, Node};
use crate::import::report::{Entry, Kind};
use std::collections::BTreeMap;

/// Reads the map `text`.
pub(crate) fn read(text: &str, only: Option<&Pattern>) -> Result<Imported, ImportError> {
    let form = ImportError::Form("an object of models with their prices is looked for");
    let models = Node::parse(text)?.members();
    let mut operations = BTreeMap::new();
    let mut imported = Imported::default();
    for (model, fields) in models.ok_or(form)? {
        if model == SAMPLE || !is_asked_for(only, &model) {
            continue;
        }
        let mut entry = Entry::new(&model);
        match fields.members() {
            Some(fields) => {
                let kind = kind(&fields);
                operations.extend(Model::read(&model, &fields, &mut entry));
                imported.count(entry, kind);
            }
            None => {
                entry.note("", "is no object");
                imported.count(entry, Kind::Unpriced);
            }
        }
    }
    imported.cards.push(CardDraft::in_usd(operations));
    Ok(imported)
}

fn kind(fields: &Members<'_>) -> Kind {
    let mut prices = fields
        .iter()
        .filter(|(field, value)| is_price(field, **value));
    if prices.any(|(field, value)| is_token_price(field, *value)) {
        return Kind::Tokens;
    }
    if fields.iter().any(|(field, value)| is_price(field, *value)) {
        return Kind::Others;
    }
    Kind::Unpriced
}

/// One model while it is read.
struct Model<'a, 'e> {
    fields: &'a Members<'a>,
    entry: &'e mut Entry,
    cells: Cells,
    /// Tiers that change the standard prices.
    changes: Vec<(String, Change)>,
    /// What is an operation of its own, by its word after the model's name.
    beside: Vec<(&'static str, OperationDraft)>,
}

/// What a tier changes of the standard prices.
enum Change {
    /// Prices of tokens are multiplied.
    Times(Decimal),
    /// Others take their place.
    Instead(Prices),
}

impl<'a, 'e> Model<'a, 'e> {
    /// The operations of a model, by name.
    fn read(
        name: &str,
        fields: &'a Members<'a>,
        entry: &'e mut Entry,
    ) -> Vec<(String, OperationDraft)> {
        let mut model = Self {
            fields,
            entry,
            cells: Cells::default(),
            changes: Vec::new(),
            beside: Vec::new(),
        };
        model.read_tokens();
        model.read_tiered();
        model.read_meters();
        model.read_searches();
        model.read_multipliers();
        model.leave_others();
        model.operations(name)
    }

    fn operations(mut self, name: &str) -> Vec<(String, OperationDraft)> {
        let mut rows = self.rows();
        let changes = std::mem::take(&mut self.changes);
        for (tier, change) in changes {
            rows.add(&tier, |row| self.change(&tier, &change, row));
        }
        let operation = rows.fold(self.is_inclusive());
        let beside = self.beside.into_iter();
        let mut all: Vec<_> = beside
            .map(|(word, operation)| (format!("{name}:{word}"), operation))
            .collect();
        if !operation.prices.is_empty() {
            all.push((name.to_owned(), operation));
        }
        if all.is_empty() {
            self.entry.note("", "has no price that a card can hold");
        }
        let mut named = Vec::new();
        for (name, operation) in all {
            match name::operation(&name) {
                Ok(name) => named.push((name, operation)),
                Err(why) => self.entry.leave("", why),
            }
        }
        named
    }

    /// LiteLLM takes xAI's lengths to be inclusive, all others' not.
    fn is_inclusive(&self) -> bool {
        self.text("litellm_provider").as_deref() == Some("xai")
    }

    fn text(&self, field: &str) -> Option<String> {
        self.fields.get(field)?.text()
    }
}

/// Documentation, not a model.
const SAMPLE: &str = "sample_spec";

#[cfg(test)]
mod tests;
