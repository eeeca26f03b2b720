//! The forms of stored bytes: what they are, in which version, and a checksum.
//!
//! Readers take the current version of each form and the one before. Writers make the
//! current one; [`Form::before`] makes the one before of it.

use crate::ledger::item::Key;
use crate::ledger::table;
use alloc::vec::Vec;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What stored bytes are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Form {
    /// JSON: configurations, keys, plans, grants, records of work.
    Json,
    /// A part of the JSON of a rate card or of exchange rates.
    JsonPart,
    /// The events of one write.
    Page,
    /// The answer of an event's marker.
    Marker,
    /// The marker of a sealed batch.
    Batch,
    /// Which of a sealed batch's events were voided.
    Voided,
    /// A hold.
    Hold,
    /// How a hold ended.
    Closing,
    /// The entry of an open hold.
    OpenHold,
    /// An alert of the outbox.
    Alert,
    /// The tasks of sealed batches of a day.
    Tasks,
    /// Rows of a rollup.
    Rollup,
    /// Those who joined a roster.
    Roster,
}

/// Which version of each form writers make.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum FormVersion {
    /// That of this release.
    #[default]
    Current,
    /// The one before, which functions of the release before can read.
    Before,
}

/// Why bytes are not of a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// They are of a version that this release does not know.
    #[error("what is stored is of an unknown version")]
    Version,
    /// They are not what was written.
    #[error("what is stored is damaged")]
    Damaged,
}

/// Begins what has a head. No text has that byte, and no form before does; one flipped
/// bit makes none of theirs of it.
const MARK: u8 = 0xff;

/// The mark, the form, its version and the CRC-32 of all else.
const HEAD_BYTES: usize = 7;

impl Form {
    /// All forms.
    pub const ALL: [Self; 13] = [
        Self::Json,
        Self::JsonPart,
        Self::Page,
        Self::Marker,
        Self::Batch,
        Self::Voided,
        Self::Hold,
        Self::Closing,
        Self::OpenHold,
        Self::Alert,
        Self::Tasks,
        Self::Rollup,
        Self::Roster,
    ];

    /// The number that it is stored with, and the version that writers make, one more
    /// than that before. A hold holds a page of version 5: who makes a page of version 7
    /// makes a hold of version 5.
    const fn numbers(self) -> (u8, u8) {
        match self {
            Self::Json => (1, 2),
            Self::JsonPart => (2, 2),
            Self::Page => (3, 6),
            Self::Marker => (4, 4),
            Self::Batch => (5, 2),
            Self::Voided => (6, 2),
            Self::Hold => (7, 4),
            Self::Closing => (8, 2),
            Self::OpenHold => (9, 2),
            Self::Alert => (10, 3),
            Self::Tasks => (11, 2),
            Self::Rollup => (12, 8),
            Self::Roster => (13, 2),
        }
    }

    const fn number(self) -> u8 {
        self.numbers().0
    }

    const fn version(self) -> u8 {
        self.numbers().1
    }

    /// Whether the version before begins with its number.
    const fn was_numbered(self) -> bool {
        !matches!(self, Self::Json | Self::JsonPart | Self::Closing)
    }

    /// The form of the bytes in an attribute of the item at `key`, if it is any.
    #[must_use]
    pub fn at(key: &Key, attribute: &str) -> Option<Self> {
        match attribute {
            table::ANSWER => return Some(Self::Marker),
            table::VOIDED => return Some(Self::Voided),
            table::CLOSING => return Some(Self::Closing),
            table::BODY => {}
            _ => return None,
        }
        let mut parts = key.pk.split('|');
        let kind = match parts.next() {
            Some("T") => parts.nth(1),
            Some("R") if parts.next() == Some("B") => return Some(Self::JsonPart),
            _ => None,
        };
        Some(match (kind, parts.next(), parts.next()) {
            (Some("E"), ..) => Self::Page,
            (Some("B"), ..) => Self::Batch,
            (Some("H"), ..) => Self::Hold,
            (Some("X"), ..) => Self::OpenHold,
            (Some("A"), ..) => Self::Alert,
            (Some("J"), ..) => Self::Tasks,
            (Some("N"), ..) | (Some("Q"), Some("names"), _) => Self::Roster,
            // Which rows are purged and where their pages are, is JSON.
            (Some("Q"), None, _) | (Some("Q"), Some("spans"), _) => Self::Json,
            (Some("R" | "Q"), ..) => Self::Rollup,
            _ => Self::Json,
        })
    }

    /// The bytes of `content` in the current version; the checksum is of `beside` too,
    /// which is stored elsewhere in the item.
    ///
    /// # Errors
    /// [`FormError::Damaged`] for what cannot be encoded.
    pub(crate) fn encode<T: Serialize>(
        self,
        content: &T,
        beside: &[&[u8]],
    ) -> Result<Vec<u8>, FormError> {
        let mut bytes = Vec::with_capacity(256);
        bytes.extend([0; HEAD_BYTES]);
        let bytes = postcard::to_extend(content, bytes).map_err(|_| FormError::Damaged)?;
        Ok(self.close(bytes, beside))
    }

