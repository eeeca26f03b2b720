//! What operators send: tenants, keys, purges.

use crate::json::{Errors, Fault, Node, Object, scalar};
use crate::problem::Problem;
use serde_json::value::RawValue;
use std::collections::BTreeSet;
use tollgate_core::{
    Config, EraseOrder, KeyOrder, KeyScope, Lanes, Name, Person, PurgeOrder, Removal,
    TenantSettings,
};

/// The longest name for people, in characters.
const LABEL_MAX: usize = 200;
/// The most rate cards that a tenant names.
const RATE_CARDS_MAX: usize = 20;
/// The longest retention: 100 years.
const RETENTION_DAYS_MAX: u64 = 36_525;

/// Reads `PUT /tenants/{id}`.
///
/// # Errors
/// 422 `below_retention_floor`, else as [`crate::parse_event`].
pub fn parse_tenant(body: &[u8]) -> Result<TenantSettings, Problem> {
    let settings = Node::root(body).and_then(|node| node.object(settings));
    let settings = settings.map_err(Errors::into_problem)?;
    above_floor("/retention_days", settings.retention_days)?;
    Ok(settings)
}

/// Reads `POST /keys`.
///
/// # Errors
/// As [`crate::parse_event`].
pub fn parse_key(body: &[u8]) -> Result<KeyOrder, Problem> {
    let key = Node::root(body).and_then(|node| node.object(key));
    key.map_err(Errors::into_problem)
}

/// Reads `POST /usage/purge`; an empty body is an empty object.
///
/// # Errors
/// 422 `below_retention_floor`, else as [`crate::parse_event`].
pub fn parse_purge(body: &[u8]) -> Result<Removal, Problem> {
    let body = if body.is_empty() { b"{}" } else { body };
    let purge = Node::root(body).and_then(|node| node.object(purge));
    let removal = purge.map_err(Errors::into_problem)?;
    if let Removal::Purge(purge) = &removal {
        above_floor("/older_than_days", purge.older_than_days)?;
    }
    Ok(removal)
}

fn settings(object: &mut Object<'_>) -> Option<TenantSettings> {
    let fields = TenantSettings::FIELDS.into_iter();
    let named = fields.filter(|field| object.names(field)).collect();
    Some(TenantSettings {
        named,
        name: object.read("name", scalar::line(LABEL_MAX)),
        slug: object.read("slug", scalar::path_name).map(String::from),
        currency: object.read("currency", scalar::currency),
        rate_cards: card_ids(object).unwrap_or_default(),
        retention_days: object.read("retention_days", days),
        require_plan: object.read("require_plan", scalar::flag).unwrap_or(false),
        lanes: object.read("lanes", lanes),
    })
}

/// The ids of the cards that price, the first first; none twice.
pub(crate) fn card_ids(object: &mut Object<'_>) -> Option<Vec<Name>> {
    let node = object.take("rate_cards")?;
    let ids = node.elements(1, RATE_CARDS_MAX).and_then(|nodes| {
        let mut seen = BTreeSet::new();
        Errors::gather(nodes.iter().map(|node| {
            let id = node.scalar(scalar::path_name)?;
            if seen.insert(id.clone()) {
                Ok(id)
            } else {
                Err(node.fault(Fault::rule("is given twice")))
            }
        }))
    });
    object.keep(ids)
}

fn key(object: &mut Object<'_>) -> Option<KeyOrder> {
    let names_tenant = object.has("tenant_id");
    let tenant = object.read("tenant_id", scalar::tenant);
    let expires_at = object.read("expires_at", scalar::instant);
    let name = object.read("name", scalar::line(LABEL_MAX));
    object.require("scopes");
    let scopes = scopes(object)?;
    let is_operator = scopes.contains(&KeyScope::Operator);
    object.forbid(
        is_operator && scopes.len() > 1,
        "scopes",
        "must name no other scope beside operator",
    );
    object.forbid(
        is_operator && names_tenant,
        "tenant_id",
        "must be absent: an operator's key is for all tenants",
    );
    if !is_operator && !names_tenant {
        object.fault(
            "tenant_id",
            Fault::shape("is required unless the scope is operator"),
        );
    }
    Some(KeyOrder {
        tenant,
        scopes,
        expires_at,
        name,
    })
}

