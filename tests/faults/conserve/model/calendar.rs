//! Where windows begin, told by counting from the beginning.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, Zoned};

/// Whose midnights count, and where periods begin.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(crate) struct Calendar {
    pub(crate) zone: Option<&'static str>,
    pub(crate) anchor: Option<&'static str>,
}

impl Calendar {
    /// The part of it that windows of a kind depend on.
    pub(crate) fn of(self, kind: &str) -> Self {
        match kind {
            "total" | "hour" => Self::default(),
            "period" => self,
            _ => Self {
                anchor: None,
                ..self
            },
        }
    }

    fn local(self, at: &str) -> Zoned {
        let zone = self.zone.map(|zone| TimeZone::get(zone).expect("a zone"));
        let at: Timestamp = at.parse().expect("a time");
        at.to_zoned(zone.unwrap_or(TimeZone::UTC))
    }

    /// The name of the window of `kind` that holds `at`: of two with the same
    /// calendar, the later one's is greater.
    pub(crate) fn window(self, kind: &str, at: &str) -> String {
        let local = self.local(at);
        match (kind, self.anchor) {
            ("total", _) => String::new(),
            ("hour", _) => at[..13].to_owned(),
            ("day", _) => local.date().to_string(),
            ("period", Some(anchor)) => self.anniversary(anchor, &local),
            ("month" | "period", _) => local.strftime("%Y-%m").to_string(),
            (other, _) => panic!("{other}"),
        }
    }

    /// How many anniversaries of `anchor` there were, one by one.
    fn anniversary(self, anchor: &str, at: &Zoned) -> String {
        let first: DateTime = self.local(anchor).datetime();
        let begins = |number: i32| {
            let moved = first + Span::new().months(number);
            let moved = moved.to_zoned(at.time_zone().clone());
            moved.expect("an anniversary")
        };
        assert!(begins(0) <= *at, "{anchor} lies before {at}");
        let count = (0..).take_while(|number| begins(*number) <= *at).count();
        format!("{count:04}")
    }
}
