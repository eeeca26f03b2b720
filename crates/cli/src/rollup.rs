//! `tollgate rollup`: roll up closed hours now.

use crate::aws;
use crate::embedded::Embedded;
use crate::failure::Failure;
use crate::folder::Folder;
use crate::names;
use crate::output::print_either;
use crate::progress;
use crate::serve::cursor_secret;
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;
use tollgate_core::Name;
use tollgate_gateway::{SystemClock, form_version, lambda_app};
use tollgate_service::{Service, Tenancy};

/// Roll up closed hours now, in place of waiting for the schedule
///
/// An hour closes 20 minutes after its end. A running server and deployed functions
/// roll up on their own every 15 minutes; this is for a folder whose server is
/// stopped, or a table after an outage. It is safe to repeat.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  tollgate rollup --data ./data")]
pub(crate) struct Args {
    /// Folder of a stopped server
    #[arg(long, default_value = "data", conflicts_with = "table")]
    data: PathBuf,
    /// DynamoDB table, with the account and region of the environment and the
    /// secret of its functions in TOLLGATE_CURSOR_SECRET
    #[arg(long, value_name = "NAME")]
    table: Option<String>,
    /// Only this tenant
    #[arg(long, value_parser = names::in_path)]
    tenant: Option<Name>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What was rolled up.
#[derive(Serialize)]
struct Counts {
    tenants: usize,
    hours: u64,
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let Some(table) = &args.table else {
        let folder = Folder::open_used(&args.data, false)?;
        let store = Embedded::open(Some(&folder))?;
        let secret = cursor_secret(Some(&folder))?;
        let forms = form_version(|name| std::env::var(name).ok()).map_err(Failure::new)?;
        let service = Service::new(store.store(), Arc::new(SystemClock), Tenancy::Sole, secret);
        return roll_up(&service.writing(forms), &args).await;
    };
    let app = lambda_app(aws::connect(table).await?, |name| std::env::var(name).ok())
        .map_err(Failure::new)?;
    roll_up(&app.service, &args).await
}

async fn roll_up(service: &Service, args: &Args) -> Result<(), Failure> {
    let failed = |error| Failure::to("roll up", error);
    let tenants = match &args.tenant {
        Some(tenant) => vec![tenant.clone()],
        None => service.visit_tenants().await.map_err(failed)?,
    };
    let bar = progress::bar(tenants.len(), "tenants");
    let mut hours = 0_u64;
    for tenant in &tenants {
        bar.set_message(tenant.to_string());
        hours = hours.saturating_add(service.roll_up(tenant).await.map_err(failed)?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    let counts = Counts {
        tenants: tenants.len(),
        hours,
    };
    print_either(args.json, &counts, |Counts { tenants, hours }| {
        format!("hours rolled up: {hours}, tenants: {tenants}")
    })
}
