//! Holds: whatever becomes of them, and in whatever order, counters are what
//! was booked and what is open.

mod world;

use crate::given::{event, name, usd};
use proptest::prelude::*;
use std::sync::Arc;
use tollgate_core::{Attrs, Closing, Event, Hold, Mode, Value, affordable, table};

use world::{Act, World, tenant, used};

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
    proptest::collection::btree_map(0_u8..5, 0_i128..100, 0..5)
        .prop_map(|limits| limits.into_iter().collect())
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
    fn what_is_affordable_is_the_most_that_the_money_left_pays_for(spent in 0_u64..200, hard in 0_i128..5000) {
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
    let most = affordable(
        &world.pack,
        &world.standing(&draft),
        world.now,
        &draft,
        |event| price(&world, event),
    );
    assert_eq!(most, Ok(None));
    let world = World::new(&[(0, 1)]);
    let free = event("h1", "agent_task");
    let draft = world.draft(&free);
    let most = affordable(
        &world.pack,
        &world.standing(&draft),
        world.now,
        &draft,
        |event| price(&world, event),
    );
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
        let damaged = Attrs::from([
            (Arc::from(table::BODY), Value::B(bytes[..cut].to_vec())),
            (Arc::from(table::VERSION), Value::N(1)),
        ]);
        assert_eq!(Hold::from_attrs(&damaged), None);
    }
    world.capture(1, 9);
    let hold = world.hold(1).unwrap();
    assert!(matches!(&hold.closing, Some(Closing::Captured { event, .. }) if *event == name("h1")));
    assert_eq!((hold.version, hold.parts.len()), (2, 2));
    assert!(hold.estimate.cost > usd("0"));
}
