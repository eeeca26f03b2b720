//! `/credits`.

use std::sync::Arc;
use tollgate_api::{credits_json, grant_json, parse_grant};
use tollgate_gateway::{App, Call, Handled, Reply, from_failure};

/// Grants a tenant credit, once by the grant's id.
pub(crate) async fn post_credits(app: Arc<App>, call: Call) -> Handled {
    let tenant = call.path_tenant_to_write()?;
    call.params(&[])?;
    let order = parse_grant(&call.body)?;
    let actor = call.caller()?.actor(None);
    let granted = app
        .service
        .grant_credit(&tenant, &order, &actor)
        .await
        .map_err(|failure| from_failure(&failure))?;
    let (grant, replayed) = granted;
    let body = grant_json(&tenant, &grant, order.currency, replayed);
    Ok(if replayed {
        Reply::ok(&body)
    } else {
        Reply::created(&body)
    })
}

/// A tenant's credit, and what is left of it.
pub(crate) async fn get_credits(app: Arc<App>, call: Call) -> Handled {
    let tenant = call.path_tenant()?;
    call.params(&[])?;
    let view = app
        .service
        .credits(&tenant)
        .await
        .map_err(|failure| from_failure(&failure))?;
    Ok(Reply::ok(&credits_json(
        &tenant,
        view.currency,
        (view.allowance, view.uncovered),
        &view.grants,
        view.at,
    )))
}
