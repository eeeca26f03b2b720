//! `tollgate rate-cards list` and `show`.

use crate::call::{Call, target};
use crate::client::Client;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::names;
use crate::output::{cell, print, print_either, print_list, table};
use crate::retry::Patience;
use std::collections::BTreeMap;
use tollgate_api::{OperationPrices, OverPrices, Price, RateCardVersion, TierPrices};
use tollgate_core::{Component, Name};

/// List the rate cards
#[derive(clap::Args)]
#[command(after_help = "Example:\n  tollgate rate-cards list")]
pub(crate) struct ListArgs {
    #[command(flatten)]
    connection: Connection,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Show the prices of a rate card
#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  tollgate rate-cards show default\n  tollgate rate-cards show default --json"
)]
pub(crate) struct Args {
    /// Rate card to show in full
    #[arg(value_parser = names::in_path)]
    id: Name,
    /// Version of it; the newest where none is named
    #[arg(long)]
    version: Option<u32>,
    #[command(flatten)]
    connection: Connection,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs `list`.
pub(crate) async fn list(args: ListArgs) -> Result<(), Failure> {
    let client = Client::new(&args.connection, Patience::SHORT)?;
    let cards: Vec<RateCardVersion> = client.list("/rate-cards").await?;
    if args.json {
        return print_list(&cards);
    }
    let row = |card: &RateCardVersion| {
        vec![
            card.id.to_string(),
            card.version.to_string(),
            cell(card.in_force),
            card.currency.to_string(),
            card.effective_from.to_string(),
            card.operations.len().to_string(),
            cell(card.source.as_ref().map(|source| &source.map)),
        ]
    };
    let rows: Vec<_> = cards.iter().map(row).collect();
    let header = [
        "id",
        "version",
        "in_force",
        "currency",
        "effective_from",
        "operations",
        "source",
    ];
    print(&table(&header, &rows))
}

/// Runs `show`.
pub(crate) async fn show(args: Args) -> Result<(), Failure> {
    let client = Client::new(&args.connection, Patience::SHORT)?;
    let version = args.version.map(|version| version.to_string());
    let path = target(
        &format!("/rate-cards/{}", args.id),
        &[("version", version.as_deref())],
    );
    let card: RateCardVersion = client.send(&Call::get(path)).await?;
    print_either(args.json, &card, prices)
}

/// A card, one line for each price.
fn prices(card: &RateCardVersion) -> String {
    let mut rows: Vec<Vec<String>> = Vec::new();
    for (operation, of) in &card.operations {
        rows.extend(
            lines(of)
                .into_iter()
                .map(|(what, when, price)| vec![operation.to_string(), what, when, price]),
        );
    }
    let tiers = card.tiers.iter();
    let tiers: Vec<String> = tiers
        .map(|(tier, factor)| format!("{tier} x{factor}"))
        .collect();
    let now = match card.in_force {
        Some(version) if version == card.version => "prices now".to_owned(),
        Some(version) => format!("version {version} prices now"),
        None => "no version prices now".to_owned(),
    };
    format!(
        "{} version {}, {}, from {}, unpriced: {}, {now}\ntiers: {}\n{}",
        card.id,
        card.version,
        card.currency,
        card.effective_from,
        card.unpriced,
        tiers.join(", "),
        table(&["operation", "component", "where", "price"], &rows)
    )
}

/// Each price of an operation: of what, where it holds, and how much.
pub(super) fn lines(of: &OperationPrices) -> Vec<(String, String, String)> {
    let mut lines = listed(&of.prices, "");
    lines.extend(over(&of.over, ""));
    for (tier, own) in &of.tiers {
        match own {
            TierPrices::Factor(factor) => {
                lines.push(("all".to_owned(), tier.to_string(), format!("x{factor}")));
            }
            TierPrices::Prices {
                prices,
                over: sizes,
            } => {
                lines.extend(listed(prices, tier.as_str()));
                lines.extend(over(sizes, tier.as_str()));
            }
        }
    }
    for step in &of.volume_discounts {
        let mode = of.discount_mode.map(|mode| format!(", {mode}"));
        let from = format!("from {}{}", step.from, mode.unwrap_or_default());
        lines.push(("discount".to_owned(), from, step.discount.to_string()));
    }
    let packages = of.packages.iter();
    lines.extend(packages.map(|packages| {
        let price = format!("{} per {} begun", packages.price, packages.size);
        ("package".to_owned(), String::new(), price)
    }));
    for (what, amount) in [("minimum", &of.minimum), ("percentage", &of.percentage)] {
        let amount = amount.iter();
        lines.extend(amount.map(|amount| (what.to_owned(), String::new(), amount.to_string())));
    }
    lines
}

fn listed(prices: &BTreeMap<Component, Price>, place: &str) -> Vec<(String, String, String)> {
    let prices = prices.iter();
    prices
        .map(|(component, price)| (component.to_string(), place.to_owned(), shown(price)))
        .collect()
}

fn over(sizes: &[OverPrices], tier: &str) -> Vec<(String, String, String)> {
    let line = |size: &OverPrices| {
        let sign = if size.inclusive { ">=" } else { ">" };
        let place = format!("{tier} tokens_in {sign} {}", size.tokens_in);
        listed(&size.prices, place.trim_start())
    };
    sizes.iter().flat_map(line).collect()
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
        let card = json!({"id":"azure","version":2,"in_force":3,"currency":"USD",
            "effective_from":"2026-01-01T00:00:00Z","tiers":{"standard":"1","batch":"0.5"},
            "unpriced":"reject","replaced":[],"source":null,
            "operations":{"fax":{"packages":{"size":1000,"price":"2"},"minimum":"50"},
                "gpt-4o":{
                "token_in":{"amount":"2.50","per":1000000},"token_out":"0.00001",
                "over":[{"tokens_in":200,"token_in":"1"}],
                "tiers":{"flex":"0.5","priority":{"token_in":"2",
                    "over":[{"tokens_in":9,"inclusive":true,"token_in":"3"}]}},
                "volume_discounts":[{"from":10,"discount":"0.1"}],"discount_mode":"volume"}}});
        let expected = "azure version 2, USD, from 2026-01-01T00:00:00Z, unpriced: reject, version 3 prices now\n\
            tiers: batch x0.5, standard x1\n\
            operation  component  where                    price\n\
            fax        package    -                        2 per 1000 begun\n\
            fax        minimum    -                        50\n\
            gpt-4o     token_in   -                        2.5 per 1000000\n\
            gpt-4o     token_out  -                        0.00001\n\
            gpt-4o     token_in   tokens_in > 200          1\n\
            gpt-4o     all        flex                     x0.5\n\
            gpt-4o     token_in   priority                 2\n\
            gpt-4o     token_in   priority tokens_in >= 9  3\n\
            gpt-4o     discount   from 10, volume          0.1";
        assert_eq!(prices(&from_value(card).unwrap()), expected);
    }
}
