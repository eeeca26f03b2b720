//! What must agree at the end of every history: events, markers, counters.

#[path = "ledger/credit.rs"]
pub(crate) mod credit;
#[path = "ledger/due.rs"]
mod due;

use due::{add_held, due, taken};
use std::collections::{BTreeMap, BTreeSet};
use tollgate_core::{
    Attrs, BatchMarker, Config, Hold, Key, Limit, Marker, Name, Page, Posting, Series, Stored,
    Value, WindowKind, table,
};
use tollgate_service::{Memory, Query, Store};
use tollgate_tests::stored;

/// Days of receipt that a ledger looks at, from the tenant's first on.
const DAYS: i64 = 5;

/// A stored event: its page's time and version, and its place.
pub(crate) struct Booked {
    pub(crate) stored: Stored,
    pub(crate) version: u64,
    place: String,
    /// What it took of credit, as its marker says.
    pub(crate) draws: Vec<Posting>,
}

/// All that is stored of a tenant's use, read past the service.
pub(crate) struct Ledger {
    tenant: Name,
    config: Config,
    pub(crate) events: BTreeMap<String, Booked>,
    /// What each counter should hold, by attribute.
    due: BTreeMap<Key, BTreeMap<String, i128>>,
    /// What each counter holds.
    held: BTreeMap<Key, Attrs>,
}

impl Ledger {
    /// Reads `tenant`'s ledger and balances it: each event stands in one page
    /// and has one marker that points there; each counter is the sum of the
    /// events in its scope and window and of what is held, nodes above an
    /// event's own included; each source of credit is the sum of what live
    /// events drew and open holds hold, and no grant gave more than it has.
    pub(crate) async fn balanced(store: &dyn Store, tenant: &str) -> Self {
        let tenant = Name::new(tenant).expect("a tenant");
        let config = item(store, table::config(&tenant))
            .await
            .expect("a configuration");
        let config: Config = stored::json(&config);
        let mut events = events(store, &tenant, &config).await;
        markers_agree(store, &tenant, &mut events).await;
        let holds = open_holds(store, &tenant).await;
        let mut due = due(&tenant, &config, &events);
        add_held(&mut due, &tenant, &config, &holds);
        let grants = credit::grants(store, &tenant).await;
        credit::add(&mut due, (&tenant, &config), &grants, (&events, &holds));
        let mut held = BTreeMap::new();
        for key in due.keys() {
            held.insert(
                key.clone(),
                item(store, key.clone()).await.unwrap_or_default(),
            );
        }
        let ledger = Self {
            tenant,
            config,
            events,
            due,
            held,
        };
        ledger.counters_agree();
        credit::covered(&ledger.config, &ledger.events, &holds);
        ledger.within_grants(&grants);
        ledger
    }

    /// As [`Ledger::balanced`], and nothing else of its kind is in the store.
    pub(crate) async fn balanced_in(memory: &Memory, tenant: &str) -> Self {
        let ledger = Self::balanced(memory, tenant).await;
        let count = |part: &str| {
            let prefix = format!("T|{tenant}|{part}|");
            memory
                .dump()
                .into_iter()
                .filter(|(key, _)| key.pk.starts_with(&prefix))
                .map(|(key, _)| key)
                .collect::<Vec<_>>()
        };
        let (sealed, others): (Vec<&String>, Vec<&String>) =
            ledger.events.keys().partition(|id| id.contains('~'));
        assert_eq!(count("I").len(), others.len(), "a marker for each event");
        let batch = |id: &&String| id.split('~').next().expect("a batch").to_owned();
        let batches: BTreeSet<String> = sealed.iter().map(batch).collect();
        assert_eq!(count("B").len(), batches.len(), "one for each sealed batch");
        let dump = memory.dump();
        for key in count("C") {
            let attrs = &dump[&key];
            let counts =
                |series: &Series| ledger.is_of(&key, series) && number(attrs, &taken(series)) != 0;
            let counted = ledger.config.series.iter().any(counts);
            let drawn = key.pk.contains("|C|credit|") && number(attrs, credit::TAKEN) != 0;
            assert!(
                !(counted || drawn) || ledger.due.contains_key(&key),
                "{key:?} counts what no event explains: {attrs:?}"
            );
        }
        ledger
    }

    /// How many events there are.
    pub(crate) fn len(&self) -> usize {
        self.events.len()
    }

    /// What the counter of `limit_id` holds in all its windows together.
    pub(crate) fn counted(&self, limit_id: &str) -> i128 {
        let limit = self
            .config
            .all_limits()
            .into_iter()
            .find(|limit| limit.id.as_str() == limit_id)
            .expect("a limit");
        let series = self.series_of(&limit);
        self.counters_of(&limit)
            .map(|key| number(&self.held[key], &taken(series)))
            .sum()
    }

    /// Asserts that no counter stands above a hard limit on it, and no period
    /// took more than its allowance.
    pub(crate) fn within_limits(&self) {
        self.within_allowance();
        for limit in self
            .config
            .all_limits()
            .iter()
            .filter(|limit| limit.window != WindowKind::Second)
        {
            let series = self.series_of(limit);
            for key in self.counters_of(limit) {
                let held = number(&self.held[key], &taken(series));
                assert!(
                    limit.hard.is_none_or(|hard| held <= hard),
                    "{} stands at {held} of {:?} in {key:?}",
                    limit.id,
                    limit.hard
                );
            }
        }
    }

