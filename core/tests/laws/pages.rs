//! Pages keep their events exactly, and damaged ones are known for it.

use crate::draw::instant;
use crate::given::{self, name};
use crate::rows::any_stored;
use proptest::collection::vec;
use proptest::prelude::*;
use tollgate_core::{Currency, Page, PageError};

fn page() -> impl Strategy<Value = Page> {
    (instant(), any::<u64>(), vec(any_stored(), 0..20)).prop_map(
        |(received, config_version, events)| Page {
            received,
            config_version,
            currency: Currency::USD,
            events,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_page_is_read_as_it_was_written(page in page()) {
        let bytes = page.encode().unwrap();
        prop_assert_eq!(Page::decode(&bytes), Ok(page));
    }

    #[test]
    fn damaged_bytes_never_panic(
        page in page(),
        places in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        noise in vec(any::<u8>(), 0..200),
    ) {
        let mut bytes = page.encode().unwrap();
        for (place, byte) in places {
            let place = place.index(bytes.len());
            prop_assert!(Page::decode(&bytes[..place]).is_err(), "cut short");
            bytes[place] = byte;
            let _ = Page::decode(&bytes);
            // Put right again, so that each cut is one of the page itself.
            bytes = page.encode().unwrap();
        }
        let _ = Page::decode(&[[4].as_slice(), &noise].concat());
    }

    #[test]
    fn a_list_longer_than_the_bytes_is_damage(length in vec(0x80_u8..=0xff, 8..9)) {
        let page = Page { received: given::at("1970-01-01T00:00:00Z"), config_version: 0, currency: Currency::USD, events: vec![] };
        let mut bytes = page.encode().unwrap();
        let names = bytes.len() - 2;
        bytes.truncate(names);
        bytes.extend(&length);
        bytes.push(1);
        prop_assert_eq!(Page::decode(&bytes), Err(PageError::Damaged));
    }
}

#[test]
fn another_format_is_no_page() {
    assert_eq!(Page::decode(&[]), Err(PageError::Damaged));
    assert_eq!(Page::decode(&[0]), Err(PageError::Format));
    assert_eq!(Page::decode(&[2, 0, 0]), Err(PageError::Format));
    assert_eq!(Page::decode(&[5, 0, 0]), Err(PageError::Format));
    assert_eq!(Page::decode(&[4]), Err(PageError::Damaged));
}

#[test]
fn texts_that_repeat_are_stored_once() {
    let long = "x".repeat(128);
    let stored = |index: usize| {
        let mut event = given::event(&format!("e{index}"), "op");
        event.dimensions.agent = Some(name(&long));
        event.dimensions.session = Some(name(&long));
        event.dimensions.path = vec![name(&long), name("root")];
        let priced = tollgate_core::CardRef {
            id: name("default"),
            version: 1,
            exchange: None,
        };
        tollgate_core::Stored {
            event,
            cost: tollgate_core::Amount::ZERO,
            card: priced,
            decision: tollgate_core::Decision::Allow,
            voids: None,
        }
    };
    let page = Page {
        received: given::at("2026-11-22T10:00:00Z"),
        config_version: 1,
        currency: Currency::USD,
        events: (0..90).map(stored).collect(),
    };
    let bytes = page.encode().unwrap();
    assert!(bytes.len() < 90 * 50, "{} bytes", bytes.len());
    assert_eq!(Page::decode(&bytes), Ok(page));
}
