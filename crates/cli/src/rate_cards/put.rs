//! `tollgate rate-cards put`.

use crate::client::Client;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::names;
use crate::output::{print, print_either};
use crate::rate_card::{CardText, Standing, name_first, name_first_for_all};
use crate::retry::Patience;
use serde::Serialize;
use std::path::PathBuf;
use tollgate_core::Name;

/// Put the rate card of a file, unless its newest version says the same
#[derive(clap::Args)]
#[command(after_help = "Example:\n  tollgate rate-cards put prices.json --id llm --tenant acme")]
pub(crate) struct Args {
    /// JSON file of the rate card, as `PUT /rate-cards/{id}` takes it
    file: PathBuf,
    /// Id of the rate card; the file's own where none is named, else its name
    #[arg(long, value_parser = names::in_path)]
    id: Option<Name>,
    /// Drop operations of the version before that the file does not name
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    naming: Naming,
    #[command(flatten)]
    connection: Connection,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Whom the card is to price for.
#[derive(clap::Args)]
pub(super) struct Naming {
    /// Let it price first for this tenant
    #[arg(long, value_parser = names::in_path)]
    tenant: Option<Name>,
    /// Let it price first for all tenants that name no rate cards
    #[arg(long)]
    default: bool,
}

#[derive(Serialize)]
struct Told<'a> {
    rate_card: &'a Name,
    version: u32,
    put: bool,
    warnings: &'a [String],
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let card = CardText::load(&args.file, args.id.as_ref())?;
    let client = Client::new(&args.connection, Patience::SHORT)?;
    let standing = card.ensure(&client, args.replace).await?;
    args.naming.apply(&client, &card.id).await?;
    let told = Told {
        rate_card: &standing.id,
        version: standing.version,
        put: standing.is_new,
        warnings: &standing.warnings,
    };
    print_either(args.json, &told, |_| said(&standing))?;
    if args.json {
        return Ok(());
    }
    match args.naming.note(&standing.id) {
        Some(note) => print(&note),
        None => Ok(()),
    }
}

/// What stands now, and what was warned of.
pub(super) fn said(standing: &Standing) -> String {
    let how = if standing.is_new {
        "put now"
    } else {
        "unchanged"
    };
    let first = format!("{} version {}, {how}", standing.id, standing.version);
    let warnings = standing.warnings.iter();
    let lines = warnings.map(|warning| format!("warning: {warning}"));
    [first]
        .into_iter()
        .chain(lines)
        .collect::<Vec<_>>()
        .join("\n")
}

impl Naming {
    /// Names the card first where that is asked for.
    pub(super) async fn apply(&self, client: &Client, card: &Name) -> Result<(), Failure> {
        if let Some(tenant) = &self.tenant {
            name_first(client, tenant, card).await?;
        }
        if self.default {
            name_first_for_all(client, card).await?;
        }
        Ok(())
    }

    /// That nobody was made to name the card, if so.
    pub(super) fn note(&self, card: &Name) -> Option<String> {
        let is_named = self.default || self.tenant.is_some();
        (!is_named).then(|| {
            format!("`{card}` prices for those who name it: `--tenant` and `--default` do that")
        })
    }
}
