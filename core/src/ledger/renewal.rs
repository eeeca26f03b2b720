//! Items brought to another version of their forms.

use crate::ledger::form::{Form, FormError, FormVersion};
use crate::ledger::item::{Attrs, Guard, Key, Value, Write};
use crate::ledger::marker::beside;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// The write that brings the item at `key` to `version`, if it stands as in `attrs`;
/// `None` where nothing is to be done. What is in that version already is checked.
///
/// # Errors
/// [`FormError`] for an item that this release cannot read.
pub fn renew(key: &Key, attrs: &Attrs, version: FormVersion) -> Result<Option<Write>, FormError> {
    let (mut set, mut guards) = (Vec::new(), Vec::new());
    for (name, value) in attrs {
        let (Some(form), Value::B(bytes)) = (Form::at(key, name), value) else {
            continue;
        };
        let covered = beside(attrs);
        let covered: &[&[u8]] = match form {
            Form::Marker => &covered,
            _ => &[],
        };
        let content = form.open_beside(bytes, covered)?;
        let renewed = match version {
            FormVersion::Current => form.seal_beside(content, covered),
            FormVersion::Before => form.seal_before(content),
        };
        if renewed != *bytes {
            guards.push(Guard::Equals(Arc::clone(name), value.clone()));
            set.push((Arc::clone(name), Value::B(renewed)));
        }
    }
    let write = Write::set(key.clone(), set);
    Ok((!guards.is_empty()).then_some(Write { guards, ..write }))
}
