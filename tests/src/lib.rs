//! What the tests of Tollgate share: an app with a clock that they set, a
//! store that they choose or spoil, and requests in one line.

mod app;
mod bulk;
mod clock;
mod faults;
mod gate;
mod heat;
mod meter;
mod partitions;
mod reply;
mod server;
pub mod stored;

pub use app::{Keys, TestApp, TestStore, file_in};
pub use bulk::{Crowd, name};
pub use clock::TestClock;
pub use faults::{Call, Fault, Faults, Operation, Recorded};
pub use gate::Gate;
pub use heat::{HeatLedger, Units};
pub use meter::{Meter, Reads};
pub use partitions::{Commits, Partitions};
pub use reply::TestReply;
pub use server::{serve, serve_over};
