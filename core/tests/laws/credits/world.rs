//! A prepaid tenant whose draws are counted the slow way beside.

use super::model::{Draws, Granted, Held, Model, SINCE, Source};
use crate::given::{at, event, name};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tollgate_core::{
    ACTIONS_MAX, Amount, Attrs, Catalog, Circumstances, Config, CounterKey, Currency, DAY_SECONDS,
    Draft, Event, Grant, Hold, Instant, Key, Marker, Mode, Moved, Name, Page, Plan, Posting,
    Reading, Rules, Standing, Status, Stored, Subscription, Value, Write, table,
};

const NOW: &str = "2026-11-22T10:00:00Z";

pub(super) struct World {
    pub(super) items: BTreeMap<Key, Attrs>,
    pub(super) rules: Rules,
    pub(super) now: Instant,
    pub(super) model: Model,
    pub(super) pages: usize,
    /// By id the numbers of events in the model that are not taken back.
    pub(super) recorded: Vec<(Name, usize)>,
}

pub(super) fn tenant() -> Name {
    name("acme")
}

/// An event that costs so much.
pub(super) fn costing(id: &str, timestamp: Instant, cost: i128) -> Event {
    let mut event = event(id, "agent_task");
    event.timestamp = timestamp;
    event.cost_override = Amount::from_units(cost);
    event
}

pub(super) fn subscription(day: u32, allowance: Option<i128>) -> Subscription {
    let plan = Plan {
        code: name("plan"),
        version: 1,
        name: "Plan".to_owned(),
        currency: Currency::USD,
        features: Vec::new(),
        allowance: allowance.and_then(Amount::from_units),
    };
    let anchor = format!("2026-01-{day:02}T00:00:00Z");
    Subscription {
        plan,
        status: Status::Active,
        period_anchor: (day > 1).then(|| at(&anchor)),
        time_zone: None,
        overrides: Vec::new(),
        since: at(SINCE),
    }
}

/// The item of a source.
fn key_of(source: &Source) -> Key {
    let total = "total/1970-01-01T00:00:00Z".to_owned();
    let (id, sk) = match source {
        Source::Allowance(0, start) => ("allowance".to_owned(), format!("period/{start}")),
        Source::Allowance(era, start) => (format!("allowance:{era}"), format!("period/{start}")),
        Source::Grant(number) => (format!("grant:g{number}"), total),
        Source::Uncovered => ("uncovered".to_owned(), total),
    };
    Key::new(format!("T|acme|C|credit|{id}"), sk)
}

impl World {
    pub(super) fn new(allowance: Option<i128>) -> Self {
        let config = Config {
            currency: Some(Currency::USD),
            subscription: Some(subscription(1, allowance)),
            ..Config::default()
        };
        Self {
            items: BTreeMap::new(),
            rules: Rules::new(Arc::new(config)),
            now: at(NOW),
            model: Model::new(allowance),
            pages: 0,
            recorded: Vec::new(),
        }
    }

    pub(super) fn days_ago(&self, days: i64) -> Instant {
        self.now.plus_seconds(-days * DAY_SECONDS)
    }

    pub(super) fn draft(&self, event: &Event) -> Draft {
        let priced = Catalog::built_in().price(&[], None, event).unwrap();
        Draft::new(event.clone(), priced, true)
    }

    /// Whether all of the writes happened; else none did.
    pub(super) fn commit(&mut self, writes: &[Write]) -> bool {
        let keys: BTreeSet<&Key> = writes.iter().map(|write| &write.key).collect();
        assert_eq!(keys.len(), writes.len(), "two writes on one key");
        assert!(writes.len() <= ACTIONS_MAX, "{} writes", writes.len());
        let holds = |write: &Write| {
            let item = self.items.get(&write.key);
            write.guards.iter().all(|guard| guard.holds(item))
        };
        if !writes.iter().all(holds) {
            return false;
        }
        for write in writes {
            match write.change.applied(self.items.get(&write.key)) {
                Some(item) => self.items.insert(write.key.clone(), item),
                None => self.items.remove(&write.key),
            };
        }
        true
    }

    /// What these counters hold.
    pub(super) fn read(&self, keys: Vec<CounterKey>) -> Standing {
        let item = |key: &CounterKey| self.items.get(&table::counter(&tenant(), key));
        let read = |key: CounterKey| {
            let reading = Reading::of(item(&key)?);
            Some((key, reading))
        };
        keys.into_iter().filter_map(read).collect()
    }

