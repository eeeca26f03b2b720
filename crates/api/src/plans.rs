//! Plans and subscriptions as operators send them.

use crate::json::{Errors, Fault, Node, Object, scalar};
use crate::limits::{WINDOWS, soft_and_hard};
use crate::problem::Problem;
use serde_json::value::RawValue;
use std::collections::BTreeSet;
use tollgate_core::{
    Feature, Name, OnUnavailable, OverrideOrder, Plan, SoftMode, Status, SubscriptionOrder,
    WindowKind,
};

/// The most features of a plan.
const FEATURES_MAX: usize = 100;
/// The longest feature key, so that `plan:` before it still is an id.
const KEY_MAX: usize = 64;
/// The longest text for people, in characters.
const LABEL_MAX: usize = 200;

/// Reads `PUT /plans/{code}`. A `version` is taken, as answers hold one, and
/// means nothing: `If-Match` does.
///
/// # Errors
/// As [`crate::parse_event`].
pub fn parse_plan(code: &Name, body: &[u8]) -> Result<Plan, Problem> {
    let plan = Node::root(body).and_then(|node| node.object(|object| plan(code, object)));
    plan.map_err(Errors::into_problem)
}

/// Reads `PUT /tenants/{id}/subscription`.
///
/// # Errors
/// As [`crate::parse_event`].
pub fn parse_subscription(body: &[u8]) -> Result<SubscriptionOrder, Problem> {
    let subscription = Node::root(body).and_then(|node| node.object(subscription));
    subscription.map_err(Errors::into_problem)
}

fn plan(code: &Name, object: &mut Object<'_>) -> Option<Plan> {
    let named = object.read("code", scalar::path_name);
    object.forbid(
        named.is_some_and(|named| named != *code),
        "code",
        "must be the code in the path",
    );
    object.read("version", scalar::quantity);
    let name = object.need("name", scalar::line(LABEL_MAX));
    let currency = object.need("currency", scalar::currency);
    let allowance = object.read("allowance", scalar::decimal);
    object.require("features");
    let nodes = object
        .take("features")
        .map(|node| node.elements(0, FEATURES_MAX));
    let nodes = nodes
        .and_then(|nodes| object.keep(nodes))
        .unwrap_or_default();
    let mut keys = BTreeSet::new();
    let features = Errors::gather(
        nodes
            .iter()
            .map(|node| node.object(|object| feature(object, &mut keys))),
    );
    let features = object.keep(features);
    Some(Plan {
        code: code.clone(),
        version: 0,
        name: name?,
        currency: currency?,
        features: features?,
        allowance,
    })
}

fn feature(object: &mut Object<'_>, keys: &mut BTreeSet<Name>) -> Option<Feature> {
    let feature_key = object.need("feature_key", feature_key);
    let repeated = feature_key
        .as_ref()
        .is_some_and(|key| !keys.insert(key.clone()));
    object.forbid(repeated, "feature_key", "is the key of another feature too");
    let is_metered = object.read("is_metered", scalar::flag).unwrap_or(true);
    let named = object.read("measure", scalar::measure);
    let measure = named.or_else(|| feature_key.as_ref().map(Feature::measure_of));
    let (soft, hard) = soft_and_hard(object, ["soft_limit", "hard_limit"], measure.as_ref());
    let [display_name, description, unit] = ["display_name", "description", "unit"]
        .map(|field| object.read(field, scalar::line(LABEL_MAX)));
    let window = object.read("window", scalar::one_of(WINDOWS));
    let soft_mode = object.read("soft_mode", scalar::one_of(&SoftMode::ALL));
    let on_unavailable = object.read("on_unavailable", scalar::one_of(&OnUnavailable::ALL));
    Some(Feature {
        feature_key: feature_key?,
        display_name,
        description,
        unit,
        is_metered,
        measure: measure?,
        window: window.unwrap_or(WindowKind::Period),
        soft,
        hard,
        soft_mode: soft_mode.unwrap_or_default(),
        on_unavailable: on_unavailable.unwrap_or_default(),
    })
}

fn feature_key(raw: &RawValue) -> Result<Name, Fault> {
    let name = scalar::id(raw)?;
    if name.as_str().len() > KEY_MAX {
        Err(Fault::Rule(format!("must have 1 to {KEY_MAX} characters")))
    } else {
        Ok(name)
    }
}

fn subscription(object: &mut Object<'_>) -> Option<SubscriptionOrder> {
    if !object.names("plan") {
        object.fault(
            "plan",
            Fault::shape("is required; null ends the subscription"),
        );
    }
    let plan = object.read("plan", scalar::path_name);
    let nodes = object
        .take("overrides")
        .map(|node| node.elements(0, FEATURES_MAX));
    let nodes = nodes
        .and_then(|nodes| object.keep(nodes))
        .unwrap_or_default();
    let mut keys = BTreeSet::new();
    let overrides = Errors::gather(
        nodes
            .iter()
            .map(|node| node.object(|object| own(object, &mut keys))),
    );
    Some(SubscriptionOrder {
        plan,
        status: object
            .read("status", scalar::one_of(&Status::ALL))
            .unwrap_or_default(),
        period_anchor: object.read("period_anchor", scalar::instant),
        time_zone: object.read("time_zone", scalar::zone),
        overrides: object.keep(overrides)?,
    })
}

