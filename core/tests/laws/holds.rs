//! Holds: whatever becomes of them, and in whatever order, counters are what
//! was booked and what is open.

use crate::given::{at, card, event, name, operation, price, usd};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use tollgate_core::{
    Actual, Asked, Attrs, Catalog, Circumstances, Closing, Component, Config, Currency, Decision, Draft, Event, Hold, HoldState, Instant,
    Key, Layer, Limit, Measure, Mode, Name, OnUnavailable, Pack, Scope, SoftMode, Standing, Value, WindowKind, Write, affordable, capture,
    expire, extend, plan, release, table, take,
};

const NOW: &str = "2026-11-22T10:00:00Z";

/// What a client does, or time, or an operator.
#[derive(Clone, Debug)]
enum Act {
    Take { id: u8, agent: u8, yesterday: bool, tokens: u64 },
    Capture { id: u8, tokens: u64 },
    Release(u8),
    Expire(u8),
    Extend(u8, u32),
    Record { agent: u8, tokens: u64, mode: Mode },
    Limit(Vec<(u8, i128)>),
    Wait(i64),
}

/// What the model keeps of a hold or an event: how much, and which series,
/// by attribute and place, count it.
#[derive(Clone, Debug)]
struct Counted {
    amounts: BTreeMap<&'static str, i128>,
    places: Vec<(String, String, String)>,
    closed: Option<HoldState>,
    expires: Instant,
}

struct World {
    items: BTreeMap<Key, Attrs>,
    pack: Pack,
    now: Instant,
    holds: BTreeMap<u8, Counted>,
    events: Vec<Counted>,
    pages: usize,
    catalog: Catalog,
}

fn tenant() -> Name {
    name("acme")
}

fn catalog() -> Catalog {
    let mut card = card("ai", 1, 1);
    card.operations.insert(name("gpt"), operation(&[(Component::TokenOut, price("0.003", 7))]));
    let mut catalog = Catalog::built_in();
    catalog.insert(card);
    catalog
}

/// The kinds of limits, by number.
fn limit((number, hard): &(u8, i128)) -> Limit {
    let (scope, measure, window) = match number % 4 {
        0 => (Scope::Tenant, Measure::Spend, WindowKind::Total),
        1 => (Scope::Agent, Measure::Tokens, WindowKind::Day),
        2 => (Scope::Tenant, Measure::Events, WindowKind::Day),
        _ => (Scope::Agent, Measure::Spend, WindowKind::Day),
    };
    let is_money = measure == Measure::Spend;
    Limit {
        id: name(&format!("l{number}")),
        layer: Layer::Limits,
        scope,
        scope_id: None,
        hard: Some(if is_money { hard * 10_i128.pow(15) } else { *hard }),
        currency: is_money.then_some(Currency::USD),
        measure,
        window,
        soft: None,
        soft_mode: SoftMode::Warn,
        on_unavailable: OnUnavailable::Deny,
    }
}

/// What an event of an agent is.
fn used(id: &str, agent: u8, yesterday: bool, tokens: u64) -> Event {
    let mut event = event(id, "gpt");
    event.dimensions.agent = Some(name(&format!("a{agent}")));
    event.quantities.tokens_out = tokens;
    if yesterday {
        event.timestamp = at("2026-11-21T23:59:59.999999999Z");
    }
    event
}

impl World {
    fn new(limits: &[(u8, i128)]) -> Self {
        let config = Config { currency: Some(Currency::USD), limits: limits.iter().map(limit).collect(), ..Config::default() };
        let pack = Pack::new(Arc::new(config.renewed(at("2026-11-01T00:00:00Z")).unwrap().activated()));
        let (items, holds, events) = Default::default();
        Self { items, pack, now: at(NOW), holds, events, pages: 0, catalog: catalog() }
    }

    fn draft(&self, event: &Event) -> Draft {
        Draft::new(event.clone(), self.catalog.price(None, event).unwrap(), true)
    }

