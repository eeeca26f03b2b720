//! `tollgate rate-cards`: the prices that are in force.

use crate::call::{Call, target};
use crate::client::Client;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::names;
use crate::output::{cell, print, print_either, table};
use crate::retry::Patience;
use serde_json::{Value, json};
use tollgate_core::Name;

/// Show rate cards
#[derive(clap::Args)]
#[command(after_help = "Example:\n  tollgate rate-cards show default")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// List the rate cards, or show the prices of one
    Show(Show),
}

#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  tollgate rate-cards show\n  tollgate rate-cards show default --json"
)]
struct Show {
    /// Rate card to show in full
    #[arg(value_parser = names::in_path)]
    id: Option<Name>,
    /// Version of it; the newest where none is named
    #[arg(long, requires = "id")]
    version: Option<u32>,
    #[command(flatten)]
    connection: Connection,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    match args.command {
        Command::Show(args) => show(args).await,
    }
}

async fn show(args: Show) -> Result<(), Failure> {
    let client = Client::new(&args.connection, Patience::SHORT)?;
    let Some(id) = &args.id else {
        return show_all(&client, args.json).await;
    };
    let version = args.version.map(|version| version.to_string());
    let path = target(
        &format!("/rate-cards/{id}"),
        &[("version", version.as_deref())],
    );
    let card = client.send(&Call::get(path)).await?;
    print_either(args.json, &card, prices)
}

async fn show_all(client: &Client, json: bool) -> Result<(), Failure> {
    let cards = client.list("/rate-cards").await?;
    if json {
        return print(&json!({"count": cards.len(), "data": cards}).to_string());
    }
    let operations = |card: &Value| {
        card["operations"]
            .as_object()
            .map(|operations| operations.len().to_string())
    };
    let row = |card: &Value| {
        let cells =
            ["id", "version", "currency", "effective_from"].map(|column| cell(&card[column]));
        cells.into_iter().chain(operations(card)).collect()
    };
    let rows: Vec<_> = cards.iter().map(row).collect();
    print(&table(
        &["id", "version", "currency", "effective_from", "operations"],
        &rows,
    ))
}

/// A card, one line for each operation and component.
fn prices(card: &Value) -> String {
    let empty = serde_json::Map::new();
    let operations = card["operations"].as_object().unwrap_or(&empty);
    let mut rows: Vec<Vec<String>> = Vec::new();
    for (operation, fields) in operations {
        for (component, price) in fields.as_object().unwrap_or(&empty) {
            if !matches!(component.as_str(), "volume_discounts" | "discount_mode")
                && !price.is_null()
            {
                rows.push(vec![operation.clone(), component.clone(), shown(price)]);
            }
        }
    }
    let columns =
        ["id", "version", "currency", "effective_from", "unpriced"].map(|name| cell(&card[name]));
    let [id, version, currency, from, unpriced] = columns;
    let title = format!("{id} version {version}, {currency}, from {from}, unpriced: {unpriced}");
    format!(
        "{title}\n{}",
        table(&["operation", "component", "price"], &rows)
    )
}

fn shown(price: &Value) -> String {
    match price.as_object() {
        Some(fields) => match (fields.get("amount"), fields.get("per")) {
            (Some(amount), Some(per)) => format!("{} per {}", cell(amount), cell(per)),
            _ => price.to_string(),
        },
        None => cell(price),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_shows_every_price() {
        let card = json!({"id":"azure","version":2,"currency":"USD",
            "effective_from":"2026-01-01T00:00:00Z","unpriced":"reject",
            "operations":{"gpt-4o":{
                "token_in":{"amount":"2.50","per":1000000},"token_out":"0.00001",
                "volume_discounts":[]}}});
        let expected = "azure version 2, USD, from 2026-01-01T00:00:00Z, unpriced: reject\n\
            operation  component  price\n\
            gpt-4o     token_in   2.50 per 1000000\n\
            gpt-4o     token_out  0.00001";
        assert_eq!(prices(&card), expected);
    }
}
