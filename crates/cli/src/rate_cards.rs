//! `tollgate rate-cards`: the prices that are in force.

use crate::call::{Call, target};
use crate::client::Client;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::names;
use crate::output::{print, print_either, print_list, table};
use crate::retry::Patience;
use tollgate_api::{Price, RateCardVersion};
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
    let card: RateCardVersion = client.send(&Call::get(path)).await?;
    print_either(args.json, &card, prices)
}

async fn show_all(client: &Client, json: bool) -> Result<(), Failure> {
    let cards: Vec<RateCardVersion> = client.list("/rate-cards").await?;
    if json {
        return print_list(&cards);
    }
    let row = |card: &RateCardVersion| {
        vec![
            card.id.to_string(),
            card.version.to_string(),
            card.currency.to_string(),
            card.effective_from.to_string(),
            card.operations.len().to_string(),
        ]
    };
    let rows: Vec<_> = cards.iter().map(row).collect();
    print(&table(
        &["id", "version", "currency", "effective_from", "operations"],
        &rows,
    ))
}

/// A card, one line for each operation and component.
fn prices(card: &RateCardVersion) -> String {
    let mut rows: Vec<Vec<String>> = Vec::new();
    for (operation, of) in &card.operations {
        for (component, price) in &of.prices {
            rows.push(vec![
                operation.to_string(),
                component.to_string(),
                shown(price),
            ]);
        }
    }
    format!(
        "{} version {}, {}, from {}, unpriced: {}\n{}",
        card.id,
        card.version,
        card.currency,
        card.effective_from,
        card.unpriced,
        table(&["operation", "component", "price"], &rows)
    )
}

fn shown(price: &Price) -> String {
    match price {
        Price::One(amount) => amount.to_string(),
        Price::Many { amount, per } => format!("{amount} per {per}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{from_value, json};

    #[test]
    fn a_card_shows_every_price() {
        let card = json!({"id":"azure","version":2,"currency":"USD",
            "effective_from":"2026-01-01T00:00:00Z","tiers":{"standard":"1"},"unpriced":"reject",
            "operations":{"gpt-4o":{
                "token_in":{"amount":"2.50","per":1000000},"token_out":"0.00001",
                "volume_discounts":[{"from":10,"discount":"0.1"}],"discount_mode":"volume"}}});
        let expected = "azure version 2, USD, from 2026-01-01T00:00:00Z, unpriced: reject\n\
            operation  component  price\n\
            gpt-4o     token_in   2.5 per 1000000\n\
            gpt-4o     token_out  0.00001";
        assert_eq!(prices(&from_value(card).unwrap()), expected);
    }
}
