//! The law of aggregates: however events are cut into receipt hours, late or
//! not, rollups of any view answer as a fold over the events does.

use crate::given::{self, name};
use crate::naive;
use crate::rows::{any_stored, page};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use tollgate_core::{
    Aggregate, Amount, Component, Counted, DAY_SECONDS, Dimension, Dimensions, Filter, GroupBy,
    GroupPart, Instant, Label, Name, Place, Roster, Rows, Stored, Tally, View,
};

/// An event with the receipt hour that it came in: of two months.
#[derive(Clone, Debug)]
struct Received {
    month: usize,
    hour: usize,
    stored: Stored,
}

fn few(letters: &'static str) -> impl Strategy<Value = Option<Name>> {
    option::of(letters.prop_map(|text| name(&text)))
}

fn received() -> impl Strategy<Value = Vec<Received>> {
    let people = (few("[ab]"), few("[ab]"), few("[abc]"), few("[st]"));
    let things = ("[xy]", "[st]", few("s/?"), few("t/?"), few("[mn]"));
    let when = (0_usize..2, 0_usize..3, -800_i64..800, 0_i64..2);
    let one = (any_stored(), people, things, when).prop_map(
        |(
            mut stored,
            (agent, consumer, task, session),
            (of, tier, tool_server, tool_name, model),
            (month, hour, hours, odd),
        )| {
            stored.event.timestamp =
                given::at("2026-12-31T23:00:00Z").plus_seconds(hours * 3600 + odd * 3599);
            let (operation, tier) = (name(&of), name(&tier));
            stored.event.dimensions = Dimensions {
                operation,
                tier,
                agent,
                consumer,
                session,
                tool_server,
                tool_name,
                model,
                node: None,
                path: Vec::new(),
            };
            stored.event.task = task;
            Received {
                month,
                hour,
                stored,
            }
        },
    );
    vec(one, 0..40)
}

fn filters() -> impl Strategy<Value = Filter> {
    let rare = |letters: &'static str| prop_oneof![5 => Just(None), 1 => few(letters)];
    let people = (rare("[ab]"), rare("[abz]"), rare("[abc]"), rare("[st]"));
    let things = (
        rare("[xy]"),
        rare("[st]"),
        rare("s/?"),
        rare("t/?"),
        rare("[mn]"),
    );
    (people, things).prop_map(
        |((agent, consumer, task, session), (operation, tier, tool_server, tool_name, model))| {
            let names = [
                agent,
                consumer,
                session,
                task,
                operation,
                tier,
                tool_server,
                tool_name,
                model,
            ];
            let named = Dimension::FILTERS.into_iter().zip(names);
            Filter {
                names: named.filter_map(|(of, name)| Some((of, name?))).collect(),
                id: None,
                unpriced: false,
            }
        },
    )
}

/// A question answered from rollups of each receipt hour, in the numbers of
/// its month, read back from their chunks.
fn from_rollups(
    events: &[Received],
    filter: &Filter,
    (by, part): (GroupBy, GroupPart),
) -> BTreeMap<String, Tally> {
    let view = View::keeping(filter.needs().and(by.needs()));
    let seconds = if by == GroupBy::Hour {
        3600
    } else {
        DAY_SECONDS
    };
    let (mut answer, mut own) = (Aggregate::new(by, part), Roster::default());
    let wanted = filter.of_rows(&mut own).unwrap();
    for month in 0..2 {
        let (mut roster, mut chunks) = (Roster::default(), Vec::new());
        for hour in 0..3 {
            let of_hour = events
                .iter()
                .filter(|event| (event.month, event.hour) == (month, hour));
            let mut rows = Rows::default();
            rows.add_page(
                &page(of_hour.map(|event| event.stored.clone()).collect()),
                &mut roster,
            )
            .unwrap();
            chunks.extend(rows.seen(view, seconds).unwrap().encode().unwrap());
        }
        let renumbering = roster.onto(&mut own).unwrap();
        for chunk in chunks {
            for (mut place, mut tally) in Rows::decode(&chunk.bytes).unwrap() {
                renumbering.apply(&mut place, &mut tally).unwrap();
                if wanted.matches(&place) {
                    answer.add(chunk.span, &place, &tally).unwrap();
                }
            }
        }
    }
    answer.groups(&own)
}

/// What the naive fold keeps of a group.
/// The same, some groups at a time.
fn in_parts(
    events: &[Received],
    filter: &Filter,
    by: GroupBy,
    limit: usize,
) -> BTreeMap<String, Tally> {
    let mut all = BTreeMap::new();
    let mut after: Option<String> = None;
    loop {
        let part = GroupPart {
            after: after.clone(),
            limit: Some(limit),
        };
        let groups = from_rollups(events, filter, (by, part));
        let behind = |key: &String| after.as_ref().is_none_or(|after| key > after);
        let next: Vec<_> = groups.into_iter().filter(|(key, _)| behind(key)).collect();
        let Some((last, _)) = next.get(..limit.min(next.len())).and_then(<[_]>::last) else {
            return all;
        };
        after = Some(last.clone());
        all.extend(next.into_iter().take(limit));
    }
}

#[derive(Debug, Default, PartialEq)]
struct Naive {
    events: i64,
    tasks: BTreeSet<Name>,
    taskless: i64,
    agents: BTreeSet<Name>,
    consumers: BTreeSet<Name>,
    tokens_in: i128,
    cost: Amount,
}

