//! The workers of `serve`: what the queue of chores is on AWS, in one process.

use async_trait::async_trait;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::Instant as Moment;
use tollgate_core::Instant;
use tollgate_gateway::App;
use tollgate_service::{Chore, ChoreQueue, Housekeeping};

/// How many chores are done at once.
const WORKERS: usize = 8;
/// How long a chore begins anything new.
const CHORE_MAX: Duration = Duration::from_secs(300);

/// Chores that wait, and those that are being done.
pub(crate) struct Workers {
    sender: UnboundedSender<Chore>,
    known: Arc<Known>,
}

/// The chores that wait or are being done, by kind and group: of each there is one.
#[derive(Default)]
struct Known(Mutex<BTreeSet<(Housekeeping, String)>>);

impl Known {
    fn lock(&self) -> MutexGuard<'_, BTreeSet<(Housekeeping, String)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(chore: &Chore) -> (Housekeeping, String) {
    (chore.kind(), chore.group())
}

/// A chore under way: it is known until this is dropped, however it ends.
struct UnderWay {
    chore: Chore,
    known: Arc<Known>,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.known.lock().remove(&key(&self.chore));
    }
}

impl Workers {
    /// The workers of `app`, and their work, which goes on until it is dropped.
    pub(crate) fn of(app: Arc<App>) -> (Self, impl Future<Output = ()>) {
        let (sender, receiver) = unbounded_channel();
        let known = Arc::new(Known::default());
        let work = work(app, receiver, Arc::clone(&known));
        (Self { sender, known }, work)
    }
}

#[async_trait]
impl ChoreQueue for Workers {
    async fn send(&self, chores: Vec<Chore>, _: Instant) -> Result<(), String> {
        for chore in chores {
            if self.known.lock().insert(key(&chore)) {
                let ended = |_| "the workers have ended".to_owned();
                self.sender.send(chore).map_err(ended)?;
            }
        }
        Ok(())
    }
}

/// Does what comes, several at once, each in a task of its own: one that hangs or
/// panics keeps no other from being done.
async fn work(app: Arc<App>, mut receiver: UnboundedReceiver<Chore>, known: Arc<Known>) {
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            Some(done) = tasks.join_next() => {
                if let Err(error) = done {
                    tracing::error!(%error, "a chore ended in a panic");
                }
            }
            Some(chore) = receiver.recv(), if tasks.len() < WORKERS => {
                let (app, known) = (Arc::clone(&app), Arc::clone(&known));
                let under_way = UnderWay { chore, known };
                tasks.spawn(async move {
                    let chores = std::slice::from_ref(&under_way.chore);
                    let stop = Moment::now() + CHORE_MAX;
                    // What failed is logged, and comes again with the next round.
                    drop(tollgate_purge::do_chores(&app, chores, stop).await);
                });
            }
            else => return,
        }
    }
}
