//! `tollgate rate-cards diff`.

use super::show::lines;
use crate::call::Call;
use crate::client::Client;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::names;
use crate::output::{cell, print_either, table};
use crate::rate_card::CardText;
use crate::retry::Patience;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use tollgate_api::{DefaultsAnswer, OperationPrices, RateCardVersion, Tenant};
use tollgate_core::{Instant, Name};

/// Say what the rate card of a file would change, and for whom
#[derive(clap::Args)]
#[command(after_help = "Example:\n  tollgate rate-cards diff prices.json --id llm")]
pub(crate) struct Args {
    /// JSON file of the rate card, as `PUT /rate-cards/{id}` takes it
    file: PathBuf,
    /// Id of the rate card; the file's own where none is named, else its name
    #[arg(long, value_parser = names::in_path)]
    id: Option<Name>,
    #[command(flatten)]
    connection: Connection,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What a card would change.
#[derive(Serialize)]
struct Told {
    rate_card: Name,
    /// The newest version that stands; null = there is none.
    version: Option<u32>,
    changes: Vec<Change>,
    /// Whether it prices for tenants that name no rate cards.
    default: bool,
    /// The tenants that name it.
    tenants: Vec<Name>,
}

/// A price that differs; a null is none.
#[derive(Clone, Serialize)]
struct Change {
    /// Null = what holds for the whole card.
    operation: Option<Name>,
    what: String,
    place: String,
    before: Option<String>,
    after: Option<String>,
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let card = CardText::load(&args.file, args.id.as_ref())?;
    let action = format!("read the rate card `{}`", args.file.display());
    let new = card
        .parsed()
        .ok_or_else(|| Failure::to(&action, "it is none; `tollgate rate-cards put` says why"))?;
    let effective_from = new.effective_from;
    let after = RateCardVersion::new(&new.into_card(0, 0, Instant::EPOCH), None);
    let client = Client::new(&args.connection, Patience::SHORT)?;
    let path = format!("/rate-cards/{}", card.id);
    let before: Option<RateCardVersion> = client.find(&Call::get(path)).await?;
    let tenants: Vec<Tenant> = client.list("/tenants").await?;
    let defaults: DefaultsAnswer = client.send(&Call::get("/defaults")).await?;
    let names = |tenant: &Tenant| {
        let named = tenant.rate_cards.as_ref();
        named.is_some_and(|cards| cards.contains(&card.id))
    };
    let told = Told {
        version: before.as_ref().map(|before| before.version),
        changes: [
            of_card(before.as_ref(), &after, effective_from),
            changes(before.as_ref(), &after),
        ]
        .concat(),
        default: defaults.rate_cards.contains(&card.id),
        tenants: tenants.into_iter().filter(names).map(|of| of.id).collect(),
        rate_card: card.id,
    };
    print_either(args.json, &told, said)
}

/// What holds for the whole card and is not the same.
fn of_card(
    before: Option<&RateCardVersion>,
    after: &RateCardVersion,
    effective_from: Option<Instant>,
) -> Vec<Change> {
    let told = |card: &RateCardVersion| {
        let tiers = card.tiers.iter();
        let mut told: BTreeMap<String, String> = tiers
            .map(|(tier, factor)| (format!("tier {tier}"), format!("x{factor}")))
            .collect();
        told.insert("currency".to_owned(), card.currency.to_string());
        told.insert("unpriced".to_owned(), card.unpriced.to_string());
        told
    };
    let (mut old, mut new) = (before.map(told).unwrap_or_default(), told(after));
    if let Some((before, from)) = before.zip(effective_from) {
        old.insert(
            "effective_from".to_owned(),
            before.effective_from.to_string(),
        );
        new.insert("effective_from".to_owned(), from.to_string());
    }
    let keys: BTreeSet<_> = old.keys().chain(new.keys()).cloned().collect();
    let differing = keys.into_iter().filter(|key| old.get(key) != new.get(key));
    differing
        .map(|key| Change {
            operation: None,
            place: String::new(),
            before: old.get(&key).cloned(),
            after: new.get(&key).cloned(),
            what: key,
        })
        .collect()
}

/// Every price that is not the same.
fn changes(before: Option<&RateCardVersion>, after: &RateCardVersion) -> Vec<Change> {
    let none = BTreeMap::new();
    let before = before.map_or(&none, |before| &before.operations);
    let names = before.keys().chain(after.operations.keys());
    let names: BTreeSet<&Name> = names.collect();
    let mut changes = Vec::new();
    for name in names {
        let (old, new) = (
            before.get(name).map(told),
            after.operations.get(name).map(told),
        );
        let (old, new) = (old.unwrap_or_default(), new.unwrap_or_default());
        let keys: BTreeSet<_> = old.keys().chain(new.keys()).collect();
        for key in keys
            .into_iter()
            .filter(|key| old.get(*key) != new.get(*key))
        {
            changes.push(Change {
                operation: Some(name.clone()),
                what: key.0.clone(),
                place: key.1.clone(),
                before: old.get(key).cloned(),
                after: new.get(key).cloned(),
            });
        }
    }
    changes
}

/// The prices of an operation by what and where they are.
fn told(of: &OperationPrices) -> BTreeMap<(String, String), String> {
    let lines = lines(of).into_iter();
    lines
        .map(|(what, place, price)| ((what, place), price))
        .collect()
}

fn said(told: &Told) -> String {
    let whom = match (told.default, told.tenants.len()) {
        (true, 0) => "all tenants that name no rate cards".to_owned(),
        (true, count) => format!("all tenants that name no rate cards, and {count} that name it"),
        (false, 0) => "nobody: no tenant names it".to_owned(),
        (false, count) => format!("{count} tenants that name it"),
    };
    let names = told.tenants.iter().take(20).map(Name::to_string);
    let names = names.collect::<Vec<_>>().join(" ");
    let head = match told.version {
        Some(version) => format!("{} against version {version}, for {whom}", told.rate_card),
        None => format!("{} is new, for {whom}", told.rate_card),
    };
    let rows = told.changes.iter().map(|change| {
        vec![
            cell(change.operation.as_ref()),
            change.what.clone(),
            change.place.clone(),
            change.before.clone().unwrap_or_default(),
            change.after.clone().unwrap_or_default(),
        ]
    });
    let rows: Vec<_> = rows.collect();
    let body = if rows.is_empty() {
        "no price differs".to_owned()
    } else {
        table(
            &["operation", "component", "where", "before", "after"],
            &rows,
        )
    };
    let lines = [head, names, body];
    let lines = lines.into_iter().filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}
