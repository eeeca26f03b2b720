//! The calendar of the oracle, from first principles: nanoseconds since the
//! epoch to names of hours, days, weeks and months in UTC.

pub(super) const SECOND: i128 = 1_000_000_000;
pub(super) const HOUR: i128 = 3600 * SECOND;
pub(super) const DAY: i128 = 24 * HOUR;

pub(super) fn floor(at: i128, span: i128) -> i128 {
    at.div_euclid(span) * span
}

fn is_leap(year: i128) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Year, month and day of the month, counted off year by year.
fn date(at: i128) -> (i128, i128, i128) {
    let (mut year, mut rest) = (1970, at.div_euclid(DAY));
    while rest >= 365 + i128::from(is_leap(year)) {
        rest -= 365 + i128::from(is_leap(year));
        year += 1;
    }
    let february = 28 + i128::from(is_leap(year));
    for (month, days) in (1..).zip([31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]) {
        if rest < days {
            return (year, month, rest + 1);
        }
        rest -= days;
    }
    unreachable!("a year has no more days")
}

pub(super) fn day(at: i128) -> String {
    let (year, month, day) = date(at);
    format!("{year}-{month:02}-{day:02}")
}

pub(super) fn month(at: i128) -> String {
    day(at)[..7].to_owned()
}

/// The week belongs to the year that its Thursday is in, and is as many as
/// there were Thursdays in it.
pub(super) fn week(at: i128) -> String {
    let days = at.div_euclid(DAY);
    // Day 0 was a Thursday: Monday is 0, so it is 3.
    let weekday = (days + 3).rem_euclid(7);
    let thursday = days - weekday + 3;
    let year = date(thursday * DAY).0;
    let thursdays = (0..=thursday)
        .rev()
        .step_by(7)
        .take_while(|day| date(day * DAY).0 == year)
        .count();
    format!("{year}-W{thursdays:02}")
}

/// RFC 3339 with all nine digits of the fraction, or without any.
pub(super) fn instant(at: i128) -> String {
    let (of_day, fraction) = (at.rem_euclid(DAY) / SECOND, at.rem_euclid(SECOND));
    let time = format!(
        "{}T{:02}:{:02}:{:02}",
        day(at),
        of_day / 3600,
        of_day / 60 % 60,
        of_day % 60
    );
    if fraction == 0 {
        format!("{time}Z")
    } else {
        format!("{time}.{fraction:09}Z")
    }
}

#[test]
fn the_oracle_knows_the_calendar() {
    let at = |text: &str| {
        i128::from(
            format!("{text}T12:00:00Z")
                .parse::<tollgate_core::Instant>()
                .expect("a day")
                .unix_seconds(),
        ) * SECOND
    };
    for (date, expected) in [
        ("1970-01-01", "1970-W01"),
        ("2024-02-29", "2024-W09"),
        ("2024-12-29", "2024-W52"),
        ("2024-12-30", "2025-W01"),
        ("2027-01-01", "2026-W53"),
        ("2027-01-04", "2027-W01"),
        ("2028-12-31", "2028-W52"),
    ] {
        assert_eq!(
            (day(at(date)).as_str(), week(at(date)).as_str()),
            (date, expected)
        );
        assert_eq!(
            (month(at(date)).as_str(), instant(at(date) + 1)),
            (&date[..7], format!("{date}T12:00:00.000000001Z"))
        );
    }
}