    fn commit(&mut self, writes: &[Write]) -> bool {
        let holds = |write: &Write| write.guards.iter().all(|guard| guard.holds(self.items.get(&write.key)));
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

    fn standing(&self, draft: &Draft) -> Standing {
        let keys = self.pack.counters(std::slice::from_ref(draft), Mode::Enforce, self.now).into_iter();
        let empty = Attrs::new();
        keys.map(|key| {
            let item = self.items.get(&table::counter(&tenant(), &key)).unwrap_or(&empty);
            (key, self.pack.counts(item))
        })
        .collect()
    }

    fn hold(&self, id: u8) -> Option<Hold> {
        self.items.get(&table::hold(&tenant(), &name(&format!("h{id}")))).map(|attrs| Hold::from_attrs(attrs).unwrap())
    }

    /// How an event counts, told from how its time and agent are written.
    fn counted(&self, event: &Event) -> Counted {
        let cost = self.draft(event).priced.cost.units();
        let amounts = BTreeMap::from([("spend", cost), ("tokens", i128::from(event.quantities.tokens_out)), ("events", 1)]);
        let agent = event.dimensions.agent.as_ref().unwrap();
        let day = event.timestamp.day();
        let places = self.pack.config().series.iter().map(|series| {
            let pk = match series.scope {
                Scope::Tenant => "T|acme|C|tenant|".to_owned(),
                _ => format!("T|acme|C|agent|{agent}"),
            };
            let sk = match series.window {
                WindowKind::Total => "total/1970-01-01T00:00:00Z".to_owned(),
                _ => format!("day/{day}T00:00:00Z"),
            };
            // A window that had ended when the series began is outside it.
            let over = series.window == WindowKind::Day && series.from.day() > day;
            (!over).then(|| (pk, sk, format!("{}:{}", series.measure, series.since)))
        });
        Counted { amounts, places: places.flatten().collect(), closed: None, expires: self.now }
    }

    /// Used and held, and held alone, of each series in each counter.
    fn sums(&self) -> BTreeMap<(String, String, String), (i128, i128)> {
        let mut sums: BTreeMap<_, (i128, i128)> = BTreeMap::new();
        let open = self.holds.values().filter(|hold| hold.closed.is_none()).map(|hold| (hold, true));
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

    fn fits(&self, counted: &Counted) -> bool {
        let sums = self.sums();
        let limits = self.pack.config().all_limits();
        counted.places.iter().all(|place| {
            let measure = place.2.rsplit_once(':').unwrap().0;
            let stands = sums.get(place).map_or(0, |sum| sum.0) + counted.amounts[measure];
            let scope = if place.0.contains("|agent|") { Scope::Agent } else { Scope::Tenant };
            let tests =
                |limit: &&Limit| limit.scope == scope && limit.measure.to_string() == measure && place.1.starts_with(limit.window.as_str());
            limits.iter().filter(tests).all(|limit| limit.hard.is_none_or(|hard| stands <= hard))
        })
    }

    fn act(&mut self, act: &Act) {
        match act {
            Act::Take { id, agent, yesterday, tokens } => self.take(*id, &used(&format!("h{id}"), *agent, *yesterday, *tokens)),
            Act::Capture { id, tokens } => self.capture(*id, *tokens),
            Act::Release(id) => self.close(*id, HoldState::Released, |pack, hold, now| release(pack, &tenant(), hold, now).unwrap().writes),
            Act::Expire(id) => {
                if self.hold(*id).is_some_and(|hold| hold.is_due(self.now)) {
                    self.close(*id, HoldState::Expired, |pack, hold, now| expire(pack, &tenant(), hold, now).unwrap().writes);
                }
            }
            Act::Extend(id, seconds) => self.extend(*id, *seconds),
            Act::Record { agent, tokens, mode } => self.record(*agent, *tokens, *mode),
            Act::Limit(limits) => {
                let config = Config { limits: limits.iter().map(limit).collect(), ..Config::clone(self.pack.config()) };
                self.pack = Pack::new(Arc::new(config.renewed(self.now).unwrap().activated()));
            }
            Act::Wait(seconds) => self.now = self.now.plus_seconds(*seconds),
        }
    }

    fn take(&mut self, id: u8, event: &Event) {
        let draft = self.draft(event);
        let standing = self.standing(&draft);
        let asked = Asked::new(event, true, 600, false);
        let (tenant, page) = (tenant(), "");
        let at = Circumstances { tenant: &tenant, mode: Mode::Enforce, received: self.now, page_id: page, standing: Some(&standing) };
        let taking = take(&self.pack, &draft, asked, None, at).unwrap();
        let mut counted = self.counted(event);
        let fits = self.fits(&counted);
        assert_eq!(taking.ruling.decision == Decision::Allow, fits, "{event:?}");
        let Some(taken) = taking.taken else { return assert!(!fits) };
        // A blind plan is refused wherever a reading would deny.
        let is_new = !self.holds.contains_key(&id);
        assert_eq!(self.commit(&taken.writes), is_new);
        if is_new {
            assert_eq!(self.hold(id), Some(taken.hold));
            counted.expires = self.now.plus_seconds(600);
            self.holds.insert(id, counted);
        }
    }

    fn capture(&mut self, id: u8, tokens: u64) {
        let Some(hold) = self.hold(id) else { return };
        let mut actual = Actual { id: None, timestamp: None, operation: None, tier: None, event: event("x", "x") };
        actual.event.quantities.tokens_out = tokens;
        let booked = actual.of(&hold).unwrap();
        let draft = self.draft(&booked);
        self.pages += 1;
        let (tenant, page) = (tenant(), format!("P{}", self.pages));
        let at = Circumstances { tenant: &tenant, mode: Mode::Observe, received: self.now, page_id: &page, standing: None };
        let settled = capture(&self.pack, &hold, &draft, at).unwrap();
        let is_open = self.holds[&id].closed.is_none();
        assert_eq!(self.commit(&settled.writes), is_open);
        if is_open {
            let mut counted = self.counted(&booked);
            let held = self.holds.get_mut(&id).unwrap();
            held.closed = Some(HoldState::Captured);
            let missing = held.places.iter().filter(|place| !counted.places.contains(place)).cloned().collect::<Vec<_>>();
            counted.places.extend(missing);
            self.events.push(counted);
            let settlement = hold.settlement(&booked, draft.priced.cost.units());
            for (measure, left, above) in settlement {
                let held = measure.of(&hold.estimate.event, hold.estimate.cost.units());
                assert_eq!(held - left + above, measure.of(&booked, draft.priced.cost.units()));
                assert!(left >= 0 && above >= 0 && (left == 0 || above == 0));
            }
        }
    }

    fn close(&mut self, id: u8, to: HoldState, writes: impl Fn(&Pack, &Hold, Instant) -> Vec<Write>) {
        let Some(hold) = self.hold(id) else { return };
        let is_open = self.holds[&id].closed.is_none();
        assert_eq!(self.commit(&writes(&self.pack, &hold, self.now)), is_open);
        if is_open {
            self.holds.get_mut(&id).unwrap().closed = Some(to);
        }
    }

    fn extend(&mut self, id: u8, seconds: u32) {
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

    fn record(&mut self, agent: u8, tokens: u64, mode: Mode) {
        self.pages += 1;
        let event = used(&format!("e{}", self.pages), agent, false, tokens);
        let draft = self.draft(&event);
        let standing = self.standing(&draft);
        let (tenant, page) = (tenant(), format!("P{}", self.pages));
        let at = Circumstances { tenant: &tenant, mode, received: self.now, page_id: &page, standing: Some(&standing) };
        let planned = plan(&self.pack, &[draft], at).unwrap();
        let counted = self.counted(&event);
        assert_eq!(planned.rulings[0].decision == Decision::Allow, self.fits(&counted));
        assert_eq!(planned.writes.is_empty(), mode == Mode::Enforce && !self.fits(&counted));
        assert!(self.commit(&planned.writes));
        if !planned.writes.is_empty() {
            self.events.push(counted);
        }
    }

    fn assert_balanced(&self) {
        let sums = self.sums();
        for (key, attrs) in self.items.iter().filter(|(key, _)| key.pk.contains("|C|")) {
            for (attribute, value) in attrs.iter().filter(|(name, _)| name.starts_with("u:") || name.starts_with("h:")) {
                let place = (key.pk.clone(), key.sk.clone(), attribute[2..].to_owned());
                let sum = sums.get(&place).copied().unwrap_or_default();
                let due = if attribute.starts_with("u:") { sum.0 } else { sum.1 };
                assert_eq!(value.as_number(), Some(due), "{key:?} {attribute}");
            }
        }
        for ((pk, sk, series), (taken, held)) in &sums {
            let stands = |prefix: &str| {
                let attribute = self.items.get(&Key::new(pk, sk)).and_then(|attrs| attrs.get(format!("{prefix}:{series}").as_str()));
                attribute.and_then(Value::as_number).unwrap_or(0)
            };
            assert_eq!((stands("u"), stands("h")), (*taken, *held), "{pk} {sk} {series}");
        }
        let listed = self.items.keys().filter(|key| key.pk == table::open_holds(&tenant())).map(|key| key.sk.clone());
        let open = self.holds.iter().filter(|(_, hold)| hold.closed.is_none());
        let mut open: Vec<String> = open.map(|(id, hold)| format!("{}|h{id}", hold.expires.sortable())).collect();
        open.sort();
        assert_eq!(listed.collect::<Vec<_>>(), open);
        for (id, counted) in &self.holds {
            let hold = self.hold(*id).unwrap();
            assert_eq!(hold.closing.as_ref().map(|_| hold.state(hold.created)), counted.closed);
            let item = &self.items[&table::hold(&tenant(), hold.id())];
            assert_eq!(item.contains_key(table::TTL), counted.closed.is_some(), "only what has ended may be forgotten");
        }
    }
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let (id, agent, tokens) = (0_u8..6, 0_u8..2, 0_u64..60);
    let act = prop_oneof![
        4 => (id.clone(), agent.clone(), any::<bool>(), tokens.clone())
            .prop_map(|(id, agent, yesterday, tokens)| Act::Take { id, agent, yesterday, tokens }),
        3 => (id.clone(), tokens.clone()).prop_map(|(id, tokens)| Act::Capture { id, tokens }),
        1 => id.clone().prop_map(Act::Release),
        2 => id.clone().prop_map(Act::Expire),
        1 => (id, 1_u32..1200).prop_map(|(id, seconds)| Act::Extend(id, seconds)),
        2 => (agent, tokens, any::<bool>())
            .prop_map(|(agent, tokens, observe)| Act::Record { agent, tokens, mode: if observe { Mode::Observe } else { Mode::Enforce } }),
        1 => limits().prop_map(Act::Limit),
        2 => (1_i64..400).prop_map(Act::Wait),
    ];
    proptest::collection::vec(act, 1..60)
}

fn limits() -> impl Strategy<Value = Vec<(u8, i128)>> {
    proptest::collection::btree_map(0_u8..4, 0_i128..100, 0..4).prop_map(|limits| limits.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_order_of_takes_captures_releases_expiries_and_changes_of_limits_balances(first in limits(), acts in acts()) {
        let mut world = World::new(&first);
        for act in &acts {
            world.act(act);
            world.assert_balanced();
        }
    }

    #[test]
    fn what_is_affordable_is_the_most_that_the_money_left_pays_for(spent in 0_u64..100_000, hard in 0_i128..60) {
        let mut world = World::new(&[(0, hard), (2, 1000)]);
        world.record(0, spent, Mode::Observe);
        let wanted = used("h1", 0, false, 0);
        let draft = world.draft(&wanted);
        let most = affordable(&world.pack, &world.standing(&draft), world.now, &draft, |event| world.catalog.price(None, event)).unwrap().unwrap();
        let left = hard * 10_i128.pow(15) - world.draft(&used("e", 0, false, spent)).priced.cost.units();
        let cost = |tokens| world.draft(&used("x", 0, false, tokens)).priced.cost.units();
        prop_assert!(most == 0 || cost(most) <= left);
        prop_assert!(cost(most + 1) > left);
    }
}

#[test]
fn money_bounds_no_tokens_where_no_limit_or_price_does() {
    let price = |world: &World, event: &Event| world.catalog.price(None, event);
    let world = World::new(&[(2, 5)]);
    let draft = world.draft(&used("h1", 0, false, 7));
    let most = affordable(&world.pack, &world.standing(&draft), world.now, &draft, |event| price(&world, event));
    assert_eq!(most, Ok(None));
    let world = World::new(&[(0, 1)]);
    let free = event("h1", "agent_task");
    let draft = world.draft(&free);
    let most = affordable(&world.pack, &world.standing(&draft), world.now, &draft, |event| price(&world, event));
    assert_eq!(most, Ok(None));
}

#[test]
fn a_hold_is_stored_as_it_is_and_damaged_bytes_are_no_hold() {
    let mut world = World::new(&[(0, 1000), (1, 1000)]);
    world.take(1, &used("h1", 0, true, 5));
    let key = table::hold(&tenant(), &name("h1"));
    let attrs = world.items[&key].clone();
    let bytes = attrs[table::BODY].as_bytes().unwrap().to_vec();
    for cut in 0..bytes.len() {
        let damaged = Attrs::from([(Arc::from(table::BODY), Value::B(bytes[..cut].to_vec())), (Arc::from(table::VERSION), Value::N(1))]);
        assert_eq!(Hold::from_attrs(&damaged), None);
    }
    world.capture(1, 9);
    let hold = world.hold(1).unwrap();
    assert!(matches!(&hold.closing, Some(Closing::Captured { event, .. }) if *event == name("h1")));
    assert_eq!((hold.version, hold.parts.len()), (2, 2));
    assert!(hold.estimate.cost > usd("0"));
}
