//! Copies of a store, the processes that share one, and calls that are held.

use std::sync::Arc;
use std::time::Duration;
use tollgate_core::Write;
use tollgate_service::{Memory, Store, Tenancy};
use tollgate_tests::{Fault, Gate, TestApp};

/// A store of its own with the same items.
pub(crate) async fn copy(from: &Memory) -> Arc<Memory> {
    let memory = Memory::default();
    let put = |(key, attrs)| Write::put(key, attrs);
    let writes: Vec<Write> = from.dump().into_iter().map(put).collect();
    for chunk in writes.chunks(100) {
        memory.commit(chunk).await.expect("a commit");
    }
    Arc::new(memory)
}

/// One of the processes that share the store, at `now`.
pub(crate) fn process(memory: &Arc<Memory>, now: &str) -> Arc<TestApp> {
    over(memory.clone(), now)
}

/// The same over any store.
pub(crate) fn over(store: Arc<dyn Store>, now: &str) -> Arc<TestApp> {
    let app = TestApp::over(
        store,
        Tenancy::Shared {
            settle: Duration::ZERO,
        },
    );
    app.clock.set(now);
    Arc::new(app)
}

/// Holds a call of `app`: the one that is its `number`th from now on.
pub(crate) fn hold(app: &TestApp, number: u64, after: bool) -> Gate {
    let (gate, at) = (Gate::default(), app.store.calls() + number);
    let held = if after {
        Fault::HeldAfter(gate.clone())
    } else {
        Fault::HeldBefore(gate.clone())
    };
    app.store.rule(move |call| {
        if call.number == at {
            held.clone()
        } else {
            Fault::None
        }
    });
    gate
}

/// The call that is its `number`th from now on fails.
pub(crate) fn fail(app: &TestApp, number: u64, fault: Fault) {
    let at = app.store.calls() + number;
    app.store.rule(move |call| {
        if call.number == at {
            fault.clone()
        } else {
            Fault::None
        }
    });
}

/// Runs `work` until its `number`th call stands, before or after the call did
/// its work, and then ends the process there.
pub(crate) async fn crash<F>(app: &Arc<TestApp>, number: u64, after: bool, work: F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let gate = hold(app, number, after);
    let running = tokio::spawn(work);
    gate.arrived().await;
    running.abort();
    assert!(
        running
            .await
            .expect_err("it stood at the gate")
            .is_cancelled()
    );
    app.store.heal();
}
