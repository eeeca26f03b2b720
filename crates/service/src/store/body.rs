//! Items that hold a JSON body.

use crate::store::failure::Failure;
use tollgate_core::{Attrs, Form, Value, table};

/// Reads the JSON body of an item.
///
/// # Errors
/// [`Failure::Damaged`] where it is none of its kind.
pub(crate) fn body<T: serde::de::DeserializeOwned>(attrs: &Attrs) -> Result<T, Failure> {
    let json = Form::Json.open(body_bytes(attrs));
    json_of(json.map_err(|why| damaged::<T>(&why))?)
}

/// Reads a value of its JSON.
///
/// # Errors
/// [`Failure::Damaged`] where it is none.
pub(crate) fn json_of<T: serde::de::DeserializeOwned>(json: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(json).map_err(|why| damaged::<T>(&why))
}

fn damaged<T>(why: &dyn std::fmt::Display) -> Failure {
    let kind = std::any::type_name::<T>();
    let kind = kind.rsplit("::").next().unwrap_or(kind);
    Failure::damaged(format_args!("a stored {kind} ({why})"))
}

/// The bytes of the body of an item.
pub(crate) fn body_bytes(attrs: &Attrs) -> &[u8] {
    let bytes = attrs.get(table::BODY).and_then(Value::as_bytes);
    bytes.unwrap_or_default()
}

/// The attributes of an item that holds only a JSON body.
pub(crate) fn body_attrs<T: serde::Serialize>(value: &T) -> Result<Attrs, Failure> {
    let json = Form::Json.seal(&serde_json::to_vec(value)?);
    Ok(Attrs::from([(table::BODY.into(), Value::B(json))]))
}
