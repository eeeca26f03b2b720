//! The canonical text of any JSON value: object keys sorted by their bytes, no
//! insignificant whitespace, numbers as they were written.

use super::errors::Fault;
use super::fields::Fields;
use super::node::NodeKind;
use serde_json::value::RawValue;

/// The most bytes of an event's metadata in canonical form.
pub const METADATA_BYTES_MAX: usize = 2048;

/// An event's metadata: any JSON, in canonical form.
pub(crate) fn metadata(raw: &RawValue) -> Result<String, Fault> {
    canonical(raw, METADATA_BYTES_MAX)
}

/// The canonical text of any value; of one that has none, the text as it is.
pub(crate) fn canonical_or_raw(raw: &RawValue) -> String {
    canonical(raw, usize::MAX).unwrap_or_else(|_| raw.get().to_owned())
}

fn canonical(raw: &RawValue, bytes_max: usize) -> Result<String, Fault> {
    let text = String::new();
    let mut canonical = Canonical { text, bytes_max };
    canonical.value(raw)?;
    Ok(canonical.text)
}

struct Canonical {
    text: String,
    bytes_max: usize,
}

impl Canonical {
    fn value(&mut self, raw: &RawValue) -> Result<(), Fault> {
        match NodeKind::of(raw) {
            NodeKind::Object => self.object(raw),
            NodeKind::Array => self.array(raw),
            NodeKind::Text => {
                let text: String = read(raw)?;
                self.string(&text)
            }
            NodeKind::Number | NodeKind::Flag | NodeKind::Null => self.push(raw.get()),
        }
    }

    fn object(&mut self, raw: &RawValue) -> Result<(), Fault> {
        let fields: Fields<'_> = read(raw)?;
        if let Some(key) = fields.repeated.first() {
            return Err(Fault::Shape(format!("has the key `{key}` twice")));
        }
        self.push("{")?;
        for (index, (key, value)) in fields.values.into_iter().enumerate() {
            self.push(if index == 0 { "" } else { "," })?;
            self.string(&key)?;
            self.push(":")?;
            self.value(value)?;
        }
        self.push("}")
    }

    fn array(&mut self, raw: &RawValue) -> Result<(), Fault> {
        let elements: Vec<&RawValue> = read(raw)?;
        self.push("[")?;
        for (index, value) in elements.into_iter().enumerate() {
            self.push(if index == 0 { "" } else { "," })?;
            self.value(value)?;
        }
        self.push("]")
    }

    fn string(&mut self, text: &str) -> Result<(), Fault> {
        let quoted = serde_json::to_string(text).map_err(|_| Fault::shape("must be Unicode"))?;
        self.push(&quoted)
    }

    fn push(&mut self, more: &str) -> Result<(), Fault> {
        if self.text.len().saturating_add(more.len()) > self.bytes_max {
            return Err(Fault::Rule(format!(
                "must have at most {} bytes in canonical form",
                self.bytes_max
            )));
        }
        self.text.push_str(more);
        Ok(())
    }
}

fn read<'a, T: serde::Deserialize<'a>>(raw: &'a RawValue) -> Result<T, Fault> {
    serde_json::from_str(raw.get())
        .map_err(|_| Fault::shape("holds text that is not whole Unicode characters"))
}
