//! Money as a big rational: what every exact result is compared with.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Signed, ToPrimitive, Zero};
use tollgate_core::{Amount, Component, Operation, Price, Prices, Quantities};

pub(crate) type Exact = BigRational;

/// 1e18: the units of one.
pub(crate) fn one_in_units() -> BigInt {
    power_of_ten(18)
}

pub(crate) fn power_of_ten(exponent: u32) -> BigInt {
    BigInt::from(10).pow(exponent)
}

pub(crate) fn ratio(numerator: impl Into<BigInt>, denominator: impl Into<BigInt>) -> Exact {
    Exact::new(numerator.into(), denominator.into())
}

pub(crate) fn value(amount: Amount) -> Exact {
    ratio(amount.units(), one_in_units())
}

/// In units of 1e-18, possibly with a fraction.
pub(crate) fn in_units(exact: &Exact) -> Exact {
    exact * Exact::from(one_in_units())
}

/// Whether an amount can hold it: whole units, below 1e38 of them.
pub(crate) fn to_amount(exact: &Exact) -> Option<Amount> {
    let units = in_units(exact);
    let fits = units.is_integer() && units.abs() < Exact::from(power_of_ten(38));
    fits.then(|| Amount::from_units(units.to_integer().to_i128().unwrap()).unwrap())
}

/// Rounded to `digits` fraction digits, ties to the even neighbour.
pub(crate) fn half_even(exact: &Exact, digits: u32) -> Exact {
    let scale = Exact::from(power_of_ten(digits));
    let scaled = exact * &scale;
    let floor = scaled.floor();
    let twice_rest = (&scaled - &floor) * BigInt::from(2);
    let is_odd = !(floor.to_integer() % BigInt::from(2)).is_zero();
    let up = twice_rest > Exact::one() || (twice_rest == Exact::one() && is_odd);
    let rounded = if up { floor + Exact::one() } else { floor };
    rounded / scale
}

/// Rounded up at 1e-18.
pub(crate) fn up_to_unit(exact: &Exact) -> Exact {
    in_units(exact).ceil() / Exact::from(one_in_units())
}

/// The price of one at a tier of `factor`.
pub(crate) fn rate(price: &Price, factor: &Exact) -> Exact {
    value(price.amount) * factor / BigInt::from(price.per)
}

/// What each token that is a part of others is priced as, the nearest first.
const CHAINS: [(&str, &[&str]); 10] = [
    ("cached_token_in", &["token_in"]),
    ("cache_write_token_in", &["token_in"]),
    (
        "cache_write_1h_token_in",
        &["cache_write_token_in", "token_in"],
    ),
    ("audio_token_in", &["token_in"]),
    ("cached_audio_token_in", &["audio_token_in", "token_in"]),
    ("image_token_in", &["token_in"]),
    ("video_token_in", &["token_in"]),
    ("reasoning_token_out", &["token_out"]),
    ("audio_token_out", &["token_out"]),
    ("image_token_out", &["token_out"]),
];

/// What `component` is charged for, of one event, at `prices`.
pub(crate) fn quantity(prices: &Prices, component: Component, used: &Quantities) -> u64 {
    let figure = |word: &str| used.priced_by(Component::of_word(word).unwrap());
    let has_price = |word: &str| prices.keys().any(|priced| priced.as_str() == word);
    let word = component.as_str();
    if !has_price(word) {
        return 0;
    }
    // The whole, without its parts; then each part that has no nearer price.
    let mut charged = figure(word);
    for (part, chain) in CHAINS {
        if chain.last() == Some(&word) {
            charged -= figure(part);
        }
        let nearest = chain.iter().find(|priced| has_price(priced));
        if !has_price(part) && nearest == Some(&word) {
            charged += figure(part);
        }
    }
    charged
}

/// The cost of `used` before any rounding, at an operation's own prices.
pub(crate) fn cost(operation: &Operation, factor: &Exact, used: &Quantities) -> Exact {
    cost_at(&operation.prices, factor, used)
}

/// The same at `prices`.
pub(crate) fn cost_at(prices: &Prices, factor: &Exact, used: &Quantities) -> Exact {
    let charges = prices.iter().map(|(component, price)| {
        rate(price, factor) * BigInt::from(quantity(prices, *component, used))
    });
    charges.fold(Exact::zero(), |sum, charge| sum + charge)
}
