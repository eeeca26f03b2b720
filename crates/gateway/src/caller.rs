//! Who calls: known from a verified key and from nothing else.

use crate::app::App;
use crate::refusal::from_failure;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};
use tollgate_api::Problem;
use tollgate_core::{KeyScope, Name};
use tollgate_service::{Actor, Failure, KeyRecord};

/// A verified caller.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The key's public id.
    pub key_id: String,
    /// The tenant that the key belongs to; `None` for operators.
    pub tenant: Option<Name>,
    scopes: BTreeSet<KeyScope>,
}

impl Caller {
    fn of(record: &KeyRecord) -> Self {
        Self {
            key_id: record.id.clone(),
            tenant: record.tenant.clone(),
            scopes: record.scopes.clone(),
        }
    }

    /// Whether it is an operator.
    #[must_use]
    pub fn is_operator(&self) -> bool {
        self.scopes.contains(&KeyScope::Operator)
    }

    /// Whether it may do what `scope` allows.
    #[must_use]
    pub fn may(&self, scope: KeyScope) -> bool {
        self.is_operator() || self.scopes.contains(&scope)
    }

    /// The caller as the one who changes something, whatever version is in force.
    #[must_use]
    pub fn actor(&self) -> Actor {
        Actor::unconditional(self.key_id.as_str())
    }

    /// The tenant to read: the key's own, or for an operator the one named.
    /// Another's is as good as absent.
    ///
    /// # Errors
    /// 404 for another tenant, 400 for an operator who names none.
    pub fn tenant_to_read(&self, named: Option<&Name>) -> Result<Name, Problem> {
        match (&self.tenant, named) {
            (Some(own), Some(named)) if own != named => Err(Problem::not_found("tenant")),
            (Some(own), _) => Ok(own.clone()),
            (None, Some(named)) => Ok(named.clone()),
            (None, None) => Err(Problem::invalid_request(
                "?tenant_id",
                "is required with an operator key",
            )),
        }
    }

    /// The tenant to write for: the key's own, or for an operator the one named.
    ///
    /// # Errors
    /// 403 for another tenant, 400 for an operator who names none.
    pub fn tenant_to_write(&self, named: Option<&Name>) -> Result<Name, Problem> {
        match (&self.tenant, named) {
            (Some(own), Some(named)) if own != named => {
                Err(Problem::forbidden("the key belongs to another tenant"))
            }
            (Some(own), _) => Ok(own.clone()),
            (None, Some(named)) => Ok(named.clone()),
            (None, None) => Err(Problem::invalid_request(
                "/tenant_id",
                "is required with an operator key",
            )),
        }
    }
}

/// When a wrong key is told to be one: so late that guessing is slow, and as late for an
/// id that there is as for one that there is not.
const WRONG_KEY: Duration = Duration::from_millis(100);

/// The caller whose key the headers carry; `in_outage`, by the key as it was
/// last read where the store is out of reach.
pub(crate) async fn authenticate(
    app: &App,
    headers: &HeaderMap,
    in_outage: bool,
) -> Result<Caller, Problem> {
    let key = key_text(headers).ok_or_else(Problem::unauthenticated)?;
    app.ceiling.check(key)?;
    let began = Instant::now();
    if let Some(operator) = app
        .settings
        .operator
        .as_ref()
        .filter(|operator| operator.is(key))
    {
        return Ok(Caller::of(operator));
    }
    let record = match app.service.find_key(key).await {
        Err(failure @ Failure::Unavailable(_)) if in_outage => Some(
            app.service
                .last_key(key)
                .ok_or_else(|| from_failure(&failure))?,
        ),
        record => record.map_err(|failure| from_failure(&failure))?,
    };
    match record {
        Some(record) => {
            if let Some(tenant) = &record.tenant {
                app.ceiling.take(tenant, key)?;
            }
            Ok(Caller::of(&record))
        }
        None => {
            if app.settings.is_local {
                // On Lambda waiting would be paid for; the API in front throttles.
                sleep_until(began + WRONG_KEY).await;
            }
            Err(Problem::unauthenticated())
        }
    }
}

/// The one key that the headers name, however often; `None` for none, several or no
/// text. What `Authorization` says by another scheme is a proxy's.
fn key_text(headers: &HeaderMap) -> Option<&str> {
    let bearers = headers.get_all(AUTHORIZATION).iter().filter_map(bearer);
    let keys = headers.get_all("x-api-key").iter();
    let mut named = bearers.chain(keys.map(|value| value.to_str().ok()));
    let first = named.next()??;
    named.all(|other| other == Some(first)).then_some(first)
}

/// The key of `Bearer <key>`; the scheme may be in any case (RFC 9110, 11.1). `None` for
/// another scheme, `Some(None)` for no text.
fn bearer(value: &HeaderValue) -> Option<Option<&str>> {
    let Ok(text) = value.to_str() else {
        return Some(None);
    };
    let (scheme, key) = text.split_once(' ')?;
    let key = key.trim_start_matches(' ');
    scheme.eq_ignore_ascii_case("bearer").then_some(Some(key))
}
