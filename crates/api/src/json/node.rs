//! One JSON value and where it stands.

use super::errors::{Errors, Fault};
use super::fields::Fields;
use serde_json::value::RawValue;

/// The most bytes of a body: 1 MiB.
pub const BODY_BYTES_MAX: usize = 1_048_576;
/// The deepest nesting of a body.
pub const DEPTH_MAX: usize = 32;

/// A JSON value with the pointer to it.
#[derive(Clone, Debug)]
pub(crate) struct Node<'a> {
    pub(crate) pointer: String,
    pub(crate) raw: &'a RawValue,
}

/// The type of a JSON value, told by its first byte.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NodeKind {
    Object,
    Array,
    Text,
    Number,
    Flag,
    Null,
}

impl NodeKind {
    pub(crate) fn of(raw: &RawValue) -> Self {
        match raw.get().bytes().next() {
            Some(b'{') => Self::Object,
            Some(b'[') => Self::Array,
            Some(b'"') => Self::Text,
            Some(b't' | b'f') => Self::Flag,
            Some(b'n') | None => Self::Null,
            Some(_) => Self::Number,
        }
    }
}

impl<'a> Node<'a> {
    /// The whole of a body.
    pub(crate) fn root(body: &'a [u8]) -> Result<Self, Errors> {
        let refuse = |message: String| Errors::of("", Fault::Shape(message));
        if body.starts_with(b"\xEF\xBB\xBF") {
            return Err(refuse("must not begin with a byte order mark".to_owned()));
        }
        if is_deeper_than(body, DEPTH_MAX) {
            return Err(refuse(format!("is nested more than {DEPTH_MAX} deep")));
        }
        let text = std::str::from_utf8(body).map_err(|_| refuse("is not UTF-8".to_owned()))?;
        let raw =
            serde_json::from_str(text).map_err(|error| refuse(format!("is not JSON: {error}")))?;
        Ok(Self {
            pointer: String::new(),
            raw,
        })
    }

    pub(crate) fn kind(&self) -> NodeKind {
        NodeKind::of(self.raw)
    }

    /// The fault at this place.
    pub(crate) fn fault(&self, fault: Fault) -> Errors {
        Errors::of(&self.pointer, fault)
    }

    /// The value as read by one of the functions of `scalar`.
    pub(crate) fn scalar<T>(
        &self,
        read: impl FnOnce(&'a RawValue) -> Result<T, Fault>,
    ) -> Result<T, Errors> {
        read(self.raw).map_err(|fault| self.fault(fault))
    }

    /// The object as a dictionary, by key.
    pub(crate) fn entries(&self) -> Result<Vec<(String, Self)>, Errors> {
        let Fields { values, repeated } = self.fields()?;
        if let Some(key) = repeated.first() {
            return Err(Errors::of(&self.below(key), Fault::shape("is given twice")));
        }
        let entry = |(key, raw): (String, &'a RawValue)| {
            let pointer = self.below(&key);
            (key, Self { pointer, raw })
        };
        Ok(values.into_iter().map(entry).collect())
    }

    /// The elements of an array of `min` to `max` elements.
    pub(crate) fn elements(&self, min: usize, max: usize) -> Result<Vec<Self>, Errors> {
        if self.kind() != NodeKind::Array {
            return Err(self.fault(Fault::shape("must be an array")));
        }
        let raws: Vec<&'a RawValue> =
            serde_json::from_str(self.raw.get()).map_err(|error| self.broken(&error))?;
        if raws.len() < min || raws.len() > max {
            return Err(self.fault(Fault::Shape(format!("must have {min} to {max} elements"))));
        }
        let element = |(index, raw): (usize, &'a RawValue)| Self {
            pointer: format!("{}/{index}", self.pointer),
            raw,
        };
        Ok(raws.into_iter().enumerate().map(element).collect())
    }

    /// The fields of the object that it is.
    pub(super) fn fields(&self) -> Result<Fields<'a>, Errors> {
        if self.kind() != NodeKind::Object {
            return Err(self.fault(Fault::shape("must be an object")));
        }
        serde_json::from_str(self.raw.get()).map_err(|error| self.broken(&error))
    }

    fn broken(&self, error: &serde_json::Error) -> Errors {
        self.fault(Fault::Shape(format!("is not JSON: {error}")))
    }

    fn below(&self, key: &str) -> String {
        below(&self.pointer, key)
    }
}

/// The pointer to `key` of the object at `pointer`, by RFC 6901.
pub(crate) fn below(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// Whether brackets outside strings nest more than `max` deep. Runs before any
/// parser, so that none has to survive the nesting.
fn is_deeper_than(body: &[u8], max: usize) -> bool {
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for byte in body {
        match (in_text, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => in_text = !in_text,
            (false, b'{' | b'[') => depth = depth.saturating_add(1),
            (false, b'}' | b']') => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > max {
            return true;
        }
    }
    false
}
