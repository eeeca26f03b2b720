//! The attributes of a span, by name.

use crate::event::gen_ai::name::nearest_name;
use crate::event::name::Name;
use crate::event::number::Reported;
use alloc::collections::BTreeMap;

/// The attributes of a span, by name. Of a name that comes twice the last
/// value stands.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Attributes<'a>(BTreeMap<&'a str, Reported<'a>>);

impl<'a> FromIterator<(&'a str, Reported<'a>)> for Attributes<'a> {
    fn from_iter<I: IntoIterator<Item = (&'a str, Reported<'a>)>>(attributes: I) -> Self {
        Self(attributes.into_iter().collect())
    }
}

impl<'a> Attributes<'a> {
    /// The first of `names` that holds text of which a name can be made.
    pub(super) fn name(&self, names: &[&str]) -> Option<Name> {
        self.first(names, |value| value.text().and_then(nearest_name))
    }

    /// The first of `names` that holds a quantity.
    pub(super) fn quantity(&self, names: &[&str]) -> Option<u64> {
        self.first(names, Reported::quantity)
    }

    fn first<T>(&self, names: &[&str], read: impl Fn(Reported<'a>) -> Option<T>) -> Option<T> {
        names
            .iter()
            .find_map(|name| self.0.get(name).copied().and_then(&read))
    }
}
