//! CloudEvents 1.0 in the JSON format, alone and in batches.

use crate::batches::BATCH_MAX;
use crate::digest::derived_id;
use crate::event::{Hints, NewEvent, hinted_event};
use crate::json::{Errors, Fault, Node, Object, scalar};
use crate::problem::Problem;
use serde_json::value::RawValue;
use tollgate_core::Name;

/// The longest context attribute that is read, in characters.
const ATTRIBUTE_MAX: usize = 1024;

tollgate_core::words! {
    /// The version of CloudEvents that is read.
    pub enum SpecVersion {
        /// 1.0.
        One = "1.0",
    }
}

/// Reads `application/cloudevents+json`: `data` is an event. Its id is derived
/// from `source` and `id` unless `data` has one; `time`, `type` and `subject`
/// are its timestamp, operation and agent where `data` does not say; extension
/// attributes are ignored.
///
/// # Errors
/// As [`crate::parse_event`].
pub fn parse_cloud_event(body: &[u8]) -> Result<NewEvent, Problem> {
    let event = Node::root(body).and_then(|node| node.object(cloud_event));
    event.map_err(Errors::into_event_problem)
}

/// Reads `application/cloudevents-batch+json`, an array of 1 to [`BATCH_MAX`]
/// CloudEvents; each bad one fails alone, with pointers such as `/3/data/units`.
///
/// # Errors
/// 400 `invalid_request` where the batch itself is misshapen.
pub fn parse_cloud_batch(body: &[u8]) -> Result<Vec<Result<NewEvent, Problem>>, Problem> {
    let nodes = Node::root(body).and_then(|node| node.elements(1, BATCH_MAX));
    let event = |node: &Node<'_>| node.object(cloud_event).map_err(Errors::into_event_problem);
    Ok(nodes
        .map_err(Errors::into_event_problem)?
        .iter()
        .map(event)
        .collect())
}

fn cloud_event(object: &mut Object<'_>) -> Option<NewEvent> {
    object.need("specversion", scalar::one_of(&SpecVersion::ALL));
    let id = object.need("id", scalar::line(ATTRIBUTE_MAX));
    let source = object.need("source", scalar::line(ATTRIBUTE_MAX));
    object.require("type");
    let kind = object.take("type");
    let subject = object.take("subject");
    let timestamp = object.read("time", scalar::instant);
    object.read("datacontenttype", json_media_type);
    if object.has("data_base64") {
        object.fault(
            "data_base64",
            Fault::rule("is not taken: `data` must be a JSON object"),
        );
    }
    object.require("data");
    let data = object.take("data");
    object.ignore_rest();
    let event = data?.object(|data| {
        // A missing type is refused already; this lets the rest be read.
        let operation =
            hint(data, "operation", kind.as_ref()).or_else(|| kind.is_none().then(Name::standard));
        let agent = hint(data, "agent_id", subject.as_ref());
        hinted_event(
            data,
            Hints {
                operation,
                agent,
                timestamp,
            },
        )
    });
    let mut event = object.keep(event)?;
    event.id = event.id.or(derived_id(
        "ce-",
        format!("{}\0{}", source?, id?).as_bytes(),
    ));
    Some(event)
}

/// The attribute as a name, where `data` lacks the field it stands for.
fn hint(data: &mut Object<'_>, field: &str, attribute: Option<&Node<'_>>) -> Option<Name> {
    let attribute = attribute.filter(|_| !data.has(field))?;
    data.keep(attribute.scalar(scalar::name))
}

