//! `/plans`, subscriptions and entitlements.

use std::sync::Arc;
use tollgate_api::{
    Entitlements, List, Params, Plan, Problem, SubscriptionState, parse_plan, parse_subscription,
};
use tollgate_core::Name;
use tollgate_gateway::{App, Call, Handled, Reply, from_failure};
use tollgate_service::Failure;

const QUESTION: &str = "GET /plans";

/// Puts a plan; subscriptions to it are renewed as far as a request may wait.
pub(crate) async fn put_plan(app: Arc<App>, call: Call) -> Handled {
    call.params(&[])?;
    let code = Name::in_path(call.path_text("code"))
        .map_err(|error| Problem::invalid_request("code", error.to_string()))?;
    let plan = parse_plan(&code, &call.body)?;
    let actor = call.conditional_actor()?;
    let plan = app
        .service
        .put_plan(plan, &actor)
        .await
        .map_err(|failure| from_failure(&failure))?;
    Ok(Reply::ok(&Plan::from(&plan)).with_version(plan.version))
}

/// One plan.
pub(crate) async fn get_plan(app: Arc<App>, call: Call) -> Handled {
    call.params(&[])?;
    let code = call.path_name("code", "plan")?;
    let plan = app
        .service
        .find_plan(&code)
        .await
        .map_err(|failure| from_failure(&failure))?;
    Ok(Reply::ok(&Plan::from(&plan)).with_version(plan.version))
}

/// All plans, by code.
pub(crate) async fn get_plans(app: Arc<App>, call: Call) -> Handled {
    let params = call.params(Params::PAGING)?;
    let limit = params.limit(100, 1000)?;
    let failed = |failure: Failure| from_failure(&failure);
    let after = params
        .text("cursor")
        .map(|cursor| app.service.position(QUESTION, cursor))
        .transpose()
        .map_err(failed)?;
    let (plans, more) = app
        .service
        .list_plans(after.as_deref(), limit)
        .await
        .map_err(failed)?;
    let data: Vec<Plan> = plans.iter().map(Plan::from).collect();
    let next = plans
        .last()
        .filter(|_| more)
        .map(|plan| app.service.cursor(QUESTION, plan.code.as_str()));
    Ok(Reply::ok(&List::new(data, next)))
}

/// Subscribes a tenant to a plan, or to none.
pub(crate) async fn put_subscription(app: Arc<App>, call: Call) -> Handled {
    let tenant = call.path_tenant_to_write()?;
    call.params(&[])?;
    let order = parse_subscription(&call.body)?;
    let actor = call.conditional_actor()?;
    let config = app
        .service
        .put_subscription(&tenant, &order, &actor)
        .await
        .map_err(|failure| from_failure(&failure))?;
    let subscription = SubscriptionState::new(&tenant, &config, call.now);
    Ok(Reply::ok(&subscription).with_version(subscription.version))
}

/// A tenant's subscription.
pub(crate) async fn get_subscription(app: Arc<App>, call: Call) -> Handled {
    let tenant = call.path_tenant()?;
    call.params(&[])?;
    let config = app
        .service
        .read_config(&tenant)
        .await
        .map_err(|failure| from_failure(&failure))?;
    let subscription = SubscriptionState::new(&tenant, &config, call.now);
    Ok(Reply::ok(&subscription).with_version(subscription.version))
}

/// What a tenant is entitled to, and how much of it is used.
pub(crate) async fn get_entitlements(app: Arc<App>, call: Call) -> Handled {
    let tenant = call.path_tenant()?;
    call.params(&[])?;
    let view = app
        .service
        .read_limits(&tenant)
        .await
        .map_err(|failure| from_failure(&failure))?;
    Ok(Reply::ok(&Entitlements::new(
        &tenant,
        &view.config,
        &view.standpoints,
        view.at,
    )))
}
