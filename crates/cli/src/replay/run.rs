//! One run over all batches.

use super::batch::Batch;
use super::outcome::Outcome;
use super::send::{SendError, Sender};
use super::tally::Tally;
use crate::failure::Failure;
use futures::{StreamExt, stream};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::{Duration, Instant};

/// What a run came to.
#[derive(Debug)]
pub(crate) struct Ran {
    /// The sums.
    pub(crate) tally: Tally,
    /// How long it took.
    pub(crate) elapsed: Duration,
    /// What stopped it before its end.
    pub(crate) stop: Option<Stop>,
}

/// What stops a run before its end.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The rules refused every event of the first batch.
    AllRefused,
    /// A batch has no outcome.
    Failed(SendError),
}

/// Sends `batches`, up to `concurrency` at once. The first goes alone: what
/// would refuse every event is found before the rest is sent, and the first
/// row, from which a later run reads the shift, is there before any other.
pub(crate) async fn run<B>(
    sender: &Sender<'_>,
    batches: B,
    concurrency: usize,
    bar: &ProgressBar,
) -> Ran
where
    B: Iterator<Item = Result<Batch, Failure>>,
{
    let start = Instant::now();
    let mut tally = Tally::default();
    let stop = send_all(sender, batches, concurrency, bar, &mut tally)
        .await
        .err();
    bar.finish_and_clear();
    Ran {
        tally,
        elapsed: start.elapsed(),
        stop,
    }
}

/// A bar over `rows` events on a terminal, none where `hidden`.
pub(crate) fn progress(rows: u64, hidden: bool) -> ProgressBar {
    let target = if hidden {
        ProgressDrawTarget::hidden()
    } else {
        ProgressDrawTarget::stderr()
    };
    let bar = ProgressBar::with_draw_target(Some(rows), target);
    let template = "{bar:40} {human_pos}/{human_len} events  {per_sec}  ETA {eta}";
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

async fn send_all<B>(
    sender: &Sender<'_>,
    mut batches: B,
    concurrency: usize,
    bar: &ProgressBar,
    tally: &mut Tally,
) -> Result<(), Stop>
where
    B: Iterator<Item = Result<Batch, Failure>>,
{
    let Some(first) = batches.next() else {
        return Ok(());
    };
    count(send(sender, first).await, bar, tally)?;
    if tally.is_all_refused() {
        return Err(Stop::AllRefused);
    }
    let sends = stream::iter(batches).map(|batch| send(sender, batch));
    let mut outcomes = sends.buffer_unordered(concurrency);
    while let Some(outcome) = outcomes.next().await {
        count(outcome, bar, tally)?;
    }
    Ok(())
}

async fn send(
    sender: &Sender<'_>,
    batch: Result<Batch, Failure>,
) -> Result<Vec<Outcome>, SendError> {
    sender.send(batch?).await
}

fn count(
    outcomes: Result<Vec<Outcome>, SendError>,
    bar: &ProgressBar,
    tally: &mut Tally,
) -> Result<(), Stop> {
    tally.add(outcomes?)?;
    bar.set_position(tally.sent());
    Ok(())
}

impl From<SendError> for Stop {
    fn from(error: SendError) -> Self {
        Self::Failed(error)
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure.into())
    }
}
