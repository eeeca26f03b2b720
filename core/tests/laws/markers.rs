//! A marker recognises its event, whatever way it comes again.

use crate::draw::{any_event, draws};
use crate::given::{at, card_ref, name};
use proptest::prelude::*;
use tollgate_core::{
    Answer, Change, Currency, Decision, Draft, Event, Fingerprint, Guard, Marker, Priced,
};

fn draft(event: &Event, timestamp_given: bool) -> Draft {
    let priced = Priced {
        cost: event.cost_override.unwrap_or_default(),
        currency: Currency::USD,
        card: card_ref("default", 1),
    };
    Draft::new(event.clone(), priced, timestamp_given)
}

fn marker(draft: &Draft) -> Marker {
    Marker {
        draws: Vec::new(),
        fingerprint: draft.fingerprint,
        answer: Answer {
            timestamp: draft.event.timestamp,
            timestamp_given: draft.timestamp_given,
            cost: draft.priced.cost,
            currency: draft.priced.currency,
            card: draft.priced.card.clone(),
            decision: Decision::Warn,
        },
        page: "2026-11-22/01J/7".to_owned(),
    }
}

/// One field of an event, and how to change it.
type Edit = (&'static str, fn(&mut Event));

const EDITS: [Edit; 23] = [
    ("id", |e| e.id = name("other-id")),
    ("operation", |e| {
        e.dimensions.operation = name("other-operation")
    }),
    ("tier", |e| e.dimensions.tier = name("other-tier")),
    ("agent", |e| e.dimensions.agent = Some(name("other-agent"))),
    ("consumer", |e| {
        e.dimensions.consumer = Some(name("other-consumer"))
    }),
    ("session", |e| {
        e.dimensions.session = Some(name("other-session"))
    }),
    ("task", |e| e.task = Some(name("other-task"))),
    ("tool server", |e| {
        e.dimensions.tool_server = Some(name("other-server"))
    }),
    ("tool name", |e| {
        e.dimensions.tool_name = Some(name("other-tool"))
    }),
    ("model", |e| e.dimensions.model = Some(name("other-model"))),
    ("node", |e| e.dimensions.node = Some(name("other-node"))),
    ("provider", |e| e.provider = Some(name("other-provider"))),
    ("units", |e| e.quantities.units += 1),
    ("tokens_in", |e| e.quantities.tokens_in += 1),
    ("tokens_out", |e| e.quantities.tokens_out += 1),
    ("cached_tokens_in", |e| e.quantities.cached_tokens_in += 1),
    ("tokens_processed", |e| e.quantities.tokens_processed += 1),
    ("api_calls", |e| e.quantities.api_calls += 1),
    ("duration_ms", |e| e.quantities.duration_ms += 1),
    ("data_bytes", |e| e.quantities.data_bytes += 1),
    ("latency", |e| e.latency_ms = "1e19".parse().ok()),
    ("override", |e| e.cost_override = "1e19".parse().ok()),
    ("metadata", |e| {
        e.metadata = Some("{\"other\":1}".to_owned())
    }),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_fingerprint_changes_with_every_field_but_the_time(event in any_event()) {
        let print = Fingerprint::of(&event);
        for (field, edit) in EDITS {
            let mut edited = event.clone();
            edit(&mut edited);
            prop_assert_ne!(Fingerprint::of(&edited), print, "{}", field);
        }
        let later = Event { timestamp: at("2030-01-01T00:00:00Z"), ..event.clone() };
        prop_assert_eq!(Fingerprint::of(&later), print);
        prop_assert_eq!(Fingerprint::from_bytes(&print.to_bytes()), Some(print));
    }

    /// A tree that changes in between makes no other content of what is sent again.
    #[test]
    fn the_nodes_that_an_event_counts_in_are_no_content(event in any_event()) {
        let mut moved = event.clone();
        moved.dimensions.path.push(name("other-node"));
        prop_assert_eq!(Fingerprint::of(&moved), Fingerprint::of(&event));
        prop_assert!(marker(&draft(&event, true)).matches(&moved, true));
    }

    #[test]
    fn a_text_that_moves_to_another_field_is_other_content(event in any_event()) {
        let mut moved = event.clone();
        std::mem::swap(&mut moved.dimensions.agent, &mut moved.dimensions.consumer);
        std::mem::swap(&mut moved.task, &mut moved.provider);
        prop_assert_eq!(Fingerprint::of(&moved) == Fingerprint::of(&event), moved == event);
    }

    #[test]
    fn a_marker_is_read_as_it_was_written(
        event in any_event(), given in any::<bool>(), draws in draws(),
    ) {
        let draft = draft(&event, given);
        let marker = Marker { draws, ..marker(&draft) };
        let expires = at("2027-12-28T00:00:00Z");
        let write = marker.write(&name("acme"), &draft.event, expires).unwrap();
        prop_assert_eq!(&write.guards, &vec![Guard::Absent]);
        let Change::Put(attrs) = write.change else { panic!("a marker is put") };
        prop_assert_eq!(Marker::from_attrs(&attrs), Some(marker));
        prop_assert_eq!(attrs.contains_key("tk"), event.task.is_some());
    }

    #[test]
    fn a_time_that_was_left_out_is_not_compared(event in any_event(), then in any::<bool>(), now in any::<bool>()) {
        let marker = marker(&draft(&event, then));
        prop_assert!(marker.matches(&event, now));
        let later = Event { timestamp: at("2030-01-01T00:00:00Z"), ..event };
        prop_assert_eq!(marker.matches(&later, now), !(then && now));
    }
}
