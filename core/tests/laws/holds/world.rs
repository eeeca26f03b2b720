//! A tenant whose holds and events are counted the slow way beside.

use crate::given::{at, card, event, name, operation, price};
use std::collections::BTreeMap;
use std::sync::Arc;
use tollgate_core::{
    Actual, Asked, Attrs, Catalog, Circumstances, Component, Config, Currency, Decision, Draft,
    Event, Hold, HoldState, Instant, Key, Layer, Limit, Measure, Mode, Name, OnUnavailable, Pack,
    Scope, Series, SoftMode, Standing, Value, WindowKind, Write, capture, expire, extend, plan,
    release, table, take,
};

const NOW: &str = "2026-11-22T10:00:00Z";

/// What a client does, or time, or an operator.
#[derive(Clone, Debug)]
pub(super) enum Act {
    Take {
        id: u8,
        agent: u8,
        yesterday: bool,
        tokens: u64,
    },
    Capture {
        id: u8,
        tokens: u64,
    },
    Release(u8),
    Expire(u8),
    Extend(u8, u32),
    Record {
        agent: u8,
        tokens: u64,
        mode: Mode,
    },
    Limit(Vec<(u8, i128)>),
    Wait(i64),
}

/// What the model keeps of a hold or an event: how much, and which series,
/// by attribute and place, count it.
#[derive(Clone, Debug)]
pub(super) struct Counted {
    amounts: BTreeMap<&'static str, i128>,
    places: Vec<(String, String, String)>,
    closed: Option<HoldState>,
    expires: Instant,
}

pub(super) struct World {
    pub(super) items: BTreeMap<Key, Attrs>,
    pub(super) pack: Pack,
    pub(super) now: Instant,
    pub(super) holds: BTreeMap<u8, Counted>,
    pub(super) events: Vec<Counted>,
    pub(super) pages: usize,
    pub(super) catalog: Catalog,
}

pub(super) fn tenant() -> Name {
    name("acme")
}

pub(super) fn catalog() -> Catalog {
    let mut card = card("ai", 1, 1);
    card.operations.insert(
        name("gpt"),
        operation(&[(Component::TokenOut, price("0.003", 7))]),
    );
    let mut catalog = Catalog::built_in();
    catalog.insert(card);
    catalog
}

