//! A gate at which a call to the store waits until a test opens it.

use std::sync::Arc;
use tokio::sync::Semaphore;

/// Shows when something arrived at it, and holds that until it is opened.
#[derive(Clone, Debug)]
pub struct Gate(Arc<Sides>);

#[derive(Debug)]
struct Sides {
    arrived: Semaphore,
    opened: Semaphore,
}

impl Default for Gate {
    fn default() -> Self {
        Self(Arc::new(Sides {
            arrived: Semaphore::new(0),
            opened: Semaphore::new(0),
        }))
    }
}

impl PartialEq for Gate {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Gate {}

impl Gate {
    /// Waits until one more call stands at the gate.
    pub async fn arrived(&self) {
        self.0
            .arrived
            .acquire()
            .await
            .expect("never closed")
            .forget();
    }

    /// Lets pass whatever stands at it or comes to it.
    pub fn open(&self) {
        self.0.opened.close();
    }

    /// Stands at the gate until it is open.
    pub(crate) async fn pass(&self) {
        self.0.arrived.add_permits(1);
        self.0.opened.acquire().await.expect_err("closing opens it");
    }
}
