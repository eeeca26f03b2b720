//! Money as a big rational: what every exact result is compared with.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Signed, ToPrimitive, Zero};
use tollgate_core::{Amount, Component, Operation, Price, Quantities};

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

/// What `component` of `operation` is charged for, of one event.
pub(crate) fn quantity(operation: &Operation, component: Component, used: &Quantities) -> u64 {
    let is_cached_priced = operation
        .prices
        .keys()
        .any(|priced| *priced == Component::CachedTokenIn);
    match component {
        Component::Unit => used.units,
        Component::TokenIn if is_cached_priced => used.tokens_in - used.cached_tokens_in,
        Component::TokenIn => used.tokens_in,
        Component::CachedTokenIn => used.cached_tokens_in,
        Component::TokenOut => used.tokens_out,
        Component::TokenProcessed => used.tokens_processed,
        Component::ApiCall => used.api_calls,
        Component::DurationMs => used.duration_ms,
        Component::DataByte => used.data_bytes,
    }
}

/// The cost of `used` before any rounding.
pub(crate) fn cost(operation: &Operation, factor: &Exact, used: &Quantities) -> Exact {
    let charges = operation.prices.iter().map(|(component, price)| {
        rate(price, factor) * BigInt::from(quantity(operation, *component, used))
    });
    charges.fold(Exact::zero(), |sum, charge| sum + charge)
}
