//! Rate cards and what they cost.

use crate::answer::failed;
use std::collections::BTreeSet;
use std::sync::Arc;
use tollgate_api::{
    List, NewCard, Params, Problem, RateCardPut, RateCardVersion, costs, parse_card,
};
use tollgate_core::{Card, Catalog, Name};
use tollgate_gateway::{App, Call, Handled, Reply};
use tollgate_service::{Actor, CardPut, Failure};

const CARDS: &str = "GET /rate-cards";

/// Adds a version of a rate card.
pub(crate) async fn put_rate_card(app: Arc<App>, call: Call) -> Handled {
    let replace = call.params(&["replace"])?.flag("replace")?;
    let new = parse_card(call.path_text("id"), &call.body)?;
    let actor = call.conditional_actor()?;
    put(&app, &call, new, (replace, &actor))
        .await
        .map_err(failed)
}

/// Adds the version that a merge patch makes of the one that prices now; of the newest
/// where none does.
pub(crate) async fn patch_rate_card(app: Arc<App>, call: Call) -> Handled {
    call.params(&[])?;
    let id = card_id(&call)?;
    for _ in 0..Call::PATCHES_MAX {
        let catalog = app.service.catalog_in_force(call.now);
        let catalog = catalog.await.map_err(failed)?;
        let newest = catalog.card(id.as_str(), None);
        let newest = newest.ok_or_else(|| unknown(&id))?;
        let current = catalog.in_force(id.as_str(), call.now).unwrap_or(newest);
        let current = RateCardVersion::new(current, None).changeable();
        let (body, actor) = call.patched(&current, newest.version.into())?;
        let new = parse_card(id.as_str(), &body)?;
        match put(&app, &call, new, (true, &actor)).await {
            // Another version came in between.
            Err(Failure::Stale(_)) => {}
            reply => return reply.map_err(failed),
        }
    }
    Err(Problem::store_unavailable(1))
}

async fn put(
    app: &App,
    call: &Call,
    new: NewCard,
    (replace, actor): (bool, &Actor),
) -> Result<Reply, Failure> {
    let effective_from = new.effective_from;
    let put = CardPut {
        card: new.into_card(0, 0, call.now),
        effective_from,
        replace,
    };
    let put = app.service.put_card(put, actor).await?;
    let before = (put.before.as_deref(), put.next);
    let answer = RateCardPut::new(&put.card, before, put.in_force, put.now);
    Ok(Reply::ok(&answer).with_version(put.card.version.into()))
}

/// The newest version of every card, by id.
pub(crate) async fn get_rate_cards(app: Arc<App>, call: Call) -> Handled {
    let params = call.params(Params::PAGING)?;
    let limit = params.limit(100, 1000)?;
    let after = params
        .text("cursor")
        .map(|cursor| app.service.position(CARDS, cursor))
        .transpose()
        .map_err(failed)?;
    let catalog = app.service.catalog_in_force(call.now);
    let catalog = catalog.await.map_err(failed)?;
    let seen = seen(&app, &call, &catalog).await?;
    let behind = catalog.cards().filter(|(id, _)| {
        let is_seen = seen.as_ref().is_none_or(|seen| seen.contains(*id));
        is_seen && after.as_deref().is_none_or(|after| id.as_str() > after)
    });
    let mut newest: Vec<_> = behind
        .filter_map(|(_, versions)| versions.last())
        .take(limit.saturating_add(1))
        .collect();
    let more = newest.len() > limit;
    newest.truncate(limit);
    let next = newest
        .last()
        .filter(|_| more)
        .map(|card| app.service.cursor(CARDS, card.id.as_str()));
    let shown = newest
        .into_iter()
        .map(|card| shown(&catalog, card, &call))
        .collect();
    Ok(Reply::ok(&List::new(shown, next)))
}

/// One card: its newest version, or the one asked for.
pub(crate) async fn get_rate_card(app: Arc<App>, call: Call) -> Handled {
    let version = call
        .params(&["version"])?
        .parsed("version", "a version number")?;
    let id = card_id(&call)?;
    let catalog = app.service.catalog_in_force(call.now);
    let catalog = catalog.await.map_err(failed)?;
    let seen = seen(&app, &call, &catalog).await?;
    if seen.is_some_and(|seen| !seen.contains(&id)) {
        return Err(unknown(&id));
    }
    let card = app.service.find_card(&id, version).await.map_err(failed)?;
    let card = card.ok_or_else(|| match version {
        Some(version) => Problem::not_found(&format!("version {version} of the rate card `{id}`")),
        None => unknown(&id),
    })?;
    Ok(Reply::ok(&shown(&catalog, &card, &call)).with_version(card.version.into()))
}

fn shown(catalog: &Catalog, card: &Card, call: &Call) -> RateCardVersion {
    let in_force = catalog.in_force(card.id.as_str(), call.now);
    RateCardVersion::new(card, in_force.map(|held| held.version))
}

fn card_id(call: &Call) -> Result<Name, Problem> {
    let id = call.path_text("id");
    Name::in_path(id).map_err(|_| Problem::not_found("rate card"))
}

fn unknown(id: &Name) -> Problem {
    Problem::not_found(&format!("rate card `{id}`"))
}

/// The cards that the caller may see: all of them for an operator, those that can price
/// it for a tenant.
async fn seen(
    app: &App,
    call: &Call,
    catalog: &Catalog,
) -> Result<Option<BTreeSet<Name>>, Problem> {
    match &call.caller()?.tenant {
        None => Ok(None),
        Some(tenant) => Ok(Some(
            cards_of(app, tenant, catalog, false)
                .await?
                .into_iter()
                .collect(),
        )),
    }
}

/// The cards of a tenant; one that was never heard of is none to an operator.
async fn cards_of(
    app: &App,
    tenant: &Name,
    catalog: &Catalog,
    is_operators: bool,
) -> Result<Vec<Name>, Problem> {
    let config = app.service.read_config(tenant).await.map_err(failed)?;
    if config.version == 0 && is_operators {
        return Err(Problem::not_found(&format!("tenant `{tenant}`")));
    }
    if config.rate_cards.is_empty() {
        return Ok(catalog.defaults().rate_cards.clone());
    }
    Ok(config.rate_cards)
}

/// Every price in force for a tenant: for an operator that names none, by the defaults.
pub(crate) async fn get_costs(app: Arc<App>, call: Call) -> Handled {
    let params = call.params(&["tenant_id"])?;
    let catalog = app.service.catalog_in_force(call.now);
    let catalog = catalog.await.map_err(failed)?;
    let caller = call.caller()?;
    let named = params.tenant()?;
    let cards = if caller.tenant.is_none() && named.is_none() {
        Vec::new()
    } else {
        let tenant = caller.tenant_to_read(named.as_ref())?;
        cards_of(&app, &tenant, &catalog, caller.tenant.is_none()).await?
    };
    Ok(Reply::ok(&costs(&catalog, &cards, call.now)))
}
