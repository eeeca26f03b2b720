//! Figures of answers as decimals.

use tollgate_api::Figure;
use tollgate_core::Amount;

/// The figure as a decimal; `None` out of range.
pub(super) fn amount(figure: Figure) -> Option<Amount> {
    match figure {
        Figure::Money(amount) => Some(amount),
        Figure::Count(count) => count.to_string().parse().ok(),
    }
}
