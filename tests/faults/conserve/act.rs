//! What clients ask for: events, holds, voids; and time that passes.

use super::model::tenant::{End, ONE, Refusal, Use};
use super::{Run, TENANT};
use crate::client::send;
use serde_json::{Value, json};

/// A hundredth of the currency.
const CENT: i128 = ONE / 100;

impl Run {
    /// A use of now or before.
    pub(super) fn used(&mut self) -> Use {
        let ago = match self.chance.below(10) {
            0..5 => 0,
            5..8 => self.chance.below(7200),
            _ => self.chance.below(30 * 3600),
        };
        let at = self
            .app
            .service()
            .now()
            .plus_seconds(-i64::try_from(ago).expect("seconds"))
            .to_string();
        let agent = self
            .chance
            .percent(80)
            .then(|| format!("a{}", self.chance.below(3) + 1));
        let nodes: Vec<String> = self.model.tree.keys().cloned().collect();
        let node = (!nodes.is_empty() && self.chance.percent(20))
            .then(|| self.chance.pick(&nodes).clone());
        let mut one_of = |percent: u64, names: &[&str]| {
            let is_named = self.chance.percent(percent);
            is_named.then(|| (*self.chance.pick(names)).to_owned())
        };
        let consumer = one_of(30, &["c1", "c2"]);
        let session = one_of(40, &["s1", "s2", "s3"]);
        let tool = one_of(30, &["find", "read"]);
        let foreign = self.chance.percent(20);
        let units = i128::from(self.chance.below(5));
        let cost = if foreign {
            units * 25 * self.rate * CENT / 100
        } else {
            i128::from(self.chance.below(150)) * CENT
        };
        let operation = if foreign { "search" } else { "agent_message" }.to_owned();
        Use {
            at,
            agent,
            consumer,
            session,
            tool,
            node,
            operation,
            tokens: i128::from(self.chance.below(300)),
            units,
            cost,
        }
    }

    /// How a client says it.
    pub(super) fn said(id: Option<&str>, used: &Use) -> Value {
        let whole = |value: i128| u64::try_from(value).expect("a quantity");
        let mut event = json!({
            "operation": used.operation, "timestamp": used.at, "tokens_in": whole(used.tokens), "units": whole(used.units),
        });
        event["tenant_id"] = json!(TENANT);
        let fields = [
            ("id", id.map(str::to_owned)),
            ("agent_id", used.agent.clone()),
            ("consumer_id", used.consumer.clone()),
            ("session_id", used.session.clone()),
            ("tool_server", used.tool.as_ref().map(|_| "srv".to_owned())),
            ("tool_name", used.tool.clone()),
            ("budget_node", used.node.clone()),
        ];
        for (name, value) in fields
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
        {
            event[name] = json!(value);
        }
        if used.operation != "search" {
            let cents = used.cost / CENT;
            event["cost_override"] = json!(format!("{}.{:02}", cents / 100, cents % 100));
        }
        event
    }

    /// What an attempt to use something is answered; then it is counted.
    pub(super) fn foretold(&mut self, id: &str, used: &Use, observe: bool) -> u16 {
        let refusal = self.model.refusal(used);
        if let Some(refusal) = refusal.filter(|_| !observe) {
            self.seen.refused[usize::from(refusal == Refusal::Quantity)] += 1;
            return if refusal == Refusal::Money { 402 } else { 429 };
        }
        self.model.record(id, used.clone());
        if refusal.is_none() {
            self.model.assert_within(used);
        }
        self.seen.recorded += 1;
        201
    }

    pub(super) async fn event(&mut self) {
        let (id, used, observe) = (self.name("e"), self.used(), self.chance.percent(25));
        let body = Self::said(Some(&id), &used);
        self.note(format!("event {body} observe {observe}"));
        self.check(&used).await;
        let status = self.foretold(&id, &used, observe);
        let path = if observe {
            "/events?mode=observe"
        } else {
            "/events"
        };
        let reply = send(&self.app, "POST", path, &body).await;
        self.answered(&reply, status);
        self.sent.push((id, body));
    }

