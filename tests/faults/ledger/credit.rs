//! Credit: what each source should hold, from events and holds alone.

use super::{Booked, Ledger, item, number};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use tollgate_core::{Amount, Config, CounterKey, Hold, Key, Name, Posting, Scope, table};
use tollgate_service::{Query, Store};
use tollgate_tests::{TestApp, stored};

type Due = BTreeMap<Key, BTreeMap<String, i128>>;

/// The attribute of a source that is used and held of it.
pub(super) const TAKEN: &str = "u:spend:0";
/// The attribute of what is used of it.
const USED: &str = "n:spend:0";

/// The counter of each grant, and how much it has.
pub(super) async fn grants(store: &dyn Store, tenant: &Name) -> Vec<(Key, i128)> {
    let items = store
        .query(&Query::of(table::grants(tenant)))
        .await
        .expect("a query")
        .items;
    let grant = |(id, attrs): (String, tollgate_core::Attrs)| {
        let body: Value = stored::json(&attrs);
        (
            source(tenant, &format!("grant:{id}"), "total/1970-01-01T00:00:00Z"),
            units(&body["grant"]["amount"]),
        )
    };
    items.into_iter().map(grant).collect()
}

fn source(tenant: &Name, id: &str, window: &str) -> Key {
    Key::new(format!("T|{tenant}|C|credit|{id}"), window)
}

/// A decimal's units; absent is none.
fn units(text: &Value) -> i128 {
    text.as_str()
        .map_or(0, |text| text.parse::<Amount>().expect("an amount").units())
}

/// Adds what is due of every source: what live events drew, and what open holds
/// hold. What was taken back draws nothing, nor does what took it back.
pub(super) fn add(
    due: &mut Due,
    (tenant, config): (&Name, &Config),
    grants: &[(Key, i128)],
    (events, holds): (&BTreeMap<String, Booked>, &[Hold]),
) {
    for (key, _) in grants {
        due.entry(key.clone())
            .or_default()
            .extend([(TAKEN.to_owned(), 0), (USED.to_owned(), 0)]);
    }
    let voided: BTreeSet<String> = events
        .values()
        .filter_map(|booked| Some(booked.stored.voids.as_ref()?.to_string()))
        .collect();
    // What was drawn from an allowance that another took over stands there.
    let source = |counter: &CounterKey| table::counter(tenant, config.stands_in(counter));
    let mut take = |key: Key, used: i128, held: i128| {
        let sums = due.entry(key).or_default();
        *sums.entry(TAKEN.to_owned()).or_default() += used + held;
        *sums.entry(USED.to_owned()).or_default() += used;
    };
    for (_, booked) in events.iter().filter(|(id, _)| !voided.contains(*id)) {
        booked
            .draws
            .iter()
            .for_each(|draw| take(source(&draw.counter), draw.used, 0));
    }
    for held in holds.iter().flat_map(credit_of) {
        take(source(&held.counter), 0, held.held);
    }
}

/// What a hold holds of credit.
fn credit_of(hold: &Hold) -> Vec<Posting> {
    let credit = hold
        .postings
        .iter()
        .filter(|of| of.counter.scope == Scope::Credit);
    credit.cloned().collect()
}

