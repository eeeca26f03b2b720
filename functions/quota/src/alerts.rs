//! `/alerts`.

use std::sync::Arc;
use tollgate_api::{AlertsState, parse_alerts};
use tollgate_gateway::{App, Call, Handled, Reply, from_failure};

/// Replaces what a tenant is told of. The secret is in the answer only when it
/// is new.
pub(crate) async fn put_alerts(app: Arc<App>, call: Call) -> Handled {
    let tenant = call.path_tenant_to_write()?;
    call.params(&[])?;
    let order = parse_alerts(&call.body, app.settings.is_local)?;
    let actor = call.conditional_actor()?;
    let (config, secret) = app
        .service
        .put_alerts(&tenant, &order, &actor)
        .await
        .map_err(|failure| from_failure(&failure))?;
    let (_, alerts) = app
        .service
        .read_alerts(&tenant)
        .await
        .map_err(|failure| from_failure(&failure))?;
    let secret = secret.map(|secret| secret.0);
    let state = AlertsState::new(&tenant, &config, &alerts, secret);
    Ok(Reply::ok(&state).with_version(state.version))
}

/// What a tenant is told of, and the latest of it.
pub(crate) async fn get_alerts(app: Arc<App>, call: Call) -> Handled {
    let tenant = call.path_tenant()?;
    call.params(&[])?;
    let (config, alerts) = app
        .service
        .read_alerts(&tenant)
        .await
        .map_err(|failure| from_failure(&failure))?;
    let state = AlertsState::new(&tenant, &config, &alerts, None);
    Ok(Reply::ok(&state).with_version(state.version))
}
