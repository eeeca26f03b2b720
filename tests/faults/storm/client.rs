//! A client in a storm: all kinds of requests, and what became of them.

use super::Weather;
use crate::chance::Chance;
use crate::client::send;
use crate::usage::{Limits, batch, event};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tollgate_tests::TestApp;

/// One client: what it sent, and which of that was recorded.
pub(super) struct Client<'a> {
    pub(super) name: String,
    pub(super) tenant: &'static str,
    pub(super) apps: &'a [TestApp],
    pub(super) weather: Weather,
    /// Whether it is the one that changes the tenant's limits.
    pub(super) changes: bool,
    pub(super) chance: Chance,
    pub(super) sent: Vec<Value>,
    /// Sealed batches, and what became of their events once any was recorded.
    pub(super) sealed: Vec<(Value, Option<Vec<bool>>)>,
    pub(super) recorded: BTreeMap<String, bool>,
}

impl Client<'_> {
    /// Sends all its requests.
    pub(super) async fn live(&mut self) {
        for _ in 0..self.weather.requests {
            for app in self.apps {
                app.clock
                    .advance(i64::try_from(self.chance.clone().below(40)).expect("seconds"));
            }
            match self.chance.below(100) {
                0..45 => self.single().await,
                45..65 => self.batch().await,
                65..80 => self.seal().await,
                80..85 => self.seal_again().await,
                85..88 => self.again().await,
                88..90 => self.void().await,
                90..95 => self.hold().await,
                _ => self.change().await,
            }
        }
    }

    fn app(&mut self) -> &TestApp {
        self.chance.pick(self.apps)
    }

    fn mode(&mut self) -> &'static str {
        if self.chance.percent(self.weather.observe) {
            "?mode=observe"
        } else {
            ""
        }
    }

    fn fresh(&mut self) -> Value {
        let now = self.apps[0].service().now();
        let event = event(
            &mut self.chance,
            self.tenant,
            &format!("{}-{}", self.name, self.sent.len()),
            now,
        );
        self.sent.push(event.clone());
        event
    }

    async fn single(&mut self) {
        let event = self.fresh();
        self.post(&event).await;
    }

    async fn post(&mut self, event: &Value) {
        let path = format!("/events{}", self.mode());
        let reply = send(self.app(), "POST", &path, event).await;
        let code = reply.at("/code");
        self.settle(event, reply.status < 300, &code);
    }

    async fn batch(&mut self) {
        let fresh = self.chance.below(24) + 1;
        let mut events: Vec<Value> = (0..fresh).map(|_| self.fresh()).collect();
        for _ in 0..self.chance.below(3) {
            events.push(self.chance.pick(&self.sent).clone());
        }
        let path = format!("/events/batch{}", self.mode());
        let reply = send(self.app(), "POST", &path, &batch(&events))
            .await
            .expect(200);
        for (place, event) in events.iter().enumerate() {
            let result = reply.at(&format!("/results/{place}"));
            self.settle(
                event,
                result["status"] != "rejected",
                &result["problem"]["code"],
            );
        }
    }

    /// Sends events as a sealed batch: some of them with counters of their own, so that
    /// it may take several transactions.
    async fn seal(&mut self) {
        let count = if self.chance.percent(10) {
            130
        } else {
            self.chance.below(24) + 1
        };
        let id = format!("{}-b{}", self.name, self.sealed.len());
        let mut events = Vec::new();
        for number in 0..count {
            let mut event = self.fresh();
            self.sent.pop();
            event.as_object_mut().expect("an event").remove("id");
            if count > 100 {
                event["agent_id"] = json!(format!("{id}-{number}"));
            }
            events.push(event);
        }
        let body = json!({ "batch_id": id, "events": events });
        self.sealed.push((body, None));
        self.send_sealed(self.sealed.len() - 1).await;
    }

    async fn seal_again(&mut self) {
        if !self.sealed.is_empty() {
            let count = u64::try_from(self.sealed.len()).expect("a count");
            let place = usize::try_from(self.chance.below(count)).expect("a place");
            self.send_sealed(place).await;
        }
    }

    /// Sends a sealed batch. Once any of it is recorded, each sending says the same.
    async fn send_sealed(&mut self, place: usize) {
        let (body, before) = self.sealed[place].clone();
        let path = format!("/events/batch{}", self.mode());
        let reply = send(self.app(), "POST", &path, &body).await.expect(200);
        let results = reply.at("/results");
        let results = results.as_array().expect("results");
        let mut fates = Vec::new();
        for result in results {
            let is_recorded = result["status"] != "rejected";
            fates.push(is_recorded);
            let event = json!({ "id": result["event_id"] });
            self.settle(&event, is_recorded, &result["problem"]["code"]);
        }
        assert!(
            before.is_none_or(|before| before == fates),
            "{}",
            reply.text
        );
        if fates.contains(&true) {
            self.sealed[place].1 = Some(fates);
        }
    }

    async fn again(&mut self) {
        if !self.sent.is_empty() {
            let event = self.chance.pick(&self.sent).clone();
            self.post(&event).await;
        }
    }

    /// Takes back an event of its own, perhaps again.
    async fn void(&mut self) {
        let own: Vec<String> = self
            .recorded
            .iter()
            .filter(|(id, recorded)| **recorded && !id.starts_with("void-"))
            .map(|(id, _)| id.clone())
            .collect();
        if own.is_empty() {
            return;
        }
        let path = format!(
            "/events/{}/void?tenant_id={}",
            self.chance.pick(&own),
            self.tenant
        );
        let reply = send(self.app(), "POST", &path, &json!({})).await;
        assert!(reply.status < 300, "{}", reply.text);
        self.recorded.insert(
            reply.at("/event_id").as_str().expect("an id").to_owned(),
            true,
        );
    }

    /// Holds, and then captures no more than that, releases, or leaves it to
    /// its expiry.
    async fn hold(&mut self) {
        let estimate = self.fresh();
        self.sent.pop();
        let id = estimate["id"].as_str().expect("an id").to_owned() + "-held";
        let mut event = estimate.clone();
        event["id"] = json!(id);
        self.sent.push(event.clone());
        // What is captured after its expiry is booked past limits too.
        let ttl_seconds = match self.weather.limits {
            Limits::Any => self.chance.below(300) + 1,
            _ => 86_400,
        };
        let taken = send(
            self.app(),
            "POST",
            "/holds",
            &json!({ "event": event, "ttl_seconds": ttl_seconds }),
        )
        .await;
        if taken.status >= 300 {
            return self.settle(&event, false, &taken.at("/code"));
        }
        let how = *self
            .chance
            .pick(&["capture", "capture", "release", "extend", "leave"]);
        let path = format!("/holds/{id}/{how}?tenant_id={}", self.tenant);
        let reply = match how {
            "leave" => return,
            "capture" => send(self.app(), "POST", &path, &json!({ "event": event })).await,
            _ => send(self.app(), "POST", &path, &json!({})).await,
        };
        let over = reply.status == 409 && reply.at("/state") == "expired";
        assert!(reply.status < 300 || over, "{how}: {}", reply.text);
        if how == "capture" && !over {
            self.recorded.insert(id, true);
        }
    }

    async fn change(&mut self) {
        if !self.changes {
            return;
        }
        if self.chance.percent(20) {
            let lanes = *self.chance.pick(&[1, 2, 4, 16]);
            let path = format!("/tenants/{}", self.tenant);
            send(self.app(), "PUT", &path, &json!({ "lanes": lanes }))
                .await
                .expect(200);
        }
        let minutes = self.apps[0]
            .service()
            .now()
            .unix_seconds()
            .rem_euclid(86_400)
            / 60
            - 600;
        let limits = self
            .weather
            .limits
            .next(&mut self.chance, u64::try_from(minutes).unwrap_or(0));
        let path = format!("/limits/{}", self.tenant);
        send(self.app(), "PUT", &path, &limits).await.expect(200);
    }

    /// Notes an answer: what is recorded stays so, and nothing but a limit denies.
    fn settle(&mut self, event: &Value, recorded: bool, code: &Value) {
        let id = event["id"].as_str().expect("an id").to_owned();
        let before = self.recorded.insert(id, recorded);
        assert!(
            recorded || before != Some(true),
            "{event} was recorded and is now denied: {code}"
        );
        let denial = ["usage_limit_exceeded", "budget_exceeded"]
            .iter()
            .any(|denial| *code == **denial);
        assert!(recorded || denial, "{event}: {code}");
    }
}
