//! `/budgets`.

use std::sync::Arc;
use tollgate_api::{BudgetState, Tree, parse_budget, parse_tree};
use tollgate_core::{Layer, Name, Resource};
use tollgate_gateway::{App, Call, Handled, Reply, from_failure};

/// Replaces a tenant's budget. What its window already holds is counted before
/// this answers.
pub(crate) async fn put_budget(app: Arc<App>, call: Call) -> Handled {
    let tenant = call.path_tenant_to_write()?;
    call.params(&[])?;
    let budget = parse_budget(&call.body)?;
    let actor = call.conditional_actor()?;
    app.service
        .put_budget(&tenant, budget.as_ref(), &actor)
        .await
        .map_err(|failure| from_failure(&failure))?;
    shown(&app, &tenant).await
}

/// A tenant's budget, and what is left of it.
pub(crate) async fn get_budget(app: Arc<App>, call: Call) -> Handled {
    let tenant = call.path_tenant()?;
    call.params(&[])?;
    shown(&app, &tenant).await
}

/// Replaces a tenant's tree of budgets. What its windows already hold is
/// counted before this answers.
pub(crate) async fn put_tree(app: Arc<App>, call: Call) -> Handled {
    let tenant = call.path_tenant_to_write()?;
    call.params(&[])?;
    let tree = parse_tree(&call.body)?;
    let actor = call.conditional_actor()?;
    app.service
        .put_tree(&tenant, tree.as_ref(), &actor)
        .await
        .map_err(|failure| from_failure(&failure))?;
    shown_tree(&app, &tenant).await
}

/// A tenant's tree of budgets, and where each of its limits stands.
pub(crate) async fn get_tree(app: Arc<App>, call: Call) -> Handled {
    let tenant = call.path_tenant()?;
    call.params(&[])?;
    shown_tree(&app, &tenant).await
}

async fn shown_tree(app: &App, tenant: &Name) -> Handled {
    let mut view = app
        .service
        .read_limits(tenant)
        .await
        .map_err(|failure| from_failure(&failure))?;
    view.standpoints.retain(|at| at.limit.layer == Layer::Tree);
    let tree = Tree::new(tenant, &view.config, &view.standpoints);
    Ok(Reply::ok(&tree).with_version(tree.version))
}

async fn shown(app: &App, tenant: &Name) -> Handled {
    let mut view = app
        .service
        .read_limits(tenant)
        .await
        .map_err(|failure| from_failure(&failure))?;
    view.standpoints
        .retain(|at| at.limit.layer == Layer::Budget);
    let budget = view.config.budget.as_ref();
    let spent = match budget {
        Some(budget) if budget.max_total.is_none() => {
            app.service.read_spend(tenant, budget.window).await
        }
        _ => Ok(tollgate_core::Amount::ZERO),
    };
    let spent = spent.map_err(|failure| from_failure(&failure))?;
    let budget = BudgetState::new(tenant, &view.config, spent, &view.standpoints);
    let version = view.config.revision(Resource::Budget);
    Ok(Reply::ok(&budget).with_version(version))
}
