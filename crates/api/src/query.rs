//! Query parameters.

use crate::percent::{decoded, encoded};
use crate::problem::Problem;
use crate::reserved::is_reserved_tenant;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;
use tollgate_core::{Dimension, Filter, Instant, Name, Range};

/// The most bytes of a query.
const QUERY_BYTES_MAX: usize = 8192;
/// Other spellings of parameters.
const ALIASES: [(&str, &str); 5] = [
    ("start_date", "start"),
    ("end_date", "end"),
    ("agent", "agent_id"),
    ("consumer", "consumer_id"),
    ("export_format", "format"),
];
/// What says where in a list to begin and how much to show, not what to list.
const PAGING: [&str; 2] = ["cursor", "limit"];

/// The parameters of a query, each known and given once.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Params(BTreeMap<&'static str, Param>);

#[derive(Clone, PartialEq, Eq, Debug)]
struct Param {
    /// As it was spelt.
    pointer: String,
    value: String,
}

impl Params {
    /// The parameters of a filter.
    pub const FILTERS: &'static [&'static str] = &Dimension::FILTER_FIELDS;
    /// The parameters that a range of time is read from.
    pub const RANGE: &'static [&'static str] = &["start", "end"];
    /// The parameters of a list.
    pub const PAGING: &'static [&'static str] = &["limit", "cursor"];

    /// Reads a raw query of the parameters in `allowed` (canonical names; their
    /// aliases are taken too). A `+` stands for itself, as ids and offsets hold
    /// it; a blank is `%20`.
    ///
    /// # Errors
    /// 400 `invalid_request` for a parameter that is unknown, repeated or not
    /// percent-encoded UTF-8.
    pub fn parse(raw: Option<&str>, allowed: &[&'static str]) -> Result<Self, Problem> {
        Self::parse_any(raw, &[allowed])
    }

    /// The same for several lists of allowed parameters, such as
    /// [`Params::FILTERS`] and [`Params::RANGE`].
    ///
    /// # Errors
    /// As [`Params::parse`].
    pub fn parse_any(raw: Option<&str>, allowed: &[&[&'static str]]) -> Result<Self, Problem> {
        let raw = raw.unwrap_or_default();
        if raw.len() > QUERY_BYTES_MAX {
            return Err(Problem::invalid_request(
                "?",
                format!("the query must have at most {QUERY_BYTES_MAX} bytes"),
            ));
        }
        let mut params = Self::default();
        for pair in raw.split('&').filter(|pair| !pair.is_empty()) {
            params.add(pair, allowed)?;
        }
        Ok(params)
    }

    fn add(&mut self, pair: &str, allowed: &[&[&'static str]]) -> Result<(), Problem> {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let refuse = |message: &str| Problem::invalid_request(format!("?{name}"), message);
        let encoding = || refuse("must be percent-encoded UTF-8 without control characters");
        let spelt = decoded(name).ok_or_else(encoding)?;
        let pointer = format!("?{spelt}");
        let alias = ALIASES.iter().find(|(alias, _)| *alias == spelt);
        let canonical = alias.map_or(spelt.as_str(), |(_, name)| name);
        let known = allowed
            .iter()
            .flat_map(|list| list.iter())
            .find(|known| **known == canonical);
        let known =
            known.ok_or_else(|| Problem::invalid_request(&pointer, "is an unknown parameter"))?;
        let value = decoded(value).ok_or_else(encoding)?;
        let repeated = || Problem::invalid_request(&pointer, "is given twice");
        match self.0.insert(
            known,
            Param {
                pointer: pointer.clone(),
                value,
            },
        ) {
            Some(_) => Err(repeated()),
            None => Ok(()),
        }
    }

    /// The text of a parameter.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|param| param.value.as_str())
    }

    fn read<T, E: Display>(
        &self,
        name: &str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, Problem> {
        let Some(param) = self.0.get(name) else {
            return Ok(None);
        };
        let refuse = |error: E| Problem::invalid_request(&param.pointer, error.to_string());
        read(&param.value).map(Some).map_err(refuse)
    }

    /// A name.
    ///
    /// # Errors
    /// 400 naming the parameter, here and below.
    pub fn name(&self, name: &str) -> Result<Option<Name>, Problem> {
        self.read(name, Name::new)
    }

    /// The tenant that `tenant_id` names.
    ///
    /// # Errors
    /// 400 for a text that cannot be a tenant's id.
    pub fn tenant(&self) -> Result<Option<Name>, Problem> {
        self.read("tenant_id", |text| match Name::in_path(text) {
            Ok(_) if is_reserved_tenant(text) => {
                Err("is a word of a route and names no tenant".to_owned())
            }
            named => named.map_err(|error| error.to_string()),
        })
    }

    /// Anything with a text form, such as a currency; `what` says what it must be.
    ///
    /// # Errors
    /// 400 naming the parameter.
    pub fn parsed<T: FromStr>(&self, name: &str, what: &str) -> Result<Option<T>, Problem> {
        self.read(name, |text| {
            text.parse().map_err(|_| format!("must be {what}"))
        })
    }

    /// `true` or `false`; absent = false.
    ///
    /// # Errors
    /// 400 naming the parameter.
    pub fn flag(&self, name: &str) -> Result<bool, Problem> {
        Ok(self.parsed(name, "true or false")?.unwrap_or(false))
    }

    /// One of the named values.
    ///
    /// # Errors
    /// 400 naming the parameter and the values.
    pub fn one_of<T: Copy>(&self, name: &str, choices: &[(&str, T)]) -> Result<Option<T>, Problem> {
        self.read(name, |text| {
            let chosen = choices
                .iter()
                .find(|(name, _)| *name == text)
                .map(|(_, value)| *value);
            let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            chosen.ok_or_else(|| format!("must be one of {}", names.join(", ")))
        })
    }

    /// A time, or a date as its midnight UTC.
    ///
    /// # Errors
    /// 400 naming the parameter.
    pub fn instant(&self, name: &str) -> Result<Option<Instant>, Problem> {
        self.read(name, |text| {
            let midnight = if text.len() == 10 {
                format!("{text}T00:00:00Z")
            } else {
                text.to_owned()
            };
            midnight.parse::<Instant>()
        })
    }

    /// `start` and `end`.
    ///
    /// # Errors
    /// 400 for a malformed time, and for a range that ends before it starts.
    pub fn range(&self) -> Result<Range, Problem> {
        let (start, end) = (self.instant("start")?, self.instant("end")?);
        if start.zip(end).is_some_and(|(start, end)| start >= end) {
            return Err(Problem::invalid_request(
                "?start",
                "must be before the end; a day ends where the next one starts",
            ));
        }
        Ok(Range { start, end })
    }

    /// How many entries to show: 1 to `max`, `default` when absent.
    ///
    /// # Errors
    /// 400 naming the parameter.
    pub fn limit(&self, default: usize, max: usize) -> Result<usize, Problem> {
        let limit = self.read("limit", |text| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            let number = text
                .parse()
                .ok()
                .filter(|limit| digits && (1..=max).contains(limit));
            number.ok_or_else(|| format!("must be an integer from 1 to {max}"))
        })?;
        Ok(limit.unwrap_or(default))
    }

    /// The conditions on events.
    ///
    /// # Errors
    /// 400 naming the parameter.
    pub fn filters(&self) -> Result<Filter, Problem> {
        let mut filter = Filter {
            id: self.read("id", Name::known)?,
            unpriced: self.flag("unpriced")?,
            ..Filter::default()
        };
        for dimension in Dimension::FILTERS {
            let name = self.name(dimension.field())?;
            filter.names.extend(name.map(|name| (dimension, name)));
        }
        Ok(filter)
    }

    /// One text for all spellings of the same query, whatever its page: what a
    /// cursor is bound to. Values hold no control character, so it is injective.
    #[must_use]
    pub fn canonical(&self) -> String {
        let listed = self.0.iter().filter(|(name, _)| !PAGING.contains(name));
        listed
            .map(|(name, param)| format!("{name}={}\n", param.value))
            .collect()
    }

    /// The query that goes on at `cursor`, all else as it was asked.
    #[must_use]
    pub fn next(&self, cursor: &str) -> String {
        let kept = self.0.iter().filter(|(name, _)| **name != "cursor");
        let pairs = kept.map(|(name, param)| format!("{name}={}&", encoded(&param.value)));
        format!("{}cursor={}", pairs.collect::<String>(), encoded(cursor))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusals::refusal;
    use tollgate_core::Label;

    fn params(raw: &str) -> Result<Params, Problem> {
        Params::parse_any(
            Some(raw),
            &[
                Params::FILTERS,
                Params::RANGE,
                Params::PAGING,
                &["dry", "id", "unpriced"],
            ],
        )
    }

    #[test]
    fn names_times_and_numbers_are_read() {
        let read = params("start_date=2026-11-22&end=2026-11-23T00%3A00%3A00+01:00&agent=a%2Fb+c&limit=5&&dry=true").unwrap();
        let range = read.range().unwrap();
        assert_eq!(range.start.unwrap().to_string(), "2026-11-22T00:00:00Z");
        assert_eq!(range.end.unwrap().to_string(), "2026-11-22T23:00:00Z");
        assert_eq!(
            read.filters()
                .unwrap()
                .name(Dimension::Label(Label::Agent))
                .unwrap()
                .as_str(),
            "a/b+c"
        );
        assert_eq!(read.limit(100, 1000).unwrap(), 5);
        assert!(read.flag("dry").unwrap());
        let none = Params::parse(None, &[]).unwrap();
        assert_eq!(
            (none.limit(100, 1000).unwrap(), none.range().unwrap()),
            (100, Range::default())
        );
    }

    #[test]
    fn a_cursor_is_bound_to_the_query_and_not_to_its_page_or_spelling() {
        let canonical = |raw: &str| params(raw).unwrap().canonical();
        assert_eq!(
            canonical("agent=a&start=2026-11-22&limit=1&cursor=x"),
            canonical("start_date=2026-11-22&agent_id=%61")
        );
        assert_ne!(canonical("agent=a"), canonical("consumer=a"));
    }

    #[test]
    fn the_next_query_asks_the_same_elsewhere() {
        let first =
            params("agent=a%2Fb+c&limit=5&cursor=x&start=2026-11-22T10:00:00%2B01:00").unwrap();
        assert_eq!(
            first.next("y-_"),
            "agent_id=a%2Fb%2Bc&limit=5&start=2026-11-22T10:00:00%2B01:00&cursor=y-_"
        );
        assert_eq!(
            params(&first.next("y")).unwrap().canonical(),
            first.canonical()
        );
        assert_eq!(Params::default().next("y"), "cursor=y");
    }

    #[test]
    fn a_bad_query_is_refused_by_parameter() {
        let long = format!("agent={}", "a".repeat(9000));
        for (raw, pointer) in [
            ("color=red", "?color"),
            ("agent_id=a&agent_id=a", "?agent_id"),
            ("agent_id=a&agent=b", "?agent"),
            ("agent=%zz", "?agent"),
            ("agent=%2", "?agent"),
            ("agent=%ff", "?agent"),
            ("agent=%00", "?agent"),
            ("agent=a%0Ab", "?agent"),
            ("agent=", "?agent"),
            ("agent=a|b", "?agent"),
            ("agent=%20", "?agent"),
            ("start=2026-13-01", "?start"),
            ("start=2026-11-22T10:00:00", "?start"),
            ("start_date=now", "?start_date"),
            ("start=2026-11-23&end=2026-11-22", "?start"),
            ("start=2026-11-22&end=2026-11-22", "?start"),
            ("limit=0", "?limit"),
            ("limit=1001", "?limit"),
            ("limit=-1", "?limit"),
            ("limit=+1", "?limit"),
            ("limit=1e2", "?limit"),
            ("limit=99999999999999999999999", "?limit"),
            ("dry=yes", "?dry"),
            ("%ff=1", "?%ff"),
            (&long, "?"),
        ] {
            let read = params(raw).and_then(|read| {
                Ok((
                    read.range()?,
                    read.filters()?,
                    read.limit(100, 1000)?,
                    read.flag("dry")?,
                ))
            });
            assert_eq!(refusal(read), (400, pointer.to_owned()), "{raw}");
        }
    }

    #[test]
    fn all_conditions_must_hold() {
        let body = br#"{"operation":"x","agent_id":"a1","task_id":"t1"}"#;
        let event = crate::event::parse_event(body)
            .unwrap()
            .into_event(Name::new("e1").unwrap(), tollgate_core::Instant::EPOCH);
        let stored = tollgate_core::Stored {
            event,
            cost: tollgate_core::Amount::ZERO,
            card: None,
            decision: tollgate_core::Decision::Allow,
            voids: None,
        };
        for (query, matches) in [
            ("", true),
            ("agent=a1", true),
            ("agent=a1&task_id=t1&tier=standard&operation=x&id=e1", true),
            ("unpriced=true", true),
            ("agent=a2", false),
            ("agent=a1&id=e2", false),
            ("session_id=s1", false),
        ] {
            let filter = params(query).unwrap().filters().unwrap();
            assert_eq!(filter.matches(&stored), matches, "{query}");
        }
    }
}
