//! One set of questions for every store, what writing costs, which calls are
//! made, and how the crates are layered.

mod alert_pipe;
mod calls;
mod chores;
mod contract;
mod copies;
mod cost;
mod denials;
mod everything;
mod expiry;
mod forms;
mod iam;
mod layers;
mod lexer;
mod local;
mod power;
mod questions;
mod reads;
mod rooms;
mod sdk;
mod shape;
mod sources;