    pub(super) fn circumstances<'a>(
        &self,
        (tenant, page): (&'a Name, &'a str),
        mode: Mode,
        standing: &'a Standing,
    ) -> Circumstances<'a> {
        Circumstances {
            tenant,
            mode,
            received: self.now,
            page_id: page,
            seed: [7; 32],
            standing,
        }
    }

    pub(super) fn hold(&self, id: u8) -> Option<Hold> {
        let item = self
            .items
            .get(&table::hold(&tenant(), &name(&format!("h{id}"))))?;
        Some(Hold::from_attrs(item).unwrap())
    }

    pub(super) fn marker(&self, event: &Name) -> Marker {
        Marker::from_attrs(&self.items[&table::marker(&tenant(), event)]).unwrap()
    }

    /// An event as its page has it.
    pub(super) fn stored(&self, marker: &Marker) -> Stored {
        let (_, page, place) = Marker::place(&marker.page).unwrap();
        let (_, attrs) = self.items.iter().find(|(key, _)| key.sk == page).unwrap();
        let body = attrs[table::BODY].as_bytes().unwrap();
        Page::decode(body).unwrap().events[place].clone()
    }

    /// Another configuration takes the place of the one before.
    pub(super) fn configure(&mut self, change: impl FnOnce(&mut Config) -> Option<Moved>) {
        let mut config = Config::clone(self.rules.config());
        if let Some(Moved { from, to }) = change(&mut config) {
            let [from, to] = [from, to].map(|counter| table::counter(&tenant(), &counter));
            self.carry(&from, &to);
        }
        self.rules = Rules::new(Arc::new(config.renewed(self.now).unwrap()));
    }

    /// All that one counter counts is counted in another instead.
    fn carry(&mut self, from: &Key, to: &Key) {
        let is_count = |name: &str| name.starts_with("u:") || name.starts_with("n:");
        let Some(held) = self.items.remove(from) else {
            return;
        };
        let into = self.items.entry(to.clone()).or_default();
        for (name, value) in held.into_iter().filter(|(name, _)| is_count(name)) {
            let before = into.get(&name).and_then(Value::as_number).unwrap_or(0);
            let after = before + value.as_number().unwrap();
            into.insert(name, Value::N(after));
        }
    }

    pub(super) fn grant(&mut self, amount: i128, priority: u32, days: Option<i64>) {
        let number = u8::try_from(self.model.grants.len()).unwrap();
        let expires = days.map(|days| self.now.plus_seconds(days * DAY_SECONDS));
        let grant = Grant {
            id: name(&format!("g{number}")),
            amount: Amount::from_units(amount).unwrap(),
            priority,
            // No two are of the same age.
            granted_at: self.now.plus_seconds(i64::from(number)),
            expires_at: expires,
        };
        self.configure(|config| {
            config.prepaid = true;
            config.grants.push(grant);
            config.grants.sort_by(|a, b| a.rank().cmp(&b.rank()));
            None
        });
        self.model.grants.push(Granted {
            number,
            amount,
            priority,
            expires,
        });
    }

    pub(super) fn subscribe(&mut self, day: u32, allowance: Option<i128>) {
        let now = self.now;
        self.configure(|config| config.set_subscription(Some(subscription(day, allowance)), now));
        self.model.allowance = allowance;
        self.model.change_periods(day, &now.to_string());
    }

    pub(super) fn unsubscribe(&mut self) {
        let now = self.now;
        self.configure(|config| config.set_subscription(None, now));
        self.model.allowance = None;
        self.model.change_periods(1, &now.to_string());
    }

    /// What the model expects to be drawn is what is told of it.
    pub(super) fn assert_drawn(&self, found: &[Posting], expected: &Draws, is_held: bool) {
        let found = found.iter().map(|posting| {
            let (amount, nothing) = match is_held {
                true => (posting.held, posting.used),
                false => (posting.used, posting.held),
            };
            assert_eq!(nothing, 0);
            (table::counter(&tenant(), &posting.counter), amount)
        });
        let expected = expected
            .iter()
            .map(|(source, amount)| (key_of(source), *amount));
        assert_eq!(found.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    }

    /// Each source holds what was drawn of it and not given back, where that
    /// stands now, and no other counter holds anything.
    pub(super) fn assert_balanced(&self) {
        let sources = self
            .items
            .iter()
            .filter(|(key, _)| key.pk.contains("|C|credit|"));
        let number =
            |attrs: &Attrs, name: &str| attrs.get(name).and_then(Value::as_number).unwrap_or(0);
        let count = |attrs: &Attrs| (number(attrs, "u:spend:0"), number(attrs, "n:spend:0"));
        let found = sources.map(|(key, attrs)| (key.clone(), count(attrs)));
        let found: BTreeMap<Key, _> = found.filter(|(_, count)| *count != (0, 0)).collect();
        let sums = self.model.sums().into_iter();
        let expected: BTreeMap<Key, _> = sums.map(|(of, sum)| (key_of(&of), sum)).collect();
        assert_eq!(found, expected);
        for (id, Held { draws, closed, .. }) in &self.model.holds {
            let hold = self.hold(*id).unwrap();
            self.assert_drawn(&hold.postings, draws, true);
            let written = hold.closing.as_ref().map(|_| hold.state(hold.created));
            assert_eq!(written, *closed);
        }
    }
}
