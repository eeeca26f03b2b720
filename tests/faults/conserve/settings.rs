//! What operators set: limits, budgets, quotas, plans, trees, credit, rates.

use super::model::calendar::Calendar;
use super::model::tenant::{Cap, Grant, Node, ONE, Subject};
use super::model::told::THRESHOLDS;
use super::{Run, TENANT};
use crate::client::send;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Scope, the one of it, measure, window, and a value that some sequences
/// reach.
type Short = (
    &'static str,
    Option<&'static str>,
    &'static str,
    &'static str,
    u64,
);

const LIMITS: [Short; 14] = [
    ("tenant", None, "events", "day", 30),
    ("tenant", None, "tokens", "total", 6000),
    ("tenant", None, "spend", "month", 30),
    ("agent", None, "tokens", "hour", 1200),
    ("agent", None, "spend", "day", 25),
    ("agent", Some("a1"), "spend", "total", 12),
    ("agent", Some("a2"), "tokens", "hour", 900),
    ("operation", None, "events", "day", 25),
    ("tenant", None, "units:search", "month", 12),
    ("session", None, "tokens", "day", 1500),
    ("session", Some("s1"), "spend", "month", 15),
    ("tool", None, "events", "hour", 9),
    ("tool", Some("srv/find"), "tokens", "day", 1800),
    ("consumer", None, "spend", "day", 18),
];

/// Whether the limit of this id is on one of its scope, not on each.
pub(super) fn is_named(limit_id: &str) -> bool {
    let own = limit_id
        .strip_prefix('l')
        .and_then(|number| LIMITS.get(number.parse::<usize>().ok()?));
    limit_id.starts_with("tree:") || own.is_some_and(|(_, named, ..)| named.is_some())
}

fn subject(scope: &str, id: Option<&str>, measure: &str, window: &str) -> Subject {
    (
        scope.to_owned(),
        id.map(str::to_owned),
        measure.to_owned(),
        window.to_owned(),
    )
}

/// A value of a measure in its own units, and as JSON has it.
fn value(measure: &str, value: u64) -> (i128, Value) {
    match measure {
        "spend" => (i128::from(value) * ONE, json!(value.to_string())),
        _ => (i128::from(value), json!(value)),
    }
}

impl Run {
    /// A tenant in dollars that knows a price in euros, with some limits.
    pub(super) async fn prepare(&mut self) {
        let card = json!({ "currency": "EUR", "tiers": { "standard": "1" }, "operations": { "search": { "unit": "0.25" } } });
        self.app.put_card("mine", card).await.expect(200);
        self.rates().await;
        self.app
            .put(
                &format!("/budgets/{TENANT}"),
                json!({ "currency": "USD", "max_total": "1" }),
            )
            .await
            .expect(200);
        self.budget().await;
        if self.chance.percent(50) {
            let alerts = json!({ "thresholds": THRESHOLDS });
            self.app
                .put(&format!("/alerts/{TENANT}"), alerts)
                .await
                .expect(200);
            self.model.told.is_on = true;
        }
        self.limits().await;
        if self.credit {
            self.plan().await;
            self.subscribe().await;
            self.grant().await;
        }
    }

    async fn put(&mut self, path: &str, body: Value) {
        self.note(format!("PUT {path} {body}"));
        send(&self.app, "PUT", path, &body).await.expect(200);
        self.complete().await;
    }

    /// Faults may leave a change to whoever comes by.
    async fn complete(&self) {
        while self.app.service().complete_changes().await.is_err() {}
    }

    pub(super) async fn limits(&mut self) {
        let (mut caps, mut limits) = (Vec::new(), Vec::new());
        for (number, (scope, id, measure, window, most)) in LIMITS.into_iter().enumerate() {
            if self.chance.percent(65) {
                continue;
            }
            let (hard, hard_json) = value(measure, self.chance.below(most) + most / 4);
            let (soft, soft_json) = value(measure, most / 4);
            let blocks = self.chance.percent(20);
            let mut limit = json!({ "id": format!("l{number}"), "scope": scope, "measure": measure, "window": window, "hard": hard_json });
            limit["scope_id"] = json!(id);
            if measure == "spend" {
                limit["currency"] = json!("USD");
            }
            if blocks {
                (limit["soft"], limit["soft_mode"]) = (soft_json, json!("block"));
            }
            limits.push(limit);
            caps.push(Cap {
                of: subject(scope, id, measure, window),
                soft: Some(soft).filter(|_| blocks),
                hard: Some(hard),
                blocks,
            });
        }
        self.model.caps.insert("limits", caps);
        self.model.renew();
        self.put(&format!("/limits/{TENANT}"), json!({ "limits": limits }))
            .await;
    }

