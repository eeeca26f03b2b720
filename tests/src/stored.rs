//! What stored items hold.

use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use tollgate_core::{Attrs, Change, Form, FormVersion, Key, renew, table};

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

/// Items with all their forms in one version, whoever wrote them.
///
/// # Panics
/// Where one is damaged.
#[must_use]
pub fn in_one_version(mut items: BTreeMap<Key, Attrs>) -> BTreeMap<Key, Attrs> {
    for (key, attrs) in &mut items {
        let renewed = renew(key, attrs, FormVersion::Current).expect("a whole item");
        if let Some(Change::Update { set, .. }) = renewed.map(|write| write.change) {
            attrs.extend(set);
        }
    }
    items
}
