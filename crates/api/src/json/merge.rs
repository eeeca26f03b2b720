//! Merge patches (RFC 7396), every value as it was written.

use super::errors::{Errors, Fault};
use super::fields::Fields;
use super::node::{Node, NodeKind};
use crate::problem::Problem;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use std::collections::BTreeMap;

type Members = BTreeMap<String, Box<RawValue>>;

/// `current` with what the merge patch `body` changes, as the body of a PUT. A list whose
/// members have an `id` is patched by an object of ids, each with what its member changes,
/// or null for none.
///
/// # Errors
/// 400 for a body that is no object, and for a field that is given twice.
pub fn merge_patch(current: &impl Serialize, body: &[u8]) -> Result<Vec<u8>, Problem> {
    let merged = Node::root(body).and_then(|patch| {
        if patch.kind() != NodeKind::Object {
            return Err(patch.fault(Fault::shape("must be an object")));
        }
        let current = to_raw_value(current).map_err(|error| patch.fault(Fault::rule(error)))?;
        merge(Some(&current), &patch)
    });
    let merged = merged.map_err(Errors::into_problem)?;
    Ok(merged.get().as_bytes().to_vec())
}

fn merge(base: Option<&RawValue>, patch: &Node<'_>) -> Result<Box<RawValue>, Errors> {
    if patch.kind() != NodeKind::Object {
        return Ok(patch.raw.to_owned());
    }
    let list = base.filter(|base| NodeKind::of(base) == NodeKind::Array);
    if let Some(members) = list.and_then(by_id) {
        let members = merge_members(members, patch)?;
        let named = members
            .into_iter()
            .map(|(id, member)| with_id(&id, &member));
        let list: Vec<Box<RawValue>> = named.collect();
        return to_raw_value(&list).map_err(|error| patch.fault(Fault::rule(error)));
    }
    let fields = base.and_then(fields_of).unwrap_or_default();
    let merged = merge_members(fields, patch)?;
    to_raw_value(&merged).map_err(|error| patch.fault(Fault::rule(error)))
}

fn merge_members(mut members: Members, patch: &Node<'_>) -> Result<Members, Errors> {
    for (key, node) in patch.entries()? {
        if node.kind() == NodeKind::Null {
            members.remove(&key);
        } else {
            let merged = merge(members.get(&key).map(|held| &**held), &node)?;
            members.insert(key, merged);
        }
    }
    Ok(members)
}

fn fields_of(raw: &RawValue) -> Option<Members> {
    let fields: Fields<'_> = serde_json::from_str(raw.get()).ok()?;
    let fields = fields.values.into_iter();
    Some(fields.map(|(key, raw)| (key, raw.to_owned())).collect())
}

/// The members of a list by their ids, if all have one.
fn by_id(list: &RawValue) -> Option<Members> {
    let list: Vec<&RawValue> = serde_json::from_str(list.get()).ok()?;
    let named = list.into_iter().map(|member| {
        let id = fields_of(member)?.remove("id")?;
        let id: String = serde_json::from_str(id.get()).ok()?;
        Some((id, member.to_owned()))
    });
    named.collect()
}

/// A member of a list, under its id.
fn with_id(id: &str, member: &RawValue) -> Box<RawValue> {
    let Some(mut fields) = fields_of(member) else {
        return member.to_owned();
    };
    if let Ok(id) = to_raw_value(id) {
        fields.insert("id".to_owned(), id);
    }
    to_raw_value(&fields).unwrap_or_else(|_| member.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, from_str, json};

    /// Source: RFC 7396, appendix A, those rows whose patch is an object.
    #[test]
    fn the_rows_of_the_rfc_hold() {
        for (original, patch, result) in [
            (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"a":null}"#, "{}"),
            (r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#),
            (r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#),
            (
                r#"{"a":{"b":"c"}}"#,
                r#"{"a":{"b":"d","c":null}}"#,
                r#"{"a":{"b":"d"}}"#,
            ),
            (r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#),
            (r#"{"e":null}"#, r#"{"a":1}"#, r#"{"e":null,"a":1}"#),
            ("{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#),
        ] {
            let current: Value = from_str(original).unwrap();
            let merged = merge_patch(&current, patch.as_bytes()).unwrap();
            let merged: Value = serde_json::from_slice(&merged).unwrap();
            assert_eq!(
                merged,
                from_str::<Value>(result).unwrap(),
                "{original} {patch}"
            );
        }
    }

    #[test]
    fn a_list_of_members_with_ids_is_patched_by_id() {
        let current = json!({"limits":[{"id":"a","hard":1,"soft":1},{"id":"b","hard":2}]});
        let patch = br#"{"limits":{"a":{"soft":null,"hard":3},"b":null,"c":{"hard":4}}}"#;
        let merged: Value = serde_json::from_slice(&merge_patch(&current, patch).unwrap()).unwrap();
        let expected = json!({"limits":[{"id":"a","hard":3},{"id":"c","hard":4}]});
        assert_eq!(merged, expected);
    }

    #[test]
    fn digits_stay_as_they_are_written_and_what_is_no_object_is_refused() {
        let current = json!({});
        let patch = br#"{"a":1.10000000000000000001}"#;
        assert_eq!(merge_patch(&current, patch).unwrap(), patch);
        for bad in [&b"[]"[..], b"null", b"", b"7", br#"{"a":1,"a":2}"#] {
            assert_eq!(merge_patch(&current, bad).unwrap_err().status(), 400);
        }
    }
}