fn scopes(object: &mut Object<'_>) -> Option<BTreeSet<KeyScope>> {
    let elements = object.take("scopes")?.elements(1, KeyScope::ALL.len());
    let scopes = elements.and_then(|nodes| {
        Errors::gather(
            nodes
                .iter()
                .map(|node| node.scalar(scalar::one_of(&KeyScope::ALL))),
        )
    });
    Some(object.keep(scopes)?.into_iter().collect())
}

fn purge(object: &mut Object<'_>) -> Option<Removal> {
    let [has_agent, has_consumer, has_age] =
        ["agent_id", "consumer_id", "older_than_days"].map(|field| object.has(field));
    let names_one = has_agent || has_consumer;
    if names_one {
        object.require("tenant_id");
    }
    let agent = object.read("agent_id", scalar::name);
    let consumer = object.read("consumer_id", scalar::name);
    let says = object.has("pseudonymise");
    let said = object.read("pseudonymise", scalar::flag);
    let (pseudonymise, refuses) = (said == Some(true), said == Some(false) || !says);
    object.forbid(
        has_agent && has_consumer,
        "consumer_id",
        "must be absent beside agent_id: one name at a time",
    );
    object.forbid(
        names_one && refuses,
        "pseudonymise",
        "must be true beside agent_id or consumer_id: events are removed by age only",
    );
    object.forbid(
        pseudonymise && !names_one,
        "pseudonymise",
        "needs an agent_id or consumer_id",
    );
    object.forbid(
        names_one && has_age,
        "older_than_days",
        "must be absent where a name is erased",
    );
    let tenant = object.read("tenant_id", scalar::tenant);
    let older_than_days = object.read("older_than_days", days);
    let dry_run = object.read("dry_run", scalar::flag).unwrap_or(false);
    let person = agent.map(|name| (Person::Agent, name));
    let person = person.or(consumer.map(|name| (Person::Consumer, name)));
    Some(match person {
        Some((person, name)) => Removal::Erase(EraseOrder {
            tenant: tenant?,
            person,
            name,
            dry_run,
        }),
        None => Removal::Purge(PurgeOrder {
            tenant,
            older_than_days,
            dry_run,
        }),
    })
}

fn days(raw: &RawValue) -> Result<u32, Fault> {
    let days = scalar::integer(0, RETENTION_DAYS_MAX)(raw)?;
    u32::try_from(days).map_err(Fault::rule)
}

fn lanes(raw: &RawValue) -> Result<Lanes, Fault> {
    let lanes = scalar::integer(1, 16)(raw)?;
    let lanes = u8::try_from(lanes).map_err(Fault::rule)?;
    Lanes::try_from(lanes).map_err(Fault::rule)
}

