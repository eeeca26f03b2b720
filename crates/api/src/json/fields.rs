//! The fields of an object, as they came.

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

/// The fields of an object, and the keys that came more than once.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    pub(crate) values: BTreeMap<String, &'a RawValue>,
    pub(crate) repeated: Vec<String>,
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
        let mut fields = Fields {
            values: BTreeMap::new(),
            repeated: Vec::new(),
        };
        while let Some((key, value)) = map.next_entry::<String, &'de RawValue>()? {
            match fields.values.entry(key) {
                Entry::Occupied(held) => fields.repeated.push(held.key().clone()),
                Entry::Vacant(place) => {
                    place.insert(value);
                }
            }
        }
        Ok(fields)
    }
}