    /// Reads what [`Form::encode`] wrote, or the version before of it.
    ///
    /// # Errors
    /// [`FormError`] for anything else.
    pub(crate) fn decode<T: DeserializeOwned>(
        self,
        bytes: &[u8],
        beside: &[&[u8]],
    ) -> Result<T, FormError> {
        let content = self.open_beside(bytes, beside)?;
        postcard::from_bytes(content).map_err(|_| FormError::Damaged)
    }

    /// `content` as it is stored, in the current version.
    #[must_use]
    pub fn seal(self, content: &[u8]) -> Vec<u8> {
        self.seal_beside(content, &[])
    }

    /// The same; the checksum is of `beside` too.
    pub(crate) fn seal_beside(self, content: &[u8], beside: &[&[u8]]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(content.len().saturating_add(HEAD_BYTES));
        bytes.extend([0; HEAD_BYTES]);
        bytes.extend_from_slice(content);
        self.close(bytes, beside)
    }

    /// The content of what [`Form::seal`] made, or of the version before of it.
    ///
    /// # Errors
    /// [`FormError`] for anything else.
    pub fn open(self, bytes: &[u8]) -> Result<&[u8], FormError> {
        self.open_beside(bytes, &[])
    }

    /// Writes the head before what follows its room.
    fn close(self, mut bytes: Vec<u8>, beside: &[&[u8]]) -> Vec<u8> {
        let (head, content) = bytes.split_at_mut(HEAD_BYTES);
        let sum = self.checksum(self.version(), content, beside).to_le_bytes();
        let head_of = [MARK, self.number(), self.version()].into_iter().chain(sum);
        head.iter_mut()
            .zip(head_of)
            .for_each(|(to, from)| *to = from);
        bytes
    }

    /// The content of what [`Form::seal_beside`] or [`Form::seal_before`] made.
    pub(crate) fn open_beside<'a>(
        self,
        bytes: &'a [u8],
        beside: &[&[u8]],
    ) -> Result<&'a [u8], FormError> {
        let Some(([mark, form, version, sum @ ..], content)) =
            bytes.split_first_chunk::<HEAD_BYTES>()
        else {
            return self.open_before(bytes);
        };
        if *mark != MARK {
            return self.open_before(bytes);
        }
        let is_ours = *form == self.number();
        if !is_ours || self.checksum(*version, content, beside) != u32::from_le_bytes(*sum) {
            return Err(FormError::Damaged);
        }
        if *version != self.version() {
            return Err(FormError::Version);
        }
        Ok(content)
    }

    /// The content of bytes of the version before.
    fn open_before(self, bytes: &[u8]) -> Result<&[u8], FormError> {
        // What has a head whose mark is damaged is none of these.
        match self {
            Self::Json | Self::JsonPart if bytes.iter().take(3).all(|byte| *byte >= b' ') => {
                return Ok(bytes);
            }
            Self::Closing if bytes.first().is_some_and(|variant| *variant < 3) => {
                return Ok(bytes);
            }
            Self::Json | Self::JsonPart | Self::Closing => return Err(FormError::Damaged),
            _ => {}
        }
        let (version, content) = bytes.split_first().ok_or(FormError::Damaged)?;
        if version.checked_add(1) != Some(self.version()) {
            return Err(FormError::Version);
        }
        if self != Self::Page {
            return Ok(content);
        }
        let (sum, content) = content.split_first_chunk().ok_or(FormError::Damaged)?;
        if crc32fast::hash(content) != u32::from_le_bytes(*sum) {
            return Err(FormError::Damaged);
        }
        Ok(content)
    }

    fn checksum(self, version: u8, content: &[u8], beside: &[&[u8]]) -> u32 {
        let mut sum = crc32fast::Hasher::new();
        sum.update(&[self.number(), version]);
        for part in beside {
            sum.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
            sum.update(part);
        }
        sum.update(content);
        sum.finalize()
    }

    /// The version before of bytes in the current one, of whatever form; `None` for
    /// bytes that are of none.
    #[must_use]
    pub fn before(bytes: &[u8]) -> Option<Vec<u8>> {
        let ([mark, form, version, ..], content) = bytes.split_first_chunk::<HEAD_BYTES>()?;
        let form = Self::ALL
            .into_iter()
            .find(|known| known.number() == *form)?;
        let is_current = *mark == MARK && *version == form.version();
        is_current.then(|| form.seal_before(content))
    }

    /// `content` as it is stored in the version before.
    pub(crate) fn seal_before(self, content: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(content.len().saturating_add(HEAD_BYTES));
        let number = self.version().saturating_sub(1);
        bytes.extend(self.was_numbered().then_some(number));
        if self == Self::Page {
            bytes.extend(crc32fast::hash(content).to_le_bytes());
        }
        bytes.extend_from_slice(content);
        bytes
    }
}
