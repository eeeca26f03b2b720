//! When a guard holds, and what a refusal says.

use super::{add, attrs, delete, done, guarded, n, put, read, refused, s};
use std::sync::Arc;
use tollgate_core::{Guard, Key, Value};
use tollgate_service::{Reason, Refusal, Store};

super::questions![
    every_guard_holds_exactly_when_it_says,
    a_refusal_names_the_write_and_brings_the_item_as_it_stood,
    several_refusals_come_together,
    an_item_without_attributes_is_not_taken_for_absent,
    guards_hold_against_what_stood_before,
    all_guards_of_a_write_must_hold,
];

fn at_most(most: i128) -> Guard {
    Guard::AtMost(Arc::from("u"), most)
}

fn equals(value: Value) -> Guard {
    Guard::Equals(Arc::from("u"), value)
}

fn lacks() -> Guard {
    Guard::Lacks(Arc::from("u"))
}

/// An item (`None`: absent), a guard, and whether it holds.
type Case = (Option<Vec<(&'static str, Value)>>, Guard, bool);

fn cases() -> Vec<Case> {
    let other = || Some(vec![("other", n(1))]);
    let u = |value: Value| Some(vec![("u", value), ("other", n(1))]);
    let most = 10_i128.pow(38) - 1;
    vec![
        (None, Guard::Absent, true),
        (other(), Guard::Absent, false),
        (None, Guard::Present, false),
        (other(), Guard::Present, true),
        (None, at_most(0), true),
        (other(), at_most(-5), true),
        (u(n(7)), at_most(6), false),
        (u(n(7)), at_most(7), true),
        (u(n(7)), at_most(8), true),
        (u(n(-7)), at_most(-8), false),
        (u(n(-7)), at_most(0), true),
        (u(n(100)), at_most(99), false),
        (u(n(99)), at_most(100), true),
        (u(n(most)), at_most(most - 1), false),
        (u(n(most)), at_most(most), true),
        (u(n(-most)), at_most(-most), true),
        (u(s("7")), at_most(8), false),
        (None, equals(n(7)), false),
        (other(), equals(n(7)), false),
        (u(n(7)), equals(n(7)), true),
        (u(n(8)), equals(n(7)), false),
        (u(s("7")), equals(n(7)), false),
        (u(s("a")), equals(s("a")), true),
        (u(s("a")), equals(s("A")), false),
        (u(Value::B(vec![1, 2])), equals(Value::B(vec![1, 2])), true),
        (u(Value::B(vec![1, 2])), equals(Value::B(vec![1])), false),
        (None, lacks(), true),
        (other(), lacks(), true),
        (u(n(0)), lacks(), false),
        (u(s("")), lacks(), false),
    ]
}

async fn every_guard_holds_exactly_when_it_says(store: &dyn Store) {
    for (place, (item, guard, holds)) in cases().into_iter().enumerate() {
        let says = format!("{item:?} {guard:?}");
        let key = Key::new(format!("guard-{place}"), "x");
        if let Some(pairs) = &item {
            done(store, &[put(&key, pairs)]).await;
        }
        let before = item.map(|pairs| attrs(&pairs));
        assert_eq!(
            guard.holds(before.as_ref()),
            holds,
            "{says}: by its own account"
        );
        for write in [
            add(&key, "done", 1),
            put(&key, &[("done", n(1))]),
            delete(&key),
        ] {
            let write = guarded(write, std::slice::from_ref(&guard));
            if !holds {
                let refusals = refused(store, std::slice::from_ref(&write)).await;
                assert_eq!(
                    refusals,
                    [Refusal {
                        index: 0,
                        reason: Reason::Guard(before.clone())
                    }],
                    "{says}"
                );
                assert_eq!(
                    read(store, &key).await,
                    before,
                    "{says}: refused, and yet something changed"
                );
                continue;
            }
            done(store, std::slice::from_ref(&write)).await;
            assert_eq!(
                read(store, &key).await,
                write.change.applied(before.as_ref()),
                "{says}"
            );
            match &before {
                Some(item) => {
                    let pairs: Vec<(&str, Value)> = item
                        .iter()
                        .map(|(name, value)| (&**name, value.clone()))
                        .collect();
                    done(store, &[put(&key, &pairs)]).await;
                }
                None => done(store, &[delete(&key)]).await,
            }
        }
    }
}

async fn a_refusal_names_the_write_and_brings_the_item_as_it_stood(store: &dyn Store) {
    let keys = ["a", "b", "c"].map(|sk| Key::new("refusal", sk));
    let stood = [
        ("u", n(5)),
        ("text", s("as it stood")),
        ("bytes", Value::B(vec![0, 255])),
    ];
    done(store, &[put(&keys[1], &stood)]).await;
    let writes = [
        add(&keys[0], "u", 1),
        guarded(add(&keys[1], "u", 1), &[at_most(4)]),
        put(&keys[2], &[("u", n(1))]),
    ];
    let refusals = refused(store, &writes).await;
    assert_eq!(
        refusals,
        [Refusal {
            index: 1,
            reason: Reason::Guard(Some(attrs(&stood)))
        }]
    );
}

async fn several_refusals_come_together(store: &dyn Store) {
    let keys: Vec<Key> = (0..5)
        .map(|i| Key::new(format!("refusals-{i}"), "x"))
        .collect();
    done(
        store,
        &[put(&keys[0], &[("v", n(0))]), put(&keys[3], &[("u", n(9))])],
    )
    .await;
    let writes = [
        guarded(put(&keys[0], &[("v", n(1))]), &[Guard::Absent]),
        guarded(put(&keys[1], &[("v", n(1))]), &[Guard::Absent]),
        guarded(put(&keys[2], &[("v", n(1))]), &[Guard::Present]),
        guarded(add(&keys[3], "u", 1), &[at_most(8)]),
        guarded(delete(&keys[4]), &[equals(n(1))]),
    ];
    let refusals = refused(store, &writes).await;
    let said: Vec<_> = refusals
        .into_iter()
        .map(|refusal| (refusal.index, refusal.reason))
        .collect();
    let guard = |pairs: &[(&str, Value)]| Reason::Guard(Some(attrs(pairs)));
    assert_eq!(
        said,
        [
            (0, guard(&[("v", n(0))])),
            (2, Reason::Guard(None)),
            (3, guard(&[("u", n(9))])),
            (4, Reason::Guard(None))
        ]
    );
    assert_eq!(read(store, &keys[1]).await, None);
}

async fn an_item_without_attributes_is_not_taken_for_absent(store: &dyn Store) {
    let key = Key::new("refusal-bare", "x");
    done(store, &[put(&key, &[])]).await;
    let refusals = refused(
        store,
        &[guarded(put(&key, &[("v", n(1))]), &[Guard::Absent])],
    )
    .await;
    assert_eq!(
        refusals,
        [Refusal {
            index: 0,
            reason: Reason::Guard(Some(attrs(&[])))
        }]
    );
}

async fn guards_hold_against_what_stood_before(store: &dyn Store) {
    let key = Key::new("guard-before", "x");
    done(store, &[guarded(add(&key, "u", 10), &[at_most(0)])]).await;
    let change = guarded(put(&key, &[("u", n(0))]), &[equals(n(10))]);
    done(store, &[change]).await;
    assert_eq!(read(store, &key).await, Some(attrs(&[("u", n(0))])));
}

async fn all_guards_of_a_write_must_hold(store: &dyn Store) {
    let key = Key::new("guard-all", "x");
    done(store, &[put(&key, &[("u", n(5)), ("lv", n(2))])]).await;
    let lv = |most| Guard::AtMost(Arc::from("lv"), most);
    for (guards, holds) in [
        ([lv(2), at_most(5)], true),
        ([lv(1), at_most(6)], false),
        ([lv(2), at_most(4)], false),
        ([at_most(5), lv(2)], true),
        ([at_most(8), at_most(4)], false),
        ([Guard::Present, lacks()], false),
    ] {
        let write = guarded(add(&key, "n", 1), &guards);
        if holds {
            done(store, &[write]).await;
        } else {
            assert_eq!(refused(store, &[write]).await.len(), 1, "{guards:?}");
        }
    }
    assert_eq!(read(store, &key).await.expect("an item")["n"], n(2));
}
