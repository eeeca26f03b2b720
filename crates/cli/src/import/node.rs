//! Parts of a JSON text, read as they are asked for; numbers keep their text.

use crate::import::decimal::Decimal;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// A part of a JSON text.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(transparent)]
pub(crate) struct Node<'a>(#[serde(borrow)] &'a RawValue);

/// The members of an object.
pub(crate) type Members<'a> = BTreeMap<String, Node<'a>>;

impl<'a> Node<'a> {
    /// Reads a whole text.
    pub(crate) fn parse(text: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// Its members, if it is an object.
    pub(crate) fn members(self) -> Option<Members<'a>> {
        serde_json::from_str(self.0.get()).ok()
    }

    /// Its elements, if it is an array.
    pub(crate) fn elements(self) -> Option<Vec<Self>> {
        serde_json::from_str(self.0.get()).ok()
    }

    /// Its text, if it is a string.
    pub(crate) fn text(self) -> Option<String> {
        serde_json::from_str(self.0.get()).ok()
    }

    /// Whether it is a number.
    pub(crate) fn is_number(self) -> bool {
        let first = self.0.get().bytes().next();
        first.is_some_and(|byte| byte == b'-' || byte.is_ascii_digit())
    }

    /// Whether there is a number in it that is not 0, or one that is not understood.
    pub(crate) fn is_not_zero(self) -> bool {
        if let Some(members) = self.members() {
            return members.into_values().any(Self::is_not_zero);
        }
        if let Some(elements) = self.elements() {
            return elements.into_iter().any(Self::is_not_zero);
        }
        match self.decimal() {
            Some(number) => !number.is_zero(),
            None => self.is_number(),
        }
    }

    /// Whether it is null.
    pub(crate) fn is_null(self) -> bool {
        self.0.get() == "null"
    }

    /// Its value, if it is a number that is not negative, or such a number in a string.
    pub(crate) fn decimal(self) -> Option<Decimal> {
        if self.is_number() {
            return Decimal::shortest(self.0.get());
        }
        Decimal::exact(&self.text()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_text() {
        let node = Node::parse(r#" {"a": 1.5E-7, "b": ["2.50", -1, true, null]} "#).unwrap();
        let members = node.members().unwrap();
        assert_eq!(members["a"].decimal(), Decimal::exact("0.00000015"));
        let elements = members["b"].elements().unwrap();
        let read: Vec<_> = elements.iter().map(|element| element.decimal()).collect();
        assert_eq!(read, [Decimal::exact("2.5"), None, None, None]);
        for (text, expected) in [("0", false), ("[0, {\"a\": 0.0}]", false), ("[-1]", true)] {
            assert_eq!(Node::parse(text).unwrap().is_not_zero(), expected);
        }
        assert!(elements[1].is_number() && elements[3].is_null());
        assert!(node.elements().is_none() && node.text().is_none());
    }
}
