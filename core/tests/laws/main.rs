//! The laws that the domain keeps, each tested against an oracle that shares
//! no code with it: big rationals for money, naive sums for counters.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is its purpose"
)]

mod amounts;
mod bills;
mod cards;
mod choices;
mod credits;
mod draw;
mod exchange;
mod given;
mod holds;
mod ledger;
mod limits;
mod markers;
mod money;
mod naive;
mod oracle;
mod packs;
mod pages;
mod prices;
mod questions;
mod rows;
mod streams;
mod sums;
mod voids;
mod windows;
