//! Every schedule of a few clients: in which order their calls of the store
//! are made, and which of them fail how.
//!
//! Two or three clients ask a real `Service` over one `Memory`. Each call of
//! the store waits at a [`turnstile`]; a search decides who goes next and with
//! which fate, and goes through all decisions, replaying the store from its
//! beginning for each. Time is paused, so pauses between tries cost nothing.
//!
//! Two things make it end:
//! - Clients that are `alike` differ in their names alone. Of those that have
//!   made no call yet only the first may go, so of schedules that are the same
//!   but for names one is run.
//! - A state that was met before is not searched again. A state is what the
//!   store holds, what each client has heard, and how full the limit was since
//!   its first call; ids made by chance count as who made them.
//!
//! `protocols::neither_reduction_loses_an_end` shows on small cases that neither
//! loses a schedule. Clients in one process share what it remembers, which is no
//! part of a state: there only the first reduction is used.
//!
//! A failure prints its schedule as `TOLLGATE_SCHEDULE='name: 0 1~ 0'`: who
//! goes at each step, `-` = the call fails before, `~` = its answer is lost,
//! `x` = cancelled by a conflict. With that in the environment, the test
//! `a_schedule_is_played_again_from_its_text` plays it and tells each step.
//! `TOLLGATE_SCHEDULES=full` searches one more fault of each protocol, for as
//! many runs as `protocols::RUNS_MAX` says.

mod act;
mod digest;
mod ends;
#[path = "../faults/ledger.rs"]
#[expect(
    dead_code,
    reason = "shared with the tests of faults, which ask more of it"
)]
mod ledger;
mod naive;
mod play;
mod protocols;
mod search;
mod torn;
mod turnstile;