fn above_floor(pointer: &str, days: Option<u32>) -> Result<(), Problem> {
    match days {
        Some(days) if days < Config::RETENTION_DAYS_MIN => {
            Err(Problem::below_retention_floor(pointer))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusals::{refusal, refuses};

    #[test]
    fn a_tenant_is_what_the_body_says_and_nothing_else() {
        assert_eq!(parse_tenant(b"{}").unwrap(), TenantSettings::default());
        let body = r#"{"name":"Acme — Ünïted","slug":"acme","currency":"EUR","rate_cards":["c1"],"retention_days":35,"require_plan":true}"#;
        let settings = parse_tenant(body.as_bytes()).unwrap();
        assert_eq!(
            (settings.retention_days, settings.require_plan),
            (Some(35), true)
        );
        assert_eq!(settings.currency.unwrap().code(), "EUR");
        refuses(
            parse_tenant,
            &[
                (br#"{"retention_days":34}"#, 422, "/retention_days"),
                (br#"{"retention_days":-1}"#, 422, "/retention_days"),
                (br#"{"retention_days":4000000000}"#, 422, "/retention_days"),
                (br#"{"retention_days":"400"}"#, 400, "/retention_days"),
                (br#"{"name":"a\u001b[31m"}"#, 422, "/name"),
                (br#"{"name":""}"#, 422, "/name"),
                (br#"{"slug":"a/b"}"#, 422, "/slug"),
                (br#"{"currency":"usd"}"#, 422, "/currency"),
                (br#"{"rate_cards":[]}"#, 400, "/rate_cards"),
                (br#"{"rate_cards":["a","a"]}"#, 422, "/rate_cards/1"),
                (br#"{"rate_cards":["a/b"]}"#, 422, "/rate_cards/0"),
                (br#"{"require_plan":1}"#, 400, "/require_plan"),
                (br#"{"lanes":3}"#, 422, "/lanes"),
                (br#"{"lanes":32}"#, 422, "/lanes"),
                (br#"{"lanes":0}"#, 422, "/lanes"),
                (br#"{"lanes":"2"}"#, 400, "/lanes"),
                (br#"{"plan":"pro"}"#, 400, "/plan"),
            ],
        );
        assert_eq!(
            parse_tenant(br#"{"retention_days":34}"#)
                .unwrap_err()
                .kind
                .as_str(),
            "below_retention_floor"
        );
    }

    #[test]
    fn a_key_has_a_tenant_unless_it_is_an_operators() {
        let key = parse_key(br#"{"tenant_id":"t1","scopes":["ingest","price","ingest"],"expires_at":"2027-01-01T00:00:00Z"}"#).unwrap();
        assert_eq!(
            key.scopes,
            BTreeSet::from([KeyScope::Ingest, KeyScope::Price])
        );
        assert!(
            parse_key(br#"{"scopes":["operator"],"name":"root"}"#)
                .unwrap()
                .tenant
                .is_none()
        );
        refuses(
            parse_key,
            &[
                (b"{}", 400, "/scopes"),
                (br#"{"tenant_id":"t1","scopes":[]}"#, 400, "/scopes"),
                (br#"{"tenant_id":"t1","scopes":"read"}"#, 400, "/scopes"),
                (
                    br#"{"tenant_id":"t1","scopes":["read","admin"]}"#,
                    422,
                    "/scopes/1",
                ),
                (br#"{"tenant_id":"t1","scopes":[1]}"#, 400, "/scopes/0"),
                (br#"{"scopes":["read"]}"#, 400, "/tenant_id"),
                (br#"{"scopes":["operator","read"]}"#, 422, "/scopes"),
                (
                    br#"{"tenant_id":"t1","scopes":["operator"]}"#,
                    422,
                    "/tenant_id",
                ),
                (
                    br#"{"tenant_id":"tasks","scopes":["read"]}"#,
                    422,
                    "/tenant_id",
                ),
                (
                    br#"{"tenant_id":"t1","scopes":["read"],"expires_at":"2027-01-01"}"#,
                    422,
                    "/expires_at",
                ),
            ],
        );
    }

    #[test]
    fn a_purge_never_goes_below_the_floor() {
        let purge = |body: &[u8]| match parse_purge(body).unwrap() {
            Removal::Purge(order) => order,
            Removal::Erase(order) => panic!("{order:?}"),
        };
        assert_eq!(purge(b""), PurgeOrder::default());
        let aged = purge(br#"{"older_than_days":35,"dry_run":true}"#);
        assert_eq!((aged.older_than_days, aged.dry_run), (Some(35), true));
        assert_eq!(
            refusal(parse_purge(br#"{"older_than_days":0}"#)),
            (422, "/older_than_days".to_owned())
        );
        let body = br#"{"agent_id":"a","consumer_id":"c","pseudonymise":true}"#;
        assert_eq!(
            refusal(parse_purge(body)),
            (400, "/tenant_id /consumer_id".to_owned())
        );
        let body = br#"{"tenant_id":"t","agent_id":"a","pseudonymise":"yes"}"#;
        assert_eq!(
            refusal(parse_purge(body)),
            (400, "/pseudonymise".to_owned())
        );
        assert_eq!(
            refusal(parse_purge(br#"{"dry_run":"yes"}"#)),
            (400, "/dry_run".to_owned())
        );
    }
}
