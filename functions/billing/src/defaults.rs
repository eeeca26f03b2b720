//! What holds for tenants that name nothing of their own.

use crate::answer::failed;
use std::collections::BTreeMap;
use std::sync::Arc;
use tollgate_api::{DefaultsAnswer, merge_patch, parse_defaults};
use tollgate_gateway::{App, Call, Handled, Reply};

/// Sets the defaults; all of them are always named.
pub(crate) async fn put_defaults(app: Arc<App>, call: Call) -> Handled {
    call.params(&["replace"])?.flag("replace")?;
    put(&app, &call, &call.body).await
}

/// Sets those that the merge patch names.
pub(crate) async fn patch_defaults(app: Arc<App>, call: Call) -> Handled {
    call.params(&[])?;
    // There is one setting, so that what another sets meanwhile is not lost.
    let body = merge_patch(&BTreeMap::<String, u8>::new(), &call.body)?;
    put(&app, &call, &body).await
}

async fn put(app: &App, call: &Call, body: &[u8]) -> Handled {
    let rate_cards = parse_defaults(body)?;
    let actor = call.conditional_actor()?;
    let put = app.service.put_defaults(&rate_cards, &actor);
    let put = put.await.map_err(failed)?;
    Ok(Reply::ok(&DefaultsAnswer::from(&put)).with_version(put.version.into()))
}

/// The defaults.
pub(crate) async fn get_defaults(app: Arc<App>, call: Call) -> Handled {
    call.params(&[])?;
    let catalog = app.service.read_catalog().await.map_err(failed)?;
    let defaults = catalog.defaults();
    Ok(Reply::ok(&DefaultsAnswer::from(&**defaults)).with_version(defaults.version.into()))
}
