//! Meters a Rust program from inside: wraps its handlers, times them, and
//! sends one event per task to Tollgate in the background.
//!
//! A [`Recorder`] takes events into a bounded queue and sends them in batches
//! to `POST /events/batch?mode=observe`, again and again with the same ids and
//! the same bodies until each is answered for, so each counts once. Batches are
//! sealed: they have the id, and their events get theirs from it, `bat-…~0`,
//! `bat-…~1`, …, which costs the server a tenth. Events whose task or span names
//! an id count once by that, whoever else sends them, and go in batches of their
//! own. A call is metered however it ends: well, in error, cancelled, or streamed.
//!
//! It never fails the call that it meters, and never delays it: there is no
//! network in a call's path, and no wait unless [`WhenFull::Wait`] is chosen.
//! It never drops an event silently, and never changes one once it is made. It
//! decides nothing: what it records has already happened. To be stopped at a
//! limit, ask `POST /check` or take a hold before the call.
//!
//! What the server says of an event, and what follows:
//!
//! - `recorded`, `replayed`: it is settled.
//! - `rejected`, with a status below 500 but 408, 425, 429: it is counted under
//!   its problem code, which is logged once, and not sent again.
//! - Anything else, or nothing: it is sent again.
//!
//! What the server says of a batch, and what follows:
//!
//! - 400, 409, 413, 414, 422: its halves are sent; a single event is rejected. So is
//!   a sealed batch that was sent before without an answer, once it is refused three
//!   times in a row: halves of it might count again.
//! - 408, 425, 429, 5xx, or no answer that can be read: it is sent again, with
//!   growing, jittered pauses, after any `Retry-After`.
//! - 401, 403, 404 and all else: the same at the longest pause, since someone
//!   has to repair the key, the hash or the address first.
//!
//! There is no last try: events are given up by [`Recorder::shutdown`] alone,
//! which hands them back. What a long outage costs is bounded by the queue.
//!
//! Start with [`Recorder`] and [`Task`].
//!
//! ```
//! use std::time::Duration;
//! use tollgate_core::{Name, Quantities};
//! use tollgate_recorder::{HttpTransport, Recorder, Settings, Task, Usage};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let transport = HttpTransport::new("http://127.0.0.1:8085", "tg_key")?;
//! let recorder = Recorder::start(transport, Settings::default())?;
//!
//! let task = Task { agent: Some(Name::new("planner")?), ..Task::default() };
//! let model = async { Ok::<_, std::io::Error>(("an answer", 1200, 300)) };
//! let answer = recorder
//!     .call(task, model, |result| {
//!         let tokens = result.map(|(_, tokens_in, tokens_out)| (*tokens_in, *tokens_out));
//!         let (tokens_in, tokens_out) = tokens.unwrap_or((0, 0));
//!         let used = Quantities { tokens_in, tokens_out, api_calls: 1, ..Quantities::default() };
//!         Some(Usage::from(used))
//!     })
//!     .await?;
//! assert_eq!(answer.0, "an answer");
//!
//! let undelivered = recorder.shutdown(Some(Duration::ZERO)).await;
//! assert_eq!(undelivered.len(), 1, "no server runs here, so the event comes back");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answer;
mod backoff;
mod batch;
mod call;
mod clock;
mod event;
mod http;
mod layer;
mod metering;
mod queue;
mod recorder;
mod running;
mod sender;
mod settings;
mod stats;
mod stream;
mod task;
mod transport;
mod usage;

pub use batch::Undelivered;
pub use call::Call;
pub use clock::Clock;
pub use event::RecordedEvent;
pub use http::{DEFAULT_HASH, HttpError, HttpTransport};
pub use layer::{RecorderLayer, RecorderService};
pub use recorder::{Recorder, StartError};
pub use running::Running;
pub use settings::{BATCH_BYTES_MAX, BATCH_EVENTS_MAX, QUEUE_MAX, Settings, WhenFull};
pub use stats::Stats;
pub use stream::MeteredStream;
pub use task::{Outcome, Task};
pub use transport::{Reply, Transport, Unreachable};
pub use usage::Usage;
