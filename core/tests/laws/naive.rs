//! Limits counted the slow way: sums over events, windows by text.

use std::collections::{BTreeMap, BTreeSet};
use tollgate_core::{
    Config, Decision, Event, GroupBy, Instant, Limit, Measure, Mode, Name, Page, Scope, SoftMode,
    WindowKind,
};

/// Partition, sort key and attribute of a counter: `u:` with what is held, `n:` of
/// what is used alone.
pub(crate) type Place = (String, String, String);

/// What all counters of one tenant should hold.
#[derive(Clone)]
pub(crate) struct Naive {
    tenant: String,
    limits: Vec<Limit>,
    from: String,
    pub(crate) sums: BTreeMap<Place, i128>,
    /// The counters that any event touched.
    pub(crate) items: BTreeSet<(String, String)>,
}

/// The text of the start of the window of `kind` that holds `time`.
pub(crate) fn start_text(kind: WindowKind, time: &str) -> String {
    let (length, rest) = match kind {
        WindowKind::Total => return "1970-01-01T00:00:00Z".to_owned(),
        WindowKind::Second => (19, "Z"),
        WindowKind::Hour => (13, ":00:00Z"),
        WindowKind::Day => (10, "T00:00:00Z"),
        WindowKind::Week => {
            let number = |text: &str| text.parse::<i64>().unwrap();
            let (year, month) = (number(&time[..4]), number(&time[5..7]));
            let day = number(&time[8..10]);
            // Day 0 was a Wednesday.
            let into = (day_number(year, month, day) + 2).rem_euclid(7);
            let midnight: Instant = start_text(WindowKind::Day, time).parse().unwrap();
            return midnight.plus_seconds(-into * 86_400).to_string();
        }
        WindowKind::Month | WindowKind::Period => (7, "-01T00:00:00Z"),
    };
    format!("{}{rest}", &time[..length])
}

/// The key of the span that holds `time`: the week by the day of its Thursday,
/// counted from 1 March of the year 0.
pub(crate) fn span_text(by: GroupBy, time: &str) -> String {
    match by {
        GroupBy::Hour => start_text(WindowKind::Hour, time),
        GroupBy::Day => time[..10].to_owned(),
        GroupBy::Month => time[..7].to_owned(),
        GroupBy::Week => {
            let number = |text: &str| text.parse::<i64>().unwrap();
            let day = day_number(
                number(&time[..4]),
                number(&time[5..7]),
                number(&time[8..10]),
            );
            // Day 0 was a Wednesday.
            let thursday = day - (day + 2).rem_euclid(7) + 3;
            let year = (number(&time[..4]) - 1..=number(&time[..4]) + 1)
                .rfind(|year| day_number(*year, 1, 1) <= thursday)
                .unwrap();
            format!(
                "{year:04}-W{:02}",
                (thursday - day_number(year, 1, 1)) / 7 + 1
            )
        }
        _ => String::new(),
    }
}

fn day_number(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month < 3 {
        (year - 1, month + 9)
    } else {
        (year, month - 3)
    };
    year * 365 + year.div_euclid(4) - year.div_euclid(100)
        + year.div_euclid(400)
        + (month * 306 + 5) / 10
        + day
        - 1
}

fn kind_text(kind: WindowKind) -> &'static str {
    match kind {
        WindowKind::Total => "total",
        WindowKind::Second => "second",
        WindowKind::Hour => "hour",
        WindowKind::Day => "day",
        WindowKind::Week => "week",
        WindowKind::Month => "month",
        WindowKind::Period => "period",
    }
}

/// The name of the scope and which one of it, if the event is inside; of nodes the
/// one that is `named`.
fn who(scope: Scope, named: Option<&str>, event: &Event) -> Option<(&'static str, String)> {
    let d = &event.dimensions;
    let text = |name: &Option<Name>| name.as_ref().map(|name| name.as_str().to_owned());
    Some(match scope {
        Scope::Node => {
            let mut path = d.path.iter().map(Name::as_str);
            ("node", path.find(|node| Some(*node) == named)?.to_owned())
        }
        Scope::Tenant => ("tenant", String::new()),
        Scope::Agent => ("agent", text(&d.agent)?),
        Scope::Consumer => ("consumer", text(&d.consumer)?),
        Scope::Session => ("session", text(&d.session)?),
        Scope::Operation => ("operation", d.operation.as_str().to_owned()),
        Scope::Model => ("model", d.model.as_ref()?.as_str().to_owned()),
        Scope::Credit => return None,
        Scope::Tool => {
            let [server, tool] = [text(&d.tool_server)?, text(&d.tool_name)?]
                .map(|part| part.replace('%', "%25").replace('/', "%2F"));
            ("tool", format!("{server}/{tool}"))
        }
    })
}

