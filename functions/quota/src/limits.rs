//! `/quota` and `/limits`.

use std::sync::Arc;
use tollgate_api::{Limits, QuotaSet, QuotaState, parse_limits, parse_quota};
use tollgate_core::Name;
use tollgate_gateway::{App, Call, Handled, Reply, answered, from_failure};
use tollgate_service::Failure;

/// Sets a tenant's quota; what it has used stays counted.
pub(crate) async fn post_quota(app: Arc<App>, call: Call) -> Handled {
    call.params(&[])?;
    let (named, quota) = parse_quota(&call.body)?;
    let caller = call.caller()?;
    let tenant = caller.tenant_to_write(named.as_ref())?;
    let actor = caller.actor();
    let failed = |failure: Failure| from_failure(&failure);
    let question = call.question("/quota")?;
    if let Some(reply) = answered(&app, question.as_ref()).await? {
        return Ok(reply);
    }
    let body = QuotaSet::new(&tenant, &quota, app.hash());
    let reply = Reply::ok(&body);
    let text = reply.stored_text();
    let once = question
        .clone()
        .map(|question| question.answer(reply.status(), text));
    match app
        .service
        .put_quota(&tenant, &quota, &actor, once.as_ref())
        .await
    {
        // Who lost the race is told the winner's answer.
        Err(Failure::Answered) => answered(&app, question.as_ref())
            .await?
            .ok_or_else(|| failed(Failure::Answered)),
        done => done.map(|_| reply).map_err(failed),
    }
}

/// A tenant's quota, what it used of it this month, and where limits stand.
pub(crate) async fn get_quota(app: Arc<App>, call: Call) -> Handled {
    let tenant = call.path_tenant()?;
    call.params(&[])?;
    let view = app
        .service
        .read_limits(&tenant)
        .await
        .map_err(|failure| from_failure(&failure))?;
    let (usage, month) = app
        .service
        .read_month(&tenant)
        .await
        .map_err(|failure| from_failure(&failure))?;
    Ok(Reply::ok(&QuotaState::new(
        &tenant,
        &view.config,
        (usage, month),
        &view.standpoints,
        app.hash(),
    )))
}

/// All limits of a tenant, each with its source, and where they stand.
pub(crate) async fn get_limits(app: Arc<App>, call: Call) -> Handled {
    let tenant = call.path_tenant()?;
    call.params(&[])?;
    shown(&app, &tenant).await
}

/// Replaces the general layer of a tenant's limits.
pub(crate) async fn put_limits(app: Arc<App>, call: Call) -> Handled {
    let tenant = call.path_tenant_to_write()?;
    call.params(&[])?;
    let limits = parse_limits(&call.body)?;
    let actor = call.conditional_actor()?;
    app.service
        .put_limits(&tenant, &limits, &actor)
        .await
        .map_err(|failure| from_failure(&failure))?;
    shown(&app, &tenant).await
}

async fn shown(app: &App, tenant: &Name) -> Handled {
    let view = app.service.read_limits(tenant).await;
    let view = view.map_err(|failure| from_failure(&failure))?;
    let limits = Limits::new(tenant, &view.config, &view.standpoints);
    Ok(Reply::ok(&limits).with_version(limits.version))
}
