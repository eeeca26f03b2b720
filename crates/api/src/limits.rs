//! Limits as operators send them: the quota form and the general form.

use crate::json::{Errors, Fault, Node, Object, scalar};
use crate::problem::Problem;
use serde_json::value::RawValue;
use std::collections::BTreeSet;
use std::sync::Arc;
use tollgate_core::{LIMITS_MAX, Layer, Limit, Measure, Name, OnUnavailable, Quota, Scope, SoftMode, WindowKind, tool_key};

const SCOPES: &[(&str, Scope)] = &[
    ("tenant", Scope::Tenant),
    ("agent", Scope::Agent),
    ("consumer", Scope::Consumer),
    ("session", Scope::Session),
    ("tool", Scope::Tool),
    ("operation", Scope::Operation),
];
const WINDOWS: &[(&str, WindowKind)] = &[
    ("total", WindowKind::Total),
    ("hour", WindowKind::Hour),
    ("day", WindowKind::Day),
    ("month", WindowKind::Month),
];
const SOFT_MODES: &[(&str, SoftMode)] = &[("warn", SoftMode::Warn), ("block", SoftMode::Block)];
const ON_UNAVAILABLE: &[(&str, OnUnavailable)] = &[("deny", OnUnavailable::Deny), ("allow", OnUnavailable::Allow)];

/// Reads `POST /quota`: the tenant, where the body names one, and its quota.
///
/// # Errors
/// As [`crate::parse_event`].
pub fn parse_quota(body: &[u8]) -> Result<(Option<Name>, Quota), Problem> {
    let quota = Node::root(body).and_then(|node| node.object(quota));
    quota.map_err(Errors::into_problem)
}

/// Reads `PUT /limits/{tenant_id}`. A `version` beside `limits` is taken, as
/// answers hold one, and means nothing: `If-Match` does.
///
/// # Errors
/// 422 `too_many_limits` for more than 200, else as [`crate::parse_event`].
pub fn parse_limits(body: &[u8]) -> Result<Vec<Limit>, Problem> {
    let nodes = Node::root(body).and_then(|node| node.object(limit_nodes));
    let nodes = nodes.map_err(Errors::into_problem)?;
    if nodes.len() > LIMITS_MAX {
        return Err(Problem::too_many_limits());
    }
    let mut ids = BTreeSet::new();
    let limits = nodes.iter().map(|node| node.object(|object| limit(object, &mut ids)));
    Errors::gather(limits).map_err(Errors::into_problem)
}

fn quota(object: &mut Object<'_>) -> Option<(Option<Name>, Quota)> {
    let tenant = object.read("tenant_id", scalar::tenant);
    let quota = Quota {
        monthly_total_limit: object.read("monthly_total_limit", scalar::quantity),
        monthly_validation_limit: object.read("monthly_validation_limit", scalar::quantity),
        monthly_message_limit: object.read("monthly_message_limit", scalar::quantity),
        monthly_deliberation_limit: object.read("monthly_deliberation_limit", scalar::quantity),
        rate_limit_per_second: object.read("rate_limit_per_second", scalar::quantity),
    };
    Some((tenant, quota))
}

fn limit_nodes<'a>(object: &mut Object<'a>) -> Option<Vec<Node<'a>>> {
    object.read("version", scalar::quantity);
    object.require("limits");
    let nodes = object.take("limits")?.elements(0, usize::MAX);
    object.keep(nodes)
}

fn limit(object: &mut Object<'_>, ids: &mut BTreeSet<Name>) -> Option<Limit> {
    let id = object.need("id", scalar::name);
    let repeated = id.as_ref().is_some_and(|id| !ids.insert(id.clone()));
    object.forbid(repeated, "id", "is the id of another limit too");
    let scope = object.need("scope", scalar::one_of(SCOPES));
    let scope_id = scope_id(object, scope);
    let measure = object.need("measure", scalar::measure);
    let window = object.need("window", window);
    let currency = currency(object, measure.as_ref());
    let (soft, hard) = values(object, measure.as_ref());
    let soft_mode = object.read("soft_mode", scalar::one_of(SOFT_MODES)).unwrap_or_default();
    let on_unavailable = object.read("on_unavailable", scalar::one_of(ON_UNAVAILABLE));
    Some(Limit {
        id: id?,
        layer: Layer::Limits,
        scope: scope?,
        scope_id,
        measure: measure?,
        window: window?,
        soft,
        hard,
        currency,
        soft_mode,
        on_unavailable: on_unavailable.unwrap_or_default(),
    })
}

fn scope_id(object: &mut Object<'_>, scope: Option<Scope>) -> Option<Arc<str>> {
    match scope? {
        Scope::Tenant => {
            let given = object.take("scope_id").is_some();
            object.forbid(given, "scope_id", "must be absent for the scope tenant");
            None
        }
        Scope::Tool => object.read("scope_id", tool),
        Scope::Agent | Scope::Consumer | Scope::Session | Scope::Operation => {
            object.read("scope_id", scalar::name).map(|name| name.shared())
        }
    }
}

/// A tool's key: `server/tool`, with `/` inside a part written `%2F`.
fn tool(raw: &RawValue) -> Result<Arc<str>, Fault> {
    let text = scalar::text(raw)?;
    let part = |text: &str| Name::new(&text.replace("%2F", "/")).ok();
    let parts = text.split_once('/').filter(|(_, tool)| !tool.contains('/'));
    let key = parts.and_then(|(server, tool)| Some(tool_key(&part(server)?, &part(tool)?)));
    key.ok_or_else(|| Fault::rule("must be a tool's key, server/tool, with any `/` inside a part written %2F"))
}

fn window(raw: &RawValue) -> Result<WindowKind, Fault> {
    match raw.get() {
        "\"period\"" => Err(Fault::rule("the window period needs a subscription to a plan")),
        _ => scalar::one_of(WINDOWS)(raw),
    }
}

/// Required for spend, refused for anything else.
fn currency(object: &mut Object<'_>, measure: Option<&Measure>) -> Option<tollgate_core::Currency> {
    let given = object.has("currency");
    let currency = object.read("currency", scalar::currency);
    match measure {
        Some(Measure::Spend) if !given => object.fault("currency", Fault::shape("is required for spend")),
        Some(Measure::Spend) | None => {}
        Some(_) => object.forbid(given, "currency", "is for spend only"),
    }
    currency
}

fn values(object: &mut Object<'_>, measure: Option<&Measure>) -> (Option<i128>, Option<i128>) {
    let given = object.has("soft") || object.has("hard");
    object.forbid(!given, "hard", "must be given, or soft, or both");
    let [soft, hard] = ["soft", "hard"].map(|field| match measure {
        Some(Measure::Spend) => object.read(field, scalar::decimal).map(|amount| amount.units()),
        Some(_) => object.read(field, scalar::quantity).map(i128::from),
        None => object.take(field).and(None),
    });
    let crossed = soft.zip(hard).is_some_and(|(soft, hard)| soft > hard);
    object.forbid(crossed, "soft", "must not exceed hard");
    (soft, hard)
}
