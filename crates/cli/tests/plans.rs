//! `tollgate plans`, `usage sync-entitlements` and `usage export-report`
//! against the real service.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it needs"
)]

mod report;
mod run;
mod server;
mod site;

use serde_json::{Value, json};
use site::{ARTIFACT, Site};
use std::process::Stdio;

const SYNC: [&str; 2] = ["usage", "sync-entitlements"];

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
