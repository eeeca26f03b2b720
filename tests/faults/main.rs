//! What faults, crashes, races and kills may not change.

mod chance;
mod changes;
mod client;
mod ledger;
mod purge;
mod reasons;
mod stories;
mod sweep;
