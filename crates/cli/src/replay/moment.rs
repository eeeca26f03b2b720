//! Times as files write them.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use tollgate_core::Instant;

/// The time in a cell: RFC 3339, with a space or `T` before the clock time.
/// One that names no offset is UTC where `assume_utc` says so, else refused.
pub(crate) fn parse(text: &str, assume_utc: bool) -> Result<Instant, &'static str> {
    let text = text
        .strip_suffix(" UTC")
        .map_or_else(|| text.to_string(), |rest| format!("{rest}Z"));
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at.into());
    }
    let naive: DateTime = text
        .parse()
        .map_err(|_| "must be an RFC 3339 time, such as 2026-11-22T10:00:00Z")?;
    if !assume_utc {
        return Err("names no offset; add --assume-utc if the file's times are UTC");
    }
    let zoned = TimeZone::UTC
        .to_timestamp(naive)
        .map_err(|_| "is out of range")?;
    Ok(zoned.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_is_read_with_a_space_or_a_t() {
        for text in [
            "2023-11-16T18:15:46.6805900Z",
            "2023-11-16 18:15:46.6805900Z",
            "2023-11-16 18:15:46.6805900 UTC",
            "2023-11-16 19:15:46.68059+01:00",
            "2023-11-16 18:15:46.68059+00",
        ] {
            let at = parse(text, false).map(|at| at.to_string());
            assert_eq!(at.as_deref(), Ok("2023-11-16T18:15:46.68059Z"), "{text}");
        }
    }

    #[test]
    fn a_naive_time_needs_leave_to_be_utc() {
        for text in ["2023-11-16 18:15:46.6805900", "2023-11-16T18:15:46.6805900"] {
            assert!(
                parse(text, false).unwrap_err().contains("--assume-utc"),
                "{text}"
            );
            assert_eq!(
                parse(text, true).unwrap().to_string(),
                "2023-11-16T18:15:46.68059Z"
            );
        }
        assert_eq!(
            parse("2023-11-16", true).unwrap().to_string(),
            "2023-11-16T00:00:00Z"
        );
    }

    #[test]
    fn an_offset_of_its_own_is_kept_where_utc_is_assumed() {
        assert_eq!(
            parse("2023-11-16T18:00:00+02:00", true)
                .unwrap()
                .to_string(),
            "2023-11-16T16:00:00Z"
        );
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "yesterday",
            "11/16/2023 18:15",
            "1700158546",
            "2023-13-01T00:00:00Z",
            "2023-02-30 10:00:00",
        ] {
            assert!(
                parse(text, true).unwrap_err().starts_with("must be"),
                "{text}"
            );
        }
    }
}