/// Asserts that what each event and hold took adds up to its cost, under every
/// version from the first on that surely was prepaid: once a tenant is granted
/// credit it always is. Before, it may take nothing.
pub(super) fn covered(config: &Config, events: &BTreeMap<String, Booked>, holds: &[Hold]) {
    let of_grant = |draws: &[Posting]| {
        draws
            .iter()
            .any(|draw| draw.counter.scope_id.starts_with("grant:"))
    };
    let drew = events
        .values()
        .filter(|booked| of_grant(&booked.draws))
        .map(|booked| booked.version);
    let held = holds
        .iter()
        .filter(|hold| of_grant(&credit_of(hold)))
        .map(|hold| hold.config_version);
    let prepaid = drew.chain(held).min();
    assert!(prepaid.is_none() || config.prepaid, "a grant is drawn from");
    let check = |id: &str, version: u64, cost: i128, draws: &[Posting]| {
        assert!(
            draws.iter().all(|draw| draw.used + draw.held > 0),
            "{id} draws less than something: {draws:?}"
        );
        let drawn: i128 = draws.iter().map(|draw| draw.used + draw.held).sum();
        assert!(drawn <= cost, "{id} costs {cost} and drew {draws:?}");
        assert!(
            drawn == cost || prepaid.is_none_or(|prepaid| version < prepaid),
            "{id} costs {cost} and drew only {draws:?}"
        );
    };
    for (id, booked) in events {
        let cost = if booked.stored.voids.is_some() {
            0
        } else {
            booked.stored.cost.units()
        };
        check(id, booked.version, cost, &booked.draws);
    }
    for hold in holds {
        check(
            hold.id().as_str(),
            hold.config_version,
            hold.estimate.cost.units(),
            &credit_of(hold),
        );
    }
}

impl Ledger {
    /// Asserts that no grant gave more than it has.
    pub(super) fn within_grants(&self, grants: &[(Key, i128)]) {
        for (key, amount) in grants {
            let taken = number(&self.held[key], TAKEN);
            assert!(
                (0..=*amount).contains(&taken),
                "{key:?} gave {taken} of {amount}"
            );
        }
    }

    /// Asserts that no period took more than the plan's allowance, which was
    /// never lowered.
    pub(super) fn within_allowance(&self) {
        let allowance = self
            .config
            .subscription
            .as_ref()
            .and_then(|subscription| subscription.plan.allowance);
        let prefix = format!("T|{}|C|credit|allowance", self.tenant);
        for (key, _) in self.due.iter().filter(|(key, _)| key.pk == prefix) {
            let taken = number(&self.held[key], TAKEN);
            assert!(
                allowance.is_some_and(|allowance| (0..=allowance.units()).contains(&taken)),
                "{key:?} gave {taken} of {allowance:?}"
            );
        }
    }
}

/// Asserts that `GET /credits` tells what the store holds, and that each grant
/// is what was used, held, is left and has expired of it.
pub(crate) async fn told(app: &TestApp, store: &dyn Store, tenant: &str) {
    // What is told leaves out holds that are over, swept or not.
    app.service().expire_holds().await.expect("a sweep");
    let body = app
        .get(&format!("/credits/{tenant}"))
        .await
        .expect(200)
        .json();
    let name = Name::new(tenant).expect("a tenant");
    let conserved = |row: &Value, granted: &str| {
        let parts = ["used", "held", "remaining", "expired"].map(|part| units(&row[part]));
        assert_eq!(units(&row[granted]), parts.iter().sum::<i128>(), "{row}");
    };
    conserved(&body, "granted");
    let rows = body["grants"].as_array().expect("grants");
    for field in ["used", "held", "remaining", "expired"] {
        assert_eq!(
            units(&body[field]),
            rows.iter().map(|row| units(&row[field])).sum::<i128>(),
            "{field} in {body}"
        );
    }
    let stored = grants(store, &name).await;
    assert_eq!(rows.len(), stored.len(), "{body}");
    for row in rows {
        conserved(row, "amount");
        let key = source(
            &name,
            &format!("grant:{}", row["id"].as_str().expect("an id")),
            "total/1970-01-01T00:00:00Z",
        );
        let attrs = item(store, key).await.unwrap_or_default();
        let (taken, used) = (number(&attrs, TAKEN), number(&attrs, USED));
        assert_eq!(
            (units(&row["used"]), units(&row["held"])),
            (used, taken - used),
            "{row}"
        );
    }
    let uncovered = item(
        store,
        source(&name, "uncovered", "total/1970-01-01T00:00:00Z"),
    )
    .await
    .unwrap_or_default();
    assert_eq!(
        units(&body["uncovered"]),
        number(&uncovered, TAKEN),
        "{body}"
    );
}
