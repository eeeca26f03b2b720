//! What stored items hold.

use serde::de::DeserializeOwned;
use tollgate_core::{Attrs, Form, table};

/// The JSON body of an item.
///
/// # Panics
/// Where it has none of that kind.
#[must_use]
pub fn json<T: DeserializeOwned>(attrs: &Attrs) -> T {
    let bytes = attrs[table::BODY].as_bytes().expect("bytes");
    let json = Form::Json.open(bytes).expect("a body");
    serde_json::from_slice(json).expect("JSON of its kind")
}
