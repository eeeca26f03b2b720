//! Prices and bills: the routes of the billing function.

mod answer;
mod void;

use answer::failed;
use std::sync::Arc;
use tollgate_api::{
    BillAnswer, ExchangeRatesVersion, List, Params, Problem, RateCardVersion, costs, parse_card,
    parse_exchange,
};
use tollgate_core::{KeyScope, Name, Range, WindowKind};
use tollgate_gateway::{Access, App, Call, Handled, Reply, Route, get, post, put};

const READ: Access = Access::Any(&[KeyScope::Read]);
const CARDS: &str = "GET /rate-cards";
const EXCHANGES: &str = "GET /exchange-rates";

/// The routes of this function.
#[must_use]
pub fn routes() -> Vec<Route> {
    vec![
        get("/billing/{tenant_id}", READ, get_billing),
        put("/rate-cards/{id}", Access::Operator, put_rate_card),
        get("/rate-cards", READ, get_rate_cards),
        get("/rate-cards/{id}", READ, get_rate_card),
        get("/costs", READ, get_costs),
        post(
            "/events/{event_id}/void",
            Access::Operator,
            void::post_event_void,
        ),
        put("/exchange-rates", Access::Operator, put_exchange_rates),
        get("/exchange-rates", READ, get_exchange_rates),
    ]
}

/// What a tenant owes, by default for the current calendar month.
async fn get_billing(app: Arc<App>, call: Call) -> Handled {
    let tenant = call.path_tenant()?;
    let asked = call.params(Params::RANGE)?.range()?;
    let month = WindowKind::Month.holding(call.now);
    let current = month.end().unwrap_or(call.now);
    let end = asked
        .end
        .unwrap_or_else(|| asked.start.map_or(current, |start| current.max(start)));
    let start = asked.start.unwrap_or_else(|| month.start.min(end));
    let range = Range {
        start: Some(start),
        end: Some(end),
    };
    let (bill, currency) = app.service.bill(&tenant, range).await.map_err(failed)?;
    Ok(Reply::ok(&BillAnswer::new(
        &tenant,
        (start, end),
        (&bill, currency),
        app.hash(),
    )))
}

/// Adds a version of a rate card.
async fn put_rate_card(app: Arc<App>, call: Call) -> Handled {
    call.params(&[])?;
    let new = parse_card(call.path_text("id"), &call.body)?;
    let effective_from = new.effective_from;
    let actor = call.conditional_actor()?;
    let card = app
        .service
        .put_card(new.into_card(0, 0, call.now), effective_from, &actor)
        .await
        .map_err(failed)?;
    Ok(Reply::ok(&RateCardVersion::from(&card)).with_version(card.version.into()))
}

/// The newest version of every card, by id.
async fn get_rate_cards(app: Arc<App>, call: Call) -> Handled {
    let params = call.params(Params::PAGING)?;
    let limit = params.limit(100, 1000)?;
    let after = params
        .text("cursor")
        .map(|cursor| app.service.position(CARDS, cursor))
        .transpose()
        .map_err(failed)?;
    let catalog = app.service.read_catalog().await.map_err(failed)?;
    let behind = catalog
        .cards()
        .filter(|(id, _)| after.as_deref().is_none_or(|after| id.as_str() > after));
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
        .map(|card| RateCardVersion::from(&**card));
    Ok(Reply::ok(&List::new(shown.collect(), next)))
}

/// One card: its newest version, or the one asked for.
async fn get_rate_card(app: Arc<App>, call: Call) -> Handled {
    let version = call
        .params(&["version"])?
        .parsed("version", "a version number")?;
    let unknown = || Problem::not_found("rate card");
    let id = Name::new(call.path_text("id")).map_err(|_| unknown())?;
    let card = app.service.find_card(&id, version).await.map_err(failed)?;
    let card = card.ok_or_else(unknown)?;
    Ok(Reply::ok(&RateCardVersion::from(&*card)).with_version(card.version.into()))
}

/// Adds a version of the exchange rates.
async fn put_exchange_rates(app: Arc<App>, call: Call) -> Handled {
    call.params(&[])?;
    let new = parse_exchange(&call.body)?;
    let effective_from = new.effective_from;
    let actor = call.conditional_actor()?;
    let table = app
        .service
        .put_exchange(new.into_table(0, 0, call.now), effective_from, &actor)
        .await
        .map_err(failed)?;
    Ok(Reply::ok(&ExchangeRatesVersion::from(&table)).with_version(table.version.into()))
}

/// Every version of the exchange rates, newest first.
async fn get_exchange_rates(app: Arc<App>, call: Call) -> Handled {
    let params = call.params(Params::PAGING)?;
    let limit = params.limit(100, 1000)?;
    let before = params
        .text("cursor")
        .map(|cursor| app.service.position(EXCHANGES, cursor))
        .transpose()
        .map_err(failed)?;
    let before: Option<u32> = before
        .map(|before| before.parse())
        .transpose()
        .map_err(|_| Problem::invalid_cursor())?;
    let most = limit.saturating_add(1);
    let mut tables = app
        .service
        .list_exchanges(before, most)
        .await
        .map_err(failed)?;
    let more = tables.len() > limit;
    tables.truncate(limit);
    let next = tables
        .last()
        .filter(|_| more)
        .map(|table| app.service.cursor(EXCHANGES, &table.version.to_string()));
    let shown = tables
        .iter()
        .map(|table| ExchangeRatesVersion::from(&**table));
    Ok(Reply::ok(&List::new(shown.collect(), next)))
}

/// Every price in force.
async fn get_costs(app: Arc<App>, call: Call) -> Handled {
    call.params(&[])?;
    let catalog = app.service.catalog_in_force(call.now);
    let catalog = catalog.await.map_err(failed)?;
    Ok(Reply::ok(&costs(&catalog, call.now)))
}
