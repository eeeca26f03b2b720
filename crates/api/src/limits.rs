//! Limits as operators send them: the quota form and the general form.

use crate::json::{Errors, Fault, Node, Object, scalar};
use crate::problem::Problem;
use serde_json::value::RawValue;
use std::collections::BTreeSet;
use std::sync::Arc;
use tollgate_core::{
    LIMITS_MAX, Layer, Limit, Measure, Name, OnUnavailable, Quota, Scope, SoftMode, WindowKind,
    tool_key,
};

/// Whose use a limit may count.
const SCOPES: &[Scope] = &[
    Scope::Tenant,
    Scope::Agent,
    Scope::Consumer,
    Scope::Session,
    Scope::Tool,
    Scope::Operation,
    Scope::Model,
];
/// How long a limit may count.
pub(crate) const WINDOWS: &[WindowKind] = &[
    WindowKind::Total,
    WindowKind::Hour,
    WindowKind::Day,
    WindowKind::Week,
    WindowKind::Month,
    WindowKind::Period,
];

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
    let limits = nodes
        .iter()
        .map(|node| node.object(|object| limit(object, &mut ids)));
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
    let id = object.need("id", scalar::id);
    let repeated = id.as_ref().is_some_and(|id| !ids.insert(id.clone()));
    object.forbid(repeated, "id", "is the id of another limit too");
    let scope = object.need("scope", scalar::one_of(SCOPES));
    let scope_id = scope_id(object, scope);
    let measure = object.need("measure", scalar::measure);
    let window = object.need("window", scalar::one_of(WINDOWS));
    let currency = currency(object, measure.as_ref());
    let (soft, hard) = values(object, measure.as_ref());
    let soft_mode = object
        .read("soft_mode", scalar::one_of(&SoftMode::ALL))
        .unwrap_or_default();
    let on_unavailable = object.read("on_unavailable", scalar::one_of(&OnUnavailable::ALL));
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
    // A bad scope is refused already; what it would make of the id is unknown.
    let Some(scope) = scope else {
        return object.take("scope_id").and(None);
    };
    match scope {
        Scope::Tenant => {
            let given = object.take("scope_id").is_some();
            object.forbid(given, "scope_id", "must be absent for the scope tenant");
            None
        }
        Scope::Tool => object.read("scope_id", tool),
        Scope::Agent | Scope::Consumer | Scope::Session | Scope::Operation | Scope::Model => object
            .read("scope_id", scalar::name)
            .map(|name| name.shared()),
        // No limit of this layer is set on them.
        Scope::Node | Scope::Credit => None,
    }
}

/// A tool's key: `server/tool`, with `/` inside a part written `%2F` and `%` `%25`.
fn tool(raw: &RawValue) -> Result<Arc<str>, Fault> {
    let key = tool_of(&scalar::text(raw)?);
    key.ok_or_else(|| {
        Fault::rule("must be a tool's key, server/tool, its parts escaped: / as %2F, % as %25")
    })
}

/// The tool that a key names.
pub(crate) fn tool_of(text: &str) -> Option<Arc<str>> {
    let part = |text: &str| Name::new(&text.replace("%2F", "/").replace("%25", "%")).ok();
    let parts = text.split_once('/').filter(|(_, tool)| !tool.contains('/'));
    parts.and_then(|(server, tool)| Some(tool_key(&part(server)?, &part(tool)?)))
}

/// Required for spend, refused for anything else.
fn currency(object: &mut Object<'_>, measure: Option<&Measure>) -> Option<tollgate_core::Currency> {
    let given = object.has("currency");
    let currency = object.read("currency", scalar::currency);
    match measure {
        Some(Measure::Spend) if !given => {
            object.fault("currency", Fault::shape("is required for spend"))
        }
        Some(Measure::Spend) | None => {}
        Some(_) => object.forbid(given, "currency", "is for spend only"),
    }
    currency
}

