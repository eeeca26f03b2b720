//! What totals are billed by.

use crate::event::name::Name;
use crate::price::priced::CardRef;

/// What totals are billed by.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Group {
    /// What was used.
    pub operation: Name,
    /// Its price class.
    pub tier: Name,
    /// The version that priced it, its `over`, and the exchange rate that converted it;
    /// `None` = nothing had a price for it.
    pub card: Option<CardRef>,
    /// Whether the cost was given with the events instead.
    pub overridden: bool,
}