fn key(by: GroupBy, stored: &Stored) -> String {
    let d = &stored.event.dimensions;
    let text = |name: &Option<Name>| name.as_ref().map(ToString::to_string);
    let tool = || {
        Some(format!(
            "{}/{}",
            text(&d.tool_server)?.replace('/', "%2F"),
            text(&d.tool_name)?.replace('/', "%2F")
        ))
    };
    let found = match by {
        GroupBy::Name(dimension) => match dimension.field() {
            "agent_id" => text(&d.agent),
            "consumer_id" => text(&d.consumer),
            "operation" => Some(d.operation.to_string()),
            "tier" => Some(d.tier.to_string()),
            "session_id" => text(&d.session),
            "model" => text(&d.model),
            other => panic!("no groups by {other}"),
        },
        GroupBy::Tool => tool(),
        GroupBy::Hour | GroupBy::Day | GroupBy::Week | GroupBy::Month => {
            Some(naive::span_text(by, &stored.event.timestamp.to_string()))
        }
    };
    found.unwrap_or_else(|| "(none)".to_owned())
}

fn naively(events: &[Received], filter: &Filter, by: GroupBy) -> BTreeMap<String, Naive> {
    let mut groups: BTreeMap<String, Naive> = BTreeMap::new();
    for Received { stored, .. } in events.iter().filter(|event| filter.matches(&event.stored)) {
        let (event, group) = (&stored.event, groups.entry(key(by, stored)).or_default());
        let sign = if stored.voids.is_some() { -1 } else { 1 };
        group.events += sign;
        group.taskless += sign * i64::from(event.task.is_none());
        group.tasks.extend(event.task.clone());
        group.agents.extend(event.dimensions.agent.clone());
        group.consumers.extend(event.dimensions.consumer.clone());
        group.tokens_in += i128::from(sign) * i128::from(event.quantities.tokens_in);
        group.cost = if sign < 0 {
            group.cost.checked_sub(stored.cost)
        } else {
            group.cost.checked_add(stored.cost)
        }
        .unwrap();
    }
    groups
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn rollups_answer_every_question_as_the_events_do(events in received(), filter in filters()) {
        for (asked, by) in GroupBy::ALL {
            let answer = from_rollups(&events, &filter, (by, GroupPart::default()));
            prop_assert_eq!(&in_parts(&events, &filter, by, 1), &answer, "{} one by one", asked);
            prop_assert_eq!(&in_parts(&events, &filter, by, 2), &answer, "{} in twos", asked);
            let expected = naively(&events, &filter, by);
            prop_assert_eq!(answer.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "{}", asked);
            for (tally, naive) in answer.values().zip(expected.values()) {
                prop_assert_eq!(tally.totals.events, naive.events);
                let tasks = naive.taskless + i64::try_from(naive.tasks.len()).unwrap();
                prop_assert_eq!(i64::try_from(tally.total_tasks()).unwrap(), tasks.max(0));
                prop_assert_eq!(tally.distinct(Counted::Agent), u64::try_from(naive.agents.len()).unwrap());
                prop_assert_eq!(tally.distinct(Counted::Consumer), u64::try_from(naive.consumers.len()).unwrap());
                prop_assert_eq!((tally.totals.priced_by(Component::TokenIn), tally.totals.cost()), (naive.tokens_in, Ok(naive.cost)));
            }
        }
    }
}

#[test]
fn a_pseudonym_that_stands_for_two_numbers_is_one_agent() {
    let mut stored = Roster::default();
    for agent in ["a1", "a2"] {
        stored.number(Counted::Agent, &name(agent)).unwrap();
    }
    let mut joined = stored.joined(tollgate_core::Extent::default());
    joined.agents = vec![name("erased"), name("erased")];
    let (mut renamed, mut own) = (Roster::default(), Roster::default());
    renamed
        .append(tollgate_core::Joined::decode(&joined.encode().unwrap()).unwrap())
        .unwrap();
    let renumbering = renamed.onto(&mut own).unwrap();
    let mut answer = Aggregate::new(
        GroupBy::Name(Dimension::Label(Label::Agent)),
        GroupPart::default(),
    );
    for agent in [0, 1] {
        let (mut place, mut tally) = (
            Place {
                numbers: [Some(agent), None, None],
                ..Place::default()
            },
            Tally::default(),
        );
        tally.totals.events = 1;
        renumbering.apply(&mut place, &mut tally).unwrap();
        answer.add(Instant::EPOCH, &place, &tally).unwrap();
    }
    let groups = answer.groups(&own);
    assert_eq!(
        groups
            .iter()
            .map(|(key, tally)| (
                key.as_str(),
                tally.totals.events,
                tally.distinct(Counted::Agent)
            ))
            .collect::<Vec<_>>(),
        [("erased", 2, 1)]
    );
}

#[test]
fn weeks_are_iso_weeks_across_years() {
    let table = [
        ("2024-12-29T23:59:59.999999999Z", "2024-W52"),
        ("2024-12-30T00:00:00Z", "2025-W01"),
        ("2026-12-28T00:00:00Z", "2026-W53"),
        ("2027-01-01T12:00:00Z", "2026-W53"),
        ("2027-01-03T23:59:59Z", "2026-W53"),
        ("2027-01-04T00:00:00Z", "2027-W01"),
        ("1969-12-31T00:00:00Z", "1970-W01"),
        ("2021-01-03T00:00:00Z", "2020-W53"),
    ];
    for (at, week) in table {
        let mut answer = Aggregate::new(GroupBy::Week, GroupPart::default());
        answer
            .add(given::at(at), &Place::default(), &Tally::default())
            .unwrap();
        assert_eq!(
            answer
                .groups(&Roster::default())
                .into_keys()
                .collect::<Vec<_>>(),
            [week],
            "{at}"
        );
        assert_eq!(naive::span_text(GroupBy::Week, at), week, "{at}");
    }
}
