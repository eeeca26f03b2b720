//! CloudEvents 1.0 in the JSON format, alone and in batches.

use crate::digest::derived_id;
use crate::event::{BATCH_MAX, Hints, NewEvent, hinted_event};
use crate::json::{Errors, Fault, Node, Object, scalar};
use crate::problem::Problem;
use serde_json::value::RawValue;

/// The longest context attribute that is read, in characters.
const ATTRIBUTE_MAX: usize = 1024;

/// Reads `application/cloudevents+json`: `data` is an event. Its id is derived
/// from `source` and `id` unless `data` has one; `time`, `type` and `subject`
/// are its timestamp, operation and agent where `data` does not say; extension
/// attributes are ignored.
///
/// # Errors
/// As [`crate::parse_event`].
pub fn parse_cloud_event(body: &[u8]) -> Result<NewEvent, Problem> {
    let event = Node::root(body).and_then(|node| node.object(cloud_event));
    event.map_err(Errors::into_problem)
}

/// Reads `application/cloudevents-batch+json`, an array of 1 to [`BATCH_MAX`]
/// CloudEvents; each bad one fails alone, with pointers such as `/3/data/units`.
///
/// # Errors
/// 400 `invalid_request` where the batch itself is misshapen.
pub fn parse_cloud_batch(body: &[u8]) -> Result<Vec<Result<NewEvent, Problem>>, Problem> {
    let nodes = Node::root(body).and_then(|node| node.elements(1, BATCH_MAX));
    let event = |node: &Node<'_>| node.object(cloud_event).map_err(Errors::into_problem);
    Ok(nodes.map_err(Errors::into_problem)?.iter().map(event).collect())
}

fn cloud_event(object: &mut Object<'_>) -> Option<NewEvent> {
    object.need("specversion", scalar::one_of(&[("1.0", ())]));
    let id = object.need("id", scalar::line(ATTRIBUTE_MAX));
    let source = object.need("source", scalar::line(ATTRIBUTE_MAX));
    object.require("type");
    let kind = object.take("type");
    let subject = object.take("subject");
    let timestamp = object.read("time", scalar::instant);
    object.read("datacontenttype", json_media_type);
    if object.has("data_base64") {
        object.fault("data_base64", Fault::rule("is not taken: `data` must be a JSON object"));
    }
    object.require("data");
    let data = object.take("data");
    object.ignore_rest();
    let event = data?.object(|data| {
        let hints = Hints {
            operation: hint(data, "operation", kind.as_ref()),
            agent: hint(data, "agent_id", subject.as_ref()),
            timestamp,
        };
        hinted_event(data, hints)
    });
    let mut event = object.keep(event)?;
    event.id = event.id.or(derived_id("ce-", format!("{}\0{}", source?, id?).as_bytes()));
    Some(event)
}

/// The attribute as a name, where `data` lacks the field it stands for.
fn hint(data: &mut Object<'_>, field: &str, attribute: Option<&Node<'_>>) -> Option<tollgate_core::Name> {
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