    pub(super) async fn budget(&mut self) {
        let window = *self.chance.pick(&["total", "day", "month"]);
        let [total, agent] =
            [40, 16].map(|most| value("spend", self.chance.below(most) + most / 3));
        let mut body = json!({ "currency": "USD", "window": window });
        let mut caps = Vec::new();
        for (field, scope, (hard, hard_json)) in [
            ("max_total", "tenant", total),
            ("max_per_agent", "agent", agent),
        ] {
            if self.chance.percent(60) {
                body[field] = hard_json;
                caps.push(Cap {
                    of: subject(scope, None, "spend", window),
                    soft: None,
                    hard: Some(hard),
                    blocks: false,
                });
            }
        }
        self.model.caps.insert("budget", caps);
        self.model.renew();
        self.put(&format!("/budgets/{TENANT}"), body).await;
    }

    pub(super) async fn quota(&mut self) {
        let hard = self.chance.percent(60).then(|| self.chance.below(50) + 8);
        let cap = |hard: u64| Cap {
            of: subject("tenant", None, "events", "month"),
            soft: None,
            hard: Some(i128::from(hard)),
            blocks: false,
        };
        self.model
            .caps
            .insert("quota", hard.map(cap).into_iter().collect());
        self.model.renew();
        self.note(format!("quota {hard:?}"));
        send(
            &self.app,
            "POST",
            "/quota",
            &json!({ "tenant_id": TENANT, "monthly_total_limit": hard }),
        )
        .await
        .expect(200);
        self.complete().await;
    }

    /// A new version of the plan, in force at once where it is subscribed to.
    pub(super) async fn plan(&mut self) {
        let (soft, hard) = (self.chance.below(12) + 4, self.chance.below(30) + 16);
        let cents = self.chance.below(1500) + 200;
        self.allowance =
            (self.credit && self.chance.percent(80)).then(|| i128::from(cents) * ONE / 100);
        let allowance = self
            .allowance
            .map(|_| format!("{}.{:02}", cents / 100, cents % 100));
        let feature = json!({ "feature_key": "messages", "soft_limit": soft, "hard_limit": hard });
        let of = subject("tenant", None, "events", "period");
        self.plan = vec![Cap {
            of,
            soft: Some(i128::from(soft)),
            hard: Some(i128::from(hard)),
            blocks: false,
        }];
        self.in_force();
        let body = json!({ "name": "Plan", "currency": "USD", "features": [feature], "allowance": allowance });
        self.put("/plans/plan", body).await;
    }

    /// What the subscription, as it stands, brings along.
    fn in_force(&mut self) {
        let caps = self
            .plan
            .iter()
            .filter(|_| self.subscribed)
            .cloned()
            .map(|cap| {
                let (soft, hard) = self.overrides.unwrap_or((cap.soft, cap.hard));
                Cap {
                    blocks: self.past_due,
                    soft,
                    hard,
                    ..cap
                }
            });
        self.model.caps.insert("plan", caps.collect());
        self.model.allowance = self.allowance.filter(|_| self.subscribed);
        self.model.renew();
    }

    pub(super) async fn subscribe(&mut self) {
        if self.plan.is_empty() {
            return;
        }
        let status = *self.chance.pick(&[
            "active",
            "active",
            "active",
            "active",
            "active",
            "past_due",
            "past_due",
            "cancelled",
            "none",
        ]);
        // Without a subscription windows would begin elsewhere.
        let status = match status {
            "none" if self.credit && self.fixed != Calendar::default() => "active",
            status => status,
        };
        self.subscribed = status != "none";
        self.past_due = status == "past_due";
        self.model.since = self
            .model
            .since
            .clone()
            .or(Some(self.model.now.clone()))
            .filter(|_| self.subscribed);
        self.model.cancelled = status == "cancelled";
        self.overrides = None;
        let mut body = json!({ "plan": null });
        if self.subscribed {
            body = json!({ "plan": "plan", "status": status });
            if self.chance.percent(30) {
                let (soft, hard) = (self.chance.below(9) + 3, self.chance.below(30) + 12);
                body["overrides"] =
                    json!([{ "feature_key": "messages", "soft_limit": soft, "hard_limit": hard }]);
                self.overrides = Some((Some(i128::from(soft)), Some(i128::from(hard))));
            }
        }
        self.periods(&mut body);
        self.in_force();
        self.put(&format!("/tenants/{TENANT}/subscription"), body)
            .await;
    }