fn json_media_type(raw: &RawValue) -> Result<(), Fault> {
    let text = scalar::line(ATTRIBUTE_MAX)(raw)?.to_ascii_lowercase();
    let essence = text.split(';').next().unwrap_or_default().trim_end();
    if essence == "application/json" || essence.ends_with("+json") {
        Ok(())
    } else {
        Err(Fault::rule("must be application/json"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusals::{refusal, refuses};

    const MINIMAL: &str = r#"{"specversion":"1.0","id":"1","source":"/agents/a","type":"gpt-4o","subject":"a1",
        "time":"2026-11-22T10:00:00Z","traceparent":{"any":["extension"]},"data":{"tokens_in":5,"budget_node":"team/x"}}"#;

    #[test]
    fn the_envelope_fills_in_what_data_does_not_say() {
        let new = parse_cloud_event(MINIMAL.as_bytes()).unwrap();
        let event = new.contents();
        assert_eq!(event.dimensions.operation.as_str(), "gpt-4o");
        assert_eq!(event.dimensions.agent.as_ref().unwrap().as_str(), "a1");
        assert_eq!(new.timestamp.unwrap().to_string(), "2026-11-22T10:00:00Z");
        assert_eq!(event.dimensions.node.as_ref().unwrap().as_str(), "team/x");
        // sha256("/agents/a" NUL "1")
        assert_eq!(
            new.id.unwrap().as_str(),
            "ce-db69f58f2bf0c58992ea234b1bc951c0"
        );
    }

    #[test]
    fn what_data_says_counts_and_its_envelope_may_be_any_text() {
        let body = r#"{"specversion":"1.0","id":"1","source":"s","type":"com example!","subject":"any one","time":"2026-11-22T10:00:00Z",
            "datacontenttype":"application/json; charset=utf-8",
            "data":{"id":"evt-1","operation":"x","agent_id":"a2","timestamp":"2026-11-21T10:00:00Z"}}"#;
        let new = parse_cloud_event(body.as_bytes()).unwrap();
        assert_eq!(new.id.as_ref().unwrap().as_str(), "evt-1");
        assert_eq!(new.contents().dimensions.operation.as_str(), "x");
        assert_eq!(
            new.contents().dimensions.agent.as_ref().unwrap().as_str(),
            "a2"
        );
        assert_eq!(new.timestamp.unwrap().to_string(), "2026-11-21T10:00:00Z");
    }

    #[test]
    fn source_and_id_never_run_into_each_other() {
        let with = |source: &str, id: &str| {
            let body = format!(
                r#"{{"specversion":"1.0","id":"{id}","source":"{source}","type":"x","data":{{}}}}"#
            );
            parse_cloud_event(body.as_bytes()).unwrap().id.unwrap()
        };
        assert_ne!(with("a", "bc"), with("ab", "c"));
    }

    #[test]
    fn a_bad_envelope_is_refused_by_field() {
        refuses(
            parse_cloud_event,
            &[
                (b"{}", 400, "/specversion /id /source /type /data"),
                (br#"{"specversion":"0.3","id":"1","source":"s","type":"x","data":{}}"#, 422, "/specversion"),
                (br#"{"specversion":"1.0","id":"","source":"s","type":"x","data":{}}"#, 422, "/id"),
                (br#"{"specversion":"1.0","id":"1","source":"a\u0000b","type":"x","data":{}}"#, 422, "/source"),
                (br#"{"specversion":"1.0","id":"1","source":"s","type":"a|b","data":{}}"#, 422, "/type"),
                (br#"{"specversion":"1.0","id":"1","source":"s","type":"x","subject":"a|b","data":{}}"#, 422, "/subject"),
                (br#"{"specversion":"1.0","id":"1","source":"s","type":"x","time":"2026-11-22","data":{}}"#, 422, "/time"),
                (br#"{"specversion":"1.0","id":"1","source":"s","type":"x","data":[]}"#, 400, "/data"),
                (br#"{"specversion":"1.0","id":"1","source":"s","type":"x","data_base64":"e30="}"#, 400, "/data_base64 /data"),
                (
                    br#"{"specversion":"1.0","id":"1","source":"s","type":"x","datacontenttype":"text/xml","data":{}}"#,
                    422,
                    "/datacontenttype",
                ),
                (br#"{"specversion":"1.0","id":"1","source":"s","type":"x","data":{"nope":1,"units":-1}}"#, 400, "/data/units /data/nope"),
            ],
        );
    }

    #[test]
    fn a_bad_event_of_a_batch_fails_alone() {
        let body = format!(
            r#"[{MINIMAL},{{"specversion":"1.0","id":"1","source":"s","type":"x","data":{{"units":"1"}}}},7]"#
        );
        let mut events = parse_cloud_batch(body.as_bytes()).unwrap().into_iter();
        assert!(events.next().unwrap().is_ok());
        assert_eq!(
            refusal(events.next().unwrap()),
            (400, "/1/data/units".to_owned())
        );
        assert_eq!(refusal(events.next().unwrap()), (400, "/2".to_owned()));
        refuses(parse_cloud_batch, &[(b"[]", 400, ""), (b"{}", 400, "")]);
    }
}
