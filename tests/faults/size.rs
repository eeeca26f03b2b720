//! Sizes at which a promise would break that holds for a few.

mod catalogue;
mod fleet;
mod grants;
mod heat;
mod jobs;
mod neighbours;
mod purges;
mod repeats;
mod webhooks;

use async_trait::async_trait;
use std::sync::Arc;
use tollgate_core::{Attrs, Event, Key, Mode, Name, Role, Write};
use tollgate_service::{
    Commit, Memory, Options, Outcome, Query, Slice, Store, StoreError, Submission, Together,
};
use tollgate_tests::TestApp;

/// As many events as one call of the service takes here.
const AT_ONCE: usize = 900;

/// A store that keeps no markers: they would fill the memory, and nothing here
/// is sent twice.
struct Unmarked(Arc<Memory>);

#[async_trait]
impl Store for Unmarked {
    async fn read(&self, keys: &[Key]) -> Result<Vec<Option<Attrs>>, StoreError> {
        self.0.read(keys).await
    }

    async fn read_together(&self, keys: &[Key]) -> Result<Together, StoreError> {
        self.0.read_together(keys).await
    }

    async fn query(&self, query: &Query) -> Result<Slice, StoreError> {
        self.0.query(query).await
    }

    async fn commit(&self, writes: &[Write]) -> Result<Commit, StoreError> {
        let is_kept = |write: &&Write| !matches!(write.role, Role::Marker(_));
        let kept: Vec<Write> = writes.iter().filter(is_kept).cloned().collect();
        self.0.commit(&kept).await
    }
}

fn name(text: &str) -> Name {
    Name::new(text).expect("a name")
}

/// Records so many messages of now, each changed by its number.
async fn record(app: &TestApp, tenant: &str, count: usize, change: impl Fn(usize, &mut Event)) {
    let now = app.service().now();
    let options = Options {
        mode: Mode::Observe,
        age_seconds_max: 86_400,
    };
    for first in (0..count).step_by(AT_ONCE) {
        let numbers = first..count.min(first + AT_ONCE);
        let event = |number: usize| {
            let id = format!("{}-{number}", now.unix_seconds());
            let mut event = Event::new(name(&id), now, name("agent_message"));
            change(number, &mut event);
            Submission {
                event,
                timestamp_given: false,
            }
        };
        let submissions: Vec<Submission> = numbers.map(event).collect();
        let tenant = name(tenant);
        let recorded = app.service().record(&tenant, submissions, options);
        let outcomes = recorded.await.expect("recorded");
        let is_recorded = |outcome: &Outcome| matches!(outcome, Outcome::Recorded(..));
        assert!(outcomes.iter().all(is_recorded));
        app.store.take_commits();
    }
}
