//! Prices and bills: the routes of the billing function.

mod answer;
mod cards;
mod defaults;
mod void;

use answer::failed;
use std::sync::Arc;
use tollgate_api::{BillAnswer, ExchangeRatesVersion, List, Params, Problem, parse_exchange};
use tollgate_core::{KeyScope, Range, WindowKind};
use tollgate_gateway::{Access, App, Call, Handled, Reply, Route, get, patch, post, put};

const READ: Access = Access::Any(&[KeyScope::Read]);
const CARD: &str = "/rate-cards/{id}";
const DEFAULTS: &str = "/defaults";
const EXCHANGES: &str = "GET /exchange-rates";

/// The routes of this function.
#[must_use]
pub fn routes() -> Vec<Route> {
    vec![
        get("/billing/{tenant_id}", READ, get_billing),
        put(CARD, Access::Operator, cards::put_rate_card),
        patch(CARD, Access::Operator, cards::patch_rate_card),
        get("/rate-cards", READ, cards::get_rate_cards),
        get(CARD, READ, cards::get_rate_card),
        get("/costs", READ, cards::get_costs),
        put(DEFAULTS, Access::Operator, defaults::put_defaults),
        patch(DEFAULTS, Access::Operator, defaults::patch_defaults),
        get(DEFAULTS, Access::Operator, defaults::get_defaults),
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
