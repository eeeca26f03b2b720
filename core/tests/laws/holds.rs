//! Holds: whatever becomes of them, and in whatever order, counters are what
//! was booked and what is open.

mod acts;
mod balance;
mod model;
mod world;

use crate::given::{event, name, usd};
use crate::prices::{prices, pricing};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::Arc;
use tollgate_core::{
    ACTIONS_MAX, Attrs, Closing, Component, Event, Factor, Hold, Key, Mode, OpenHold, Operation,
    Unpriced, Value, affordable, expire, table, with_tokens_out,
};

use acts::Act;
use world::{World, tenant, used};

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let (id, agent, tokens, reads) = (0_u8..6, 0_u8..2, 0_u64..60, any::<bool>());
    let mode = prop_oneof![Just(Mode::Enforce), Just(Mode::Observe)];
    let taken = (
        id.clone(),
        agent.clone(),
        any::<bool>(),
        tokens.clone(),
        reads,
    );
    let captured = (id.clone(), tokens.clone(), reads);
    let act = prop_oneof![
        4 => taken.prop_map(|(id, agent, yesterday, tokens, reads)| Act::Take {
            id, agent, yesterday, tokens, reads,
        }),
        3 => captured.prop_map(|(id, tokens, reads)| Act::Capture { id, tokens, reads }),
        1 => id.clone().prop_map(Act::Release),
        1 => (id.clone(), 1_u32..1200).prop_map(|(id, seconds)| Act::Extend(id, seconds)),
        2 => id.prop_map(Act::CountAnew),
        1 => (1_usize..7).prop_map(Act::Sweep),
        1 => Just(Act::Remember),
        1 => Just(Act::SweepRemembered),
        2 => (agent, tokens, mode, reads)
            .prop_map(|(agent, tokens, mode, reads)| Act::Record { agent, tokens, mode, reads }),
        1 => (limits(), any::<bool>()).prop_map(|(limits, whole)| Act::Limit(limits, whole)),
        2 => (1_i64..400).prop_map(Act::Wait),
    ];
    proptest::collection::vec(act, 1..60)
}

fn limits() -> impl Strategy<Value = Vec<(u8, i128)>> {
    proptest::collection::btree_map(0_u8..6, 0_i128..100, 0..6)
        .prop_map(|limits| limits.into_iter().collect())
}

