//! `tollgate purge`: remove events past their retention.

use crate::call::Call;
use crate::client::Client;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::names;
use crate::output::{encode, print_either};
use crate::retry::Patience;
use serde::Serialize;
use tollgate_api::Purged;
use tollgate_core::Name;

/// Remove events past their retention
#[derive(clap::Args)]
#[command(after_help = "Example:\n  tollgate purge --tenant acme --older-than-days 90 --dry-run")]
pub(crate) struct Args {
    /// Only events of this tenant
    #[arg(long, value_parser = names::in_path)]
    tenant: Option<Name>,
    /// Remove events older than this instead of the retention
    #[arg(long, value_name = "N")]
    older_than_days: Option<u32>,
    /// Count what would be removed, and remove nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    connection: Connection,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A purge as it is asked for.
#[derive(Serialize)]
struct Order<'a> {
    dry_run: bool,
    tenant_id: Option<&'a Name>,
    older_than_days: Option<u32>,
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let client = Client::new(&args.connection, Patience::SHORT)?;
    let order = Order {
        dry_run: args.dry_run,
        tenant_id: args.tenant.as_ref(),
        older_than_days: args.older_than_days,
    };
    let call = Call::post("/usage/purge", encode(&order)?).once_only()?;
    let purged: Purged = client.send(&call).await?;
    print_either(args.json, &purged, |purged| {
        let verb = if purged.dry_run {
            "would remove"
        } else {
            "removed"
        };
        format!("{verb} {} events in {} pages", purged.removed, purged.pages)
    })
}
