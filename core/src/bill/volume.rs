//! Where units lie among all units of a range, and what is left to pay for them.

use crate::money::amount::{Amount, ONE};
use crate::money::rate::{Rate, gcd, mul_div, round_half_even};
use crate::price::operation::{DiscountMode, Operation, Packages, VolumeDiscount};
use alloc::vec::Vec;

/// Where a group's units lie among all units of its operation and tier.
#[derive(Clone, Copy)]
pub(super) struct Volume {
    pub(super) before: i128,
    /// Those before it that were sold in packages.
    pub(super) packaged: i128,
    pub(super) total: i128,
}

/// The quantity that is left to pay after discounts: `weight / of`, exactly.
#[derive(Clone, Copy)]
pub(super) struct Charged {
    pub(super) weight: i128,
    pub(super) of: i128,
}

impl Charged {
    /// Its price at `rate`, rounded once, half-even, to `digits`.
    pub(super) fn at(self, rate: Rate, digits: u32) -> Option<Amount> {
        let step = 10_u128.checked_pow(18_u32.checked_sub(digits)?)?;
        let divisor = u128::try_from(rate.denominator.checked_mul(self.of)?).ok()?;
        let (quotient, rest) = mul_div(
            u128::try_from(rate.numerator).ok()?,
            self.weight.unsigned_abs(),
            divisor,
        )?;
        let steps = round_half_even(quotient, rest, divisor, step)?;
        let units = i128::try_from(steps.checked_mul(step)?).ok()?;
        Amount::from_units(units.checked_mul(self.weight.signum())?)
    }
}

/// What is left of `quantity` after the discounts of units.
pub(super) fn discounted(prices: &Operation, quantity: i128, volume: Volume) -> Option<Charged> {
    let steps = &prices.volume_discounts;
    // Discounts as whole parts of the least common `of`.
    let divisor = steps
        .iter()
        .fold(ONE, |divisor, step| gcd(divisor, step.discount.units()));
    let of = ONE.checked_div(divisor)?;
    let parts = |step: &VolumeDiscount| step.discount.units().checked_div(divisor);
    let mut weight = quantity.checked_mul(of)?;
    for (step, slice) in slices(prices, quantity, volume)? {
        weight = weight.checked_sub(slice.checked_mul(parts(step)?)?)?;
    }
    Some(Charged { weight, of })
}

/// The discounts that apply, each with the quantity that gets it.
fn slices(
    prices: &Operation,
    quantity: i128,
    volume: Volume,
) -> Option<Vec<(&VolumeDiscount, i128)>> {
    let steps = &prices.volume_discounts;
    match prices.discount_mode {
        DiscountMode::Volume => {
            let reached = steps
                .iter()
                .rfind(|step| i128::from(step.from) <= volume.total);
            Some(reached.map(|step| (step, quantity)).into_iter().collect())
        }
        DiscountMode::Graduated => {
            let end = volume.before.checked_add(quantity)?;
            let nexts = steps
                .iter()
                .skip(1)
                .map(|step| i128::from(step.from))
                .chain([i128::MAX]);
            let slice = |(step, next): (_, i128)| {
                let step: &VolumeDiscount = step;
                let within = |at: i128| at.max(i128::from(step.from)).min(next);
                (step, within(end).saturating_sub(within(volume.before)))
            };
            Some(steps.iter().zip(nexts).map(slice).collect())
        }
    }
}

/// How many packages the quantity begins that the packaged ones before it did not.
pub(super) fn begun(packages: Packages, quantity: i128, volume: Volume) -> Option<i128> {
    let size = i128::from(packages.size);
    let up_to = |units: i128| {
        let full = units.checked_div_euclid(size)?;
        let begun = units.checked_rem_euclid(size)? != 0;
        full.checked_add(i128::from(begun))
    };
    up_to(volume.packaged.checked_add(quantity)?)?.checked_sub(up_to(volume.packaged)?)
}
