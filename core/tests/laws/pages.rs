//! Pages keep their events exactly, forget names whose digest stays, and damaged
//! ones are known for it.

use crate::draw::instant;
use crate::given::{self, card_ref, name};
use crate::rows::{any_stored, page as page_of};
use proptest::collection::vec;
use proptest::prelude::*;
use tollgate_core::{
    Currency, Figure, FormError, Name, Page, Person, Posting, Sealed, SealedEvent, Stored,
    uncovered_counter,
};

fn page() -> impl Strategy<Value = Page> {
    let sealed = prop::option::of(vec((0_u32..1000, vec(any::<i64>(), 0..3)), 20));
    (instant(), any::<u64>(), vec(any_stored(), 0..20), sealed).prop_map(
        |(received, config_version, events, sealed)| {
            let page = Page {
                received,
                config_version,
                currency: Currency::USD,
                events,
                sealed: None,
            };
            match sealed {
                Some(of) => sealed_page(page, of),
                None => page,
            }
        },
    )
}

/// `page` as one of a sealed batch, whose events have these places and draws.
fn sealed_page(mut page: Page, of: Vec<(u32, Vec<i64>)>) -> Page {
    let batch = name("b-1");
    let draw =
        |amount: i64| Posting::used(uncovered_counter(), Figure::credit(), i128::from(amount));
    let mut events = Vec::new();
    for (stored, (index, draws)) in page.events.iter_mut().zip(of) {
        stored.event.id = batch.sealed_event(index);
        let draws = draws.into_iter().map(draw).collect();
        events.push(SealedEvent { index, draws });
    }
    page.sealed = Some(Sealed { batch, events });
    page
}

/// What stands for a name in these tests.
fn pseudonym(name: &Name) -> Name {
    given::name(&format!("gone-{}", name.as_str().len()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_page_is_read_as_it_was_written(page in page(), seed in any::<[u8; 32]>()) {
        let bytes = page.encode(seed).unwrap();
        prop_assert_eq!(Page::decode(&bytes), Ok(page));
    }

    #[test]
    fn an_erased_name_is_gone_with_its_salt_and_the_digest_stays(
        page in page(),
        seed in any::<[u8; 32]>(),
        person in prop_oneof![Just(Person::Agent), Just(Person::Consumer)],
    ) {
        let bytes = page.encode(seed).unwrap();
        let digest = Page::digest(&bytes).unwrap();
        let named = page.events.iter().find_map(|stored| person.of_event(&stored.event)).cloned();
        let is_it = |of: Person, name: &Name| of == person && Some(name) == named.as_ref();
        let erased = Page::erase(&bytes, |of, name| is_it(of, name).then(|| pseudonym(name)));
        let Some(erased) = erased.unwrap() else {
            prop_assert!(named.is_none());
            return Ok(());
        };
        prop_assert_eq!(Page::digest(&erased).unwrap(), digest);
        let mut expected = page;
        for stored in &mut expected.events {
            let Some(was) = person.of_event(&stored.event).cloned() else { continue };
            if !is_it(person, &was) { continue }
            // A node named as both is the agent's.
            if person == Person::Agent || stored.event.dimensions.agent.as_ref() != Some(&was) {
                let path = stored.event.dimensions.path.iter_mut();
                path.filter(|node| **node == was).for_each(|node| *node = pseudonym(&was));
            }
            *person.of(&mut stored.event.dimensions) = Some(pseudonym(&was));
        }
        prop_assert_eq!(Page::decode(&erased), Ok(expected.clone()));
        // Whoever has the page cannot find the name by trying: another salt, another digest.
        let again = expected.encode(seed).unwrap();
        prop_assert_ne!(Page::digest(&again).unwrap(), digest);
    }

    #[test]
    fn a_flipped_bit_is_damage(page in page(), place in any::<prop::sample::Index>(), bit in 0_u32..8) {
        let mut bytes = page.encode([0; 32]).unwrap();
        let place = place.index(bytes.len());
        bytes[place] ^= 1_u8 << bit;
        prop_assert!(Page::decode(&bytes).is_err());
        prop_assert!(Page::digest(&bytes).is_err());
    }

    #[test]
    fn damaged_bytes_never_panic(
        page in page(),
        cut in any::<prop::sample::Index>(),
        places in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = page.encode([0; 32]).unwrap();
        prop_assert!(Page::decode(&bytes[..cut.index(bytes.len())]).is_err(), "cut short");
        for (place, byte) in places {
            let place = 5 + place.index(bytes.len() - 5);
            bytes[place] = byte;
        }
        // With a checksum that is right, so that what is behind it is read.
        let sum = crc32fast::hash(&bytes[5..]).to_le_bytes();
        bytes[1..5].copy_from_slice(&sum);
        let _ = Page::decode(&bytes);
    }
}

#[test]
fn another_format_is_no_page() {
    assert_eq!(Page::decode(&[]), Err(FormError::Damaged));
    assert_eq!(Page::decode(&[0]), Err(FormError::Version));
    assert_eq!(Page::decode(&[4, 0, 0]), Err(FormError::Version));
    assert_eq!(Page::decode(&[6, 0, 0]), Err(FormError::Version));
    assert_eq!(Page::decode(&[0xff; 9]), Err(FormError::Damaged));
    assert_eq!(Page::decode(&[5]), Err(FormError::Damaged));
    assert_eq!(Page::decode(&[5, 0, 0, 0, 0, 0]), Err(FormError::Damaged));
}

fn stored(index: u64) -> Stored {
    let mut event = given::event(&format!("e{index}"), "claude-sonnet-4-5");
    event.timestamp = given::at("2026-11-22T10:00:00Z").plus_seconds(index.cast_signed());
    event.quantities.tokens_in = 1000 + index * 7 % 900;
    event.quantities.tokens_out = 100 + index * 13 % 400;
    event.latency_ms = tollgate_core::Amount::whole(200 + index % 777);
    event.dimensions.agent = Some(name(&format!("agent-{}", index % 50)));
    event.dimensions.session = Some(name(&format!("session-{}", index % 40)));
    let units = i128::from(index * 7 % 900 + 1000) * 3_000_000_000_000;
    tollgate_core::Stored {
        event,
        cost: tollgate_core::Amount::from_units(units).unwrap(),
        card: card_ref("default", 1),
        decision: tollgate_core::Decision::Allow,
        voids: None,
    }
}

#[test]
fn a_thousand_plain_events_of_a_sealed_batch_take_some_20_kilobytes() {
    let page = page_of((0..1000).map(stored).collect());
    let of = (0..1000).map(|index| (index, Vec::new())).collect();
    let page = sealed_page(page, of);
    let bytes = page.encode([1; 32]).unwrap();
    assert!(bytes.len() < 20_000, "{} bytes", bytes.len());
    assert_eq!(Page::decode(&bytes), Ok(page));
}

#[test]
fn texts_that_repeat_are_stored_once() {
    let long = "x".repeat(128);
    let of = |index: u64| {
        let mut stored = stored(index);
        stored.event.dimensions.agent = Some(name(&long));
        stored.event.dimensions.session = Some(name(&long));
        stored.event.dimensions.path = vec![name(&long), name("root")];
        stored
    };
    let page = page_of((0..90).map(of).collect());
    let bytes = page.encode([1; 32]).unwrap();
    assert!(bytes.len() < 90 * 23, "{} bytes", bytes.len());
    assert_eq!(Page::decode(&bytes), Ok(page));
}
