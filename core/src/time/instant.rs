//! Points in time, to the nanosecond.

use alloc::string::{String, ToString};
use core::fmt;
use core::str::FromStr;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A point in time in UTC, to the nanosecond. Text is RFC 3339 with an offset;
/// it is answered with `Z`, the fraction kept.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(Timestamp);

/// Why a text or number is not an [`Instant`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InstantError {
    /// It is not RFC 3339, or has no offset.
    #[error("must be an RFC 3339 time with an offset, such as 2026-11-22T10:00:00Z")]
    Malformed,
    /// It has no offset.
    #[error("must name an offset, such as Z or +01:00")]
    Naive,
    /// It lies outside the years that can be counted.
    #[error("is out of range")]
    Range,
}

impl Instant {
    /// The Unix epoch.
    pub const EPOCH: Self = Self(Timestamp::UNIX_EPOCH);

    /// From milliseconds since the epoch.
    ///
    /// # Errors
    /// [`InstantError::Range`] beyond the years -9999 to 9999.
    pub fn from_millis(millis: i64) -> Result<Self, InstantError> {
        Timestamp::from_millisecond(millis)
            .map(Self)
            .map_err(|_| InstantError::Range)
    }

    /// From nanoseconds since the epoch.
    ///
    /// # Errors
    /// [`InstantError::Range`] beyond the years -9999 to 9999.
    pub fn from_nanos(nanos: i128) -> Result<Self, InstantError> {
        Timestamp::from_nanosecond(nanos)
            .map(Self)
            .map_err(|_| InstantError::Range)
    }

    /// Nanoseconds since the epoch.
    #[must_use]
    pub fn unix_nanos(self) -> i128 {
        self.0.as_nanosecond()
    }

    /// Whole seconds since the epoch, rounded down.
    #[must_use]
    pub fn unix_seconds(self) -> i64 {
        self.0
            .as_nanosecond()
            .div_euclid(1_000_000_000)
            .try_into()
            .unwrap_or(i64::MAX)
    }

    /// Whole milliseconds since the epoch, rounded down; 0 before it.
    #[must_use]
    pub fn unix_millis(self) -> u64 {
        self.0
            .as_nanosecond()
            .div_euclid(1_000_000)
            .try_into()
            .unwrap_or(0)
    }

    /// Whole microseconds since `earlier`; 0 when it lies later.
    #[must_use]
    pub fn micros_since(self, earlier: Self) -> u64 {
        let nanos = self
            .0
            .as_nanosecond()
            .saturating_sub(earlier.0.as_nanosecond());
        nanos.div_euclid(1000).try_into().unwrap_or(0)
    }

    /// This many seconds later (earlier, when negative), held within range.
    #[must_use]
    pub fn plus_seconds(self, seconds: i64) -> Self {
        let moved = self.0.saturating_add(SignedDuration::from_secs(seconds));
        Self(moved.unwrap_or(self.0))
    }

    /// The start of the span of `seconds` that holds it, counted from the epoch.
    #[must_use]
    pub fn floor_to(self, seconds: i64) -> Self {
        let at = self.unix_seconds();
        let rest = at.checked_rem_euclid(seconds).unwrap_or(0);
        let start = at.saturating_sub(rest);
        Timestamp::from_second(start).map_or(self, Self)
    }

    /// The jiff form, for calendar arithmetic.
    #[must_use]
    pub fn timestamp(self) -> Timestamp {
        self.0
    }

    /// `YYYY-MM-DD` in UTC.
    #[must_use]
    pub fn day(self) -> String {
        self.0.strftime("%Y-%m-%d").to_string()
    }

    /// `YYYY-MM-DDTHH` in UTC: the name of its hour, which sorts as time does.
    #[must_use]
    pub fn hour(self) -> String {
        self.0.strftime("%Y-%m-%dT%H").to_string()
    }

    /// `YYYY-MM` in UTC.
    #[must_use]
    pub fn month(self) -> String {
        self.0.strftime("%Y-%m").to_string()
    }

    /// `YYYY-Www` in UTC: its ISO 8601 week.
    #[must_use]
    pub fn week(self) -> String {
        self.0.strftime("%G-W%V").to_string()
    }

    /// Fixed-width text of the whole fraction, which sorts as time does.
    #[must_use]
    pub fn sortable(self) -> String {
        self.0.strftime("%Y-%m-%dT%H:%M:%S.%9fZ").to_string()
    }
}

impl From<Timestamp> for Instant {
    fn from(at: Timestamp) -> Self {
        Self(at)
    }
}

impl FromStr for Instant {
    type Err = InstantError;
    fn from_str(text: &str) -> Result<Self, InstantError> {
        let plain = |b: u8| b.is_ascii_digit() || b"TtZz+-:.".contains(&b);
        let shape = text.len() <= 40
            && text.bytes().all(plain)
            && text
                .as_bytes()
                .get(10)
                .is_some_and(|b| *b == b'T' || *b == b't');
        if !shape {
            return Err(InstantError::Malformed);
        }
        match text.parse::<Timestamp>() {
            Ok(at) => Ok(Self(at)),
            Err(_) if text.parse::<jiff::civil::DateTime>().is_ok() => Err(InstantError::Naive),
            Err(_) => Err(InstantError::Malformed),
        }
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Text in JSON, nanoseconds since the epoch in compact forms.
impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if to.is_human_readable() {
            return to.collect_str(self);
        }
        to.serialize_i128(self.0.as_nanosecond())
    }
}

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        if from.is_human_readable() {
            let text = String::deserialize(from)?;
            return text.parse().map_err(serde::de::Error::custom);
        }
        let nanos = i128::deserialize(from)?;
        Timestamp::from_nanosecond(nanos)
            .map(Self)
            .map_err(|_| serde::de::Error::custom(InstantError::Range))
    }
}

/// An hour, in seconds.
pub const HOUR_SECONDS: i64 = 3600;

/// A day, in seconds.
pub const DAY_SECONDS: i64 = 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_is_required_and_the_fraction_is_kept() {
        let at: Instant = "2026-11-22T11:00:00.6805900+01:00".parse().unwrap();
        assert_eq!(at.to_string(), "2026-11-22T10:00:00.68059Z");
        assert_eq!(
            "2026-11-22T10:00:00".parse::<Instant>(),
            Err(InstantError::Naive)
        );
        for bad in [
            "",
            "today",
            "2026-11-22",
            "2026-13-01T00:00:00Z",
            "2026-11-22 10:00:00Z",
            "2026-11-22T10:00:00Z[UTC]",
        ] {
            assert_eq!(
                bad.parse::<Instant>(),
                Err(InstantError::Malformed),
                "{bad}"
            );
        }
    }
}
