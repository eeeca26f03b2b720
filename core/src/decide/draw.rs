//! Drawing a cost from the sources of credit.

use crate::ledger::attribute::Figure;
use crate::ledger::standing::Standing;
use crate::limit::credit::Source;
use crate::money::amount::BOUND;
use alloc::vec::Vec;

/// How a cost is drawn: what of each source, by its number, and what no source
/// covers.
#[derive(Default)]
pub(crate) struct Charge {
    pub(crate) parts: Vec<(usize, i128)>,
    pub(crate) short: i128,
}

/// Draws `cost` from sources in order, each of which has a capacity and of it
/// so much taken.
pub(crate) fn charge(sources: impl Iterator<Item = (i128, i128)>, cost: i128) -> Charge {
    let mut charge = Charge {
        parts: Vec::new(),
        short: cost.max(0),
    };
    for (number, (capacity, taken)) in sources.enumerate() {
        let part = capacity.saturating_sub(taken).clamp(0, charge.short);
        if part > 0 {
            charge.parts.push((number, part));
            charge.short = charge.short.saturating_sub(part);
        }
    }
    charge
}

/// What is used and held of `source`.
pub(crate) fn taken_of(source: &Source, figure: &Figure, standing: &Standing) -> i128 {
    standing.count(&source.counter, figure).taken()
}

/// What is left of all `sources`.
pub(crate) fn left_of(sources: &[Source], figure: &Figure, standing: &Standing) -> i128 {
    let left = |source: &Source| {
        source
            .capacity
            .saturating_sub(taken_of(source, figure, standing))
            .max(0)
    };
    sources
        .iter()
        .map(left)
        .fold(0, i128::saturating_add)
        .min(BOUND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cost_empties_each_source_before_the_next() {
        for (cost, parts, short) in [
            (0, &[][..], 0),
            (3, &[(0, 3)][..], 0),
            (4, &[(0, 3), (1, 1)][..], 0),
            (28, &[(0, 3), (1, 5), (2, 20)][..], 0),
            (30, &[(0, 3), (1, 5), (2, 20)][..], 2),
            (-1, &[][..], 0),
        ] {
            let charge = charge([(10, 7), (5, 0), (20, 0)].into_iter(), cost);
            assert_eq!((&*charge.parts, charge.short), (parts, short), "{cost}");
        }
    }
}
