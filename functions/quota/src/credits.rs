//! `/credits`.

use std::sync::Arc;
use tollgate_api::{Credits, GrantStanding, List, MadeGrant, Params, Problem, parse_grant};
use tollgate_core::Name;
use tollgate_gateway::{App, Call, Handled, Reply, from_failure};

/// Grants a tenant credit, once by the grant's id.
pub(crate) async fn post_credits(app: Arc<App>, call: Call) -> Handled {
    let tenant = call.path_tenant_to_write()?;
    call.params(&[])?;
    let order = parse_grant(&call.body)?;
    let actor = call.caller()?.actor();
    let granted = app
        .service
        .grant_credit(&tenant, &order, &actor)
        .await
        .map_err(|failure| from_failure(&failure))?;
    let (grant, replayed) = granted;
    let body = MadeGrant::new(&tenant, &grant, order.currency, replayed);
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
        .read_credit(&tenant)
        .await
        .map_err(|failure| from_failure(&failure))?;
    Ok(Reply::ok(&Credits::new(
        &tenant,
        view.currency,
        (view.allowance, view.uncovered),
        &view.grants,
        view.at,
    )))
}

/// Every grant that a tenant ever got, by id, and where each stands.
pub(crate) async fn get_grants(app: Arc<App>, call: Call) -> Handled {
    let tenant = call.path_tenant()?;
    let params = call.params(Params::PAGING)?;
    let limit = params.limit(100, 1000)?;
    let question = format!("GET /credits/{tenant}/grants");
    let failed = |failure| from_failure(&failure);
    let after = params
        .text("cursor")
        .map(|cursor| app.service.position(&question, cursor))
        .transpose()
        .map_err(failed)?;
    let after = after
        .map(|after| Name::new(&after))
        .transpose()
        .map_err(|_| Problem::invalid_cursor())?;
    let read = app.service.list_grants(&tenant, after.as_ref(), limit);
    let (grants, more) = read.await.map_err(failed)?;
    let last = grants.last().filter(|_| more);
    let next = last.map(|(grant, _)| app.service.cursor(&question, grant.id.as_str()));
    let standing = |(grant, count): &_| GrantStanding::new(grant, *count, call.now);
    let data = grants.iter().map(standing).collect();
    Ok(Reply::ok(&List::new(data, next)))
}