    /// Several at once, perhaps one of them twice.
    pub(super) async fn batch(&mut self) {
        let observe = self.chance.percent(25);
        let (mut bodies, mut due, mut uses) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..self.chance.below(4) + 2 {
            let (id, used) = (self.name("b"), self.used());
            let body = Self::said(Some(&id), &used);
            bodies.push(body.clone());
            due.push(self.foretold(&id, &used, observe));
            uses.push(used);
            self.sent.push((id, body));
        }
        if self.chance.percent(50) {
            bodies.push(bodies[0].clone());
            due.push(if due[0] == 201 { 200 } else { due[0] });
            uses.push(uses[0].clone());
        }
        self.note(format!("batch {} observe {observe}", json!(bodies)));
        let path = if observe {
            "/events/batch?mode=observe"
        } else {
            "/events/batch"
        };
        let reply = send(&self.app, "POST", path, &json!({ "events": bodies }))
            .await
            .expect(200);
        for (place, due) in due.into_iter().enumerate() {
            let result = reply.at(&format!("/results/{place}"));
            let got = match (
                result["status"].as_str(),
                result["problem"]["status"].as_u64(),
            ) {
                (Some("recorded"), _) => 201,
                (Some("replayed"), _) if self.faults && due == 201 => 201,
                (Some("replayed"), _) => 200,
                (_, status) => status.map_or(0, |status| u16::try_from(status).expect("a status")),
            };
            let repeated = got == 201 && due == 200;
            // Where the answer to the others was lost, what they refuse is decided
            // again after them, and then money may lack too.
            let after_all = (got, due) == (402, 429)
                && self.model.refusal(&uses[place]) == Some(Refusal::Money);
            assert!(
                got == due || (self.faults && (repeated || after_all)),
                "{place}: {due} is due in {}",
                reply.text
            );
        }
    }

    /// An event again, or another under its id; a refused one is tried anew.
    pub(super) async fn again(&mut self) {
        if self.sent.is_empty() {
            return;
        }
        let (id, mut body) = self.chance.pick(&self.sent).clone();
        if !self.model.facts.contains_key(&id) {
            return;
        }
        let other = self.chance.percent(30);
        if other {
            body["tokens_in"] = json!(body["tokens_in"].as_u64().expect("tokens") + 1);
        }
        self.note(format!("again {id}, other {other}"));
        let reply = send(&self.app, "POST", "/events", &body).await;
        self.answered(&reply, if other { 409 } else { 200 });
    }

    pub(super) async fn hold(&mut self) {
        let (id, used, ttl) = (self.name("h"), self.used(), self.chance.below(9000) + 60);
        let body = json!({ "id": id, "event": Self::said(None, &used), "ttl_seconds": ttl });
        self.note(format!("hold {body}"));
        let status = match self.model.refusal(&used) {
            None => 201,
            Some(Refusal::Money) => 402,
            Some(Refusal::Quantity) => 429,
        };
        if status == 201 {
            let received = self.model.received();
            let received: tollgate_core::Instant = received.parse().expect("a time");
            let expires = received
                .plus_seconds(i64::try_from(ttl).expect("seconds"))
                .to_string();
            self.model.hold(&id, used.clone(), expires);
            self.model.assert_within(&used);
        }
        let reply = send(&self.app, "POST", "/holds", &body).await;
        // What no limit would take though nothing were used is refused without
        // the store, and then for less than all that refuses it.
        let without_the_store = self.faults && status == 402 && reply.status == 429;
        self.answered(&reply, if without_the_store { 429 } else { status });
    }

