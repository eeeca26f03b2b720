//! Sums of amounts are exact, however large on the way.

use crate::draw::amount;
use crate::given::{self, name};
use crate::oracle::{Exact, half_even, in_units, to_amount, value};
use num_bigint::BigInt;
use num_traits::Zero;
use proptest::collection::vec;
use proptest::prelude::*;
use tollgate_core::{Amount, Overflow, Sum, Totals};

/// Many amounts, more of them the largest of either sign.
fn amounts() -> impl Strategy<Value = Vec<Amount>> {
    let most = 10_i128.pow(38) - 1;
    let largest = prop_oneof![Just(most), Just(-most), Just(most - 1)];
    let largest = largest.prop_map(|units| Amount::from_units(units).unwrap());
    vec(prop_oneof![2 => amount(), 1 => largest], 0..60)
}

fn sum(amounts: &[Amount]) -> Sum {
    let mut sum = Sum::ZERO;
    amounts
        .iter()
        .for_each(|amount| sum.add(Sum::from(*amount)));
    sum
}

fn exact(amounts: &[Amount]) -> Exact {
    let values = amounts.iter().map(|amount| value(*amount));
    values.fold(Exact::zero(), |sum, value| sum + value)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_sum_is_an_amount_where_the_exact_one_is_in_range(amounts in amounts()) {
        let exact = exact(&amounts);
        prop_assert_eq!(sum(&amounts).to_amount(), to_amount(&exact));
        prop_assert_eq!(sum(&amounts).is_zero(), exact.is_zero());
    }

    /// So that sums of parts are the sum of the whole, and equal sums are equal.
    #[test]
    fn a_sum_is_the_same_in_any_order_and_cut(
        amounts in amounts(),
        turn in any::<prop::sample::Index>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut turned = amounts.clone();
        turned.rotate_left(turn.index(amounts.len().max(1)));
        let (first, second) = turned.split_at(cut.index(amounts.len() + 1));
        let mut parts = sum(second);
        parts.add(sum(first));
        prop_assert_eq!(parts, sum(&amounts));
    }

    #[test]
    fn what_is_taken_off_again_was_never_there(amounts in amounts(), gone in amounts()) {
        let negated: Vec<Amount> = gone.iter().copied().map(Amount::negated).collect();
        prop_assert_eq!(sum(&gone).negated(), sum(&negated));
        let mut all = sum(&[amounts.clone(), gone].concat());
        all.add(sum(&negated));
        prop_assert_eq!(all, sum(&amounts));
    }

    #[test]
    fn a_sum_is_read_as_it_was_written(amounts in amounts()) {
        let sum = sum(&amounts);
        let bytes = postcard::to_allocvec(&sum).unwrap();
        prop_assert_eq!(postcard::from_bytes::<Sum>(&bytes), Ok(sum));
    }

    #[test]
    fn a_mean_is_the_exact_one_rounded_once(
        amounts in amounts(), count in prop_oneof![1_u64..100, 1..10_u64.pow(12)],
    ) {
        let mean = half_even(&(exact(&amounts) / BigInt::from(count)), 6);
        prop_assert_eq!(sum(&amounts).mean(count), to_amount(&mean));
        prop_assert_eq!(sum(&amounts).mean(0), None);
    }

    #[test]
    fn a_sum_is_shown_exactly(amounts in amounts()) {
        let shown = sum(&amounts).to_string();
        let (sign, magnitude) = shown.strip_prefix('-').map_or(("", &*shown), |rest| ("-", rest));
        let (whole, fraction) = magnitude.split_once('.').unwrap_or((magnitude, ""));
        let units: BigInt = format!("{sign}{whole}{fraction:0<18}").parse().unwrap();
        prop_assert_eq!(Exact::from(units), in_units(&exact(&amounts)));
        prop_assert!(!fraction.ends_with('0') && (whole == "0" || !whole.starts_with('0')));
    }

    /// Damaged bytes may be no sum of anything, and still no sum panics.
    #[test]
    fn damaged_sums_never_panic(noise in vec(any::<u8>(), 0..40), amounts in amounts()) {
        if let Ok(mut damaged) = postcard::from_bytes::<Sum>(&noise) {
            damaged.add(sum(&amounts));
            damaged.add(damaged);
            let _ = damaged.negated().to_amount();
        }
    }
}

/// A part of what was recorded may cost more than an amount holds, and the whole
/// not.
#[test]
fn totals_whose_cost_is_too_large_on_the_way_add_up() {
    let dearest = Amount::from_units(10_i128.pow(38) - 1).unwrap();
    let mut event = given::event("e", "op");
    event.task = Some(name("t"));
    let one = Totals::of(&event, dearest);
    let mut totals = one;
    totals.add(&one).unwrap();
    assert_eq!(totals.cost(), Err(Overflow));
    totals.add(&one.negated()).unwrap();
    assert_eq!((totals, totals.cost()), (one, Ok(dearest)));
}

/// Half a millionth and a hundredth of a unit is more than half a millionth.
#[test]
fn a_mean_beyond_all_digits_is_not_rounded_twice() {
    let mut sum = Sum::ZERO;
    for units in [50_000_000_000_001, 0] {
        sum.add(Sum::from(Amount::from_units(units).unwrap()));
    }
    assert_eq!(sum.mean(100), Some(given::usd("0.000001")));
    let most = Amount::from_units(99_999_999_999_999_999_999_999_999_999_999_999_950).unwrap();
    sum.add(Sum::from(most));
    sum.add(Sum::from(Amount::from_units(50).unwrap()));
    assert_eq!(sum.to_amount(), None);
    assert_eq!(
        sum.mean(100),
        Some(given::usd("1000000000000000000.000001"))
    );
}
