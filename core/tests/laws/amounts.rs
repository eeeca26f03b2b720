//! Amounts are exact decimals: read, written, added and rounded like numbers.

use crate::draw::{amount, decimal_text};
use crate::oracle::{half_even, in_units, power_of_ten, ratio, to_amount, value};
use num_bigint::BigInt;
use num_traits::{Signed, ToPrimitive, Zero};
use proptest::prelude::*;
use tollgate_core::{Amount, AmountError, Factor, Rate};

/// Significant digits of a decimal, zeros at both ends apart.
fn significant_digits(numerator: &BigInt) -> usize {
    numerator.abs().to_string().trim_end_matches('0').len()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_decimal_is_read_exactly_or_refused((text, exact) in decimal_text()) {
        let scaled = &exact * power_of_ten(120);
        prop_assume!(text.len() <= 64);
        let has_few_digits = significant_digits(&scaled.to_integer()) <= 28;
        let ends = (&exact * power_of_ten(15)).is_integer();
        let is_small = exact.abs() < ratio(power_of_ten(20), 1);
        match text.parse::<Amount>() {
            Ok(read) => {
                prop_assert_eq!(value(read), exact, "{}", text);
                prop_assert!(has_few_digits && ends && is_small, "{} is beyond the contract", text);
            }
            Err(why) => {
                prop_assert_eq!(why, AmountError::Range, "{}", text);
                prop_assert!(!(has_few_digits && ends && is_small), "{} keeps the contract", text);
            }
        }
    }

    #[test]
    fn no_text_makes_reading_panic(text in "[-+0-9.eE_ ]{0,70}", other in any::<String>()) {
        for text in [text, other] {
            if let Ok(read) = text.parse::<Amount>() {
                prop_assert_eq!(read.to_string().parse::<Amount>(), Ok(read));
            }
        }
    }

    #[test]
    fn what_is_written_is_read_again(amount in amount()) {
        let json = serde_json::to_string(&amount).unwrap();
        prop_assert_eq!(&json, &format!("\"{amount}\""));
        prop_assert_eq!(serde_json::from_str::<Amount>(&json).unwrap(), amount);
        let compact = postcard::to_allocvec(&amount).unwrap();
        prop_assert_eq!(postcard::from_bytes::<Amount>(&compact).unwrap(), amount);
    }

    #[test]
    fn a_sum_is_exact_or_none(a in amount(), b in amount()) {
        prop_assert_eq!(a.checked_add(b), to_amount(&(value(a) + value(b))));
        prop_assert_eq!(a.checked_sub(b), to_amount(&(value(a) - value(b))));
    }

    #[test]
    fn rounding_goes_to_the_even_neighbour(amount in amount(), ties in 0_i128..1_000_000, digits in 0_u32..=18) {
        let tie = Amount::from_units((2 * ties + 1) * 10_i128.pow(18 - digits) / 2).unwrap();
        for amount in [amount, tie] {
            let exact = half_even(&value(amount), digits);
            let Some(expected) = to_amount(&exact) else { continue };
            prop_assert_eq!(amount.rounded(digits), expected);
            let text = amount.fixed(digits);
            let fraction = text.split_once('.').map_or("", |(_, fraction)| fraction);
            prop_assert_eq!(fraction.len(), usize::try_from(digits).unwrap());
            prop_assert_eq!(serde_json::from_value::<Amount>(text.into()).unwrap(), expected);
        }
    }

    #[test]
    fn a_mean_is_rounded_once(amount in amount(), count in prop_oneof![0_u64..50, any::<u64>()]) {
        if count == 0 {
            prop_assert_eq!(amount.mean(count), None);
        } else {
            let exact = half_even(&(value(amount) / BigInt::from(count)), 6);
            prop_assert_eq!(amount.mean(count), to_amount(&exact));
        }
    }

    #[test]
    fn a_rate_times_a_quantity_is_rounded_once(
        numerator in 0_i128..10_i128.pow(30),
        denominator in prop_oneof![1_i128..100, 1_i128..10_i128.pow(12)],
        quantity in prop_oneof![-1000_i128..1000, 0_i128..10_i128.pow(20)],
    ) {
        let rate = Rate::new(numerator, denominator).unwrap();
        let exact = ratio(numerator, denominator) * BigInt::from(quantity) / power_of_ten(18);
        let rounded = half_even(&exact, 18);
        match rate.times(quantity) {
            Some(amount) => prop_assert_eq!(value(amount), rounded),
            None => prop_assert!(in_units(&exact) * BigInt::from(denominator) > ratio(BigInt::from(i128::MAX), 1) || to_amount(&rounded).is_none()),
        }
    }

    #[test]
    fn a_factor_has_three_digits_and_no_sign(amount in amount()) {
        let thousandths = value(amount) * BigInt::from(1000);
        let fits = thousandths.is_integer() && !thousandths.is_negative() && thousandths <= ratio(1_000_000_000, 1);
        prop_assert_eq!(Factor::new(amount).map(Factor::to_amount), fits.then_some(amount));
    }
}

#[test]
fn the_bound_of_amounts_is_1e38_units() {
    let most = 10_i128.pow(38) - 1;
    for (units, fits) in [
        (most, true),
        (most + 1, false),
        (-most, true),
        (-most - 1, false),
        (i128::MAX, false),
        (i128::MIN, false),
    ] {
        assert_eq!(Amount::from_units(units).is_some(), fits, "{units}");
    }
    let largest = Amount::from_units(most).unwrap();
    assert_eq!(
        largest.to_string(),
        "99999999999999999999.999999999999999999"
    );
    assert_eq!(largest.checked_add(Amount::from_units(1).unwrap()), None);
    assert_eq!(
        Amount::whole(u64::MAX).map(|a| a.units()),
        ratio(u64::MAX, 1)
            .to_integer()
            .to_i128()
            .map(|n| n * 10_i128.pow(18))
    );
    assert!(value(Amount::ZERO).is_zero());
}

#[test]
fn only_what_was_written_is_read_back() {
    for text in [
        "--5",
        "+5",
        "",
        "-",
        ".",
        "1.",
        ".5",
        "1e3",
        "0.1234567890123456789",
    ] {
        assert!(
            serde_json::from_str::<Amount>(&format!("\"{text}\"")).is_err(),
            "{text}"
        );
    }
}

#[test]
fn the_largest_amount_rounds_to_its_minor_unit() {
    let largest = Amount::from_units(10_i128.pow(38) - 1).unwrap();
    assert_eq!(largest.fixed(2), "100000000000000000000.00");
}