/// How much of `measure` the event uses; `None` where it is outside.
fn use_of(measure: &Measure, event: &Event, cost: i128) -> Option<(String, i128)> {
    let q = &event.quantities;
    let operation = event.dimensions.operation.as_str();
    let of = |kind: &str, name: &str, amount: u64| {
        (name == operation).then(|| (format!("{kind}:{name}"), i128::from(amount)))
    };
    let (name, amount) = match measure {
        Measure::Spend => return Some(("spend".to_owned(), cost)),
        Measure::EventsOf(name) => return of("events", name.as_str(), 1),
        Measure::UnitsOf(name) => return of("units", name.as_str(), q.units),
        Measure::Events => ("events", 1),
        Measure::Units => ("units", q.units),
        Measure::Tokens => ("tokens", q.tokens_in + q.tokens_out + q.tokens_processed),
        Measure::TokensIn => ("tokens_in", q.tokens_in),
        Measure::TokensOut => ("tokens_out", q.tokens_out),
        Measure::ApiCalls => ("api_calls", q.api_calls),
        Measure::DataBytes => ("data_bytes", q.data_bytes),
        Measure::Searches => ("searches", q.searches),
        Measure::Images => ("images", q.images),
        Measure::DurationMs => ("duration_ms", q.duration_ms),
    };
    Some((name.to_owned(), i128::from(amount)))
}

impl Naive {
    /// Counts for `limits`, all set by the first version at `from`.
    pub(crate) fn new(tenant: &str, config: &Config, from: Instant) -> Self {
        Self {
            tenant: tenant.to_owned(),
            limits: config.limits.clone(),
            from: from.to_string(),
            sums: BTreeMap::new(),
            items: BTreeSet::new(),
        }
    }

    fn place(
        &self,
        limit: &Limit,
        event: &Event,
        cost: i128,
        received: Instant,
        mode: Mode,
    ) -> Option<(Place, i128)> {
        let is_second = limit.window == WindowKind::Second;
        let (scope, id) = who(limit.scope, limit.scope_id.as_deref(), event)?;
        let (measure, amount) = use_of(&limit.measure, event, cost)?;
        let time = if is_second { received } else { event.timestamp }.to_string();
        let start = start_text(limit.window, &time);
        let is_named = limit.scope_id.as_deref().is_none_or(|named| named == id);
        let is_over = start < start_text(limit.window, &self.from);
        if !is_named || is_over || (is_second && mode == Mode::Observe) {
            return None;
        }
        let partition = format!("T|{}|C|{scope}|{id}", self.tenant);
        let sort = format!("{}/{start}", kind_text(limit.window));
        Some(((partition, sort, format!("u:{measure}:1")), amount))
    }

    /// What should be decided now, and the sum each violated limit stands at.
    pub(crate) fn decide(
        &self,
        event: &Event,
        cost: i128,
        received: Instant,
        mode: Mode,
    ) -> (Decision, Vec<i128>) {
        let (mut decision, mut violated) = (Decision::Allow, Vec::new());
        for limit in &self.limits {
            let Some((place, amount)) = self.place(limit, event, cost, received, mode) else {
                continue;
            };
            let stands = self.sums.get(&place).copied().unwrap_or(0);
            let passes = |value: Option<i128>| value.is_some_and(|value| stands + amount > value);
            let is_blocked = passes(limit.soft) && limit.soft_mode == SoftMode::Block;
            if passes(limit.hard) || is_blocked {
                violated.push(stands);
            } else if passes(limit.soft) {
                decision = Decision::Warn;
            }
        }
        violated.sort_unstable();
        (
            if violated.is_empty() {
                decision
            } else {
                Decision::Deny
            },
            violated,
        )
    }

    /// Counts an event once in each counter that any limit needs.
    pub(crate) fn count(&mut self, event: &Event, cost: i128, received: Instant, mode: Mode) {
        let places = self
            .limits
            .iter()
            .filter_map(|limit| self.place(limit, event, cost, received, mode));
        let places: BTreeSet<_> = places.collect();
        for ((partition, sort, attribute), amount) in places {
            self.items.insert((partition.clone(), sort.clone()));
            let used = attribute.replacen("u:", "n:", 1);
            for attribute in [attribute, used].into_iter().filter(|_| amount != 0) {
                let place = (partition.clone(), sort.clone(), attribute);
                *self.sums.entry(place).or_default() += amount;
            }
        }
    }

    pub(crate) fn count_page(&mut self, page: &Page, mode: Mode) {
        for stored in &page.events {
            self.count(&stored.event, stored.cost.units(), page.received, mode);
        }
    }

    /// The first limit whose counters stand past what it refuses.
    pub(crate) fn passed(&self) -> Option<String> {
        let caps = |limit: &Limit| match limit.soft_mode {
            SoftMode::Block => [limit.hard, limit.soft],
            SoftMode::Warn => [limit.hard, None],
        };
        self.limits.iter().find_map(|limit| {
            let cap = caps(limit).into_iter().flatten().min()?;
            let partition = format!("T|{}|C|{}|", self.tenant, limit.scope.as_str());
            let attribute = format!("u:{}:1", limit.measure);
            let kind = format!("{}/", kind_text(limit.window));
            let is_its = |(pk, sk, counted): &Place| {
                let id = pk.strip_prefix(&partition);
                let is_named =
                    id.is_some_and(|id| limit.scope_id.as_deref().is_none_or(|named| named == id));
                is_named && sk.starts_with(&kind) && *counted == attribute
            };
            let found = self
                .sums
                .iter()
                .find(|(place, sum)| is_its(place) && **sum > cap);
            found.map(|(place, sum)| format!("{place:?} stands at {sum}, {limit:?}"))
        })
    }
}
