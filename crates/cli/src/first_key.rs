//! The first operator key of a deployment, written into its table directly.

use crate::aws;
use crate::failure::Failure;
use crate::output::print_either;
use serde::Serialize;
use std::collections::BTreeSet;
use std::sync::Arc;
use tollgate_core::{Instant, KeyOrder, KeyScope};
use tollgate_gateway::{SystemClock, form_version};
use tollgate_service::{Actor, Service, Tenancy};

/// A key that was just made.
#[derive(Serialize)]
struct Made {
    key_id: String,
    key: String,
}

/// Makes an operator key in the DynamoDB table `table` and prints it.
pub(crate) async fn create(
    table: &str,
    name: Option<&str>,
    expires_at: Option<Instant>,
    json: bool,
) -> Result<(), Failure> {
    let store = aws::connect(table).await?;
    let tenancy = Tenancy::Shared {
        settle: std::time::Duration::ZERO,
    };
    let forms = form_version(|name| std::env::var(name).ok()).map_err(Failure::new)?;
    let service = Service::new(store, Arc::new(SystemClock), tenancy, [0; 32]).writing(forms);
    let new = KeyOrder {
        tenant: None,
        scopes: BTreeSet::from([KeyScope::Operator]),
        name: name.map(str::to_owned),
        expires_at,
    };
    let actor = Actor::unconditional("command-line");
    let made = service.create_key(new, &actor, None).await;
    let (record, key) =
        made.map_err(|failure| Failure::to(format!("write a key into table `{table}`"), failure))?;
    let made = Made {
        key_id: record.id,
        key,
    };
    print_either(json, &made, |Made { key_id, key }| {
        format!("key id:  {key_id}\nkey:     {key}\nIt is shown this once.")
    })
}
