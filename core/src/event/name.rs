//! Ids and operation names, checked once.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;
use serde::{Deserialize, Serialize};

/// A name or an id.
///
/// A name, such as that of an agent, a model or an operation, has 1 to 128 printable
/// ASCII characters without `|`, starts with a letter or digit, has a `%` only in an
/// escape such as `%C3`, no blank at its end and no two together. An id has letters,
/// digits and `._:@/+-` alone. Neither holds `|`, so keys joined with `|` are injective.
/// The ids of events of sealed batches hold a `~`, which no client's id does. Cloning is
/// cheap.
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
    /// It has a character that no name holds.
    #[error("must not hold `{}`, which can be written as an escape such as `%C3`", .0.escape_debug())]
    Character(char),
    /// It has a `%` that begins no escape.
    #[error("must not hold `%` but in an escape such as `%C3`; `%25` stands for itself")]
    Escape,
    /// It ends with a blank or has two together.
    #[error("must not end with a blank or hold two together")]
    Blank,
    /// It has a character that no id holds.
    #[error("must not hold `{}`: an id has letters, digits and . _ : @ / + - only", .0.escape_debug())]
    IdCharacter(char),
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

    /// Checks `text` as a name.
    ///
    /// # Errors
    /// A [`NameError`] that says which rule it breaks.
    pub fn new(text: &str) -> Result<Self, NameError> {
        starts_well(text)?;
        let is_foreign = |c: &char| !matches!(c, ' '..='~') || *c == '|';
        if let Some(foreign) = text.chars().find(is_foreign) {
            return Err(NameError::Character(foreign));
        }
        let is_escape = |rest: &str| {
            let hex = rest.as_bytes().get(..2);
            hex.is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit))
        };
        if !text.split('%').skip(1).all(is_escape) {
            return Err(NameError::Escape);
        }
        if text.ends_with(' ') || text.contains("  ") {
            return Err(NameError::Blank);
        }
        Ok(Self(Arc::from(text)))
    }

    /// Checks `text` as an id that a client makes.
    ///
    /// # Errors
    /// A [`NameError`] that says which rule it breaks.
    pub fn id(text: &str) -> Result<Self, NameError> {
        if text.contains(SEAL) {
            return Err(NameError::IdCharacter(SEAL));
        }
        Self::known(text)
    }

    /// Checks `text` as an id that was given out: it may be that of an event of a sealed
    /// batch.
    ///
    /// # Errors
    /// A [`NameError`] that says which rule it breaks.
    pub fn known(text: &str) -> Result<Self, NameError> {
        starts_well(text)?;
        let fits = |c: char| c.is_ascii_alphanumeric() || "._:@/+-~".contains(c);
        match text.chars().find(|c| !fits(*c)) {
            Some(foreign) => Err(NameError::IdCharacter(foreign)),
            None => Ok(Self(Arc::from(text))),
        }
    }

    /// Checks `text` as an id for use in a path: as [`Name::id`], without `/`.
    ///
    /// # Errors
    /// A [`NameError`] that says which rule it breaks.
    pub fn in_path(text: &str) -> Result<Self, NameError> {
        if text.contains('/') {
            return Err(NameError::Slash);
        }
        Self::id(text)
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
        let batch = Self::id(batch).ok()?;
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

fn starts_well(text: &str) -> Result<(), NameError> {
    if text.is_empty() || text.len() > Name::LENGTH_MAX {
        return Err(NameError::Length);
    }
    let first = text.bytes().next();
    if first.is_some_and(|first| first.is_ascii_alphanumeric()) {
        Ok(())
    } else {
        Err(NameError::Start)
    }
}

impl TryFrom<String> for Name {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        Self::new(&text)
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
    fn a_name_is_what_people_call_things() {
        use NameError::{Blank, Character, Escape, Length, Start};
        for good in [
            "a",
            "Math Tutor",
            "gpt-4o (eu)",
            "wild*card",
            "aws-polly:standard:character",
            "caf%C3%A9",
            "100%25",
            "a~b",
        ] {
            assert_eq!(Name::new(good).map(|n| n.to_string()), Ok(good.to_string()));
        }
        for (bad, why) in [
            ("", Length),
            (&*"x".repeat(129), Length),
            ("-a", Start),
            (" a", Start),
            ("\u{e9}", Start),
            ("a|b", Character('|')),
            ("a\u{0}", Character('\u{0}')),
            ("a\u{e9}", Character('\u{e9}')),
            ("a\tb", Character('\t')),
            ("100%", Escape),
            ("100%2", Escape),
            ("a%zzb", Escape),
            ("a ", Blank),
            ("a  b", Blank),
        ] {
            assert_eq!(Name::new(bad), Err(why), "{bad:?}");
        }
    }

    #[test]
    fn an_id_has_letters_digits_and_few_others() {
        for good in ["a", "9", "aws-polly:standard:character", "a/b+c@d_e.f"] {
            assert_eq!(Name::id(good).map(|n| n.to_string()), Ok(good.to_string()));
        }
        for (bad, foreign) in [("a b", ' '), ("a|b", '|'), ("a%20b", '%'), ("b-1~17", '~')] {
            assert_eq!(Name::id(bad), Err(NameError::IdCharacter(foreign)), "{bad}");
        }
        assert_eq!(Name::in_path("a/b"), Err(NameError::Slash));
    }

    #[test]
    fn an_event_of_a_sealed_batch_leads_to_it_and_no_client_names_one() {
        let batch = Name::id("b-1").unwrap();
        let event = batch.sealed_event(17);
        assert_eq!(event.as_str(), "b-1~17");
        assert_eq!(event.of_sealed(), Some((batch, 17)));
        assert_eq!(Name::known("b-1~17"), Ok(event));
        for other in ["b-1", "b-1~", "b-1~01", "b-1~x", "b-1~1~2", "b-1~-1"] {
            assert_eq!(Name::known(other).unwrap().of_sealed(), None, "{other}");
        }
    }
}