    /// Captures, releases or extends some hold, whatever became of it.
    pub(super) async fn end(&mut self) {
        let open = self
            .model
            .holds
            .iter()
            .filter(|(_, hold)| hold.end.is_none())
            .map(|(id, _)| id.clone());
        let open: Vec<String> = open.collect();
        let all: Vec<String> = self.model.holds.keys().cloned().collect();
        let from = if self.chance.percent(80) && !open.is_empty() {
            open
        } else {
            all
        };
        if from.is_empty() {
            return;
        }
        let id = self.chance.pick(&from).clone();
        match self.chance.below(10) {
            0..6 => self.capture(&id).await,
            6..8 => self.release(&id).await,
            _ => self.extend(&id).await,
        }
    }

    /// Below, at or above what is held, once or again.
    async fn capture(&mut self, id: &str) {
        let hold = &self.model.holds[id];
        let (end, mut used) = (hold.end, hold.estimate.clone());
        let share = *self.chance.pick(&[0, 50, 100, 100, 200]);
        used.tokens = used.tokens * share / 100;
        if used.operation == "search" {
            // At the hold's rate of exchange.
            let each = used.cost / used.units.max(1);
            used.units = used.units * share / 100;
            used.cost = used.units * each;
        } else {
            used.cost = used.cost / CENT * share / 100 * CENT;
        }
        let mut event = Self::said(None, &used);
        let fields = event.as_object_mut().expect("an object");
        fields.retain(|name, _| {
            ["tenant_id", "cost_override", "tokens_in", "units"].contains(&name.as_str())
        });
        let mut body = json!({ "event": event });
        let before = self
            .captures
            .iter()
            .find(|(of, _)| of == id)
            .map(|(_, body)| body.clone());
        if let Some(before) = before.clone().filter(|_| self.chance.percent(50)) {
            body = before;
        }
        let status = match end {
            None | Some(End::Expired) => 201,
            Some(End::Captured) if before == Some(body.clone()) => 200,
            Some(_) => 409,
        };
        self.note(format!("capture {id} {body}"));
        if status == 201 {
            self.model.capture(id, used);
            self.captures.push((id.to_owned(), body.clone()));
            self.seen.captured += 1;
        }
        let reply = send(&self.app, "POST", &format!("/holds/{id}/capture"), &body).await;
        self.answered(&reply, status);
    }

    async fn release(&mut self, id: &str) {
        self.note(format!("release {id}"));
        let hold = self.model.holds.get_mut(id).expect("a hold");
        let status = if hold.end == Some(End::Captured) {
            409
        } else {
            200
        };
        hold.end = hold.end.or(Some(End::Released));
        let reply = send(
            &self.app,
            "POST",
            &format!("/holds/{id}/release?tenant_id={TENANT}"),
            &json!({}),
        )
        .await;
        self.answered(&reply, status);
    }

    async fn extend(&mut self, id: &str) {
        let ttl = self.chance.below(7200) + 1;
        self.note(format!("extend {id} by {ttl}"));
        let expires = self
            .app
            .service()
            .now()
            .plus_seconds(i64::try_from(ttl).expect("seconds"))
            .to_string();
        let hold = self.model.holds.get_mut(id).expect("a hold");
        let status = if hold.end.is_some() { 409 } else { 200 };
        hold.expires = hold.expires.clone().max(expires);
        let path = format!("/holds/{id}/extend?tenant_id={TENANT}");
        let reply = send(&self.app, "POST", &path, &json!({ "ttl_seconds": ttl })).await;
        self.answered(&reply, status);
    }

    /// Takes back an event, a capture's too, once or again.
    pub(super) async fn void(&mut self) {
        let ids: Vec<String> = self.model.facts.keys().cloned().collect();
        if ids.is_empty() {
            return;
        }
        let id = self.chance.pick(&ids).clone();
        self.note(format!("void {id}"));
        let fact = self.model.facts.get_mut(&id).expect("an event");
        let status = if fact.voided { 200 } else { 201 };
        fact.voided = true;
        let reply = send(
            &self.app,
            "POST",
            &format!("/events/{id}/void"),
            &json!({ "tenant_id": TENANT }),
        )
        .await;
        self.answered(&reply, status);
    }
}
