//! `tollgate plans`, `usage sync-entitlements` and `usage export-report`
//! against the real service.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it needs"
)]

mod run;
mod server;

use run::{Place, Ran};
use serde_json::{Value, json};
use server::Server;
use std::process::Stdio;

const ARTIFACT: &str = "var/reports/usage-entitlements.json";
const SYNC: [&str; 2] = ["usage", "sync-entitlements"];
const REPORT: [&str; 2] = ["usage", "export-report"];

/// A server, and a folder in which commands ask it.
struct Site {
    server: Server,
    place: Place,
    client: reqwest::Client,
}

impl Site {
    fn start() -> Self {
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

    fn run(&self, words: &[&[&str]]) -> Ran {
        let connection = ["--url", &self.server.address, "--key", &self.server.key];
        self.place.run(&[&words.concat()[..], &connection].concat())
    }

    /// What a command prints as JSON.
    fn told(&self, words: &[&[&str]]) -> Value {
        let printed = self.run(&[&words.concat()[..], &["--json"]]).well();
        serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"))
    }

    async fn ask(&self, method: &str, path: &str, body: Value) -> Value {
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
    fn entitle(&self, enabled: bool, plans: &[(&str, u64, u64)]) {
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
    async fn uses(&self, tenant: &str, subscription: Value, messages: usize, tokens_in: u64) {
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

fn counts(told: &Value, plan: usize) -> Value {
    let plan = &told["plans"][plan];
    json!([
        plan["inserted"],
        plan["updated"],
        plan["unchanged"],
        plan["pruned"]
    ])
}

#[test]
fn a_plan_is_put_shown_and_listed() {
    let site = Site::start();
    let plan = json!({"name": "Pro", "currency": "EUR", "features": [{"feature_key": "messages", "hard_limit": 1500}]});
    std::fs::write(site.place.path("pro.json"), plan.to_string()).expect("a file");
    assert!(
        site.run(&[&["plans", "put", "pro.json"]])
            .refusal()
            .starts_with("error: the file names no plan")
    );
    let put = site.told(&[&["plans", "put", "pro.json", "--code", "pro"]]);
    assert_eq!(
        (&put["version"], &site.told(&[&["plans", "show", "pro"]])),
        (&json!(1), &put)
    );
    // What `show` prints can be put again.
    std::fs::write(site.place.path("again.json"), put.to_string()).expect("a file");
    assert_eq!(site.told(&[&["plans", "put", "again.json"]])["version"], 2);
    let other = site
        .run(&[&["plans", "put", "again.json", "--code", "basic"]])
        .refusal();
    assert_eq!(other, "error: the file has the plan `pro`, not `basic`\n");
    assert_eq!(site.told(&[&["plans", "list"]])["data"][0]["code"], "pro");
    let listed = site.run(&[&["plans", "list"]]).well();
    assert!(listed.contains("pro") && listed.contains("EUR"), "{listed}");
    assert!(
        site.run(&[&["plans", "show", "pro"]])
            .well()
            .contains("1,500")
    );
    assert_eq!(
        site.run(&[&["plans", "show", "none"]]).refusal(),
        "error: there is no plan `none`\n"
    );
    assert_eq!(
        site.place
            .run(&["plans", "presets"])
            .well()
            .lines()
            .filter(|line| line.contains("output_tokens"))
            .count(),
        2
    );
}

#[tokio::test]
async fn what_setup_writes_becomes_the_plans_of_a_server() {
    let site = Site::start();
    let words = [
        "--set",
        "ENABLE_USAGE_GUARDRAILS=true",
        "--set",
        "USAGE_GUARDRAIL_SOFT_LIMIT_MODE=block",
        "--set",
        "USAGE_PLAN_CURRENCY=EUR",
    ];
    site.place
        .run(&[&["setup", "--headless"], &words[..]].concat())
        .well();
    assert_eq!(
        site.run(&[&SYNC]).refusal(),
        "error: plans unknown: `starter`, `pro`; --create makes what is missing\n"
    );
    let dry = site.told(&[&SYNC, &["--create", "--dry-run"]]);
    assert_eq!(
        (
            counts(&dry, 0),
            &dry["plans"][0]["created"],
            &dry["dry_run"]
        ),
        (json!([6, 0, 0, 0]), &json!(true), &json!(true))
    );
    assert_eq!(
        site.told(&[&["plans", "list"]])["count"],
        0,
        "a dry run does nothing"
    );
    let made = site.told(&[&SYNC, &["--create"]]);
    assert_eq!(
        (counts(&made, 0), counts(&made, 1)),
        (json!([6, 0, 0, 0]), json!([6, 0, 0, 0]))
    );
    let starter = site.ask("GET", "/plans/starter", Value::Null).await;
    assert_eq!(
        (&starter["name"], &starter["currency"], &starter["version"]),
        (&json!("Starter"), &json!("EUR"), &json!(1))
    );
    let messages = &starter["features"][0];
    assert_eq!(
        json!([
            messages["measure"],
            messages["soft_limit"],
            messages["hard_limit"],
            messages["soft_mode"]
        ]),
        json!(["events", 150, 200, "block"])
    );
    assert_eq!(
        (
            &starter["features"][3]["is_metered"],
            &starter["features"][3]["hard_limit"]
        ),
        (&json!(false), &json!(536_870_912))
    );
    let again = site.told(&[&SYNC]);
    assert_eq!(
        (counts(&again, 0), &again["plans"][0]["version"]),
        (json!([0, 0, 6, 0]), &json!(1)),
        "nothing to do, nothing put"
    );
}

#[tokio::test]
async fn plans_are_changed_as_the_file_says_and_no_further() {
    let site = Site::start();
    let own = json!({"name": "Mine", "currency": "USD", "allowance": "9", "features": [
        {"feature_key": "messages", "soft_limit": 80, "hard_limit": 120, "window": "day"},
        {"feature_key": "seats", "hard_limit": 3, "is_metered": false}]});
    site.ask("PUT", "/plans/starter", own).await;
    site.entitle(true, &[("starter", 80, 130), ("pro", 1, 2)]);
    let told = site.told(&[&SYNC, &["--plan", "starter"]]);
    assert_eq!(
        (told["plans"].as_array().map(Vec::len), counts(&told, 0)),
        (Some(1), json!([0, 1, 1, 0]))
    );
    let plan = site.ask("GET", "/plans/starter", Value::Null).await;
    assert_eq!(
        json!([
            plan["name"],
            plan["allowance"],
            plan["features"][0]["hard_limit"],
            plan["features"][0]["window"]
        ]),
        json!(["Mine", "9", 130, "day"])
    );
    let told = site.told(&[&SYNC, &["--plan", "starter", "--prune-missing"]]);
    assert_eq!(
        (counts(&told, 0), &told["plans"][0]["features"][1]),
        (
            json!([0, 0, 1, 1]),
            &json!({"feature_key": "seats", "change": "pruned"})
        )
    );
    let shown = site.run(&[&SYNC, &["--create", "--dry-run"]]).well();
    assert!(
        shown.contains("pro (new)") && shown.ends_with("dry run: nothing was changed\n"),
        "{shown}"
    );
}

#[tokio::test]
async fn files_brought_in_at_once_lose_nothing_of_each_other() {
    let site = Site::start();
    site.ask(
        "PUT",
        "/plans/starter",
        json!({"name": "Starter", "currency": "USD", "features": []}),
    )
    .await;
    let keys = ["a", "b", "c", "d"];
    let begun = keys.map(|key| {
        let path = site.place.path(&format!("{key}.json"));
        let plans =
            json!([{"plan_code": "starter", "features": [{"feature_key": key, "hard_limit": 1}]}]);
        let artifact =
            json!({"generated_at": "2026-11-22T10:00:00Z", "enabled": true, "plans": plans});
        std::fs::write(&path, artifact.to_string()).expect("a file");
        let mut command = site.place.command();
        command
            .args(SYNC)
            .args([
                "--url",
                &site.server.address,
                "--key",
                &site.server.key,
                "--path",
            ])
            .arg(path)
            .stdout(Stdio::null());
        command.spawn().expect("a run")
    });
    for mut run in begun {
        assert!(run.wait().expect("an end").success());
    }
    let plan = site.ask("GET", "/plans/starter", Value::Null).await;
    let mut found: Vec<&str> = plan["features"]
        .as_array()
        .expect("features")
        .iter()
        .filter_map(|of| of["feature_key"].as_str())
        .collect();
    found.sort_unstable();
    assert_eq!((found, &plan["version"]), (keys.to_vec(), &json!(5)));
}

#[test]
fn a_file_that_is_off_or_matches_nothing_changes_nothing() {
    let site = Site::start();
    let refusal = |words: &[&str]| site.run(&[&SYNC, words]).refusal();
    assert!(refusal(&[]).starts_with(&format!(
        "error: failed to read the entitlements `{ARTIFACT}`: "
    )));
    site.entitle(false, &[("starter", 1, 2)]);
    // G19.
    let off = format!(
        "error: `{ARTIFACT}` says that guardrails are off: --allow-disabled-artifact takes it all the same\n"
    );
    assert_eq!(refusal(&["--create"]), off);
    assert_eq!(
        refusal(&["--allow-disabled-artifact", "--plan", "pro"]),
        format!("error: `{ARTIFACT}` has no plan `pro`\n")
    );
    assert_eq!(
        refusal(&["--allow-disabled-artifact"]),
        "error: plan unknown: `starter`; --create makes what is missing\n"
    );
    let told = site.told(&[&SYNC, &["--allow-disabled-artifact", "--create"]]);
    assert_eq!(
        (&told["enabled"], counts(&told, 0)),
        (&json!(false), json!([1, 0, 0, 0]))
    );
    site.entitle(true, &[]);
    assert_eq!(refusal(&[]), format!("error: `{ARTIFACT}` has no plan\n"));
    site.entitle(true, &[("starter", 3, 2)]);
    assert!(refusal(&[]).contains("the soft limit 3 of `messages` is above the hard limit 2"));
}

#[tokio::test]
async fn a_report_tells_what_is_used_and_left() {
    let site = Site::start();
    let features = json!([
        {"feature_key": "messages", "display_name": "Messages", "unit": "requests", "soft_limit": 60, "hard_limit": 100},
        {"feature_key": "input_tokens", "unit": "tokens", "soft_limit": 1000, "hard_limit": 2000},
        {"feature_key": "spend", "hard_limit": "10", "window": "day"},
        {"feature_key": "seats", "is_metered": false, "hard_limit": 3}]);
    site.ask(
        "PUT",
        "/plans/starter",
        json!({"name": "Starter", "currency": "USD", "features": features}),
    )
    .await;
    site.ask(
        "PUT",
        "/plans/bare",
        json!({"name": "Bare", "currency": "USD", "features": [{"feature_key": "messages"}]}),
    )
    .await;
    let own = json!({"plan": "starter", "overrides": [{"feature_key": "input_tokens", "hard_limit": 550}]});
    site.uses("zeta", json!({"plan": "starter"}), 55, 20).await;
    site.uses("acme", own, 2, 150).await;
    site.uses("gone", json!({"plan": "bare", "status": "cancelled"}), 3, 7)
        .await;
    site.ask("PUT", "/tenants/none", json!({})).await;
    let told = site.told(&[&REPORT, &["--warn-threshold", "0.5"]]);
    assert_eq!(
        json!([
            told["tenant_count"],
            told["feature_count"],
            told["warning_count"],
            told["json"],
            told["csv"]
        ]),
        json!([
            2,
            6,
            3,
            "var/reports/usage-dashboard.json",
            "var/reports/usage-dashboard.csv"
        ])
    );
    let report: Value =
        serde_json::from_str(&site.place.text("var/reports/usage-dashboard.json")).expect("JSON");
    assert_eq!(
        json!([
            report["tenants"][0]["tenant_slug"],
            report["tenants"][1]["tenant_slug"]
        ]),
        json!(["the-acme", "the-zeta"])
    );
    let row = |tenant: usize, feature: usize| {
        let row = &report["tenants"][tenant]["features"][feature];
        let names = [
            "feature_key",
            "quantity",
            "soft_limit",
            "hard_limit",
            "remaining_to_soft_limit",
            "remaining_to_hard_limit",
        ];
        let names =
            names
                .iter()
                .chain(&["percent_of_soft_limit", "percent_of_hard_limit", "status"]);
        Value::from(names.map(|name| row[*name].clone()).collect::<Vec<_>>())
    };
    // G13 and G14, an override, money.
    assert_eq!(
        row(1, 1),
        json!(["messages", 55, 60, 100, 5, 45, 91.67, 55.0, "approaching"])
    );
    assert_eq!(
        row(1, 0),
        json!([
            "input_tokens",
            1100,
            1000,
            2000,
            0,
            900,
            110.0,
            55.0,
            "soft_limit_exceeded"
        ])
    );
    assert_eq!(
        row(0, 0),
        json!([
            "input_tokens",
            300,
            null,
            550,
            null,
            250,
            null,
            54.55,
            "approaching"
        ])
    );
    assert_eq!(
        row(1, 2),
        json!([
            "spend", "0.0275", null, "10", null, "9.9725", null, 0.28, "ok"
        ])
    );
    let csv = site.place.text("var/reports/usage-dashboard.csv");
    let mut lines = csv::Reader::from_reader(csv.as_bytes());
    assert_eq!(
        (
            lines.headers().expect("a header").len(),
            lines.records().filter(Result::is_ok).count()
        ),
        (22, 6)
    );
    assert!(csv.contains(",'=1+1,starter,"), "{csv}");
    let shown = site
        .run(&[
            &REPORT,
            &[
                "--plan",
                "starter",
                "--feature",
                "messages",
                "--tenant",
                "the-zeta",
                "--no-csv",
            ],
        ])
        .well();
    for part in [
        "the-zeta",
        "messages",
        "55.00",
        "█████░░░░░",
        "1 tenant, 1 feature, 1 warning",
        "json: var/reports/usage-dashboard.json",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}

#[tokio::test]
async fn a_report_of_a_period_counts_what_happened_in_it_and_what_no_plan_meters() {
    let site = Site::start();
    site.ask("PUT", "/plans/bare", json!({"name": "Bare", "currency": "USD", "features": [{"feature_key": "messages", "hard_limit": 4}]}))
        .await;
    site.uses("gone", json!({"plan": "bare", "status": "cancelled"}), 3, 7)
        .await;
    let report = |words: &[&str]| {
        site.run(&[
            &REPORT,
            &["--include-inactive", "--no-csv", "--output-json", "-"],
            words,
        ])
        .well()
    };
    let features = |words: &[&str]| {
        let report: Value = serde_json::from_str(&report(words)).expect("JSON");
        let tenant = &report["tenants"][0];
        assert_eq!(tenant["subscription_status"], "cancelled");
        let features = tenant["features"].as_array().expect("features").clone();
        Value::from(
            features
                .iter()
                .map(|of| json!([of["feature_key"], of["quantity"], of["hard_limit"]]))
                .collect::<Vec<_>>(),
        )
    };
    assert_eq!(
        features(&[]),
        json!([["input_tokens", 21, null], ["messages", 3, 4]])
    );
    assert_eq!(
        features(&["--period-start", "2020-01-01"]),
        json!([["input_tokens", 21, null], ["messages", 3, 4]])
    );
    assert_eq!(
        features(&["--period-start", "2020-01-01", "--period-end", "2020-02-01"]),
        json!([["messages", 0, 4]])
    );
    let applied: Value = serde_json::from_str(&report(&[
        "--period-start",
        "2020-01-01",
        "--period-end",
        "2020-02-01",
    ]))
    .expect("JSON");
    assert_eq!(
        json!([
            applied["applied_period_start"],
            applied["applied_period_end"]
        ]),
        json!(["2020-01-01T00:00:00Z", "2020-02-01T00:00:00Z"])
    );
}

#[tokio::test]
async fn a_report_that_cannot_be_meant_is_refused_and_writes_nothing() {
    let site = Site::start();
    let refusal = |words: &[&str]| site.run(&[&REPORT, words]).refusal();
    assert_eq!(refusal(&[]), "error: no subscription matches\n");
    site.ask(
        "PUT",
        "/plans/bare",
        json!({"name": "Bare", "currency": "USD", "features": []}),
    )
    .await;
    site.ask(
        "PUT",
        "/tenants/acme/subscription",
        json!({"plan": "bare", "status": "past_due"}),
    )
    .await;
    for words in [
        &[][..],
        &["--include-inactive", "--plan", "pro"],
        &["--include-inactive", "--tenant", "ac"],
    ] {
        assert_eq!(
            refusal(words),
            "error: no subscription matches\n",
            "{words:?}"
        );
    }
    // G20.
    for share in ["0", "1.2", "-1", "many"] {
        assert!(
            refusal(&[&format!("--warn-threshold={share}")])
                .contains("must be above 0 and at most 1"),
            "{share}"
        );
    }
    assert!(
        refusal(&["--output-json", "-", "--output-csv", "-"])
            .starts_with("error: JSON and CSV cannot both go to stdout")
    );
    assert_eq!(
        refusal(&["--no-json", "--no-csv"]),
        "error: --no-json and --no-csv leave nothing to write\n"
    );
    assert_eq!(
        refusal(&["--period-start", "2026-02-01", "--period-end", "2026-01-01"]),
        "error: --period-start is after --period-end\n"
    );
    assert!(
        refusal(&["--period-start", "2026-02-01T00:00:00"]).starts_with("error: invalid value")
    );
    assert!(site.place.is_empty());
    assert_eq!(
        site.told(&[
            &REPORT,
            &["--include-inactive", "--tenant", "acme", "--tenant", "acme"]
        ])["tenant_count"],
        1
    );
}
