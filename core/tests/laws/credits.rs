//! Credit: whatever is drawn, held, given back and moved, each source is what was
//! drawn of it, and none is drawn beyond what it has.

mod acts;
mod model;
mod world;

use crate::given::{at, name};
use acts::Act;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use tollgate_core::{Config, CounterKey, Grant, Mode, Posting};
use world::World;

fn allowance() -> impl Strategy<Value = Option<i128>> {
    option::weighted(0.8, 0_i128..60)
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let (id, cost, days_ago, reads) = (0_u8..5, 0_i128..25, 0_i64..35, any::<bool>());
    let mode = prop_oneof![Just(Mode::Enforce), Just(Mode::Observe)];
    let recorded = (cost.clone(), days_ago.clone(), mode, reads);
    let taken = (id.clone(), cost.clone(), days_ago, reads);
    let grant = (1_i128..40, 0_u32..3, option::of(1_i64..40));
    let day = select([1_u32, 5, 15, 22, 28].as_slice());
    let act = prop_oneof![
        4 => recorded.prop_map(|(cost, days_ago, mode, reads)| Act::Record {
            cost, days_ago, mode, reads,
        }),
        2 => any::<usize>().prop_map(Act::Void),
        2 => taken.prop_map(|(id, cost, days_ago, reads)| Act::Take { id, cost, days_ago, reads }),
        2 => (id.clone(), cost, reads)
            .prop_map(|(id, cost, reads)| Act::Capture { id, cost, reads }),
        1 => id.prop_map(Act::Release),
        1 => Just(Act::Sweep),
        1 => grant.prop_map(|(amount, priority, days)| Act::Grant { amount, priority, days }),
        2 => (day, allowance()).prop_map(|(day, allowance)| Act::Subscribe(day, allowance)),
        1 => prop_oneof![4 => (1_i64..400).prop_map(Act::Wait), 1 => Just(Act::Unsubscribe)],
    ];
    proptest::collection::vec(act, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_order_of_draws_holds_voids_grants_and_changes_of_periods_balances(
        first in allowance(), acts in acts(),
    ) {
        let mut world = World::new(first);
        for act in &acts {
            world.act(act);
            world.assert_balanced();
        }
    }
}

/// A source and its window, as told by the key of its counter.
fn told(counter: &CounterKey) -> String {
    let window = counter.window.start.to_string();
    format!("{} {}", counter.scope_id, &window[..10])
}

fn drawn(draws: &[Posting]) -> Vec<String> {
    let draw = |posting: &Posting| format!("{} of {}", posting.used, told(&posting.counter));
    draws.iter().map(draw).collect()
}

#[test]
fn a_late_capture_draws_all_of_its_cost_anew() {
    let mut world = World::new(Some(30));
    world.take(1, (10, 0), true);
    world.take(2, (4, 0), true);
    world.now = at("2026-11-27T10:00:00Z");
    // Its time is over and nobody has written so: it keeps what it holds.
    world.capture(2, 6, true);
    let kept = world.marker(&name("h2")).draws;
    assert_eq!(
        drawn(&kept),
        ["4 of allowance 2026-11-01", "2 of allowance 2026-11-01"]
    );
    world.sweep();
    world.record((19, 0), Mode::Enforce, true);
    world.capture(1, 12, true);
    let late = world.marker(&name("h1")).draws;
    assert_eq!(
        drawn(&late),
        ["5 of allowance 2026-11-01", "7 of uncovered 1970-01-01"]
    );
    world.assert_balanced();
}

/// Which allowance each of these times is drawn from.
fn allowances(config: &Config) -> [String; 5] {
    [
        "2026-10-31",
        "2026-11-14",
        "2026-11-15",
        "2026-12-01",
        "2026-12-15",
    ]
    .map(|day| told(&config.allowance_counter(at(&format!("{day}T00:00:00Z")))))
}

#[test]
fn periods_of_before_stay_and_what_was_cut_is_drawn_from_what_took_over() {
    let mut world = World::new(Some(30));
    world.record((7, 0), Mode::Enforce, true);
    let drawn_first = world.rules.config().allowance_counter(world.now);
    let stands = |world: &World| told(world.rules.config().stands_in(&drawn_first));
    for (day, found, moved_to) in [
        (
            15,
            [
                "allowance 2026-10-01",
                "allowance:1 2026-11-15",
                "allowance:1 2026-11-15",
                "allowance:1 2026-11-15",
                "allowance:1 2026-12-15",
            ],
            "allowance:1 2026-11-15",
        ),
        (
            1,
            [
                "allowance 2026-10-01",
                "allowance:2 2026-11-01",
                "allowance:2 2026-11-01",
                "allowance:2 2026-12-01",
                "allowance:2 2026-12-01",
            ],
            "allowance:2 2026-11-01",
        ),
        (
            15,
            [
                "allowance 2026-10-01",
                "allowance:3 2026-11-15",
                "allowance:3 2026-11-15",
                "allowance:3 2026-11-15",
                "allowance:3 2026-12-15",
            ],
            "allowance:3 2026-11-15",
        ),
    ] {
        world.subscribe(day, Some(30));
        world.assert_balanced();
        assert_eq!(allowances(world.rules.config()), found);
        assert_eq!(stands(&world), moved_to);
    }
    // It comes back to there, however often it moved.
    world.void(0);
    world.assert_balanced();
}

#[test]
fn another_plan_with_the_same_periods_moves_nothing() {
    let mut config = Config::default();
    let now = at("2026-11-22T10:00:00Z");
    let months = world::subscription(1, Some(5));
    assert_eq!(config.set_subscription(Some(months), now), None);
    let fifteenth = world::subscription(15, Some(5));
    assert!(
        config
            .set_subscription(Some(fifteenth.clone()), now)
            .is_some()
    );
    let other = world::subscription(15, None);
    assert_eq!(config.set_subscription(Some(other), now), None);
    assert_eq!((config.earlier.len(), config.moved.len()), (1, 1));
}

#[test]
fn calendars_are_forgotten_when_no_marker_tells_of_their_periods() {
    let mut config = Config {
        retention_days: Some(Config::RETENTION_DAYS_MIN),
        ..Config::default()
    };
    let change = |config: &mut Config, day: u32, now: &str| {
        config
            .set_subscription(Some(world::subscription(day, None)), at(now))
            .unwrap()
    };
    change(&mut config, 15, "2026-01-20T00:00:00Z");
    // The period that was cut ended with January.
    for (now, kept) in [("2026-03-08T00:00:00Z", 2), ("2026-03-09T00:00:00Z", 1)] {
        let mut later = config.clone();
        change(&mut later, 20, now);
        assert_eq!(later.moved.len(), kept, "{now}");
    }
}

/// A hold on 40 grants, captured far above it after 50 others were made.
#[test]
fn a_capture_draws_on_as_many_further_grants_as_its_transaction_takes() {
    let mut world = World::new(None);
    let grants = |numbers: std::ops::Range<usize>| -> Vec<Grant> {
        let grant = |number: usize| Grant {
            id: name(&format!("g{number:03}")),
            amount: tollgate_core::Amount::from_units(1).unwrap(),
            priority: 0,
            granted_at: at("2026-11-01T00:00:00Z"),
            expires_at: None,
        };
        numbers.map(grant).collect()
    };
    let put = |world: &mut World, grants: Vec<Grant>| {
        world.configure(|config| {
            (config.prepaid, config.grants) = (true, grants);
            None
        });
    };
    put(&mut world, grants(0..40));
    assert!(world.commit(&world.blind_take(1, 40)));
    put(&mut world, grants(100..150));
    assert!(world.commit(&world.blind_capture(1, 100)));
    let draws = drawn(&world.marker(&name("h1")).draws);
    assert_eq!(draws.len(), 40 + 15 + 1);
    assert_eq!(draws[0], "1 of grant:g000 1970-01-01");
    assert_eq!(draws[54], "1 of grant:g114 1970-01-01");
    assert_eq!(draws[55], "45 of uncovered 1970-01-01");
}