/// The most holds that one transaction takes of those first in a list, counted
/// write by write.
fn most_at_once(due: &[OpenHold]) -> usize {
    let fits = |holds: &usize| {
        let postings = due[..*holds].iter().flat_map(|hold| &hold.postings);
        let counters: BTreeSet<Key> = postings
            .map(|posting| table::counter(&tenant(), &posting.counter))
            .collect();
        2 * holds + counters.len() <= ACTIONS_MAX
    };
    (0..=due.len().min(40)).rev().find(fits).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_order_of_takes_captures_releases_expiries_and_changes_of_limits_balances(
        first in limits(), acts in acts(),
    ) {
        let mut world = World::new(&first);
        for act in &acts {
            world.act(act);
            world.assert_balanced();
        }
    }

    #[test]
    fn what_is_affordable_is_the_most_that_the_money_left_pays_for(spent in 0_u64..200, hard in 0_i128..5000) {
        let mut world = World::new(&[(0, hard), (2, 1000)]);
        world.record((0, spent), Mode::Observe, true);
        let wanted = used("h1", 0, false, 0);
        let draft = world.draft(&wanted);
        let most = affordable(&world.rules, &world.standing(&draft), world.now, &draft, |event| world.catalog.price(&[], None, event)).unwrap().unwrap();
        let left = hard * 10_i128.pow(15) - world.draft(&used("e", 0, false, spent)).priced.cost.units();
        let cost = |tokens| world.draft(&used("x", 0, false, tokens)).priced.cost.units();
        prop_assert!(most == 0 || cost(most) <= left);
        prop_assert!(cost(most + 1) > left);
    }

    /// Parts of the output come first and are cut with it, priced apart or not.
    #[test]
    fn what_is_affordable_of_an_output_with_parts_is_the_most_that_the_money_left_pays_for(
        (reasoning, text) in (0_u64..100, 0_u64..100), apart in any::<bool>(), hard in 0_i128..500,
    ) {
        let mut world = World::new(&[(0, hard)]);
        let parts = [(Component::TokenOut, "2", 1000), (Component::ReasoningTokenOut, "5", 1000)];
        let operation = Operation { prices: prices(&parts[..1 + usize::from(apart)]), ..Operation::default() };
        world.catalog = pricing(&operation, Factor::ONE, Unpriced::Reject);
        let mut wanted = used("h1", 0, false, reasoning + text);
        wanted.dimensions.operation = name("op");
        wanted.quantities.reasoning_tokens_out = reasoning;
        let draft = world.draft(&wanted);
        let price = |event: &Event| world.catalog.price(&[], None, event);
        let most = affordable(&world.rules, &world.standing(&draft), world.now, &draft, price).unwrap().unwrap();
        let cost = |tokens: u64| {
            let of_reasoning = if apart { 5 } else { 2 };
            let reasoned = reasoning.min(tokens);
            i128::from(of_reasoning * reasoned + 2 * (tokens - reasoned))
        };
        prop_assert!(most == 0 || cost(most) <= hard);
        prop_assert!(cost(most + 1) > hard);
        let cut = with_tokens_out(&wanted, most.min(reasoning + text)).quantities;
        prop_assert!(cut.reasoning_tokens_out <= cut.tokens_out);
        prop_assert_eq!(cut.reasoning_tokens_out, reasoning.min(cut.tokens_out));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn holds_that_expire_together_leave_what_they_leave_one_by_one(
        takes in proptest::collection::vec((any::<u8>(), any::<bool>(), 0_u64..60), 0..90),
        agents in 1_u8..90,
    ) {
        let ample = [(0, 10_i128.pow(9)), (1, 10_i128.pow(9)), (2, 1000), (3, 10_i128.pow(9))];
        let mut world = World::new(&ample);
        for (id, (agent, yesterday, tokens)) in (0_u8..).zip(&takes) {
            world.take(id, &used(&format!("h{id}"), agent % agents, *yesterday, *tokens), false);
        }
        world.now = world.now.plus_seconds(600);
        let mut one_by_one = world.clone();
        for due in one_by_one.due() {
            one_by_one.expire(std::slice::from_ref(&due));
        }
        let mut left = takes.len();
        while left > 0 {
            let due = world.due();
            prop_assert_eq!(due.len(), left);
            let expiring = expire(&world.rules, &tenant(), &due, world.now).unwrap();
            prop_assert_eq!(expiring.holds, most_at_once(&due));
            prop_assert!(world.commit(&expiring.writes));
            left -= expiring.holds;
        }
        prop_assert_eq!(world.items, one_by_one.items);
    }
}

#[test]
fn money_bounds_no_tokens_where_no_limit_or_price_does() {
    let price = |world: &World, event: &Event| world.catalog.price(&[], None, event);
    let world = World::new(&[(2, 5)]);
    let draft = world.draft(&used("h1", 0, false, 7));
    let most = affordable(
        &world.rules,
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
        &world.rules,
        &world.standing(&draft),
        world.now,
        &draft,
        |event| price(&world, event),
    );
    assert_eq!(most, Ok(None));
}

/// Every beginning of the bytes of an attribute, in place of all of them.
fn damaged(attrs: &Attrs, attribute: &str) -> Vec<Attrs> {
    let bytes = attrs[attribute].as_bytes().unwrap().to_vec();
    let cut = |length: usize| {
        let cut = (Arc::from(attribute), Value::B(bytes[..length].to_vec()));
        attrs.clone().into_iter().chain([cut]).collect()
    };
    (0..bytes.len()).map(cut).collect()
}

#[test]
fn a_hold_is_stored_as_it_is_and_damaged_bytes_are_no_hold() {
    let mut world = World::new(&[(0, 1000), (1, 1000)]);
    world.take(1, &used("h1", 0, true, 5), true);
    let key = table::hold(&tenant(), &name("h1"));
    for attrs in damaged(&world.items[&key], table::BODY) {
        assert_eq!(Hold::from_attrs(&attrs), None);
    }
    let entry = world.list().remove(0);
    let listed = &world.items[&table::open_hold_at(&tenant(), &entry.place)];
    for attrs in damaged(listed, table::BODY) {
        assert_eq!(OpenHold::from_attrs(&entry.place, &attrs), None);
    }
    assert_eq!(OpenHold::from_attrs("no place", listed), None);
    world.capture(1, 9, true);
    let hold = world.hold(1).unwrap();
    assert!(matches!(&hold.closing, Some(Closing::Captured { event, .. }) if *event == name("h1")));
    assert_eq!((hold.version, hold.postings.len()), (2, 2));
    assert!(hold.estimate.cost > usd("0"));
    for attrs in damaged(&world.items[&key], "cl") {
        assert_eq!(Hold::from_attrs(&attrs), None);
    }
}

/// Of a figure of a counter, what is used and held together, and used alone.
fn stands(world: &World, counter: &str, figure: &str) -> (i128, i128) {
    let of_counter = |(key, _): &(&Key, &Attrs)| format!("{}/{}", key.pk, key.sk).contains(counter);
    let (_, attrs) = world.items.iter().find(of_counter).unwrap();
    let number = |prefix: &str| {
        let value = attrs.get(format!("{prefix}:{figure}").as_str());
        value.and_then(Value::as_number).unwrap_or(0)
    };
    (number("u"), number("n"))
}

#[test]
fn a_hold_taken_before_a_series_began_is_counted_once_in_it_and_settled_from_it() {
    let of_day = |world: &World| stands(world, "|C|tenant|/day/2026-11-22", "events:3");
    let begun = || {
        let mut world = World::new(&[(0, 1000)]);
        world.take(1, &used("h1", 0, false, 5), true);
        world.set_limits(&[(0, 1000), (2, 2)], false);
        world.count_anew(1);
        world.assert_balanced();
        assert_eq!(of_day(&world), (1, 0), "held");
        world.count_anew(1);
        assert_eq!(of_day(&world), (1, 0), "once");
        world
    };
    let mut captured = begun();
    captured.capture(1, 9, true);
    assert_eq!(of_day(&captured), (1, 1));
    let mut released = begun();
    released.release(1);
    assert_eq!(of_day(&released), (0, 0));
    let mut expired = begun();
    expired.now = expired.now.plus_seconds(600);
    expired.expire(&expired.due());
    assert_eq!(of_day(&expired), (0, 0));
    expired.capture(1, 9, true);
    assert_eq!(of_day(&expired), (1, 1), "late");
}

#[test]
fn however_often_limits_change_a_hold_holds_no_more_than_an_event_touches() {
    let mut world = World::new(&[(0, 1000)]);
    world.take(1, &used("h1", 0, false, 5), true);
    for change in 0..500 {
        // An agent's own limit and one on each share a figure.
        let limits: &[_] = match change % 2 {
            0 => &[(1, 1000), (4, 1000)],
            _ => &[(0, 1000)],
        };
        world.set_limits(limits, false);
        world.count_anew(1);
        assert_eq!(world.hold(1).unwrap().postings.len(), 1, "change {change}");
    }
    world.assert_balanced();
    world.release(1);
    world.assert_balanced();
}

#[test]
fn a_late_capture_posts_what_is_used_and_gives_back_nothing() {
    let mut world = World::new(&[(1, 1000)]);
    let of_agent = |world: &World| stands(world, "|C|agent|a0/day/2026-11-22", "tokens:1");
    world.take(1, &used("h1", 0, false, 20), true);
    world.take(2, &used("h2", 0, false, 7), true);
    assert_eq!(of_agent(&world), (27, 0));
    world.now = world.now.plus_seconds(600);
    // Its time is over and nobody has written so: what it holds is given back.
    world.capture(2, 9, true);
    assert_eq!(of_agent(&world), (29, 9));
    world.expire(&world.due());
    assert_eq!(of_agent(&world), (9, 9));
    world.capture(1, 30, true);
    assert_eq!(of_agent(&world), (39, 39));
    world.assert_balanced();
}
