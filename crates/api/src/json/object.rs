//! An object, read field by field.

use super::errors::{Errors, Fault};
use super::fields::Fields;
use super::node::{Node, NodeKind, below};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// An object being read: what is taken is gone, what is left in the end is
/// unknown, and every fault on the way is kept.
#[derive(Debug)]
pub(crate) struct Object<'a> {
    pointer: String,
    fields: BTreeMap<String, &'a RawValue>,
    errors: Errors,
}

impl<'a> Object<'a> {
    pub(crate) fn new(pointer: &str, fields: Fields<'a>) -> Self {
        let mut object = Self {
            pointer: pointer.to_owned(),
            fields: fields.values,
            errors: Errors::default(),
        };
        for key in &fields.repeated {
            object.fault(key, Fault::shape("is given twice"));
        }
        object
    }

    /// Whether the field is there and not null.
    pub(crate) fn has(&self, field: &str) -> bool {
        self.fields
            .get(field)
            .is_some_and(|raw| NodeKind::of(raw) != NodeKind::Null)
    }

    /// Whether the field is there, if only as null.
    pub(crate) fn names(&self, field: &str) -> bool {
        self.fields.contains_key(field)
    }

    /// Notes a fault unless the field is there. Call before taking it.
    pub(crate) fn require(&mut self, field: &str) {
        if !self.has(field) {
            self.fault(field, Fault::shape("is required"));
        }
    }

    /// Takes the field; `None` if it is absent or null.
    pub(crate) fn take(&mut self, field: &str) -> Option<Node<'a>> {
        let raw = self.fields.remove(field)?;
        let node = Node {
            pointer: below(&self.pointer, field),
            raw,
        };
        (node.kind() != NodeKind::Null).then_some(node)
    }

    /// Takes the field and reads it; `None` if it is absent or at fault.
    pub(crate) fn read<T>(
        &mut self,
        field: &str,
        scalar: impl FnOnce(&'a RawValue) -> Result<T, Fault>,
    ) -> Option<T> {
        let result = self.take(field)?.scalar(scalar);
        self.keep(result)
    }

    /// Takes a field that must be there.
    pub(crate) fn need<T>(
        &mut self,
        field: &str,
        scalar: impl FnOnce(&'a RawValue) -> Result<T, Fault>,
    ) -> Option<T> {
        self.require(field);
        self.read(field, scalar)
    }

    /// The value, or `None` and the faults noted.
    pub(crate) fn keep<T>(&mut self, result: Result<T, Errors>) -> Option<T> {
        result.map_err(|errors| self.errors.absorb(errors)).ok()
    }

    /// Notes a fault of a field.
    pub(crate) fn fault(&mut self, field: &str, fault: Fault) {
        self.errors.add(&below(&self.pointer, field), fault);
    }

    /// Notes a fault of the object as a whole.
    pub(crate) fn fault_here(&mut self, fault: Fault) {
        self.errors.add(&self.pointer, fault);
    }

    /// Notes a fault of a field where `broken` holds.
    pub(crate) fn forbid(&mut self, broken: bool, field: &str, message: &str) {
        if broken {
            self.fault(field, Fault::rule(message));
        }
    }

    /// Takes all fields that are left, whatever they are.
    pub(crate) fn ignore_rest(&mut self) {
        self.fields.clear();
    }

    /// The value, unless there were faults or fields are left.
    pub(crate) fn finish<T>(mut self, value: Option<T>) -> Result<T, Errors> {
        for key in std::mem::take(&mut self.fields).into_keys() {
            self.fault(&key, Fault::shape("is an unknown field"));
        }
        match value {
            Some(value) if self.errors.is_empty() => Ok(value),
            None if self.errors.is_empty() => {
                Err(Errors::of(&self.pointer, Fault::shape("is incomplete")))
            }
            _ => Err(self.errors),
        }
    }
}

impl<'a> Node<'a> {
    /// The object as read by `read`; fields that it did not take are faults.
    pub(crate) fn object<T>(
        &self,
        read: impl FnOnce(&mut Object<'a>) -> Option<T>,
    ) -> Result<T, Errors> {
        let mut object = Object::new(&self.pointer, self.fields()?);
        let value = read(&mut object);
        object.finish(value)
    }
}
