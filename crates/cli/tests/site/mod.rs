//! A server with its client, in a folder of its own.

use crate::run::{Place, Ran};
use crate::server::Server;
use serde_json::{Value, json};

/// Where the file of entitlements is.
pub(crate) const ARTIFACT: &str = "var/reports/usage-entitlements.json";

/// A server, and a folder in which commands ask it.
pub(crate) struct Site {
    pub(crate) server: Server,
    pub(crate) place: Place,
    client: reqwest::Client,
}

impl Site {
    /// A fresh one.
    pub(crate) fn start() -> Self {
        let client = reqwest::Client::builder()
            .no_proxy()
            .build()
            .expect("a client");
        Self {
            server: Server::start(["--memory"]),
            place: Place::new(),
            client,
        }
    }

    /// Runs `tollgate` with these words on the server.
    pub(crate) fn run(&self, words: &[&[&str]]) -> Ran {
        let connection = ["--url", &self.server.address, "--key", &self.server.key];
        self.place.run(&[&words.concat()[..], &connection].concat())
    }

    /// What a command prints as JSON.
    pub(crate) fn told(&self, words: &[&[&str]]) -> Value {
        let printed = self.run(&[&words.concat()[..], &["--json"]]).well();
        serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"))
    }

    /// What the server answers to a request that goes well.
    pub(crate) async fn ask(&self, method: &str, path: &str, body: Value) -> Value {
        let request = self.client.request(
            method.parse().expect("a method"),
            format!("{}{path}", self.server.address),
        );
        let request = request.header("authorization", format!("Bearer {}", self.server.key));
        let request = request
            .header("x-constitutional-hash", "cdd01ef066bc6cf2")
            .body(body.to_string());
        let reply = request.send().await.expect("an answer");
        let (status, text) = (reply.status(), reply.text().await.expect("text"));
        assert!(status.is_success(), "{method} {path}: {status} {text}");
        serde_json::from_str(&text).expect("JSON")
    }

    /// Writes a file of entitlements: for each plan its messages' limits.
    pub(crate) fn entitle(&self, enabled: bool, plans: &[(&str, u64, u64)]) {
        let plan = |(code, soft, hard): &(&str, u64, u64)| {
            json!({"plan_code": code, "features": [{"feature_key": "messages", "display_name": "Messages", "unit": "requests",
                "is_metered": true, "soft_limit": soft, "hard_limit": hard}]})
        };
        let plans: Vec<Value> = plans.iter().map(plan).collect();
        let artifact = json!({"generated_at": "2026-11-22T10:00:00+00:00", "enabled": enabled, "plans": plans});
        let path = self.place.path(ARTIFACT);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, artifact.to_string()).expect("a file");
    }

    /// A tenant that used so many messages, and tokens of each.
    pub(crate) async fn uses(
        &self,
        tenant: &str,
        subscription: Value,
        messages: usize,
        tokens_in: u64,
    ) {
        self.ask(
            "PUT",
            &format!("/tenants/{tenant}"),
            json!({"slug": format!("the-{tenant}"), "name": "=1+1"}),
        )
        .await;
        self.ask(
            "PUT",
            &format!("/tenants/{tenant}/subscription"),
            subscription,
        )
        .await;
        let event = |n: usize| json!({"id": format!("e{n}"), "tenant_id": tenant, "operation": "agent_message", "tokens_in": tokens_in});
        let events: Vec<Value> = (0..messages).map(event).collect();
        if !events.is_empty() {
            self.ask(
                "POST",
                "/events/batch?mode=observe",
                json!({"events": events}),
            )
            .await;
        }
    }
}
