//! Time that passes, clocks that jump, and what runs on a schedule.

use super::Run;
use crate::client::send;
use serde_json::{Value, json};

/// The most seconds that a clock may lie behind.
const BEHIND_MAX: u64 = 300;
const DAY: i64 = 86_400;

impl Run {
    /// Seconds, an hour, or into the next day, at most three of those: a month
    /// begins on the way.
    pub(super) async fn time(&mut self) {
        let long = self.days < 3 && self.chance.percent(15);
        self.days += u64::from(long);
        let seconds = if long {
            50_000
        } else {
            self.chance.below(2700) + 1
        };
        self.pass(i64::try_from(seconds).expect("seconds"));
        self.note(format!("{seconds} seconds pass"));
        if self.credit {
            self.sweep().await;
        }
        if self.chance.percent(30) {
            self.note("rollup".to_owned());
            self.schedule("rollup").await;
        }
    }

    fn pass(&mut self, seconds: i64) {
        self.app.clock.advance(seconds);
        self.model.pass(self.app.service().now().to_string());
    }

    /// The clock is put back a little, and stays there; or it is far off for a
    /// while, in which nothing happens.
    pub(super) async fn jump(&mut self) {
        let is_behind = self.model.stamped > self.model.now;
        if is_behind {
            return;
        }
        if self.chance.percent(50) {
            // What is received now is the last before it.
            self.observe().await;
            self.model.stamped = self.model.received();
            let back = i64::try_from(self.chance.below(BEHIND_MAX) + 1).expect("seconds");
            self.note(format!("the clock is put back by {back} seconds"));
            self.pass(-back);
            return;
        }
        let far = *self
            .chance
            .pick(&[-400, -7200, -3 * DAY, -900 * DAY, 40 * DAY, 9000 * DAY]);
        if far < 0 {
            self.observe().await;
        }
        self.note(format!("the clock is off by {far} seconds for a while"));
        self.app.store.heal();
        let before = self.memory.dump();
        self.app.clock.advance(far);
        if far < 0 {
            let body =
                json!({ "tenant_id": super::TENANT, "operation": "agent_message", "id": "never" });
            self.app.post("/events", body).await.expect(503);
        }
        let mut actions = vec!["expire_holds", "deliver_alerts"];
        // Behind, what had ended by then may still be rolled up.
        actions.extend(
            (far > 0)
                .then_some(["rollup", "purge"])
                .into_iter()
                .flatten(),
        );
        for action in actions {
            self.schedule(action).await;
        }
        assert!(
            self.memory.dump() == before,
            "by a clock that is off by {far}"
        );
        self.app.clock.advance(-far);
    }

    async fn schedule(&self, action: &str) -> Value {
        self.app.store.heal();
        tollgate_purge::scheduled(&self.app.app, &json!({ "action": action }))
            .await
            .expect("a scheduled action")
    }

    /// Ends the holds that are over.
    pub(super) async fn sweep(&self) {
        self.schedule("expire_holds").await;
    }

    /// Records something of now, whatever refuses it.
    async fn observe(&mut self) {
        let (id, mut used) = (self.name("o"), self.used());
        used.at = self.app.service().now().to_string();
        let body = Self::said(Some(&id), &used);
        self.note(format!("observe {body}"));
        let status = self.foretold(&id, &used, true);
        let reply = send(&self.app, "POST", "/events?mode=observe", &body).await;
        self.answered(&reply, status);
    }
}