    fn series_of(&self, limit: &Limit) -> &Series {
        let same = |series: &&Series| {
            (
                series.scope,
                &series.scope_id,
                series.window,
                &series.measure,
            ) == (limit.scope, &limit.scope_id, limit.window, &limit.measure)
        };
        self.config.series.iter().find(same).expect("a series")
    }

    fn counters_of<'a>(&'a self, limit: &'a Limit) -> impl Iterator<Item = &'a Key> {
        let series = self.series_of(limit);
        let attribute = taken(series);
        let due = self
            .due
            .iter()
            .filter(move |(key, sums)| self.is_of(key, series) && sums.contains_key(&attribute));
        due.map(|(key, _)| key)
    }

    /// Whether `series` counts in the counter `key`, by receipt apart.
    fn is_of(&self, key: &Key, series: &Series) -> bool {
        let scope = format!("T|{}|C|{}|", self.tenant, series.scope.as_str());
        let id = key.pk.strip_prefix(&scope);
        let named = id.is_some_and(|id| series.scope_id.as_deref().is_none_or(|named| named == id));
        named
            && series.window != WindowKind::Second
            && key.sk.starts_with(&format!("{}/", series.window.as_str()))
    }

    fn counters_agree(&self) {
        for (key, sums) in &self.due {
            for (attribute, due) in sums {
                let held = number(&self.held[key], attribute);
                assert_eq!(
                    held, *due,
                    "{key:?} {attribute} holds the left, its events are the right: {:?}",
                    self.held[key]
                );
            }
        }
    }
}

/// Asserts that each event has a marker that points to it, and takes what it
/// drew from there.
async fn markers_agree(store: &dyn Store, tenant: &Name, events: &mut BTreeMap<String, Booked>) {
    let voided: BTreeSet<String> = events
        .values()
        .filter_map(|booked| Some(booked.stored.voids.as_ref()?.to_string()))
        .collect();
    for (id, booked) in events {
        let name = Name::known(id).expect("an id");
        if let Some((batch, index)) = name.of_sealed() {
            let attrs = item(store, table::batch(tenant, &batch)).await;
            let attrs = attrs.unwrap_or_else(|| panic!("{id} has no batch"));
            let marker = BatchMarker::from_attrs(&attrs).expect("a batch's marker");
            let page = booked.place.rsplit_once('/').expect("a place").0;
            assert_eq!(marker.page_of(index), Some(page), "{id}");
            assert_eq!(marker.voided.contains(&index), voided.contains(id), "{id}");
            continue;
        }
        let key = table::marker(tenant, &Name::new(id).expect("an id"));
        let attrs = item(store, key)
            .await
            .unwrap_or_else(|| panic!("{id} has no marker"));
        let marker =
            Marker::from_attrs(&attrs).unwrap_or_else(|| panic!("{id} has a damaged marker"));
        assert_eq!(marker.page, booked.place, "{id}");
        booked.draws = marker.draws;
    }
}

async fn item(store: &dyn Store, key: Key) -> Option<Attrs> {
    store.read(&[key]).await.expect("a read").pop().flatten()
}

fn number(attrs: &Attrs, name: &str) -> i128 {
    attrs.get(name).and_then(Value::as_number).unwrap_or(0)
}

async fn events(store: &dyn Store, tenant: &Name, config: &Config) -> BTreeMap<String, Booked> {
    let created = config.created.expect("a first day");
    let mut events = BTreeMap::new();
    for (hour, lane) in (0..DAYS * 24).flat_map(|hour| (0..16).map(move |lane| (hour, lane))) {
        let stretch = table::stretch(created.plus_seconds(hour * 3600), lane);
        let mut next = Some(Query::of(table::pages(tenant, &stretch)));
        while let Some(query) = next {
            let slice = store.query(&query).await.expect("a query");
            next = query.after(&slice);
            for (ulid, attrs) in &slice.items {
                let page =
                    Page::decode(attrs[table::BODY].as_bytes().expect("bytes")).expect("a page");
                let sealed = page.sealed.map(|sealed| sealed.events);
                let mut sealed = sealed.into_iter().flatten();
                for (index, stored) in page.events.into_iter().enumerate() {
                    let draws = sealed.next().map(|of| of.draws).unwrap_or_default();
                    let id = stored.event.id.to_string();
                    let (version, place) =
                        (page.config_version, format!("{stretch}/{ulid}/{index}"));
                    let booked = Booked {
                        stored,
                        version,
                        place,
                        draws,
                    };
                    let twice = events.insert(id.clone(), booked);
                    assert!(twice.is_none(), "{id} stands in two pages");
                }
            }
        }
    }
    events
}

/// The holds that are open, as the list of them and their items say.
async fn open_holds(store: &dyn Store, tenant: &Name) -> Vec<Hold> {
    let entries = store
        .query(&Query::of(table::open_holds(tenant)))
        .await
        .expect("a query")
        .items;
    let mut holds = Vec::new();
    for (entry, _) in entries {
        let id = table::open_hold_id(&entry).expect("an id");
        let hold = Hold::from_attrs(&item(store, table::hold(tenant, &id)).await.expect("a hold"))
            .expect("a hold");
        assert!(hold.closing.is_none(), "{id} is listed and has ended");
        assert_eq!(entry, table::open_hold(tenant, hold.expires, &id).sk);
        holds.push(hold);
    }
    holds
}