    /// Where windows begin from now on. With credit that is settled once: what an
    /// allowance does when periods come to begin elsewhere has tests of its own.
    fn periods(&mut self, body: &mut Value) {
        let next = if self.credit {
            self.fixed
        } else if self.subscribed {
            let zones = [
                None,
                Some("Europe/Berlin"),
                Some("America/St_Johns"),
                Some("Asia/Kathmandu"),
            ];
            let anchors = [
                None,
                Some("2026-08-29T21:30:00Z"),
                Some("2026-08-31T03:15:00Z"),
                Some("2026-10-01T12:00:00Z"),
            ];
            Calendar {
                zone: *self.chance.pick(&zones),
                anchor: *self.chance.pick(&anchors),
            }
        } else {
            Calendar::default()
        };
        if self.subscribed {
            (body["time_zone"], body["period_anchor"]) = (json!(next.zone), json!(next.anchor));
        }
        self.model.calendar = next;
    }

    /// Another tree: nodes come, go and move.
    pub(super) async fn tree(&mut self) {
        let (mut tree, mut nodes, mut caps) = (BTreeMap::new(), Vec::new(), Vec::new());
        for (place, id) in ["org", "team", "a1", "a2"].into_iter().enumerate() {
            if self.chance.percent(15) {
                continue;
            }
            let above: Vec<String> = ["org", "team"]
                .iter()
                .take(place)
                .filter(|id| tree.contains_key(**id))
                .map(|id| (*id).to_owned())
                .collect();
            let parent = (!above.is_empty() && self.chance.percent(80))
                .then(|| self.chance.pick(&above).clone());
            let enabled = !self.chance.percent(8);
            let mut limits = Vec::new();
            for (measure, window, most) in [("spend", "total", 25), ("tokens", "day", 2500)] {
                if self.chance.percent(60) {
                    let (hard, hard_json) = value(measure, self.chance.below(most) + most / 3);
                    limits.push(json!({ "measure": measure, "window": window, "hard": hard_json }));
                    caps.push(Cap {
                        of: subject("node", Some(id), measure, window),
                        soft: None,
                        hard: Some(hard),
                        blocks: false,
                    });
                }
            }
            nodes.push(json!({ "id": id, "parent": parent, "enabled": enabled, "limits": limits }));
            tree.insert(id.to_owned(), Node { parent, enabled });
        }
        self.model.caps.insert("tree", caps);
        self.model.tree = tree;
        self.model.renew();
        self.put(
            &format!("/budgets/{TENANT}/tree"),
            json!({ "currency": "USD", "nodes": nodes }),
        )
        .await;
    }

    pub(super) async fn grant(&mut self) {
        if !self.credit {
            return;
        }
        let (id, priority, cents) = (
            self.name("g"),
            self.chance.below(3),
            self.chance.below(1500) + 100,
        );
        let ends = self
            .chance
            .percent(50)
            .then(|| i64::try_from(self.chance.below(20_000) + 600).expect("seconds"));
        let ends = ends.map(|seconds| self.app.service().now().plus_seconds(seconds).to_string());
        let amount = format!("{}.{:02}", cents / 100, cents % 100);
        let body = json!({ "id": id, "amount": amount, "currency": "USD", "priority": priority, "expires_at": ends });
        self.note(format!("grant {body}"));
        let (expires, granted) = (
            ends.unwrap_or_else(|| "never".to_owned()),
            self.model.now.clone(),
        );
        self.model.grants.push(Grant {
            priority,
            expires,
            granted,
            id,
            amount: i128::from(cents) * ONE / 100,
        });
        let reply = send(&self.app, "POST", &format!("/credits/{TENANT}"), &body).await;
        self.answered(&reply, 201);
    }

    pub(super) async fn rates(&mut self) {
        self.rate = i128::from(self.chance.below(60) + 80);
        let rate = format!("{}.{:02}", self.rate / 100, self.rate % 100);
        self.put("/exchange-rates", json!({ "base": "USD", "rates": { "EUR": rate }, "effective_from": "2026-01-01T00:00:00Z" })).await;
    }
}
