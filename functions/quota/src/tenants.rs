//! `/tenants`.

use std::sync::Arc;
use tollgate_api::{List, Params, Problem, Tenant, parse_tenant};
use tollgate_core::{Config, Name, Resource};
use tollgate_gateway::{App, Call, Handled, Reply, from_failure};
use tollgate_service::Failure;

const QUESTION: &str = "GET /tenants";

/// All tenants, by id.
pub(crate) async fn get_tenants(app: Arc<App>, call: Call) -> Handled {
    let params = call.params(Params::PAGING)?;
    let limit = params.limit(100, 1000)?;
    let failed = |failure: Failure| from_failure(&failure);
    let after = params
        .text("cursor")
        .map(|cursor| app.service.position(QUESTION, cursor))
        .transpose()
        .map_err(failed)?;
    let (tenants, more) = app
        .service
        .list_tenants(after.as_deref(), limit)
        .await
        .map_err(failed)?;
    let mut data = Vec::with_capacity(tenants.len());
    for tenant in &tenants {
        let config = app.service.read_config(tenant).await.map_err(failed)?;
        data.push(Tenant::new(tenant, &config));
    }
    let next = tenants
        .last()
        .filter(|_| more)
        .map(|tenant| app.service.cursor(QUESTION, tenant.as_str()));
    Ok(Reply::ok(&List::new(data, next)))
}

/// One tenant.
pub(crate) async fn get_tenant(app: Arc<App>, call: Call) -> Handled {
    let tenant = call.path_tenant()?;
    call.params(&[])?;
    let config = app
        .service
        .read_config(&tenant)
        .await
        .map_err(|failure| from_failure(&failure))?;
    if config.version == 0 {
        return Err(Problem::not_found("tenant"));
    }
    let tenant = Tenant::new(&tenant, &config);
    Ok(Reply::ok(&tenant).with_version(tenant.version))
}

/// Replaces a tenant's own fields; its limits stay.
pub(crate) async fn put_tenant(app: Arc<App>, call: Call) -> Handled {
    let tenant = call.path_tenant_to_write()?;
    let replace = call.params(&["replace"])?.flag("replace")?;
    let settings = parse_tenant(&call.body)?;
    let actor = call.conditional_actor()?;
    let put = app.service.put_tenant(&tenant, &settings, replace, &actor);
    let config = put.await.map_err(|failure| from_failure(&failure))?;
    Ok(shown(&tenant, &config))
}

/// Changes those of a tenant's own fields that the merge patch names.
pub(crate) async fn patch_tenant(app: Arc<App>, call: Call) -> Handled {
    let tenant = call.path_tenant_to_write()?;
    call.params(&[])?;
    let failed = |failure: Failure| from_failure(&failure);
    for _ in 0..Call::PATCHES_MAX {
        let held = app.service.read_config(&tenant).await.map_err(failed)?;
        if held.version == 0 {
            return Err(Problem::not_found("tenant"));
        }
        let version = held.revision(Resource::Tenant);
        let (body, actor) = call.patched(&Tenant::changeable(&held), version)?;
        let settings = parse_tenant(&body)?;
        match app
            .service
            .put_tenant(&tenant, &settings, true, &actor)
            .await
        {
            // Another change came in between.
            Err(Failure::Stale(_)) => {}
            put => return put.map(|config| shown(&tenant, &config)).map_err(failed),
        }
    }
    Err(Problem::store_unavailable(1))
}

fn shown(id: &Name, config: &Config) -> Reply {
    let tenant = Tenant::new(id, config);
    Reply::ok(&tenant).with_version(tenant.version)
}
