//! `tollgate purge`: remove events past their retention.

use crate::call::Call;
use crate::client::Client;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::names;
use crate::output::{cell, print_either};
use crate::retry::Patience;
use serde_json::{Map, Value};
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

/// Runs the command.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let client = Client::new(&args.connection, Patience::SHORT)?;
    let call = Call::post("/usage/purge", args.body().to_string()).once_only()?;
    let purged = client.send(&call).await?;
    print_either(args.json, &purged, |purged| {
        let verb = if purged["dry_run"] == true {
            "would remove"
        } else {
            "removed"
        };
        format!(
            "{verb} {} events in {} pages",
            cell(&purged["removed"]),
            cell(&purged["pages"])
        )
    })
}

impl Args {
    fn body(&self) -> Value {
        let mut body = Map::new();
        body.insert("dry_run".into(), self.dry_run.into());
        body.extend(
            self.tenant
                .as_ref()
                .map(|tenant| ("tenant_id".into(), tenant.as_str().into())),
        );
        body.extend(
            self.older_than_days
                .map(|days| ("older_than_days".into(), days.into())),
        );
        Value::Object(body)
    }
}
