//! A tenant whose holds and events are counted the slow way beside.

use super::model::{Counted, Held, THRESHOLDS};
use crate::given::{at, card, complete, event, name, operation, price};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tollgate_core::{
    ACTIONS_MAX, Alerts, Attrs, Catalog, Circumstances, Component, Config, CounterKey, Currency,
    Defaults, Draft, Event, Hold, Instant, Key, Layer, Limit, Measure, Mode, Name, OnUnavailable,
    OpenHold, Reading, Rules, Scope, SoftMode, Standing, WindowKind, Write, table,
};

const NOW: &str = "2026-11-22T10:00:00Z";

#[derive(Clone)]
pub(super) struct World {
    pub(super) items: BTreeMap<Key, Attrs>,
    pub(super) rules: Rules,
    pub(super) now: Instant,
    pub(super) holds: BTreeMap<u8, Held>,
    pub(super) events: Vec<Counted>,
    pub(super) pages: usize,
    pub(super) catalog: Catalog,
    /// By counter and attribute, the highest percent announced.
    pub(super) announced: BTreeMap<(String, String, String), u8>,
    pub(super) alerts: usize,
    /// The list of open holds, as it was last remembered.
    pub(super) listed: Vec<OpenHold>,
}

pub(super) fn tenant() -> Name {
    name("acme")
}

fn catalog() -> Catalog {
    let mut card = card("ai", 1, 1);
    card.operations.insert(
        name("gpt"),
        operation(&[(Component::TokenOut, price("0.003", 7))]),
    );
    let mut catalog = Catalog::built_in();
    catalog.insert(card);
    catalog.set_defaults(Defaults {
        version: 1,
        sequence: 2,
        rate_cards: vec![name("ai"), name("default")],
    });
    catalog
}

/// The kinds of limits, by number.
pub(super) fn limit((number, hard): &(u8, i128)) -> Limit {
    let (scope, measure, window) = match number % 6 {
        0 => (Scope::Tenant, Measure::Spend, WindowKind::Total),
        1 | 4 => (Scope::Agent, Measure::Tokens, WindowKind::Day),
        2 => (Scope::Tenant, Measure::Events, WindowKind::Day),
        5 => (Scope::Tenant, Measure::Events, WindowKind::Second),
        _ => (Scope::Agent, Measure::Spend, WindowKind::Day),
    };
    let is_money = measure == Measure::Spend;
    let scale = if is_money { 10_i128.pow(15) } else { 1 };
    Limit {
        id: name(&format!("l{number}")),
        layer: Layer::Limits,
        scope,
        // A named limit and one on each, made together, share an attribute.
        scope_id: (number % 6 == 4).then(|| Arc::from("a0")),
        hard: Some(hard * scale),
        currency: is_money.then_some(Currency::USD),
        measure,
        window,
        soft: None,
        soft_mode: SoftMode::Warn,
        on_unavailable: OnUnavailable::Deny,
    }
}

/// What an event of an agent is.
pub(super) fn used(id: &str, agent: u8, yesterday: bool, tokens: u64) -> Event {
    let mut event = event(id, "gpt");
    event.dimensions.agent = Some(name(&format!("a{agent}")));
    event.quantities.tokens_out = tokens;
    if yesterday {
        event.timestamp = at("2026-11-21T23:59:59.999999999Z");
    }
    event
}

impl World {
    pub(super) fn new(limits: &[(u8, i128)]) -> Self {
        let alerts = Alerts {
            thresholds: THRESHOLDS.to_vec(),
            url: None,
            secret: None,
        };
        let config = Config {
            currency: Some(Currency::USD),
            limits: limits.iter().map(limit).collect(),
            alerts: Some(alerts),
            ..Config::default()
        };
        let config = complete(config, at("2026-11-01T00:00:00Z"));
        Self {
            items: BTreeMap::new(),
            rules: Rules::new(Arc::new(config)),
            now: at(NOW),
            holds: BTreeMap::new(),
            events: Vec::new(),
            pages: 0,
            catalog: catalog(),
            announced: BTreeMap::new(),
            alerts: 0,
            listed: Vec::new(),
        }
    }

    pub(super) fn draft(&self, event: &Event) -> Draft {
        let priced = self.catalog.price(&[], None, event).unwrap();
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
        let read = |key: CounterKey| Some((Reading::of(item(&key)?), key));
        let readings = keys.into_iter().filter_map(read);
        readings.map(|(reading, key)| (key, reading)).collect()
    }

    pub(super) fn standing(&self, draft: &Draft) -> Standing {
        let drafts = std::slice::from_ref(draft);
        self.read(self.rules.counters(drafts, Mode::Enforce, self.now))
    }

    pub(super) fn hold(&self, id: u8) -> Option<Hold> {
        let item = self
            .items
            .get(&table::hold(&tenant(), &name(&format!("h{id}"))))?;
        Some(Hold::from_attrs(item).unwrap())
    }

    /// The list of open holds, by expiry.
    pub(super) fn list(&self) -> Vec<OpenHold> {
        let pk = table::open_holds(&tenant());
        let entries = self.items.iter().filter(|(key, _)| key.pk == pk);
        entries
            .map(|(key, attrs)| OpenHold::from_attrs(&key.sk, attrs).unwrap())
            .collect()
    }

    /// Those of the list whose time is over.
    pub(super) fn due(&self) -> Vec<OpenHold> {
        let by = table::due_by(self.now);
        self.list()
            .into_iter()
            .filter(|hold| hold.place < by)
            .collect()
    }

    /// What a plan is made of, on the next page.
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

    /// Plans on nothing, unless it `reads`, and where that is refused on what is
    /// read; whether that happened, and whether it was refused.
    pub(super) fn settle<T>(
        &mut self,
        reads: bool,
        read: &Standing,
        plan: impl Fn(&Self, &Standing) -> (T, Vec<Write>),
    ) -> (T, bool) {
        if !reads {
            let (planned, writes) = plan(self, &Standing::new());
            if self.commit(&writes) {
                return (planned, true);
            }
        }
        let (planned, writes) = plan(self, read);
        let happened = self.commit(&writes);
        (planned, happened)
    }
}
