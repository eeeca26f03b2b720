//! Items that hold a JSON body.

use crate::store::failure::Failure;
use tollgate_core::{Attrs, Value, table};

/// Reads the JSON body of an item.
///
/// # Errors
/// [`Failure::Damaged`] where it is none of its kind.
pub(crate) fn body<T: serde::de::DeserializeOwned>(attrs: &Attrs) -> Result<T, Failure> {
    serde_json::from_slice(body_bytes(attrs)).map_err(|why| {
        let kind = std::any::type_name::<T>();
        let kind = kind.rsplit("::").next().unwrap_or(kind);
        Failure::damaged(format_args!("a stored {kind} ({why})"))
    })
}

/// The bytes of the body of an item.
pub(crate) fn body_bytes(attrs: &Attrs) -> &[u8] {
    let bytes = attrs.get(table::BODY).and_then(Value::as_bytes);
    bytes.unwrap_or_default()
}

/// The attributes of an item that holds only a JSON body.
pub(crate) fn body_attrs<T: serde::Serialize>(value: &T) -> Result<Attrs, Failure> {
    Ok(Attrs::from([(
        table::BODY.into(),
        Value::B(serde_json::to_vec(value)?),
    )]))
}
