//! Ids and operation names, checked once.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;
use serde::{Deserialize, Serialize};

/// An id or operation name: 1 to 128 characters of `A-Z a-z 0-9 . _ : @ / + -`,
/// starting with a letter or digit. It never holds `|`, so keys joined with `|`
/// are injective. The ids of events of sealed batches hold a `~`, which no client's
/// name does. Cloning is cheap.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(Arc<str>);

/// Why a text is not a [`Name`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// It is empty or has more than 128 characters.
    #[error("must have 1 to 128 characters")]
    Length,
    /// It begins with something other than a letter or digit.
    #[error("must start with a letter or digit")]
    Start,
    /// It has a character outside the alphabet.
    #[error("may hold only letters, digits and . _ : @ / + -")]
    Character,
    /// It has a `/` where it stands in a path.
    #[error("must not hold `/`")]
    Slash,
}

/// What stands between a sealed batch and the place of one of its events.
const SEAL: char = '~';

impl Name {
    /// The most characters of a name.
    pub const LENGTH_MAX: usize = 128;

    /// The most characters of a sealed batch's id.
    pub const BATCH_LENGTH_MAX: usize = 120;

    /// Checks `text`, as a client's name.
    ///
    /// # Errors
    /// A [`NameError`] that says which rule it breaks.
    pub fn new(text: &str) -> Result<Self, NameError> {
        if text.contains(SEAL) {
            return Err(NameError::Character);
        }
        Self::known(text)
    }

    /// Checks `text`, as a name that was stored or given out: it may be the id of an
    /// event of a sealed batch.
    ///
    /// # Errors
    /// A [`NameError`] that says which rule it breaks.
    pub fn known(text: &str) -> Result<Self, NameError> {
        if text.is_empty() || text.len() > Self::LENGTH_MAX {
            return Err(NameError::Length);
        }
        if !text
            .bytes()
            .next()
            .is_some_and(|b| b.is_ascii_alphanumeric())
        {
            return Err(NameError::Start);
        }
        let fits = |b: u8| b.is_ascii_alphanumeric() || b"._:@/+-~".contains(&b);
        if !text.bytes().all(fits) {
            return Err(NameError::Character);
        }
        Ok(Self(Arc::from(text)))
    }

    /// Checks `text` for use in a path: as [`Name::new`], without `/`.
    ///
    /// # Errors
    /// A [`NameError`] that says which rule it breaks.
    pub fn in_path(text: &str) -> Result<Self, NameError> {
        if text.contains('/') {
            return Err(NameError::Slash);
        }
        Self::new(text)
    }

    /// The id of the event at this place, from 0, of the sealed batch of this id.
    #[must_use]
    pub fn sealed_event(&self, index: u32) -> Self {
        Self(Arc::from(format!("{self}{SEAL}{index}")))
    }

    /// The sealed batch whose event's id it is, and the event's place there.
    #[must_use]
    pub fn of_sealed(&self) -> Option<(Self, u32)> {
        let (batch, index) = self.0.rsplit_once(SEAL)?;
        let place: u32 = index.parse().ok()?;
        let batch = Self::new(batch).ok()?;
        (batch.sealed_event(place) == *self).then_some((batch, place))
    }

    /// `standard`, the tier of events that name none.
    #[must_use]
    pub fn standard() -> Self {
        Self(Arc::from("standard"))
    }

    /// The text, shared.
    #[must_use]
    pub fn shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Name {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        Self::known(&text)
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        Self::from(&*name.0)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

impl core::borrow::Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn only_the_alphabet_of_the_contract_is_a_name() {
        for good in ["a", "9", "aws-polly:standard:character", "a/b+c@d_e.f"] {
            assert_eq!(Name::new(good).map(|n| n.to_string()), Ok(good.to_string()));
        }
        for (bad, why) in [
            ("", NameError::Length),
            (&*"x".repeat(129), NameError::Length),
            ("-a", NameError::Start),
            ("a|b", NameError::Character),
            ("a#b", NameError::Character),
            ("a b", NameError::Character),
            ("a\u{0}", NameError::Character),
            ("é", NameError::Start),
            ("aé", NameError::Character),
        ] {
            assert_eq!(Name::new(bad), Err(why), "{bad:?}");
        }
        assert_eq!(Name::in_path("a/b"), Err(NameError::Slash));
    }

    #[test]
    fn an_event_of_a_sealed_batch_leads_to_it_and_no_client_names_one() {
        let batch = Name::new("b-1").unwrap();
        let event = batch.sealed_event(17);
        assert_eq!(event.as_str(), "b-1~17");
        assert_eq!(event.of_sealed(), Some((batch, 17)));
        assert_eq!(Name::known("b-1~17"), Ok(event));
        assert_eq!(Name::new("b-1~17"), Err(NameError::Character));
        for other in ["b-1", "b-1~", "b-1~01", "b-1~x", "b-1~1~2", "b-1~-1"] {
            assert_eq!(Name::known(other).unwrap().of_sealed(), None, "{other}");
        }
    }
}
