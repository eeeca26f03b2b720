//! Values as JSON text.

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

/// Names, numbers and strings always have a JSON form, so null never shows.
pub(crate) fn raw(value: &impl Serialize) -> Box<RawValue> {
    to_raw_value(value).unwrap_or_else(|_| RawValue::NULL.to_owned())
}
