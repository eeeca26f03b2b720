//! Windows are calendar spans in UTC that follow one another without a gap.

use crate::naive::start_text;
use proptest::prelude::*;
use tollgate_core::{Instant, WindowKind};

const KINDS: [WindowKind; 5] = [
    WindowKind::Second,
    WindowKind::Hour,
    WindowKind::Day,
    WindowKind::Month,
    WindowKind::Period,
];

/// Any time of the years 1 to 9998.
fn instant() -> impl Strategy<Value = Instant> {
    let nanos = -62_135_596_800_000_000_000_i128..253_370_764_800_000_000_000;
    let whole = (-62_135_596_800_i128..253_370_764_800)
        .prop_map(|seconds| seconds / 86_400 * 86_400_000_000_000);
    prop_oneof![nanos, whole]
        .prop_map(|nanos| jiff::Timestamp::from_nanosecond(nanos).unwrap().into())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_window_begins_where_its_text_is_cut(at in instant()) {
        for kind in KINDS {
            prop_assert_eq!(kind.holding(at).start.to_string(), start_text(kind, &at.to_string()));
        }
        prop_assert_eq!(WindowKind::Total.holding(at), WindowKind::Total.holding(Instant::EPOCH));
    }

    #[test]
    fn windows_are_half_open_and_leave_no_gap(at in instant()) {
        for kind in KINDS {
            let window = kind.holding(at);
            let end = window.end().unwrap();
            prop_assert!(window.start <= at && at < end);
            prop_assert_eq!(kind.holding(window.start), window);
            prop_assert_eq!(kind.holding(end).start, end, "the next one begins where it ends");
        }
    }

    #[test]
    fn times_are_read_as_they_are_written_and_sort_as_text(a in instant(), b in instant()) {
        prop_assert_eq!(a.to_string().parse::<Instant>(), Ok(a));
        prop_assert_eq!(postcard::from_bytes::<Instant>(&postcard::to_allocvec(&a).unwrap()).unwrap(), a);
        prop_assert_eq!(a.sortable().cmp(&b.sortable()), a.cmp(&b));
        prop_assert!(a.hour().starts_with(&a.day()) && a.sortable().starts_with(&a.hour()));
    }
}