/// The kinds of limits, by number.
pub(super) fn limit((number, hard): &(u8, i128)) -> Limit {
    let (scope, measure, window) = match number % 5 {
        0 => (Scope::Tenant, Measure::Spend, WindowKind::Total),
        1 | 4 => (Scope::Agent, Measure::Tokens, WindowKind::Day),
        2 => (Scope::Tenant, Measure::Events, WindowKind::Day),
        _ => (Scope::Agent, Measure::Spend, WindowKind::Day),
    };
    let is_money = measure == Measure::Spend;
    Limit {
        id: name(&format!("l{number}")),
        layer: Layer::Limits,
        scope,
        // A named limit and one on each, made together, share an attribute.
        scope_id: (number % 5 == 4).then(|| Arc::from("a0")),
        hard: Some(if is_money {
            hard * 10_i128.pow(15)
        } else {
            *hard
        }),
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

/// Where a series counts an event, told from how its time and agent are
/// written; `None` = it is outside.
fn place(series: &Series, event: &Event) -> Option<(String, String, String)> {
    let agent = event.dimensions.agent.as_ref()?.as_str();
    let day = event.timestamp.day();
    let is_named = series
        .scope_id
        .as_deref()
        .is_none_or(|named| named == agent);
    // A window that had ended when the series began is outside it.
    let is_over = series.window == WindowKind::Day && series.from.day() > day;
    let pk = match series.scope {
        Scope::Tenant => "T|acme|C|tenant|".to_owned(),
        _ => format!("T|acme|C|agent|{agent}"),
    };
    let sk = match series.window {
        WindowKind::Total => "total/1970-01-01T00:00:00Z".to_owned(),
        _ => format!("day/{day}T00:00:00Z"),
    };
    (is_named && !is_over).then(|| (pk, sk, format!("{}:{}", series.measure, series.since)))
}

impl World {
    pub(super) fn new(limits: &[(u8, i128)]) -> Self {
        let config = Config {
            currency: Some(Currency::USD),
            limits: limits.iter().map(limit).collect(),
            ..Config::default()
        };
        let pack = Pack::new(Arc::new(
            config
                .renewed(at("2026-11-01T00:00:00Z"))
                .unwrap()
                .activated(),
        ));
        let (items, holds, events) = Default::default();
        Self {
            items,
            pack,
            now: at(NOW),
            holds,
            events,
            pages: 0,
            catalog: catalog(),
        }
    }

    pub(super) fn draft(&self, event: &Event) -> Draft {
        Draft::new(
            event.clone(),
            self.catalog.price(None, event).unwrap(),
            true,
        )
    }

    pub(super) fn commit(&mut self, writes: &[Write]) -> bool {
        let holds = |write: &Write| {
            write
                .guards
                .iter()
                .all(|guard| guard.holds(self.items.get(&write.key)))
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

    pub(super) fn standing(&self, draft: &Draft) -> Standing {
        let keys = self
            .pack
            .counters(std::slice::from_ref(draft), Mode::Enforce, self.now)
            .into_iter();
        let empty = Attrs::new();
        keys.map(|key| {
            let item = self
                .items
                .get(&table::counter(&tenant(), &key))
                .unwrap_or(&empty);
            (key, self.pack.counts(item))
        })
        .collect()
    }

    pub(super) fn hold(&self, id: u8) -> Option<Hold> {
        self.items
            .get(&table::hold(&tenant(), &name(&format!("h{id}"))))
            .map(|attrs| Hold::from_attrs(attrs).unwrap())
    }

    /// How an event counts.
    pub(super) fn counted(&self, event: &Event) -> Counted {
        let cost = self.draft(event).priced.cost.units();
        let amounts = BTreeMap::from([
            ("spend", cost),
            ("tokens", i128::from(event.quantities.tokens_out)),
            ("events", 1),
        ]);
        let places: std::collections::BTreeSet<_> = self
            .pack
            .config()
            .series
            .iter()
            .filter_map(|series| place(series, event))
            .collect();
        Counted {
            amounts,
            places: places.into_iter().collect(),
            closed: None,
            expires: self.now,
        }
    }

    /// Used and held, and held alone, of each series in each counter.
    pub(super) fn sums(&self) -> BTreeMap<(String, String, String), (i128, i128)> {
        let mut sums: BTreeMap<_, (i128, i128)> = BTreeMap::new();
        let open = self
            .holds
            .values()
            .filter(|hold| hold.closed.is_none())
            .map(|hold| (hold, true));
        for (counted, is_held) in self.events.iter().map(|event| (event, false)).chain(open) {
            for place in &counted.places {
                let amount = counted.amounts[place.2.rsplit_once(':').unwrap().0];
                let sum = sums.entry(place.clone()).or_default();
                sum.0 += amount;
                sum.1 += if is_held { amount } else { 0 };
            }
        }
        sums
    }

    pub(super) fn fits(&self, event: &Event) -> bool {
        let (sums, amounts) = (self.sums(), self.counted(event).amounts);
        let config = self.pack.config();
        let limits = config.all_limits();
        config
            .series
            .iter()
            .filter_map(|series| Some((series, place(series, event)?)))
            .all(|(series, place)| {
                let stands =
                    sums.get(&place).map_or(0, |sum| sum.0) + amounts[&*series.measure.to_string()];
                let tests = |limit: &&Limit| {
                    (limit.scope, &limit.scope_id, &limit.measure, limit.window)
                        == (
                            series.scope,
                            &series.scope_id,
                            &series.measure,
                            series.window,
                        )
                };
                limits
                    .iter()
                    .filter(tests)
                    .all(|limit| limit.hard.is_none_or(|hard| stands <= hard))
            })
    }

    pub(super) fn act(&mut self, act: &Act) {
        match act {
            Act::Take {
                id,
                agent,
                yesterday,
                tokens,
            } => self.take(*id, &used(&format!("h{id}"), *agent, *yesterday, *tokens)),
            Act::Capture { id, tokens } => self.capture(*id, *tokens),
            Act::Release(id) => self.close(*id, HoldState::Released, |pack, hold, now| {
                release(pack, &tenant(), hold, now).unwrap().writes
            }),
            Act::Expire(id) => {
                if self.hold(*id).is_some_and(|hold| hold.is_due(self.now)) {
                    self.close(*id, HoldState::Expired, |pack, hold, now| {
                        expire(pack, &tenant(), hold, now).unwrap().writes
                    });
                }
            }
            Act::Extend(id, seconds) => self.extend(*id, *seconds),
            Act::Record {
                agent,
                tokens,
                mode,
            } => self.record(*agent, *tokens, *mode),
            Act::Limit(limits) => {
                let config = Config {
                    limits: limits.iter().map(limit).collect(),
                    ..Config::clone(self.pack.config())
                };
                self.pack = Pack::new(Arc::new(config.renewed(self.now).unwrap().activated()));
            }
            Act::Wait(seconds) => self.now = self.now.plus_seconds(*seconds),
        }
    }

    pub(super) fn take(&mut self, id: u8, event: &Event) {
        let draft = self.draft(event);
        let standing = self.standing(&draft);
        let asked = Asked::new(event, true, 600, false);
        let (tenant, page) = (tenant(), "");
        let at = Circumstances {
            tenant: &tenant,
            mode: Mode::Enforce,
            received: self.now,
            page_id: page,
            standing: Some(&standing),
        };
        let taking = take(&self.pack, &draft, asked, None, at).unwrap();
        let mut counted = self.counted(event);
        let fits = self.fits(event);
        assert_eq!(taking.ruling.decision == Decision::Allow, fits, "{event:?}");
        let Some(taken) = taking.taken else {
            return assert!(!fits);
        };
        // A blind plan is refused wherever a reading would deny.
        let is_new = !self.holds.contains_key(&id);
        assert_eq!(self.commit(&taken.writes), is_new);
        if is_new {
            assert_eq!(self.hold(id), Some(taken.hold));
            counted.expires = self.now.plus_seconds(600);
            self.holds.insert(id, counted);
        }
    }

    pub(super) fn capture(&mut self, id: u8, tokens: u64) {
        let Some(hold) = self.hold(id) else { return };
        let mut actual = Actual {
            id: None,
            timestamp: None,
            operation: None,
            tier: None,
            event: event("x", "x"),
        };
        actual.event.quantities.tokens_out = tokens;
        let booked = actual.of(&hold).unwrap();
        let draft = self.draft(&booked);
        self.pages += 1;
        let (tenant, page) = (tenant(), format!("P{}", self.pages));
        let at = Circumstances {
            tenant: &tenant,
            mode: Mode::Observe,
            received: self.now,
            page_id: &page,
            standing: None,
        };
        let settled = capture(&self.pack, &hold, &draft, at).unwrap();
        let is_open = self.holds[&id].closed.is_none();
        assert_eq!(self.commit(&settled.writes), is_open);
        if is_open {
            let mut counted = self.counted(&booked);
            let held = self.holds.get_mut(&id).unwrap();
            held.closed = Some(HoldState::Captured);
            let missing = held
                .places
                .iter()
                .filter(|place| !counted.places.contains(place))
                .cloned()
                .collect::<Vec<_>>();
            counted.places.extend(missing);
            self.events.push(counted);
            let settlement = hold.settlement(&booked, draft.priced.cost.units());
            for (measure, left, above) in settlement {
                let held = measure.of(&hold.estimate.event, hold.estimate.cost.units());
                assert_eq!(
                    held - left + above,
                    measure.of(&booked, draft.priced.cost.units())
                );
                assert!(left >= 0 && above >= 0 && (left == 0 || above == 0));
            }
        }
    }

    pub(super) fn close(
        &mut self,
        id: u8,
        to: HoldState,
        writes: impl Fn(&Pack, &Hold, Instant) -> Vec<Write>,
    ) {
        let Some(hold) = self.hold(id) else { return };
        let is_open = self.holds[&id].closed.is_none();
        assert_eq!(self.commit(&writes(&self.pack, &hold, self.now)), is_open);
        if is_open {
            self.holds.get_mut(&id).unwrap().closed = Some(to);
        }
    }

    pub(super) fn extend(&mut self, id: u8, seconds: u32) {
        let Some(hold) = self.hold(id) else { return };
        let held = self.holds.get_mut(&id).unwrap();
        let until = self.now.plus_seconds(i64::from(seconds));
        let Some(extended) = extend(&tenant(), &hold, seconds, self.now).unwrap() else {
            return assert!(until <= held.expires);
        };
        let is_open = held.closed.is_none();
        held.expires = if is_open { until } else { held.expires };
        assert_eq!(self.commit(&extended.writes), is_open);
        // What was read before the extension ends nothing any more.
        let stale = release(&self.pack, &tenant(), &hold, self.now).unwrap();
        assert!(!self.commit(&stale.writes));
    }

    pub(super) fn record(&mut self, agent: u8, tokens: u64, mode: Mode) {
        self.pages += 1;
        let event = used(&format!("e{}", self.pages), agent, false, tokens);
        let draft = self.draft(&event);
        let standing = self.standing(&draft);
        let (tenant, page) = (tenant(), format!("P{}", self.pages));
        let at = Circumstances {
            tenant: &tenant,
            mode,
            received: self.now,
            page_id: &page,
            standing: Some(&standing),
        };
        let planned = plan(&self.pack, &[draft], at).unwrap();
        let counted = self.counted(&event);
        assert_eq!(
            planned.rulings[0].decision == Decision::Allow,
            self.fits(&event)
        );
        assert_eq!(
            planned.writes.is_empty(),
            mode == Mode::Enforce && !self.fits(&event)
        );
        assert!(self.commit(&planned.writes));
        if !planned.writes.is_empty() {
            self.events.push(counted);
        }
    }

    pub(super) fn assert_balanced(&self) {
        let sums = self.sums();
        for (key, attrs) in self.items.iter().filter(|(key, _)| key.pk.contains("|C|")) {
            for (attribute, value) in attrs
                .iter()
                .filter(|(name, _)| name.starts_with("u:") || name.starts_with("h:"))
            {
                let place = (key.pk.clone(), key.sk.clone(), attribute[2..].to_owned());
                let sum = sums.get(&place).copied().unwrap_or_default();
                let due = if attribute.starts_with("u:") {
                    sum.0
                } else {
                    sum.1
                };
                assert_eq!(value.as_number(), Some(due), "{key:?} {attribute}");
            }
        }
        for ((pk, sk, series), (taken, held)) in &sums {
            let stands = |prefix: &str| {
                let attribute = self
                    .items
                    .get(&Key::new(pk, sk))
                    .and_then(|attrs| attrs.get(format!("{prefix}:{series}").as_str()));
                attribute.and_then(Value::as_number).unwrap_or(0)
            };
            assert_eq!(
                (stands("u"), stands("h")),
                (*taken, *held),
                "{pk} {sk} {series}"
            );
        }
        let listed = self
            .items
            .keys()
            .filter(|key| key.pk == table::open_holds(&tenant()))
            .map(|key| key.sk.clone());
        let open = self.holds.iter().filter(|(_, hold)| hold.closed.is_none());
        let mut open: Vec<String> = open
            .map(|(id, hold)| format!("{}|h{id}", hold.expires.sortable()))
            .collect();
        open.sort();
        assert_eq!(listed.collect::<Vec<_>>(), open);
        for (id, counted) in &self.holds {
            let hold = self.hold(*id).unwrap();
            assert_eq!(
                hold.closing.as_ref().map(|_| hold.state(hold.created)),
                counted.closed
            );
            let item = &self.items[&table::hold(&tenant(), hold.id())];
            assert_eq!(
                item.contains_key(table::TTL),
                counted.closed.is_some(),
                "only what has ended may be forgotten"
            );
        }
    }
}