fn own(object: &mut Object<'_>, keys: &mut BTreeSet<Name>) -> Option<OverrideOrder> {
    let feature_key = object.need("feature_key", feature_key);
    let repeated = feature_key
        .as_ref()
        .is_some_and(|key| !keys.insert(key.clone()));
    object.forbid(
        repeated,
        "feature_key",
        "is the key of another override too",
    );
    let [soft, hard] =
        ["soft_limit", "hard_limit"].map(|field| object.read(field, scalar::decimal));
    let crossed = soft.zip(hard).is_some_and(|(soft, hard)| soft > hard);
    object.forbid(crossed, "soft_limit", "must not exceed hard_limit");
    Some(OverrideOrder {
        feature_key: feature_key?,
        soft,
        hard,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusals::refusal;
    use serde_json::json;

    fn parsed(body: &str) -> Result<Plan, Problem> {
        parse_plan(&Name::new("starter").unwrap(), body.as_bytes())
    }

    fn with(feature: &str) -> String {
        format!(r#"{{"name":"S","currency":"USD","features":[{feature}]}}"#)
    }

    #[test]
    fn a_plan_is_shown_as_it_was_put() {
        let body = json!({"code":"starter","version":0,"name":"Starter","currency":"USD",
            "allowance":"9.5","features":[
            {"feature_key":"messages","display_name":"Messages","description":null,
             "unit":"messages","is_metered":true,"measure":"events","window":"period",
             "soft_limit":150,"hard_limit":200,"soft_mode":"warn","on_unavailable":"deny"},
            {"feature_key":"spend","display_name":null,"description":null,"unit":null,
             "is_metered":true,"measure":"spend","window":"day",
             "soft_limit":null,"hard_limit":"2.25","soft_mode":"block","on_unavailable":"allow"}]});
        let plan = parsed(&body.to_string()).unwrap();
        let shown = crate::answers::plan::Plan::from(&plan);
        assert_eq!(serde_json::to_value(shown).unwrap(), body);
    }

    #[test]
    fn a_feature_counts_what_its_key_says() {
        for (key, measure) in [
            ("messages", "events"),
            ("input_tokens", "tokens_in"),
            ("output_tokens", "tokens_out"),
            ("tokens", "tokens"),
            ("events:gpt-4o", "events:gpt-4o"),
            ("vector.search", "units:vector.search"),
        ] {
            let plan = parsed(&with(&format!(
                r#"{{"feature_key":"{key}","hard_limit":1}}"#
            )))
            .unwrap();
            assert_eq!(plan.features[0].measure.to_string(), measure, "{key}");
        }
    }

    #[test]
    fn a_bad_plan_is_refused_by_field() {
        for (body, status, pointers) in [
            ("{}".to_owned(), 400, "/currency /features /name"),
            (
                r#"{"code":"pro","name":"S","currency":"USD","features":[]}"#.to_owned(),
                422,
                "/code",
            ),
            (
                r#"{"name":"S","currency":"USD","features":[],"allowance":-1}"#.to_owned(),
                422,
                "/allowance",
            ),
            (with("{}"), 400, "/features/0/feature_key"),
            (
                with(r#"{"feature_key":"a"},{"feature_key":"a"}"#),
                422,
                "/features/1/feature_key",
            ),
            (
                with(&format!(r#"{{"feature_key":"{}"}}"#, "k".repeat(65))),
                422,
                "/features/0/feature_key",
            ),
            (
                with(r#"{"feature_key":"a","soft_limit":2,"hard_limit":1}"#),
                422,
                "/features/0/soft_limit",
            ),
            (
                with(r#"{"feature_key":"a","hard_limit":"1"}"#),
                400,
                "/features/0/hard_limit",
            ),
            (
                with(r#"{"feature_key":"a","window":"fortnight"}"#),
                422,
                "/features/0/window",
            ),
            (
                with(r#"{"feature_key":"a","limit":1}"#),
                400,
                "/features/0/limit",
            ),
        ] {
            let (found, at) = refusal(parsed(&body));
            let mut at: Vec<&str> = at.split(' ').collect();
            at.sort_unstable();
            assert_eq!(
                (found, at.join(" ")),
                (status, pointers.to_owned()),
                "{body}"
            );
        }
    }

    #[test]
    fn a_bad_subscription_is_refused_by_field() {
        for (body, status, pointer) in [
            ("{}", 400, "/plan"),
            (r#"{"plan":"a/b"}"#, 422, "/plan"),
            (r#"{"plan":"p","status":"paused"}"#, 422, "/status"),
            (
                r#"{"plan":"p","period_anchor":"2026-01-31T00:00:00"}"#,
                422,
                "/period_anchor",
            ),
            (
                r#"{"plan":"p","time_zone":"Mars/Olympus"}"#,
                422,
                "/time_zone",
            ),
            (
                r#"{"plan":"p","overrides":[{}]}"#,
                400,
                "/overrides/0/feature_key",
            ),
            (
                r#"{"plan":"p","overrides":[{"feature_key":"a","soft_limit":2,"hard_limit":1}]}"#,
                422,
                "/overrides/0/soft_limit",
            ),
            (r#"{"plan":"p","seats":1}"#, 400, "/seats"),
        ] {
            assert_eq!(
                refusal(parse_subscription(body.as_bytes())),
                (status, pointer.to_owned()),
                "{body}"
            );
        }
        assert_eq!(parse_subscription(br#"{"plan":null}"#).unwrap().plan, None);
    }
}
