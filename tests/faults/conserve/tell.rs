//! What the service says of where everything stands, beside what the model
//! says.

use super::model::tenant::{Subject, Use};
use super::model::told::Alert;
use super::settings::is_named;
use super::{Run, TENANT};
use crate::ledger::Ledger;
use crate::ledger::credit::told;
use serde_json::Value;
use tollgate_core::{self as stored, Amount, Name, table};

/// A figure: money as text, else an integer.
fn figure(value: &Value) -> i128 {
    match value {
        Value::String(text) => text.parse::<Amount>().expect("an amount").units(),
        value => i128::from(value.as_i64().expect("an integer")),
    }
}

impl Run {
    /// Asserts that a limit's status is as the model has it.
    fn agrees(&self, row: &Value, at: &str) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (scope, measure, kind) = (
            text(&row["scope"]),
            text(&row["measure"]),
            text(&row["window"]),
        );
        let id = text(&row["scope_id"]);
        let named = is_named(row["limit_id"].as_str().expect("an id")).then(|| id.clone());
        let subject: Subject = (scope, named, measure, kind.clone());
        let caps = || self.model.caps.values().flatten();
        assert!(
            caps().any(|cap| cap.of == subject),
            "no such limit was set: {row}"
        );
        let (used, held) = self.model.stands(&subject, &id, at);
        assert_eq!(
            (figure(&row["used"]), figure(&row["held"])),
            (used, held),
            "of {at} in {row}"
        );
        let start = row["window_start"].as_str();
        assert_eq!(start.is_none(), kind == "total", "{row}");
        if let Some(start) = start {
            let calendar = self.model.calendar.of(&kind);
            let window = |at: &str| calendar.window(&kind, at);
            assert_eq!(window(start), window(at), "{row} holds {at}");
        }
    }

    /// Asserts that a check foretells what the model does, and knows where each
    /// limit stands that it meets. Holds that are over may still stand there.
    pub(super) async fn check(&mut self, used: &Use) {
        if !self.credit || self.faults {
            return;
        }
        let body = Self::said(None, used);
        let reply = self.app.post("/check", body).await.expect(200);
        let decision = reply.at("/decision");
        assert_eq!(
            decision == "deny",
            self.model.refusal(used).is_some(),
            "{}",
            reply.text
        );
        for row in reply.at("/limits").as_array().expect("limits") {
            self.agrees(row, &used.at);
        }
    }

    /// Asserts that the outbox holds the alerts that were due, each once.
    fn agree_on_alerts(&self) {
        let tenant = Name::new(TENANT).expect("a name");
        let outbox = table::alerts(&tenant);
        let items = self.memory.dump().into_iter();
        let told = items.filter(|(key, _)| key.pk == outbox).map(|(_, attrs)| {
            let alert = stored::Alert::from_attrs(&tenant, &attrs).expect("an alert");
            let (limit, id) = (&alert.standpoint.limit, &alert.standpoint.scope_id);
            let named = limit.scope_id.as_ref().map(ToString::to_string);
            let of = (
                limit.scope.as_str().to_owned(),
                named,
                limit.measure.to_string(),
                limit.window.as_str().to_owned(),
            );
            let layer = limit.layer.as_str().to_owned();
            (layer, of, id.to_string(), alert.threshold)
        });
        let (mut told, mut due): (Vec<Alert>, Vec<Alert>) =
            (told.collect(), self.model.told.alerts.clone());
        told.sort();
        due.sort();
        assert_eq!(told, due, "alerts");
    }

    /// Asserts that usage and the bill of the month add up what was recorded and not
    /// taken back.
    async fn agree_on_totals(&self) {
        let month = &self.model.now[..7];
        for (path, prefix) in [("usage/summary?tenant_id=", ""), ("billing/", month)] {
            let facts = self.model.facts.values();
            let facts = facts.filter(|fact| !fact.voided && fact.used.at.starts_with(prefix));
            let costs: Vec<i128> = facts.map(|fact| fact.used.cost).collect();
            let reply = self.app.get(&format!("/{path}{TENANT}")).await.expect(200);
            assert_eq!(reply.at("/total_events"), costs.len(), "{}", reply.text);
            let body = reply.json();
            let cost = body.get("subtotal_exact").unwrap_or(&body["total_cost"]);
            assert_eq!(figure(cost), costs.iter().sum::<i128>(), "{}", reply.text);
        }
    }

    /// Asserts that limits, credit and the ledger stand as the model says.
    pub(super) async fn agree(&mut self) {
        let reply = self.app.get(&format!("/limits/{TENANT}")).await.expect(200);
        let rows = reply.at("/standing");
        let rows = rows.as_array().expect("limits");
        let single = |scope: &str, named: &Option<String>| scope == "tenant" || named.is_some();
        let due = self
            .model
            .caps
            .values()
            .flatten()
            .filter(|cap| single(&cap.of.0, &cap.of.1))
            .count();
        assert_eq!(rows.len(), due, "{}", reply.text);
        for row in rows {
            self.agrees(row, &self.model.now);
        }
        let credits = self
            .app
            .get(&format!("/credits/{TENANT}"))
            .await
            .expect(200)
            .json();
        let grants = credits["grants"].as_array().expect("grants");
        assert_eq!(grants.len(), self.model.grants.len());
        for row in grants {
            let (taken, held) = self
                .model
                .drawn(&format!("grant:{}", row["id"].as_str().expect("an id")));
            assert_eq!(
                (figure(&row["used"]), figure(&row["held"])),
                (taken - held, held),
                "{row}"
            );
        }
        let source = self.model.allowance_at(&self.model.now);
        let (taken, held) = self.model.drawn(&source);
        if self.model.allowance.is_some() && !self.model.cancelled {
            let allowance = &credits["allowance"];
            assert_eq!(
                (figure(&allowance["used"]), figure(&allowance["held"])),
                (taken - held, held),
                "{credits}"
            );
        }
        let uncovered = self.model.drawn("uncovered").0;
        match &credits["uncovered"] {
            // There never was any credit.
            Value::Null => assert_eq!(uncovered, 0, "{credits}"),
            told => assert_eq!(figure(told), uncovered, "{credits}"),
        }
        self.seen.uncovered += u64::from(uncovered > 0);
        self.seen.drawn +=
            u64::from(grants.iter().any(|row| figure(&row["used"]) > 0) || taken > 0);
        told(&self.app, &*self.memory, TENANT).await;
        self.agree_on_alerts();
        self.agree_on_totals().await;
        let ledger = Ledger::balanced(&*self.memory, TENANT).await;
        let voids = ledger
            .events
            .values()
            .filter(|booked| booked.stored.voids.is_some())
            .count();
        assert_eq!(
            ledger.len() - voids,
            self.model.facts.len(),
            "what was acknowledged is stored, and nothing else"
        );
    }
}
