//! What faults, crashes and races may not change.

mod chance;
mod changes;
mod client;
mod ledger;
mod purge;
mod reasons;
mod stories;
mod storm;
mod sweep;
mod threads;
mod usage;
mod watch;
mod wire;
