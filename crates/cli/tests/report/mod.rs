//! `tollgate usage export-report` against the real service.

use crate::site::Site;
use serde_json::{Value, json};

const REPORT: [&str; 2] = ["usage", "export-report"];

/// A server whose tenants used some of what their plans allow.
async fn used() -> Site {
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
    site
}

/// Claims what is used and left of each feature.
fn tells_figures(report: &Value) {
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
}

/// Claims that the same is in the CSV file.
fn tells_csv(site: &Site) {
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
}

/// Claims what a report of one feature shows on the terminal.
fn tells_table(site: &Site) {
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
async fn a_report_tells_what_is_used_and_left() {
    let site = used().await;
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
    tells_figures(&report);
    tells_csv(&site);
    tells_table(&site);
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
        "error: --period-start is not before --period-end\n"
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