fn values(object: &mut Object<'_>, measure: Option<&Measure>) -> (Option<i128>, Option<i128>) {
    let given = object.has("soft") || object.has("hard");
    object.forbid(!given, "hard", "must be given, or soft, or both");
    soft_and_hard(object, ["soft", "hard"], measure)
}

/// The soft and the hard value in units of `measure`, by the names of their
/// fields. Without a measure they are taken and mean nothing.
pub(crate) fn soft_and_hard(
    object: &mut Object<'_>,
    fields: [&str; 2],
    measure: Option<&Measure>,
) -> (Option<i128>, Option<i128>) {
    let [soft, hard] = fields.map(|field| match measure {
        Some(Measure::Spend) => object
            .read(field, scalar::decimal)
            .map(|amount| amount.units()),
        Some(_) => object.read(field, scalar::quantity).map(i128::from),
        None => object.take(field).and(None),
    });
    let crossed = soft.zip(hard).is_some_and(|(soft, hard)| soft > hard);
    object.forbid(
        crossed,
        fields[0],
        &format!("must not exceed {}", fields[1]),
    );
    (soft, hard)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answers::limit::ShownLimit;
    use crate::refusals::{refusal, refuses};
    use serde_json::json;
    use tollgate_core::State;

    fn one(limit: &str) -> Result<Vec<Limit>, Problem> {
        parse_limits(format!(r#"{{"limits":[{limit}],"version":3}}"#).as_bytes())
    }

    fn shown_limit(limit: &Limit) -> serde_json::Value {
        serde_json::to_value(ShownLimit::new(limit, State::Active)).unwrap()
    }

    /// Claims that `limit` is refused with that status for those of its fields.
    fn refused(limit: &str, status: u16, fields: &str) {
        let pointer = |field: &str| {
            let pointer = format!("/limits/0/{field}");
            pointer.trim_end_matches('/').to_owned()
        };
        let expected: Vec<String> = fields.split(' ').map(pointer).collect();
        assert_eq!(refusal(one(limit)), (status, expected.join(" ")), "{limit}");
    }

    #[test]
    fn a_limit_is_shown_as_it_was_set() {
        let spend = r#"{"id":"day","scope":"tool","scope_id":"a%2Fb/c","measure":"spend","window":"day","soft":0.000000000000001,"hard":"10.50","currency":"USD","soft_mode":"block","on_unavailable":"allow"}"#;
        let limits = one(spend).unwrap();
        assert_eq!(
            (limits[0].soft, limits[0].hard),
            (Some(1000), Some(10_500_000_000_000_000_000))
        );
        let shown = json!({"id":"day","scope":"tool","scope_id":"a%2Fb/c","measure":"spend",
            "window":"day","soft":"0.000000000000001","hard":"10.5","currency":"USD",
            "soft_mode":"block","on_unavailable":"allow","source":"limits",
            "state":"active"});
        assert_eq!(shown_limit(&limits[0]), shown);
        let tokens = one(
            r#"{"id":"t","scope":"tenant","measure":"events:gpt-4o","window":"total","hard":0}"#,
        )
        .unwrap();
        assert_eq!(shown_limit(&tokens[0])["hard"], json!(0));
        assert_eq!(shown_limit(&tokens[0])["scope_id"], json!(null));
    }

    #[test]
    fn a_bad_limit_is_refused_by_field() {
        for (limit, status, pointers) in [
            ("{}", 400, "id scope measure window hard"),
            ("7", 400, ""),
            (
                r#"{"id":"a","scope":"team","measure":"events","window":"day","hard":1}"#,
                422,
                "scope",
            ),
            (
                r#"{"id":"a","scope":"tenant","scope_id":"t","measure":"events","window":"day","hard":1}"#,
                422,
                "scope_id",
            ),
            (
                r#"{"id":"a","scope":"tool","scope_id":"t","measure":"events","window":"day","hard":1}"#,
                422,
                "scope_id",
            ),
            (
                r#"{"id":"a","scope":"tool","scope_id":"a/b/c","measure":"events","window":"day","hard":1}"#,
                422,
                "scope_id",
            ),
            (
                r#"{"id":"a","scope":"agent","scope_id":"a|b","measure":"events","window":"day","hard":1}"#,
                422,
                "scope_id",
            ),
            (
                r#"{"id":"a","scope":"agent","measure":"event","window":"day","hard":1}"#,
                422,
                "measure",
            ),
            (
                r#"{"id":"a","scope":"agent","measure":"events","window":"second","hard":1}"#,
                422,
                "window",
            ),
            (
                r#"{"id":"a","scope":"agent","measure":"events","window":"fortnight","hard":1}"#,
                422,
                "window",
            ),
            (
                r#"{"id":"a","scope":"agent","measure":"events","window":"day"}"#,
                422,
                "hard",
            ),
        ] {
            refused(limit, status, pointers);
        }
    }

    #[test]
    fn a_bad_value_of_a_limit_is_refused_by_field() {
        for (measure, members, status, pointer) in [
            ("events", r#""hard":"1""#, 400, "hard"),
            ("events", r#""hard":1.5"#, 400, "hard"),
            ("events", r#""hard":-1"#, 422, "hard"),
            ("events", r#""soft":2,"hard":1"#, 422, "soft"),
            ("events", r#""hard":1,"currency":"USD""#, 422, "currency"),
            ("spend", r#""hard":1"#, 400, "currency"),
            ("spend", r#""hard":"1e400","currency":"USD""#, 422, "hard"),
            ("spend", r#""hard":-0.1,"currency":"USD""#, 422, "hard"),
            ("spend", r#""hard":1,"currency":"XXX""#, 422, "currency"),
            ("events", r#""hard":1,"soft_mode":"loud""#, 422, "soft_mode"),
            ("events", r#""hard":1,"source":"quota""#, 400, "source"),
        ] {
            let limit = format!(
                r#"{{"id":"a","scope":"agent","measure":"{measure}","window":"day",{members}}}"#
            );
            refused(&limit, status, pointer);
        }
    }

    #[test]
    fn ids_are_unique_and_limits_at_most_200() {
        let limit = |id: usize| {
            format!(
                r#"{{"id":"l{id}","scope":"agent","measure":"events","window":"day","hard":1}}"#
            )
        };
        assert_eq!(
            refusal(one(&format!("{},{}", limit(1), limit(1)))),
            (422, "/limits/1/id".to_owned())
        );
        let many = |count: usize| (0..count).map(limit).collect::<Vec<_>>().join(",");
        assert_eq!(one(&many(200)).unwrap().len(), 200);
        assert_eq!(
            one(&many(201)).unwrap_err().kind.as_str(),
            "too_many_limits"
        );
        refuses(
            parse_limits,
            &[
                (b"{}", 400, "/limits"),
                (br#"{"limits":{}}"#, 400, "/limits"),
                (br#"{"limits":[],"etag":1}"#, 400, "/etag"),
            ],
        );
        assert_eq!(one("").unwrap(), []);
    }

    #[test]
    fn a_quota_is_null_where_there_is_no_limit_and_zero_where_nothing_is_allowed() {
        let (tenant, quota) = parse_quota(
            br#"{"tenant_id":"t1","monthly_total_limit":0,"monthly_message_limit":null}"#,
        )
        .unwrap();
        assert_eq!(tenant.unwrap().as_str(), "t1");
        assert_eq!(json!(quota.monthly_total_limit), json!(0));
        assert_eq!(json!(quota.rate_limit_per_second), json!(null));
        refuses(
            parse_quota,
            &[
                (
                    br#"{"monthly_total_limit":-1}"#,
                    422,
                    "/monthly_total_limit",
                ),
                (
                    br#"{"monthly_total_limit":12e-1}"#,
                    400,
                    "/monthly_total_limit",
                ),
                (br#"{"monthly_limit":1}"#, 400, "/monthly_limit"),
                (br#"{"tenant_id":""}"#, 422, "/tenant_id"),
            ],
        );
    }
}
