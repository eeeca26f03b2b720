//! What faults, crashes and races may not change.

mod alerts;
mod chance;
mod changes;
mod client;
mod conserve;
mod copies;
mod erase;
mod held;
mod holds;
mod ledger;
mod locked;
mod prepaid;
mod prices;
mod purge;
mod reasons;
mod rollup;
mod size;
mod stories;
mod storm;
mod sweep;
mod threads;
mod usage;
mod voids;
mod watch;
mod wire;
