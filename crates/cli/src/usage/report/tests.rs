//! A report, from data.

use super::model::Window;
use super::*;
use serde_json::{Value, json};
use tollgate_core::{Amount, Status};

fn feature(key: &str, used: u64, soft: Option<u64>, hard: Option<u64>) -> FeatureUse {
    let whole = |number: u64| Amount::whole(number).unwrap();
    FeatureUse {
        key: key.to_string(),
        display_name: format!("={key}"),
        unit: "requests".to_string(),
        is_money: key == "spend",
        quantity: whole(used),
        soft: soft.map(whole),
        hard: hard.map(whole),
        window: Window {
            start: "2026-11-22T00:00:00Z".parse().ok(),
            end: None,
        },
    }
}

fn report(features: Vec<FeatureUse>) -> Report {
    let tenant = TenantUse {
        tenant_id: Name::new("acme").unwrap(),
        slug: None,
        name: Some("-Acme".to_string()),
        plan_code: Name::new("starter").unwrap(),
        plan_name: Some("Starter".to_string()),
        subscription_status: Status::Active,
        window: Window {
            start: "2026-11-01T00:00:00Z".parse().ok(),
            end: "2026-12-01T00:00:00Z".parse().ok(),
        },
        features,
    };
    let generated_at = "2026-11-22T10:00:00Z".to_string();
    Report {
        generated_at,
        filters: Filters::default(),
        threshold: Threshold::parse("0.5").unwrap(),
        tenants: vec![tenant],
    }
}

#[test]
fn a_line_has_22_cells_and_no_text_that_a_spreadsheet_calculates() {
    let report = report(vec![
        feature("messages", 55, Some(60), Some(100)),
        feature("spend", 2, None, Some(0)),
    ]);
    let expected = "tenant_id,tenant_slug,tenant_name,plan_code,plan_name,subscription_status,feature_key,feature_display_name,unit,quantity,\
        soft_limit,hard_limit,remaining_to_soft_limit,remaining_to_hard_limit,percent_of_soft_limit,percent_of_hard_limit,status,approaching,\
        window_start,window_end,usage_window_start,usage_window_end\r\n\
        acme,,'-Acme,starter,Starter,active,messages,'=messages,requests,55,60,100,5,45,91.67,55.0,approaching,true,\
        2026-11-01T00:00:00Z,2026-12-01T00:00:00Z,2026-11-22T00:00:00Z,\r\n\
        acme,,'-Acme,starter,Starter,active,spend,'=spend,requests,2,,0,,0,,,hard_limit_exceeded,true,\
        2026-11-01T00:00:00Z,2026-12-01T00:00:00Z,2026-11-22T00:00:00Z,\r\n";
    assert_eq!(csv(&report), expected);
}

#[test]
fn a_figure_below_zero_stays_one() {
    let mut refund = feature("spend", 0, None, None);
    refund.quantity = "-0.5".parse().unwrap();
    assert!(csv(&report(vec![refund])).contains(",-0.5,,,"));
}

#[test]
fn the_json_has_the_filters_the_counts_and_every_figure() {
    let mut report = report(vec![
        feature("messages", 55, Some(60), Some(100)),
        feature("spend", 2, None, Some(10)),
    ]);
    report.filters = Filters {
        tenants: once_each(&["acme".into(), " acme".into(), String::new()]),
        ..Filters::default()
    };
    let shown = serde_json::to_value(report.written()).unwrap();
    let top = [
        "generated_at",
        "applied_period_start",
        "applied_period_end",
        "tenant_filters",
        "warn_threshold",
        "tenant_count",
        "feature_count",
        "warning_count",
    ];
    let top: Vec<&Value> = top.iter().map(|name| &shown[*name]).collect();
    let expected = json!([
        "2026-11-22T10:00:00Z",
        "2026-11-01T00:00:00Z",
        "2026-12-01T00:00:00Z",
        ["acme"],
        0.5,
        1,
        2,
        1
    ]);
    assert_eq!(json!(top), expected);
    let messages = json!({"feature_key": "messages", "display_name": "=messages",
        "unit": "requests", "quantity": 55, "soft_limit": 60, "hard_limit": 100,
        "remaining_to_soft_limit": 5, "remaining_to_hard_limit": 45,
        "percent_of_soft_limit": 91.67, "percent_of_hard_limit": 55.0,
        "status": "approaching", "approaching": true,
        "usage_window_start": "2026-11-22T00:00:00Z",
        "usage_window_end": null});
    assert_eq!(shown["tenants"][0]["features"][0], messages);
    let spend = &shown["tenants"][0]["features"][1];
    assert_eq!(
        (&spend["quantity"], &spend["hard_limit"]),
        (&json!("2"), &json!("10")),
        "money is text"
    );
}

#[test]
fn every_feature_that_is_not_well_is_a_warning() {
    // G21.
    let [ok, near, over] = [
        feature("a", 1, None, Some(100)),
        feature("b", 60, None, Some(100)),
        feature("c", 100, None, Some(100)),
    ];
    assert_eq!(report(vec![near.clone(), ok.clone()]).warnings().count(), 1);
    assert_eq!(report(vec![near, ok, over]).warnings().count(), 2);
}

#[test]
fn the_table_says_what_is_over() {
    let shown = show::table(&report(vec![
        feature("messages", 1234, Some(1000), Some(2000)),
        feature("tokens", 5, None, None),
    ]));
    for part in [
        "acme",
        "1,234",
        "61.70",
        "██████░░░░",
        "over soft limit",
        "1 tenant, 2 features, 1 warning",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}

#[test]
fn of_very_many_features_those_with_a_warning_are_shown() {
    let mut many: Vec<FeatureUse> = (0..200)
        .map(|n| feature(&format!("f{n}"), n, None, Some(1000)))
        .collect();
    many.push(feature("over", 9, None, Some(9)));
    let shown = show::table(&report(many));
    assert!(
        shown.contains(" over ")
            && !shown.contains(" f199 ")
            && shown.contains("1 of them are shown"),
        "{shown}"
    );
    let all: Vec<FeatureUse> = (0..200)
        .map(|n| feature(&format!("f{n}"), 9, None, Some(9)))
        .collect();
    assert_eq!(
        show::table(&report(all)).matches("over hard limit").count(),
        60
    );
}

#[test]
fn a_period_is_times_or_dates_but_never_naive() {
    assert_eq!(
        instant("2026-11-01").unwrap().to_string(),
        "2026-11-01T00:00:00Z"
    );
    assert_eq!(
        instant("2026-11-01T02:00:00+02:00").unwrap().to_string(),
        "2026-11-01T00:00:00Z"
    );
    assert!(instant("2026-11-01T00:00:00").is_err() && instant("november").is_err());
}
